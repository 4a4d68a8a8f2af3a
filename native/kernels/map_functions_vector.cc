// Functions that have their own vector code: transcendental functions of f32, and rounding.
#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/map_functions_vector.cc"
#include "hwy/foreach_target.h"

#include "kernels/map_rows-inl.h"
#include "kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

#define TENON_VECTOR(Name, expression)                  \
  struct Name {                                         \
    template <class D, class V>                         \
    static HWY_INLINE V of([[maybe_unused]] D d, V x) { \
      return expression;                                \
    }                                                   \
  };

TENON_VECTOR(Exp, exp(d, x))
TENON_VECTOR(Expm1, expm1(d, x))
TENON_VECTOR(Log, log(d, x))
TENON_VECTOR(Log1p, log1p(d, x))
TENON_VECTOR(Tanh, tanh(d, x))
TENON_VECTOR(Sigmoid, sigmoid(d, x))
TENON_VECTOR(Silu, silu(d, x))
TENON_VECTOR(Gelu, gelu(d, x))
TENON_VECTOR(GeluTanh, gelu_tanh(d, x))
TENON_VECTOR(Softplus, softplus(d, x))
TENON_VECTOR(LogSigmoid, log_sigmoid(d, x))
TENON_VECTOR(Erf, erf(d, x))
TENON_VECTOR(Erfc, erfc(d, x))
TENON_VECTOR(Sin, sin_or_cos(d, x, false))
TENON_VECTOR(Cos, sin_or_cos(d, x, true))
// The sign is that of x: Highway's scalar target loses the one of a zero.
TENON_VECTOR(Floor, hn::CopySign(hn::Floor(x), x))
TENON_VECTOR(Ceil, hn::CopySign(hn::Ceil(x), x))
TENON_VECTOR(Round, hn::CopySign(hn::Round(x), x))
TENON_VECTOR(Trunc, hn::CopySign(hn::Trunc(x), x))

#define TENON_VECTOR_ROW(name, cost, dtype, Name, Tag) \
  name, 1, MapKind::same, cost, DType::dtype, vector_loop<Name, Tag>

using Wide = hn::ScalableTag<double>;
using Narrow = hn::ScalableTag<float>;
using Half = hn::Rebind<float, Wide>;  // as many lanes as f64 has

void append_rows(MapRows& rows) {
  const MapRow table[] = {
      {TENON_VECTOR_ROW("floor", 1, f64, Floor, Wide)},
      {TENON_VECTOR_ROW("floor", 1, f32, Floor, Narrow)},
      {TENON_VECTOR_ROW("ceil", 1, f64, Ceil, Wide)},
      {TENON_VECTOR_ROW("ceil", 1, f32, Ceil, Narrow)},
      {TENON_VECTOR_ROW("round", 1, f64, Round, Wide)},
      {TENON_VECTOR_ROW("round", 1, f32, Round, Narrow)},
      {TENON_VECTOR_ROW("trunc", 1, f64, Trunc, Wide)},
      {TENON_VECTOR_ROW("trunc", 1, f32, Trunc, Narrow)},
      {TENON_VECTOR_ROW("exp", 8, f32, Exp, Narrow)},
      {TENON_VECTOR_ROW("expm1", 8, f32, Expm1, Narrow)},
      {TENON_VECTOR_ROW("log", 8, f32, Log, Narrow)},
      {TENON_VECTOR_ROW("log1p", 12, f32, Log1p, Narrow)},
      {TENON_VECTOR_ROW("tanh", 12, f32, Tanh, Narrow)},
      {TENON_VECTOR_ROW("sigmoid", 10, f32, Sigmoid, Narrow)},
      {TENON_VECTOR_ROW("silu", 10, f32, Silu, Narrow)},
      {TENON_VECTOR_ROW("gelu", 16, f32, Gelu, Narrow)},
      {TENON_VECTOR_ROW("geluTanh", 12, f32, GeluTanh, Narrow)},
      {TENON_VECTOR_ROW("softplus", 16, f32, Softplus, Narrow)},
      {TENON_VECTOR_ROW("logSigmoid", 16, f32, LogSigmoid, Narrow)},
      {TENON_VECTOR_ROW("erf", 16, f32, Erf, Narrow)},
      {TENON_VECTOR_ROW("erfc", 16, f32, Erfc, Narrow)},
      {TENON_VECTOR_ROW("sin", 16, f32, Sin, Half)},
      {TENON_VECTOR_ROW("cos", 16, f32, Cos, Half)},
  };
  append_table(rows, table);
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(append_rows);
void append_vector_rows(MapRows& rows) { HWY_DYNAMIC_DISPATCH(append_rows)(rows); }
}  // namespace tenon
#endif
