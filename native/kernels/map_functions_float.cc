// Functions of f64 and f32 that are taken from the C++ library, element by element.
#include "kernels/map_rows-inl.h"

namespace tenon {
namespace {

using HWY_NAMESPACE::append_table;
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
TENON_UNARY(Silu, return a * Sigmoid::of(a);)
TENON_UNARY(Softplus, return (a < 0 ? T(0) : a) + std::log1p(std::exp(-std::fabs(a)));)
TENON_UNARY(LogSigmoid, return -Softplus::of(-a);)
TENON_UNARY(Gelu, return a * (T(0.5) * std::erfc(a * T(-0.70710678118654752440)));)
TENON_UNARY(GeluTanh, {
  const T factor = T(1.5957691216057307117) + T(0.071354816272600237) * a * a;
  return a * Sigmoid::of(a * factor);
})

template <class T>
void append_both(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {TENON_ROW1("exp2", same, 16, Exp2)},
      {TENON_ROW1("log2", same, 16, Log2)},
      {TENON_ROW1("log10", same, 32, Log10)},
      {TENON_ROW1("tan", same, 48, Tan)},
      {TENON_ROW1("asin", same, 32, Asin)},
      {TENON_ROW1("acos", same, 32, Acos)},
      {TENON_ROW1("atan", same, 32, Atan)},
      {TENON_ROW1("sinh", same, 48, Sinh)},
      {TENON_ROW1("cosh", same, 48, Cosh)},
      {TENON_ROW1("asinh", same, 48, Asinh)},
      {TENON_ROW1("acosh", same, 48, Acosh)},
      {TENON_ROW1("atanh", same, 48, Atanh)},
      {TENON_ROW2("atan2", same, 48, Atan2)},
      {TENON_ROW2("pow", same, 48, expr::Pow)},
      {TENON_ROW2("fmod", same, 32, expr::Fmod)},
      {TENON_ROW2("remainder", same, 32, expr::Remainder)},
      {TENON_ROW2("floorDivide", same, 32, expr::FloorDivide)},
  };
  append_table(rows, table);
}

void append_f64(MapRows& rows) {
  using T = double;
  constexpr DType dtype = DType::f64;
  const MapRow table[] = {
      {TENON_ROW1("exp", same, 16, Exp)},
      {TENON_ROW1("expm1", same, 32, Expm1)},
      {TENON_ROW1("log", same, 16, Log)},
      {TENON_ROW1("log1p", same, 32, Log1p)},
      {TENON_ROW1("tanh", same, 48, Tanh)},
      {TENON_ROW1("sigmoid", same, 32, Sigmoid)},
      {TENON_ROW1("silu", same, 32, Silu)},
      {TENON_ROW1("gelu", same, 48, Gelu)},
      {TENON_ROW1("geluTanh", same, 32, GeluTanh)},
      {TENON_ROW1("softplus", same, 48, Softplus)},
      {TENON_ROW1("logSigmoid", same, 48, LogSigmoid)},
      {TENON_ROW1("erf", same, 48, Erf)},
      {TENON_ROW1("erfc", same, 48, Erfc)},
      {TENON_ROW1("sin", same, 32, Sin)},
      {TENON_ROW1("cos", same, 32, Cos)},
  };
  append_table(rows, table);
}

}  // namespace

void append_float_rows(MapRows& rows) {
  append_both<double>(rows, DType::f64);
  append_both<float>(rows, DType::f32);
  append_f64(rows);
}

}  // namespace tenon
