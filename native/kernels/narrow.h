// f16 and bf16: storage types, and conversions that round to nearest even and give the same bits on
// every processor.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace tenon {

struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};
struct Bool {
  uint8_t bits;
};

inline float widen(F16 x) {
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000u) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(x.bits & 0x7fffu) << 13;
  // The exponent's bias differs by 112; the product is exact, for subnormals too.
  const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const uint32_t special = magnitude | 0x7f800000u;
  return std::bit_cast<float>(sign | (magnitude >= 0x0f800000u ? special : finite));
}

inline float widen(BF16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }

inline F16 to_f16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t magnitude = bits & 0x7fffffffu;
  // Subnormal results: adding 0.5 leaves a multiple of 2^-24 in the low bits, rounded by the
  // addition itself.
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  uint32_t result = magnitude < 0x38800000u ? subnormal : normal;
  result = magnitude >= 0x477ff000u ? 0x7c00u : result;  // 65520 and more
  result = magnitude > 0x7f800000u ? 0x7e00u : result;   // NaN
  return {static_cast<uint16_t>(result | ((bits >> 16) & 0x8000u))};
}

inline BF16 to_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t quiet = (bits >> 16) | 0x40u;
  return {static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded)};
}

// Rounds to odd: a second rounding to a narrower float is then exactly the rounding of x itself.
inline float to_odd_f32(double x) {
  const float near = static_cast<float>(x);
  const uint32_t bits = std::bit_cast<uint32_t>(near);
  const double back = static_cast<double>(near);
  if (back == x || x != x || (bits & 1u) != 0) return near;
  const bool away = (x < 0 ? -back : back) > (x < 0 ? -x : x);
  return std::bit_cast<float>(away ? bits - 1u : bits + 1u);
}

// The same for integers that f64 does not hold.
inline double to_odd_f64(uint64_t x) {
  if (x >> 53 == 0) return static_cast<double>(x);
  const uint64_t sticky = (x & 0x7ffu) != 0 ? 0x800u : 0u;
  return static_cast<double>((x & ~uint64_t{0x7ff}) | sticky);
}

inline double to_odd_f64(int64_t x) {
  const uint64_t magnitude = x < 0 ? 0u - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
  return x < 0 ? -to_odd_f64(magnitude) : to_odd_f64(magnitude);
}

}  // namespace tenon
