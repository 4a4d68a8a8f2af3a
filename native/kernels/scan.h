// Running results along the middle dim of x: [outer, n, inner], dense. Those of floats are kept in
// f64; integers wrap.
#pragma once

#include "engine/op.h"

namespace tenon {

// - recurrence: y[i] = a[i] y[i - 1] + x[i], from y[-1] = 0
// - max, min: also where they stand; of equal ones the latest; NaN stays, at its latest position
enum class Scan : uint8_t { sum, prod, log_sum_exp, recurrence, max, min };

// Columns [column, column + count) of one outer index, from the first row to the last, or back;
// where inner = 1, of `outers` of them, which lie behind each other.
struct ScanCall {
  const std::byte* x = nullptr;  // [n, inner] of that outer index
  const std::byte* a = nullptr;  // [n, inner], recurrence only
  std::byte* y = nullptr;        // [n, inner], may be x
  int64_t* at = nullptr;         // [n, inner], max and min only
  int64_t n = 0, inner = 1;
  int64_t column = 0, count = 1, outers = 1;
  bool reverse = false;
};
using ScanKernel = void (*)(const ScanCall&);

// Null where there is no such scan: sums and products take f64, f32 and i64, log_sum_exp and
// recurrence f64 and f32, max and min all but f16 and bf16.
ScanKernel find_scan(Scan kind, DType dtype, int64_t inner);

constexpr int64_t kScanColumns = 128;  // the most that `count` may be

}  // namespace tenon
