// Functions of integers and bool that are not hot enough to be compiled for each SIMD target.
#include "kernels/map_rows-inl.h"

namespace tenon {
namespace {

using HWY_NAMESPACE::append_arithmetic;
using HWY_NAMESPACE::append_comparisons;
using HWY_NAMESPACE::append_table;
using HWY_NAMESPACE::binary_loop;
using HWY_NAMESPACE::unary_loop;

template <class T>
void append_bits(MapRows& rows, DType dtype) {
  const MapRow table[] = {
      {TENON_ROW2("bitwiseAnd", same, 1, expr::BitwiseAnd)},
      {TENON_ROW2("bitwiseOr", same, 1, expr::BitwiseOr)},
      {TENON_ROW2("bitwiseXor", same, 1, expr::BitwiseXor)},
  };
  append_table(rows, table);
}

template <class T>
void append_division_and_bits(MapRows& rows, DType dtype) {
  append_bits<T>(rows, dtype);
  const MapRow table[] = {
      {TENON_ROW1("bitwiseNot", same, 1, expr::BitwiseNot)},
      {TENON_ROW2("pow", same, 16, expr::Pow)},
      {TENON_ROW2("floorDivide", same, 8, expr::FloorDivide)},
      {TENON_ROW2("remainder", same, 8, expr::Remainder)},
      {TENON_ROW2("fmod", same, 8, expr::Fmod)},
      {TENON_ROW2("gcd", same, 64, expr::Gcd)},
      {TENON_ROW2("shiftLeft", same, 1, expr::ShiftLeft)},
      {TENON_ROW2("shiftRight", same, 1, expr::ShiftRight)},
  };
  append_table(rows, table);
}

// With what map_arithmetic.cc has for i64 and i32.
template <class T>
void append_all(MapRows& rows, DType dtype) {
  append_arithmetic<T>(rows, dtype);
  append_comparisons<T>(rows, dtype);
  append_division_and_bits<T>(rows, dtype);
}

// bool: bytes that are 0 or 1; on these the bitwise and the logical functions agree.
void append_bool(MapRows& rows) {
  using T = uint8_t;
  constexpr DType dtype = DType::boolean;
  append_comparisons<T>(rows, dtype);
  append_bits<T>(rows, dtype);
  const MapRow table[] = {
      {TENON_ROW1("bitwiseNot", same, 1, expr::LogicalNot)},
      {TENON_ROW2("logicalAnd", same, 1, expr::BitwiseAnd)},
      {TENON_ROW2("logicalOr", same, 1, expr::BitwiseOr)},
      {TENON_ROW2("logicalXor", same, 1, expr::BitwiseXor)},
  };
  append_table(rows, table);
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
