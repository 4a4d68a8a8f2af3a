// ctcLoss: outs [loss: [N], alpha: f64 [T * (2 M + N)]],
//   ins [log_probs: [T, N, C], targets: i64 [M], steps: i64 [N], labels: i64 [N]];
//   attrs [blank, pitch]. Sample n has targets from n * pitch on; pitch -1: one after the other.
//   Fails with `index` when a length or a label does not fit.
// ctcLossGrad: outs [dlog_probs], ins [log_probs, targets, steps, labels, alpha, dloss: [N]];
//   attrs as above.
// log_probs, loss, dloss: f32 or f64, of one dtype; all contiguous.
#include "kernels/ctc.h"

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {

namespace {

struct CtcState : OpState {
  Cut cut;  // of the samples
  int64_t T = 0, N = 0, C = 0, M = 0, blank = 0, pitch = 0;
};

bool is_vector(const View& view, DType dtype, int64_t n) {
  return view.rank == 1 && view.dims[0] == n && view.dtype == dtype && view.contiguous;
}

std::string prepare_ctc(Instr& instr, const View& loss, const View& alpha) {
  const View &log_probs = instr.ins[0], &targets = instr.ins[1];
  if (log_probs.rank != 3 || !log_probs.contiguous || !is_float(log_probs.dtype)) {
    return "log_probs must be contiguous floats [T, N, C]";
  }
  auto state = std::make_unique<CtcState>();
  CtcState& s = *state;
  s.T = log_probs.dims[0], s.N = log_probs.dims[1], s.C = log_probs.dims[2];
  s.M = targets.rank == 1 ? targets.dims[0] : -1;
  if (s.M < 0 || !is_vector(targets, DType::i64, s.M)) return "targets must be i64 [M]";
  if (s.C < 1 || s.N > kMaxExtent || s.M > kMaxExtent || s.T > kMaxExtent) return "sizes";
  if (!is_vector(instr.ins[2], DType::i64, s.N) || !is_vector(instr.ins[3], DType::i64, s.N)) {
    return "lengths must be i64 [N]";
  }
  if (!is_vector(loss, log_probs.dtype, s.N)) return "loss must be [N]";
  if (static_cast<double>(s.T) * static_cast<double>(2 * s.M + s.N) > 1e15 ||
      !is_vector(alpha, DType::f64, s.T * (2 * s.M + s.N))) {
    return "alpha must be f64 [T * (2 M + N)]";
  }
  if (!read_attr(instr, 0, 0, s.C - 1, &s.blank) ||
      !read_attr(instr, 1, -1, kMaxExtent, &s.pitch)) {
    return "attrs out of range";
  }
  if (s.pitch >= 0 && s.pitch * s.N != s.M) return "targets must be N * pitch";
  const double states = 2 * static_cast<double>(s.M) + static_cast<double>(s.N);
  // Logarithms and exponentials count for some 30 each.
  instr.flops = 100 * static_cast<double>(s.T) * states;
  s.cut = cut_work(s.N, instr.flops / kChunkFlops);
  instr.chunks[0] = s.cut.chunks;
  instr.state = std::move(state);
  return "";
}

std::string prepare_forward(Instr& instr) {
  if (!counts_are(instr, 2, 4, 2)) return "takes 4, gives loss and alpha";
  return prepare_ctc(instr, instr.outs[0], instr.outs[1]);
}

std::string prepare_backward(Instr& instr) {
  if (!counts_are(instr, 1, 6, 2)) return "takes 6, gives the gradient";
  const View& log_probs = instr.ins[0];
  const View& out = instr.outs[0];
  if (!same_dims(out, log_probs) || !out.contiguous || out.dtype != log_probs.dtype) {
    return "the gradient must be like log_probs";
  }
  const std::string wrong = prepare_ctc(instr, instr.ins[5], instr.ins[4]);
  if (!wrong.empty()) return wrong;
  const auto& s = static_cast<const CtcState&>(*instr.state);
  const int64_t labels = s.pitch >= 0 ? s.pitch : s.M;
  instr.scratch_bytes = (2 * labels + 1) * static_cast<int64_t>(sizeof(double));
  return "";
}

// Whether everything of the sample lies where it may; sets what it has.
bool read_sample(const Instr& instr, const Frame& frame, const CtcState& s, int64_t n,
                 int64_t first, CtcSample* sample) {
  const int64_t room = s.pitch >= 0 ? s.pitch : s.M - first;
  sample->steps = frame.data<const int64_t>(instr.ins[2])[n];
  sample->labels = frame.data<const int64_t>(instr.ins[3])[n];
  sample->blank = s.blank;
  sample->stride = s.N * s.C;
  sample->targets = frame.data<const int64_t>(instr.ins[1]) + first;
  if (sample->steps < 0 || sample->steps > s.T) {
    frame.fail(instr, FailureCode::index, sample->steps, s.T + 1);
    return false;
  }
  if (sample->labels < 0 || sample->labels > room) {
    frame.fail(instr, FailureCode::index, sample->labels, room + 1);
    return false;
  }
  for (int64_t i = 0; i < sample->labels; i++) {
    if (sample->targets[i] >= 0 && sample->targets[i] < s.C) continue;
    frame.fail(instr, FailureCode::index, sample->targets[i], s.C);
    return false;
  }
  return true;
}

// Calls body(n, sample, where its alpha begins) for the samples of some chunks.
template <class F>
void for_each_sample(const Instr& instr, const Frame& frame, int64_t begin, int64_t end,
                     const F& body) {
  const auto& s = static_cast<const CtcState&>(*instr.state);
  const int64_t* labels = frame.data<const int64_t>(instr.ins[3]);
  int64_t first = s.pitch >= 0 ? s.cut.first(begin) * s.pitch : 0;
  if (s.pitch < 0) {
    for (int64_t n = 0; n < s.cut.first(begin); n++) {
      // The chunk that has this sample reports it.
      if (labels[n] < 0 || labels[n] > s.M - first) return;
      first += labels[n];
    }
  }
  for (int64_t n = s.cut.first(begin); n < s.cut.first(end); n++) {
    CtcSample sample;
    if (!read_sample(instr, frame, s, n, first, &sample)) return;
    body(s, n, sample, s.T * (2 * first + n));
    first += s.pitch >= 0 ? s.pitch : sample.labels;
  }
}

void run_forward(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  with_float(instr.ins[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_sample(instr, frame, begin, end,
                    [&](const CtcState& s, int64_t n, const CtcSample& sample, int64_t alpha) {
                      frame.data<T>(instr.outs[0])[n] = static_cast<T>(
                          ctc_forward(sample, frame.data<const T>(instr.ins[0]) + n * s.C,
                                      frame.data<double>(instr.outs[1]) + alpha));
                    });
  });
}

void run_backward(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  with_float(instr.ins[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    T* out = frame.data<T>(instr.outs[0]);
    for_each_sample(instr, frame, begin, end,
                    [&](const CtcState& s, int64_t n, const CtcSample& sample, int64_t alpha) {
                      for (int64_t t = sample.steps; t < s.T; t++) {
                        T* row = out + t * sample.stride + n * s.C;
                        std::fill(row, row + s.C, zero);
                      }
                      ctc_backward(sample, s.C, frame.data<const T>(instr.ins[0]) + n * s.C,
                                   frame.data<const double>(instr.ins[4]) + alpha,
                                   static_cast<double>(frame.data<const T>(instr.ins[5])[n]),
                                   out + n * s.C, reinterpret_cast<double*>(frame.scratch));
                    });
  });
}

}  // namespace

std::vector<Op> ctc_ops() {
  return {{"ctcLoss", true, false, prepare_forward, run_forward},
          {"ctcLossGrad", true, false, prepare_backward, run_backward}};
}

}  // namespace tenon
