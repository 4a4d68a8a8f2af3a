#include "kernels/decompose.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/factor.h"
#include "kernels/gemm.h"
#include "kernels/vectors.h"

namespace tenon {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kVanished = 1e-140;  // beside 1: squares of what is smaller are lost
struct Reflection {
  double beta, tau;
};

// Of x = (alpha, rest), n - 1 of them `step` apart, so that H x = (beta, 0); rest becomes v's,
// whose first element is 1.
Reflection reflect(int64_t n, double alpha, double* rest, int64_t step) {
  double largest = 0, total = 0;  // a NaN stays in the total
  for (int64_t i = 0; i < n - 1; i++) {
    const double size = std::fabs(rest[i * step]);
    largest = std::max(largest, size), total += size;
  }
  if (total == 0) return {alpha, 0};
  largest = std::max(largest, std::fabs(alpha));
  double squares = alpha / largest * (alpha / largest);
  for (int64_t i = 0; i < n - 1; i++) {
    const double x = rest[i * step] / largest;
    squares += x * x;
  }
  const double beta = -std::copysign(largest * std::sqrt(squares), alpha);
  for (int64_t i = 0; i < n - 1; i++) rest[i * step] /= alpha - beta;
  return {beta, (beta - alpha) / beta};
}

// to = (I - tau v v^T) to on rows of n columns, ld apart; v = (1, v[0], v[step], ...), m elements.
void apply_reflection(int64_t m, int64_t n, double tau, const double* v, int64_t step, double* to,
                      int64_t ld, double* work) {
  if (tau == 0) return;
  std::copy(to, to + n, work);
  for (int64_t i = 1; i < m; i++) add_scaled(n, v[(i - 1) * step], to + i * ld, work);
  add_scaled(n, -tau, work, to);
  for (int64_t i = 1; i < m; i++) add_scaled(n, -tau * v[(i - 1) * step], work, to + i * ld);
}

void set_identity(int64_t rows, int64_t cols, double* a) {
  std::fill(a, a + rows * cols, 0.0);
  for (int64_t i = 0; i < std::min(rows, cols); i++) a[i * cols + i] = 1;
}

// Householder's reduction of a symmetric matrix: its diagonal and subdiagonal; row j of a keeps the
// reflection j right of the diagonal, tau[j] its factor.
void tridiagonalise(int64_t N, double* a, double* diagonal, double* below, double* tau,
                    double* work) {
  for (int64_t j = 0; j < N; j++) {
    const int64_t m = N - j - 1;  // rows of what is left
    diagonal[j] = a[j * N + j];
    if (m == 0) break;
    double* v = a + j * N + j + 1;
    const Reflection h = reflect(m, v[0], v + 1, 1);
    below[j] = h.beta, tau[j] = h.tau;
    if (h.tau == 0) continue;
    v[0] = 1;
    double* rest = a + (j + 1) * N + j + 1;
    double* p = work;
    for (int64_t i = 0; i < m; i++) p[i] = h.tau * dot(m, rest + i * N, v);
    add_scaled(m, -h.tau / 2 * dot(m, p, v), v, p);
    for (int64_t i = 0; i < m; i++) {
      add_scaled(m, -v[i], p, rest + i * N);
      add_scaled(m, -p[i], v, rest + i * N);
    }
  }
}

// One eigenvalue after the other by implicit QL steps with Wilkinson's shift; rows of v are rotated
// along. below[N - 1] = 0.
bool diagonalise(int64_t N, double* diagonal, double* below, double* v) {
  constexpr int kSteps = 60;  // two or three are usual
  for (int64_t first = 0; first < N; first++) {
    for (int step = 0;; step++) {
      int64_t last = first;
      while (last < N - 1 &&
             !(std::fabs(below[last]) <=
               kEpsilon * (std::fabs(diagonal[last]) + std::fabs(diagonal[last + 1]))))
        last++;
      if (last == first) break;
      if (step == kSteps) return false;
      const double half = (diagonal[first + 1] - diagonal[first]) / (2 * below[first]);
      double g = diagonal[last] - diagonal[first] +
                 below[first] / (half + std::copysign(std::hypot(half, 1.0), half));
      double s = 1, c = 1, shift = 0;
      bool split = false;
      for (int64_t i = last - 1; i >= first; i--) {
        const double f = s * below[i], b = c * below[i], r = std::hypot(f, g);
        below[i + 1] = r;
        if (r == 0) {
          diagonal[i + 1] -= shift;
          split = true;
          break;
        }
        s = f / r, c = g / r;
        g = diagonal[i + 1] - shift;
        const double t = (diagonal[i] - g) * s + 2 * c * b;
        shift = s * t;
        diagonal[i + 1] = g + shift;
        g = c * t - b;
        rotate(N, c, s, v + i * N, v + (i + 1) * N);
      }
      if (!split) diagonal[first] -= shift, below[first] = g;
      below[last] = 0;
    }
  }
  return true;
}

// Orders values, and rows of up to two matrices along with them.
template <class Before>
void sort_rows(int64_t N, double* values, double* a, double* b, const Before& before) {
  for (int64_t i = 0; i < N; i++) {
    int64_t best = i;
    for (int64_t k = i + 1; k < N; k++) {
      if (before(values[k], values[best])) best = k;
    }
    if (best == i) continue;
    std::swap(values[i], values[best]);
    for (double* m : {a, b}) {
      if (m) std::swap_ranges(m + i * N, m + (i + 1) * N, m + best * N);
    }
  }
}

// A unit row i that is orthogonal to the rows before it: of the unit vectors, the one that has most
// left.
void complete_row(int64_t N, int64_t i, double* rows) {
  double* row = rows + i * N;
  int64_t best = 0;
  double most = -1;
  for (int64_t axis = 0; axis < N; axis++) {
    double left = 1;
    for (int64_t k = 0; k < i; k++) left -= rows[k * N + axis] * rows[k * N + axis];
    if (left > most) most = left, best = axis;
  }
  std::fill(row, row + N, 0.0);
  row[best] = 1;
  for (int twice = 0; twice < 2; twice++) {
    for (int64_t k = 0; k < i; k++) add_scaled(N, -dot(N, rows + k * N, row), rows + k * N, row);
  }
  const double length = std::sqrt(dot(N, row, row));
  for (int64_t c = 0; c < N; c++) row[c] /= length;
}

}  // namespace

