// cast: every pair of dtypes, against conversions by long double; narrow floats exhaustively.
#include "op_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

// Of a narrow float with so many bits of fraction, from its definition.
long double decode(uint16_t bits, int fraction_bits) {
  const int exponent_bits = 15 - fraction_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
  const long double fraction = bits & ((1 << fraction_bits) - 1);
  const long double sign = bits >> 15 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction == 0 ? sign * std::numeric_limits<long double>::infinity()
                         : std::numeric_limits<long double>::quiet_NaN();
  }
  const long double unit = std::ldexp(1.0L, -fraction_bits);
  return exponent == 0 ? sign * std::ldexp(fraction * unit, 1 - bias)
                       : sign * std::ldexp(1 + fraction * unit, exponent - bias);
}

template <class T>
long double value(T x) {
  if constexpr (std::is_same_v<T, F16>) return decode(x.bits, 10);
  if constexpr (std::is_same_v<T, BF16>) return decode(x.bits, 7);
  if constexpr (std::is_same_v<T, Bool>) return x.bits;
  if constexpr (std::is_arithmetic_v<T>) return static_cast<long double>(x);
}

// Whether bits are x rounded to nearest even: no neighbour is nearer, and of two that are as near
// it is the even one.
bool is_rounded(uint16_t bits, int fraction_bits, long double x) {
  const long double got = decode(bits, fraction_bits);
  if (x != x || got != got) return x != x && got != got;
  if (std::isinf(x)) return got == x;
  const uint16_t magnitude = bits & 0x7fff;
  // Beyond the largest number stands infinity, which counts as the next one of an unbounded format.
  const auto at = [&](int m) {
    const int infinity = ((1 << (15 - fraction_bits)) - 1) << fraction_bits;
    if (m == infinity)
      return 2 * decode(static_cast<uint16_t>(m - (1 << fraction_bits)), fraction_bits);
    return decode(static_cast<uint16_t>(m), fraction_bits);
  };
  const long double a = std::fabs(x), mine = std::isinf(got) ? at(magnitude) : std::fabs(got);
  if (std::signbit(x) != (bits >> 15 == 1)) return false;
  if (std::isinf(got) && a >= mine) return true;
  const long double error = std::fabs(a - mine);
  for (const int next : {magnitude - 1, magnitude + 1}) {
    if (next < 0 || (std::isinf(got) && next > magnitude)) continue;
    const long double other = std::fabs(a - at(next));
    if (other < error || (other == error && (magnitude & 1) != 0)) return false;
  }
  return true;
}

template <class To, class From>
bool is_right(From from, To to) {
  const long double x = value(from);
  if constexpr (std::is_same_v<To, Bool>) {
    return to.bits == (x != 0);
  } else if constexpr (std::is_same_v<To, F16>) {
    return is_rounded(to.bits, 10, x);
  } else if constexpr (std::is_same_v<To, BF16>) {
    return is_rounded(to.bits, 7, x);
  } else if constexpr (std::is_floating_point_v<To>) {
    return to == static_cast<To>(x) || (to != to && x != x);
  } else if constexpr (std::is_integral_v<From>) {
    return to == static_cast<To>(from);  // wraps
  } else {
    using Limits = std::numeric_limits<To>;
    if (x != x) return to == 0;
    const long double low = Limits::min(), high = Limits::max();
    return to == (x <= low ? Limits::min() : x >= high ? Limits::max() : static_cast<To>(x));
  }
}

template <class T>
std::vector<T> samples() {
  std::mt19937_64 random(3);
  std::vector<T> x;
  for (int i = 0; i < 70000; ++i) {
    T value;
    uint64_t bits = random();
    if constexpr (std::is_integral_v<T>) bits >>= random() % (sizeof(T) * 8);
    std::memcpy(&value, &bits, sizeof(T));
    if constexpr (std::is_same_v<T, Bool>) value.bits &= 1;
    if constexpr (sizeof(T) == 2) {
      const uint16_t all = static_cast<uint16_t>(i);
      std::memcpy(&value, &all, 2);
    }
    x.push_back(value);
    if constexpr (std::is_floating_point_v<T>) {
      x.push_back(static_cast<T>(std::ldexp(static_cast<double>(random() % 100001) - 50000,
                                            static_cast<int>(random() % 60) - 40)));
      // Close to the middle of two f16 and of two bf16.
      x.push_back(std::nextafter(
          static_cast<T>(decode(static_cast<uint16_t>(i), 10) * (1 + std::ldexp(1.0L, -11))),
          T(random() % 2)));
      x.push_back(static_cast<T>(decode(static_cast<uint16_t>(i), 7) * (1 + std::ldexp(1.0L, -8))));
    }
  }
  return x;
}

template <class From, class To>
void check_pair() {
  const std::vector<From> x = samples<From>();
  const std::vector<To> y = map_one<To>("cast", x);
  for (size_t i = 0; i < x.size(); ++i) {
    if (is_right(x[i], y[i])) continue;
    expect(false,
           "from dtype " + std::to_string(static_cast<int>(kDTypeOf<From>)) + " to " +
               std::to_string(static_cast<int>(kDTypeOf<To>)) + ": " + std::to_string(value(x[i])) +
               " gives " + std::to_string(value(y[i])),
           __FILE__, __LINE__);
    return;
  }
}

template <class From>
void check_from() {
  check_pair<From, double>();
  check_pair<From, float>();
  check_pair<From, F16>();
  check_pair<From, BF16>();
  check_pair<From, int64_t>();
  check_pair<From, int32_t>();
  check_pair<From, int16_t>();
  check_pair<From, int8_t>();
  check_pair<From, uint64_t>();
  check_pair<From, uint32_t>();
  check_pair<From, uint16_t>();
  check_pair<From, uint8_t>();
  check_pair<From, Bool>();
}

}  // namespace

int main() {
  check_from<double>();
  check_from<float>();
  check_from<F16>();
  check_from<BF16>();
  check_from<int64_t>();
  check_from<int32_t>();
  check_from<int16_t>();
  check_from<int8_t>();
  check_from<uint64_t>();
  check_from<uint32_t>();
  check_from<uint16_t>();
  check_from<uint8_t>();
  check_from<Bool>();
  return result("cast");
}
