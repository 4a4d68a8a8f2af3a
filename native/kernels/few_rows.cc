#include "kernels/few_rows.h"

#define TENON_SIZED_VECTORS
#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/few_rows.cc"
#include "hwy/foreach_target.h"

#include <algorithm>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// A tile of c: so many sums fit into the registers, and keep the multipliers busy.
constexpr int64_t kTileRows = 4;
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int64_t kTileCols = 6;
#else
constexpr int64_t kTileCols = 3;
#endif

template <class T>
struct Product {
  int64_t K, lda, ldb, ldc;
  T alpha;
  bool accumulate;
};

// c: [rows, cols]
template <int rows, int cols, class T>
void multiply_tile(const Product<T>& p, const T* HWY_RESTRICT a, const T* HWY_RESTRICT b, T* c) {
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> sums[rows][cols];
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 6
    for (int n = 0; n < cols; ++n) sums[r][n] = hn::Zero(d);
  }
  int64_t k = 0;
  for (; k + lanes <= p.K; k += lanes) {
    hn::Vec<decltype(d)> left[rows];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) left[r] = hn::LoadU(d, a + r * p.lda + k);
#pragma GCC unroll 6
    for (int n = 0; n < cols; ++n) {
      const auto right = hn::LoadU(d, b + n * p.ldb + k);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) sums[r][n] = hn::MulAdd(left[r], right, sums[r][n]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 6
    for (int n = 0; n < cols; ++n) {
      T sum = hn::GetLane(hn::SumOfLanes(d, sums[r][n]));
      for (int64_t i = k; i < p.K; ++i) sum += a[r * p.lda + i] * b[n * p.ldb + i];
      T& out = c[r * p.ldc + n];
      out = p.accumulate ? out + p.alpha * sum : p.alpha * sum;
    }
  }
}

template <int rows, int cols, class T>
void multiply_cols(int64_t width, const Product<T>& p, const T* a, const T* b, T* c) {
  if constexpr (cols > 1) {
    if (width < cols) return multiply_cols<rows, cols - 1>(width, p, a, b, c);
  }
  multiply_tile<rows, cols>(p, a, b, c);
}

template <int rows, class T>
void multiply_rows(int64_t height, int64_t width, const Product<T>& p, const T* a, const T* b,
                   T* c) {
  if constexpr (rows > 1) {
    if (height < rows) return multiply_rows<rows - 1>(height, width, p, a, b, c);
  }
  multiply_cols<rows, kTileCols>(width, p, a, b, c);
}

template <class T>
void multiply(int64_t M, int64_t N, int64_t K, T alpha, const T* a, int64_t lda, const T* b,
              int64_t ldb, bool accumulate, T* c, int64_t ldc) {
  const Product<T> p{K, lda, ldb, ldc, alpha, accumulate};
  for (int64_t n = 0; n < N; n += kTileCols) {
    const int64_t width = std::min(kTileCols, N - n);
    for (int64_t m = 0; m < M; m += kTileRows) {
      multiply_rows<kTileRows>(std::min(kTileRows, M - m), width, p, a + m * lda, b + n * ldb,
                               c + m * ldc + n);
    }
  }
}

void multiply_f32(int64_t M, int64_t N, int64_t K, float alpha, const float* a, int64_t lda,
                  const float* b, int64_t ldb, bool accumulate, float* c, int64_t ldc) {
  multiply(M, N, K, alpha, a, lda, b, ldb, accumulate, c, ldc);
}
void multiply_f64(int64_t M, int64_t N, int64_t K, double alpha, const double* a, int64_t lda,
                  const double* b, int64_t ldb, bool accumulate, double* c, int64_t ldc) {
  multiply(M, N, K, alpha, a, lda, b, ldb, accumulate, c, ldc);
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(multiply_f32);
HWY_EXPORT(multiply_f64);

template <>
void multiply_few_rows(int64_t M, int64_t N, int64_t K, float alpha, const float* a, int64_t lda,
                       const float* b, int64_t ldb, bool accumulate, float* c, int64_t ldc) {
  HWY_DYNAMIC_DISPATCH(multiply_f32)(M, N, K, alpha, a, lda, b, ldb, accumulate, c, ldc);
}
template <>
void multiply_few_rows(int64_t M, int64_t N, int64_t K, double alpha, const double* a, int64_t lda,
                       const double* b, int64_t ldb, bool accumulate, double* c, int64_t ldc) {
  HWY_DYNAMIC_DISPATCH(multiply_f64)(M, N, K, alpha, a, lda, b, ldb, accumulate, c, ldc);
}

}  // namespace tenon
#endif
