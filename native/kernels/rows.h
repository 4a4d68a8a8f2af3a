// Operations on each row of a dense [rows, n] array; T is float or double, n >= 1. Sums are taken
// in f64. An output may be an input's own memory.
#pragma once

#include <cstdint>

namespace tenon {

template <class T>
struct RowKernels {
  // y = exp(x - max) / sum; y = x - max - log(sum)
  void (*softmax)(const T* x, T* y, int64_t rows, int64_t n);
  void (*log_softmax)(const T* x, T* y, int64_t rows, int64_t n);
  // dx = y (dy - sum(y dy)); dx = dy - exp(y) sum(dy)
  void (*softmax_grad)(const T* y, const T* dy, T* dx, int64_t rows, int64_t n);
  void (*log_softmax_grad)(const T* y, const T* dy, T* dx, int64_t rows, int64_t n);
  // xhat = (x - mean) rstd, rstd [rows] = 1 / sqrt(var + eps), var divided by n
  void (*standardize)(const T* x, T* xhat, T* rstd, double eps, int64_t rows, int64_t n);
  // dx = rstd (dy - mean(dy) - xhat mean(dy xhat))
  void (*standardize_grad)(const T* xhat, const T* rstd, const T* dy, T* dx, int64_t rows,
                           int64_t n);
};

template <class T>
const RowKernels<T>& row_kernels();
template <>
const RowKernels<float>& row_kernels();
template <>
const RowKernels<double>& row_kernels();

}  // namespace tenon
