// Scans along the middle dim of dense [outer, n, inner] arrays; attrs [reverse: 0 or 1].
//   cumsum, cumprod, logcumsumexp: outs [y], ins [x]; y may be the very view of x
//   linearRecurrence: outs [y], ins [x, a]: y[i] = a[i] y[i - 1] + x[i]; y may be the very view of
//   x cummax, cummin: outs [y, at: i64], ins [x]
#include "kernels/scan.h"

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {
namespace {

struct ScanState : OpState {
  ScanKernel kernel = nullptr;
  int64_t n = 0, inner = 1, reverse = 0;
  int64_t strips = 1;  // of an outer index
  bool joins = false;  // the kernel takes several outer indices
  Cut cut;             // of outer * strips
};

template <Scan kKind>
std::string prepare_scan(Instr& instr) {
  constexpr bool kHasPositions = kKind == Scan::max || kKind == Scan::min;
  if (!counts_are(instr, kHasPositions ? 2 : 1, kKind == Scan::recurrence ? 2 : 1, 1)) {
    return "takes x (and a) and a direction, gives y (and positions)";
  }
  const View& x = instr.ins[0];
  if (x.rank != 3) return "x must be [outer, n, inner]";
  if (!all_contiguous(instr.ins) || !all_contiguous(instr.outs)) return "views must be dense";
  for (const View& view : instr.ins) {
    if (view.dtype != x.dtype || !same_dims(view, x)) return "inputs must be alike";
  }
  for (const View& view : instr.outs) {
    if (!same_dims(view, x)) return "outputs must have the dims of x";
  }
  if (instr.outs[0].dtype != x.dtype) return "x and y differ in dtype";
  if (kHasPositions && instr.outs[1].dtype != DType::i64) return "positions must be i64";
  auto state = std::make_unique<ScanState>();
  state->kernel = find_scan(kKind, x.dtype, x.dims[2]);
  if (state->kernel == nullptr) return "not defined for this dtype";
  if (!read_attr(instr, 0, 0, 1, &state->reverse)) return "direction";
  state->n = x.dims[1], state->inner = x.dims[2];
  state->joins = kKind == Scan::sum;
  state->strips = (state->inner + kScanColumns - 1) / kScanColumns;
  const double elements = static_cast<double>(x.elements);
  const double arrays = static_cast<double>(instr.ins.size() + instr.outs.size());
  const double flops = kKind == Scan::log_sum_exp ? 50 * elements : elements;
  const double bytes = elements * arrays * static_cast<double>(dtype_bytes(x.dtype));
  state->cut = cut_work(x.elements == 0 ? 0 : x.dims[0] * state->strips, chunk_cost(flops, bytes));
  instr.chunks[0] = state->cut.chunks;
  instr.flops = elements;
  instr.state = std::move(state);
  return "";
}

void run_scan(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& state = static_cast<const ScanState&>(*instr.state);
  const auto at = [&](const View& view, int64_t element) {
    return frame.bases[view.buffer] + (view.offset + element) * dtype_bytes(view.dtype);
  };
  const int64_t stop = state.cut.first(end);
  int64_t outers = 1;
  for (int64_t i = state.cut.first(begin); i < stop; i += outers) {
    if (state.inner == 1 && state.joins) outers = stop - i;
    const int64_t first = i / state.strips * state.n * state.inner;
    ScanCall call;
    call.n = state.n, call.inner = state.inner, call.reverse = state.reverse != 0;
    call.column = i % state.strips * kScanColumns;
    call.count = std::min(kScanColumns, state.inner - call.column);
    call.outers = outers;
    call.x = at(instr.ins[0], first);
    if (instr.ins.size() > 1) call.a = at(instr.ins[1], first);
    call.y = at(instr.outs[0], first);
    if (instr.outs.size() > 1) call.at = frame.data<int64_t>(instr.outs[1]) + first;
    state.kernel(call);
  }
}

}  // namespace

std::vector<Op> scan_ops() {
  return {
      {.name = "cumsum", .prepare = prepare_scan<Scan::sum>, .run = run_scan},
      {.name = "cumprod", .prepare = prepare_scan<Scan::prod>, .run = run_scan},
      {.name = "logcumsumexp", .prepare = prepare_scan<Scan::log_sum_exp>, .run = run_scan},
      {.name = "linearRecurrence", .prepare = prepare_scan<Scan::recurrence>, .run = run_scan},
      {.name = "cummax", .prepare = prepare_scan<Scan::max>, .run = run_scan},
      {.name = "cummin", .prepare = prepare_scan<Scan::min>, .run = run_scan},
  };
}

}  // namespace tenon
