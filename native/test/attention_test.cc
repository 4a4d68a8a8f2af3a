// Attention: against loops over all scores in double, for random sizes, strides, masks, lengths and
// dropout.
#include "instr_case.h"
#include "kernels/random.h"

using namespace tenon;
using namespace tenon::test;

namespace {

struct Sizes {
  int64_t B, H, G, Tq, Tk, D, E;
  bool causal, has_mask, is_bool, has_length, has_dropout;
  std::vector<double> attrs() const {
    const auto flag = [](bool set) { return set ? 1.0 : 0.0; };
    return {0.7, flag(causal), flag(has_mask), flag(has_length), flag(has_dropout)};
  }
};

Sizes random_sizes(Dice& dice) {
  Sizes s{};
  s.G = dice.between(1, 2), s.H = s.G * dice.between(1, 3), s.B = dice.between(1, 3);
  s.Tq = dice.between(1, dice.chance(30) ? 150 : 9);
  s.Tk = dice.between(1, dice.chance(30) ? 300 : 9);
  s.D = dice.between(1, 20), s.E = dice.between(1, 20);
  s.causal = dice.chance(40), s.has_mask = dice.chance(40), s.is_bool = dice.chance(50);
  s.has_length = dice.chance(30), s.has_dropout = dice.chance(30);
  return s;
}

// A dense view of [B, T, heads, width] as [B, heads, T, width].
View swap_heads(View view) {
  std::swap(view.dims[1], view.dims[2]);
  std::swap(view.strides[1], view.strides[2]);
  view.contiguous = view.dims[1] <= 1 || view.dims[2] <= 1;
  return view;
}

// All elements of a view, row-major.
template <class T>
std::vector<double> gather(InstrCase& c, const View& view) {
  const std::vector<T> all = c.read<T>(view);
  return {all.begin(), all.end()};
}

// What q, k, v and dy give.
struct Wanted {
  std::vector<double> o, lse, dq, dk, dv;
};

struct Given {
  std::vector<double> q, k, v, dy;
  std::vector<double> added;    // [B, H, Tq, Tk]: mask, causality and length, as what is added
  std::vector<double> factors;  // of dropout
};

Wanted naive(const Sizes& s, const Given& in) {
  Wanted w;
  w.dq.assign(in.q.size(), 0), w.dk.assign(in.k.size(), 0), w.dv.assign(in.v.size(), 0);
  const auto at = [](std::vector<double>& x, int64_t i) -> double& {
    return x[static_cast<size_t>(i)];
  };
  const auto get = [](const std::vector<double>& x, int64_t i) {
    return x[static_cast<size_t>(i)];
  };
  for (int64_t row = 0; row < s.B * s.H * s.Tq; row++) {
    const int64_t b = row / s.Tq / s.H, h = row / s.Tq % s.H;
    const int64_t keys = (b * s.G + h / (s.H / s.G)) * s.Tk;
    std::vector<double> p(static_cast<size_t>(s.Tk)), dp(p.size());
    double most = -HUGE_VAL, sum = 0, delta = 0;
    for (int64_t j = 0; j < s.Tk; j++) {
      double score = 0;
      for (int64_t d = 0; d < s.D; d++) {
        score += get(in.q, row * s.D + d) * get(in.k, (keys + j) * s.D + d);
      }
      at(p, j) = 0.7 * score + get(in.added, row * s.Tk + j);
      most = std::max(most, get(p, j));
    }
    for (double& x : p) sum += x = std::isinf(most) ? 0 : std::exp(x - most);
    w.lse.push_back(sum == 0 ? HUGE_VAL : most + std::log(sum));
    for (double& x : p) x = sum == 0 ? 0 : x / sum;
    for (int64_t e = 0; e < s.E; e++) {
      double y = 0;
      const double dy = get(in.dy, row * s.E + e);
      for (int64_t j = 0; j < s.Tk; j++) {
        const double kept = get(p, j) * get(in.factors, row * s.Tk + j);
        y += kept * get(in.v, (keys + j) * s.E + e);
        at(w.dv, (keys + j) * s.E + e) += kept * dy;
        at(dp, j) += get(in.factors, row * s.Tk + j) * dy * get(in.v, (keys + j) * s.E + e);
      }
      w.o.push_back(y);
    }
    for (int64_t j = 0; j < s.Tk; j++) delta += get(p, j) * get(dp, j);
    for (int64_t j = 0; j < s.Tk; j++) {
      const double ds = 0.7 * get(p, j) * (get(dp, j) - delta);
      for (int64_t d = 0; d < s.D; d++) {
        at(w.dq, row * s.D + d) += ds * get(in.k, (keys + j) * s.D + d);
        at(w.dk, (keys + j) * s.D + d) += ds * get(in.q, row * s.D + d);
      }
    }
  }
  return w;
}

// Adds mask, length and the numbers of dropout to an instruction, and what they mean to `given`.
template <class T>
void add_given(const Sizes& s, InstrCase& c, uint64_t seed, Given& given) {
  Dice own(seed);
  const int64_t rows = s.B * s.H * s.Tq;
  given.added.assign(static_cast<size_t>(rows * s.Tk), 0);
  given.factors.assign(given.added.size(), 1);
  if (s.has_mask) {
    // [1, H, 1, Tk], repeated by strides of 0.
    const std::vector<T> numbers = own.values<T>(s.H * s.Tk);
    std::vector<uint8_t> bits;
    for (const T x : numbers) bits.push_back(x > T(-0.5));
    View view = s.is_bool ? c.in(bits, {1, s.H, 1, s.Tk}) : c.in(numbers, {1, s.H, 1, s.Tk});
    view.dims[0] = s.B, view.dims[2] = s.Tq, view.strides[0] = view.strides[2] = 0;
    view.elements = rows * s.Tk, view.contiguous = false;
    if (s.is_bool) view.dtype = DType::boolean;
    c.instr.ins.back() = view;
    for (size_t i = 0; i < given.added.size(); i++) {
      const int64_t row = static_cast<int64_t>(i) / s.Tk, j = static_cast<int64_t>(i) % s.Tk;
      const auto at = static_cast<size_t>(row / s.Tq % s.H * s.Tk + j);
      given.added[i] = s.is_bool ? (bits[at] ? 0 : -HUGE_VAL) : static_cast<double>(numbers[at]);
    }
  }
  std::vector<int64_t> lengths(static_cast<size_t>(s.B), s.Tk);
  if (s.has_length) {
    for (int64_t& length : lengths) length = own.between(-1, s.Tk + 1);
    c.in(lengths, {s.B});
  }
  for (size_t i = 0; i < given.added.size(); i++) {
    const int64_t row = static_cast<int64_t>(i) / s.Tk, j = static_cast<int64_t>(i) % s.Tk;
    const int64_t n = std::clamp<int64_t>(lengths[static_cast<size_t>(row / s.Tq / s.H)], 0, s.Tk);
    const int64_t last = row % s.Tq + (s.has_length ? n - s.Tq : 0);
    if (j >= n || (s.causal && j > last)) given.added[i] = -HUGE_VAL;
  }
  if (!s.has_dropout) return;
  for (const double number : {3.0, 0.0, 8.0, 0.6}) c.in(std::vector<double>{number}, {});
  std::vector<float> drawn(given.factors.size());
  random_uniform(philox_key(3, 0), 8, 0, static_cast<int64_t>(drawn.size()), drawn.data());
  for (size_t i = 0; i < drawn.size(); i++) given.factors[i] = drawn[i] < 0.6f ? 1 / 0.6 : 0;
}

template <class T>
void check(Dice& dice) {
  const Sizes s = random_sizes(dice);
  const uint64_t seed = static_cast<uint64_t>(dice.between(0, 1 << 30));
  const bool swapped = dice.chance(50);
  const auto dims = [&](int64_t heads, int64_t length, int64_t width) {
    return swapped ? std::vector<int64_t>{s.B, length, heads, width}
                   : std::vector<int64_t>{s.B, heads, length, width};
  };
  const auto shown = [&](const View& view) { return swapped ? swap_heads(view) : view; };
  const auto vectors = [&](int64_t heads, int64_t length, int64_t width) {
    return dice.values<T>(s.B * heads * length * width);
  };
  const std::vector<T> q = vectors(s.H, s.Tq, s.D), k = vectors(s.G, s.Tk, s.D),
                       v = vectors(s.G, s.Tk, s.E), dy = vectors(s.H, s.Tq, s.E);
  InstrCase forward(attention_ops(), "attention"), backward(attention_ops(), "attentionGrad");
  Given given;
  const auto add = [&](InstrCase& c, const std::vector<T>& x, const std::vector<int64_t>& shape) {
    c.in(x, shape);
    return gather<T>(c, c.instr.ins.back() = shown(c.instr.ins.back()));
  };
  const auto out = [&](InstrCase& c, const std::vector<int64_t>& shape) {
    c.out<T>(shape);
    return c.instr.outs.back() = shown(c.instr.outs.back());
  };
  for (InstrCase* c : {&forward, &backward}) {
    c->instr.attrs = s.attrs();
    given.q = add(*c, q, dims(s.H, s.Tq, s.D));
    given.k = add(*c, k, dims(s.G, s.Tk, s.D));
    given.v = add(*c, v, dims(s.G, s.Tk, s.E));
    add_given<T>(s, *c, seed, given);
  }
  const View o = out(forward, dims(s.H, s.Tq, s.E)), lse = forward.out<T>({s.B, s.H, s.Tq});
  forward.run();
  add(backward, forward.read<T>(shown(o)), dims(s.H, s.Tq, s.E));
  backward.in(forward.read<T>(lse), {s.B, s.H, s.Tq});
  given.dy = add(backward, dy, dims(s.H, s.Tq, s.E));
  const View dq = out(backward, dims(s.H, s.Tq, s.D)), dk = out(backward, dims(s.G, s.Tk, s.D)),
             dv = out(backward, dims(s.G, s.Tk, s.E));
  backward.out<T>({s.B, s.H, s.Tq});
  backward.run();
  const Wanted want = naive(s, given);
  const double near = tolerance<T>(static_cast<double>(std::max(s.Tq * (s.H / s.G), s.Tk)));
  const auto same = [&](const std::vector<double>& got, const std::vector<double>& wanted,
                        const char* what) { expect_close(got, wanted, near, what); };
  same(gather<T>(forward, o), want.o, "o");
  expect_close(forward.read<T>(lse), want.lse, near, "lse");
  same(gather<T>(backward, dq), want.dq, "dq");
  same(gather<T>(backward, dk), want.dk, "dk");
  same(gather<T>(backward, dv), want.dv, "dv");
}

void check_refused() {
  for (const char* name : {"attention", "attentionGrad"}) {
    const auto make = [=] {
      Dice dice(3);
      auto c = std::make_unique<InstrCase>(attention_ops(), name);
      const std::vector<int64_t> q = {2, 4, 3, 5}, k = {2, 2, 6, 5}, rows = {2, 4, 3};
      c->random_in<float>(dice, q), c->random_in<float>(dice, k), c->random_in<float>(dice, k);
      c->random_in<float>(dice, {2, 4, 3, 6});
      c->in(std::vector<int64_t>{3, 4}, {2});
      for (int i = 0; i < 4; i++) c->in(std::vector<double>{0.5}, {});
      c->instr.attrs = {0.5, 1, 1, 1, 1};
      if (std::string(name) == "attention") {
        c->out<float>(q), c->out<float>(rows);
        return c;
      }
      c->random_in<float>(dice, q), c->random_in<float>(dice, rows), c->random_in<float>(dice, q);
      c->out<float>(q), c->out<float>(k), c->out<float>(k), c->out<float>(rows);
      return c;
    };
    EXPECT(make()->prepare().empty());
    spoil_instr(make);
    auto strided = make();
    strided->instr.ins[0].strides[3] = 2;
    expect_text(strided->prepare(), "do not fit");
    auto heads = make();
    heads->instr.ins[0].dims[1] = 3;
    expect_text(heads->prepare(), "no multiple");
  }
}

}  // namespace

int main() {
  Dice dice(1);
  for (int i = 0; i < 60; i++) check<float>(dice), check<double>(dice);
  check_refused();
  return result("attention");
}
