// Layer normalisation of dense rows [rows, n] with a weight and perhaps a bias, and its gradients
// in one pass; T is float or double, n >= 1. Sums are taken in f64.
#pragma once

#include <cstdint>

namespace tenon {

template <class T>
struct LayerNormKernels {
  // y = (x - mean) rstd w + b, rstd = 1 / sqrt(var + eps), var divided by n; mean, rstd: [rows]
  // b may be null.
  void (*forward)(const T* x, const T* w, const T* b, double eps, T* y, double* mean, double* rstd,
                  int64_t rows, int64_t n);
  // dx; dw [n] += sum of dy xhat, db [n] += sum of dy, over the rows
  void (*backward)(const T* x, const T* w, const double* mean, const double* rstd, const T* dy,
                   T* dx, double* dw, double* db, int64_t rows, int64_t n);
};

template <class T>
const LayerNormKernels<T>& layer_norm_kernels();
template <>
const LayerNormKernels<float>& layer_norm_kernels();
template <>
const LayerNormKernels<double>& layer_norm_kernels();

}  // namespace tenon
