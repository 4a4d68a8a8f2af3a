#include "kernels/ctc.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tenon {

namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

int64_t label_of(const CtcSample& sample, int64_t state) {
  return state % 2 == 0 ? sample.blank : sample.targets[state / 2];
}

// Whether a label may follow the one before without a blank between them.
bool may_skip(const CtcSample& sample, int64_t state) {
  return state % 2 == 1 && state >= 3 &&
         sample.targets[state / 2] != sample.targets[state / 2 - 1] &&
         sample.targets[state / 2] != sample.blank;
}

double log_add(double a, double b) {
  const double top = std::max(a, b);
  if (top == kNever) return kNever;
  return top + std::log1p(std::exp(std::min(a, b) - top));
}

double log_add(double a, double b, double c) {
  const double top = std::max(a, std::max(b, c));
  if (top == kNever) return kNever;
  return top + std::log(std::exp(a - top) + std::exp(b - top) + std::exp(c - top));
}

double loss_of(const CtcSample& sample, const double* alpha) {
  const double* end = alpha + sample.steps * sample.states();
  return -log_add(end[-1], sample.labels > 0 ? end[-2] : kNever);
}

}  // namespace

template <class T>
double ctc_forward(const CtcSample& sample, const T* log_probs, double* alpha) {
  const int64_t states = sample.states();
  if (sample.steps == 0) return sample.labels == 0 ? 0 : -kNever;
  for (int64_t s = 0; s < states; s++) {
    alpha[s] = s < 2 ? static_cast<double>(log_probs[label_of(sample, s)]) : kNever;
  }
  for (int64_t t = 1; t < sample.steps; t++) {
    const double* before = alpha + (t - 1) * states;
    double* now = alpha + t * states;
    const T* at = log_probs + t * sample.stride;
    for (int64_t s = 0; s < states; s++) {
      double sum = before[s];
      if (may_skip(sample, s)) {
        sum = log_add(sum, before[s - 1], before[s - 2]);
      } else if (s > 0) {
        sum = log_add(sum, before[s - 1]);
      }
      now[s] = sum + static_cast<double>(at[label_of(sample, s)]);
    }
  }
  return loss_of(sample, alpha);
}

template <class T>
void ctc_backward(const CtcSample& sample, int64_t C, const T* log_probs, const double* alpha,
                  double dloss, T* dlog_probs, double* beta) {
  const int64_t states = sample.states();
  if (sample.steps == 0) return;
  const double loss = loss_of(sample, alpha);
  const bool is_lost = !std::isfinite(loss);
  const T empty = is_lost && dloss != 0 ? std::numeric_limits<T>::quiet_NaN() : T{0};
  for (int64_t t = sample.steps - 1; t >= 0; t--) {
    const T* at = log_probs + t * sample.stride;
    T* slope = dlog_probs + t * sample.stride;
    std::fill(slope, slope + C, empty);
    if (is_lost || dloss == 0) continue;
    for (int64_t s = 0; s < states; s++) {
      double sum = s + 2 >= states ? 0.0 : kNever;
      if (t < sample.steps - 1) {
        // beta still holds the step after from here on.
        sum = beta[s];
        if (s + 2 < states && may_skip(sample, s + 2)) {
          sum = log_add(sum, beta[s + 1], beta[s + 2]);
        } else if (s + 1 < states) {
          sum = log_add(sum, beta[s + 1]);
        }
      }
      const int64_t label = label_of(sample, s);
      const double weight = alpha[t * states + s] + sum + loss;
      // alpha has this step's log_prob, sum has not: together the way through s.
      if (weight > kNever) slope[label] -= static_cast<T>(dloss * std::exp(weight));
      beta[s] = sum + static_cast<double>(at[label]);
    }
  }
}

template double ctc_forward(const CtcSample&, const float*, double*);
template double ctc_forward(const CtcSample&, const double*, double*);
template void ctc_backward(const CtcSample&, int64_t, const float*, const double*, double, float*,
                           double*);
template void ctc_backward(const CtcSample&, int64_t, const double*, const double*, double, double*,
                           double*);

}  // namespace tenon
