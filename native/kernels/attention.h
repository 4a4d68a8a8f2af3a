// The rows of a tile of attention scores, between two products of matrices. T is float or double;
// sums are taken in T within a row and in f64 over rows' pieces.
#pragma once

#include <cstdint>

namespace tenon {

// A row of scores has room for its columns rounded up to this: whole vectors are read and written.
constexpr int64_t kAttentionLanes = 32;

template <class T>
struct AttentionKernels {
  // One row of scores against some keys: the first `valid` of `n` columns take part. s becomes
  // exp(s + bias - max), and 0 from valid on; max and sum go on from what they were for the keys
  // before (at first -infinity and 0). Gives the factor for what was added up before. bias:
  // [valid], or null.
  T (*softmax_row)(T* s, const T* bias, int64_t valid, int64_t n, T* max, double* sum);
  // s becomes p = exp(s + bias - lse), and dp (the gradient by what p multiplies) the gradient by
  // the scores, p (dp - delta); both 0 from valid on. factors: [n], of dropout, or null; they
  // multiply dp at first and p at last.
  void (*grad_row)(T* s, T* dp, const T* bias, const T* factors, int64_t valid, int64_t n, T lse,
                   T delta);
  // out[j * out_ld + i] = x[i * ld + j], i < rows, j < cols.
  void (*turn)(const T* x, int64_t ld, int64_t rows, int64_t cols, T* out, int64_t out_ld);
};

template <class T>
const AttentionKernels<T>& attention_kernels();

}  // namespace tenon
