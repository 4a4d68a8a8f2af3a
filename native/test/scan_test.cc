// Scans: against naive loops over random shapes, dtypes and directions; limits, NaN, refusals.
#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

struct Shape3 {
  int64_t outer, n, inner;
  std::vector<int64_t> dims() const { return {outer, n, inner}; }
  int64_t count() const { return outer * n * inner; }
};

Shape3 random_shape(Dice& dice) {
  // Of the last axis, several at a time.
  if (dice.chance(50)) return {dice.between(1, 20), dice.between(0, 40), 1};
  return {dice.between(1, 4), dice.between(0, 40), dice.between(1, 300)};
}

// Calls body(offset of this element, offset of the one before it or -1) along every line.
template <class F>
void for_each_step(const Shape3& s, bool reverse, const F& body) {
  for (int64_t o = 0; o < s.outer; o++) {
    for (int64_t j = 0; j < s.inner; j++) {
      for (int64_t i = 0; i < s.n; i++) {
        const auto at = [&](int64_t step) {
          return (o * s.n + (reverse ? s.n - 1 - step : step)) * s.inner + j;
        };
        body(static_cast<size_t>(at(i)), i == 0 ? -1 : at(i - 1));
      }
    }
  }
}

// y from a step that takes the running result (of `wide`) and the element.
template <class T, class Wide, class Step>
std::vector<T> naive(const Shape3& s, bool reverse, const std::vector<T>& x, Wide start,
                     const Step& step) {
  std::vector<Wide> all(x.size());
  for_each_step(s, reverse, [&](size_t at, int64_t before) {
    all[at] = step(before < 0 ? start : all[static_cast<size_t>(before)], at);
  });
  std::vector<T> y;
  for (const Wide value : all) y.push_back(static_cast<T>(value));
  return y;
}

template <class T>
struct ScanCase : InstrCase {
  ScanCase(const char* name, const Shape3& s, bool reverse, const std::vector<T>& x)
      : InstrCase(scan_ops(), name) {
    in(x, s.dims());
    instr.attrs = {reverse ? 1.0 : 0.0};
  }
};

template <class T>
void check_sums(Dice& dice) {
  const Shape3 s = random_shape(dice);
  const bool reverse = dice.chance(50), in_place = dice.chance(50);
  const auto x = dice.values<T>(s.count());
  using Wide = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;
  const auto value = [&](size_t at) { return static_cast<Wide>(x[at]); };
  for (const bool product : {false, true}) {
    const auto want =
        product
            ? naive<T, Wide>(s, reverse, x, 1, [&](Wide r, size_t at) { return r * value(at); })
            : naive<T, Wide>(s, reverse, x, 0, [&](Wide r, size_t at) { return r + value(at); });
    ScanCase<T> c(product ? "cumprod" : "cumsum", s, reverse, x);
    if (in_place) c.instr.outs = {c.instr.ins[0]};
    const View y = in_place ? c.instr.ins[0] : c.template out<T>(s.dims());
    c.run();
    EXPECT(c.template read<T>(y) == want);
  }
}

template <class T>
void check_floats(Dice& dice) {
  const Shape3 s = random_shape(dice);
  const bool reverse = dice.chance(50);
  const auto x = dice.values<T>(s.count()), a = dice.values<T>(s.count());
  ScanCase<T> recurrence("linearRecurrence", s, reverse, x);
  recurrence.in(a, s.dims());
  const View y = recurrence.template out<T>(s.dims());
  recurrence.run();
  const auto want = naive<T, double>(s, reverse, x, 0, [&](double r, size_t at) {
    return static_cast<double>(a[at]) * r + static_cast<double>(x[at]);
  });
  EXPECT(recurrence.template read<T>(y) == want);
  ScanCase<T> logs("logcumsumexp", s, reverse, x);
  const View z = logs.template out<T>(s.dims());
  logs.run();
  const auto sums = naive<double, double>(
      s, reverse, std::vector<double>(x.size()), 0,
      [&](double r, size_t at) { return r + std::exp(static_cast<double>(x[at])); });
  std::vector<double> wanted;
  for (const double sum : sums) wanted.push_back(std::log(sum));
  expect_close(logs.template read<T>(z), wanted, tolerance<T>(2), "logcumsumexp");
}

