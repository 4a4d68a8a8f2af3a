// Generators of map programs. An element is a function of (seed, stream, counter, position) and of
// nothing else. With the Philox words w0..w3 of its position, u = w0 2^32 + w1 and v = w2 2^32 +
// w3:
//   randomUniform: the top 53 bits of u (f32: the top 24) as a fraction, in [0, 1)
//   randomNormal: Box and Muller, sqrt(-2 log(U)) cos(2 pi V), U in (0, 1] from u, V in [0, 1) from
//   v
#include "kernels/random.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random.cc"
#include "hwy/foreach_target.h"

#include "kernels/map_loops-inl.h"
#include "kernels/vector_math-inl.h"

#include <algorithm>
#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

using enum MapKind;

constexpr int64_t kBlock = 64;  // positions worked on at a time

struct Words {
  HWY_ALIGN uint32_t w[4][kBlock];
};

// The words of kBlock positions from first on.
void fill_words(PhiloxKey key, uint64_t counter, uint64_t first, Words& words) {
  auto& w = words.w;
  for (int64_t i = 0; i < kBlock; ++i) {
    const uint64_t position = first + static_cast<uint64_t>(i);
    w[0][i] = static_cast<uint32_t>(counter);
    w[1][i] = static_cast<uint32_t>(counter >> 32);
    w[2][i] = static_cast<uint32_t>(position);
    w[3][i] = static_cast<uint32_t>(position >> 32);
  }
  for (int round = 0; round < 10; ++round) {
    for (int64_t i = 0; i < kBlock; ++i) {
      const uint64_t a = uint64_t{0xD2511F53u} * w[0][i];
      const uint64_t b = uint64_t{0xCD9E8D57u} * w[2][i];
      const uint32_t w1 = w[1][i], w3 = w[3][i];
      w[0][i] = static_cast<uint32_t>(b >> 32) ^ w1 ^ key.low;
      w[1][i] = static_cast<uint32_t>(b);
      w[2][i] = static_cast<uint32_t>(a >> 32) ^ w3 ^ key.high;
      w[3][i] = static_cast<uint32_t>(a);
    }
    key.low += 0x9E3779B9u;
    key.high += 0xBB67AE85u;
  }
}

HWY_INLINE uint64_t join(uint32_t high, uint32_t low) { return uint64_t{high} << 32 | low; }

struct Uniform {
  static void fill(const Words& words, double* y) {
    for (int64_t i = 0; i < kBlock; ++i) {
      // Signed, because more processors convert that: 53 bits fit.
      y[i] = static_cast<double>(static_cast<int64_t>(join(words.w[0][i], words.w[1][i]) >> 11)) *
             0x1p-53;
    }
  }
  static void fill(const Words& words, float* y) {
    for (int64_t i = 0; i < kBlock; ++i) {
      y[i] = static_cast<float>(static_cast<int32_t>(words.w[0][i] >> 8)) * 0x1p-24f;
    }
  }
};

struct Normal {
  static void fill(const Words& words, double* y) {
    constexpr double kTwoPi = 6.283185307179586477;
    for (int64_t i = 0; i < kBlock; ++i) {
      const uint64_t u = join(words.w[0][i], words.w[1][i]) >> 11;
      const uint64_t v = join(words.w[2][i], words.w[3][i]) >> 11;
      const double radius = std::sqrt(-2.0 * std::log((static_cast<double>(u) + 0.5) * 0x1p-53));
      y[i] = radius * std::cos(kTwoPi * 0x1p-53 * static_cast<double>(v));
    }
  }
  static void fill(const Words& words, float* y) {
    const hn::Rebind<float, hn::ScalableTag<double>> d;
    HWY_ALIGN float uniform[kBlock];
    HWY_ALIGN float angle[kBlock];
    for (int64_t i = 0; i < kBlock; ++i) {
      // All 32 bits: the smallest U decides how far the tail reaches. The largest rounds to 1.
      const double u = static_cast<double>(words.w[0][i]);
      uniform[i] = static_cast<float>((u + 0.5) * 0x1p-32);
      angle[i] = static_cast<float>(static_cast<int32_t>(words.w[2][i] >> 8)) * 3.7450704e-7f;
    }
    for (int64_t i = 0; i < kBlock; i += static_cast<int64_t>(hn::Lanes(d))) {
      const auto square = hn::Mul(hn::Set(d, -2.0f), log_positive(d, hn::Load(d, uniform + i)));
      const auto radius = hn::Sqrt(hn::Max(square, hn::Zero(d)));
      hn::Store(hn::Mul(radius, sin_shifted(d, hn::Load(d, angle + i), 1)), d, y + i);
    }
  }
};

