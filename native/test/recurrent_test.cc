// Sequence ops against loops in long double; sequences of different lengths; refusals.
#include "kernels/recurrent.h"

#include "op_case.h"

using namespace tenon;
using namespace tenon::test;

namespace {

template <class T>
std::vector<T> random_values(int64_t n, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(-0.5, 0.5);
  std::vector<T> values(static_cast<size_t>(n));
  for (T& value : values) value = static_cast<T>(uniform(random));
  return values;
}

template <class T>
void expect_near(const char* what, const std::vector<T>& got,
                 const std::vector<long double>& want) {
  const double tolerance = 200 * static_cast<double>(std::numeric_limits<T>::epsilon());
  bool fits = got.size() == want.size();
  long double scale = 1;
  for (const long double value : want) scale = std::max(scale, std::fabs(value));
  for (size_t i = 0; fits && i < want.size(); ++i) {
    fits = std::fabs(static_cast<long double>(got[i]) - want[i]) <= tolerance * scale;
  }
  expect(fits, what, __FILE__, __LINE__);
}

struct Sizes {
  int64_t T, B, H;
  bool reverse, shorter;
  std::vector<int64_t> lengths() const {
    std::vector<int64_t> lengths(static_cast<size_t>(B));
    for (int64_t b = 0; b < B; ++b) lengths[b] = shorter ? b % (T + 2) - 1 : T;
    return lengths;
  }
};

// hs of h = tanh(gx + h w^T), and the gradients d by what came into tanh and dh0, for dhs.
struct RnnReference {
  std::vector<long double> hs, d, dh0;
  template <class T>
  RnnReference(const Sizes& z, const std::vector<T>& gx, const std::vector<T>& w,
               const std::vector<T>& h0, const std::vector<T>& dhs)
      : hs(gx.size()), d(gx.size()), dh0(h0.size()) {
    const auto lengths = z.lengths();
    for (int64_t b = 0; b < z.B; ++b) {
      std::vector<long double> h(h0.begin() + b * z.H, h0.begin() + (b + 1) * z.H);
      for (int64_t i = 0; i < z.T; ++i) {
        const int64_t t = z.reverse ? z.T - 1 - i : i, at = (t * z.B + b) * z.H;
        auto next = h;
        for (int64_t u = 0; t < lengths[b] && u < z.H; ++u) {
          long double sum = gx[at + u];
          for (int64_t k = 0; k < z.H; ++k) sum += h[k] * w[u * z.H + k];
          next[u] = std::tanh(sum);
        }
        h = next;
        std::copy(h.begin(), h.end(), hs.begin() + at);
      }
      std::vector<long double> dh(static_cast<size_t>(z.H));
      for (int64_t i = 0; i < z.T; ++i) {
        const int64_t t = z.reverse ? i : z.T - 1 - i, at = (t * z.B + b) * z.H;
        for (int64_t u = 0; u < z.H; ++u) dh[u] += dhs[at + u];
        if (t >= lengths[b]) continue;
        std::vector<long double> next(static_cast<size_t>(z.H));
        for (int64_t u = 0; u < z.H; ++u) {
          d[at + u] = dh[u] * (1 - hs[at + u] * hs[at + u]);
          for (int64_t k = 0; k < z.H; ++k) next[k] += d[at + u] * w[u * z.H + k];
        }
        dh = next;
      }
      std::copy(dh.begin(), dh.end(), dh0.begin() + b * z.H);
    }
  }
};

template <class T>
void check_rnn(const Sizes& z) {
  OpCase c;
  const DType dtype = kDTypeOf<T>;
  const auto gx = random_values<T>(z.T * z.B * z.H, 1), w = random_values<T>(z.H * z.H, 2);
  const auto h0 = random_values<T>(z.B * z.H, 3), dhs = random_values<T>(z.T * z.B * z.H, 4);
  const std::vector<double> attrs = {z.reverse ? 1.0 : 0.0, 0};
  const View work = c.empty(dtype, {packed_elements<T>(z.H, z.H)});
  const View hs = c.empty(dtype, {z.T, z.B, z.H}), d = c.empty(dtype, {z.T * z.B, z.H});
  const View dh0 = c.empty(dtype, {z.B, z.H}), weight = c.filled(w, {z.H, z.H});
  std::vector<View> ins = {c.filled(gx, {z.T * z.B, z.H}), weight, c.filled(h0, {z.B, z.H})};
  std::vector<View> grad_ins = {hs, weight, c.filled(dhs, {z.T, z.B, z.H})};
  if (z.shorter) {
    ins.push_back(c.filled(z.lengths(), {z.B}));
    grad_ins.push_back(ins.back());
  }
  EXPECT(c.run(recurrent_ops(), "rnnSequence", {hs, work}, ins, attrs) == "");
  EXPECT(c.run(recurrent_ops(), "rnnSequenceGrad", {d, dh0, work}, grad_ins, attrs) == "");
  const RnnReference want(z, gx, w, h0, dhs);
  expect_near("hs", c.read<T>(hs), want.hs);
  expect_near("d", c.read<T>(d), want.d);
  expect_near("dh0", c.read<T>(dh0), want.dh0);
}

// The gated ones with inputs of zeros: gates are 1/2 or 0, so states halve at every step.
template <class T>
void check_halving(const Sizes& z) {
  OpCase c;
  const DType dtype = kDTypeOf<T>;
  const int64_t H = z.H, rows = z.T * z.B;
  const auto zeros = [&](std::vector<int64_t> dims) {
    int64_t n = 1;
    for (const int64_t dim : dims) n *= dim;
    return c.filled(std::vector<T>(static_cast<size_t>(n)), dims);
  };
  const auto h0 = random_values<T>(z.B * H, 3);
  const View start = c.filled(h0, {z.B, H}), hs = c.empty(dtype, {z.T, z.B, H});
  const View cs = c.empty(dtype, {z.T, z.B, H}), d = c.empty(dtype, {rows, 4 * H});
  const View gates = c.empty(dtype, {rows, 4 * H}), dh0 = c.empty(dtype, {z.B, H});
  const View dc0 = c.empty(dtype, {z.B, H}), dhs = zeros({z.T, z.B, H});
  const View lstm_work = c.empty(dtype, {packed_elements<T>(H, 4 * H)});
  const View lstm_grad_work = c.empty(dtype, {packed_elements<T>(4 * H, H)});
  const View gru_work = c.empty(dtype, {packed_elements<T>(H, 2 * H) + packed_elements<T>(H, H)});
  const View gru_grad_work =
      c.empty(dtype, {packed_elements<T>(2 * H, H) + packed_elements<T>(H, H)});
  const View w4 = zeros({4 * H, H}), w3 = zeros({3 * H, H}), b = zeros({H});
  const auto ops = recurrent_ops();
  const auto with_lengths = [&](std::vector<View> ins) {
    if (z.shorter) ins.push_back(c.filled(z.lengths(), {z.B}));
    return ins;
  };
  const double reverse = z.reverse ? 1 : 0;
  std::vector<long double> halved(h0.begin(), h0.end());
  const auto lengths = z.lengths();
  for (int64_t i = 0; i < z.B * H; ++i) {
    halved[i] *= std::pow(0.5L, static_cast<long double>(std::max<int64_t>(0, lengths[i / H])));
  }
  const auto last = [&](const View& states) {
    const auto all = c.read<T>(states);
    const auto from = all.begin() + (z.reverse ? 0 : (z.T - 1) * z.B * H);
    return std::vector<T>(from, from + z.B * H);
  };
  for (const bool keeps : {true, false}) {
    const View room = keeps ? gates : c.empty(dtype, {z.B, 4 * H});
    EXPECT(c.run(ops, "gruSequence", {room, hs, gru_work},
                 with_lengths({zeros({rows, 3 * H}), w3, start, b}), {reverse}) == "");
    expect_near("gru", last(hs), halved);
  }
  EXPECT(c.run(ops, "gruSequenceGrad", {d, dh0, gru_grad_work},
               with_lengths({gates, hs, w3, start, dhs}), {reverse}) == "");
  expect_near("no gradient", c.read<T>(dh0), std::vector<long double>(h0.size()));
  for (const bool keeps : {true, false}) {
    const View room = keeps ? gates : c.empty(dtype, {z.B, 4 * H});
    EXPECT(c.run(ops, "lstmSequence", {room, hs, cs, lstm_work},
                 with_lengths({zeros({rows, 4 * H}), w4, start, start}), {reverse, 0}) == "");
    expect_near("lstm", last(cs), halved);
  }
  EXPECT(c.run(ops, "lstmSequenceGrad", {d, dh0, dc0, lstm_grad_work},
               with_lengths({gates, cs, w4, start, dhs}), {reverse, 0, 0}) == "");
  expect_near("no gradient", c.read<T>(dc0), std::vector<long double>(h0.size()));
}

template <class T>
void check_projection() {
  OpCase c;
  const DType dtype = kDTypeOf<T>;
  const int64_t T_ = 3, B = 19, H = 18, P = 5;
  const auto random = [&](std::vector<int64_t> dims, uint64_t seed) {
    int64_t n = 1;
    for (const int64_t dim : dims) n *= dim;
    return c.filled(random_values<T>(n, seed), dims);
  };
  const View gates = c.empty(dtype, {T_ * B, 4 * H}), hs = c.empty(dtype, {T_, B, P});
  const View cs = c.empty(dtype, {T_, B, H}), d = c.empty(dtype, {T_ * B, 4 * H});
  const View w = random({4 * H, P}, 1), wr = random({P, H}, 2), c0 = random({B, H}, 3);
  const View work = c.empty(dtype, {packed_elements<T>(P, 4 * H) + packed_elements<T>(H, P)});
  const View grad_work = c.empty(dtype, {packed_elements<T>(4 * H, P) + packed_elements<T>(P, H)});
  const View dhs = random({T_, B, P}, 5), total = c.empty(dtype, {T_, B, P});
  EXPECT(c.run(recurrent_ops(), "lstmSequence", {gates, hs, cs, work},
               {random({T_ * B, 4 * H}, 4), w, random({B, P}, 6), c0, wr}, {0, 1}) == "");
  EXPECT(c.run(recurrent_ops(), "lstmSequenceGrad",
               {d, c.empty(dtype, {B, P}), c.empty(dtype, {B, H}), grad_work, total},
               {gates, cs, w, c0, dhs, wr, random({T_, B, H}, 7)}, {0, 1, 1}) == "");
  const auto h = c.read<T>(hs), state = c.read<T>(cs), gate = c.read<T>(gates);
  const auto weight = c.read<T>(wr);
  std::vector<long double> want;
  for (int64_t row = 0; row < T_ * B; ++row) {
    for (int64_t p = 0; p < P; ++p) {
      long double sum = 0;
      for (int64_t u = 0; u < H; ++u) {
        const long double m = gate[row * 4 * H + 3 * H + u] * std::tanh(state[row * H + u]);
        sum += m * weight[p * H + u];
      }
      want.push_back(sum);
    }
  }
  expect_near("projected", h, want);
  const auto got = c.read<T>(total), given = c.read<T>(dhs);
  EXPECT(std::equal(got.end() - B * P, got.end(), given.end() - B * P));
}

void check_refusals() {
  OpCase c;
  const int64_t T = 2, B = 3, H = 4;
  const auto f32 = [&](std::vector<int64_t> dims) { return c.empty(DType::f32, dims); };
  const View hs = f32({T, B, H}), gx = f32({T * B, H}), w = f32({H, H}), h0 = f32({B, H});
  const View work = f32({packed_elements<float>(H, H)}), lengths = c.empty(DType::i64, {B});
  const auto refused = [&](const char* name, std::vector<View> outs, std::vector<View> ins,
                           std::vector<double> attrs) {
    return !c.run(recurrent_ops(), name, std::move(outs), std::move(ins), std::move(attrs)).empty();
  };
  EXPECT(!refused("rnnSequence", {hs, work}, {gx, w, h0}, {0, 0}));
  EXPECT(refused("rnnSequence", {hs, work}, {gx, w}, {0, 0}));
  EXPECT(refused("rnnSequence", {hs}, {gx, w, h0}, {0, 0}));
  EXPECT(refused("rnnSequence", {hs, work}, {gx, w, h0}, {0, 2}));
  EXPECT(refused("rnnSequence", {hs, work}, {gx, w, h0}, {0, std::nan("")}));
  EXPECT(refused("rnnSequence", {hs, gx}, {gx, w, h0}, {0, 0}));
  EXPECT(refused("rnnSequence", {hs, work}, {gx, gx, h0}, {0, 0}));
  EXPECT(refused("rnnSequence", {hs, work}, {gx, w, c.empty(DType::f64, {B, H})}, {0, 0}));
  EXPECT(refused("rnnSequence", {hs, work}, {gx, w, h0, h0}, {0, 0}));
  EXPECT(refused("rnnSequence", {hs, work}, {gx, OpCase::strided(w, {H, H}, {1, H}), h0}, {0, 0}));
  EXPECT(refused("rnnSequence", {f32({0, B, H}), work}, {f32({0, H}), w, h0}, {0, 0}));
  EXPECT(refused("rnnSequenceGrad", {gx, h0, work}, {hs, w, gx}, {0, 0}));
  const View gates = f32({T * B, 4 * H}), w4 = f32({4 * H, H}), cs = f32({T, B, H});
  const View work4 = f32({packed_elements<float>(H, 4 * H)});
  EXPECT(!refused("lstmSequence", {gates, hs, cs, work4}, {gates, w4, h0, h0, lengths}, {0, 0}));
  EXPECT(refused("lstmSequence", {gates, hs, cs, work4}, {gates, w4, h0, h0}, {0, 1}));
  EXPECT(refused("lstmSequence", {hs, hs, cs, work4}, {gates, w4, h0, h0}, {0, 0}));
  EXPECT(refused("lstmSequence", {gates, gx, cs, work4}, {gates, w4, h0, h0, w}, {0, 1}));
  EXPECT(refused("lstmSequenceGrad", {gates, h0, h0, work4}, {gates, cs, w4, h0, hs}, {0, 1, 0}));
  EXPECT(refused("gruSequence", {gates, hs, work4}, {gates, w4, h0, h0}, {0}));
  EXPECT(refused("gruSequenceGrad", {gates, h0, work4}, {gates, hs, w4, h0}, {0}));
}

}  // namespace

int main() {
  for (const Sizes& sizes : std::vector<Sizes>{{3, 2, 3, false, false},
                                               {4, 9, 5, true, true},
                                               {2, 0, 4, false, true},
                                               {3, 40, 33, false, true},
                                               {6, 70, 128, true, false}}) {
    check_rnn<float>(sizes);
    check_rnn<double>(sizes);
    check_halving<float>(sizes);
    check_halving<double>(sizes);
  }
  check_projection<float>();
  check_projection<double>();
  check_refusals();
  return result("recurrent");
}
