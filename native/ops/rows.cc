// Ops on the rows of dense [rows, n] arrays of f32 or f64; an out may be the very view of an in.
//   softmax, logSoftmax: x -> y     softmaxGrad, logSoftmaxGrad: y, dy -> dx
//   standardize [eps]: x -> xhat, rstd [rows]     standardizeGrad: xhat, rstd, dy -> dx
#include "kernels/rows.h"

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {
namespace {

struct RowsState : OpState {
  int64_t n = 0;
  Cut cut;
};

// Views of [rows, n] but for those at the positions of rstd, which are [rows]; -1 for none.
std::string prepare_rows(Instr& instr, int rstd_out, int rstd_in) {
  const View& x = instr.ins[0];
  if (!is_float(x.dtype)) return "takes f32 or f64";
  if (x.rank != 2) return "takes [rows, n]";
  const auto fits = [&](const View& view, bool is_rstd) {
    if (view.dtype != x.dtype || !view.contiguous) return false;
    if (is_rstd) return view.rank == 1 && view.dims[0] == x.dims[0];
    return same_dims(view, x);
  };
  for (size_t i = 0; i < instr.ins.size(); ++i) {
    if (!fits(instr.ins[i], static_cast<int>(i) == rstd_in)) return "an input does not fit";
  }
  for (size_t i = 0; i < instr.outs.size(); ++i) {
    if (!fits(instr.outs[i], static_cast<int>(i) == rstd_out)) return "an output does not fit";
  }
  auto state = std::make_unique<RowsState>();
  constexpr double kFlops = 10;  // for each element, about
  const double elements = static_cast<double>(x.elements);
  const size_t arrays = instr.ins.size() + instr.outs.size();
  const double bytes =
      elements * static_cast<double>(dtype_bytes(x.dtype)) * static_cast<double>(arrays);
  state->n = x.dims[1];
  state->cut = cut_work(x.dims[0], chunk_cost(0, bytes));
  instr.chunks[0] = state->cut.chunks;
  instr.flops = kFlops * elements;
  instr.state = std::move(state);
  return "";
}

// The rows of chunks [begin, end): calls body(zero of the type, first row, number of rows, n).
template <class F>
void with_rows(const Instr& instr, int64_t begin, int64_t end, F&& body) {
  const auto& state = static_cast<const RowsState&>(*instr.state);
  const int64_t first = state.cut.first(begin), rows = state.cut.first(end) - first;
  if (rows > 0) {
    with_float(instr.ins[0].dtype, [&](auto zero) { body(zero, first, rows, state.n); });
  }
}

std::string prepare_unary(Instr& instr) {
  if (!counts_are(instr, 1, 1, 0)) return "takes x, gives y";
  return prepare_rows(instr, -1, -1);
}

std::string prepare_grad(Instr& instr) {
  if (!counts_are(instr, 1, 2, 0)) return "takes y and dy, gives dx";
  return prepare_rows(instr, -1, -1);
}

std::string prepare_standardize(Instr& instr) {
  if (!counts_are(instr, 2, 1, 1)) return "takes x and eps, gives xhat and rstd";
  return prepare_rows(instr, 1, -1);
}

std::string prepare_standardize_grad(Instr& instr) {
  if (!counts_are(instr, 1, 3, 0)) return "takes xhat, rstd and dy, gives dx";
  return prepare_rows(instr, -1, 1);
}

template <bool kLog>
void run_softmax(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  with_rows(instr, begin, end, [&](auto zero, int64_t first, int64_t rows, int64_t n) {
    using T = decltype(zero);
    const RowKernels<T>& kernels = row_kernels<T>();
    (kLog ? kernels.log_softmax : kernels.softmax)(
        frame.data<T>(instr.ins[0]) + first * n, frame.data<T>(instr.outs[0]) + first * n, rows, n);
  });
}

template <bool kLog>
void run_softmax_grad(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  with_rows(instr, begin, end, [&](auto zero, int64_t first, int64_t rows, int64_t n) {
    using T = decltype(zero);
    const RowKernels<T>& kernels = row_kernels<T>();
    (kLog ? kernels.log_softmax_grad : kernels.softmax_grad)(
        frame.data<T>(instr.ins[0]) + first * n, frame.data<T>(instr.ins[1]) + first * n,
        frame.data<T>(instr.outs[0]) + first * n, rows, n);
  });
}

void run_standardize(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  with_rows(instr, begin, end, [&](auto zero, int64_t first, int64_t rows, int64_t n) {
    using T = decltype(zero);
    row_kernels<T>().standardize(frame.data<T>(instr.ins[0]) + first * n,
                                 frame.data<T>(instr.outs[0]) + first * n,
                                 frame.data<T>(instr.outs[1]) + first, instr.attrs[0], rows, n);
  });
}

void run_standardize_grad(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  with_rows(instr, begin, end, [&](auto zero, int64_t first, int64_t rows, int64_t n) {
    using T = decltype(zero);
    row_kernels<T>().standardize_grad(
        frame.data<T>(instr.ins[0]) + first * n, frame.data<T>(instr.ins[1]) + first,
        frame.data<T>(instr.ins[2]) + first * n, frame.data<T>(instr.outs[0]) + first * n, rows, n);
  });
}

}  // namespace

std::vector<Op> rows_ops() {
  return {
      {.name = "softmax", .prepare = prepare_unary, .run = run_softmax<false>},
      {.name = "logSoftmax", .prepare = prepare_unary, .run = run_softmax<true>},
      {.name = "softmaxGrad", .prepare = prepare_grad, .run = run_softmax_grad<false>},
      {.name = "logSoftmaxGrad", .prepare = prepare_grad, .run = run_softmax_grad<true>},
      {.name = "standardize", .prepare = prepare_standardize, .run = run_standardize},
      {.name = "standardizeGrad", .prepare = prepare_standardize_grad, .run = run_standardize_grad},
  };
}

}  // namespace tenon
