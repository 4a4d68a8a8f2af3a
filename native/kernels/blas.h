// The functions of BLAS that tenon calls: CBLAS's, whose constants are fixed, and three of
// OpenBLAS. Not by cblas.h, which names the types of the system it was installed on.
#pragma once

// The OpenBLAS that ships has names of its own (scripts/dependencies.mjs), so that it cannot be
// taken for another one in the process.
#ifdef TENON_SHIPPED_BLAS
#define cblas_sgemm tenon_cblas_sgemm
#define cblas_dgemm tenon_cblas_dgemm
#define cblas_sgemv tenon_cblas_sgemv
#define cblas_dgemv tenon_cblas_dgemv
#define openblas_set_num_threads tenon_openblas_set_num_threads
#define openblas_get_config tenon_openblas_get_config
#define openblas_get_corename tenon_openblas_get_corename
#endif

extern "C" {
enum CBLAS_ORDER { CblasRowMajor = 101 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };

// c[m, n] = alpha * a b + beta * c
void cblas_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k,
                 float alpha, const float* a, int lda, const float* b, int ldb, float beta,
                 float* c, int ldc);
void cblas_dgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k,
                 double alpha, const double* a, int lda, const double* b, int ldb, double beta,
                 double* c, int ldc);

// y = alpha * a x + beta * y, a: [rows, cols]
void cblas_sgemv(CBLAS_ORDER order, CBLAS_TRANSPOSE ta, int rows, int cols, float alpha,
                 const float* a, int lda, const float* x, int incx, float beta, float* y, int incy);
void cblas_dgemv(CBLAS_ORDER order, CBLAS_TRANSPOSE ta, int rows, int cols, double alpha,
                 const double* a, int lda, const double* x, int incx, double beta, double* y,
                 int incy);

void openblas_set_num_threads(int n);
char* openblas_get_config(void);
char* openblas_get_corename(void);  // the processor whose kernels run
}
