// Elementwise functions as expressions of one element. They have no branch where a vector has none,
// so that the loops around them vectorise; integers wrap, and no value is undefined behaviour.
#pragma once

#include "kernels/simd_targets.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "hwy/base.h"

namespace tenon::expr {

// The type in which T's sums and products are taken: unsigned, and at least 32 bits wide, so that
// they wrap.
template <class T>
HWY_INLINE auto wide(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return x;
  } else if constexpr (sizeof(T) < 4) {
    return static_cast<uint32_t>(x);
  } else {
    return static_cast<std::make_unsigned_t<T>>(x);
  }
}

template <class T>
HWY_INLINE bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>) return x != x;
  return false;
}

template <class T>
HWY_INLINE T negated(T x) {
  if constexpr (std::is_floating_point_v<T>) return -x;
  return static_cast<T>(0u - wide(x));
}

// An expression of one, two or three sources named a, b, c.
#define TENON_UNARY(Name, ...)       \
  struct Name {                      \
    template <class T>               \
    static HWY_INLINE auto of(T a) { \
      __VA_ARGS__                    \
    }                                \
  };
#define TENON_BINARY(Name, ...)           \
  struct Name {                           \
    template <class T>                    \
    static HWY_INLINE auto of(T a, T b) { \
      __VA_ARGS__                         \
    }                                     \
  };

TENON_UNARY(Copy, return a;)
TENON_UNARY(Neg, return negated(a);)
TENON_UNARY(Abs, {
  if constexpr (std::is_floating_point_v<T>) return std::fabs(a);
  return a < 0 ? negated(a) : a;
})
TENON_UNARY(Sign, {
  return static_cast<T>((a > 0) - (a < 0));  // 0 for NaN
})
TENON_UNARY(Signbit, {
  if constexpr (std::is_floating_point_v<T>) return std::signbit(a);
  return a < 0;
})
TENON_UNARY(Square, return static_cast<T>(wide(a) * wide(a));)
TENON_UNARY(Relu, return a < 0 ? T(0) : a;)
TENON_UNARY(Reciprocal, return T(1) / a;)
TENON_UNARY(Rsqrt, return T(1) / std::sqrt(a);)
TENON_UNARY(Sqrt, return std::sqrt(a);)
TENON_UNARY(LogicalNot, return a == 0;)
TENON_UNARY(IsNan, return a != a;)
TENON_UNARY(IsInf, return std::fabs(a) == std::numeric_limits<T>::infinity();)
TENON_UNARY(IsFinite, return std::fabs(a) < std::numeric_limits<T>::infinity();)
TENON_UNARY(BitwiseNot, return static_cast<T>(~a);)

TENON_BINARY(Add, return static_cast<T>(wide(a) + wide(b));)
TENON_BINARY(Sub, return static_cast<T>(wide(a) - wide(b));)
TENON_BINARY(Mul, return static_cast<T>(wide(a) * wide(b));)
TENON_BINARY(Div, return a / b;)
// Each comparison with a NaN is false: a NaN in b is returned by the comparison, one in a by the
// test beside it.
TENON_BINARY(Maximum, return ((a > b) | is_nan(a)) ? a : b;)
TENON_BINARY(Minimum, return ((a < b) | is_nan(a)) ? a : b;)
TENON_BINARY(Eq, return a == b;)
TENON_BINARY(Ne, return a != b;)
TENON_BINARY(Lt, return a < b;)
TENON_BINARY(Le, return a <= b;)
TENON_BINARY(Gt, return a > b;)
TENON_BINARY(Ge, return a >= b;)
TENON_BINARY(BitwiseAnd, return static_cast<T>(a & b);)
TENON_BINARY(BitwiseOr, return static_cast<T>(a | b);)
TENON_BINARY(BitwiseXor, return static_cast<T>(a ^ b);)

// Integers: 0 where b is 0; the one quotient that overflows, MIN / -1, wraps.
template <class T>
HWY_INLINE T truncated_remainder(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmod(a, b);
  } else {
    if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1))) return 0;
    return static_cast<T>(a % b);
  }
}
TENON_BINARY(Fmod, return truncated_remainder(a, b);)
TENON_BINARY(Remainder, {
  const T rest = truncated_remainder(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
})
TENON_BINARY(FloorDivide, {
  if constexpr (std::is_floating_point_v<T>) {
    // As Python: exact where a is a multiple of b, which floor(a / b) is not.
    if (b == 0) return a / b;
    const T rest = std::fmod(a, b);
    T quotient = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
    if (quotient == 0) return std::copysign(T(0), a / b);
    const T floor = std::floor(quotient);
    return quotient - floor > T(0.5) ? floor + 1 : floor;
  } else {
    if (b == 0) return T(0);
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return negated(a);
    const T quotient = static_cast<T>(a / b);
    return a % b != 0 && (a < 0) != (b < 0) ? static_cast<T>(quotient - 1) : quotient;
  }
})
TENON_BINARY(Pow, {
  if constexpr (std::is_floating_point_v<T>) {
    return std::pow(a, b);
  } else {
    if (b < 0) {
      if (a == 1) return T(1);
      return a == static_cast<T>(-1) ? static_cast<T>(b & 1 ? -1 : 1) : T(0);
    }
    auto base = wide(a);
    auto result = wide(T(1));
    for (auto left = wide(b); left != 0; left >>= 1) {
      if (left & 1) result *= base;
      base *= base;
    }
    return static_cast<T>(result);
  }
})
TENON_BINARY(Gcd, {
  using U = std::make_unsigned_t<T>;  // holds the magnitude of the smallest number too
  U x = static_cast<U>(a < 0 ? negated(a) : a);
  U y = static_cast<U>(b < 0 ? negated(b) : b);
  while (y != 0) {
    const U rest = static_cast<U>(x % y);
    x = y;
    y = rest;
  }
  return static_cast<T>(x);
})
TENON_BINARY(ShiftLeft, {
  const bool fits = b >= 0 && wide(b) < sizeof(T) * 8;
  return fits ? static_cast<T>(wide(a) << wide(b)) : T(0);
})
TENON_BINARY(ShiftRight, {
  const bool fits = b >= 0 && wide(b) < sizeof(T) * 8;
  return static_cast<T>(fits ? a >> wide(b) : (a < 0 ? -1 : 0));
})

}  // namespace tenon::expr
