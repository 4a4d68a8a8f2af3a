// Products of few rows with a transposed factor, as a layer has them that sees few samples.
#pragma once

#include <cstdint>

namespace tenon {

// Whether it beats BLAS, which packs b each time: M = 4, N = K = 1024 runs at 148 Gflop/s instead
// of 28, M = 16 at 182 instead of 87, M = 32 with K = 256 at 178 instead of 145 (one core of Zen 5,
// f32, OpenBLAS 0.3.21). OpenBLAS does not pack small matrices, and is ahead there.
constexpr bool is_for_few_rows(int64_t M, int64_t N, int64_t K) {
  constexpr int64_t kMostRows = 32, kDepthOfRow = 8, kSmall = 1200;
  return M > 1 && M <= kMostRows && K >= kDepthOfRow * M && N > kSmall / M;
}

// c[m, n] = alpha * sum_k a[m, k] b[n, k], or c += that when accumulate; lda, ldb and ldc lie
// between rows. T: float or double.
template <class T>
void multiply_few_rows(int64_t M, int64_t N, int64_t K, T alpha, const T* a, int64_t lda,
                       const T* b, int64_t ldb, bool accumulate, T* c, int64_t ldc);

}  // namespace tenon
