#include "kernels/factor.h"

#include <algorithm>
#include <cmath>

#include "kernels/gemm.h"

namespace tenon {

namespace {

constexpr int64_t kBlock = 48;  // columns of a panel; found on Zen 5

template <class T>
void subtract_row(int64_t n, T factor, const T* __restrict from, T* __restrict to) {
  for (int64_t i = 0; i < n; i++) to[i] -= factor * from[i];
}

// to -= left * right, all parts of bigger matrices.
template <class T>
void subtract_product(int64_t M, int64_t N, int64_t K, const T* left, int64_t ld_left,
                      const T* right, MatrixLayout right_layout, T* to, int64_t ld_to) {
  gemm(M, N, K, T{-1}, left, {ld_left}, right, right_layout, true, to, ld_to);
}

// Factorises columns [first, last) below row first; exchanges whole rows of a and x. Returns a bad
// pivot or -1.
template <class T>
int64_t lu_panel(int64_t n, int64_t k, int64_t first, int64_t last, T* a, T* x) {
  for (int64_t j = first; j < last; j++) {
    int64_t pivot = j;
    T largest = std::fabs(a[j * n + j]);
    for (int64_t i = j + 1; i < n; i++) {
      const T value = std::fabs(a[i * n + j]);
      // A NaN is taken and kept, and then refused.
      if (value <= largest || std::isnan(largest)) continue;
      pivot = i, largest = value;
    }
    const T divisor = a[pivot * n + j];
    if (divisor == 0 || !std::isfinite(divisor)) return j;
    if (pivot != j) {
      std::swap_ranges(a + j * n, a + (j + 1) * n, a + pivot * n);
      std::swap_ranges(x + j * k, x + (j + 1) * k, x + pivot * k);
    }
    for (int64_t i = j + 1; i < n; i++) {
      const T factor = a[i * n + j] / divisor;
      a[i * n + j] = factor;
      subtract_row(last - j - 1, factor, a + j * n + j + 1, a + i * n + j + 1);
    }
  }
  return -1;
}

// rows = l^-1 rows for the unit lower triangle l of block [first, last).   rows: [last - first,
// cols], ld apart
template <class T>
void solve_unit_lower(int64_t n, int64_t first, int64_t last, const T* a, int64_t cols, T* rows,
                      int64_t ld) {
  for (int64_t i = first; i < last; i++) {
    for (int64_t j = first; j < i; j++) {
      subtract_row(cols, a[i * n + j], rows + (j - first) * ld, rows + (i - first) * ld);
    }
  }
}

template <class T>
void solve_upper(int64_t n, int64_t k, const T* a, T* x) {
  for (int64_t last = n; last > 0;) {
    const int64_t first = (last - 1) / kBlock * kBlock;
    for (int64_t i = last - 1; i >= first; i--) {
      for (int64_t j = i + 1; j < last; j++) subtract_row(k, a[i * n + j], x + j * k, x + i * k);
      for (int64_t c = 0; c < k; c++) x[i * k + c] /= a[i * n + i];
    }
    subtract_product(first, k, last - first, a + first, n, x + first * k, {std::max<int64_t>(1, k)},
                     x, k);
    last = first;
  }
}

template <class T>
int64_t solve_blocked(int64_t n, int64_t k, T* a, T* x) {
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t last = std::min(n, first + kBlock);
    const int64_t bad = lu_panel(n, k, first, last, a, x);
    if (bad >= 0) return bad;
    T* right = a + first * n + last;  // of the panel's rows
    T* below = a + last * n;
    solve_unit_lower(n, first, last, a, n - last, right, n);
    solve_unit_lower(n, first, last, a, k, x + first * k, k);
    subtract_product(n - last, n - last, last - first, below + first, n, right, {n}, below + last,
                     n);
    subtract_product(n - last, k, last - first, below + first, n, x + first * k,
                     {std::max<int64_t>(1, k)}, x + last * k, k);
  }
  solve_upper(n, k, a, x);
  return -1;
}

// Sums of the block's own columns are taken in order; those of earlier blocks by the product
// before.
template <class T>
int64_t cholesky_blocked(int64_t n, T* a) {
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t last = std::min(n, first + kBlock);
    T* rows = a + first * n;
    subtract_product(n - first, last - first, first, rows, n, rows, {n, true}, rows + first, n);
    for (int64_t i = first; i < n; i++) {
      for (int64_t j = first; j < std::min(i + 1, last); j++) {
        T value = a[i * n + j];
        for (int64_t c = first; c < j; c++) value -= a[i * n + c] * a[j * n + c];
        if (j < i) {
          a[i * n + j] = value / a[j * n + j];
          continue;
        }
        if (!(value > 0) || !std::isfinite(value)) return i;
        a[i * n + i] = std::sqrt(value);
      }
    }
  }
  for (int64_t i = 0; i < n; i++) std::fill(a + i * n + i + 1, a + (i + 1) * n, T{0});
  return -1;
}

}  // namespace

int64_t solve_in_place(int64_t n, int64_t k, float* a, float* x) {
  return solve_blocked(n, k, a, x);
}
int64_t solve_in_place(int64_t n, int64_t k, double* a, double* x) {
  return solve_blocked(n, k, a, x);
}

int64_t cholesky_in_place(int64_t n, float* a) { return cholesky_blocked(n, a); }
int64_t cholesky_in_place(int64_t n, double* a) { return cholesky_blocked(n, a); }

}  // namespace tenon
