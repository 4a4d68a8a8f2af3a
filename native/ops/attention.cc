// Attention by tiles (Dao et al. 2022, "FlashAttention"; Dao 2023, "FlashAttention-2"):
// softmax(scale q k^T + mask) v without the [Tq, Tk] scores in memory. Letters: B batch, H heads of
// q, G heads of k and v (H a multiple of G; head h reads h / (H / G)), Tq and Tk positions, D width
// of q and k, E width of v. f32 or f64.
//   attention: outs [o: [B, H, Tq, E], lse: [B, H, Tq]], ins [q: [B, H, Tq, D], k: [B, G, Tk, D],
//   v: [B, G, Tk, E],
//     given..]. lse: log of the sum of exponentials, +infinity for a row without keys, whose o is
//     0.
//   attentionGrad: outs [dq, dk, dv, delta: [B, H, Tq]], ins [q, k, v, given.., o, lse, do]. delta
//   = sum(o do), kept
//     between the phases.
//   attrs: [scale, causal, hasMask, hasLength, hasDropout]; given: what the last three say:
//     mask: [B, H, Tq, Tk], bool (true: takes part) or of the dtype of q (added); any strides
//     length: [B], i64: only the first keys take part
//     seed, stream, counter, keep: numbers of randomUniform at the flat position of a score, and
//     the probability
//   causal: query i sees keys <= i; with a length: keys <= i + length - Tq.
// The rows of q, k, v, o and their gradients are dense; other strides are free. lse and delta are
// contiguous.
#include "kernels/attention.h"

#include <climits>
#include <limits>

