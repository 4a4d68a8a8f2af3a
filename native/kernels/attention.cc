#include "kernels/attention.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cc"
#include "hwy/foreach_target.h"

#include <cmath>
#include <limits>

#include "hwy/highway.h"
#include "kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

template <class T>
constexpr T kLowest = -std::numeric_limits<T>::infinity();

// Clears s[from, to).
template <class T>
HWY_INLINE void clear(T* s, int64_t from, int64_t to) {
  for (int64_t i = from; i < to; ++i) s[i] = 0;
}

// s += bias for i < valid, and -infinity up to the end of the last vector, so that loops over whole
// vectors need no rest. Gives the number of elements of those vectors.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE int64_t finish_scores(D d, T* s, const T* bias, int64_t valid) {
  if (bias) {
    TENON_IVDEP
    for (int64_t i = 0; i < valid; ++i) s[i] += bias[i];
  }
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = (valid + lanes - 1) / lanes * lanes;
  for (int64_t i = valid; i < whole; ++i) s[i] = kLowest<T>;
  return whole;
}

// NaN are passed over: they come out of the exponentials.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE T row_max(D d, const T* s, int64_t whole, T start) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto a = hn::Set(d, start), b = a;
  int64_t i = 0;
  for (; i + 2 * lanes <= whole; i += 2 * lanes) {
    const auto x = hn::LoadU(d, s + i), y = hn::LoadU(d, s + i + lanes);
    a = hn::IfThenElse(hn::Gt(x, a), x, a);
    b = hn::IfThenElse(hn::Gt(y, b), y, b);
  }
  if (i < whole) {
    const auto x = hn::LoadU(d, s + i);
    a = hn::IfThenElse(hn::Gt(x, a), x, a);
  }
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(a, b)));
}

// s = exp(s - shift); gives their sum.
HWY_INLINE double exp_row(hn::ScalableTag<float> d, float* s, int64_t whole, float shift) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto minus = hn::Set(d, shift);
  auto a = hn::Zero(d), b = a;
  int64_t i = 0;
  for (; i + 2 * lanes <= whole; i += 2 * lanes) {
    const auto x = exp(d, hn::Sub(hn::LoadU(d, s + i), minus));
    const auto y = exp(d, hn::Sub(hn::LoadU(d, s + i + lanes), minus));
    hn::StoreU(x, d, s + i);
    hn::StoreU(y, d, s + i + lanes);
    a = hn::Add(a, x);
    b = hn::Add(b, y);
  }
  if (i < whole) {
    const auto x = exp(d, hn::Sub(hn::LoadU(d, s + i), minus));
    hn::StoreU(x, d, s + i);
    a = hn::Add(a, x);
  }
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b))));
}

HWY_INLINE double exp_row(hn::ScalableTag<double>, double* s, int64_t whole, double shift) {
  double sum = 0;
  for (int64_t i = 0; i < whole; ++i) sum += s[i] = std::exp(s[i] - shift);
  return sum;
}

template <class T>
T softmax_row(T* s, const T* bias, int64_t valid, int64_t n, T* max, double* sum) {
  const hn::ScalableTag<T> d;
  const int64_t whole = finish_scores(d, s, bias, valid);
  const T before = *max;
  const T now = row_max(d, s, whole, before);
  // Nothing takes part so far; a NaN must not be lost, though.
  const T shift = now == kLowest<T> ? T(0) : now;
  *max = now;
  const T factor = std::exp(before - shift);
  *sum = *sum * static_cast<double>(factor) + exp_row(d, s, whole, shift);
  clear(s, whole, n);
  return factor;
}

template <class T>
void grad_row(T* s, T* dp, const T* bias, const T* factors, int64_t valid, int64_t n, T lse,
              T delta) {
  const hn::ScalableTag<T> d;
  const int64_t whole = finish_scores(d, s, bias, valid);
  exp_row(d, s, whole, lse);
  clear(s, whole, n);
  clear(dp, valid, n);
  if (factors) {
    TENON_IVDEP
    for (int64_t i = 0; i < valid; ++i) {
      dp[i] = s[i] * (dp[i] * factors[i] - delta);
      s[i] *= factors[i];
    }
    return;
  }
  TENON_IVDEP
  for (int64_t i = 0; i < valid; ++i) dp[i] = s[i] * (dp[i] - delta);
}

// Four rows of four.
#if HWY_TARGET != HWY_SCALAR
HWY_INLINE void turn_block(const float* x, int64_t ld, float* out, int64_t out_ld) {
  const hn::FixedTag<float, 4> d;
  const hn::FixedTag<double, 2> pairs;
  const auto a = hn::LoadU(d, x), b = hn::LoadU(d, x + ld);
  const auto c = hn::LoadU(d, x + 2 * ld), e = hn::LoadU(d, x + 3 * ld);
  const auto ab = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
  const auto ab_up = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
  const auto ce = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
  const auto ce_up = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab, ce)), d, out);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab, ce)), d, out + out_ld);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab_up, ce_up)), d, out + 2 * out_ld);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab_up, ce_up)), d, out + 3 * out_ld);
}
#endif
template <class T>
HWY_INLINE void turn_block(const T* x, int64_t ld, T* out, int64_t out_ld) {
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t j = 0; j < 4; ++j) out[j * out_ld + i] = x[i * ld + j];
  }
}

template <class T>
void turn(const T* x, int64_t ld, int64_t rows, int64_t cols, T* out, int64_t out_ld) {
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    int64_t j = 0;
    for (; j + 4 <= cols; j += 4) turn_block(x + i * ld + j, ld, out + j * out_ld + i, out_ld);
    for (; j < cols; ++j) {
      for (int64_t r = i; r < i + 4; ++r) out[j * out_ld + r] = x[r * ld + j];
    }
  }
  for (; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) out[j * out_ld + i] = x[i * ld + j];
  }
}

template <class T>
constexpr AttentionKernels<T> kKernels = {softmax_row<T>, grad_row<T>, turn<T>};

const AttentionKernels<float>& kernels_f32() { return kKernels<float>; }
const AttentionKernels<double>& kernels_f64() { return kKernels<double>; }

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(kernels_f32);
HWY_EXPORT(kernels_f64);

template <>
const AttentionKernels<float>& attention_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f32)();
}
template <>
const AttentionKernels<double>& attention_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f64)();
}
}  // namespace tenon
#endif
