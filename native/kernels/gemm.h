// Products of two matrices: BLAS for floats, a blocked loop for integers.
#pragma once

#include <cstdint>

namespace tenon {

// A matrix [rows, cols] whose rows lie `ld` elements apart, or, transposed, whose columns do.
struct MatrixLayout {
  int64_t ld = 1;
  bool transposed = false;
  int64_t row_stride() const { return transposed ? 1 : ld; }
  int64_t col_stride() const { return transposed ? ld : 1; }
};

// Makes BLAS run on the calling thread only. Idempotent.
void init_blas();

// c = alpha * a b, or c += alpha * a b when accumulate. Sizes and leading dimensions fit in int.
// a: [M, K]   b: [K, N]   c: [M, N], rows ldc apart
void gemm(int64_t M, int64_t N, int64_t K, float alpha, const float* a, MatrixLayout a_layout,
          const float* b, MatrixLayout b_layout, bool accumulate, float* c, int64_t ldc);
void gemm(int64_t M, int64_t N, int64_t K, double alpha, const double* a, MatrixLayout a_layout,
          const double* b, MatrixLayout b_layout, bool accumulate, double* c, int64_t ldc);

// c = a b, wrapping. T: uint32_t or uint64_t, which stand for the signed types too.
template <class T>
void gemm_integer(int64_t M, int64_t N, int64_t K, const T* a, MatrixLayout a_layout, const T* b,
                  MatrixLayout b_layout, T* c, int64_t ldc);

}  // namespace tenon
