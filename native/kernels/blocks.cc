#include "kernels/blocks.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/blocks.cc"
#include "hwy/foreach_target.h"

#include <bit>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/narrow.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

HWY_INLINE float half_at(const uint8_t* x) {
  F16 half;
  std::memcpy(&half, x, sizeof(half));
  return widen(half);
}

// 32 numbers: scale (f16), then 32 signed bytes. y = scale q
void q8_0(int64_t n, const uint8_t* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  for (int64_t block = 0; block < n; block++, x += kQ8_0.bytes, y += kQ8_0.elements) {
    const float scale = half_at(x);
    const auto* q = reinterpret_cast<const int8_t*>(x + 2);
    for (int i = 0; i < 32; i++) y[i] = scale * static_cast<float>(q[i]);
  }
}

// 32 numbers: scale (f16), then 16 bytes with the numbers i and i + 16. y = scale (q - 8)
void q4_0(int64_t n, const uint8_t* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  for (int64_t block = 0; block < n; block++, x += kQ4_0.bytes, y += kQ4_0.elements) {
    const float scale = half_at(x);
    const uint8_t* q = x + 2;
    for (int i = 0; i < 16; i++) y[i] = scale * static_cast<float>((q[i] & 15) - 8);
    for (int i = 0; i < 16; i++) y[16 + i] = scale * static_cast<float>((q[i] >> 4) - 8);
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
      const float low_scale = scale * low.scale, low_min = min * low.min;
      const float high_scale = scale * high.scale, high_min = min * high.min;
      float* to = y + 64 * i;
      for (int j = 0; j < 32; j++) to[j] = low_scale * static_cast<float>(q[j] & 15) - low_min;
      for (int j = 0; j < 32; j++) {
        to[32 + j] = high_scale * static_cast<float>(q[j] >> 4) - high_min;
      }
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
    for (int quarter = 0; quarter < 8; quarter++) {
      const int part = quarter % 4;
      const uint8_t* low = x + 64 * (quarter / 4) + 32 * (part % 2);
      const uint8_t* high = x + 128 + 32 * (quarter / 4);
      const int low_shift = 4 * (part / 2), high_shift = 2 * part;
      for (int group = 0; group < 2; group++) {
        const float group_scale = scale * static_cast<float>(scales[2 * quarter + group]);
        float* to = y + 32 * quarter + 16 * group;
        for (int j = 0; j < 16; j++) {
          const int bits = ((low[16 * group + j] >> low_shift) & 15) |
                           (((high[16 * group + j] >> high_shift) & 3) << 4);
          to[j] = group_scale * static_cast<float>(bits - 32);
        }
      }
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
