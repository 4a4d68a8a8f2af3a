// Pooling: against naive loops over random windows; the gradient as the transpose of the average.
#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

struct Sizes {
  int64_t B, C, H, W, OH, OW, KH, KW, sh, sw, pt, pl, dh, dw;
  std::vector<int64_t> x() const { return {B, C, H, W}; }
  std::vector<int64_t> y() const { return {B, C, OH, OW}; }
};

Sizes random_sizes(Dice& dice, bool dilate) {
  Sizes s{};
  s.B = dice.between(dice.chance(5) ? 0 : 1, 3), s.C = dice.between(1, 4);
  s.H = dice.between(1, 15), s.W = dice.between(1, dice.chance(25) ? 200 : 15);
  s.KH = dice.between(1, 4), s.KW = dice.between(1, 4);
  s.sh = dice.between(1, 4), s.sw = dice.between(1, 4);
  s.pt = dice.between(0, s.KH / 2), s.pl = dice.between(0, s.KW / 2);
  s.dh = dilate ? dice.between(1, 3) : 1, s.dw = dilate ? dice.between(1, 3) : 1;
  // As many windows as start inside, less a few.
  s.OH = std::max<int64_t>(0, (s.H - 1 + s.pt) / s.sh + 1 - dice.between(0, 2));
  s.OW = std::max<int64_t>(0, (s.W - 1 + s.pl) / s.sw + 1 - dice.between(0, 2));
  return s;
}

// Calls body(ih, iw) for the inputs under a window; ih, iw are inside x.
template <class F>
void for_each_input(const Sizes& s, int64_t oh, int64_t ow, const F& body) {
  for (int64_t kh = 0; kh < s.KH; kh++) {
    for (int64_t kw = 0; kw < s.KW; kw++) {
      const int64_t ih = oh * s.sh - s.pt + kh * s.dh, iw = ow * s.sw - s.pl + kw * s.dw;
      if (ih >= 0 && ih < s.H && iw >= 0 && iw < s.W) body(ih, iw);
    }
  }
}

template <class T>
void check_max(Dice& dice) {
  const Sizes s = random_sizes(dice, true);
  InstrCase c(pool_ops(), "maxPool2d");
  const int64_t planes = s.B * s.C;
  std::vector<T> x = dice.values<T>(planes * s.H * s.W);
  for (T& value : x) {
    value = std::round(value * 4);  // many equal values
    if (dice.chance(3)) value = std::numeric_limits<T>::quiet_NaN();
    if (dice.chance(10)) value = -std::numeric_limits<T>::infinity();
  }
  c.in(x, s.x());
  const View y = c.out<T>(s.y()), index = c.out<int64_t>(s.y());
  for (const int64_t n : {s.KH, s.KW, s.sh, s.sw, s.pt, s.pl, s.dh, s.dw}) {
    c.instr.attrs.push_back(static_cast<double>(n));
  }
  std::vector<double> values, places;
  bool reached = true;
  for (int64_t p = 0; p < planes; p++) {
    for (int64_t oh = 0; oh < s.OH; oh++) {
      for (int64_t ow = 0; ow < s.OW; ow++) {
        double best = 0;
        int64_t place = -1;
        for_each_input(s, oh, ow, [&](int64_t ih, int64_t iw) {
          const double value =
              static_cast<double>(x[static_cast<size_t>((p * s.H + ih) * s.W + iw)]);
          if (place >= 0 && (std::isnan(best) || value <= best)) return;
          best = value, place = ih * s.W + iw;
        });
        reached = reached && place >= 0;
        values.push_back(best), places.push_back(static_cast<double>(place));
      }
    }
  }
  if (!reached) {
    expect_text(c.prepare(), "outside");
    return;
  }
  c.run();
  expect_close(c.read<T>(y), values, 0, "maxPool2d");
  expect_close(c.read<int64_t>(index), places, 0, "maxPool2d index");
}

