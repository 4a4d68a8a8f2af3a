// Modified Bessel functions of the first kind, orders 0 and 1.
#include <cmath>

#include "kernels/special.h"

namespace tenon::special {
namespace {

constexpr double kFar = 20;  // from here on the asymptotic series has all digits

// sum_k (x^2 / 4)^k / (k! (k + order)!), all terms positive (Abramowitz & Stegun 9.6.10); I0
// itself, or I1 / (x / 2).
double power_series(double x, int order) {
  const double t = x * x / 4;
  double sum = 1, term = 1;
  for (int k = 1; term > sum * 1e-17; ++k) {
    term *= t / (static_cast<double>(k) * (k + order));
    sum += term;
  }
  return sum;
}

// exp(-x) I(x) sqrt(2 pi x) for x >= kFar (Abramowitz & Stegun 9.7.1).
double asymptotic_series(double x, int order) {
  double sum = 1, term = 1;
  for (int k = 1; k < 40 && std::fabs(term) > 1e-18; ++k) {
    const double odd = 2 * k - 1;
    term *= (odd * odd - 4 * order) / (8 * x * k);
    sum += term;
  }
  return sum;
}

// exp(-x) I(x), x >= kFar; 0 at infinity.
double far_scaled(double x, int order) {
  return asymptotic_series(x, order) / std::sqrt(6.28318530717958647692 * x);
}

// In two factors: exp(x) alone overflows earlier.
double far(double x, int order) {
  const double half = std::exp(x / 2);
  return std::isinf(x) ? x : far_scaled(x, order) * half * half;
}

}  // namespace

double bessel_i0(double x) {
  const double a = std::fabs(x);
  return a < kFar || std::isnan(x) ? power_series(x, 0) : far(a, 0);
}

double bessel_i1(double x) {
  const double a = std::fabs(x);
  return a < kFar || std::isnan(x) ? x / 2 * power_series(x, 1) : std::copysign(far(a, 1), x);
}

double bessel_i0e(double x) {
  const double a = std::fabs(x);
  return a < kFar || std::isnan(x) ? std::exp(-a) * power_series(x, 0) : far_scaled(a, 0);
}

double bessel_i1e(double x) {
  const double a = std::fabs(x);
  return a < kFar || std::isnan(x) ? std::exp(-a) * (x / 2) * power_series(x, 1)
                                   : std::copysign(far_scaled(a, 1), x);
}

}  // namespace tenon::special
