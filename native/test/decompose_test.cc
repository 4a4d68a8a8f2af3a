// Decompositions: what they give multiplies back to the matrix, factors are orthogonal or
// triangular; sizes, ranks, what is not finite, hostile plans.
#include <algorithm>
#include <functional>

#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

using Matrix = std::vector<double>;  // row-major; sizes go along

template <class T>
constexpr double kNear = std::is_same_v<T, float> ? 4e-7 : 4e-15;

template <class T>
Matrix wide(const std::vector<T>& values) {
  return Matrix(values.begin(), values.end());
}

Matrix product(int64_t m, int64_t k, int64_t n, const Matrix& a, const Matrix& b) {
  Matrix c(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; i++) {
    for (int64_t l = 0; l < k; l++) {
      for (int64_t j = 0; j < n; j++)
        c[static_cast<size_t>(i * n + j)] +=
            a[static_cast<size_t>(i * k + l)] * b[static_cast<size_t>(l * n + j)];
    }
  }
  return c;
}

Matrix transposed(int64_t m, int64_t n, const Matrix& a) {
  Matrix t(a.size());
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++)
      t[static_cast<size_t>(j * m + i)] = a[static_cast<size_t>(i * n + j)];
  }
  return t;
}

Matrix diagonal(int64_t m, int64_t n, const Matrix& d) {
  Matrix a(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < std::min(m, n); i++)
    a[static_cast<size_t>(i * n + i)] = d[static_cast<size_t>(i)];
  return a;
}

Matrix identity(int64_t n) { return diagonal(n, n, Matrix(static_cast<size_t>(n), 1.0)); }

double largest(const Matrix& a) {
  double top = 0;
  for (const double x : a) top = std::isfinite(x) ? std::max(top, std::fabs(x)) : INFINITY;
  return top;
}

void expect_same(const Matrix& got, const Matrix& want, double near, const char* what) {
  EXPECT(got.size() == want.size());
  Matrix difference(got.size());
  for (size_t i = 0; i < got.size(); i++) difference[i] = got[i] - want[i];
  const double limit = near * (1 + largest(want));
  expect(largest(difference) <= limit, what, __FILE__, __LINE__);
}

// One matrix of the batch.
template <class T>
Matrix part(InstrCase& c, const View& view, int64_t i) {
  const Matrix all = wide(c.read<T>(view));
  const auto n =
      static_cast<std::ptrdiff_t>(all.size()) / static_cast<std::ptrdiff_t>(view.dims[0]);
  return Matrix(all.begin() + i * n, all.begin() + (i + 1) * n);
}

template <class T>
void check_eigh(Dice& dice, int64_t n, int rank) {
  const int64_t batch = 2;
  std::vector<T> a;
  for (int64_t b = 0; b < batch; b++) {
    const Matrix root = wide(dice.values<double>(n * n));
    Matrix d(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) d[static_cast<size_t>(i)] = i < rank ? dice.real() : 0;
    const Matrix s =
        product(n, n, n, product(n, n, n, root, diagonal(n, n, d)), transposed(n, n, root));
    a.insert(a.end(), s.begin(), s.end());
  }
  Matrix symmetric = wide(a);
  for (int64_t i = 0; i < batch * n; i++) {
    for (int64_t j = i % n + 1; j < n; j++) {
      symmetric[static_cast<size_t>(i * n + j)] =
          symmetric[static_cast<size_t>((i / n * n + j) * n + i % n)];
      a[static_cast<size_t>(i * n + j)] = static_cast<T>(std::nan(""));  // not looked at
    }
  }
  InstrCase c(decompose_ops(), "eigh");
  c.in(a, {batch, n, n});
  const View w = c.out<T>({batch, n}), v = c.out<T>({batch, n, n});
  c.run();
  EXPECT(c.failure.code == 0);
  const double near = kNear<T> * static_cast<double>(n + 4);
  for (int64_t i = 0; i < batch; i++) {
    const Matrix values = part<T>(c, w, i), vectors = part<T>(c, v, i);
    EXPECT(std::is_sorted(values.begin(), values.end()));
    const Matrix back = product(n, n, n, product(n, n, n, vectors, diagonal(n, n, values)),
                                transposed(n, n, vectors));
    expect_same(back, Matrix(symmetric.begin() + i * n * n, symmetric.begin() + (i + 1) * n * n),
                near, "eigh: v w v^T");
    expect_same(product(n, n, n, transposed(n, n, vectors), vectors), identity(n), near,
                "eigh: v^T v");
  }
}