#include "kernels/gemm.h"
#include "kernels/random.h"
#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {
namespace {

// A tile of scores: its products take the fast path that OpenBLAS has for small matrices, and it
// stays in L1 (Zen 5).
constexpr int64_t kQueries = 64, kKeys = 128;

// With so many queries, k and v of a tile are turned first, since BLAS is slow with a transposed
// second factor: 64 x 128 x 64 runs at 179 Gflop/s with it, at 268 without, and turning takes a
// seventh of the product (Zen 5). attention_512 with gradients: 42.4 -> 35.8 ms.
constexpr int64_t kEnoughQueries = 32;

// With so many heads of k and v, the gradient takes one pass over each (5 products a tile); with
// fewer, one by keys and one by queries (7 products).
constexpr int64_t kEnoughHeads = 4;

// [T, width] for each batch and head.
struct Heads {
  int64_t batch_stride = 0, head_stride = 0, ld = 1;
  int64_t at(int64_t b, int64_t h, int64_t t) const {
    return b * batch_stride + h * head_stride + t * ld;
  }
};

struct AttentionState : OpState {
  int64_t B = 0, H = 0, G = 0, Tq = 0, Tk = 0, D = 0, E = 0;
  double scale = 1;
  bool causal = false, one_pass = true;
  int mask = -1, length = -1, dropout = -1, rest = 3;  // positions of ins; -1: not there
  Heads q, k, v, o, dout, dq, dk, dv;
  Cut cuts[kMaxPhases];
  int64_t query_blocks() const { return (Tq + kQueries - 1) / kQueries; }
  int64_t key_blocks() const { return (Tk + kKeys - 1) / kKeys; }
};

bool read_heads(const View& view, DType dtype, const int64_t (&dims)[4], Heads* heads) {
  if (view.dtype != dtype || view.rank != 4 || !std::equal(dims, dims + 4, view.dims)) return false;
  const int64_t T = dims[2], width = std::max<int64_t>(1, dims[3]);
  *heads = {view.strides[0], view.strides[1], T > 1 ? view.strides[2] : width};
  if (dims[3] > 1 && view.strides[3] != 1) return false;
  return heads->ld >= width && heads->ld <= INT_MAX;
}

bool is_rows(const View& view, DType dtype, const AttentionState& s) {
  return view.dtype == dtype && view.contiguous && view.rank == 3 && view.dims[0] == s.B &&
         view.dims[1] == s.H && view.dims[2] == s.Tq;
}

// Attributes, the shapes of q, k and v, and what is given besides.
std::string read_inputs(const Instr& instr, size_t after, AttentionState& s) {
  if (instr.attrs.size() != 5 || instr.ins.size() < 3 + after) return "takes q, k, v and 5 attrs";
  int64_t flags[4];
  for (size_t i = 0; i < 4; ++i) {
    if (!read_attr(instr, i + 1, 0, 1, &flags[i])) return "a flag is 0 or 1";
  }
  s.scale = instr.attrs[0], s.causal = flags[0] == 1;
  if (flags[1]) s.mask = s.rest++;
  if (flags[2]) s.length = s.rest++;
  if (flags[3]) s.dropout = s.rest, s.rest += 4;
  if (instr.ins.size() != static_cast<size_t>(s.rest) + after) return "number of inputs";
  const View &q = instr.ins[0], &k = instr.ins[1], &v = instr.ins[2];
  if (!is_float(q.dtype)) return "takes f32 or f64";
  if (q.rank != 4 || k.rank != 4 || v.rank != 4) return "q, k and v are of rank 4";
  s.B = q.dims[0], s.H = q.dims[1], s.Tq = q.dims[2], s.D = q.dims[3];
  s.G = k.dims[1], s.Tk = k.dims[2], s.E = v.dims[3];
  for (const View* view : {&q, &k, &v}) {
    if (!dims_within(*view, kMaxExtent)) return "too large";
  }
  if (s.H > 0 && (s.G == 0 || s.H % s.G != 0)) return "heads of q are no multiple of those of k";
  if (!read_heads(q, q.dtype, {s.B, s.H, s.Tq, s.D}, &s.q) ||
      !read_heads(k, q.dtype, {s.B, s.G, s.Tk, s.D}, &s.k) ||
      !read_heads(v, q.dtype, {s.B, s.G, s.Tk, s.E}, &s.v)) {
    return "q, k and v do not fit";
  }
  if (s.mask >= 0) {
    const View& mask = instr.ins[static_cast<size_t>(s.mask)];
    const int64_t dims[4] = {s.B, s.H, s.Tq, s.Tk};
    if (mask.dtype != DType::boolean && mask.dtype != q.dtype) return "dtype of the mask";
    if (mask.rank != 4 || !std::equal(dims, dims + 4, mask.dims)) return "the mask does not fit";
  }
  if (s.length >= 0) {
    const View& length = instr.ins[static_cast<size_t>(s.length)];
    if (length.dtype != DType::i64 || length.rank != 1 || length.dims[0] != s.B) return "length";
  }
  for (int i = 0; s.dropout >= 0 && i < 4; ++i) {
    const View& number = instr.ins[static_cast<size_t>(s.dropout + i)];
    if (number.dtype != DType::f64 || number.elements != 1) return "a number is one f64";
  }
  return "";
}

// Elements of a thread's memory, in the order in which Tile takes them.
int64_t scratch_elements(const AttentionState& s) {
  return 2 * kQueries * kKeys + kQueries * s.E + 2 * kKeys * (s.D + s.E) + 3 * kKeys + 3 * kQueries;
}

double scores_of(const AttentionState& s) {
  const double all = static_cast<double>(s.B) * static_cast<double>(s.H) *
                     static_cast<double>(s.Tq) * static_cast<double>(s.Tk);
  return s.causal ? all / 2 : all;
}

void set_scratch(Instr& instr, const AttentionState& s) {
  int64_t units = 0;
  for (const Cut& cut : s.cuts) units = std::max(units, cut.units);
  if (units == 0) return;
  const int64_t sums = kQueries * static_cast<int64_t>(sizeof(double));
  instr.scratch_bytes =
      align64(sums) + align64(scratch_elements(s) * dtype_bytes(instr.ins[0].dtype));
}

std::string prepare_attention(Instr& instr) {
  auto state = std::make_unique<AttentionState>();
  AttentionState& s = *state;
  if (instr.outs.size() != 2) return "gives o and lse";
  const std::string wrong = read_inputs(instr, 0, s);
  if (!wrong.empty()) return wrong;
  const DType dtype = instr.ins[0].dtype;
  if (!read_heads(instr.outs[0], dtype, {s.B, s.H, s.Tq, s.E}, &s.o) ||
      !is_rows(instr.outs[1], dtype, s)) {
    return "an output does not fit";
  }
  constexpr double kFlopsOfExp = 16;
  instr.flops = scores_of(s) * (2 * static_cast<double>(s.D + s.E) + kFlopsOfExp);
  const int64_t units = instr.outs[1].elements == 0 ? 0 : s.B * s.H * s.query_blocks();
  const double bytes = static_cast<double>(instr.outs[0].elements * dtype_bytes(dtype));
  s.cuts[0] = cut_work(units, chunk_cost(instr.flops, bytes));
  instr.chunks[0] = s.cuts[0].chunks;
  set_scratch(instr, s);
  instr.state = std::move(state);
  return "";
}

std::string prepare_attention_grad(Instr& instr) {
  auto state = std::make_unique<AttentionState>();
  AttentionState& s = *state;
  if (instr.outs.size() != 4) return "gives dq, dk, dv and delta";
  const std::string wrong = read_inputs(instr, 3, s);
  if (!wrong.empty()) return wrong;
  const DType dtype = instr.ins[0].dtype;
  const View* last = instr.ins.data() + s.rest;
  if (!read_heads(last[0], dtype, {s.B, s.H, s.Tq, s.E}, &s.o) || !is_rows(last[1], dtype, s) ||
      !read_heads(last[2], dtype, {s.B, s.H, s.Tq, s.E}, &s.dout)) {
    return "o, lse or do does not fit";
  }
  if (!read_heads(instr.outs[0], dtype, {s.B, s.H, s.Tq, s.D}, &s.dq) ||
      !read_heads(instr.outs[1], dtype, {s.B, s.G, s.Tk, s.D}, &s.dk) ||
      !read_heads(instr.outs[2], dtype, {s.B, s.G, s.Tk, s.E}, &s.dv) ||
      !is_rows(instr.outs[3], dtype, s)) {
    return "an output does not fit";
  }
  s.one_pass = s.B * s.G >= kEnoughHeads || s.key_blocks() == 1;
  constexpr double kFlopsOfExp = 24;
  const double products = static_cast<double>(s.one_pass ? 6 * s.D + 4 * s.E : 8 * s.D + 6 * s.E);
  instr.flops = scores_of(s) * (products + kFlopsOfExp);
  const double rows_bytes = static_cast<double>(2 * last[0].elements * dtype_bytes(dtype));
  const int64_t query_units = instr.outs[3].elements == 0 ? 0 : s.B * s.H * s.query_blocks();
  const int64_t heads = instr.outs[1].elements + instr.outs[2].elements == 0 ? 0 : s.B * s.G;
  s.cuts[0] = cut_work(query_units, chunk_cost(0, rows_bytes));
  if (s.one_pass) {
    const int64_t units = heads > 0 ? heads : instr.outs[0].elements == 0 ? 0 : s.B * s.G;
    s.cuts[1] = cut_work(units, chunk_cost(instr.flops, 2 * rows_bytes));
    instr.phases = 2;
  } else {
    s.cuts[1] = cut_work(heads * s.key_blocks(), chunk_cost(instr.flops / 2, rows_bytes));
    s.cuts[2] = cut_work(query_units, chunk_cost(instr.flops / 2, rows_bytes));
    instr.phases = 3;
  }
  for (int phase = 0; phase < instr.phases; ++phase) instr.chunks[phase] = s.cuts[phase].chunks;
  set_scratch(instr, s);
  instr.state = std::move(state);
  return "";
}

// One thread's work: where things are, and the tile it is at.
template <class T>
struct Worker {
  const Instr& instr;
  const Frame& frame;
  const AttentionState& s;
  const AttentionKernels<T>& kernels = attention_kernels<T>();
  const T *q, *k, *v;
  double* sums;                              // [kQueries]
  T *scores, *dscores;                       // [kQueries, kKeys]
  T* acc;                                    // [kQueries, E]
  T *dk_acc, *dv_acc;                        // [kKeys, D], [kKeys, E]
  T *k_turned, *v_turned;                    // [D, kKeys], [E, kKeys]
  T *bias, *factors, *maxima, *lse, *delta;  // [kKeys], [kKeys], [kQueries] three times
  float* uniform;                            // [kKeys]
  PhiloxKey key;
  uint64_t counter = 0;
  float keep = 1;
  T kept_factor = 1;
  // Of the batch and query heads at work.
  int64_t b = 0, h = 0, keys = 0, shift = 0;