bool all_finite(int64_t n, const double* x) {
  return std::all_of(x, x + n, [](double value) { return std::isfinite(value); });
}

void qr_in_place(int64_t M, int64_t N, double* a, double* tau, double* work) {
  for (int64_t j = 0; j < std::min(M, N); j++) {
    double* head = a + j * N + j;
    const Reflection h = reflect(M - j, head[0], head + N, N);
    head[0] = h.beta, tau[j] = h.tau;
    apply_reflection(M - j, N - j - 1, h.tau, head + N, N, head + 1, N, work);
  }
}

void form_q(int64_t M, int64_t N, int64_t K, int64_t C, const double* a, const double* tau,
            double* q, double* work) {
  set_identity(M, C, q);
  for (int64_t j = K - 1; j >= 0; j--) {
    if (j >= C) continue;  // columns left of j are still those of the identity
    apply_reflection(M - j, C - j, tau[j], a + (j + 1) * N + j, N, q + j * C + j, C, work);
  }
}

bool eigh_rows(int64_t N, double* a, double* w, double* v, double* work) {
  if (!all_finite(N * N, a)) return false;
  if (N == 0) return true;
  double *below = work, *tau = work + N;
  // v is free until the rotations.
  tridiagonalise(N, a, w, below, tau, v);
  below[N - 1] = 0;
  // Rows of v: the transpose of H0 H1 ..., made from the last reflection on.
  set_identity(N, N, v);
  for (int64_t j = N - 2; j >= 0; j--) {
    if (tau[j] == 0) continue;
    const int64_t m = N - j - 1;
    const double* h = a + j * N + j + 1;
    for (int64_t i = j + 1; i < N; i++) {
      double* row = v + i * N + j + 1;
      add_scaled(m, -tau[j] * dot(m, row, h), h, row);
    }
  }
  if (!diagonalise(N, w, below, v)) return false;
  sort_rows(N, w, v, nullptr, [](double x, double y) { return x < y; });
  return true;
}

bool svd_rows(int64_t Q, double* x, double* j, double* s) {
  constexpr int kSweeps = 60;  // six to ten are usual
  if (!all_finite(Q * Q, x)) return false;
  double largest = 0;
  for (int64_t i = 0; i < Q * Q; i++) largest = std::max(largest, std::fabs(x[i]));
  set_identity(Q, Q, j);
  // Powers of two, so that squares neither overflow nor vanish.
  const int scale = largest > 0 ? -std::ilogb(largest) : 0;
  for (int64_t i = 0; i < Q * Q; i++) x[i] = std::scalbn(x[i], scale);
  const double near = kEpsilon * std::sqrt(static_cast<double>(std::max<int64_t>(1, Q)));
  bool moved = largest > 0;
  for (int sweep = 0; moved && sweep < kSweeps; sweep++) {
    moved = false;
    for (int64_t i = 0; i < Q; i++) s[i] = dot(Q, x + i * Q, x + i * Q);
    for (int64_t a = 0; a < Q; a++) {
      for (int64_t b = a + 1; b < Q; b++) {
        const double g = dot(Q, x + a * Q, x + b * Q);
        if (!(std::fabs(g) > near * std::sqrt(s[a] * s[b])) || g == 0) continue;
        moved = true;
        const double zeta = (s[b] - s[a]) / (2 * g);
        const double t = std::copysign(1.0, zeta) / (std::fabs(zeta) + std::hypot(1.0, zeta));
        const double c = 1 / std::sqrt(1 + t * t);
        rotate(Q, c, c * t, x + a * Q, x + b * Q);
        rotate(Q, c, c * t, j + a * Q, j + b * Q);
        s[a] = std::max(0.0, s[a] - t * g), s[b] += t * g;
      }
    }
  }
  for (int64_t i = 0; i < Q; i++) s[i] = std::sqrt(dot(Q, x + i * Q, x + i * Q));
  sort_rows(Q, s, x, j, [](double a, double b) { return a > b; });
  for (int64_t i = 0; i < Q; i++) {
    if (s[i] > kVanished) {
      for (int64_t c = 0; c < Q; c++) x[i * Q + c] /= s[i];
    } else {
      complete_row(Q, i, x);
    }
    s[i] = std::scalbn(s[i], -scale);
  }
  return true;
}

