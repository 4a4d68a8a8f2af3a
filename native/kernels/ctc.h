// Connectionist temporal classification (Graves et al. 2006), one sample: sums over all alignments
// of labels with blanks between them, in logarithms, in double.
#pragma once

#include <cstdint>

namespace tenon {

// The states are blank, label 0, blank, label 1, ..., blank: 2 labels + 1 of them.
struct CtcSample {
  int64_t steps = 0;   // of this sample
  int64_t labels = 0;  // of this sample
  int64_t blank = 0;
  int64_t stride = 0;  // elements between steps of log_probs and of its gradient
  const int64_t* targets = nullptr;
  int64_t states() const { return 2 * labels + 1; }
};

// The loss, infinite where the labels do not fit; alpha[t][s]: the logarithm of all ways to be at s
// after step t.
// log_probs: [steps, C]   alpha: [steps, states]
template <class T>
double ctc_forward(const CtcSample& sample, const T* log_probs, double* alpha);

// dlog_probs[t][c] = -dloss times the probability of being at c at step t, given the labels; NaN
// where the loss is infinite, unless dloss is 0. dlog_probs: [steps, C]   beta: [states]
template <class T>
void ctc_backward(const CtcSample& sample, int64_t C, const T* log_probs, const double* alpha,
                  double dloss, T* dlog_probs, double* beta);

}  // namespace tenon