  Worker(const Instr& instruction, const Frame& run_frame)
      : instr(instruction),
        frame(run_frame),
        s(static_cast<const AttentionState&>(*instruction.state)),
        q(run_frame.data<const T>(instruction.ins[0])),
        k(run_frame.data<const T>(instruction.ins[1])),
        v(run_frame.data<const T>(instruction.ins[2])) {
    sums = reinterpret_cast<double*>(frame.scratch);
    T* at = reinterpret_cast<T*>(frame.scratch + align64(kQueries * sizeof(double)));
    const auto take = [&at](int64_t n) {
      T* taken = at;
      at += n;
      return taken;
    };
    scores = take(kQueries * kKeys), dscores = take(kQueries * kKeys);
    bias = take(kKeys), factors = take(kKeys), uniform = reinterpret_cast<float*>(take(kKeys));
    maxima = take(kQueries), lse = take(kQueries), delta = take(kQueries);
    acc = take(kQueries * s.E);
    dk_acc = take(kKeys * s.D), dv_acc = take(kKeys * s.E);
    k_turned = take(kKeys * s.D), v_turned = take(kKeys * s.E);
    if (s.dropout >= 0) {
      const auto number = [&](int i) { return *given<const double>(s.dropout + i); };
      key = philox_key(number(0), number(1));
      counter = random_word(number(2));
      keep = static_cast<float>(number(3));
      kept_factor = static_cast<T>(number(3) > 0 ? 1 / number(3) : 0);
    }
  }