double lu_in_place(int64_t M, int64_t N, double* a, int64_t* perm) {
  std::iota(perm, perm + M, int64_t{0});
  double sign = 1;
  for (int64_t j = 0; j < std::min(M, N); j++) {
    int64_t pivot = j;
    for (int64_t i = j + 1; i < M; i++) {
      if (std::fabs(a[i * N + j]) > std::fabs(a[pivot * N + j])) pivot = i;
    }
    if (pivot != j) {
      std::swap_ranges(a + j * N, a + (j + 1) * N, a + pivot * N);
      std::swap(perm[j], perm[pivot]);
      sign = -sign;
    }
    const double head = a[j * N + j];
    if (head == 0) continue;
    for (int64_t i = j + 1; i < M; i++) {
      const double factor = a[i * N + j] / head;
      a[i * N + j] = factor;
      add_scaled(N - j - 1, -factor, a + j * N + j + 1, a + i * N + j + 1);
    }
  }
  return sign;
}

void solve_triangular(int64_t N, int64_t K, bool upper, bool unit, const double* a, double* x) {
  for (int64_t step = 0; step < N; step++) {
    const int64_t i = upper ? N - 1 - step : step;
    double* row = x + i * K;
    const int64_t first = upper ? i + 1 : 0, last = upper ? N : i;
    for (int64_t k = first; k < last; k++) add_scaled(K, -a[i * N + k], x + k * K, row);
    if (unit) continue;
    for (int64_t c = 0; c < K; c++) row[c] /= a[i * N + i];
  }
}

void exp_matrix(int64_t N, double* a, double* y, double* work) {
  const int64_t n = N * N;
  if (N == 0) return;
  double norm = 0;  // largest sum of a column
  for (int64_t c = 0; c < N; c++) {
    double sum = 0;
    for (int64_t r = 0; r < N; r++) sum += std::fabs(a[r * N + c]);
    norm = std::max(norm, sum);
  }
  if (!all_finite(n, a) || !std::isfinite(norm)) {
    std::fill(y, y + n, std::nan(""));
    return;
  }
  constexpr double kTheta = 5.371920351148152;  // order 13 is exact to double up to here
  int squarings = 0;
  while (std::ldexp(norm, -squarings) > kTheta) squarings++;
  for (int64_t i = 0; i < n; i++) a[i] = std::ldexp(a[i], -squarings);
  // b[13 - k] / b[0] of the numerator, from the closed formula (26-k)! 13! / (26! k! (13-k)!).
  double b[14] = {1};
  for (int k = 1; k <= 13; k++) b[k] = b[k - 1] * (14 - k) / (k * (27.0 - k));
  double *a2 = work, *a4 = work + n, *a6 = work + 2 * n, *u = work + 3 * n, *v = work + 4 * n;
  const auto product = [&](const double* left, const double* right, bool accumulate, double* to) {
    gemm(N, N, N, 1.0, left, {N}, right, {N}, accumulate, to, N);
  };
  product(a, a, false, a2);
  product(a2, a2, false, a4);
  product(a4, a2, false, a6);
  // odd: u = a (a6 (b13 a6 + b11 a4 + b9 a2) + b7 a6 + b5 a4 + b3 a2 + b1)
  // even: v = a6 (b12 a6 + b10 a4 + b8 a2) + b6 a6 + b4 a4 + b2 a2 + b0
  for (const int odd : {1, 0}) {
    for (int64_t i = 0; i < n; i++)
      y[i] = b[12 + odd] * a6[i] + b[10 + odd] * a4[i] + b[8 + odd] * a2[i];
    for (int64_t i = 0; i < n; i++)
      v[i] = b[6 + odd] * a6[i] + b[4 + odd] * a4[i] + b[2 + odd] * a2[i];
    for (int64_t i = 0; i < N; i++) v[i * N + i] += b[odd];
    product(a6, y, true, v);
    if (odd == 1) product(a, v, false, u);
  }
  for (int64_t i = 0; i < n; i++) y[i] = v[i] + u[i], a2[i] = v[i] - u[i];
  if (solve_in_place(N, N, a2, y) >= 0) std::fill(y, y + n, std::nan(""));
  for (int s = 0; s < squarings; s++) {
    product(y, y, false, a2);
    std::copy(a2, a2 + n, y);
  }
}

}  // namespace tenon
