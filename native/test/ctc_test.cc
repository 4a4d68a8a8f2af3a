// CTC: against the sum over all alignments, written out; lengths, both layouts of targets, what
// does not fit, hostile plans.
#include <functional>

#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

struct Sample {
  int64_t steps;
  std::vector<int64_t> labels;
};

constexpr int64_t kClasses = 3, kSteps = 4, kPitch = 3;

// The probability of a sample, and of being at each class at each step besides.
double enumerate(const Sample& sample, const std::function<double(int64_t, int64_t)>& log_prob,
                 int64_t blank, std::vector<double>* at) {
  double total = 0;
  int64_t paths = 1;
  for (int64_t t = 0; t < sample.steps; t++) paths *= kClasses;
  for (int64_t path = 0; path < paths; path++) {
    std::vector<int64_t> classes, labels;
    double log_weight = 0;
    for (int64_t t = 0, rest = path; t < sample.steps; t++, rest /= kClasses) {
      const int64_t c = rest % kClasses;
      log_weight += log_prob(t, c);
      if (c != blank && (t == 0 || classes.back() != c)) labels.push_back(c);
      classes.push_back(c);
    }
    if (labels != sample.labels) continue;
    total += std::exp(log_weight);
    for (size_t t = 0; t < classes.size(); t++)
      (*at)[t * kClasses + static_cast<size_t>(classes[t])] += std::exp(log_weight);
  }
  return total;
}

template <class T>
void check_batch(Dice& dice, const std::vector<Sample>& samples, bool is_padded, int64_t blank) {
  const auto N = static_cast<int64_t>(samples.size());
  std::vector<T> log_probs = dice.values<T>(kSteps * N * kClasses);
  for (T& value : log_probs) value = static_cast<T>(static_cast<double>(value) * 2 - 2);
  std::vector<int64_t> targets, steps, counts;
  for (const Sample& sample : samples) {
    std::vector<int64_t> own = sample.labels;
    if (is_padded) own.resize(kPitch, -7);  // what is beyond the length is not looked at
    targets.insert(targets.end(), own.begin(), own.end());
    steps.push_back(sample.steps);
    counts.push_back(static_cast<int64_t>(sample.labels.size()));
  }
  const auto M = static_cast<int64_t>(targets.size());
  const std::vector<int64_t> alpha_dims = {kSteps * (2 * M + N)};
  const auto add_inputs = [&](InstrCase& c) {
    c.in(log_probs, {kSteps, N, kClasses});
    c.in(targets, {M});
    c.in(steps, {N});
    c.in(counts, {N});
    c.instr.attrs = {static_cast<double>(blank), is_padded ? static_cast<double>(kPitch) : -1.0};
  };
  InstrCase forward(ctc_ops(), "ctcLoss");
  add_inputs(forward);
  const View loss_view = forward.out<T>({N}), alpha_view = forward.out<double>(alpha_dims);
  forward.run();
  EXPECT(forward.failure.code == 0);
  InstrCase backward(ctc_ops(), "ctcLossGrad");
  add_inputs(backward);
  backward.in(forward.read<double>(alpha_view), alpha_dims);
  const std::vector<T> dloss = dice.values<T>(N);
  backward.in(dloss, {N});
  const View slope_view = backward.out<T>({kSteps, N, kClasses});
  backward.run();
  const std::vector<T> loss = forward.read<T>(loss_view), slope = backward.read<T>(slope_view);
  std::vector<double> want_loss, want_slope(slope.size());
  for (int64_t n = 0; n < N; n++) {
    const auto place = [&](int64_t t, int64_t c) {
      return static_cast<size_t>((t * N + n) * kClasses + c);
    };
    std::vector<double> at(kSteps * kClasses);
    const double p = enumerate(
        samples[static_cast<size_t>(n)],
        [&](int64_t t, int64_t c) { return static_cast<double>(log_probs[place(t, c)]); }, blank,
        &at);
    want_loss.push_back(-std::log(p));
    for (int64_t t = 0; t < steps[static_cast<size_t>(n)]; t++) {
      for (int64_t c = 0; c < kClasses; c++)
        want_slope[place(t, c)] = -static_cast<double>(dloss[static_cast<size_t>(n)]) *
                                  at[static_cast<size_t>(t * kClasses + c)] / p;
    }
  }
  expect_close(loss, want_loss, tolerance<T>(8), "loss");
  expect_close(slope, want_slope, tolerance<T>(8), "gradient");
}

void check_out_of_range() {
  const auto fails = [](int64_t steps, int64_t labels, int64_t target, double pitch) {
    InstrCase c(ctc_ops(), "ctcLoss");
    Dice dice(5);
    c.random_in<double>(dice, {kSteps, 1, kClasses});
    c.in(std::vector<int64_t>{1, target}, {2});
    c.in(std::vector<int64_t>{steps}, {1});
    c.in(std::vector<int64_t>{labels}, {1});
    c.out<double>({1});
    c.out<double>({kSteps * 5});
    c.instr.attrs = {0, pitch};
    c.run();
    return c.failure.code == static_cast<int32_t>(FailureCode::index);
  };
  for (const double pitch : {-1.0, 2.0}) {
    EXPECT(!fails(4, 2, 2, pitch) && !fails(4, 1, 9, pitch));
    EXPECT(fails(5, 2, 2, pitch) && fails(-1, 2, 2, pitch) && fails(4, 3, 2, pitch));
    EXPECT(fails(4, -1, 2, pitch) && fails(4, 2, 3, pitch) && fails(4, 2, -1, pitch));
    EXPECT(fails(4, std::numeric_limits<int64_t>::max(), 2, pitch));
  }
}

void check_refused() {
  for (const bool back : {false, true}) {
    spoil_instr([=] {
      Dice dice(3);
      auto c = std::make_unique<InstrCase>(ctc_ops(), back ? "ctcLossGrad" : "ctcLoss");
      c->random_in<float>(dice, {4, 2, 3});
      c->in(std::vector<int64_t>(6, 1), {6});
      c->in(std::vector<int64_t>(2, 4), {2});
      c->in(std::vector<int64_t>(2, 3), {2});
      if (back) {
        c->in(std::vector<double>(4 * 14), {4 * 14});
        c->random_in<float>(dice, {2});
        c->out<float>({4, 2, 3});
      } else {
        c->out<float>({2});
        c->out<double>({4 * 14});
      }
      c->instr.attrs = {0, 3};
      EXPECT(c->prepare().empty());
      c->instr.state.reset();
      return c;
    });
  }
}

template <class T>
void check_all(Dice& dice) {
  const std::vector<Sample> samples = {{4, {1, 2}}, {3, {1}},       {4, {1, 1}}, {4, {}},
                                       {0, {}},     {2, {1, 2, 1}}, {2, {2, 2}}, {3, {2, 1, 2}}};
  for (const bool is_padded : {false, true}) {
    check_batch<T>(dice, samples, is_padded, 0);
    check_batch<T>(dice, {{4, {1}}}, is_padded, 0);
    check_batch<T>(dice, {{4, {0, 1}}, {3, {1, 1}}}, is_padded, 2);
    check_batch<T>(dice, {}, is_padded, 1);
  }
}

}  // namespace

int main() {
  Dice dice(1);
  check_all<float>(dice);
  check_all<double>(dice);
  check_out_of_range();
  check_refused();
  return result("ctc");
}
