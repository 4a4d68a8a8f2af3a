// solve and cholesky: residuals against long double sums, sizes around the blocks, singular
// matrices.
#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

template <class T>
double at(const std::vector<T>& values, int64_t i) {
  return static_cast<double>(values[static_cast<size_t>(i)]);
}

template <class T>
void check_solve(Dice& dice, int64_t batch, int64_t n, int64_t k) {
  InstrCase c(linalg_ops(), "solve");
  const std::vector<T> a = c.read<T>(c.random_in<T>(dice, {batch, n, n}));
  const std::vector<T> b = c.read<T>(c.random_in<T>(dice, {batch, n, k}));
  const View x_view = c.out<T>({batch, n, k});
  c.out<T>({batch, n, n});
  c.run();
  EXPECT(c.failure.code == 0);
  const std::vector<T> x = c.read<T>(x_view);
  // |b - a x| is small beside |a| |x| whatever the condition of a.
  const double limit = (std::is_same_v<T, float> ? 2e-7 : 4e-16) * static_cast<double>(8 + n);
  for (int64_t i = 0; i < batch * n; i++) {
    for (int64_t j = 0; j < k; j++) {
      double sum = -at(b, i * k + j), size = 1;
      for (int64_t m = 0; m < n; m++) {
        const double term = at(a, i * n + m) * at(x, (i / n * n + m) * k + j);
        sum += term, size += std::fabs(term);
      }
      EXPECT(std::fabs(sum) <= limit * size * 4);
    }
  }
}

template <class T>
void check_cholesky(Dice& dice, int64_t batch, int64_t n) {
  const std::vector<T> root = dice.values<T>(batch * n * n);
  std::vector<T> a(root.size());
  for (int64_t i = 0; i < batch * n; i++) {
    for (int64_t j = 0; j < n; j++) {
      double sum = i % n == j ? 0.5 : 0;
      for (int64_t m = 0; m < n; m++)
        sum += at(root, i * n + m) * at(root, (i / n * n + j) * n + m);
      // Above the diagonal anything may stand.
      a[static_cast<size_t>(i * n + j)] = static_cast<T>(j > i % n ? std::nan("") : sum);
    }
  }
  InstrCase c(linalg_ops(), "cholesky");
  const View a_view = c.in(a, {batch, n, n});
  const bool in_place = dice.chance(30);
  if (in_place) c.instr.outs = {a_view};
  const View l_view = in_place ? a_view : c.out<T>({batch, n, n});
  c.run();
  EXPECT(c.failure.code == 0);
  const std::vector<T> l = c.read<T>(l_view);
  const double limit = (std::is_same_v<T, float> ? 2e-7 : 4e-16) * static_cast<double>((8 + n) * n);
  for (int64_t i = 0; i < batch * n; i++) {
    for (int64_t j = 0; j < n; j++) {
      if (j > i % n) {
        EXPECT(l[static_cast<size_t>(i * n + j)] == 0);
        continue;
      }
      double sum = 0;
      for (int64_t m = 0; m <= j; m++) sum += at(l, i * n + m) * at(l, (i / n * n + j) * n + m);
      EXPECT(std::fabs(sum - at(a, i * n + j)) <= limit);
    }
  }
}

void expect_singular(InstrCase& c, int64_t matrix, int64_t pivot) {
  c.run();
  EXPECT(c.failure.code == static_cast<int32_t>(FailureCode::singular));
  EXPECT(c.failure.a == matrix && c.failure.b == pivot);
}

void check_singular() {
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {0.0, std::nan(""), inf}) {
    InstrCase c(linalg_ops(), "solve");
    c.in(std::vector<double>{1, 0, 0, 1, 1, 0, 0, bad}, {2, 2, 2});
    c.in(std::vector<double>(4, 1.0), {2, 2, 1});
    c.out<double>({2, 2, 1});
    c.out<double>({2, 2, 2});
    expect_singular(c, 1, 1);
  }
  InstrCase below(linalg_ops(), "solve");  // a NaN among good pivots
  below.in(std::vector<double>{1, 0, 0, std::nan(""), 1, 0, 2, 0, 1}, {1, 3, 3});
  below.in(std::vector<double>(3, 1.0), {1, 3, 1});
  below.out<double>({1, 3, 1});
  below.out<double>({1, 3, 3});
  expect_singular(below, 0, 0);
  for (const double bad : {1.0, 0.5, std::nan(""), inf}) {
    InstrCase c(linalg_ops(), "cholesky");
    c.in(std::vector<float>{1, 0, 1, static_cast<float>(bad)}, {1, 2, 2});
    c.out<float>({1, 2, 2});
    expect_singular(c, 0, 1);
  }
}

void check_refused() {
  for (const bool solve : {true, false}) {
    const auto make = [=] {
      Dice dice(3);
      auto c = std::make_unique<InstrCase>(linalg_ops(), solve ? "solve" : "cholesky");
      c->random_in<float>(dice, {2, 4, 4});
      if (solve) c->random_in<float>(dice, {2, 4, 3}), c->out<float>({2, 4, 3});
      c->out<float>({2, 4, 4});
      return c;
    };
    EXPECT(make()->prepare().empty());
    spoil_instr(make);
  }
}

}  // namespace

int main() {
  Dice dice(1);
  for (const int64_t n : {0, 1, 2, 3, 5, 16, 47, 48, 49, 96, 97, 130}) {
    for (const int64_t k : {0, 1, 3, 20}) {
      check_solve<float>(dice, 2, n, k);
      check_solve<double>(dice, 3, n, k);
    }
    check_cholesky<float>(dice, 2, n);
    check_cholesky<double>(dice, 3, n);
  }
  check_solve<double>(dice, 300, 20, 2);
  check_singular();
  check_refused();
  return result("linalg");
}
