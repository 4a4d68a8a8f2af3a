// What is in a block of each encoding: one walk over its groups of numbers, for those who make
// numbers of them and those who multiply with them.
#if defined(TENON_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TENON_BLOCKS_INL_H_
#undef TENON_BLOCKS_INL_H_
#else
#define TENON_BLOCKS_INL_H_
#endif

#include <cstring>

#include "hwy/highway.h"
#include "kernels/blocks.h"
#include "kernels/narrow.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;  // its lanes divide 16, the shortest group
using Integers = hn::Rebind<int32_t, Floats>;

// By the processor's own conversion, which gives the same numbers; a third of q8_0's time
// otherwise.
HWY_INLINE float half_at(const uint8_t* x) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  F16 half;
  std::memcpy(&half, x, sizeof(half));
  return widen(half);
#else
  const hn::CappedTag<float, 1> d;
  hwy::float16_t half;
  std::memcpy(&half, x, sizeof(half));
  return hn::GetLane(hn::PromoteTo(d, hn::LoadU(hn::Rebind<hwy::float16_t, decltype(d)>(), &half)));
#endif
}

template <class T>
HWY_INLINE hn::Vec<Integers> widened(const T* x) {
  return hn::PromoteTo(Integers(), hn::LoadU(hn::Rebind<T, Floats>(), x));
}

// The lower and upper four bits of bytes, less an offset.
template <int kOffset>
HWY_INLINE auto low_bits(const uint8_t* q) {
  return [q](int i) {
    const Integers d;
    return hn::Sub(hn::And(widened(q + i), hn::Set(d, 15)), hn::Set(d, kOffset));
  };
}
template <int kOffset>
HWY_INLINE auto high_bits(const uint8_t* q) {
  return [q](int i) {
    return hn::Sub(hn::ShiftRight<4>(widened(q + i)), hn::Set(Integers(), kOffset));
  };
}

// Each encoding has walk(x, take): take(at, n, scale, min, q) for the numbers scale q(i) - min,
// i < n, of group `at`; q(i): the integers from i on, as many as there are lanes. Scales and mins
// are exact in f32, so that the numbers are the same on every processor.

// 32 numbers: scale (f16), then 32 signed bytes. y = scale q
struct Q8_0 {
  static constexpr BlockEncoding kEncoding = kQ8_0;
  static constexpr bool kHasMin = false;
  template <class Take>
  static HWY_INLINE void walk(const uint8_t* x, const Take& take) {
    const auto* q = reinterpret_cast<const int8_t*>(x + 2);
    take(0, 32, half_at(x), 0.0f, [q](int i) { return widened(q + i); });
  }
};

// 32 numbers: scale (f16), then 16 bytes with the numbers i and i + 16. y = scale (q - 8)
struct Q4_0 {
  static constexpr BlockEncoding kEncoding = kQ4_0;
  static constexpr bool kHasMin = false;
  template <class Take>
  static HWY_INLINE void walk(const uint8_t* x, const Take& take) {
    const float scale = half_at(x);
    take(0, 16, scale, 0.0f, low_bits<8>(x + 2));
    take(16, 16, scale, 0.0f, high_bits<8>(x + 2));
  }
};

// y[i] = scale x[i], n numbers of 8 or 16 in all.
template <class T>
HWY_INLINE void scaled(int n, const T* x, float scale, float* HWY_RESTRICT y) {
  const hn::CappedTag<float, 8> d;
  const auto factor = hn::Set(d, scale);
  for (int i = 0; i < n; i += static_cast<int>(hn::Lanes(d))) {
    const auto bytes = hn::LoadU(hn::Rebind<T, decltype(d)>(), x + i);
    const auto integers = hn::PromoteTo(hn::Rebind<int32_t, decltype(d)>(), bytes);
    hn::Store(hn::Mul(factor, hn::ConvertTo(d, integers)), d, y + i);
  }
}

