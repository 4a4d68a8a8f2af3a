// Arithmetic, comparisons, copies and choices of the wide types, for each SIMD target.
#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/map_arithmetic.cc"
#include "hwy/foreach_target.h"

#include "kernels/map_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

template <class T>
void append_numeric(MapRows& rows, DType dtype) {
  append_arithmetic<T>(rows, dtype);
  append_comparisons<T>(rows, dtype);
}

template <class T>
void append_real(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {TENON_ROW2("div", same, 1, expr::Div)},
      {TENON_ROW1("reciprocal", same, 1, expr::Reciprocal)},
      {TENON_ROW1("sqrt", same, 2, expr::Sqrt)},
      {TENON_ROW1("rsqrt", same, 2, expr::Rsqrt)},
      {TENON_ROW1("isNan", compare, 1, expr::IsNan)},
      {TENON_ROW1("isInf", compare, 1, expr::IsInf)},
      {TENON_ROW1("isFinite", compare, 1, expr::IsFinite)},
  };
  append_table(rows, table);
}

// Moving elements needs their size only.
void append_moves(MapRows& rows) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    const auto choose_kernel = [](MapKernel one, MapKernel two, MapKernel four, MapKernel eight,
                                  int64_t bytes) {
      return bytes == 8 ? eight : bytes == 4 ? four : bytes == 2 ? two : one;
    };
    rows.push_back({"copy", 1, MapKind::same, 0, dtype,
                    choose_kernel(unary_loop<expr::Copy, uint8_t>, unary_loop<expr::Copy, uint16_t>,
                                  unary_loop<expr::Copy, uint32_t>,
                                  unary_loop<expr::Copy, uint64_t>, dtype_bytes(dtype))});
    rows.push_back({"where", 3, MapKind::choose, 1, dtype,
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
