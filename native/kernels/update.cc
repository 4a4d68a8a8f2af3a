#include "kernels/update.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/update.cc"
#include "hwy/foreach_target.h"

#include <cmath>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

// What an update starts from. Without decay the parameter is not looked at: 0 times inf would be
// NaN.
template <bool Decay, class T>
HWY_INLINE T step_gradient(T grad, T sign, T weight_decay, T param) {
  const T g = sign * grad;
  return Decay ? g + weight_decay * param : g;
}

template <bool Decay, bool Momentum, class T>
void sgd_loop(const SgdRule& rule, T* HWY_RESTRICT param, T* HWY_RESTRICT buffer,
              const T* HWY_RESTRICT grad, int64_t n) {
  const T lr = static_cast<T>(rule.lr), momentum = static_cast<T>(rule.momentum);
  const T decay = static_cast<T>(rule.weight_decay), sign = rule.maximize ? T(-1) : T(1);
  const T fresh = static_cast<T>(1 - rule.dampening);
  const bool first = rule.first, nesterov = rule.nesterov;
  for (int64_t i = 0; i < n; ++i) {
    const T g = step_gradient<Decay>(grad[i], sign, decay, param[i]);
    T step = g;
    if constexpr (Momentum) {
      const T b = first ? g : momentum * buffer[i] + fresh * g;
      buffer[i] = b;
      step = nesterov ? g + momentum * b : b;
    }
    param[i] -= lr * step;
  }
}

template <class T>
void sgd(const SgdRule& rule, T* param, T* buffer, const T* grad, int64_t n) {
  const bool decay = rule.weight_decay != 0;
  if (buffer != nullptr) {
    (decay ? sgd_loop<true, true, T> : sgd_loop<false, true, T>)(rule, param, buffer, grad, n);
  } else {
    (decay ? sgd_loop<true, false, T> : sgd_loop<false, false, T>)(rule, param, buffer, grad, n);
  }
}

template <bool Decay, bool Max, class T>
void adam_loop(const AdamRule& rule, T* HWY_RESTRICT param, T* HWY_RESTRICT m, T* HWY_RESTRICT v,
               T* HWY_RESTRICT v_max, const T* HWY_RESTRICT grad, int64_t n) {
  const T shrink = rule.decoupled ? static_cast<T>(1 - rule.lr * rule.weight_decay) : T(1);
  const T decay = static_cast<T>(rule.weight_decay), sign = rule.maximize ? T(-1) : T(1);
  const T fresh1 = static_cast<T>(1 - rule.beta1);
  const T beta2 = static_cast<T>(rule.beta2), fresh2 = static_cast<T>(1 - rule.beta2);
  const T root2 = static_cast<T>(std::sqrt(rule.correction2)), eps = static_cast<T>(rule.eps);
  const T step = static_cast<T>(rule.lr / rule.correction1);
  for (int64_t i = 0; i < n; ++i) {
    const T g = step_gradient<Decay>(grad[i], sign, decay, param[i]);
    const T p = param[i] * shrink;
    m[i] += fresh1 * (g - m[i]);
    v[i] = beta2 * v[i] + fresh2 * (g * g);
    T second = v[i];
    if constexpr (Max) {
      // A NaN in either stays.
      second = ((v_max[i] > second) | (v_max[i] != v_max[i])) ? v_max[i] : second;
      v_max[i] = second;
    }
    param[i] = p - step * (m[i] / (std::sqrt(second) / root2 + eps));
  }
}

template <class T>
void adam(const AdamRule& rule, T* param, T* m, T* v, T* v_max, const T* grad, int64_t n) {
  const bool decay = rule.weight_decay != 0 && !rule.decoupled;
  if (v_max != nullptr) {
    (decay ? adam_loop<true, true, T> : adam_loop<false, true, T>)(rule, param, m, v, v_max, grad,
                                                                   n);
  } else {
    (decay ? adam_loop<true, false, T> : adam_loop<false, false, T>)(rule, param, m, v, v_max, grad,
                                                                     n);
  }
}

void sgd_f32(const SgdRule& rule, float* param, float* buffer, const float* grad, int64_t n) {
  sgd(rule, param, buffer, grad, n);
}
void sgd_f64(const SgdRule& rule, double* param, double* buffer, const double* grad, int64_t n) {
  sgd(rule, param, buffer, grad, n);
}
void adam_f32(const AdamRule& rule, float* param, float* m, float* v, float* v_max,
              const float* grad, int64_t n) {
  adam(rule, param, m, v, v_max, grad, n);
}
void adam_f64(const AdamRule& rule, double* param, double* m, double* v, double* v_max,
              const double* grad, int64_t n) {
  adam(rule, param, m, v, v_max, grad, n);
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(sgd_f32);
HWY_EXPORT(sgd_f64);
HWY_EXPORT(adam_f32);
HWY_EXPORT(adam_f64);

void sgd_update(const SgdRule& rule, float* param, float* buffer, const float* grad, int64_t n) {
  HWY_DYNAMIC_DISPATCH(sgd_f32)(rule, param, buffer, grad, n);
}
void sgd_update(const SgdRule& rule, double* param, double* buffer, const double* grad, int64_t n) {
  HWY_DYNAMIC_DISPATCH(sgd_f64)(rule, param, buffer, grad, n);
}
void adam_update(const AdamRule& rule, float* param, float* m, float* v, float* v_max,
                 const float* grad, int64_t n) {
  HWY_DYNAMIC_DISPATCH(adam_f32)(rule, param, m, v, v_max, grad, n);
}
void adam_update(const AdamRule& rule, double* param, double* m, double* v, double* v_max,
                 const double* grad, int64_t n) {
  HWY_DYNAMIC_DISPATCH(adam_f64)(rule, param, m, v, v_max, grad, n);
}
}  // namespace tenon
#endif
