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

HWY_INLINE float half_at(const uint8_t* x) {
  F16 half;
  std::memcpy(&half, x, sizeof(half));
  return widen(half);
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

struct ScaleAndMin {
  float scale, min;
};

// Eight pairs of 6 bits in 12 bytes: the lower four plainly, of the upper four 4 bits in the last
// four bytes and 2 bits above the lower ones.
HWY_INLINE ScaleAndMin pair_at(const uint8_t* s, int i) {
  if (i < 4) return {static_cast<float>(s[i] & 63), static_cast<float>(s[i + 4] & 63)};
  return {static_cast<float>((s[i + 4] & 15) | ((s[i - 4] >> 6) << 4)),
          static_cast<float>((s[i + 4] >> 4) | ((s[i] >> 6) << 4))};
}

// 256 numbers in eight groups of 32: scale and min (f16), eight 6-bit pairs of them, then 128
// bytes, each 32 with the groups 2 i and 2 i + 1. y = (scale s_g) q - min m_g
struct Q4_K {
  static constexpr BlockEncoding kEncoding = kQ4_K;
  static constexpr bool kHasMin = true;
  template <class Take>
  static HWY_INLINE void walk(const uint8_t* x, const Take& take) {
    const float scale = half_at(x), min = half_at(x + 2);
    const uint8_t* q = x + 16;
    for (int i = 0; i < 4; i++, q += 32) {
      const ScaleAndMin low = pair_at(x + 4, 2 * i), high = pair_at(x + 4, 2 * i + 1);
      take(64 * i, 32, scale * low.scale, min * low.min, low_bits<0>(q));
      take(64 * i + 32, 32, scale * high.scale, min * high.min, high_bits<0>(q));
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
    const float scale = half_at(x + 208);
    const auto* scales = reinterpret_cast<const int8_t*>(x + 192);
    for (int group = 0; group < 16; group++) {
      const int half = group / 8, part = group / 2 % 4, at = 16 * (group % 2);
      const uint8_t* low = x + 64 * half + 32 * (part % 2) + at;
      const uint8_t* high = x + 128 + 32 * half + at;
      take(16 * group, 16, scale * static_cast<float>(scales[group]), 0.0f, [=](int i) {
        const Integers d;
        const auto lower = hn::ShiftRightSame(widened(low + i), 4 * (part / 2));
        const auto upper = hn::ShiftRightSame(widened(high + i), 2 * part);
        const auto joined =
            hn::Or(hn::And(lower, hn::Set(d, 15)), hn::ShiftLeft<4>(hn::And(upper, hn::Set(d, 3))));
        return hn::Sub(joined, hn::Set(d, 32));
      });
    }
  }
};

}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
