#include "kernels/rows.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rows.cc"
#include "hwy/foreach_target.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "hwy/highway.h"
#include "kernels/map_expressions.h"
#include "kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

// A row is worked on in pieces that stay in cache between the exponentials and their sum.
constexpr int64_t kPiece = 1024;
constexpr int64_t kLanes = 32;  // partial sums side by side

HWY_INLINE void exp_shifted(const float* x, float shift, float* y, int64_t n) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto minus = hn::Set(d, shift);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(exp(d, hn::Sub(hn::LoadU(d, x + i), minus)), d, y + i);
  }
  if (i == n) return;
  HWY_ALIGN float rest[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(rest, x + i, static_cast<size_t>(n - i) * sizeof(float));
  hn::Store(exp(d, hn::Sub(hn::Load(d, rest), minus)), d, rest);
  std::memcpy(y + i, rest, static_cast<size_t>(n - i) * sizeof(float));
}

HWY_INLINE void exp_shifted(const double* x, double shift, double* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::exp(x[i] - shift);
}

// Folds term(i) for i in [0, n) with f, in kLanes lanes.
template <class F, class A, class Term>
HWY_INLINE A fold(A start, int64_t n, const Term& term) {
  int64_t i = 0;
  if (n < kLanes) {
    for (; i < n; ++i) start = F::of(start, term(i));
    return start;
  }
  A lanes[kLanes];
  std::fill_n(lanes, kLanes, start);
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) lanes[l] = F::of(lanes[l], term(i + l));
  }
  A rest = start;
  for (; i < n; ++i) rest = F::of(rest, term(i));
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t l = 0; l < half; ++l) lanes[l] = F::of(lanes[l], lanes[l + half]);
  }
  return F::of(lanes[0], rest);
}

// The terms are structs, not lambdas: clang gives a lambda no target.
template <class T>
struct Element {
  const T* x;
  HWY_INLINE T operator()(int64_t i) const { return x[i]; }
};
template <class T>
struct WideElement {
  const T* x;
  HWY_INLINE double operator()(int64_t i) const { return static_cast<double>(x[i]); }
};
template <class T>
struct Product {
  const T *a, *b;
  HWY_INLINE double operator()(int64_t i) const {
    return static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
};
template <class T>
struct Deviation {
  const T* x;
  double mean;
  HWY_INLINE double operator()(int64_t i) const {
    const double d = static_cast<double>(x[i]) - mean;
    return d * d;
  }
};

template <class T>
HWY_INLINE T row_max(const T* x, int64_t n) {
  return fold<expr::Maximum>(-std::numeric_limits<T>::infinity(), n, Element<T>{x});
}

template <class T, class Term>
HWY_INLINE double row_sum(int64_t n, const Term& term) {
  return fold<expr::Add>(0.0, n, term);
}

template <class T>
void softmax(const T* x, T* y, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const T largest = row_max(x, n);
    double sum = 0;
    for (int64_t i = 0; i < n; i += kPiece) {
      const int64_t count = std::min(kPiece, n - i);
      exp_shifted(x + i, largest, y + i, count);
      sum += row_sum<T>(count, WideElement<T>{y + i});
    }
    const T factor = static_cast<T>(1 / sum);
    for (int64_t i = 0; i < n; ++i) y[i] *= factor;
  }
}

template <class T>
void log_softmax(const T* x, T* y, int64_t rows, int64_t n) {
  HWY_ALIGN T piece[kPiece];
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const T largest = row_max(x, n);
    double sum = 0;
    for (int64_t i = 0; i < n; i += kPiece) {
      const int64_t count = std::min(kPiece, n - i);
      exp_shifted(x + i, largest, piece, count);
      sum += row_sum<T>(count, WideElement<T>{piece});
    }
    const T log_sum = static_cast<T>(std::log(sum));
    TENON_IVDEP
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - largest) - log_sum;
  }
}

template <class T>
void softmax_grad(const T* y, const T* dy, T* dx, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, y += n, dy += n, dx += n) {
    const T dot = static_cast<T>(row_sum<T>(n, Product<T>{y, dy}));
    TENON_IVDEP
    for (int64_t i = 0; i < n; ++i) dx[i] = y[i] * (dy[i] - dot);
  }
}

template <class T>
void log_softmax_grad(const T* y, const T* dy, T* dx, int64_t rows, int64_t n) {
  HWY_ALIGN T piece[kPiece];
  for (int64_t r = 0; r < rows; ++r, y += n, dy += n, dx += n) {
    const T sum = static_cast<T>(row_sum<T>(n, WideElement<T>{dy}));
    for (int64_t i = 0; i < n; i += kPiece) {
      const int64_t count = std::min(kPiece, n - i);
      exp_shifted(y + i, T(0), piece, count);
      TENON_IVDEP
      for (int64_t j = 0; j < count; ++j) dx[i + j] = dy[i + j] - piece[j] * sum;
    }
  }
}

template <class T>
void standardize(const T* x, T* xhat, T* rstd, double eps, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += n, xhat += n) {
    const double mean = row_sum<T>(n, WideElement<T>{x}) / static_cast<double>(n);
    const double variance = row_sum<T>(n, Deviation<T>{x, mean}) / static_cast<double>(n);
    const double scale = 1 / std::sqrt(variance + eps);
    rstd[r] = static_cast<T>(scale);
    TENON_IVDEP
    for (int64_t i = 0; i < n; ++i) {
      xhat[i] = static_cast<T>((static_cast<double>(x[i]) - mean) * scale);
    }
  }
}

template <class T>
void standardize_grad(const T* xhat, const T* rstd, const T* dy, T* dx, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, xhat += n, dy += n, dx += n) {
    const T mean = static_cast<T>(row_sum<T>(n, WideElement<T>{dy}) / static_cast<double>(n));
    const T along = static_cast<T>(row_sum<T>(n, Product<T>{dy, xhat}) / static_cast<double>(n));
    const T scale = rstd[r];
    TENON_IVDEP
    for (int64_t i = 0; i < n; ++i) dx[i] = scale * ((dy[i] - mean) - xhat[i] * along);
  }
}

template <class T>
constexpr RowKernels<T> kKernels = {softmax<T>,          log_softmax<T>, softmax_grad<T>,
                                    log_softmax_grad<T>, standardize<T>, standardize_grad<T>};

const RowKernels<float>& kernels_f32() { return kKernels<float>; }
const RowKernels<double>& kernels_f64() { return kKernels<double>; }

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(kernels_f32);
HWY_EXPORT(kernels_f64);

template <>
const RowKernels<float>& row_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f32)();
}
template <>
const RowKernels<double>& row_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f64)();
}
}  // namespace tenon
#endif