  template <class U>
  U* given(int at) const {
    return frame.data<U>(instr.ins[static_cast<size_t>(at)]);
  }

  void enter(int64_t batch, int64_t head) {
    b = batch, h = head, keys = s.Tk, shift = 0;
    if (s.length < 0) return;
    const View& view = instr.ins[static_cast<size_t>(s.length)];
    keys = std::clamp<int64_t>(given<const int64_t>(s.length)[b * view.strides[0]], 0, s.Tk);
    shift = keys - s.Tq;
  }

  int64_t group() const { return h / (s.H / s.G); }

  // How many keys query i sees.
  int64_t visible(int64_t i) const {
    return s.causal ? std::clamp<int64_t>(i + 1 + shift, 0, keys) : keys;
  }

  // The mask of query i for keys k0.. as what is added to the scores; null: nothing. `kept`: a row
  // of the same tile has been asked for before.
  const T* bias_row(int64_t i, int64_t k0, int64_t n, bool kept) const {
    if (s.mask < 0) return nullptr;
    const View& view = instr.ins[static_cast<size_t>(s.mask)];
    if (kept && view.strides[2] == 0) return bias;
    const int64_t at = b * view.strides[0] + h * view.strides[1] + i * view.strides[2];
    const int64_t step = view.strides[3];
    if (view.dtype == DType::boolean) {
      const uint8_t* from = given<const uint8_t>(s.mask) + at;
      for (int64_t j = 0; j < n; ++j) {
        bias[j] = from[(k0 + j) * step] ? T(0) : -std::numeric_limits<T>::infinity();
      }
    } else {
      const T* from = given<const T>(s.mask) + at;
      for (int64_t j = 0; j < n; ++j) bias[j] = from[(k0 + j) * step];
    }
    return bias;
  }

  // What dropout multiplies the probabilities of query i by; null: nothing.
  const T* factor_row(int64_t i, int64_t k0, int64_t n) const {
    if (s.dropout < 0) return nullptr;
    const uint64_t row = static_cast<uint64_t>((b * s.H + h) * s.Tq + i);
    const uint64_t first = row * static_cast<uint64_t>(s.Tk) + static_cast<uint64_t>(k0);
    random_uniform(key, counter, first, n, uniform);
    for (int64_t j = 0; j < n; ++j) factors[j] = uniform[j] < keep ? kept_factor : T(0);
    return factors;
  }

