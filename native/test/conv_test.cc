// conv2d and its gradients: against naive loops, and as transposes of each other, over random
// windows and groups.
#include "instr_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

struct Sizes {
  int64_t B, C, H, W, O, KH, KW, sh, sw, pt, pl, dh, dw, G, OH, OW;

  std::vector<double> attrs() const {
    std::vector<double> all;
    for (const int64_t value : {sh, sw, pt, pl, dh, dw, G})
      all.push_back(static_cast<double>(value));
    return all;
  }
  std::vector<int64_t> x() const { return {B, C, H, W}; }
  std::vector<int64_t> w() const { return {O, C / G, KH, KW}; }
  std::vector<int64_t> y() const { return {B, O, OH, OW}; }
  std::string text() const {
    std::string all = "conv";
    for (const int64_t n : {B, C, H, W, O, KH, KW, sh, sw, pt, pl, dh, dw, G, OH, OW}) {
      all.append(" ").append(std::to_string(n));
    }
    return all;
  }
};

Sizes random_sizes(Dice& dice) {
  Sizes s{};
  s.B = dice.between(1, dice.chance(50) ? 3 : 12);
  s.G = dice.chance(50) ? 1 : dice.between(2, 4);
  s.C = s.G * dice.between(1, 4), s.O = s.G * dice.between(1, dice.chance(20) ? 10 : 3);
  if (dice.chance(5)) s.B = 0;
  if (dice.chance(5)) s.C = 0, s.G = 1;
  s.H = dice.between(1, 20), s.W = dice.between(1, dice.chance(20) ? 300 : 20);
  const bool pointwise = dice.chance(15);
  const auto small = [&](int64_t most) {
    return pointwise || dice.chance(50) ? 1 : dice.between(1, most);
  };
  s.KH = small(4), s.KW = small(5);
  s.sh = small(4), s.sw = small(4), s.dh = small(3), s.dw = small(3);
  s.pt = pointwise ? 0 : dice.between(0, 3), s.pl = pointwise ? 0 : dice.between(0, 3);
  const auto extent = [&](int64_t in, int64_t k, int64_t stride, int64_t pad, int64_t dilation) {
    const int64_t room = in + pad + (pointwise ? 0 : dice.between(0, 3)) - (k - 1) * dilation - 1;
    return room < 0 ? dice.between(0, 1) : room / stride + 1;
  };
  s.OH = extent(s.H, s.KH, s.sh, s.pt, s.dh), s.OW = extent(s.W, s.KW, s.sw, s.pl, s.dw);
  return s;
}

// Calls body(element of x, of w, of y) for every product of the convolution.
template <class F>
void for_each_product(const Sizes& s, const F& body) {
  const int64_t Cg = s.C / s.G, Og = s.O / s.G;
  for (int64_t b = 0; b < s.B; b++)
    for (int64_t o = 0; o < s.O; o++)
      for (int64_t oh = 0; oh < s.OH; oh++)
        for (int64_t ow = 0; ow < s.OW; ow++)
          for (int64_t c = 0; c < Cg; c++)
            for (int64_t kh = 0; kh < s.KH; kh++)
              for (int64_t kw = 0; kw < s.KW; kw++) {
                const int64_t ih = oh * s.sh - s.pt + kh * s.dh, iw = ow * s.sw - s.pl + kw * s.dw;
                if (ih < 0 || ih >= s.H || iw < 0 || iw >= s.W) continue;
                body(((b * s.C + o / Og * Cg + c) * s.H + ih) * s.W + iw,
                     ((o * Cg + c) * s.KH + kh) * s.KW + kw,
                     ((b * s.O + o) * s.OH + oh) * s.OW + ow);
              }
}

template <class T>
struct Results {
  std::vector<T> x, w, dy;   // operands
  std::vector<T> y, dx, dw;  // results
};

template <class T>
double dot(const std::vector<T>& a, const std::vector<T>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); i++)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

template <class T>
std::vector<T> run_one(Dice& dice, const Sizes& s, const char* name, const std::vector<T>& first,
                       const std::vector<int64_t>& first_dims, const std::vector<T>& second,
                       const std::vector<int64_t>& second_dims,
                       const std::vector<int64_t>& out_dims, std::vector<T>* added) {
  InstrCase c(conv_ops(), name);
  c.in(first, first_dims);
  c.in(second, second_dims);
  const View out = c.out<T>(out_dims);
  c.instr.attrs = s.attrs();
  if (std::string(name) == "conv2dWeight") {
    const int64_t parts = out.elements >= 1 << 18 ? 1 : std::min<int64_t>(s.B, 8);
    if (parts > 1) c.out<T>({parts, out.elements});
  }
  if (added != nullptr) *added = c.read<T>(c.add_epilogue<T>(dice, out_dims));
  c.run();
  return c.read<T>(out);
}