// Whole blocks at multiples of kBlock, so that a cut anywhere gives the same numbers.
template <class F, class T>
void fill_random(PhiloxKey key, uint64_t counter, uint64_t first, int64_t n, T* y) {
  Words words;
  HWY_ALIGN T block[kBlock];
  for (int64_t done = 0; done < n;) {
    const uint64_t position = first + static_cast<uint64_t>(done);
    const int64_t skip = static_cast<int64_t>(position % kBlock);
    const int64_t count = std::min(kBlock - skip, n - done);
    fill_words(key, counter, position - static_cast<uint64_t>(skip), words);
    F::fill(words, block);
    std::copy_n(block + skip, count, y + done);
    done += count;
  }
}

template <class F, class T>
void random_loop(const MapCall& call) {
  const auto scalar = [](const std::byte* at) { return *reinterpret_cast<const double*>(at); };
  const PhiloxKey key = philox_key(scalar(call.a), scalar(call.b));
  fill_random<F>(key, random_word(scalar(call.c)), static_cast<uint64_t>(call.position), call.n,
                 reinterpret_cast<T*>(call.y));
}

void fill_uniform(PhiloxKey key, uint64_t counter, uint64_t first, int64_t n, float* y) {
  fill_random<Uniform>(key, counter, first, n, y);
}

template <class T>
void iota_loop(const MapCall& call) {
  T* y = reinterpret_cast<T*>(call.y);
  for (int64_t i = 0; i < call.n; ++i) y[i] = static_cast<T>(call.position + i);
}

void append_rows(MapRows& rows) {
  constexpr DType f64 = DType::f64, f32 = DType::f32;
  const MapRow table[] = {
      {"iota", 0, generate, 1, f64, iota_loop<double>},
      {"iota", 0, generate, 1, f32, iota_loop<float>},
      {"iota", 0, generate, 1, DType::i64, iota_loop<int64_t>},
      {"iota", 0, generate, 1, DType::i32, iota_loop<int32_t>},
      {"randomUniform", 3, generate, 16, f64, random_loop<Uniform, double>},
      {"randomUniform", 3, generate, 16, f32, random_loop<Uniform, float>},
      {"randomNormal", 3, generate, 32, f64, random_loop<Normal, double>},
      {"randomNormal", 3, generate, 32, f32, random_loop<Normal, float>},
  };
  rows.insert(rows.end(), std::begin(table), std::end(table));
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(append_rows);
HWY_EXPORT(fill_uniform);
void append_random_rows(MapRows& rows) { HWY_DYNAMIC_DISPATCH(append_rows)(rows); }

void random_uniform(PhiloxKey key, uint64_t counter, uint64_t first, int64_t n, float* y) {
  HWY_DYNAMIC_DISPATCH(fill_uniform)(key, counter, first, n, y);
}

uint64_t random_word(double x) {
  if (!(x == x)) return 0;
  return static_cast<uint64_t>(static_cast<int64_t>(std::clamp(x, -0x1p62, 0x1p62)));
}

PhiloxKey philox_key(double seed, double stream) {
  const uint64_t a = random_word(seed), b = random_word(stream);
  return {static_cast<uint32_t>(a) + static_cast<uint32_t>(b >> 32) * 0x9E3779B1u,
          static_cast<uint32_t>(b) + static_cast<uint32_t>(a >> 32) * 0x85EBCA77u};
}

std::array<uint32_t, 4> philox(PhiloxKey key, uint64_t counter, uint64_t position) {
  HWY_NAMESPACE::Words words;
  HWY_NAMESPACE::fill_words(key, counter, position, words);
  return {words.w[0][0], words.w[1][0], words.w[2][0], words.w[3][0]};
}

}  // namespace tenon
#endif