  bool turns() const { return s.Tq >= kEnoughQueries; }

  // Turns k of a tile, and v if it is asked for.
  void turn_keys(int64_t k0, int64_t cols, bool also_values) const {
    if (!turns()) return;
    kernels.turn(k + s.k.at(b, group(), k0), s.k.ld, cols, s.D, k_turned, kKeys);
    if (also_values) kernels.turn(v + s.v.at(b, group(), k0), s.v.ld, cols, s.E, v_turned, kKeys);
  }

  // out = alpha * x y^T for `rows` lines of x against `cols` keys: those of `y`, or of `turned`.
  void against_keys(int64_t rows, int64_t cols, int64_t width, T alpha, const T* x, int64_t x_ld,
                    const T* y, int64_t y_ld, const T* turned, T* out) const {
    const MatrixLayout layout = turns() ? MatrixLayout{kKeys, false} : MatrixLayout{y_ld, true};
    gemm(rows, cols, width, alpha, x, {x_ld, false}, turns() ? turned : y, layout, false, out,
         kKeys);
  }

  void compute_scores(int64_t i0, int64_t rows, int64_t k0, int64_t cols) const {
    against_keys(rows, cols, s.D, static_cast<T>(s.scale), q + s.q.at(b, h, i0), s.q.ld,
                 k + s.k.at(b, group(), k0), s.k.ld, k_turned, scores);
  }

  void forward(int64_t block);
  void finish_block(int64_t i0, int64_t rows, bool any);
  void sum_rows(int64_t block);
  void differentiate(int64_t i0, int64_t rows, int64_t k0, int64_t cols);
  void add_to_keys(int64_t i0, int64_t rows, int64_t cols);
  void add_to_queries(int64_t i0, int64_t rows, int64_t k0, int64_t cols);
  void by_keys(int64_t g, int64_t block, bool also_queries);
  void by_queries(int64_t block);
  void by_head(int64_t g);
};

template <class T>
void Worker<T>::forward(int64_t block) {
  const int64_t i0 = block * kQueries, rows = std::min(kQueries, s.Tq - i0);
  const int64_t limit = visible(i0 + rows - 1);
  std::fill_n(maxima, rows, -std::numeric_limits<T>::infinity());
  std::fill_n(sums, rows, 0.0);
  for (int64_t k0 = 0; k0 < limit; k0 += kKeys) {
    const int64_t cols = std::min(kKeys, limit - k0);
    turn_keys(k0, cols, false);
    compute_scores(i0, rows, k0, cols);
    for (int64_t r = 0; r < rows; ++r) {
      T* row = scores + r * kKeys;
      const int64_t valid = std::clamp<int64_t>(visible(i0 + r) - k0, 0, cols);
      const T* added = bias_row(i0 + r, k0, cols, r > 0);
      const T factor = kernels.softmax_row(row, added, valid, cols, maxima + r, sums + r);
      if (const T* dropped = factor_row(i0 + r, k0, cols)) {
        for (int64_t j = 0; j < cols; ++j) row[j] *= dropped[j];
      }
      if (k0 == 0 || factor == T(1)) continue;
      for (int64_t e = 0; e < s.E; ++e) acc[r * s.E + e] *= factor;
    }
    gemm(rows, s.E, cols, T(1), scores, {kKeys, false}, v + s.v.at(b, group(), k0), {s.v.ld, false},
         k0 > 0, acc, std::max<int64_t>(1, s.E));
  }
  finish_block(i0, rows, limit > 0);
}

template <class T>
void Worker<T>::finish_block(int64_t i0, int64_t rows, bool any) {
  T* o = frame.data<T>(instr.outs[0]);
  T* log_sums = frame.data<T>(instr.outs[1]) + (b * s.H + h) * s.Tq;
  for (int64_t r = 0; r < rows; ++r) {
    T* y = o + s.o.at(b, h, i0 + r);
    const bool empty = !any || sums[r] == 0;
    log_sums[i0 + r] =
        empty ? std::numeric_limits<T>::infinity() : maxima[r] + static_cast<T>(std::log(sums[r]));
    if (empty) {
      std::fill_n(y, s.E, T(0));
      continue;
    }
    const T factor = static_cast<T>(1 / sums[r]);
    for (int64_t e = 0; e < s.E; ++e) y[e] = acc[r * s.E + e] * factor;
  }
}

// delta of a block of queries.
template <class T>
void Worker<T>::sum_rows(int64_t block) {
  const int64_t i0 = block * kQueries, end = std::min(i0 + kQueries, s.Tq);
  const T *o = given<const T>(s.rest), *dout = given<const T>(s.rest + 2);
  T* out = frame.data<T>(instr.outs[3]) + (b * s.H + h) * s.Tq;
  for (int64_t i = i0; i < end; ++i) {
    const T *x = o + s.o.at(b, h, i), *y = dout + s.dout.at(b, h, i);
    double sum = 0;
    for (int64_t e = 0; e < s.E; ++e) sum += static_cast<double>(x[e]) * static_cast<double>(y[e]);
    out[i] = static_cast<T>(sum);
  }
}

// Leaves the probabilities (after dropout) in scores, and the gradient by the scores in dscores.
template <class T>
void Worker<T>::differentiate(int64_t i0, int64_t rows, int64_t k0, int64_t cols) {
  const T* log_sums = given<const T>(s.rest + 1) + (b * s.H + h) * s.Tq;
  const T* deltas = frame.data<const T>(instr.outs[3]) + (b * s.H + h) * s.Tq;
  compute_scores(i0, rows, k0, cols);
  against_keys(rows, cols, s.E, T(1), given<const T>(s.rest + 2) + s.dout.at(b, h, i0), s.dout.ld,
               v + s.v.at(b, group(), k0), s.v.ld, v_turned, dscores);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t i = i0 + r, valid = std::clamp<int64_t>(visible(i) - k0, 0, cols);
    kernels.grad_row(scores + r * kKeys, dscores + r * kKeys, bias_row(i, k0, cols, r > 0),
                     factor_row(i, k0, cols), valid, cols, log_sums[i], deltas[i]);
  }
}

