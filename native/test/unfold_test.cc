// unfold and fold: against naive loops over random windows, and resample: against a dense matrix.
#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

// A window of a tap: where it reads in x, or -1.
int64_t source(const std::vector<int64_t>& a, int64_t h, int64_t w, int64_t tap, int64_t oh,
               int64_t ow) {
  const int64_t ih = oh * a[2] - a[4] + tap / a[1] * a[6],
                iw = ow * a[3] - a[5] + tap % a[1] * a[7];
  return ih < 0 || ih >= h || iw < 0 || iw >= w ? -1 : ih * w + iw;
}

template <class T>
void check_windows(Dice& dice) {
  const int64_t P = dice.between(dice.chance(5) ? 0 : 1, 4), H = dice.between(1, 12),
                W = dice.between(1, dice.chance(20) ? 90 : 12), OH = dice.between(0, 9),
                OW = dice.between(0, dice.chance(20) ? 90 : 9);
  std::vector<int64_t> a = {dice.between(1, 4), dice.between(1, 4), dice.between(1, 3),
                            dice.between(1, 3), dice.between(0, 3), dice.between(0, 3),
                            dice.between(1, 3), dice.between(1, 3)};
  const int64_t taps = a[0] * a[1];
  InstrCase forward(unfold_ops(), "unfold"), backward(unfold_ops(), "fold");
  for (const int64_t n : a) {
    forward.instr.attrs.push_back(static_cast<double>(n));
    backward.instr.attrs.push_back(static_cast<double>(n));
  }
  const std::vector<T> x = forward.read<T>(forward.random_in<T>(dice, {P, H, W}));
  const std::vector<T> dy = backward.read<T>(backward.random_in<T>(dice, {P, taps, OH, OW}));
  const View y = forward.out<T>({P, taps, OH, OW}), dx = backward.out<T>({P, H, W});
  std::vector<double> want(dy.size()), dwant(x.size());
  size_t at = 0;
  for (int64_t p = 0; p < P; p++) {
    for (int64_t tap = 0; tap < taps; tap++) {
      for (int64_t o = 0; o < OH * OW; o++, at++) {
        const int64_t from = source(a, H, W, tap, o / OW, o % OW);
        if (from < 0) continue;
        want[at] = static_cast<double>(x[static_cast<size_t>(p * H * W + from)]);
        dwant[static_cast<size_t>(p * H * W + from)] += static_cast<double>(dy[at]);
      }
    }
  }
  forward.run();
  backward.run();
  expect_close(forward.read<T>(y), want, 0, "unfold");
  expect_close(backward.read<T>(dx), dwant, tolerance<T>(16), "fold");
}

template <class T>
void check_resample(Dice& dice) {
  const int64_t outer = dice.between(0, 4), M = dice.between(1, 9), N = dice.between(0, 9),
                inner = dice.chance(40) ? 1 : dice.between(1, 150);
  InstrCase c(resample_ops(), "resample");
  const std::vector<T> x = c.read<T>(c.random_in<T>(dice, {outer, M, inner}));
  const View y = c.out<T>({outer, N, inner});
  std::vector<double> starts = {0}, positions, weights;
  std::vector<double> matrix(static_cast<size_t>(N * M));
  for (int64_t n = 0; n < N; n++) {
    for (int64_t i = dice.between(0, 4); i > 0; i--) {
      const int64_t m = dice.between(0, M - 1);
      positions.push_back(static_cast<double>(m)), weights.push_back(dice.real());
      matrix[static_cast<size_t>(n * M + m)] += weights.back();
    }
    starts.push_back(static_cast<double>(positions.size()));
  }
  std::vector<double>& attrs = c.instr.attrs;
  attrs = starts;
  attrs.insert(attrs.end(), positions.begin(), positions.end());
  attrs.insert(attrs.end(), weights.begin(), weights.end());
  std::vector<double> want(static_cast<size_t>(outer * N * inner));
  for (int64_t i = 0; i < outer * N * inner; i++) {
    const int64_t n = i / inner % N, o = i / inner / N;
    for (int64_t m = 0; m < M; m++) {
      want[static_cast<size_t>(i)] +=
          matrix[static_cast<size_t>(n * M + m)] *
          static_cast<double>(x[static_cast<size_t>((o * M + m) * inner + i % inner)]);
    }
  }
  c.run();
  expect_close(c.read<T>(y), want, tolerance<T>(8), "resample");
}

void check_refused() {
  for (const char* name : {"unfold", "fold"}) {
    const auto make = [=] {
      Dice dice(3);
      auto c = std::make_unique<InstrCase>(unfold_ops(), name);
      const bool is_fold = std::string(name) == "fold";
      const std::vector<int64_t> x = {2, 5, 6}, y = {2, 6, 4, 4};
      c->random_in<float>(dice, is_fold ? y : x);
      c->out<float>(is_fold ? x : y);
      c->instr.attrs = {2, 3, 1, 1, 0, 0, 1, 1};
      return c;
    };
    EXPECT(make()->prepare().empty());
    spoil_instr(make);
    auto taps = make();
    taps->instr.attrs[0] = 3;
    expect_text(taps->prepare(), "taps");
  }
  const auto make = [] {
    Dice dice(3);
    auto c = std::make_unique<InstrCase>(resample_ops(), "resample");
    c->random_in<float>(dice, {2, 3, 4});
    c->out<float>({2, 2, 4});
    c->instr.attrs = {0, 1, 3, 0, 1, 2, 1, 0.5, 0.5};
    return c;
  };
  EXPECT(make()->prepare().empty());
  spoil_instr(make);
  const auto refused = [&](size_t at, double value, const char* part) {
    auto c = make();
    c->instr.attrs[at] = value;
    expect_text(c->prepare(), part);
  };
  refused(0, 1, "span");
  refused(1, 4, "ascend");
  refused(2, 2, "span");
  refused(4, 3, "out of range");
  auto odd = make();
  odd->instr.attrs.push_back(1);
  expect_text(odd->prepare(), "as many");
}

}  // namespace

int main() {
  Dice dice(1);
  for (int i = 0; i < 400; i++) check_windows<float>(dice), check_windows<double>(dice);
  for (int i = 0; i < 200; i++) check_resample<float>(dice), check_resample<double>(dice);
  check_refused();
  return result("unfold");
}
