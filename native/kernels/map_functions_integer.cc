// Functions of integers and bool that are not hot enough to be compiled for each SIMD target.
#include "kernels/map_expressions.h"
#include "kernels/map_loops-inl.h"

namespace tenon {
namespace {

using enum MapKind;
using HWY_NAMESPACE::binary_loop;
using HWY_NAMESPACE::unary_loop;

// What map_arithmetic.cc has for i64 and i32.
template <class T>
void append_basic(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {"neg", 1, same, 1, dtype, unary_loop<expr::Neg, T>},
      {"abs", 1, same, 1, dtype, unary_loop<expr::Abs, T>},
      {"sign", 1, same, 1, dtype, unary_loop<expr::Sign, T>},
      {"square", 1, same, 1, dtype, unary_loop<expr::Square, T>},
      {"relu", 1, same, 1, dtype, unary_loop<expr::Relu, T>},
      {"add", 2, same, 1, dtype, binary_loop<expr::Add, T>},
      {"sub", 2, same, 1, dtype, binary_loop<expr::Sub, T>},
      {"mul", 2, same, 1, dtype, binary_loop<expr::Mul, T>},
  };
  rows.insert(rows.end(), std::begin(table), std::end(table));
}

template <class T>
void append_comparisons(MapRows& rows, DType dtype) {
  const MapRow table[] = {
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
void append_division_and_bits(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {"pow", 2, same, 16, dtype, binary_loop<expr::Pow, T>},
      {"floorDivide", 2, same, 8, dtype, binary_loop<expr::FloorDivide, T>},
      {"remainder", 2, same, 8, dtype, binary_loop<expr::Remainder, T>},
      {"fmod", 2, same, 8, dtype, binary_loop<expr::Fmod, T>},
      {"bitwiseAnd", 2, same, 1, dtype, binary_loop<expr::BitwiseAnd, T>},
      {"bitwiseOr", 2, same, 1, dtype, binary_loop<expr::BitwiseOr, T>},
      {"bitwiseXor", 2, same, 1, dtype, binary_loop<expr::BitwiseXor, T>},
      {"bitwiseNot", 1, same, 1, dtype, unary_loop<expr::BitwiseNot, T>},
      {"shiftLeft", 2, same, 1, dtype, binary_loop<expr::ShiftLeft, T>},
      {"shiftRight", 2, same, 1, dtype, binary_loop<expr::ShiftRight, T>},
  };
  rows.insert(rows.end(), std::begin(table), std::end(table));
}

template <class T>
void append_all(MapRows& rows, DType dtype) {
  append_basic<T>(rows, dtype);
  append_comparisons<T>(rows, dtype);
  append_division_and_bits<T>(rows, dtype);
}

// bool: bytes that are 0 or 1; on these the bitwise and the logical functions agree.
void append_bool(MapRows& rows) {
  constexpr DType boolean = DType::boolean;
  append_comparisons<uint8_t>(rows, boolean);
  const MapRow table[] = {
      {"bitwiseAnd", 2, same, 1, boolean, binary_loop<expr::BitwiseAnd, uint8_t>},
      {"bitwiseOr", 2, same, 1, boolean, binary_loop<expr::BitwiseOr, uint8_t>},
      {"bitwiseXor", 2, same, 1, boolean, binary_loop<expr::BitwiseXor, uint8_t>},
      {"bitwiseNot", 1, same, 1, boolean, unary_loop<expr::LogicalNot, uint8_t>},
      {"logicalAnd", 2, same, 1, boolean, binary_loop<expr::BitwiseAnd, uint8_t>},
      {"logicalOr", 2, same, 1, boolean, binary_loop<expr::BitwiseOr, uint8_t>},
      {"logicalXor", 2, same, 1, boolean, binary_loop<expr::BitwiseXor, uint8_t>},
  };
  rows.insert(rows.end(), std::begin(table), std::end(table));
}

}  // namespace

void append_integer_rows(MapRows& rows) {
  append_division_and_bits<int64_t>(rows, DType::i64);
  append_division_and_bits<int32_t>(rows, DType::i32);
  append_all<int16_t>(rows, DType::i16);
  append_all<int8_t>(rows, DType::i8);
  append_all<uint64_t>(rows, DType::u64);
  append_all<uint32_t>(rows, DType::u32);
  append_all<uint16_t>(rows, DType::u16);
  append_all<uint8_t>(rows, DType::u8);
  append_bool(rows);
}

}  // namespace tenon
