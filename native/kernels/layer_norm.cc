#include "kernels/layer_norm.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layer_norm.cc"
#include "hwy/foreach_target.h"

#include <algorithm>
#include <cmath>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

constexpr int64_t kLanes = 32;  // partial sums side by side

HWY_INLINE double add_up(double* lanes) {
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

template <class T>
HWY_INLINE double row_mean(const T* HWY_RESTRICT x, int64_t n) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) lanes[l] += static_cast<double>(x[i + l]);
  }
  for (; i < n; ++i) lanes[0] += static_cast<double>(x[i]);
  return add_up(lanes) / static_cast<double>(n);
}

template <class T>
HWY_INLINE double row_variance(const T* HWY_RESTRICT x, double mean, int64_t n) {
  double lanes[kLanes] = {};
  const auto square = [](double d) { return d * d; };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) lanes[l] += square(static_cast<double>(x[i + l]) - mean);
  }
  for (; i < n; ++i) lanes[0] += square(static_cast<double>(x[i]) - mean);
  return add_up(lanes) / static_cast<double>(n);
}

template <class T>
void forward(const T* x, const T* w, const T* b, double eps, T* y, double* mean, double* rstd,
             int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const double centre = row_mean(x, n);
    const double scale = 1 / std::sqrt(row_variance(x, centre, n) + eps);
    mean[r] = centre;
    rstd[r] = scale;
    if (b) {
      TENON_IVDEP
      for (int64_t i = 0; i < n; ++i) {
        y[i] = static_cast<T>((static_cast<double>(x[i]) - centre) * scale) * w[i] + b[i];
      }
    } else {
      TENON_IVDEP
      for (int64_t i = 0; i < n; ++i) {
        y[i] = static_cast<T>((static_cast<double>(x[i]) - centre) * scale) * w[i];
      }
    }
  }
}

// With g = dy w: dx = rstd (g - mean(g) - xhat mean(g xhat)).
template <class T>
void backward(const T* x, const T* w, const double* mean, const double* rstd, const T* dy, T* dx,
              double* dw, double* db, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += n, dy += n, dx += n) {
    const double centre = mean[r], scale = rstd[r];
    double plain[kLanes] = {}, along[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      TENON_IVDEP
      for (int64_t l = 0; l < kLanes; ++l) {
        const double d = static_cast<double>(dy[i + l]), g = d * static_cast<double>(w[i + l]);
        const double xhat = (static_cast<double>(x[i + l]) - centre) * scale;
        plain[l] += g;
        along[l] += g * xhat;
        dw[i + l] += d * xhat;
        db[i + l] += d;
      }
    }
    for (; i < n; ++i) {
      const double d = static_cast<double>(dy[i]), g = d * static_cast<double>(w[i]);
      const double xhat = (static_cast<double>(x[i]) - centre) * scale;
      plain[0] += g;
      along[0] += g * xhat;
      dw[i] += d * xhat;
      db[i] += d;
    }
    const double by_mean = add_up(plain) / static_cast<double>(n);
    const double by_variance = add_up(along) / static_cast<double>(n);
    TENON_IVDEP
    for (int64_t j = 0; j < n; ++j) {
      const double g = static_cast<double>(dy[j]) * static_cast<double>(w[j]);
      const double xhat = (static_cast<double>(x[j]) - centre) * scale;
      dx[j] = static_cast<T>(scale * ((g - by_mean) - xhat * by_variance));
    }
  }
}

template <class T>
constexpr LayerNormKernels<T> kKernels = {forward<T>, backward<T>};

const LayerNormKernels<float>& kernels_f32() { return kKernels<float>; }
const LayerNormKernels<double>& kernels_f64() { return kKernels<double>; }

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(kernels_f32);
HWY_EXPORT(kernels_f64);

template <>
const LayerNormKernels<float>& layer_norm_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f32)();
}
template <>
const LayerNormKernels<double>& layer_norm_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f64)();
}
}  // namespace tenon
#endif
