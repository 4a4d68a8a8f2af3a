// Lines of the function tables, and the rows that several tables share, for the target at hand.
#if defined(TENON_MAP_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TENON_MAP_ROWS_INL_H_
#undef TENON_MAP_ROWS_INL_H_
#else
#define TENON_MAP_ROWS_INL_H_
#endif

#include "kernels/map_expressions.h"
#include "kernels/map_loops-inl.h"

// The fields of a MapRow; `dtype` and its type T are those around it.
#define TENON_ROW1(name, kind, cost, ...) \
  name, 1, MapKind::kind, cost, dtype, unary_loop<__VA_ARGS__, T>
#define TENON_ROW2(name, kind, cost, ...) \
  name, 2, MapKind::kind, cost, dtype, binary_loop<__VA_ARGS__, T>

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {

template <int n>
void append_table(MapRows& rows, const MapRow (&table)[n]) {
  rows.insert(rows.end(), table, table + n);
}

template <class T>
void append_arithmetic(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {TENON_ROW1("neg", same, 1, expr::Neg)},   {TENON_ROW1("abs", same, 1, expr::Abs)},
      {TENON_ROW1("sign", same, 1, expr::Sign)}, {TENON_ROW1("square", same, 1, expr::Square)},
      {TENON_ROW1("relu", same, 1, expr::Relu)}, {TENON_ROW2("add", same, 1, expr::Add)},
      {TENON_ROW2("sub", same, 1, expr::Sub)},   {TENON_ROW2("mul", same, 1, expr::Mul)},
  };
  append_table(rows, table);
}

template <class T>
void append_comparisons(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {TENON_ROW2("maximum", same, 1, expr::Maximum)},
      {TENON_ROW2("minimum", same, 1, expr::Minimum)},
      {TENON_ROW2("eq", compare, 1, expr::Eq)},
      {TENON_ROW2("ne", compare, 1, expr::Ne)},
      {TENON_ROW2("lt", compare, 1, expr::Lt)},
      {TENON_ROW2("le", compare, 1, expr::Le)},
      {TENON_ROW2("gt", compare, 1, expr::Gt)},
      {TENON_ROW2("ge", compare, 1, expr::Ge)},
      {TENON_ROW1("logicalNot", compare, 1, expr::LogicalNot)},
      {TENON_ROW1("signbit", compare, 1, expr::Signbit)},
  };
  append_table(rows, table);
}

}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
