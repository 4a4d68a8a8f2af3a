// Discrete Fourier transforms: Stockham's self-sorting passes of radix 4, 2, 3, 5 and small primes
// (the array is sorted as it goes, between two buffers), Bluestein's convolution for other lengths.
// Tables are made once, in double.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace tenon {

template <class T>
struct Complex {
  T re, im;
};

// Of complex numbers, not scaled: X[k] = sum over j of x[j] exp(-2 pi i j k / n).
template <class T>
class FftPlan {
 public:
  explicit FftPlan(int64_t n);
  int64_t size() const { return n_; }
  // Complex numbers that run() needs beside x.
  int64_t work() const { return convolution_ ? 2 * convolution_->n_ : n_; }
  // x: [n], in place   work: [work()]
  void run(Complex<T>* x, Complex<T>* work) const;

 private:
  void run_passes(Complex<T>* x, Complex<T>* work) const;
  void run_convolution(Complex<T>* x, Complex<T>* work) const;

  int64_t n_;
  std::vector<int64_t> factors_;
  std::vector<Complex<T>> roots_;  // exp(-2 pi i k / n); by convolution: exp(-pi i k^2 / n)
  // Bluestein: a plan of a power of two, and the transform of the other factor, over its length.
  std::unique_ptr<FftPlan<T>> convolution_;
  std::vector<Complex<T>> chirp_;
};

// Of n real numbers, to and from the n / 2 + 1 first of their transform; not scaled.
template <class T>
class RealFftPlan {
 public:
  explicit RealFftPlan(int64_t n);
  // Complex numbers that a run needs.
  int64_t work() const { return half_.size() + half_.work(); }
  // x: [n]   y: [n / 2 + 1]
  void forward(const T* x, Complex<T>* y, Complex<T>* work) const;
  // Imaginary parts of y[0] and, for even n, of y[n / 2] are not looked at.
  void inverse(const Complex<T>* y, T* x, Complex<T>* work) const;

 private:
  int64_t n_;
  FftPlan<T> half_;                // of n / 2 for even n, else of n
  std::vector<Complex<T>> roots_;  // exp(-2 pi i k / n), k <= n / 2, for even n
};

}  // namespace tenon
