// Recurrent layers of one direction, all steps in one instruction; f32 or f64, contiguous.
// T steps, B sequences, H units, P numbers in a state h (H, unless the lstm projects). hs, cs: the
// states after each step; gates: [B, 4 H] instead of [T B, 4 H] where they are not kept.
//   rnnSequence [reverse, relu]: outs [hs: [T, B, H], work],
//     ins [gx: [T B, H], w: [H, H], h0: [B, H]]
//   lstmSequence [reverse, projects]: outs [gates: [T B, 4 H], hs: [T, B, P], cs: [T, B, H], work],
//     ins [gx: [T B, 4 H], w: [4 H, P], h0, c0, (wr: [P, H])]; gates i f g o
//   gruSequence [reverse]: outs [gates: [T B, 4 H], hs, work],
//     ins [gx: [T B, 3 H], w: [3 H, H], h0, b: [H]]; gates r z n and W_hn h + b
// The gradients: d by what came into the gates (gruSequenceGrad: by r z n and W_hn h + b), dh by
// hs.
//   rnnSequenceGrad [reverse, relu]: outs [d: [T B, H], dh0, work], ins [hs, w, dhs]
//   lstmSequenceGrad [reverse, projects, has dcs]: outs [d: [T B, 4 H], dh0, dc0, work, (dh: [T, B,
//   P])],
//     ins [gates, cs, w, c0, dhs, (wr), (dcs)]
//   gruSequenceGrad [reverse]: outs [d: [T B, 4 H], dh0, work], ins [gates, hs, w, h0, dhs]
// reverse: from the last step to the first. One more input, lengths: [B] i64: sequence b has the
// steps t < lengths[b]; at others its state stays as it is, and gates and d are 0.
// work: room for the packed weights, [sum of packed_elements]; weights are packed in phase 0.
#include "kernels/recurrent.h"

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {
namespace {

// Sequences go in groups of this many through all their steps: one group fills the registers of a
// product, and the packed weights come from the second-level cache each time.
constexpr int64_t kGroup = 8;

struct Packed {
  int input = 0;
  int64_t offset = 0;  // of the part of the input
  int64_t K = 0, N = 0, k_stride = 0, n_stride = 0;
  int64_t blocks = 0, at = 0;  // at: in the work
};

struct RecurrentState : OpState {
  int64_t T = 0, B = 0, H = 0, P = 0;
  bool reverse = false, relu = false, projects = false, has_dcs = false, keeps_gates = true;
  int lengths = -1;  // its input
  int work = 0;      // its output
  int num_packed = 0;
  Packed packed[2];
  Cut blocks, groups;

  int64_t row(int64_t chunk) const { return std::min(groups.first(chunk) * kGroup, B); }
  int64_t most_rows() const { return (groups.units / groups.chunks + 1) * kGroup; }
};

// ---- checks

struct Expected {
  const View& view;
  std::initializer_list<int64_t> dims;
};

std::string check_views(DType dtype, std::initializer_list<Expected> all) {
  for (const auto& [view, dims] : all) {
    const bool fits = view.contiguous && view.dtype == dtype &&
                      view.rank == static_cast<int32_t>(dims.size()) &&
                      std::equal(dims.begin(), dims.end(), view.dims);
    if (!fits) return "operands do not fit each other";
  }
  return "";
}

bool read_flag(const Instr& instr, size_t at, bool* flag) {
  int64_t value = 0;
  if (!read_attr(instr, at, 0, 1, &value)) return false;
  *flag = value == 1;
  return true;
}

// Sizes from a [T, B, n] and what holds for all six; `ins`: inputs without lengths.
std::string begin(const Instr& instr, RecurrentState& s, const View& states, size_t ins) {
  if (states.rank != 3 || !is_float(states.dtype)) return "states must be [T, B, n], f32 or f64";
  if (!dims_within(states, kMaxExtent) || states.dims[0] < 1 || states.dims[2] < 1) {
    return "there must be a step and a unit";
  }
  s.T = states.dims[0], s.B = states.dims[1], s.H = s.P = states.dims[2];
  if (instr.ins.size() == ins) return "";
  if (instr.ins.size() != ins + 1) return "wrong number of inputs";
  s.lengths = static_cast<int>(ins);
  return check_views(DType::i64, {{instr.ins[ins], {s.B}}});
}

// Rows [first, first + count) of a weight [.., cols], as they are or transposed.
void add_packed(const Instr& instr, RecurrentState& s, int input, int64_t first, int64_t count,
                bool transposed) {
  const int64_t cols = instr.ins[input].dims[1];
  Packed& p = s.packed[s.num_packed];
  p.input = input;
  p.offset = first * cols;
  p.K = transposed ? cols : count;
  p.N = transposed ? count : cols;
  p.k_stride = transposed ? 1 : cols;
  p.n_stride = transposed ? cols : 1;
  const bool is_f32 = instr.ins[input].dtype == DType::f32;
  p.blocks = is_f32 ? pack_blocks<float>(p.N) : pack_blocks<double>(p.N);
  if (s.num_packed > 0) {
    const Packed& before = s.packed[s.num_packed - 1];
    p.at = before.at + before.blocks * before.K * (is_f32 ? kPackBlock<float> : kPackBlock<double>);
  }
  s.num_packed++;
}

// The work's size and the cuts. units: numbers of a step that a function of gates works out.
std::string finish(Instr& instr, std::unique_ptr<RecurrentState> state, int work, double units) {
  RecurrentState& s = *state;
  s.work = work;
  const View& room = instr.outs[work];
  const int64_t block = room.dtype == DType::f32 ? kPackBlock<float> : kPackBlock<double>;
  const Packed& end = s.packed[s.num_packed - 1];
  const std::string wrong =
      check_views(instr.ins[end.input].dtype, {{room, {end.at + end.blocks * end.K * block}}});
  if (!wrong.empty()) return wrong;
  double products = 0;
  int64_t blocks = 0;
  for (const Packed& p : s.packed) {
    products += 2 * static_cast<double>(p.K) * static_cast<double>(p.N);
    blocks += p.blocks;
  }
  constexpr double kUnitFlops = 20;
  instr.flops =
      static_cast<double>(s.T) * static_cast<double>(s.B) * (products + kUnitFlops * units);
  s.blocks =
      cut_work(blocks, static_cast<double>(room.elements * dtype_bytes(room.dtype)) / kChunkBytes);
  s.groups = cut_work((s.B + kGroup - 1) / kGroup, instr.flops / kChunkFlops);
  instr.phases = 2;
  instr.chunks[0] = s.blocks.chunks;
  instr.chunks[1] = s.groups.chunks;
  if (s.projects) instr.scratch_bytes = align64(s.most_rows() * s.H * dtype_bytes(room.dtype));
  instr.state = std::move(state);
  return "";
}

std::string prepare_rnn(Instr& instr, bool is_grad) {
  if (instr.outs.size() != (is_grad ? 3 : 2) || instr.ins.size() < 3 || instr.attrs.size() != 2) {
    return "wrong number of operands";
  }
  auto state = std::make_unique<RecurrentState>();
  RecurrentState& s = *state;
  const View& hs = is_grad ? instr.ins[0] : instr.outs[0];
  std::string wrong = begin(instr, s, hs, 3);
  if (!wrong.empty()) return wrong;
  if (!read_flag(instr, 0, &s.reverse) || !read_flag(instr, 1, &s.relu)) return "attrs";
  const View& gx = is_grad ? instr.outs[0] : instr.ins[0];
  const View& h0 = is_grad ? instr.outs[1] : instr.ins[2];
  wrong = check_views(hs.dtype, {{hs, {s.T, s.B, s.H}},
                                 {gx, {s.T * s.B, s.H}},
                                 {instr.ins[1], {s.H, s.H}},
                                 {h0, {s.B, s.H}}});
  if (wrong.empty() && is_grad) {
    wrong = check_views(hs.dtype, {{instr.ins[2], {s.T, s.B, s.H}}});
  }
  if (!wrong.empty()) return wrong;
  add_packed(instr, s, 1, 0, s.H, !is_grad);
  return finish(instr, std::move(state), is_grad ? 2 : 1, static_cast<double>(s.H));
}

std::string prepare_lstm(Instr& instr) {
  if (instr.outs.size() != 4 || instr.ins.size() < 4 || instr.attrs.size() != 2) {
    return "wrong number of operands";
  }
  auto state = std::make_unique<RecurrentState>();
  RecurrentState& s = *state;
  if (!read_flag(instr, 0, &s.reverse) || !read_flag(instr, 1, &s.projects)) return "attrs";
  const View &gates = instr.outs[0], &hs = instr.outs[1], &cs = instr.outs[2];
  std::string wrong = begin(instr, s, cs, s.projects ? 5 : 4);
  if (!wrong.empty()) return wrong;
  if (s.projects && hs.rank == 3) s.P = hs.dims[2];
  if (s.P < 1 || s.P > kMaxExtent) return "a state must have a number";
  s.keeps_gates = gates.rank != 2 || gates.dims[0] == s.T * s.B;
  wrong = check_views(cs.dtype, {{gates, {s.keeps_gates ? s.T * s.B : s.B, 4 * s.H}},
                                 {hs, {s.T, s.B, s.P}},
                                 {cs, {s.T, s.B, s.H}},
                                 {instr.ins[0], {s.T * s.B, 4 * s.H}},
                                 {instr.ins[1], {4 * s.H, s.P}},
                                 {instr.ins[2], {s.B, s.P}},
                                 {instr.ins[3], {s.B, s.H}}});
  if (wrong.empty() && s.projects) {
    wrong = check_views(cs.dtype, {{instr.ins[4], {s.P, s.H}}});
  }
  if (!wrong.empty()) return wrong;
  add_packed(instr, s, 1, 0, 4 * s.H, true);
  if (s.projects) add_packed(instr, s, 4, 0, s.P, true);
  return finish(instr, std::move(state), 3, 5 * static_cast<double>(s.H));
}

std::string prepare_lstm_grad(Instr& instr) {
  if (instr.outs.size() < 4 || instr.ins.size() < 5 || instr.attrs.size() != 3) {
    return "wrong number of operands";
  }
  auto state = std::make_unique<RecurrentState>();
  RecurrentState& s = *state;
  if (!read_flag(instr, 0, &s.reverse) || !read_flag(instr, 1, &s.projects) ||
      !read_flag(instr, 2, &s.has_dcs)) {
    return "attrs";
  }
  const View &cs = instr.ins[1], &dhs = instr.ins[4];
  const size_t ins = 5 + (s.projects ? 1 : 0) + (s.has_dcs ? 1 : 0);
  std::string wrong = begin(instr, s, cs, ins);
  if (!wrong.empty()) return wrong;
  if (instr.outs.size() != (s.projects ? 5 : 4)) return "wrong number of outputs";
  if (s.projects && dhs.rank == 3) s.P = dhs.dims[2];
  if (s.P < 1 || s.P > kMaxExtent) return "a state must have a number";
  wrong = check_views(cs.dtype, {{instr.outs[0], {s.T * s.B, 4 * s.H}},
                                 {instr.outs[1], {s.B, s.P}},
                                 {instr.outs[2], {s.B, s.H}},
                                 {instr.ins[0], {s.T * s.B, 4 * s.H}},
                                 {cs, {s.T, s.B, s.H}},
                                 {instr.ins[2], {4 * s.H, s.P}},
                                 {instr.ins[3], {s.B, s.H}},
                                 {dhs, {s.T, s.B, s.P}}});
  if (wrong.empty() && s.projects) {
    wrong = check_views(cs.dtype, {{instr.ins[5], {s.P, s.H}}, {instr.outs[4], {s.T, s.B, s.P}}});
  }
  if (wrong.empty() && s.has_dcs) {
    wrong = check_views(cs.dtype, {{instr.ins[s.projects ? 6 : 5], {s.T, s.B, s.H}}});
  }
  if (!wrong.empty()) return wrong;
  add_packed(instr, s, 2, 0, 4 * s.H, false);
  if (s.projects) add_packed(instr, s, 5, 0, s.P, false);
  return finish(instr, std::move(state), 3, 5 * static_cast<double>(s.H));
}

std::string prepare_gru(Instr& instr, bool is_grad) {
  if (instr.outs.size() != 3 || instr.ins.size() < (is_grad ? 5 : 4) || instr.attrs.size() != 1) {
    return "wrong number of operands";
  }
  auto state = std::make_unique<RecurrentState>();
  RecurrentState& s = *state;
  if (!read_flag(instr, 0, &s.reverse)) return "attrs";
  const View& hs = is_grad ? instr.ins[1] : instr.outs[1];
  std::string wrong = begin(instr, s, hs, is_grad ? 5 : 4);
  if (!wrong.empty()) return wrong;
  const View& gates = is_grad ? instr.ins[0] : instr.outs[0];
  s.keeps_gates = is_grad || gates.rank != 2 || gates.dims[0] == s.T * s.B;
  const int weight = is_grad ? 2 : 1;
  wrong = check_views(hs.dtype, {{gates, {s.keeps_gates ? s.T * s.B : s.B, 4 * s.H}},
                                 {hs, {s.T, s.B, s.H}},
                                 {instr.ins[weight], {3 * s.H, s.H}},
                                 {instr.ins[is_grad ? 3 : 2], {s.B, s.H}}});
  if (wrong.empty() && is_grad) {
    wrong = check_views(hs.dtype, {{instr.ins[4], {s.T, s.B, s.H}},
                                   {instr.outs[0], {s.T * s.B, 4 * s.H}},
                                   {instr.outs[1], {s.B, s.H}}});
  } else if (wrong.empty()) {
    wrong = check_views(hs.dtype, {{instr.ins[0], {s.T * s.B, 3 * s.H}}, {instr.ins[3], {s.H}}});
  }
  if (!wrong.empty()) return wrong;
  add_packed(instr, s, weight, 0, 2 * s.H, !is_grad);
  add_packed(instr, s, weight, 2 * s.H, s.H, !is_grad);
  return finish(instr, std::move(state), 2, 4 * static_cast<double>(s.H));
}

// ---- runs

template <class T>
void pack_blocks_of(const Instr& instr, const RecurrentState& s, const Frame& frame, int64_t first,
                    int64_t last) {
  T* work = frame.data<T>(instr.outs[s.work]);
  for (int i = 0; i < s.num_packed; i++) {
    const Packed& p = s.packed[i];
    const T* weight = frame.data<const T>(instr.ins[p.input]) + p.offset;
    const int64_t from = std::max<int64_t>(first, 0), to = std::min(last, p.blocks);
    if (from < to) {
      recurrent_kernels<T>().pack({weight, p.K, p.N, p.k_stride, p.n_stride}, from, to,
                                  work + p.at);
    }
    first -= p.blocks, last -= p.blocks;
  }
}

// What the steps of all kinds share; a step is at time t, for rows [row, row + rows) of the batch.
template <class T>
struct Steps {
  const Instr& instr;
  const RecurrentState& s;
  const Frame& frame;
  const RecurrentKernels<T>& k = recurrent_kernels<T>();

  const T* in(size_t i) const { return frame.data<const T>(instr.ins[i]); }
  T* out(size_t i) const { return frame.data<T>(instr.outs[i]); }
  const T* packed(int i) const { return out(static_cast<size_t>(s.work)) + s.packed[i].at; }
  int64_t at(int64_t t, int64_t row) const { return t * s.B + row; }
  // The state before time t: `start`, or the one after the step before.
  const T* before(const T* start, const T* states, int64_t t, int64_t row, int64_t n) const {
    const int64_t from = s.reverse ? t + 1 : t - 1;
    return from < 0 || from == s.T ? start + row * n : states + at(from, row) * n;
  }
};

template <class T>
struct RnnSteps : Steps<T> {
  void start(int64_t, int64_t) const {}
  void advance(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H;
    T* h = this->out(0) + this->at(t, row) * H;
    const T* h_prev = this->before(this->in(2), this->out(0), t, row, H);
    this->k.product(rows, H, H, {h_prev, H}, this->packed(0),
                    {this->in(0) + this->at(t, row) * H, H}, {h, H});
    this->k.rnn(rows, H, this->s.relu, h);
  }
  void hold(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H;
    std::copy_n(this->before(this->in(2), this->out(0), t, row, H), rows * H,
                this->out(0) + this->at(t, row) * H);
  }
};

template <class T>
struct LstmSteps : Steps<T> {
  T* gates(int64_t t, int64_t row) const {
    return this->out(0) + this->at(this->s.keeps_gates ? t : 0, row) * 4 * this->s.H;
  }
  void start(int64_t, int64_t) const {}
  void advance(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H, P = this->s.P;
    const int64_t at = this->at(t, row);
    T *g = gates(t, row), *h = this->out(1) + at * P, *c = this->out(2) + at * H;
    const T* h_prev = this->before(this->in(2), this->out(1), t, row, P);
    const T* c_prev = this->before(this->in(3), this->out(2), t, row, H);
    this->k.product(rows, P, 4 * H, {h_prev, P}, this->packed(0), {this->in(0) + at * 4 * H, 4 * H},
                    {g, 4 * H});
    if (!this->s.projects) return this->k.lstm(rows, H, g, c_prev, c, h);
    T* m = reinterpret_cast<T*>(this->frame.scratch);
    this->k.lstm(rows, H, g, c_prev, c, m);
    this->k.product(rows, H, P, {m, H}, this->packed(1), {nullptr, 0}, {h, P});
  }
  void hold(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H, P = this->s.P;
    const int64_t at = this->at(t, row);
    std::copy_n(this->before(this->in(2), this->out(1), t, row, P), rows * P,
                this->out(1) + at * P);
    std::copy_n(this->before(this->in(3), this->out(2), t, row, H), rows * H,
                this->out(2) + at * H);
    std::fill_n(gates(t, row), rows * 4 * H, T{0});
  }
};

template <class T>
struct GruSteps : Steps<T> {
  T* gates(int64_t t, int64_t row) const {
    return this->out(0) + this->at(this->s.keeps_gates ? t : 0, row) * 4 * this->s.H;
  }
  void start(int64_t, int64_t) const {}
  void advance(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H;
    const int64_t at = this->at(t, row);
    T *g = gates(t, row), *h = this->out(1) + at * H;
    const T* gx = this->in(0) + at * 3 * H;
    const T* h_prev = this->before(this->in(2), this->out(1), t, row, H);
    this->k.product(rows, H, 2 * H, {h_prev, H}, this->packed(0), {gx, 3 * H}, {g, 4 * H});
    this->k.product(rows, H, H, {h_prev, H}, this->packed(1), {this->in(3), 0}, {g + 3 * H, 4 * H});
    this->k.gru(rows, H, g, gx, h_prev, h);
  }
  void hold(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H;
    std::copy_n(this->before(this->in(2), this->out(1), t, row, H), rows * H,
                this->out(1) + this->at(t, row) * H);
    std::fill_n(gates(t, row), rows * 4 * H, T{0});
  }
};

// Gradients: dh0 and dc0 hold the gradient by the state while it goes back from step to step.
template <class T>
struct RnnGradSteps : Steps<T> {
  T* dh(int64_t row) const { return this->out(1) + row * this->s.H; }
  T* d(int64_t t, int64_t row) const { return this->out(0) + this->at(t, row) * this->s.H; }
  void start(int64_t row, int64_t rows) const { std::fill_n(dh(row), rows * this->s.H, T{0}); }
  void collect(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H;
    this->k.add(rows * H, this->in(2) + this->at(t, row) * H, dh(row));
  }
  void advance(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H;
    collect(t, row, rows);
    this->k.rnn_grad(rows, H, this->s.relu, this->in(0) + this->at(t, row) * H, dh(row), d(t, row));
    this->k.product(rows, H, H, {d(t, row), H}, this->packed(0), {nullptr, 0}, {dh(row), H});
  }
  void hold(int64_t t, int64_t row, int64_t rows) const {
    collect(t, row, rows);
    std::fill_n(d(t, row), rows * this->s.H, T{0});
  }
};

template <class T>
struct LstmGradSteps : Steps<T> {
  T* dh(int64_t row) const { return this->out(1) + row * this->s.P; }
  T* dc(int64_t row) const { return this->out(2) + row * this->s.H; }
  T* d(int64_t t, int64_t row) const { return this->out(0) + this->at(t, row) * 4 * this->s.H; }
  T* total(int64_t t, int64_t row) const { return this->out(4) + this->at(t, row) * this->s.P; }
  void start(int64_t row, int64_t rows) const {
    std::fill_n(dh(row), rows * this->s.P, T{0});
    std::fill_n(dc(row), rows * this->s.H, T{0});
  }
  void collect(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H, P = this->s.P;
    const int64_t at = this->at(t, row);
    this->k.add(rows * P, this->in(4) + at * P, dh(row));
    if (this->s.has_dcs) {
      this->k.add(rows * H, this->in(this->s.projects ? 6 : 5) + at * H, dc(row));
    }
  }
  void advance(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H, P = this->s.P;
    const int64_t at = this->at(t, row);
    collect(t, row, rows);
    const T* dm = dh(row);
    if (this->s.projects) {
      T* room = reinterpret_cast<T*>(this->frame.scratch);
      std::copy_n(dh(row), rows * P, total(t, row));
      this->k.product(rows, P, H, {dh(row), P}, this->packed(1), {nullptr, 0}, {room, H});
      dm = room;
    }
    const T* c_prev = this->before(this->in(3), this->in(1), t, row, H);
    this->k.lstm_grad(rows, H, this->in(0) + at * 4 * H, c_prev, this->in(1) + at * H, dm, dc(row),
                      d(t, row));
    this->k.product(rows, 4 * H, P, {d(t, row), 4 * H}, this->packed(0), {nullptr, 0},
                    {dh(row), P});
  }
  void hold(int64_t t, int64_t row, int64_t rows) const {
    collect(t, row, rows);
    std::fill_n(d(t, row), rows * 4 * this->s.H, T{0});
    if (this->s.projects) std::fill_n(total(t, row), rows * this->s.P, T{0});
  }
};

template <class T>
struct GruGradSteps : Steps<T> {
  T* dh(int64_t row) const { return this->out(1) + row * this->s.H; }
  T* d(int64_t t, int64_t row) const { return this->out(0) + this->at(t, row) * 4 * this->s.H; }
  void start(int64_t row, int64_t rows) const { std::fill_n(dh(row), rows * this->s.H, T{0}); }
  void collect(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H;
    this->k.add(rows * H, this->in(4) + this->at(t, row) * H, dh(row));
  }
  void advance(int64_t t, int64_t row, int64_t rows) const {
    const int64_t H = this->s.H;
    collect(t, row, rows);
    const T* h_prev = this->before(this->in(3), this->in(1), t, row, H);
    const T* g = this->in(0) + this->at(t, row) * 4 * H;
    T* slope = d(t, row);
    this->k.gru_grad(rows, H, g, h_prev, dh(row), slope);
    this->k.product(rows, 2 * H, H, {slope, 4 * H}, this->packed(0), {dh(row), H}, {dh(row), H});
    this->k.product(rows, H, H, {slope + 3 * H, 4 * H}, this->packed(1), {dh(row), H},
                    {dh(row), H});
  }
  void hold(int64_t t, int64_t row, int64_t rows) const {
    collect(t, row, rows);
    std::fill_n(d(t, row), rows * 4 * this->s.H, T{0});
  }
};

// All steps for rows [first, last), runs of rows that have or lack the step together.
template <class S>
void walk(const S& steps, bool from_the_end, int64_t first, int64_t last) {
  const RecurrentState& s = steps.s;
  const Frame& frame = steps.frame;
  const int64_t* lengths =
      s.lengths < 0 ? nullptr : frame.data<const int64_t>(steps.instr.ins[s.lengths]);
  const auto has_step = [&](int64_t row, int64_t t) { return !lengths || t < lengths[row]; };
  steps.start(first, last - first);
  for (int64_t i = 0; i < s.T; i++) {
    if (frame.cancelled && frame.cancelled->load(std::memory_order_relaxed)) return;
    const int64_t t = from_the_end ? s.T - 1 - i : i;
    for (int64_t row = first; row < last;) {
      const bool active = has_step(row, t);
      int64_t end = row + 1;
      while (end < last && has_step(end, t) == active) end++;
      active ? steps.advance(t, row, end - row) : steps.hold(t, row, end - row);
      row = end;
    }
  }
}

template <template <class> class S, bool kIsGrad>
void run(const Instr& instr, const Frame& frame, int phase, int64_t begin, int64_t end) {
  const auto& s = static_cast<const RecurrentState&>(*instr.state);
  with_float(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    if (phase == 0) {
      return pack_blocks_of<T>(instr, s, frame, s.blocks.first(begin), s.blocks.first(end));
    }
    const S<T> steps{{instr, s, frame}};
    for (int64_t chunk = begin; chunk < end; chunk++) {
      const int64_t first = s.row(chunk), last = s.row(chunk + 1);
      if (first < last) walk(steps, s.reverse != kIsGrad, first, last);
    }
  });
}

}  // namespace

std::vector<Op> recurrent_ops() {
  return {{"rnnSequence", false, false, [](Instr& i) { return prepare_rnn(i, false); },
           run<RnnSteps, false>},
          {"rnnSequenceGrad", false, false, [](Instr& i) { return prepare_rnn(i, true); },
           run<RnnGradSteps, true>},
          {"lstmSequence", false, false, prepare_lstm, run<LstmSteps, false>},
          {"lstmSequenceGrad", false, false, prepare_lstm_grad, run<LstmGradSteps, true>},
          {"gruSequence", false, false, [](Instr& i) { return prepare_gru(i, false); },
           run<GruSteps, false>},
          {"gruSequenceGrad", false, false, [](Instr& i) { return prepare_gru(i, true); },
           run<GruGradSteps, true>}};
}

}  // namespace tenon
