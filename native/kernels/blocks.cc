#define TENON_SIZED_VECTORS
#include "kernels/blocks.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/blocks.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

constexpr int kLanes = static_cast<int>(hn::MaxLanes(Floats()));

template <class Encoding>
void numbers_of(int64_t n, const uint8_t* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  const Floats d;
  for (int64_t block = 0; block < n; block++) {
    Encoding::walk(x, [y, d](int at, int count, float scale, float min, const auto& q) {
      const auto factor = hn::Set(d, scale), less = hn::Set(d, min);
      for (int i = 0; i < count; i += kLanes) {
        const auto integers = hn::ConvertTo(d, q(i));
        const auto value =
            Encoding::kHasMin ? hn::MulSub(factor, integers, less) : hn::Mul(factor, integers);
        hn::StoreU(value, d, y + at + i);
      }
    });
    x += Encoding::kEncoding.bytes, y += Encoding::kEncoding.elements;
  }
}

// Sums of products with kRows rows of x, K apart.
template <class Encoding, int kRows>
struct Sums {
  hn::Vec<Floats> products[kRows];
  float mins[kRows] = {};

  HWY_INLINE Sums() {
    for (auto& sum : products) sum = hn::Zero(Floats());
  }
  HWY_INLINE void add(const uint8_t* w, const float* x, const float* x_sums, int64_t K) {
    const Floats d;
    Encoding::walk(w, [=, this](int at, int count, float scale, float min, const auto& q) {
      hn::Vec<Floats> group[kRows];
      for (auto& sum : group) sum = hn::Zero(d);
      for (int i = 0; i < count; i += kLanes) {
        const auto numbers = hn::ConvertTo(d, q(i));
        for (int m = 0; m < kRows; m++) {
          const auto values = hn::LoadU(d, x + m * K + at + i);
          group[m] = hn::MulAdd(numbers, values, group[m]);
        }
      }
      for (int m = 0; m < kRows; m++) {
        products[m] = hn::MulAdd(hn::Set(d, scale), group[m], products[m]);
        if constexpr (Encoding::kHasMin) mins[m] += min * x_sums[(m * K + at) / kMinGroup];
      }
    });
  }
};

// One row of w with kRows rows of x. Two sums a row, so that one addition need not wait for the
// other.
template <class Encoding, int kRows>
void row_product(int64_t blocks, const float* HWY_RESTRICT x, const float* HWY_RESTRICT x_sums,
                 const uint8_t* HWY_RESTRICT w, float* HWY_RESTRICT y, int64_t ldy) {
  constexpr BlockEncoding kEncoding = Encoding::kEncoding;
  constexpr int64_t kGroups = kEncoding.elements / kMinGroup;
  const int64_t K = blocks * kEncoding.elements;
  Sums<Encoding, kRows> even, odd;
  int64_t block = 0;
  for (; block + 1 < blocks; block += 2) {
    even.add(w, x, x_sums, K);
    odd.add(w + kEncoding.bytes, x + kEncoding.elements, x_sums + kGroups, K);
    w += 2 * kEncoding.bytes, x += 2 * kEncoding.elements, x_sums += 2 * kGroups;
  }
  if (block < blocks) even.add(w, x, x_sums, K);
  for (int m = 0; m < kRows; m++) {
    const auto sum = hn::SumOfLanes(Floats(), hn::Add(even.products[m], odd.products[m]));
    y[m * ldy] = hn::GetLane(sum) - (even.mins[m] + odd.mins[m]);
  }
}

template <class Encoding>
void product(int64_t M, int64_t N, int64_t blocks, const float* x, const float* sums,
             const uint8_t* w, float* y, int64_t ldy) {
  constexpr BlockEncoding kEncoding = Encoding::kEncoding;
  const int64_t K = blocks * kEncoding.elements, groups = K / kMinGroup;
  for (int64_t n = 0; n < N; n++, w += blocks * kEncoding.bytes) {
    int64_t m = 0;
    const auto rows = [&](const auto& some) {
      some(blocks, x + m * K, sums + m * groups, w, y + m * ldy + n, ldy);
    };
    for (; m + 4 <= M; m += 4) rows(row_product<Encoding, 4>);
    for (; m + 2 <= M; m += 2) rows(row_product<Encoding, 2>);
    if (m < M) rows(row_product<Encoding, 1>);
  }
}

void numbers(BlockEncoding encoding, int64_t n, const uint8_t* x, float* y) {
  if (encoding.bytes == kQ8_0.bytes) return numbers_of<Q8_0>(n, x, y);
  if (encoding.bytes == kQ4_0.bytes) return numbers_of<Q4_0>(n, x, y);
  if (encoding.bytes == kQ4_K.bytes) return numbers_of<Q4_K>(n, x, y);
  numbers_of<Q6_K>(n, x, y);
}

void products(BlockEncoding encoding, int64_t M, int64_t N, int64_t blocks, const float* x,
              const float* sums, const uint8_t* w, float* y, int64_t ldy) {
  if (encoding.bytes == kQ8_0.bytes) return product<Q8_0>(M, N, blocks, x, sums, w, y, ldy);
  if (encoding.bytes == kQ4_0.bytes) return product<Q4_0>(M, N, blocks, x, sums, w, y, ldy);
  if (encoding.bytes == kQ4_K.bytes) return product<Q4_K>(M, N, blocks, x, sums, w, y, ldy);
  product<Q6_K>(M, N, blocks, x, sums, w, y, ldy);
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {

HWY_EXPORT(numbers);
HWY_EXPORT(products);

bool is_known(BlockEncoding encoding) {
  for (const BlockEncoding known : {kQ8_0, kQ4_0, kQ4_K, kQ6_K}) {
    if (encoding.elements == known.elements && encoding.bytes == known.bytes) return true;
  }
  return false;
}

void dequantize(BlockEncoding encoding, int64_t n, const uint8_t* x, float* y) {
  HWY_DYNAMIC_DISPATCH(numbers)(encoding, n, x, y);
}

void sum_groups(int64_t groups, const float* x, float* sums) {
  for (int64_t i = 0; i < groups; i++) {
    double sum = 0;
    for (int64_t j = 0; j < kMinGroup; j++) sum += static_cast<double>(x[i * kMinGroup + j]);
    sums[i] = static_cast<float>(sum);
  }
}

void multiply_blocks(BlockEncoding encoding, int64_t M, int64_t N, int64_t blocks, const float* x,
                     const float* sums, const uint8_t* w, float* y, int64_t ldy) {
  HWY_DYNAMIC_DISPATCH(products)(encoding, M, N, blocks, x, sums, w, y, ldy);
}

}  // namespace tenon
#endif