template <class T>
void check_svd(Dice& dice, int64_t m, int64_t n, int64_t rank, bool full, double scale = 1) {
  const int64_t k = std::min(m, n), p = full ? m : k, q = full ? n : k;
  Matrix exact = product(m, rank, n, dice.values<double>(m * rank), dice.values<double>(rank * n));
  std::vector<T> a(exact.size());
  for (size_t i = 0; i < a.size(); i++) a[i] = static_cast<T>(exact[i] * scale);
  InstrCase c(decompose_ops(), "svd");
  c.in(a, {1, m, n});
  const View u = c.out<T>({1, m, p}), s = c.out<T>({1, k}), vh = c.out<T>({1, q, n});
  c.run();
  EXPECT(c.failure.code == 0);
  Matrix values = part<T>(c, s, 0);
  for (double& value : values) value /= scale;
  EXPECT(std::is_sorted(values.rbegin(), values.rend()) && (k == 0 || values.back() >= 0));
  const Matrix left = part<T>(c, u, 0), right = part<T>(c, vh, 0);
  const double near = kNear<T> * static_cast<double>(std::max(m, n) + 4);
  Matrix given = wide(a);
  for (double& value : given) value /= scale;
  expect_same(product(m, q, n, product(m, p, q, left, diagonal(p, q, values)), right), given, near,
              "svd: u s vh");
  expect_same(product(p, m, p, transposed(m, p, left), left), identity(p), near, "svd: u^T u");
  expect_same(product(q, n, q, right, transposed(q, n, right)), identity(q), near, "svd: vh v");
}

template <class T>
void check_qr(Dice& dice, int64_t m, int64_t n, bool full) {
  const int64_t p = full ? m : std::min(m, n);
  InstrCase c(decompose_ops(), "qr");
  const Matrix a = wide(c.read<T>(c.random_in<T>(dice, {1, m, n})));
  const View q_view = c.out<T>({1, m, p}), r_view = c.out<T>({1, p, n});
  c.run();
  const Matrix q = part<T>(c, q_view, 0), r = part<T>(c, r_view, 0);
  const double near = kNear<T> * static_cast<double>(std::max(m, n) + 4);
  expect_same(product(m, p, n, q, r), a, near, "qr: q r");
  expect_same(product(p, m, p, transposed(m, p, q), q), identity(p), near, "qr: q^T q");
  for (int64_t i = 0; i < p; i++) {
    for (int64_t j = 0; j < std::min(i, n); j++) EXPECT(r[static_cast<size_t>(i * n + j)] == 0);
  }
}

template <class T>
void check_lu(Dice& dice, int64_t m, int64_t n) {
  const int64_t k = std::min(m, n);
  InstrCase c(decompose_ops(), "luFactor");
  const Matrix a = wide(c.read<T>(c.random_in<T>(dice, {1, m, n})));
  const View lu_view = c.out<T>({1, m, n}), perm_view = c.out<int64_t>({1, m});
  const View sign = c.out<T>({1});
  c.run();
  const Matrix lu = part<T>(c, lu_view, 0);
  Matrix l = identity(std::max(m, n)), u(static_cast<size_t>(k * n));
  l.assign(static_cast<size_t>(m * k), 0.0);
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) {
      const double value = lu[static_cast<size_t>(i * n + j)];
      if (i <= j) u[static_cast<size_t>(i * n + j)] = value;
      if (i > j) l[static_cast<size_t>(i * k + j)] = value;
      if (i > j) EXPECT(std::fabs(value) <= 1);
    }
    if (i < k) l[static_cast<size_t>(i * k + i)] = 1;
  }
  const std::vector<int64_t> perm = c.read<int64_t>(perm_view);
  Matrix rows(a.size());
  int64_t inversions = 0;
  for (int64_t i = 0; i < m; i++) {
    const auto from = a.begin() + perm[static_cast<size_t>(i)] * n;
    std::copy(from, from + n, rows.begin() + i * n);
    for (int64_t j = 0; j < i; j++)
      inversions += perm[static_cast<size_t>(j)] > perm[static_cast<size_t>(i)];
  }
  expect_same(product(m, k, n, l, u), rows, kNear<T> * static_cast<double>(n + 4), "lu");
  EXPECT(c.read<T>(sign)[0] == static_cast<T>(inversions % 2 ? -1 : 1));
}

template <class T>
void check_solve_triangular(Dice& dice, int64_t n, int64_t k, bool upper, bool unit) {
  std::vector<T> a = dice.values<T>(n * n);
  Matrix triangle(a.size());
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < n; j++) {
      T& value = a[static_cast<size_t>(i * n + j)];
      if (i == j) value = unit ? static_cast<T>(std::nan("")) : static_cast<T>(2 + value);
      if (i != j) value /= static_cast<T>(n);
      if (upper ? j < i : j > i) value = static_cast<T>(std::nan(""));
      triangle[static_cast<size_t>(i * n + j)] = i == j && unit      ? 1
                                                 : std::isnan(value) ? 0
                                                                     : static_cast<double>(value);
    }
  }
  InstrCase c(decompose_ops(), "solveTriangular");
  c.in(a, {1, n, n});
  const Matrix b = wide(c.read<T>(c.random_in<T>(dice, {1, n, k})));
  const View x = c.out<T>({1, n, k});
  c.instr.attrs = {upper ? 1.0 : 0.0, unit ? 1.0 : 0.0};
  c.run();
  expect_same(product(n, n, k, triangle, part<T>(c, x, 0)), b,
              kNear<T> * static_cast<double>(n + 4), "solveTriangular");
}