// 256 numbers in eight groups of 32: scale and min (f16), eight 6-bit pairs of them, then 128
// bytes, each 32 with the groups 2 i and 2 i + 1. y = (scale s_g) q - min m_g
struct Q4_K {
  static constexpr BlockEncoding kEncoding = kQ4_K;
  static constexpr bool kHasMin = true;
  template <class Take>
  static HWY_INLINE void walk(const uint8_t* x, const Take& take) {
    // Eight scales and eight mins in 12 bytes: the lower four of each plainly, of the upper four 4
    // bits in the last four bytes and 2 bits above the lower ones.
    constexpr uint32_t kLow4 = 0x0f0f0f0f, kLow6 = 0x3f3f3f3f, kTop2 = 0x30303030;
    uint32_t packed[3], pairs[4];
    std::memcpy(packed, x + 4, sizeof(packed));
    pairs[0] = packed[0] & kLow6;
    pairs[1] = (packed[2] & kLow4) | ((packed[0] >> 2) & kTop2);
    pairs[2] = packed[1] & kLow6;
    pairs[3] = ((packed[2] >> 4) & kLow4) | ((packed[1] >> 2) & kTop2);
    uint8_t bytes[16];
    std::memcpy(bytes, pairs, sizeof(bytes));
    alignas(64) float scales[8], mins[8];
    scaled(8, bytes, half_at(x), scales);
    scaled(8, bytes + 8, half_at(x + 2), mins);
    const uint8_t* q = x + 16;
    for (int i = 0; i < 4; i++, q += 32) {
      take(64 * i, 32, scales[2 * i], mins[2 * i], low_bits<0>(q));
      take(64 * i + 32, 32, scales[2 * i + 1], mins[2 * i + 1], high_bits<0>(q));
    }
  }
};

// 256 numbers in 16 groups of 16: 128 bytes with 4 lower bits, 64 bytes with 2 upper bits, 16
// signed scales, scale (f16). Halves of 128: the numbers j, j + 32, j + 64, j + 96 share byte j of
// the upper bits. y = (scale s_g) (q - 32)
struct Q6_K {
  static constexpr BlockEncoding kEncoding = kQ6_K;
  static constexpr bool kHasMin = false;
  template <class Take>
  static HWY_INLINE void walk(const uint8_t* x, const Take& take) {
    alignas(64) float scales[16];
    scaled(16, reinterpret_cast<const int8_t*>(x + 192), half_at(x + 208), scales);
    for (int half = 0; half < 2; half++) {
      for (int at = 0; at < 32; at += 16) {
        const uint8_t* low = x + 64 * half + at;
        const uint8_t* high = x + 128 + 32 * half + at;
        const float* scale = scales + 8 * half + at / 16;
        const int first = 128 * half + at;
        take(first, 16, scale[0], 0.0f, six_bits<0>(low, high));
        take(first + 32, 16, scale[2], 0.0f, six_bits<1>(low + 32, high));
        take(first + 64, 16, scale[4], 0.0f, six_bits<2>(low, high));
        take(first + 96, 16, scale[6], 0.0f, six_bits<3>(low + 32, high));
      }
    }
  }

 private:
  template <int kPart>
  static HWY_INLINE auto six_bits(const uint8_t* low, const uint8_t* high) {
    return [low, high](int i) {
      const Integers d;
      const auto lower = kPart < 2 ? hn::And(widened(low + i), hn::Set(d, 15))
                                   : hn::ShiftRight<4>(widened(low + i));
      const auto upper = widened(high + i);
      const auto moved = kPart < 2 ? hn::ShiftLeft < kPart < 2 ? 4 - 2 * kPart : 0 > (upper)
                         : hn::ShiftRight < kPart < 2 ? 0
                                                      : 2 * kPart - 4 > (upper);
      const auto joined = hn::Or(lower, hn::And(moved, hn::Set(d, 0x30)));
      return hn::Sub(joined, hn::Set(d, 32));
    };
  }
};

}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
