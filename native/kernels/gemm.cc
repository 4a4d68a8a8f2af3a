#include "kernels/gemm.h"

#include <algorithm>

#include "kernels/blas.h"
#include "kernels/few_rows.h"

namespace tenon {

namespace {

// Under these sizes a call of BLAS costs more than the product (measured: Zen 5, OpenBLAS 0.3.21).
constexpr int64_t kTinyProduct = 256;

// Rows of b in one block of the integer loop; with kIntegerCols columns it stays in L1.
constexpr int64_t kIntegerDepth = 16, kIntegerCols = 256;

CBLAS_TRANSPOSE flag(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

void blas_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha,
               const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void blas_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, double alpha,
               const double* a, int lda, const double* b, int ldb, double beta, double* c,
               int ldc) {
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void blas_gemv(CBLAS_TRANSPOSE ta, int rows, int cols, float alpha, const float* a, int lda,
               const float* x, int incx, float* y, int incy) {
  cblas_sgemv(CblasRowMajor, ta, rows, cols, alpha, a, lda, x, incx, 1.0f, y, incy);
}
void blas_gemv(CBLAS_TRANSPOSE ta, int rows, int cols, double alpha, const double* a, int lda,
               const double* x, int incx, double* y, int incy) {
  cblas_dgemv(CblasRowMajor, ta, rows, cols, alpha, a, lda, x, incx, 1.0, y, incy);
}

template <class T>
void clear(int64_t M, int64_t N, T* c, int64_t ldc) {
  for (int64_t m = 0; m < M; m++) std::fill_n(c + m * ldc, N, T{0});
}

// y[rows] += alpha * a x, a: [rows, cols]
template <class T>
void matrix_vector(int64_t rows, int64_t cols, T alpha, const T* a, MatrixLayout layout, const T* x,
                   int64_t incx, T* y, int64_t incy) {
  // BLAS is told of the matrix as it is stored, so a transposed one has its sizes exchanged.
  const int stored_rows = static_cast<int>(layout.transposed ? cols : rows);
  const int stored_cols = static_cast<int>(layout.transposed ? rows : cols);
  blas_gemv(flag(layout.transposed), stored_rows, stored_cols, alpha, a,
            static_cast<int>(layout.ld), x, static_cast<int>(incx), y, static_cast<int>(incy));
}

template <class T>
void tiny_product(int64_t M, int64_t N, int64_t K, T alpha, const T* a, MatrixLayout al, const T* b,
                  MatrixLayout bl, bool accumulate, T* c, int64_t ldc) {
  for (int64_t m = 0; m < M; m++) {
    for (int64_t n = 0; n < N; n++) {
      T sum = 0;
      for (int64_t k = 0; k < K; k++) {
        sum += a[m * al.row_stride() + k * al.col_stride()] *
               b[k * bl.row_stride() + n * bl.col_stride()];
      }
      T& out = c[m * ldc + n];
      out = accumulate ? out + alpha * sum : alpha * sum;
    }
  }
}

template <class T>
void product(int64_t M, int64_t N, int64_t K, T alpha, const T* a, MatrixLayout al, const T* b,
             MatrixLayout bl, bool accumulate, T* c, int64_t ldc) {
  if (M == 0 || N == 0) return;
  if (K == 0) {
    if (!accumulate) clear(M, N, c, ldc);
    return;
  }
  // Sizes one by one, because their product may not fit.
  if (M <= kTinyProduct && N <= kTinyProduct && K <= kTinyProduct && M * N * K <= kTinyProduct) {
    tiny_product(M, N, K, alpha, a, al, b, bl, accumulate, c, ldc);
    return;
  }
  if (M == 1 || N == 1) {
    // Zeros first and then +=: what BLAS does with beta = 0 and a NaN in c differs between
    // versions.
    if (!accumulate) clear(M, N, c, ldc);
    if (N == 1) {
      matrix_vector(M, K, alpha, a, al, b, bl.row_stride(), c, ldc);
    } else {
      const MatrixLayout turned{bl.ld, !bl.transposed};
      matrix_vector(N, K, alpha, b, turned, a, al.col_stride(), c, int64_t{1});
    }
    return;
  }
  if (bl.transposed && !al.transposed && is_for_few_rows(M, N, K)) {
    multiply_few_rows(M, N, K, alpha, a, al.ld, b, bl.ld, accumulate, c, ldc);
    return;
  }
  blas_gemm(flag(al.transposed), flag(bl.transposed), static_cast<int>(M), static_cast<int>(N),
            static_cast<int>(K), alpha, a, static_cast<int>(al.ld), b, static_cast<int>(bl.ld),
            accumulate ? T{1} : T{0}, c, static_cast<int>(ldc));
}

}  // namespace

void init_blas() { openblas_set_num_threads(1); }

void gemm(int64_t M, int64_t N, int64_t K, float alpha, const float* a, MatrixLayout a_layout,
          const float* b, MatrixLayout b_layout, bool accumulate, float* c, int64_t ldc) {
  product(M, N, K, alpha, a, a_layout, b, b_layout, accumulate, c, ldc);
}
void gemm(int64_t M, int64_t N, int64_t K, double alpha, const double* a, MatrixLayout a_layout,
          const double* b, MatrixLayout b_layout, bool accumulate, double* c, int64_t ldc) {
  product(M, N, K, alpha, a, a_layout, b, b_layout, accumulate, c, ldc);
}

template <class T>
void gemm_integer(int64_t M, int64_t N, int64_t K, const T* a, MatrixLayout al, const T* b,
                  MatrixLayout bl, T* c, int64_t ldc) {
  const int64_t bs = bl.col_stride();
  clear(M, N, c, ldc);
  for (int64_t n0 = 0; n0 < N; n0 += kIntegerCols) {
    const int64_t cols = std::min(kIntegerCols, N - n0);
    for (int64_t k0 = 0; k0 < K; k0 += kIntegerDepth) {
      const int64_t k1 = std::min(k0 + kIntegerDepth, K);
      for (int64_t m = 0; m < M; m++) {
        T* row = c + m * ldc + n0;
        for (int64_t k = k0; k < k1; k++) {
          const T factor = a[m * al.row_stride() + k * al.col_stride()];
          const T* other = b + k * bl.row_stride() + n0 * bs;
          for (int64_t n = 0; n < cols; n++) row[n] += factor * other[n * bs];
        }
      }
    }
  }
}

template void gemm_integer<uint32_t>(int64_t, int64_t, int64_t, const uint32_t*, MatrixLayout,
                                     const uint32_t*, MatrixLayout, uint32_t*, int64_t);
template void gemm_integer<uint64_t>(int64_t, int64_t, int64_t, const uint64_t*, MatrixLayout,
                                     const uint64_t*, MatrixLayout, uint64_t*, int64_t);

}  // namespace tenon