template <class T>
void check_average(Dice& dice) {
  const Sizes s = random_sizes(dice, false);
  const int64_t planes = s.B * s.C, pad_bottom = dice.between(0, 2), pad_right = dice.between(0, 2);
  const bool count_padding = dice.chance(50);
  const int64_t fixed = dice.chance(25) ? dice.between(1, 9) : 0;
  std::vector<double> attrs;
  for (const int64_t n :
       {s.KH, s.KW, s.sh, s.sw, s.pt, s.pl, int64_t{count_padding}, fixed, pad_bottom, pad_right}) {
    attrs.push_back(static_cast<double>(n));
  }
  InstrCase forward(pool_ops(), "avgPool2d"), backward(pool_ops(), "avgPool2dGrad");
  forward.instr.attrs = backward.instr.attrs = attrs;
  const std::vector<T> x = forward.read<T>(forward.random_in<T>(dice, s.x()));
  const std::vector<T> dy = backward.read<T>(backward.random_in<T>(dice, s.y()));
  const View y = forward.out<T>(s.y()), dx = backward.out<T>(s.x());
  std::vector<double> want(dy.size()), dwant(x.size());
  for (int64_t p = 0; p < planes; p++) {
    for (int64_t oh = 0; oh < s.OH; oh++) {
      for (int64_t ow = 0; ow < s.OW; ow++) {
        // PyTorch's rule, written as there.
        int64_t h0 = oh * s.sh - s.pt, w0 = ow * s.sw - s.pl;
        int64_t h1 = std::min(h0 + s.KH, s.H + pad_bottom),
                w1 = std::min(w0 + s.KW, s.W + pad_right);
        const int64_t with_padding = (h1 - h0) * (w1 - w0);
        h0 = std::max<int64_t>(h0, 0), w0 = std::max<int64_t>(w0, 0);
        h1 = std::min(h1, s.H), w1 = std::min(w1, s.W);
        if (h0 >= h1 || w0 >= w1) continue;
        const int64_t inside = (h1 - h0) * (w1 - w0);
        const double divisor = static_cast<double>(fixed != 0      ? fixed
                                                   : count_padding ? with_padding
                                                                   : inside);
        const auto out = static_cast<size_t>((p * s.OH + oh) * s.OW + ow);
        for_each_input(s, oh, ow, [&](int64_t ih, int64_t iw) {
          const auto in = static_cast<size_t>((p * s.H + ih) * s.W + iw);
          want[out] += static_cast<double>(x[in]) / divisor;
          dwant[in] += static_cast<double>(dy[out]) / divisor;
        });
      }
    }
  }
  forward.run();
  backward.run();
  expect_close(forward.read<T>(y), want, tolerance<T>(16), "avgPool2d");
  expect_close(backward.read<T>(dx), dwant, tolerance<T>(16), "avgPool2dGrad");
}

void check_refused() {
  for (const char* name : {"maxPool2d", "avgPool2d", "avgPool2dGrad"}) {
    const auto make = [=] {
      Dice dice(3);
      auto c = std::make_unique<InstrCase>(pool_ops(), name);
      const bool is_max = std::string(name) == "maxPool2d",
                 grad = std::string(name) == "avgPool2dGrad";
      const std::vector<int64_t> x = {2, 3, 6, 6}, y = {2, 3, 3, 3};
      c->random_in<float>(dice, grad ? y : x);
      c->out<float>(grad ? x : y);
      if (is_max) c->out<int64_t>(y);
      c->instr.attrs = {2, 2, 2, 2, 0, 0, 1, 1};
      if (!is_max) c->instr.attrs = {2, 2, 2, 2, 0, 0, 1, 0, 0, 0};
      return c;
    };
    EXPECT(make()->prepare().empty());
    spoil_instr(make);
    auto far = make();
    far->instr.attrs[2] = 4;
    expect_text(far->prepare(), "outside");
  }
}

}  // namespace

int main() {
  Dice dice(1);
  for (int i = 0; i < 400; i++) check_max<float>(dice), check_max<double>(dice);
  for (int i = 0; i < 400; i++) check_average<float>(dice), check_average<double>(dice);
  check_refused();
  return result("pool");
}
