// Arithmetic, comparisons, copies and choices of the wide types, for each SIMD target.
#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/map_arithmetic.cc"
#include "hwy/foreach_target.h"

#include "kernels/map_loops-inl.h"

#include "kernels/map_expressions.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

using enum MapKind;

template <class T>
void append_numeric(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {"neg", 1, same, 1, dtype, unary_loop<expr::Neg, T>},
      {"abs", 1, same, 1, dtype, unary_loop<expr::Abs, T>},
      {"sign", 1, same, 1, dtype, unary_loop<expr::Sign, T>},
      {"square", 1, same, 1, dtype, unary_loop<expr::Square, T>},
      {"relu", 1, same, 1, dtype, unary_loop<expr::Relu, T>},
      {"add", 2, same, 1, dtype, binary_loop<expr::Add, T>},
      {"sub", 2, same, 1, dtype, binary_loop<expr::Sub, T>},
      {"mul", 2, same, 1, dtype, binary_loop<expr::Mul, T>},
      {"maximum", 2, same, 1, dtype, binary_loop<expr::Maximum, T>},
      {"minimum", 2, same, 1, dtype, binary_loop<expr::Minimum, T>},
      {"eq", 2, compare, 1, dtype, binary_loop<expr::Eq, T>},
      {"ne", 2, compare, 1, dtype, binary_loop<expr::Ne, T>},
      {"lt", 2, compare, 1, dtype, binary_loop<expr::Lt, T>},
      {"le", 2, compare, 1, dtype, binary_loop<expr::Le, T>},
      {"gt", 2, compare, 1, dtype, binary_loop<expr::Gt, T>},
      {"ge", 2, compare, 1, dtype, binary_loop<expr::Ge, T>},
      {"logicalNot", 1, compare, 1, dtype, unary_loop<expr::LogicalNot, T>},
  };
  rows.insert(rows.end(), std::begin(table), std::end(table));
}

template <class T>
void append_real(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {"div", 2, same, 1, dtype, binary_loop<expr::Div, T>},
      {"reciprocal", 1, same, 1, dtype, unary_loop<expr::Reciprocal, T>},
      {"sqrt", 1, same, 2, dtype, unary_loop<expr::Sqrt, T>},
      {"rsqrt", 1, same, 2, dtype, unary_loop<expr::Rsqrt, T>},
      {"isNan", 1, compare, 1, dtype, unary_loop<expr::IsNan, T>},
      {"isInf", 1, compare, 1, dtype, unary_loop<expr::IsInf, T>},
      {"isFinite", 1, compare, 1, dtype, unary_loop<expr::IsFinite, T>},
  };
  rows.insert(rows.end(), std::begin(table), std::end(table));
}

// Moving elements needs their size only.
void append_moves(MapRows& rows) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    const auto choose_kernel = [](MapKernel one, MapKernel two, MapKernel four, MapKernel eight,
                                  int64_t bytes) {
      return bytes == 8 ? eight : bytes == 4 ? four : bytes == 2 ? two : one;
    };
    rows.push_back({"copy", 1, same, 0, dtype,
                    choose_kernel(unary_loop<expr::Copy, uint8_t>, unary_loop<expr::Copy, uint16_t>,
                                  unary_loop<expr::Copy, uint32_t>,
                                  unary_loop<expr::Copy, uint64_t>, dtype_bytes(dtype))});
    rows.push_back({"where", 3, choose, 1, dtype,
                    choose_kernel(where_loop<uint8_t>, where_loop<uint16_t>, where_loop<uint32_t>,
                                  where_loop<uint64_t>, dtype_bytes(dtype))});
  }
}

void append_rows(MapRows& rows) {
  append_numeric<double>(rows, DType::f64);
  append_numeric<float>(rows, DType::f32);
  append_numeric<int64_t>(rows, DType::i64);
  append_numeric<int32_t>(rows, DType::i32);
  append_real<double>(rows, DType::f64);
  append_real<float>(rows, DType::f32);
  append_moves(rows);
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(append_rows);
void append_arithmetic_rows(MapRows& rows) { HWY_DYNAMIC_DISPATCH(append_rows)(rows); }
}  // namespace tenon
#endif
