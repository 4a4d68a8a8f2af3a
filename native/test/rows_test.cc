// Row ops against loops in long double; in place; rows of infinities.
#include "op_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

using Wide = std::vector<long double>;

Wide softmax(const Wide& x) {
  const long double largest = *std::max_element(x.begin(), x.end());
  Wide y;
  long double sum = 0;
  for (const long double value : x) y.push_back(std::exp(value - largest)), sum += y.back();
  for (long double& value : y) value /= sum;
  return y;
}

long double dot(const Wide& a, const Wide& b) {
  long double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

template <class T>
std::vector<T> random_values(int64_t n, double low, double high, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<T> values(static_cast<size_t>(n));
  for (T& value : values) value = static_cast<T>(uniform(random));
  return values;
}

template <class T>
Wide row_of(const std::vector<T>& x, int64_t row, int64_t n) {
  return {x.begin() + row * n, x.begin() + (row + 1) * n};
}

template <class T>
void expect_near(const char* what, const std::vector<T>& got, int64_t row, const Wide& want,
                 double scale) {
  const double tolerance = 16 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (size_t i = 0; i < want.size(); ++i) {
    const long double value = got[static_cast<size_t>(row) * want.size() + i];
    const long double error = std::fabs(value - want[i]);
    if (error <= tolerance * (std::fabs(want[i]) + scale)) continue;
    expect(false,
           std::string(what) + ": " + std::to_string(value) + " is not " + std::to_string(want[i]),
           __FILE__, __LINE__);
    return;
  }
}

template <class T>
void check_shape(int64_t rows, int64_t n) {
  const auto x = random_values<T>(rows * n, -12, 9, 1), dy = random_values<T>(rows * n, -1, 1, 2);
  for (const bool in_place : {false, true}) {
    OpCase c;
    const auto unary = [&](const char* name, const std::vector<T>& from) {
      const View in = c.filled(from, {rows, n});
      const View out = in_place ? in : c.empty(in.dtype, {rows, n});
      EXPECT(c.run(rows_ops(), name, {out}, {in}) == "");
      return c.read<T>(out);
    };
    const auto grad = [&](const char* name, const std::vector<T>& y) {
      const View vy = c.filled(y, {rows, n}), vdy = c.filled(dy, {rows, n});
      const View out = in_place ? vdy : c.empty(vy.dtype, {rows, n});
      EXPECT(c.run(rows_ops(), name, {out}, {vy, vdy}) == "");
      return c.read<T>(out);
    };
    const auto y = unary("softmax", x), log_y = unary("logSoftmax", x);
    const auto dx = grad("softmaxGrad", y), dx_log = grad("logSoftmaxGrad", log_y);
    for (int64_t r = 0; r < rows; ++r) {
      const Wide want = softmax(row_of(x, r, n)), vdy = row_of(dy, r, n);
      expect_near("softmax", y, r, want, 0);
      Wide want_log, want_dx, want_dx_log;
      const Wide mine = row_of(y, r, n), mine_log = row_of(log_y, r, n);
      const long double along = dot(mine, vdy), sum = dot(Wide(vdy.size(), 1), vdy);
      for (size_t i = 0; i < want.size(); ++i) {
        want_log.push_back(std::log(want[i]));
        want_dx.push_back(mine[i] * (vdy[i] - along));
        want_dx_log.push_back(vdy[i] - std::exp(mine_log[i]) * sum);
      }
      expect_near("logSoftmax", log_y, r, want_log, 2);
      expect_near("softmaxGrad", dx, r, want_dx, 0.1);
      expect_near("logSoftmaxGrad", dx_log, r, want_dx_log,
                  1 + 0.1 * std::sqrt(static_cast<double>(n)));
    }
  }
}

template <class T>
void check_standardize(int64_t rows, int64_t n) {
  const double eps = 1e-5;
  const auto x = random_values<T>(rows * n, 99, 103, 3), dy = random_values<T>(rows * n, -1, 1, 4);
  for (const bool in_place : {false, true}) {
    OpCase c;
    const View vx = c.filled(x, {rows, n}), rstd = c.empty(vx.dtype, {rows});
    const View xhat = in_place ? vx : c.empty(vx.dtype, {rows, n});
    EXPECT(c.run(rows_ops(), "standardize", {xhat, rstd}, {vx}, {eps}) == "");
    const auto got_xhat = c.read<T>(xhat), got_rstd = c.read<T>(rstd);
    const View vdy = c.filled(dy, {rows, n});
    const double rounded_mean =
        sizeof(T) == 8 ? 10 : 0.1;  // x is about 100 and the mean no wider than x
    const View dx = in_place ? xhat : c.empty(vx.dtype, {rows, n});
    EXPECT(c.run(rows_ops(), "standardizeGrad", {dx}, {xhat, rstd, vdy}) == "");
    const auto got_dx = c.read<T>(dx);
    for (int64_t r = 0; r < rows; ++r) {
      const Wide row = row_of(x, r, n), g = row_of(dy, r, n);
      const long double count = static_cast<long double>(n);
      const long double mean = dot(row, Wide(row.size(), 1)) / count;
      Wide want, want_dx;
      long double variance = 0;
      for (const long double value : row) variance += (value - mean) * (value - mean) / count;
      const long double scale = 1 / std::sqrt(variance + static_cast<long double>(eps));
      for (const long double value : row) want.push_back((value - mean) * scale);
      const long double g_mean = dot(g, Wide(g.size(), 1)) / count, along = dot(g, want) / count;
      for (size_t i = 0; i < g.size(); ++i)
        want_dx.push_back(scale * (g[i] - g_mean - want[i] * along));
      expect_near("xhat", got_xhat, r, want, rounded_mean);
      expect_near("rstd", std::vector<T>{got_rstd[r]}, 0, {scale}, 0);
      expect_near("dx", got_dx, r, want_dx, static_cast<double>(scale) * 10 * rounded_mean);
    }
  }
}

template <class T>
void check_layer_norm(int64_t rows, int64_t n, int64_t parts, bool with_bias) {
  const double eps = 1e-5;
  const auto x = random_values<T>(rows * n, 99, 103, 3), dy = random_values<T>(rows * n, -1, 1, 4);
  const auto w = random_values<T>(n, -2, 2, 5), b = random_values<T>(n, -2, 2, 6);
  OpCase c;
  const View vx = c.filled(x, {rows, n}), vw = c.filled(w, {n}), vb = c.filled(b, {n});
  const View y = c.empty(vx.dtype, {rows, n}), dx = c.empty(vx.dtype, {rows, n});
  const View mean = c.empty(DType::f64, {rows}), rstd = c.empty(DType::f64, {rows});
  const View dw = c.empty(vx.dtype, {n}), db = c.empty(vx.dtype, {n});
  const View sums = c.empty(DType::f64, {parts, 2 * n}), vdy = c.filled(dy, {rows, n});
  const std::vector<View> ins = with_bias ? std::vector<View>{vx, vw, vb} : std::vector{vx, vw};
  EXPECT(c.run(layer_norm_ops(), "layerNorm", {y, mean, rstd}, ins, {eps}) == "");
  EXPECT(c.run(layer_norm_ops(), "layerNormGrad", {dx, dw, db, sums}, {vx, vw, mean, rstd, vdy}) ==
         "");
  const auto got_y = c.read<T>(y), got_dx = c.read<T>(dx);
  Wide want_dw(static_cast<size_t>(n), 0), want_db(static_cast<size_t>(n), 0);
  for (int64_t r = 0; r < rows; ++r) {
    const Wide row = row_of(x, r, n), g = row_of(dy, r, n);
    const long double count = static_cast<long double>(n), centre = dot(row, Wide(row.size(), 1));
    Wide xhat, scaled, want, want_dx;
    long double variance = 0;
    for (const long double v : row) variance += (v - centre / count) * (v - centre / count) / count;
    const long double scale = 1 / std::sqrt(variance + static_cast<long double>(eps));
    for (size_t i = 0; i < row.size(); ++i) {
      xhat.push_back((row[i] - centre / count) * scale);
      scaled.push_back(g[i] * static_cast<long double>(w[i]));
      want.push_back(xhat[i] * static_cast<long double>(w[i]) +
                     (with_bias ? static_cast<long double>(b[i]) : 0));
      want_dw[i] += g[i] * xhat[i];
      want_db[i] += g[i];
    }
    const long double g_mean = dot(scaled, Wide(g.size(), 1)) / count;
    const long double along = dot(scaled, xhat) / count;
    for (size_t i = 0; i < g.size(); ++i) {
      want_dx.push_back(scale * (scaled[i] - g_mean - xhat[i] * along));
    }
    // |w| <= 2 times what xhat (below 3) is allowed
    expect_near("y", got_y, r, want, 2 * (3 + 10));
    expect_near("dx of layerNorm", got_dx, r, want_dx, static_cast<double>(scale) * 10);
  }
  // as many terms as rows, each with the error of its xhat
  const double of_rows = static_cast<double>(rows) * (3 + 10);
  expect_near("dw", c.read<T>(dw), 0, want_dw, of_rows);
  expect_near("db", c.read<T>(db), 0, want_db, of_rows);
}

template <class T>
void check_infinities() {
  constexpr T kInf = std::numeric_limits<T>::infinity();
  OpCase c;
  const View x = c.filled<T>({-kInf, -kInf, -kInf, 0, -kInf, 1, 0, kInf, 1}, {3, 3});
  const View y = c.empty(x.dtype, {3, 3});
  EXPECT(c.run(rows_ops(), "softmax", {y}, {x}) == "");
  const auto got = c.read<T>(y);
  for (const int i : {0, 1, 2, 7}) EXPECT(got[i] != got[i]);
  EXPECT(got[4] == 0 && std::fabs(got[5] - T(0.7310585786)) < 1e-6);
  EXPECT(c.run(rows_ops(), "logSoftmax", {y}, {x}) == "");
  const auto log = c.read<T>(y);
  EXPECT(log[0] != log[0] && log[4] == -kInf && std::fabs(log[5] + T(0.3132616875)) < 1e-6);
}

void check_refusals() {
  OpCase c;
  const View x = c.empty(DType::f32, {4, 6}), wide = c.empty(DType::f64, {4, 6});
  const View other = c.empty(DType::f32, {6, 4}), flat = c.empty(DType::f32, {24});
  const View rstd = c.empty(DType::f32, {4}), half = c.empty(DType::f16, {4, 6});
  const auto refused = [&](const char* name, std::vector<View> outs, std::vector<View> ins,
                           std::vector<double> attrs = {}) {
    return !c.run(rows_ops(), name, std::move(outs), std::move(ins), std::move(attrs)).empty();
  };
  EXPECT(refused("softmax", {wide}, {x}) && refused("softmax", {other}, {x}));
  EXPECT(refused("softmax", {flat}, {flat}) && refused("softmax", {half}, {half}));
  EXPECT(refused("softmax", {x}, {}) && refused("softmax", {x}, {x, x}) &&
         refused("softmax", {x}, {x}, {1}));
  EXPECT(refused("softmax", {x}, {OpCase::strided(other, {4, 6}, {1, 4})}));
  EXPECT(refused("standardize", {x, rstd}, {x}) && refused("standardize", {x, x}, {x}, {1e-5}));
  EXPECT(refused("standardizeGrad", {x}, {x, x, x}) &&
         !refused("standardizeGrad", {x}, {x, rstd, x}));
  const View w = c.empty(DType::f32, {6}), lines = c.empty(DType::f64, {4});
  const View sums = c.empty(DType::f64, {2, 12}), odd = c.empty(DType::f64, {2, 13});
  const View many = c.empty(DType::f64, {17, 12});
  const auto norm_refused = [&](const char* name, std::vector<View> outs, std::vector<View> ins,
                                std::vector<double> attrs = {}) {
    return !c.run(layer_norm_ops(), name, std::move(outs), std::move(ins), std::move(attrs))
                .empty();
  };
  EXPECT(!norm_refused("layerNorm", {x, lines, lines}, {x, w}, {1e-5}));
  EXPECT(norm_refused("layerNorm", {x, lines, lines}, {x, w}) &&
         norm_refused("layerNorm", {x, rstd, lines}, {x, w}, {1e-5}) &&
         norm_refused("layerNorm", {x, lines, lines}, {x, rstd}, {1e-5}) &&
         norm_refused("layerNorm", {x, lines, lines}, {x, w, rstd}, {1e-5}) &&
         norm_refused("layerNorm", {other, lines, lines}, {x, w}, {1e-5}) &&
         norm_refused("layerNorm", {half, lines, lines}, {half, w}, {1e-5}));
  const std::vector<View> ins = {x, w, lines, lines, x};
  EXPECT(!norm_refused("layerNormGrad", {x, w, w, sums}, ins));
  EXPECT(norm_refused("layerNormGrad", {x, w, w, odd}, ins) &&
         norm_refused("layerNormGrad", {x, w, w, many}, ins) &&
         norm_refused("layerNormGrad", {x, w, rstd, sums}, ins) &&
         norm_refused("layerNormGrad", {x, w, w, sums}, {x, w, rstd, lines, x}) &&
         norm_refused("layerNormGrad", {other, w, w, sums}, ins));
}

}  // namespace

int main() {
  for (const auto& [rows, n] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {7, 10}, {3, 31}, {5, 33}, {64, 1000}, {3, 5000}, {0, 4}}) {
    check_shape<float>(rows, n);
    check_shape<double>(rows, n);
    check_standardize<float>(rows, n);
    check_standardize<double>(rows, n);
    for (const int64_t parts : {1, 3, 16}) {
      check_layer_norm<float>(rows, n, parts, parts == 3);
      check_layer_norm<double>(rows, n, parts, parts != 3);
    }
  }
  check_infinities<float>();
  check_infinities<double>();
  check_refusals();
  return result("rows");
}
