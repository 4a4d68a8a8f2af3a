// The passes of a Fourier transform, on real and imaginary parts apart, several rows side by side.
#pragma once

#include <cstdint>

namespace tenon {

template <class T>
struct Complex {
  T re, im;
};

// Real and imaginary parts of [n, rows].
template <class T>
struct Planes {
  T *re, *im;
  Planes operator+(int64_t offset) const { return {re + offset, im + offset}; }
};

constexpr int64_t kLargestRadix = 13;  // beyond, a pass of r^2 operations does not pay

// to[(j + L s) m + k] = sum over q of w_r^(s q) w_(L r)^(j q) from[(j r + q) m + k], for each row.
template <class T>
struct FftPass {
  int64_t L, r, m, n, rows;
  const Complex<T>* roots;  // exp(-2 pi i k / n)
  Planes<T> from, to;

  Complex<T> twiddle(int64_t j, int64_t q) const { return roots[j * q * m]; }
  int64_t width() const { return m * rows; }
  Planes<T> in(int64_t j, int64_t q) const { return from + (j * r + q) * width(); }
  Planes<T> out(int64_t j, int64_t s) const { return to + (j + L * s) * width(); }
};

void fft_pass(const FftPass<float>& pass);
void fft_pass(const FftPass<double>& pass);

}  // namespace tenon
