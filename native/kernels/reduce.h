// Reductions of the middle dim of x: [outer, n, inner], dense. Sums and products of f32 and f64 are
// taken in f64, f64 sums pairwise above that; integers wrap.
#pragma once

#include "engine/op.h"

namespace tenon {

enum class Reduction : uint8_t { sum, prod, max, min };

// Reduces rows [begin, end) of the middle dim for columns [column, column + count) of one outer
// index.
struct ReduceCall {
  const std::byte* x = nullptr;  // [n, inner] of that outer index
  std::byte* y = nullptr;        // [count]: column `column` of the result
  int64_t inner = 1;
  int64_t begin = 0, end = 0;
  int64_t column = 0, count = 1;
};
using ReduceKernel = void (*)(const ReduceCall&);

// The result is of `to`: the dtype of x, or f64 for partial results of f32. Null where there is no
// such reduction.
ReduceKernel find_reduce(Reduction kind, DType from, DType to);

// The same, but y is i64 and holds the first index of the largest or smallest element (of the first
// NaN if there is one).
ReduceKernel find_arg_reduce(bool largest, DType from);

constexpr int64_t kReduceColumns = 256;  // the most that `count` may be
constexpr int64_t kReduceLanes = 64;  // partial results of one column, where it has that many rows

}  // namespace tenon
