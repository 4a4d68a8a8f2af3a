#include "kernels/fft.h"

#include <algorithm>
#include <cmath>

namespace tenon {

namespace {

constexpr double kPi = 3.14159265358979323846;

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

// to = from w, for one number of each row
template <class T>
void multiply(int64_t rows, Planes<T> from, Complex<T> w, Planes<T> to) {
  for (int64_t l = 0; l < rows; l++) {
    const T re = from.re[l], im = from.im[l];
    to.re[l] = re * w.re - im * w.im;
    to.im[l] = re * w.im + im * w.re;
  }
}

// A transform of swapped parts, swapped back, is the other direction.
template <class T>
Planes<T> swapped(Planes<T> x) {
  return {x.im, x.re};
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
  std::vector<double> re(static_cast<size_t>(length)), im(re), work_re(re), work_im(re);
  int64_t square = 0;  // k^2 modulo 2 n
  for (int64_t k = 0; k < n; k++) {
    roots_[static_cast<size_t>(k)] = root<T>(square, n);
    const Complex<double> c = root<double>(square, n);
    for (const int64_t place : {k, (length - k) % length}) {
      re[static_cast<size_t>(place)] = c.re, im[static_cast<size_t>(place)] = -c.im;
    }
    square = (square + 2 * k + 1) % (2 * n);
  }
  exact.run(1, {re.data(), im.data()}, {work_re.data(), work_im.data()});
  for (size_t k = 0; k < re.size(); k++) {
    chirp_.push_back({static_cast<T>(re[k] / static_cast<double>(length)),
                      static_cast<T>(im[k] / static_cast<double>(length))});
  }
}

template <class T>
void FftPlan<T>::run(int64_t rows, Planes<T> x, Planes<T> work) const {
  if (convolution_) {
    run_convolution(rows, x, work);
  } else {
    run_passes(rows, x, work);
  }
}

template <class T>
void FftPlan<T>::run_passes(int64_t rows, Planes<T> x, Planes<T> work) const {
  Planes<T> from = x, to = work;
  int64_t done = 1;
  for (const int64_t r : factors_) {
    fft_pass(FftPass<T>{done, r, n_ / done / r, n_, rows, roots_.data(), from, to});
    done *= r;
    std::swap(from, to);
  }
  if (from.re == x.re) return;
  std::copy(from.re, from.re + n_ * rows, x.re);
  std::copy(from.im, from.im + n_ * rows, x.im);
}

template <class T>
void FftPlan<T>::run_convolution(int64_t rows, Planes<T> x, Planes<T> work) const {
  const int64_t length = convolution_->n_;
  const Planes<T> a = work, room = work + length * rows;
  for (int64_t j = 0; j < n_; j++)
    multiply(rows, x + j * rows, roots_[static_cast<size_t>(j)], a + j * rows);
  std::fill(a.re + n_ * rows, a.re + length * rows, T{0});
  std::fill(a.im + n_ * rows, a.im + length * rows, T{0});
  convolution_->run(rows, a, room);
  for (int64_t k = 0; k < length; k++)
    multiply(rows, a + k * rows, chirp_[static_cast<size_t>(k)], a + k * rows);
  convolution_->run(rows, swapped(a), swapped(room));
  for (int64_t k = 0; k < n_; k++)
    multiply(rows, a + k * rows, roots_[static_cast<size_t>(k)], x + k * rows);
}

template <class T>
RealFftPlan<T>::RealFftPlan(int64_t n) : n_(n), half_(n % 2 == 0 ? n / 2 : n) {
  if (n % 2 != 0) return;
  for (int64_t k = 0; k <= n / 2; k++) roots_.push_back(root<T>(2 * k, n));
}

template <class T>
void RealFftPlan<T>::forward(int64_t rows, T scale, const T* x, Complex<T>* y,
                             Planes<T> work) const {
  const int64_t h = half_.size(), count = n_ / 2 + 1;
  const Planes<T> z = work;
  const bool is_odd = n_ % 2 != 0;
  // Even and odd elements as real and imaginary parts of half as many numbers.
  for_each_tile(rows, h, [&](int64_t l, int64_t from, int64_t to) {
    const T* row = x + l * n_;
    for (int64_t j = from; j < to; j++) {
      z.re[j * rows + l] = is_odd ? row[j] : row[2 * j];
      z.im[j * rows + l] = is_odd ? T{0} : row[2 * j + 1];
    }
  });
  half_.run(rows, z, work + h * rows);
  const T half = static_cast<T>(0.5);
  for_each_tile(rows, count, [&](int64_t l, int64_t from, int64_t to) {
    Complex<T>* row = y + l * count;
    for (int64_t k = from; k < to; k++) {
      if (is_odd) {
        row[k] = {scale * z.re[k * rows + l], scale * z.im[k * rows + l]};
        continue;
      }
      const int64_t p = (k == h ? 0 : k) * rows + l, q = (k == 0 ? 0 : h - k) * rows + l;
      const Complex<T> even = {half * (z.re[p] + z.re[q]), half * (z.im[p] - z.im[q])};
      const Complex<T> odd = {half * (z.im[p] + z.im[q]), half * (z.re[q] - z.re[p])};
      const Complex<T> w = roots_[static_cast<size_t>(k)];
      row[k] = {scale * (even.re + w.re * odd.re - w.im * odd.im),
                scale * (even.im + w.re * odd.im + w.im * odd.re)};
    }
  });
  for (int64_t l = 0; l < rows; l++) {
    y[l * count].im = 0;
    if (!is_odd) y[l * count + h].im = 0;
  }
}

template <class T>
void RealFftPlan<T>::inverse(int64_t rows, T scale, const Complex<T>* y, T* x,
                             Planes<T> work) const {
  const int64_t h = half_.size(), count = n_ / 2 + 1;
  const Planes<T> z = work;
  const bool is_odd = n_ % 2 != 0;
  for_each_tile(rows, h, [&](int64_t l, int64_t from, int64_t to) {
    const Complex<T>* row = y + l * count;
    const auto at = [&](int64_t k) {
      return k == 0 || 2 * k == n_ ? Complex<T>{row[k].re, 0} : row[k];
    };
    for (int64_t k = from; k < to; k++) {
      const int64_t p = k * rows + l;
      if (is_odd) {
        const Complex<T> a = at(k < count ? k : n_ - k);
        z.re[p] = a.re, z.im[p] = k < count ? a.im : -a.im;
        continue;
      }
      const Complex<T> a = at(k), b = at(h - k), w = roots_[static_cast<size_t>(k)];
      const Complex<T> sum = {a.re + b.re, a.im - b.im}, gap = {a.re - b.re, a.im + b.im};
      // i conj(w) gap
      z.re[p] = sum.re - (w.re * gap.im - w.im * gap.re);
      z.im[p] = sum.im + (w.re * gap.re + w.im * gap.im);
    }
  });
  half_.run(rows, swapped(z), swapped(work + h * rows));
  for_each_tile(rows, h, [&](int64_t l, int64_t from, int64_t to) {
    T* row = x + l * n_;
    for (int64_t j = from; j < to; j++) {
      const int64_t p = j * rows + l;
      row[is_odd ? j : 2 * j] = scale * z.re[p];
      if (!is_odd) row[2 * j + 1] = scale * z.im[p];
    }
  });
}

template class FftPlan<float>;
template class FftPlan<double>;
template class RealFftPlan<float>;
template class RealFftPlan<double>;

}  // namespace tenon
