// Functions of f64 and f32 that are taken from the C++ library, element by element.
#include "kernels/map_expressions.h"
#include "kernels/map_loops-inl.h"

namespace tenon {
namespace {

using enum MapKind;
using HWY_NAMESPACE::binary_loop;
using HWY_NAMESPACE::unary_loop;

#define TENON_STD(Name, function) TENON_UNARY(Name, return std::function(a);)
TENON_STD(Exp, exp)
TENON_STD(Exp2, exp2)
TENON_STD(Expm1, expm1)
TENON_STD(Log, log)
TENON_STD(Log2, log2)
TENON_STD(Log10, log10)
TENON_STD(Log1p, log1p)
TENON_STD(Sin, sin)
TENON_STD(Cos, cos)
TENON_STD(Tan, tan)
TENON_STD(Asin, asin)
TENON_STD(Acos, acos)
TENON_STD(Atan, atan)
TENON_STD(Sinh, sinh)
TENON_STD(Cosh, cosh)
TENON_STD(Tanh, tanh)
TENON_STD(Asinh, asinh)
TENON_STD(Acosh, acosh)
TENON_STD(Atanh, atanh)
TENON_STD(Erf, erf)
TENON_STD(Erfc, erfc)
TENON_BINARY(Atan2, return std::atan2(a, b);)

// The same forms as in vector_math-inl.h: exponentials never overflow, and left tails keep their
// digits.
TENON_UNARY(Sigmoid, {
  const T e = std::exp(-std::fabs(a));
  return (a < 0 ? e : T(1)) / (1 + e);
})
TENON_UNARY(Silu, {
  const T kept = a < -800 ? T(-800) : a;
  return kept * Sigmoid::of(kept);
})
TENON_UNARY(Softplus, return (a < 0 ? T(0) : a) + std::log1p(std::exp(-std::fabs(a)));)
TENON_UNARY(LogSigmoid, return -Softplus::of(-a);)
TENON_UNARY(Gelu, {
  const T kept = a < -50 ? T(-50) : a;
  return kept * (T(0.5) * std::erfc(kept * T(-0.70710678118654752440)));
})
TENON_UNARY(GeluTanh, {
  const T kept = a < -50 ? T(-50) : a;
  const T factor = T(1.5957691216057307117) + T(0.071354816272600237) * kept * kept;
  return kept * Sigmoid::of(kept * factor);
})

template <class T>
void append_both(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {"exp2", 1, same, 16, dtype, unary_loop<Exp2, T>},
      {"log2", 1, same, 16, dtype, unary_loop<Log2, T>},
      {"log10", 1, same, 32, dtype, unary_loop<Log10, T>},
      {"tan", 1, same, 48, dtype, unary_loop<Tan, T>},
      {"asin", 1, same, 32, dtype, unary_loop<Asin, T>},
      {"acos", 1, same, 32, dtype, unary_loop<Acos, T>},
      {"atan", 1, same, 32, dtype, unary_loop<Atan, T>},
      {"sinh", 1, same, 48, dtype, unary_loop<Sinh, T>},
      {"cosh", 1, same, 48, dtype, unary_loop<Cosh, T>},
      {"asinh", 1, same, 48, dtype, unary_loop<Asinh, T>},
      {"acosh", 1, same, 48, dtype, unary_loop<Acosh, T>},
      {"atanh", 1, same, 48, dtype, unary_loop<Atanh, T>},
      {"atan2", 2, same, 48, dtype, binary_loop<Atan2, T>},
      {"pow", 2, same, 48, dtype, binary_loop<expr::Pow, T>},
      {"fmod", 2, same, 32, dtype, binary_loop<expr::Fmod, T>},
      {"remainder", 2, same, 32, dtype, binary_loop<expr::Remainder, T>},
      {"floorDivide", 2, same, 32, dtype, binary_loop<expr::FloorDivide, T>},
  };
  rows.insert(rows.end(), std::begin(table), std::end(table));
}

void append_f64(MapRows& rows) {
  constexpr DType f64 = DType::f64;
  const MapRow table[] = {
      {"exp", 1, same, 16, f64, unary_loop<Exp, double>},
      {"expm1", 1, same, 32, f64, unary_loop<Expm1, double>},
      {"log", 1, same, 16, f64, unary_loop<Log, double>},
      {"log1p", 1, same, 32, f64, unary_loop<Log1p, double>},
      {"tanh", 1, same, 48, f64, unary_loop<Tanh, double>},
      {"sigmoid", 1, same, 32, f64, unary_loop<Sigmoid, double>},
      {"silu", 1, same, 32, f64, unary_loop<Silu, double>},
      {"gelu", 1, same, 48, f64, unary_loop<Gelu, double>},
      {"geluTanh", 1, same, 32, f64, unary_loop<GeluTanh, double>},
      {"softplus", 1, same, 48, f64, unary_loop<Softplus, double>},
      {"logSigmoid", 1, same, 48, f64, unary_loop<LogSigmoid, double>},
      {"erf", 1, same, 48, f64, unary_loop<Erf, double>},
      {"erfc", 1, same, 48, f64, unary_loop<Erfc, double>},
      {"sin", 1, same, 32, f64, unary_loop<Sin, double>},
      {"cos", 1, same, 32, f64, unary_loop<Cos, double>},
  };
  rows.insert(rows.end(), std::begin(table), std::end(table));
}

}  // namespace

void append_float_rows(MapRows& rows) {
  append_both<double>(rows, DType::f64);
  append_both<float>(rows, DType::f32);
  append_f64(rows);
}

}  // namespace tenon
