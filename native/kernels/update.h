// Optimiser updates, in place, over elements [0, n) of dense arrays.
#pragma once

#include <cstdint>

namespace tenon {

// g = +-grad + weight_decay p; buffer = momentum buffer + (1 - dampening) g, or g the first time;
// p -= lr (nesterov ? g + momentum buffer : buffer). Without a buffer: p -= lr g.
struct SgdRule {
  double lr = 0, momentum = 0, dampening = 0, weight_decay = 0;
  bool first = false, nesterov = false, maximize = false;
};
void sgd_update(const SgdRule& rule, float* param, float* buffer, const float* grad, int64_t n);
void sgd_update(const SgdRule& rule, double* param, double* buffer, const double* grad, int64_t n);

// m = m + (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2; denom = sqrt(v) / sqrt(correction2) +
// eps; p -= lr / correction1 m / denom. g = +-grad + weight_decay p, or if decoupled p *= 1 - lr
// weight_decay first. With v_max: v_max = max(v_max, v) stands for v in denom.
struct AdamRule {
  double lr = 0, beta1 = 0, beta2 = 0, eps = 0, weight_decay = 0, correction1 = 1, correction2 = 1;
  bool decoupled = false, maximize = false;
};
void adam_update(const AdamRule& rule, float* param, float* m, float* v, float* v_max,
                 const float* grad, int64_t n);
void adam_update(const AdamRule& rule, double* param, double* m, double* v, double* v_max,
                 const double* grad, int64_t n);

}  // namespace tenon
