// Discrete Fourier transforms of several rows at once, not scaled: Stockham's self-sorting passes
// of radix 4, 2, 3, 5 and small primes (the array is sorted as it goes, between two buffers),
// Bluestein's convolution for other lengths. Tables are made once, in double.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/fft_passes.h"

namespace tenon {

// Calls body(row, from, to) for pieces of [rows, n]: few enough numbers of a row that what is read
// and what is written, one of them across rows, stays in the first cache.
template <class F>
void for_each_tile(int64_t rows, int64_t n, const F& body) {
  constexpr int64_t kTile = 16;
  for (int64_t from = 0; from < n; from += kTile) {
    const int64_t to = n - from < kTile ? n : from + kTile;
    for (int64_t row = 0; row < rows; row++) body(row, from, to);
  }
}

// X[k] = sum over j of x[j] exp(-2 pi i j k / n).
template <class T>
class FftPlan {
 public:
  explicit FftPlan(int64_t n);
  int64_t size() const { return n_; }
  // Complex numbers a row that run() needs beside x.
  int64_t work() const { return convolution_ ? 2 * convolution_->n_ : n_; }
  // x: [n, rows], in place   work: [work(), rows]
  void run(int64_t rows, Planes<T> x, Planes<T> work) const;

 private:
  void run_passes(int64_t rows, Planes<T> x, Planes<T> work) const;
  void run_convolution(int64_t rows, Planes<T> x, Planes<T> work) const;

  int64_t n_;
  std::vector<int64_t> factors_;
  std::vector<Complex<T>> roots_;  // exp(-2 pi i k / n); by convolution: exp(-pi i k^2 / n)
  // Bluestein: a plan of a power of two, and the transform of the other factor, over its length.
  std::unique_ptr<FftPlan<T>> convolution_;
  std::vector<Complex<T>> chirp_;
};

// Of n real numbers a row, to and from the n / 2 + 1 first of their transform, times scale.
template <class T>
class RealFftPlan {
 public:
  explicit RealFftPlan(int64_t n);
  // Complex numbers a row that a run needs.
  int64_t work() const { return half_.size() + half_.work(); }
  // x: [rows, n]   y: [rows, n / 2 + 1]   work: [work(), rows]
  void forward(int64_t rows, T scale, const T* x, Complex<T>* y, Planes<T> work) const;
  // Imaginary parts of y[0] and, for even n, of y[n / 2] are not looked at.
  void inverse(int64_t rows, T scale, const Complex<T>* y, T* x, Planes<T> work) const;

 private:
  int64_t n_;
  FftPlan<T> half_;                // of n / 2 for even n, else of n
  std::vector<Complex<T>> roots_;  // exp(-2 pi i k / n), k <= n / 2, for even n
};

}  // namespace tenon