template <class T>
void Worker<T>::add_to_keys(int64_t i0, int64_t rows, int64_t cols) {
  gemm(cols, s.E, rows, T(1), scores, {kKeys, true},
       given<const T>(s.rest + 2) + s.dout.at(b, h, i0), {s.dout.ld, false}, true, dv_acc,
       std::max<int64_t>(1, s.E));
  gemm(cols, s.D, rows, static_cast<T>(s.scale), dscores, {kKeys, true}, q + s.q.at(b, h, i0),
       {s.q.ld, false}, true, dk_acc, std::max<int64_t>(1, s.D));
}

template <class T>
void Worker<T>::add_to_queries(int64_t i0, int64_t rows, int64_t k0, int64_t cols) {
  gemm(rows, s.D, cols, static_cast<T>(s.scale), dscores, {kKeys, false},
       k + s.k.at(b, group(), k0), {s.k.ld, false}, true,
       frame.data<T>(instr.outs[0]) + s.dq.at(b, h, i0), s.dq.ld);
}

// dk and dv of a block of keys; and what the block adds to dq.
template <class T>
void Worker<T>::by_keys(int64_t g, int64_t block, bool also_queries) {
  const int64_t k0 = block * kKeys, size = std::min(kKeys, s.Tk - k0), heads = s.H / s.G;
  std::fill_n(dk_acc, size * s.D, T(0));
  std::fill_n(dv_acc, size * s.E, T(0));
  h = g * heads;
  turn_keys(k0, size, true);
  for (int64_t i0 = 0; i0 < s.Tq; i0 += kQueries) {
    const int64_t rows = std::min(kQueries, s.Tq - i0);
    const int64_t cols = std::min(size, visible(i0 + rows - 1) - k0);
    if (cols <= 0) continue;
    for (int64_t head = g * heads; head < (g + 1) * heads; ++head) {
      h = head;
      differentiate(i0, rows, k0, cols);
      add_to_keys(i0, rows, cols);
      if (also_queries) add_to_queries(i0, rows, k0, cols);
    }
  }
  T *dk = frame.data<T>(instr.outs[1]), *dv = frame.data<T>(instr.outs[2]);
  for (int64_t j = 0; j < size; ++j) {
    std::copy_n(dk_acc + j * s.D, s.D, dk + s.dk.at(b, g, k0 + j));
    std::copy_n(dv_acc + j * s.E, s.E, dv + s.dv.at(b, g, k0 + j));
  }
}

