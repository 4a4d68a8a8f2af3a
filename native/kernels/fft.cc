#include "kernels/fft.h"

#include <algorithm>
#include <cmath>

namespace tenon {

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int64_t kLargestRadix = 13;  // beyond, a pass of r^2 operations does not pay

template <class T>
Complex<T> operator+(Complex<T> a, Complex<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
Complex<T> operator-(Complex<T> a, Complex<T> b) {
  return {a.re - b.re, a.im - b.im};
}
template <class T>
Complex<T> operator*(Complex<T> a, Complex<T> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <class T>
Complex<T> scaled(T factor, Complex<T> a) {
  return {factor * a.re, factor * a.im};
}
template <class T>
Complex<T> conjugate(Complex<T> a) {
  return {a.re, -a.im};
}
// i a
template <class T>
Complex<T> turned(Complex<T> a) {
  return {-a.im, a.re};
}
template <class T>
Complex<T> swapped(Complex<T> a) {
  return {a.im, a.re};
}

// exp(-pi i part / of), exact where it is on an axis.
template <class T>
Complex<T> root(int64_t part, int64_t of) {
  const double angle = kPi * static_cast<double>(part) / static_cast<double>(of);
  if (2 * part % of == 0) {
    constexpr int kCos[] = {1, 0, -1, 0}, kSin[] = {0, -1, 0, 1};
    const int64_t quarter = 2 * part / of % 4;
    return {static_cast<T>(kCos[quarter]), static_cast<T>(kSin[quarter])};
  }
  return {static_cast<T>(std::cos(angle)), static_cast<T>(-std::sin(angle))};
}

// The factors of n, 4s first; empty when a prime is too large.
std::vector<int64_t> factors_of(int64_t n) {
  std::vector<int64_t> factors;
  for (const int64_t radix : {4, 2, 3, 5, 7, 11, 13}) {
    while (n % radix == 0) factors.push_back(radix), n /= radix;
  }
  if (n > 1) factors.clear();
  return factors;
}

// One pass: to[(j + L s) m + k] = sum over q of w_r^(s q) w_(L r)^(j q) from[(j r + q) m + k].
// twiddle(q): w_(L r)^(j q) of the row.
template <class T>
struct Pass {
  int64_t L, r, m, n;
  const Complex<T>* roots;
  const Complex<T>* from;
  Complex<T>* to;
  Complex<T> twiddle(int64_t j, int64_t q) const { return roots[j * q * m]; }
  const Complex<T>* row(int64_t j, int64_t q) const { return from + (j * r + q) * m; }
  Complex<T>* out(int64_t j, int64_t s) const { return to + (j + L * s) * m; }
};

template <class T>
void pass_2(const Pass<T>& p) {
  for (int64_t j = 0; j < p.L; j++) {
    const Complex<T> w = p.twiddle(j, 1);
    const Complex<T>*a = p.row(j, 0), *b = p.row(j, 1);
    Complex<T>*y0 = p.out(j, 0), *y1 = p.out(j, 1);
    for (int64_t k = 0; k < p.m; k++) {
      const Complex<T> x1 = w * b[k];
      y0[k] = a[k] + x1;
      y1[k] = a[k] - x1;
    }
  }
}

template <class T>
void pass_3(const Pass<T>& p) {
  const T half = static_cast<T>(-0.5), sine = static_cast<T>(-0.86602540378443864676);
  for (int64_t j = 0; j < p.L; j++) {
    const Complex<T> w1 = p.twiddle(j, 1), w2 = p.twiddle(j, 2);
    const Complex<T>*a = p.row(j, 0), *b = p.row(j, 1), *c = p.row(j, 2);
    Complex<T>*y0 = p.out(j, 0), *y1 = p.out(j, 1), *y2 = p.out(j, 2);
    for (int64_t k = 0; k < p.m; k++) {
      const Complex<T> x1 = w1 * b[k], x2 = w2 * c[k];
      const Complex<T> sum = x1 + x2, mid = a[k] + scaled(half, sum);
      const Complex<T> off = turned(scaled(sine, x1 - x2));
      y0[k] = a[k] + sum;
      y1[k] = mid + off;
      y2[k] = mid - off;
    }
  }
}

template <class T>
void pass_4(const Pass<T>& p) {
  for (int64_t j = 0; j < p.L; j++) {
    const Complex<T> w1 = p.twiddle(j, 1), w2 = p.twiddle(j, 2), w3 = p.twiddle(j, 3);
    const Complex<T>*a = p.row(j, 0), *b = p.row(j, 1), *c = p.row(j, 2), *d = p.row(j, 3);
    Complex<T>*y0 = p.out(j, 0), *y1 = p.out(j, 1), *y2 = p.out(j, 2), *y3 = p.out(j, 3);
    for (int64_t k = 0; k < p.m; k++) {
      const Complex<T> x1 = w1 * b[k], x2 = w2 * c[k], x3 = w3 * d[k];
      const Complex<T> even = a[k] + x2, odd = a[k] - x2, sum = x1 + x3, off = turned(x1 - x3);
      y0[k] = even + sum;
      y1[k] = odd - off;
      y2[k] = even - sum;
      y3[k] = odd + off;
    }
  }
}

template <class T>
void pass_5(const Pass<T>& p) {
  const T c1 = static_cast<T>(0.30901699437494742410), c2 = static_cast<T>(-0.80901699437494742410);
  const T s1 = static_cast<T>(0.95105651629515357212), s2 = static_cast<T>(0.58778525229247312917);
  for (int64_t j = 0; j < p.L; j++) {
    Complex<T> w[5];
    for (int64_t q = 1; q < 5; q++) w[q] = p.twiddle(j, q);
    const Complex<T>* a = p.row(j, 0);
    Complex<T>* y = p.out(j, 0);
    const int64_t step = p.L * p.m;
    for (int64_t k = 0; k < p.m; k++) {
      const Complex<T> x1 = w[1] * a[p.m + k], x2 = w[2] * a[2 * p.m + k];
      const Complex<T> x3 = w[3] * a[3 * p.m + k], x4 = w[4] * a[4 * p.m + k];
      const Complex<T> sum1 = x1 + x4, sum2 = x2 + x3, off1 = x1 - x4, off2 = x2 - x3;
      const Complex<T> mid1 = a[k] + scaled(c1, sum1) + scaled(c2, sum2);
      const Complex<T> mid2 = a[k] + scaled(c2, sum1) + scaled(c1, sum2);
      const Complex<T> turn1 = turned(scaled(s1, off1) + scaled(s2, off2));
      const Complex<T> turn2 = turned(scaled(s2, off1) - scaled(s1, off2));
      y[k] = a[k] + sum1 + sum2;
      y[step + k] = mid1 - turn1;
      y[2 * step + k] = mid2 - turn2;
      y[3 * step + k] = mid2 + turn2;
      y[4 * step + k] = mid1 + turn1;
    }
  }
}

template <class T>
void pass_any(const Pass<T>& p) {
  for (int64_t j = 0; j < p.L; j++) {
    for (int64_t k = 0; k < p.m; k++) {
      Complex<T> x[kLargestRadix];
      for (int64_t q = 0; q < p.r; q++) x[q] = p.twiddle(j, q) * p.row(j, q)[k];
      for (int64_t s = 0; s < p.r; s++) {
        Complex<T> sum = x[0];
        for (int64_t q = 1; q < p.r; q++) sum = sum + p.roots[s * q % p.r * (p.n / p.r)] * x[q];
        p.out(j, s)[k] = sum;
      }
    }
  }
}

}  // namespace

template <class T>
FftPlan<T>::FftPlan(int64_t n) : n_(n), factors_(factors_of(n)) {
  roots_.resize(static_cast<size_t>(n));
  if (!factors_.empty() || n <= 1) {
    for (int64_t k = 0; k < n; k++) roots_[static_cast<size_t>(k)] = root<T>(2 * k, n);
    return;
  }
  // X[k] = c[k] sum over j of (x[j] c[j]) conj(c[k - j]), c[k] = exp(-pi i k^2 / n).
  int64_t length = 1;
  while (length < 2 * n - 1) length *= 2;
  convolution_ = std::make_unique<FftPlan<T>>(length);
  const FftPlan<double> exact(length);
  std::vector<Complex<double>> other(static_cast<size_t>(length)), room(other.size());
  int64_t square = 0;  // k^2 modulo 2 n
  for (int64_t k = 0; k < n; k++) {
    roots_[static_cast<size_t>(k)] = root<T>(square, n);
    const Complex<double> c = conjugate(root<double>(square, n));
    other[static_cast<size_t>(k)] = c;
    if (k > 0) other[static_cast<size_t>(length - k)] = c;
    square = (square + 2 * k + 1) % (2 * n);
  }
  exact.run(other.data(), room.data());
  for (const Complex<double>& c : other) {
    chirp_.push_back({static_cast<T>(c.re / static_cast<double>(length)),
                      static_cast<T>(c.im / static_cast<double>(length))});
  }
}

template <class T>
void FftPlan<T>::run(Complex<T>* x, Complex<T>* work) const {
  if (convolution_) {
    run_convolution(x, work);
  } else {
    run_passes(x, work);
  }
}

template <class T>
void FftPlan<T>::run_passes(Complex<T>* x, Complex<T>* work) const {
  const Complex<T>* from = x;
  Complex<T>* to = work;
  int64_t done = 1;
  for (const int64_t r : factors_) {
    const Pass<T> pass{done, r, n_ / done / r, n_, roots_.data(), from, to};
    switch (r) {
      case 2:
        pass_2(pass);
        break;
      case 3:
        pass_3(pass);
        break;
      case 4:
        pass_4(pass);
        break;
      case 5:
        pass_5(pass);
        break;
      default:
        pass_any(pass);
    }
    done *= r;
    from = to;
    to = to == work ? x : work;
  }
  if (from != x) std::copy(from, from + n_, x);
}

template <class T>
void FftPlan<T>::run_convolution(Complex<T>* x, Complex<T>* work) const {
  const int64_t length = convolution_->n_;
  Complex<T>*a = work, *room = work + length;
  for (int64_t j = 0; j < n_; j++) a[j] = x[j] * roots_[static_cast<size_t>(j)];
  std::fill(a + n_, a + length, Complex<T>{0, 0});
  convolution_->run(a, room);
  // Back by a forward transform of swapped parts; the chirp holds the factor 1 / length.
  for (int64_t k = 0; k < length; k++) a[k] = swapped(a[k] * chirp_[static_cast<size_t>(k)]);
  convolution_->run(a, room);
  for (int64_t k = 0; k < n_; k++) x[k] = swapped(a[k]) * roots_[static_cast<size_t>(k)];
}

template <class T>
RealFftPlan<T>::RealFftPlan(int64_t n) : n_(n), half_(n % 2 == 0 ? n / 2 : n) {
  if (n % 2 != 0) return;
  for (int64_t k = 0; k <= n / 2; k++) roots_.push_back(root<T>(2 * k, n));
}

template <class T>
void RealFftPlan<T>::forward(const T* x, Complex<T>* y, Complex<T>* work) const {
  Complex<T>* z = work;
  const int64_t h = half_.size();
  if (n_ % 2 != 0) {
    for (int64_t j = 0; j < n_; j++) z[j] = {x[j], 0};
    half_.run(z, work + h);
    std::copy(z, z + n_ / 2 + 1, y);
    return;
  }
  // Even and odd elements as real and imaginary parts of half as many numbers.
  for (int64_t j = 0; j < h; j++) z[j] = {x[2 * j], x[2 * j + 1]};
  half_.run(z, work + h);
  const T half = static_cast<T>(0.5);
  for (int64_t k = 0; k <= h; k++) {
    const Complex<T> a = z[k == h ? 0 : k], b = conjugate(z[k == 0 ? 0 : h - k]);
    const Complex<T> odd = turned(scaled(-half, a - b));
    y[k] = scaled(half, a + b) + roots_[static_cast<size_t>(k)] * odd;
  }
  y[0].im = 0, y[h].im = 0;
}

template <class T>
void RealFftPlan<T>::inverse(const Complex<T>* y, T* x, Complex<T>* work) const {
  Complex<T>* z = work;
  const int64_t h = half_.size();
  if (n_ % 2 != 0) {
    z[0] = {0, y[0].re};
    for (int64_t k = 1; k <= n_ / 2; k++) {
      z[k] = swapped(y[k]);
      z[n_ - k] = swapped(conjugate(y[k]));
    }
    half_.run(z, work + h);
    for (int64_t j = 0; j < n_; j++) x[j] = z[j].im;
    return;
  }
  const auto at = [&](int64_t k) { return k == 0 || k == h ? Complex<T>{y[k].re, 0} : y[k]; };
  for (int64_t k = 0; k < h; k++) {
    const Complex<T> a = at(k), b = conjugate(at(h - k));
    const Complex<T> odd = conjugate(roots_[static_cast<size_t>(k)]) * (a - b);
    z[k] = swapped(a + b + turned(odd));
  }
  half_.run(z, work + h);
  for (int64_t j = 0; j < h; j++) x[2 * j] = z[j].im, x[2 * j + 1] = z[j].re;
}

template class FftPlan<float>;
template class FftPlan<double>;
template class RealFftPlan<float>;
template class RealFftPlan<double>;

}  // namespace tenon
