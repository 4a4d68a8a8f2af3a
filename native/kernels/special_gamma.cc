// The gamma function's logarithm and its derivatives.
#include <cmath>
#include <iterator>
#include <limits>

#include "kernels/special.h"

namespace tenon::special {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <int n>
double polynomial(const double (&c)[n], double x) {
  double y = c[n - 1];
  for (int i = n - 2; i >= 0; --i) y = y * x + c[i];
  return y;
}

// x in (-1, 1) with x = y + an even number: sin(pi y) and cos(pi y) lose no digits for large y.
double wrapped(double y) {
  const double x = std::fmod(y, 2.0);
  if (x > 1) return x - 2;
  return x < -1 ? x + 2 : x;
}

double sin_pi(double y) {
  const double x = wrapped(y);
  if (x > 0.5) return std::sin(kPi * (1 - x));
  if (x < -0.5) return -std::sin(kPi * (1 + x));
  return std::sin(kPi * x);
}

// pi / tan(pi y), 0 at halves.
double pi_cot_pi(double y) {
  double x = std::fmod(y, 1.0);
  if (x > 0.5) x -= 1;
  if (x < -0.5) x += 1;
  return std::fabs(x) == 0.5 ? 0 : kPi / std::tan(kPi * x);
}

// log Gamma(2 + z) = (1 - gamma) z + sum_k (-1)^k (zeta(k) - 1) / k z^k for |z| <= 1/2 (Abramowitz
// & Stegun 6.1.33): no digits are lost at the zeros 1 and 2.
double log_gamma_near_2(double z) {
  static constexpr double c[] = {
      0.422784335098467139,    0.322467033424113218,     -0.0673523010531980951,
      0.0205808084277845479,   -0.00738555102867398527,  0.00289051033074152329,
      -0.00119275391170326098, 0.000509669524743042422,  -0.00022315475845357938,
      9.94575127818085337e-5,  -4.49262367381331417e-5,  2.05072127756706916e-5,
      -9.4394882752683959e-6,  4.3748667899074878e-6,    -2.03921575380136624e-6,
      9.55141213040741983e-7,  -4.49246919876456604e-7,  2.12071848055546659e-7,
      -1.00432248239680996e-7, 4.76981016936398057e-8,   -2.27110946089431649e-8,
      1.08386592148969541e-8,  -5.18347504197004666e-9,  2.48367454380247832e-9,
      -1.19214014058609121e-9, 5.73136724167886201e-10,  -2.75952288512423315e-10,
      1.33047643742444895e-10, -6.42296456383810002e-11,
  };
  return z * polynomial(c, z);
}

// Stirling's series (Abramowitz & Stegun 6.1.41), x >= 8.
double log_gamma_large(double x) {
  static constexpr double c[] = {
      1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
      1.0 / 1188, -691.0 / 360360, 1.0 / 156,  -3617.0 / 122400,
  };
  if (x > 2.6e305) return kInfinity;
  constexpr double kRest = 0.418938533204672741780;  // log(2 pi) / 2 - 1/2
  const double inverse = 1 / x;
  return (x - 0.5) * (std::log(x) - 1) + (kRest + inverse * polynomial(c, inverse * inverse));
}

double log_gamma_positive(double x) {
  if (x < 0.5) return log_gamma_near_2(x) - std::log1p(x) - std::log(x);
  if (x < 1.5) return log_gamma_near_2(x - 1) - std::log1p(x - 1);
  if (x >= 8) return log_gamma_large(x);
  double product = 1;
  for (; x >= 2.5; x -= 1) product *= x - 1;
  return log_gamma_near_2(x - 2) + std::log(product);
}

// Hurwitz' zeta(s, a) for an integer s >= 2 and a > 0: terms one by one until Euler-Maclaurin's
// formula holds.
double zeta_positive(double s, double a) {
  static constexpr double c[] = {
      // Bernoulli numbers B(2k) / (2k)!
      8.33333333333333333e-2,  -1.38888888888888889e-3,  3.30687830687830688e-5,
      -8.2671957671957672e-7,  2.0876756987868099e-8,    -5.28419013868749318e-10,
      1.33825365306846788e-11, -3.38968029632258287e-13,
  };
  double sum = 0;
  for (; a < 10 + s; a += 1) {
    const double term = std::pow(a, -s);
    sum += term;
    if (term < sum * 1e-18) return sum;
  }
  const double power = std::pow(a, -s);
  sum += power * (a / (s - 1) + 0.5);
  double factor = s * power / a;
  for (int k = 0; k < static_cast<int>(std::size(c)); ++k) {
    sum += c[k] * factor;
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (a * a);
  }
  return sum;
}

// The same for any a that is no pole: the terms below 0 are those of two such series.
double zeta(double s, double a) {
  if (a > 0) return zeta_positive(s, a);
  const double nearest = std::fmod(-a, 1.0);  // the negative terms are those of -nearest - i
  const double negative = zeta_positive(s, nearest) - zeta_positive(s, 1 - a);
  return zeta_positive(s, 1 - nearest) + (std::fmod(s, 2) == 0 ? negative : -negative);
}

}  // namespace

double log_gamma(double x) {
  if (std::isnan(x)) return x;
  if (std::isinf(x)) return kInfinity;
  if (x > 0) return log_gamma_positive(x);
  if (x == std::floor(x)) return kInfinity;
  // Reflection: Gamma(x) Gamma(-x) = -pi / (x sin(pi x)).
  return std::log(kPi) - std::log(std::fabs(sin_pi(x))) - std::log(-x) - log_gamma_positive(-x);
}

double digamma(double x) {
  if (x == 0) return std::copysign(kInfinity, -x);
  if (x < 0) {
    if (x == std::floor(x)) return kNan;  // -infinity too
    return digamma(1 - x) - pi_cot_pi(x);
  }
  if (!(x < kInfinity)) return x;
  static constexpr double c[] = {1.0 / 12,  -1.0 / 120,     1.0 / 252, -1.0 / 240,
                                 1.0 / 132, -691.0 / 32760, 1.0 / 12,  -3617.0 / 8160};
  double below = 0;
  for (; x < 10; x += 1) below += 1 / x;
  const double square = 1 / (x * x);  // Abramowitz & Stegun 6.3.18
  return std::log(x) - 0.5 / x - square * polynomial(c, square) - below;
}

double polygamma(double n, double x) {
  if (!(n >= 0) || n != std::floor(n) || std::isnan(x)) return kNan;
  if (n == 0) return digamma(x);
  if (std::isinf(x)) return x > 0 ? 0.0 : kNan;
  if (n > 170) return kNan;  // n! is no double any more
  double factor = std::fmod(n, 2) == 0 ? -1 : 1;
  for (double k = 2; k <= n; k += 1) factor *= k;
  if (x <= 0 && x == std::floor(x)) return factor * kInfinity;
  return factor * zeta(n + 1, x);
}

}  // namespace tenon::special