template <class T>
void Worker<T>::by_head(int64_t g) {
  T* dq = frame.data<T>(instr.outs[0]);
  const int64_t heads = s.H / s.G;
  for (int64_t head = g * heads; head < (g + 1) * heads; ++head) {
    for (int64_t i = 0; i < s.Tq; ++i) std::fill_n(dq + s.dq.at(b, head, i), s.D, T(0));
  }
  for (int64_t block = 0; block < s.key_blocks(); ++block) by_keys(g, block, true);
}

template <class T>
void Worker<T>::by_queries(int64_t block) {
  const int64_t i0 = block * kQueries, rows = std::min(kQueries, s.Tq - i0);
  const int64_t limit = visible(i0 + rows - 1);
  T* dq = frame.data<T>(instr.outs[0]);
  for (int64_t i = i0; i < i0 + rows; ++i) std::fill_n(dq + s.dq.at(b, h, i), s.D, T(0));
  for (int64_t k0 = 0; k0 < limit; k0 += kKeys) {
    const int64_t cols = std::min(kKeys, limit - k0);
    turn_keys(k0, cols, true);
    differentiate(i0, rows, k0, cols);
    add_to_queries(i0, rows, k0, cols);
  }
}

// Calls body(worker, batch, head, block) for units [first, last) of [B, heads, blocks].
template <class T, class F>
void for_each_block(Worker<T>& worker, int64_t heads, int64_t blocks, int64_t first, int64_t last,
                    const F& body) {
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t head = unit / blocks % heads;
    worker.enter(unit / blocks / heads, head);
    body(head, unit % blocks);
  }
}

void run_attention(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const AttentionState&>(*instr.state);
  const int64_t first = s.cuts[0].first(begin), last = s.cuts[0].first(end);
  if (first == last) return;
  with_float(instr.ins[0].dtype, [&](auto zero) {
    Worker<decltype(zero)> worker(instr, frame);
    for_each_block(worker, s.H, s.query_blocks(), first, last,
                   [&](int64_t, int64_t block) { worker.forward(block); });
  });
}

void run_attention_grad(const Instr& instr, const Frame& frame, int phase, int64_t begin,
                        int64_t end) {
  const auto& s = static_cast<const AttentionState&>(*instr.state);
  const int64_t first = s.cuts[phase].first(begin), last = s.cuts[phase].first(end);
  if (first == last) return;
  with_float(instr.ins[0].dtype, [&](auto zero) {
    Worker<decltype(zero)> worker(instr, frame);
    if (phase == 0) {
      for_each_block(worker, s.H, s.query_blocks(), first, last,
                     [&](int64_t, int64_t block) { worker.sum_rows(block); });
    } else if (phase == 2) {
      for_each_block(worker, s.H, s.query_blocks(), first, last,
                     [&](int64_t, int64_t block) { worker.by_queries(block); });
    } else if (s.one_pass) {
      for_each_block(worker, s.G, 1, first, last, [&](int64_t g, int64_t) { worker.by_head(g); });
    } else {
      for_each_block(worker, s.G, s.key_blocks(), first, last,
                     [&](int64_t g, int64_t block) { worker.by_keys(g, block, false); });
    }
  });
}

}  // namespace

std::vector<Op> attention_ops() {
  init_blas();
  return {{.name = "attention", .prepare = prepare_attention, .run = run_attention},
          {.name = "attentionGrad", .prepare = prepare_attention_grad, .run = run_attention_grad}};
}

}  // namespace tenon
