#include "kernels/fft_passes.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fft_passes.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

template <class T>
HWY_INLINE Complex<T> at(const Planes<T>& x, int64_t k) {
  return {x.re[k], x.im[k]};
}
template <class T>
HWY_INLINE void put(const Planes<T>& x, int64_t k, Complex<T> value) {
  x.re[k] = value.re, x.im[k] = value.im;
}
template <class T>
HWY_INLINE Complex<T> operator+(Complex<T> a, Complex<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
HWY_INLINE Complex<T> operator-(Complex<T> a, Complex<T> b) {
  return {a.re - b.re, a.im - b.im};
}
template <class T>
HWY_INLINE Complex<T> operator*(Complex<T> a, Complex<T> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <class T>
HWY_INLINE Complex<T> scaled(T factor, Complex<T> a) {
  return {factor * a.re, factor * a.im};
}
// i a
template <class T>
HWY_INLINE Complex<T> turned(Complex<T> a) {
  return {-a.im, a.re};
}

// What is read and what is written are different buffers, so no iteration waits for another.
template <class T>
void pass_2(const FftPass<T>& p) {
  for (int64_t j = 0; j < p.L; j++) {
    const Complex<T> w = p.twiddle(j, 1);
    const Planes<T> a = p.in(j, 0), b = p.in(j, 1), y0 = p.out(j, 0), y1 = p.out(j, 1);
    const int64_t width = p.width();
    TENON_IVDEP
    for (int64_t k = 0; k < width; k++) {
      const Complex<T> x0 = at(a, k), x1 = w * at(b, k);
      put(y0, k, x0 + x1);
      put(y1, k, x0 - x1);
    }
  }
}

template <class T>
void pass_3(const FftPass<T>& p) {
  const T half = static_cast<T>(-0.5), sine = static_cast<T>(-0.86602540378443864676);
  for (int64_t j = 0; j < p.L; j++) {
    const Complex<T> w1 = p.twiddle(j, 1), w2 = p.twiddle(j, 2);
    const Planes<T> a = p.in(j, 0), b = p.in(j, 1), c = p.in(j, 2);
    const Planes<T> y0 = p.out(j, 0), y1 = p.out(j, 1), y2 = p.out(j, 2);
    const int64_t width = p.width();
    TENON_IVDEP
    for (int64_t k = 0; k < width; k++) {
      const Complex<T> x0 = at(a, k), x1 = w1 * at(b, k), x2 = w2 * at(c, k);
      const Complex<T> sum = x1 + x2, mid = x0 + scaled(half, sum);
      const Complex<T> off = turned(scaled(sine, x1 - x2));
      put(y0, k, x0 + sum);
      put(y1, k, mid + off);
      put(y2, k, mid - off);
    }
  }
}

template <class T>
void pass_4(const FftPass<T>& p) {
  for (int64_t j = 0; j < p.L; j++) {
    const Complex<T> w1 = p.twiddle(j, 1), w2 = p.twiddle(j, 2), w3 = p.twiddle(j, 3);
    const Planes<T> a = p.in(j, 0), b = p.in(j, 1), c = p.in(j, 2), d = p.in(j, 3);
    const Planes<T> y0 = p.out(j, 0), y1 = p.out(j, 1), y2 = p.out(j, 2), y3 = p.out(j, 3);
    const int64_t width = p.width();
    TENON_IVDEP
    for (int64_t k = 0; k < width; k++) {
      const Complex<T> x0 = at(a, k), x1 = w1 * at(b, k), x2 = w2 * at(c, k), x3 = w3 * at(d, k);
      const Complex<T> even = x0 + x2, odd = x0 - x2, sum = x1 + x3, off = turned(x1 - x3);
      put(y0, k, even + sum);
      put(y1, k, odd - off);
      put(y2, k, even - sum);
      put(y3, k, odd + off);
    }
  }
}

template <class T>
void pass_5(const FftPass<T>& p) {
  const T c1 = static_cast<T>(0.30901699437494742410), c2 = static_cast<T>(-0.80901699437494742410);
  const T s1 = static_cast<T>(0.95105651629515357212), s2 = static_cast<T>(0.58778525229247312917);
  for (int64_t j = 0; j < p.L; j++) {
    const Complex<T> w1 = p.twiddle(j, 1), w2 = p.twiddle(j, 2);
    const Complex<T> w3 = p.twiddle(j, 3), w4 = p.twiddle(j, 4);
    const Planes<T> a = p.in(j, 0), y = p.out(j, 0);
    const int64_t width = p.width(), step = p.L * width;
    TENON_IVDEP
    for (int64_t k = 0; k < width; k++) {
      const Complex<T> x0 = at(a, k), x1 = w1 * at(a, width + k), x2 = w2 * at(a, 2 * width + k);
      const Complex<T> x3 = w3 * at(a, 3 * width + k), x4 = w4 * at(a, 4 * width + k);
      const Complex<T> sum1 = x1 + x4, sum2 = x2 + x3, off1 = x1 - x4, off2 = x2 - x3;
      const Complex<T> mid1 = x0 + scaled(c1, sum1) + scaled(c2, sum2);
      const Complex<T> mid2 = x0 + scaled(c2, sum1) + scaled(c1, sum2);
      const Complex<T> turn1 = turned(scaled(s1, off1) + scaled(s2, off2));
      const Complex<T> turn2 = turned(scaled(s2, off1) - scaled(s1, off2));
      put(y, k, x0 + sum1 + sum2);
      put(y, step + k, mid1 - turn1);
      put(y, 2 * step + k, mid2 - turn2);
      put(y, 3 * step + k, mid2 + turn2);
      put(y, 4 * step + k, mid1 + turn1);
    }
  }
}

template <class T>
void pass_any(const FftPass<T>& p) {
  const int64_t width = p.width();
  for (int64_t j = 0; j < p.L; j++) {
    for (int64_t k = 0; k < width; k++) {
      Complex<T> x[kLargestRadix];
      for (int64_t q = 0; q < p.r; q++) x[q] = p.twiddle(j, q) * at(p.in(j, q), k);
      for (int64_t s = 0; s < p.r; s++) {
        Complex<T> sum = x[0];
        for (int64_t q = 1; q < p.r; q++) sum = sum + p.roots[s * q % p.r * (p.n / p.r)] * x[q];
        put(p.out(j, s), k, sum);
      }
    }
  }
}

template <class T>
void pass(const FftPass<T>& p) {
  switch (p.r) {
    case 2:
      return pass_2(p);
    case 3:
      return pass_3(p);
    case 4:
      return pass_4(p);
    case 5:
      return pass_5(p);
    default:
      return pass_any(p);
  }
}

void pass_f32(const FftPass<float>& p) { pass(p); }
void pass_f64(const FftPass<double>& p) { pass(p); }

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(pass_f32);
HWY_EXPORT(pass_f64);

void fft_pass(const FftPass<float>& pass) { HWY_DYNAMIC_DISPATCH(pass_f32)(pass); }
void fft_pass(const FftPass<double>& pass) { HWY_DYNAMIC_DISPATCH(pass_f64)(pass); }
}  // namespace tenon
#endif
