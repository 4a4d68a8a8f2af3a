// Optimiser updates, number by number over several steps, against PyTorch's formulas in double.
#include "op_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

constexpr int64_t kN = 40007;

template <class T>
std::vector<T> random_values(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<T> values(kN);
  for (T& value : values) value = static_cast<T>(uniform(random));
  return values;
}

template <class T>
void expect_near(const char* what, const std::vector<T>& got, const std::vector<double>& want) {
  const double tolerance = 20 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::fabs(static_cast<double>(got[i]) - want[i]) <= tolerance) continue;
    expect(false, std::string(what) + " " + std::to_string(got[i]) + " " + std::to_string(want[i]),
           __FILE__, __LINE__);
    return;
  }
}

template <class T>
void check_sgd(double momentum, double dampening, double decay, bool nesterov, bool maximize) {
  OpCase c;
  const double lr = 0.1;
  const std::vector<T> start = random_values<T>(1);
  const View param = c.filled(start), buffer = c.filled(random_values<T>(9));
  std::vector<double> p(start.begin(), start.end()), b(kN);
  for (int step = 0; step < 4; ++step) {
    const std::vector<T> grad = random_values<T>(10 + static_cast<uint64_t>(step));
    std::vector<View> ins = {c.filled(grad)};
    for (const double number : {lr, momentum, dampening, decay, step == 0 ? 1.0 : 0.0}) {
      ins.push_back(c.filled(std::vector<double>{number}));
    }
    const std::vector<View> outs =
        momentum != 0 ? std::vector<View>{param, buffer} : std::vector<View>{param};
    EXPECT(c.run(update_ops(), "sgd", outs, ins, {double(nesterov), double(maximize)}) == "");
    for (size_t i = 0; i < p.size(); ++i) {
      double g = (maximize ? -1 : 1) * static_cast<double>(grad[i]) + decay * p[i];
      if (momentum != 0) {
        b[i] = step == 0 ? g : momentum * b[i] + (1 - dampening) * g;
        g = nesterov ? g + momentum * b[i] : b[i];
      }
      p[i] -= lr * g;
    }
    expect_near("sgd param", c.read<T>(param), p);
    if (momentum != 0) expect_near("sgd buffer", c.read<T>(buffer), b);
  }
}

template <class T>
void check_adam(double decay, bool decoupled, bool amsgrad, bool maximize) {
  OpCase c;
  const double lr = 0.01, beta1 = 0.9, beta2 = 0.99, eps = 1e-3;
  const std::vector<T> start = random_values<T>(1), zero(kN);
  const View param = c.filled(start), m = c.filled(zero), v = c.filled(zero), most = c.filled(zero);
  std::vector<double> p(start.begin(), start.end()), wm(kN), wv(kN), wmost(kN);
  for (int step = 1; step <= 4; ++step) {
    std::vector<T> grad = random_values<T>(10 + static_cast<uint64_t>(step));
    if (step == 3) std::fill(grad.begin(), grad.begin() + kN / 2, T(0));
    const double c1 = 1 - std::pow(beta1, step), c2 = 1 - std::pow(beta2, step);
    std::vector<View> ins = {c.filled(grad)};
    for (const double number : {lr, beta1, beta2, eps, decay, c1, c2}) {
      ins.push_back(c.filled(std::vector<double>{number}));
    }
    std::vector<View> outs = {param, m, v};
    if (amsgrad) outs.push_back(most);
    EXPECT(c.run(update_ops(), "adam", outs, ins, {double(decoupled), double(maximize)}) == "");
    for (size_t i = 0; i < p.size(); ++i) {
      double g = (maximize ? -1 : 1) * static_cast<double>(grad[i]);
      if (decoupled)
        p[i] *= 1 - lr * decay;
      else
        g += decay * p[i];
      wm[i] = beta1 * wm[i] + (1 - beta1) * g;
      wv[i] = beta2 * wv[i] + (1 - beta2) * g * g;
      wmost[i] = std::max(wmost[i], wv[i]);
      const double denom = std::sqrt(amsgrad ? wmost[i] : wv[i]) / std::sqrt(c2) + eps;
      p[i] -= lr / c1 * wm[i] / denom;
    }
    expect_near("adam param", c.read<T>(param), p);
    expect_near("adam m", c.read<T>(m), wm);
    expect_near("adam v", c.read<T>(v), wv);
    if (amsgrad) expect_near("adam vMax", c.read<T>(most), wmost);
  }
}