// By its series, with the argument halved until that is short.
Matrix series_exp(int64_t n, Matrix a) {
  constexpr int kHalvings = 12;
  for (double& x : a) x = std::ldexp(x, -kHalvings);
  Matrix sum = identity(n), term = sum;
  for (int k = 1; k < 12; k++) {
    term = product(n, n, n, term, a);
    for (size_t i = 0; i < sum.size(); i++) sum[i] += (term[i] /= k);
  }
  for (int s = 0; s < kHalvings; s++) sum = product(n, n, n, sum, sum);
  return sum;
}

template <class T>
void check_exp(Dice& dice, int64_t n, double size) {
  std::vector<T> a = dice.values<T>(n * n);
  for (T& x : a) x = static_cast<T>(x * size);
  InstrCase c(decompose_ops(), "matrixExp");
  c.in(a, {1, n, n});
  const View y = c.out<T>({1, n, n});
  c.run();
  expect_same(part<T>(c, y, 0), series_exp(n, wide(a)), std::is_same_v<T, float> ? 1e-6 : 1e-11,
              "matrixExp");
}

void check_not_finite() {
  for (const double bad : {std::nan(""), static_cast<double>(INFINITY)}) {
    for (const char* name : {"eigh", "svd"}) {
      InstrCase c(decompose_ops(), name);
      c.in(std::vector<double>{1, 0, 0, 1, 1, 0, bad, 1}, {2, 2, 2});
      if (std::string(name) == "svd") c.out<double>({2, 2, 2});
      c.out<double>({2, 2});
      c.out<double>({2, 2, 2});
      c.run();
      EXPECT(c.failure.code == static_cast<int32_t>(FailureCode::singular) && c.failure.a == 1);
    }
    InstrCase spread(decompose_ops(), "qr");
    spread.in(std::vector<double>{1, 2, bad, 1}, {1, 2, 2});
    spread.out<double>({1, 2, 2});
    const View r = spread.out<double>({1, 2, 2});
    spread.run();
    EXPECT(std::isnan(spread.read<double>(r)[0]));
    InstrCase c(decompose_ops(), "matrixExp");
    c.in(std::vector<double>{1, bad, 0, 1}, {1, 2, 2});
    const View y = c.out<double>({1, 2, 2});
    c.run();
    for (const double x : c.read<double>(y)) EXPECT(std::isnan(x));
  }
}

void check_refused() {
  using Outs = std::vector<std::vector<int64_t>>;
  const auto spoil = [](const char* name, int ins, const Outs& outs, size_t attrs) {
    spoil_instr([&] {
      Dice dice(3);
      auto c = std::make_unique<InstrCase>(decompose_ops(), name);
      for (int i = 0; i < ins; i++) c->random_in<float>(dice, {2, 4, 4});
      for (const auto& dims : outs) c->out<float>(dims);
      if (std::string(name) == "luFactor") c->instr.outs[1] = c->empty(DType::i64, {2, 4});
      c->instr.attrs.assign(attrs, 0);
      EXPECT(c->prepare().empty());
      c->instr.state.reset();
      return c;
    });
  };
  spoil("eigh", 1, {{2, 4}, {2, 4, 4}}, 0);
  spoil("svd", 1, {{2, 4, 4}, {2, 4}, {2, 4, 4}}, 0);
  spoil("qr", 1, {{2, 4, 4}, {2, 4, 4}}, 0);
  spoil("luFactor", 1, {{2, 4, 4}, {2, 4}, {2}}, 0);
  spoil("solveTriangular", 2, {{2, 4, 4}}, 2);
  spoil("matrixExp", 1, {{2, 4, 4}}, 0);
}

template <class T>
void check_all(Dice& dice) {
  for (const int64_t n : {0, 1, 2, 3, 5, 16, 33, 70}) {
    check_eigh<T>(dice, n, static_cast<int>(n));
    check_eigh<T>(dice, n, static_cast<int>(n / 2));
    for (const int64_t m : {int64_t{0}, int64_t{1}, int64_t{4}, n}) {
      for (const bool full : {false, true}) {
        check_svd<T>(dice, m, n, std::min(m, n), full);
        check_svd<T>(dice, n, m, std::min(m, n) / 2, full);
        check_qr<T>(dice, m, n, full);
        check_qr<T>(dice, n, m, full);
      }
      check_lu<T>(dice, m, n);
      check_lu<T>(dice, n, m);
    }
    for (const int flags : {0, 1, 2, 3})
      check_solve_triangular<T>(dice, n, 3, (flags & 1) != 0, (flags & 2) != 0);
    check_exp<T>(dice, n, 1.0 / static_cast<double>(n + 1));
  }
  check_exp<T>(dice, 4, 4);
  check_svd<T>(dice, 6, 4, 4, true, std::is_same_v<T, float> ? 1e-30 : 1e-250);
}

}  // namespace

int main() {
  Dice dice(1);
  check_all<float>(dice);
  check_all<double>(dice);
  check_svd<double>(dice, 5, 4, 4, false, 1e250);
  check_not_finite();
  check_refused();
  return result("decompose");
}
