#include "kernels/blocks.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/blocks.cc"
#include "hwy/foreach_target.h"

#include <cstring>

#include "hwy/highway.h"
#include "kernels/narrow.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

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

// y[i] = scale q(i) - shift, n numbers; q(i): the integers from i on, as many as there are lanes.
template <class Q>
HWY_INLINE void store_scaled(int n, float scale, float shift, float* HWY_RESTRICT y, const Q& q) {
  const Floats d;
  const auto factor = hn::Set(d, scale), less = hn::Set(d, shift);
  for (int i = 0; i < n; i += static_cast<int>(hn::Lanes(d))) {
    hn::StoreU(hn::MulSub(factor, hn::ConvertTo(d, q(i)), less), d, y + i);
  }
}

// The lower and upper four bits of bytes. All products are exact, so that results are the same on
// every processor.
HWY_INLINE auto low_bits(const uint8_t* q) {
  return [q](int i) { return hn::And(widened(q + i), hn::Set(Integers(), 15)); };
}
HWY_INLINE auto high_bits(const uint8_t* q) {
  return [q](int i) { return hn::ShiftRight<4>(widened(q + i)); };
}

// 32 numbers: scale (f16), then 32 signed bytes. y = scale q
void q8_0(int64_t n, const uint8_t* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  for (int64_t block = 0; block < n; block++, x += kQ8_0.bytes, y += kQ8_0.elements) {
    const auto* q = reinterpret_cast<const int8_t*>(x + 2);
    store_scaled(32, half_at(x), 0, y, [q](int i) { return widened(q + i); });
  }
}

// 32 numbers: scale (f16), then 16 bytes with the numbers i and i + 16. y = scale (q - 8)
void q4_0(int64_t n, const uint8_t* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  for (int64_t block = 0; block < n; block++, x += kQ4_0.bytes, y += kQ4_0.elements) {
    const float scale = half_at(x);
    store_scaled(16, scale, 8 * scale, y, low_bits(x + 2));
    store_scaled(16, scale, 8 * scale, y + 16, high_bits(x + 2));
  }
}

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
void q4_k(int64_t n, const uint8_t* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  for (int64_t block = 0; block < n; block++, x += kQ4_K.bytes, y += kQ4_K.elements) {
    const float scale = half_at(x), min = half_at(x + 2);
    const uint8_t* q = x + 16;
    for (int i = 0; i < 4; i++, q += 32) {
      const ScaleAndMin low = pair_at(x + 4, 2 * i), high = pair_at(x + 4, 2 * i + 1);
      store_scaled(32, scale * low.scale, min * low.min, y + 64 * i, low_bits(q));
      store_scaled(32, scale * high.scale, min * high.min, y + 64 * i + 32, high_bits(q));
    }
  }
}

// 256 numbers in 16 groups of 16: 128 bytes with 4 lower bits, 64 bytes with 2 upper bits, 16
// signed scales, scale (f16). Halves of 128: the numbers j, j + 32, j + 64, j + 96 share byte j of
// the upper bits. y = (scale s_g) (q - 32)
void q6_k(int64_t n, const uint8_t* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  for (int64_t block = 0; block < n; block++, x += kQ6_K.bytes, y += kQ6_K.elements) {
    const float scale = half_at(x + 208);
    const auto* scales = reinterpret_cast<const int8_t*>(x + 192);
    for (int group = 0; group < 16; group++) {
      const int half = group / 8, part = group / 2 % 4, at = 16 * (group % 2);
      const uint8_t* low = x + 64 * half + 32 * (part % 2) + at;
      const uint8_t* high = x + 128 + 32 * half + at;
      const float group_scale = scale * static_cast<float>(scales[group]);
      store_scaled(16, group_scale, 32 * group_scale, y + 16 * group, [=](int i) {
        const Integers d;
        const auto lower = hn::ShiftRightSame(widened(low + i), 4 * (part / 2));
        const auto upper = hn::ShiftRightSame(widened(high + i), 2 * part);
        return hn::Or(hn::And(lower, hn::Set(d, 15)),
                      hn::ShiftLeft<4>(hn::And(upper, hn::Set(d, 3))));
      });
    }
  }
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {

HWY_EXPORT(q8_0);
HWY_EXPORT(q4_0);
HWY_EXPORT(q4_k);
HWY_EXPORT(q6_k);

bool is_known(BlockEncoding encoding) {
  for (const BlockEncoding known : {kQ8_0, kQ4_0, kQ4_K, kQ6_K}) {
    if (encoding.elements == known.elements && encoding.bytes == known.bytes) return true;
  }
  return false;
}

void dequantize(BlockEncoding encoding, int64_t n, const uint8_t* x, float* y) {
  if (encoding.bytes == kQ8_0.bytes) {
    HWY_DYNAMIC_DISPATCH(q8_0)(n, x, y);
  } else if (encoding.bytes == kQ4_0.bytes) {
    HWY_DYNAMIC_DISPATCH(q4_0)(n, x, y);
  } else if (encoding.bytes == kQ4_K.bytes) {
    HWY_DYNAMIC_DISPATCH(q4_k)(n, x, y);
  } else {
    HWY_DYNAMIC_DISPATCH(q6_k)(n, x, y);
  }
}

}  // namespace tenon
#endif
