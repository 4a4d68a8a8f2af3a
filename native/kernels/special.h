// Special functions of double precision that <cmath> lacks, or has only with global state (lgamma).
// f32 is computed by them too, and rounded. No tables but published series; sources beside each.
#pragma once

namespace tenon::special {

double log_gamma(double x);  // log |Gamma(x)|
double digamma(double x);    // d/dx log Gamma(x)
double polygamma(double n,
                 double x);  // n-th derivative of digamma; NaN unless n is an integer >= 0

double bessel_i0(double x);  // modified Bessel functions of the first kind
double bessel_i1(double x);
double bessel_i0e(double x);  // exp(-|x|) I(x)
double bessel_i1e(double x);

double erf_inverse(double x);
double normal_quantile(double p);  // x with P(X <= x) = p for a standard normal X
double scaled_erfc(double x);      // exp(x^2) erfc(x)
double log_normal_cdf(double x);   // log P(X <= x)

}  // namespace tenon::special
