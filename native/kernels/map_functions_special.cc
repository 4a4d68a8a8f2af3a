// Special functions of f64 and f32, element by element; those of f32 are computed in f64.
#include "kernels/map_rows-inl.h"
#include "kernels/special.h"

namespace tenon {
namespace {

using HWY_NAMESPACE::append_table;
using HWY_NAMESPACE::binary_loop;
using HWY_NAMESPACE::unary_loop;

#define TENON_SPECIAL(Name, function) \
  TENON_UNARY(Name, return static_cast<T>(special::function(static_cast<double>(a)));)
TENON_SPECIAL(Lgamma, log_gamma)
TENON_SPECIAL(Digamma, digamma)
TENON_SPECIAL(I0, bessel_i0)
TENON_SPECIAL(I1, bessel_i1)
TENON_SPECIAL(I0e, bessel_i0e)
TENON_SPECIAL(I1e, bessel_i1e)
TENON_SPECIAL(Erfinv, erf_inverse)
TENON_SPECIAL(Ndtri, normal_quantile)
TENON_SPECIAL(Erfcx, scaled_erfc)
TENON_SPECIAL(LogNdtr, log_normal_cdf)
TENON_BINARY(Polygamma, return static_cast<T>(special::polygamma(a, b));)

TENON_BINARY(Hypot, return std::hypot(a, b);)
TENON_BINARY(Copysign, return std::copysign(a, b);)
TENON_BINARY(Nextafter, return std::nextafter(a, b);)
// 0 where a is 0, whatever the logarithm; but NaN stays.
TENON_BINARY(Xlogy, return a == 0 && !expr::is_nan(b) ? T(0) : a * std::log(b);)
TENON_BINARY(Xlog1py, return a == 0 && !expr::is_nan(b) ? T(0) : a * std::log1p(b);)
TENON_BINARY(Logaddexp, {
  if (a == b) return a + T(0.69314718055994530942);  // equal infinities too
  return (a > b ? a : b) + std::log1p(std::exp(-std::fabs(a - b)));
})

template <class T>
void append_both(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {TENON_ROW1("lgamma", same, 128, Lgamma)},
      {TENON_ROW1("digamma", same, 128, Digamma)},
      {TENON_ROW2("polygamma", same, 512, Polygamma)},
      {TENON_ROW1("i0", same, 128, I0)},
      {TENON_ROW1("i1", same, 128, I1)},
      {TENON_ROW1("i0e", same, 128, I0e)},
      {TENON_ROW1("i1e", same, 128, I1e)},
      {TENON_ROW1("erfinv", same, 48, Erfinv)},
      {TENON_ROW1("ndtri", same, 48, Ndtri)},
      {TENON_ROW1("erfcx", same, 64, Erfcx)},
      {TENON_ROW1("logNdtr", same, 96, LogNdtr)},
      {TENON_ROW2("hypot", same, 16, Hypot)},
      {TENON_ROW2("copysign", same, 1, Copysign)},
      {TENON_ROW2("nextafter", same, 4, Nextafter)},
      {TENON_ROW2("xlogy", same, 24, Xlogy)},
      {TENON_ROW2("xlog1py", same, 32, Xlog1py)},
      {TENON_ROW2("logaddexp", same, 48, Logaddexp)},
  };
  append_table(rows, table);
}

}  // namespace

void append_special_rows(MapRows& rows) {
  append_both<double>(rows, DType::f64);
  append_both<float>(rows, DType::f32);
}

}  // namespace tenon
