// sum prod max min: outs [y: [outer, inner]] or [y, partials]; ins [x: [outer, n, inner], dense].
// argMax argMin: the same with y of i64 and never partials.
//
// A long reduction to few results is cut into parts, which leave their results in `partials`, an
// out that the plan provides where reduce_parts() is more than 1: [parts, outer, inner], dense, f64
// for sum and prod of f64 and f32, else of x's dtype.
#include "kernels/reduce.h"

#include "ops/families.h"
#include "ops/operands.h"
#include "ops/reduce.h"

namespace tenon {

// TypeScript computes the same number.
int64_t reduce_parts(int64_t outer, int64_t n, int64_t inner) {
  constexpr int64_t kFew = 64, kLong = 65536, kPart = 32768;
  if (outer < 1 || inner < 1 || outer > kFew || inner > kFew || outer * inner > kFew) return 1;
  return n * inner >= kLong ? (n * inner + kPart - 1) / kPart : 1;
}

namespace {

struct ReduceState : OpState {
  ReduceKernel kernel = nullptr, combine = nullptr;
  int64_t outer = 1, n = 1, inner = 1, parts = 1;
  int64_t columns = 1;  // of a strip
  int64_t strips = 1;   // of an outer index
  Cut cut;              // of outer * strips
};

// The shapes of all six; fills in the sizes.
std::string check_shapes(const Instr& instr, ReduceState& state) {
  if (instr.ins.size() != 1 || instr.outs.empty() || instr.outs.size() > 2) {
    return "takes one input, gives one output and perhaps partials";
  }
  if (!instr.attrs.empty()) return "takes no attributes";
  if (!all_contiguous(instr.ins) || !all_contiguous(instr.outs)) return "views must be dense";
  const View& x = instr.ins[0];
  const View& y = instr.outs[0];
  if (x.rank != 3 || y.rank != 2 || y.dims[0] != x.dims[0] || y.dims[1] != x.dims[2]) {
    return "x must be [outer, n, inner] and y [outer, inner]";
  }
  state.outer = x.dims[0], state.n = x.dims[1], state.inner = x.dims[2];
  state.columns = state.inner <= kReduceLanes ? state.inner : kReduceColumns;
  state.strips = state.inner == 0 ? 0 : (state.inner + state.columns - 1) / state.columns;
  if (y.elements == 0) state.outer = 0;
  const double bytes = static_cast<double>(x.elements) * static_cast<double>(dtype_bytes(x.dtype));
  state.cut = cut_work(state.outer * state.strips, chunk_cost(0, bytes));
  return "";
}

std::string check_partials(const Instr& instr, const ReduceState& state, DType dtype) {
  if (instr.outs.size() != (state.parts > 1 ? 2 : 1)) return "partials do not fit the sizes";
  if (state.parts == 1) return "";
  const View& partials = instr.outs[1];
  const int64_t dims[3] = {state.parts, state.outer, state.inner};
  if (partials.dtype != dtype || partials.rank != 3 || !std::equal(dims, dims + 3, partials.dims)) {
    return "partials must be [parts, outer, inner] of the type that is summed in";
  }
  return "";
}

template <Reduction kKind>
std::string prepare_fold(Instr& instr) {
  auto state = std::make_unique<ReduceState>();
  std::string wrong = check_shapes(instr, *state);
  if (!wrong.empty()) return wrong;
  constexpr bool kFolds = kKind == Reduction::sum || kKind == Reduction::prod;
  const DType dtype = instr.ins[0].dtype;
  const DType wide = kFolds && is_float(dtype) ? DType::f64 : dtype;
  if (instr.outs[0].dtype != dtype) return "x and y differ in dtype";
  if (!kFolds && state->n == 0) return "nothing to choose from";
  if (state->outer != 0) state->parts = reduce_parts(state->outer, state->n, state->inner);
  wrong = check_partials(instr, *state, wide);
  if (!wrong.empty()) return wrong;
  state->kernel = find_reduce(kKind, dtype, state->parts > 1 ? wide : dtype);
  state->combine = find_reduce(kKind, wide, dtype);
  if (state->kernel == nullptr || state->combine == nullptr) return "not defined for this dtype";
  instr.phases = state->parts > 1 ? 2 : 1;
  instr.chunks[0] = state->parts > 1 ? state->parts : state->cut.chunks;
  instr.chunks[1] = 1;
  instr.flops = static_cast<double>(instr.ins[0].elements);
  instr.state = std::move(state);
  return "";
}

template <bool kLargest>
std::string prepare_arg(Instr& instr) {
  auto state = std::make_unique<ReduceState>();
  std::string wrong = check_shapes(instr, *state);
  if (!wrong.empty()) return wrong;
  if (instr.outs.size() != 1 || instr.outs[0].dtype != DType::i64) return "y must be i64";
  if (state->n == 0) return "nothing to choose from";
  state->kernel = find_arg_reduce(kLargest, instr.ins[0].dtype);
  if (state->kernel == nullptr) return "not defined for this dtype";
  instr.chunks[0] = state->cut.chunks;
  instr.flops = static_cast<double>(instr.ins[0].elements);
  instr.state = std::move(state);
  return "";
}

void run_strips(const ReduceState& state, const View& x, const View& y, const Frame& frame,
                int64_t begin, int64_t end) {
  const int64_t y_bytes = dtype_bytes(y.dtype), x_bytes = dtype_bytes(x.dtype);
  const std::byte* from = frame.bases[x.buffer] + x.offset * x_bytes;
  std::byte* to = frame.bases[y.buffer] + y.offset * y_bytes;
  for (int64_t i = state.cut.first(begin); i < state.cut.first(end); ++i) {
    const int64_t outer = i / state.strips;
    ReduceCall call;
    call.inner = state.inner;
    call.end = state.n;
    call.column = i % state.strips * state.columns;
    call.count = std::min(state.columns, state.inner - call.column);
    call.x = from + outer * state.n * state.inner * x_bytes;
    call.y = to + (outer * state.inner + call.column) * y_bytes;
    state.kernel(call);
  }
}

// Part p has rows [p n / parts, (p + 1) n / parts).
void run_part(const ReduceState& state, const View& x, const View& partials, const Frame& frame,
              int64_t part) {
  const int64_t p_bytes = dtype_bytes(partials.dtype), x_bytes = dtype_bytes(x.dtype);
  const Cut rows{state.n, state.parts};
  for (int64_t outer = 0; outer < state.outer; ++outer) {
    ReduceCall call;
    call.inner = call.count = state.inner;
    call.begin = rows.first(part), call.end = rows.first(part + 1);
    call.x = frame.bases[x.buffer] + (x.offset + outer * state.n * state.inner) * x_bytes;
    const int64_t at = (part * state.outer + outer) * state.inner;
    call.y = frame.bases[partials.buffer] + (partials.offset + at) * p_bytes;
    state.kernel(call);
  }
}

void run_combine(const ReduceState& state, const View& partials, const View& y,
                 const Frame& frame) {
  ReduceCall call;
  call.inner = call.count = state.outer * state.inner;
  call.end = state.parts;
  call.x = frame.bases[partials.buffer] + partials.offset * dtype_bytes(partials.dtype);
  call.y = frame.bases[y.buffer] + y.offset * dtype_bytes(y.dtype);
  state.combine(call);
}

void run_reduce(const Instr& instr, const Frame& frame, int phase, int64_t begin, int64_t end) {
  const auto& state = static_cast<const ReduceState&>(*instr.state);
  if (state.parts == 1) return run_strips(state, instr.ins[0], instr.outs[0], frame, begin, end);
  if (phase == 1) return run_combine(state, instr.outs[1], instr.outs[0], frame);
  for (int64_t p = begin; p < end; ++p) run_part(state, instr.ins[0], instr.outs[1], frame, p);
}

}  // namespace

std::vector<Op> reduce_ops() {
  return {
      {.name = "sum", .prepare = prepare_fold<Reduction::sum>, .run = run_reduce},
      {.name = "prod", .prepare = prepare_fold<Reduction::prod>, .run = run_reduce},
      {.name = "max", .prepare = prepare_fold<Reduction::max>, .run = run_reduce},
      {.name = "min", .prepare = prepare_fold<Reduction::min>, .run = run_reduce},
      {.name = "argMax", .prepare = prepare_arg<true>, .run = run_reduce},
      {.name = "argMin", .prepare = prepare_arg<false>, .run = run_reduce},
  };
}

}  // namespace tenon