template <class T>
void check(Dice& dice, const Sizes& s) {
  const auto count = [](const std::vector<int64_t>& dims) {
    return dims[0] * dims[1] * dims[2] * dims[3];
  };
  Results<T> r;
  r.x = dice.values<T>(count(s.x())), r.w = dice.values<T>(count(s.w())),
  r.dy = dice.values<T>(count(s.y()));
  std::vector<T> z;
  std::vector<T>* added = dice.chance(30) ? &z : nullptr;
  r.y = run_one(dice, s, "conv2d", r.x, s.x(), r.w, s.w(), s.y(), added);
  std::vector<double> y(r.dy.size()), dx(r.x.size()), dw(r.w.size());
  for_each_product(s, [&](int64_t i, int64_t k, int64_t p) {
    const auto xi = static_cast<size_t>(i), wk = static_cast<size_t>(k),
               yp = static_cast<size_t>(p);
    y[yp] += static_cast<double>(r.x[xi]) * static_cast<double>(r.w[wk]);
    dx[xi] += static_cast<double>(r.dy[yp]) * static_cast<double>(r.w[wk]);
    dw[wk] += static_cast<double>(r.dy[yp]) * static_cast<double>(r.x[xi]);
  });
  const auto finish = [&](std::vector<double>& want) {
    if (added == nullptr) return;
    for (size_t i = 0; i < want.size(); i++)
      want[i] = std::max(0.0, want[i] + static_cast<double>(z[i]));
  };
  finish(y);
  const double terms = static_cast<double>(s.C * s.KH * s.KW);
  expect_close(r.y, y, tolerance<T>(terms), s.text() + " forward");
  r.dx = run_one(dice, s, "conv2dInput", r.dy, s.y(), r.w, s.w(), s.x(), added);
  finish(dx);
  expect_close(r.dx, dx, tolerance<T>(static_cast<double>(s.O * s.KH * s.KW)),
               s.text() + " by input");
  r.dw = run_one<T>(dice, s, "conv2dWeight", r.x, s.x(), r.dy, s.y(), s.w(), nullptr);
  expect_close(r.dw, dw, tolerance<T>(static_cast<double>(s.B * s.OH * s.OW)),
               s.text() + " by weight");
  if (std::is_same_v<T, double> && added == nullptr) {
    const double a = dot(r.y, r.dy), b = dot(r.x, r.dx), c = dot(r.w, r.dw);
    EXPECT(std::fabs(a - b) <= 1e-10 * (1 + std::fabs(a)));
    EXPECT(std::fabs(a - c) <= 1e-10 * (1 + std::fabs(a)));
  }
}