template <class T>
void check_extremes(Dice& dice) {
  const Shape3 s = random_shape(dice);
  const bool reverse = dice.chance(50);
  std::vector<T> x;
  for (int64_t i = 0; i < s.count(); i++) x.push_back(static_cast<T>(dice.between(0, 5)));
  for (const bool largest : {false, true}) {
    std::vector<T> values(x.size());
    std::vector<int64_t> places(x.size());
    for_each_step(s, reverse, [&](size_t at, int64_t before) {
      const auto last = static_cast<size_t>(before);
      const bool stays = before >= 0 && (largest ? x[at] < values[last] : x[at] > values[last]);
      values[at] = stays ? values[last] : x[at];
      places[at] = stays ? places[last] : static_cast<int64_t>(at) / s.inner % s.n;
    });
    ScanCase<T> c(largest ? "cummax" : "cummin", s, reverse, x);
    const View y = c.template out<T>(s.dims()), at = c.template out<int64_t>(s.dims());
    c.run();
    EXPECT(c.template read<T>(y) == values);
    EXPECT(c.template read<int64_t>(at) == places);
  }
}

template <class T>
void check_special() {
  constexpr T kInf = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const auto run = [](const char* name, const std::vector<T>& x) {
    const Shape3 s{1, static_cast<int64_t>(x.size()), 1};
    ScanCase<T> c(name, s, false, x);
    const View y = c.template out<T>(s.dims());
    if (name[3] == 'm') c.template out<int64_t>(s.dims());
    c.run();
    std::vector<T> got = c.template read<T>(y);
    if (name[3] == 'm') {
      for (const int64_t at : c.template read<int64_t>(c.instr.outs[1])) {
        got.push_back(static_cast<T>(at));
      }
    }
    return got;
  };
  expect_close(run("logcumsumexp", {-kInf, 0, -kInf, 800, kInf, 1}), {-kInf, 0, 0, 800, kInf, kInf},
               0, "logcumsumexp of limits");
  expect_close(run("logcumsumexp", {0, nan, kInf, -kInf}), {0, nan, nan, nan}, 0,
               "logcumsumexp of NaN");
  expect_close(run("cummax", {1, nan, 3, nan, 2}), {1, nan, nan, nan, nan, 0, 1, 1, 3, 3}, 0,
               "cummax of NaN");
  expect_close(run("cummin", {nan, 1}), {nan, nan, 0, 0}, 0, "cummin of NaN");
}

void check_refused() {
  for (const char* name : {"cumsum", "linearRecurrence", "cummax"}) {
    const auto make = [=] {
      const std::vector<float> x(12);
      auto c = std::make_unique<ScanCase<float>>(name, Shape3{2, 3, 2}, false, x);
      if (name[0] == 'l') c->in(x, {2, 3, 2});
      c->out<float>({2, 3, 2});
      if (name[3] == 'm') c->out<int64_t>({2, 3, 2});
      return c;
    };
    EXPECT(make()->prepare().empty());
    spoil_instr(make);
  }
  InstrCase narrow(scan_ops(), "cumsum");
  narrow.instr.ins = {narrow.empty(DType::f16, {1, 2, 1})};
  narrow.instr.outs = {narrow.empty(DType::f16, {1, 2, 1})};
  narrow.instr.attrs = {0};
  expect_text(narrow.prepare(), "dtype");
}

}  // namespace

int main() {
  Dice dice(1);
  for (int i = 0; i < 30; i++) {
    check_sums<float>(dice), check_sums<double>(dice), check_sums<int64_t>(dice);
    check_floats<float>(dice), check_floats<double>(dice);
    check_extremes<float>(dice), check_extremes<int64_t>(dice), check_extremes<uint8_t>(dice);
    check_extremes<int8_t>(dice), check_extremes<uint64_t>(dice);
  }
  check_special<float>();
  check_special<double>();
  check_refused();
  return result("scan");
}