void check_refusals() {
  OpCase c;
  const View p = c.empty(DType::f32, {8}), other = c.empty(DType::f32, {9});
  const View number = c.filled(std::vector<double>{0.1}),
             narrow = c.filled(std::vector<float>{0.1f});
  const std::vector<View> ins = {p, number, number, number, number, number};
  EXPECT(c.run(update_ops(), "sgd", {p}, ins, {0, 0}) == "");
  EXPECT(c.run(update_ops(), "sgd", {p}, ins, {1, 0}) != "");
  EXPECT(c.run(update_ops(), "sgd", {p}, ins, {0}) != "");
  EXPECT(c.run(update_ops(), "sgd", {p, other}, ins, {0, 0}) != "");
  EXPECT(c.run(update_ops(), "sgd", {}, ins, {0, 0}) != "");
  EXPECT(c.run(update_ops(), "sgd", {p}, {p, number}, {0, 0}) != "");
  EXPECT(c.run(update_ops(), "sgd", {p}, {other, number, number, number, number, number}, {0, 0}) !=
         "");
  EXPECT(c.run(update_ops(), "sgd", {p}, {p, narrow, number, number, number, number}, {0, 0}) !=
         "");
  EXPECT(c.run(update_ops(), "adam", {p, p}, ins, {0, 0}) != "");
}

template <class T>
void check_all() {
  check_sgd<T>(0, 0, 0, false, false);
  check_sgd<T>(0, 0, 0.1, false, true);
  check_sgd<T>(0.9, 0, 0, false, false);
  check_sgd<T>(0.9, 0.2, 0.1, false, true);
  check_sgd<T>(0.9, 0, 0.1, true, false);
  check_adam<T>(0, false, false, false);
  check_adam<T>(0.1, false, false, true);
  check_adam<T>(0.1, true, false, false);
  check_adam<T>(0.1, true, true, false);
  check_adam<T>(0.1, false, true, false);
}

void check_assign_rows() {
  OpCase c;
  constexpr int64_t kRows = 5003, kInner = 3, kIds = 70001;
  std::mt19937_64 random(3);
  std::vector<float> table(kRows * kInner), rows(kIds * kInner);
  for (float& x : table) x = static_cast<float>(random() % 1000);
  for (float& x : rows) x = static_cast<float>(random() % 1000);
  std::vector<int64_t> ids(kIds);
  for (int64_t& id : ids) id = static_cast<int64_t>(random() % (kRows + 20)) - 10;
  ids[5] = std::numeric_limits<int64_t>::max(), ids[6] = std::numeric_limits<int64_t>::min();
  const View y = c.filled(table, {kRows, kInner}), src = c.filled(rows, {kIds, kInner});
  const View index = c.filled(ids);
  EXPECT(c.run(assign_rows_ops(), "assignRows", {y}, {index, src}, {}) == "");
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= kRows) continue;
    std::copy_n(rows.data() + i * kInner, kInner, table.data() + ids[i] * kInner);
  }
  EXPECT(c.read<float>(y) == table);
  const View none = c.empty(DType::i64, {0}), empty = c.empty(DType::f32, {0, kInner});
  EXPECT(c.run(assign_rows_ops(), "assignRows", {y}, {none, empty}, {}) == "");
  EXPECT(c.run(assign_rows_ops(), "assignRows", {y}, {none, src}, {}) != "");
  EXPECT(c.run(assign_rows_ops(), "assignRows", {y}, {src, src}, {}) != "");
  EXPECT(c.run(assign_rows_ops(), "assignRows", {y}, {index}, {}) != "");
  EXPECT(c.run(assign_rows_ops(), "assignRows", {index}, {index, src}, {}) != "");
}

}  // namespace

int main() {
  check_assign_rows();
  check_all<float>();
  check_all<double>();
  check_refusals();
  return result("update");
}