// Shapes that reach the paths which random small ones do not.
const Sizes kChosen[] = {
    {1, 3, 40, 50, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, 40, 50},      // one image, tiles apart
    {2, 16, 24, 24, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, 24, 24},    // few images, blocks of channels
    {9, 6, 7, 7, 30, 3, 3, 1, 1, 1, 1, 1, 1, 1, 7, 7},         // merged small planes
    {9, 32, 5, 5, 20, 1, 1, 1, 1, 0, 0, 1, 1, 1, 5, 5},        // merged pointwise
    {3, 8, 1, 3000, 12, 1, 9, 2, 4, 0, 4, 1, 2, 1, 1, 748},    // one-dimensional, rows cut
    {1, 2, 1, 9000, 3, 1, 3, 1, 1, 0, 2, 1, 2, 1, 1, 8998},    // wide rows
    {2, 64, 30, 30, 64, 1, 1, 1, 1, 0, 0, 1, 1, 1, 30, 30},    // large pointwise
    {4, 24, 33, 31, 48, 3, 5, 2, 1, 1, 2, 1, 1, 24, 17, 31},   // depthwise with multiplier
    {2, 4, 300, 300, 4, 3, 3, 1, 1, 1, 1, 1, 1, 4, 300, 300},  // depthwise, plane in tiles
    {2, 3, 64, 64, 16, 8, 8, 8, 8, 0, 0, 1, 1, 1, 8, 8},       // patches
    {3, 170, 6, 6, 172, 3, 3, 1, 1, 1, 1, 1, 1, 1, 6, 6},      // large filters: no partials
    {2, 12, 20, 20, 96, 3, 3, 1, 1, 2, 2, 2, 2, 12, 20, 20},   // one channel, many filters a group
    {2, 16, 15, 17, 48, 3, 3, 2, 2, 1, 1, 1, 1, 1, 8, 9},      // direct: strides, half a panel
    {9, 12, 9, 40, 32, 5, 4, 1, 3, 2, 3, 2, 1, 2, 5, 14},      // groups, dilation, many images
    {9, 300, 3, 9, 64, 1, 1, 1, 1, 0, 0, 1, 1, 1, 3, 9},       // pointwise, terms in pieces
    {2, 80, 8, 15, 16, 1, 1, 2, 2, 0, 0, 1, 1, 1, 4, 8},       // strided without pads
    {1, 40, 2, 2600, 16, 2, 9, 1, 1, 0, 4, 1, 1, 1, 1, 2600},  // rows cut
    {2, 16, 21, 24, 20, 3, 2, 3, 2, 0, 1, 1, 1, 1, 7, 13},  // direct by input: phases, fewer taps
    {9, 32, 6, 45, 24, 2, 5, 1, 3, 1, 2, 2, 2, 2, 6, 14},   // groups, dilation and stride
    {1, 16, 30, 30, 8, 5, 5, 2, 2, 2, 2, 1, 1, 1, 15, 15},  // one image, rows apart
    {2, 48, 1, 2500, 16, 1, 7, 1, 1, 0, 3, 1, 1, 1, 1, 2500},  // a signal, columns cut
    {2, 16, 7, 12, 64, 2, 2, 2, 2, 3, 1, 1, 1, 1, 6, 7},       // pads beyond the window
    {1, 32, 8, 8, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 8, 8},        // Winograd: whole tiles
    {2, 48, 7, 7, 80, 3, 3, 1, 1, 1, 1, 1, 1, 1, 7, 7},        // parts of tiles, half a panel
    {9, 32, 14, 13, 48, 3, 3, 1, 1, 0, 2, 1, 1, 1, 12, 15},    // many images, uneven pads
    {1, 80, 6, 70, 32, 3, 3, 1, 1, 2, 0, 1, 1, 1, 8, 68},      // wide rows, depth in pieces
    {3, 32, 4, 4, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 7, 8},        // more outputs than x reaches
};

// The same for shapes that Winograd's products and those without column matrices take.
void check_spoilt() {
  for (const char* name : {"conv2d", "conv2dInput", "conv2dWeight"}) {
    for (const int64_t stride : {1, 2}) {
      spoil_instr([=] {
        auto c = std::make_unique<InstrCase>(conv_ops(), name);
        const std::vector<int64_t> x = {2, 32, 44, 44}, w = {32, 32, 3, 3},
                                   y = {2, 32, 44 / stride, 44 / stride};
        const bool forward = std::string(name) == "conv2d",
                   by_input = std::string(name) == "conv2dInput";
        for (const auto& dims : {by_input ? y : x, forward || by_input ? w : y}) {
          c->instr.ins.push_back(c->empty(DType::f32, dims));
        }
        c->out<float>(forward ? y : by_input ? x : w);
        if (!forward && !by_input) c->out<float>({2, 9216});
        const auto step = static_cast<double>(stride);
        c->instr.attrs = {step, step, 1, 1, 1, 1, 1};
        EXPECT(c->prepare().empty());
        return c;
      });
    }
  }
}

void check_refused() {
  for (const char* name : {"conv2d", "conv2dInput", "conv2dWeight"}) {
    const auto make = [=] {
      Dice dice(3);
      auto c = std::make_unique<InstrCase>(conv_ops(), name);
      const std::vector<int64_t> x = {2, 4, 6, 6}, w = {6, 2, 3, 3}, y = {2, 6, 6, 6};
      const bool forward = std::string(name) == "conv2d",
                 by_input = std::string(name) == "conv2dInput";
      c->random_in<float>(dice, by_input ? y : x);
      c->random_in<float>(dice, forward || by_input ? w : y);
      c->out<float>(forward ? y : by_input ? x : w);
      if (!forward && !by_input) c->out<float>({2, 108});
      c->instr.attrs = {1, 1, 1, 1, 1, 1, 2};
      return c;
    };
    EXPECT(make()->prepare().empty());
    spoil_instr(make);
    auto groups = make();
    groups->instr.attrs[6] = 3;
    expect_text(groups->prepare(), "groups");
    auto wide = make();
    wide->instr.attrs[4] = wide->instr.attrs[5] = 1 << 30;
    expect_text(wide->prepare(), "window");
  }
}

}  // namespace

int main() {
  Dice dice(1);
  for (int i = 0; i < 300; i++) check<float>(dice, random_sizes(dice));
  for (int i = 0; i < 300; i++) check<double>(dice, random_sizes(dice));
  for (const Sizes& s : kChosen) check<float>(dice, s), check<double>(dice, s);
  check_refused();
  check_spoilt();
  return result("conv");
}
