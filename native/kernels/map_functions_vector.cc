// Functions that have their own vector code: transcendental functions of f32, and rounding.
#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/map_functions_vector.cc"
#include "hwy/foreach_target.h"

#include "kernels/map_loops-inl.h"
#include "kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

using enum MapKind;

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

using Wide = hn::ScalableTag<double>;
using Narrow = hn::ScalableTag<float>;
using Half = hn::Rebind<float, Wide>;  // as many lanes as f64 has

void append_rows(MapRows& rows) {
  constexpr DType f32 = DType::f32, f64 = DType::f64;
  const MapRow table[] = {
      {"floor", 1, same, 1, f64, vector_loop<Floor, Wide>},
      {"floor", 1, same, 1, f32, vector_loop<Floor, Narrow>},
      {"ceil", 1, same, 1, f64, vector_loop<Ceil, Wide>},
      {"ceil", 1, same, 1, f32, vector_loop<Ceil, Narrow>},
      {"round", 1, same, 1, f64, vector_loop<Round, Wide>},
      {"round", 1, same, 1, f32, vector_loop<Round, Narrow>},
      {"trunc", 1, same, 1, f64, vector_loop<Trunc, Wide>},
      {"trunc", 1, same, 1, f32, vector_loop<Trunc, Narrow>},
      {"exp", 1, same, 8, f32, vector_loop<Exp, Narrow>},
      {"expm1", 1, same, 8, f32, vector_loop<Expm1, Narrow>},
      {"log", 1, same, 8, f32, vector_loop<Log, Narrow>},
      {"log1p", 1, same, 12, f32, vector_loop<Log1p, Narrow>},
      {"tanh", 1, same, 12, f32, vector_loop<Tanh, Narrow>},
      {"sigmoid", 1, same, 10, f32, vector_loop<Sigmoid, Narrow>},
      {"silu", 1, same, 10, f32, vector_loop<Silu, Narrow>},
      {"gelu", 1, same, 16, f32, vector_loop<Gelu, Narrow>},
      {"geluTanh", 1, same, 12, f32, vector_loop<GeluTanh, Narrow>},
      {"softplus", 1, same, 16, f32, vector_loop<Softplus, Narrow>},
      {"logSigmoid", 1, same, 16, f32, vector_loop<LogSigmoid, Narrow>},
      {"erf", 1, same, 16, f32, vector_loop<Erf, Narrow>},
      {"erfc", 1, same, 16, f32, vector_loop<Erfc, Narrow>},
      {"sin", 1, same, 16, f32, vector_loop<Sin, Half>},
      {"cos", 1, same, 16, f32, vector_loop<Cos, Half>},
  };
  rows.insert(rows.end(), std::begin(table), std::end(table));
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
