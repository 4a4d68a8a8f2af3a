// Functions of the normal distribution: quantiles, and tails that do not underflow.
#include <cmath>
#include <limits>

#include "kernels/special.h"

namespace tenon::special {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kSqrtHalf = 0.70710678118654752440;

template <int n>
double ratio(const double (&numerator)[n], const double (&denominator)[n], double x) {
  double above = numerator[n - 1], below = denominator[n - 1];
  for (int i = n - 2; i >= 0; --i) {
    above = above * x + numerator[i];
    below = below * x + denominator[i];
  }
  return above / below;
}

// The quantile of 1/2 + q for |q| <= 0.425, else of the smaller tail, with q's sign. Rational
// approximations to about 1e-16: M. J. Wichura, "Algorithm AS 241: The percentage points of the
// normal distribution", Applied Statistics 37 (1988) 477-484, PPND16.
double quantile(double q, double tail) {
  static constexpr double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                 1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                 3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static constexpr double b[] = {1,
                                 4.2313330701600911252e+1,
                                 6.8718700749205790830e+2,
                                 5.3941960214247511077e+3,
                                 2.1213794301586595867e+4,
                                 3.9307895800092710610e+4,
                                 2.8729085735721942674e+4,
                                 5.2264952788528545610e+3};
  static constexpr double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                 5.76949722146069140550e0,  3.64784832476320460504e0,
                                 1.27045825245236838258e0,  2.41780725177450611770e-1,
                                 2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double d[] = {1,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
  static constexpr double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                 1.78482653991729133580e0,  2.96560571828504891230e-1,
                                 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                 2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double f[] = {1,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131145613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15};
  if (std::fabs(q) <= 0.425) return q * ratio(a, b, 0.180625 - q * q);
  if (tail <= 0) return std::copysign(tail == 0 ? kInfinity : kNan, q);
  const double r = std::sqrt(-std::log(tail));
  return std::copysign(r <= 5 ? ratio(c, d, r - 1.6) : ratio(e, f, r - 5), q);
}

}  // namespace

double erf_inverse(double x) {
  if (std::isnan(x)) return x;
  return quantile(x / 2, (1 - std::fabs(x)) / 2) * kSqrtHalf;
}

double normal_quantile(double p) {
  if (std::isnan(p)) return p;
  return quantile(p - 0.5, p < 0.5 ? p : 1 - p);
}

double scaled_erfc(double x) {
  if (x < 26) {
    // exp(x^2) with the part of x^2 that rounding dropped.
    const double square = x * x;
    const double rest = std::fma(x, x, -square);
    return square > 710 ? kInfinity : std::exp(square) * (1 + rest) * std::erfc(x);
  }
  if (!(x < kInfinity)) return std::isnan(x) ? x : 0;
  // 1 / (x sqrt(pi)) sum_k (-1)^k (2k - 1)!! / (2 x^2)^k (Abramowitz & Stegun 7.1.23)
  double sum = 1, term = 1;
  const double t = 1 / (2 * x * x);
  for (int k = 1; k < 10; ++k) {
    term *= -(2 * k - 1) * t;
    sum += term;
  }
  return sum / (x * 1.77245385090551602730);
}

double log_normal_cdf(double x) {
  if (x < -1) return std::log(scaled_erfc(-x * kSqrtHalf) / 2) - x * x / 2;
  return std::log1p(-std::erfc(x * kSqrtHalf) / 2);
}

}  // namespace tenon::special
