// Layer normalisation with a weight, of dense f32 or f64 arrays; mean, rstd and sums are f64.
//   layerNorm [eps]:  outs [y: [rows, n], mean: [rows], rstd: [rows]], ins [x: [rows, n], w: [n]]
//   or
//                     [x, w, b: [n]]
//   layerNormGrad:    outs [dx: [rows, n], dw: [n], db: [n], sums: [parts, 2 n]],
//                     ins [x, w, mean, rstd, dy: [rows, n]]; sums: over parts of the rows, which
//                     may run at once
// Forward goes through memory twice, backward three times; as instructions of their own
// (standardize, its gradient, products, sums) it would be four times and eleven.
#include "kernels/layer_norm.h"

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {
namespace {

constexpr int64_t kMostParts = 16;

struct LayerNormState : OpState {
  int64_t rows = 0, n = 0, parts = 1;
  Cut cut, sum_cut;
};

bool is_line(const View& view, DType dtype, int64_t n) {
  return view.dtype == dtype && view.contiguous && view.rank == 1 && view.dims[0] == n;
}

bool is_table(const View& view, const View& x) {
  return view.dtype == x.dtype && view.contiguous && same_dims(view, x);
}

std::string read_x(const Instr& instr, LayerNormState& s) {
  const View& x = instr.ins[0];
  if (!is_float(x.dtype)) return "takes f32 or f64";
  if (x.rank != 2 || !x.contiguous) return "x must be [rows, n], dense";
  s.rows = x.dims[0], s.n = x.dims[1];
  return is_line(instr.ins[1], x.dtype, s.n) ? "" : "w must be [n]";
}

double bytes_of(const Instr& instr, double arrays) {
  const View& x = instr.ins[0];
  return arrays * static_cast<double>(x.elements) * static_cast<double>(dtype_bytes(x.dtype));
}

std::string prepare_layer_norm(Instr& instr) {
  if (!counts_are(instr, 3, 2, 1) && !counts_are(instr, 3, 3, 1)) {
    return "takes x, w, perhaps b, and eps, gives y, mean and rstd";
  }
  auto state = std::make_unique<LayerNormState>();
  LayerNormState& s = *state;
  const std::string wrong = read_x(instr, s);
  if (!wrong.empty()) return wrong;
  const View& x = instr.ins[0];
  if (instr.ins.size() == 3 && !is_line(instr.ins[2], x.dtype, s.n)) return "b must be [n]";
  if (!is_table(instr.outs[0], x)) return "y does not fit";
  for (size_t i = 1; i < 3; ++i) {
    if (!is_line(instr.outs[i], DType::f64, s.rows)) return "mean and rstd must be f64 [rows]";
  }
  constexpr double kFlops = 8;  // for each element, about
  s.cut = cut_work(s.rows, chunk_cost(0, bytes_of(instr, 2)));
  instr.chunks[0] = s.cut.chunks;
  instr.flops = kFlops * static_cast<double>(x.elements);
  instr.state = std::move(state);
  return "";
}

std::string prepare_layer_norm_grad(Instr& instr) {
  if (!counts_are(instr, 4, 5, 0)) {
    return "takes x, w, mean, rstd and dy, gives dx, dw, db and sums";
  }
  auto state = std::make_unique<LayerNormState>();
  LayerNormState& s = *state;
  const std::string wrong = read_x(instr, s);
  if (!wrong.empty()) return wrong;
  const View &x = instr.ins[0], &sums = instr.outs[3];
  for (size_t i = 2; i < 4; ++i) {
    if (!is_line(instr.ins[i], DType::f64, s.rows)) return "mean and rstd must be f64 [rows]";
  }
  if (!is_table(instr.ins[4], x) || !is_table(instr.outs[0], x)) return "dy or dx does not fit";
  if (!is_line(instr.outs[1], x.dtype, s.n) || !is_line(instr.outs[2], x.dtype, s.n)) {
    return "dw and db must be [n]";
  }
  if (sums.dtype != DType::f64 || sums.rank != 2 || !sums.contiguous || sums.dims[0] < 1 ||
      sums.dims[0] > kMostParts || sums.dims[1] % 2 != 0 || sums.dims[1] / 2 != s.n) {
    return "sums must be f64 [parts, 2 n]";
  }
  constexpr double kFlops = 16;
  s.parts = sums.dims[0];
  s.cut = cut_work(s.parts, chunk_cost(0, bytes_of(instr, 3)));
  const double elements = static_cast<double>(sums.elements);
  s.sum_cut = cut_work(s.n, chunk_cost(0, elements * static_cast<double>(sizeof(double))));
  instr.phases = 2;
  instr.chunks[0] = s.cut.chunks;
  instr.chunks[1] = s.sum_cut.chunks;
  instr.flops = kFlops * static_cast<double>(x.elements);
  instr.state = std::move(state);
  return "";
}

void run_layer_norm(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const LayerNormState&>(*instr.state);
  const int64_t first = s.cut.first(begin), rows = s.cut.first(end) - first;
  if (rows == 0 || s.n == 0) return;
  with_float(instr.ins[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* b = instr.ins.size() == 3 ? frame.data<const T>(instr.ins[2]) : nullptr;
    layer_norm_kernels<T>().forward(frame.data<const T>(instr.ins[0]) + first * s.n,
                                    frame.data<const T>(instr.ins[1]), b, instr.attrs[0],
                                    frame.data<T>(instr.outs[0]) + first * s.n,
                                    frame.data<double>(instr.outs[1]) + first,
                                    frame.data<double>(instr.outs[2]) + first, rows, s.n);
  });
}

template <class T>
void run_parts(const Instr& instr, const LayerNormState& s, const Frame& frame, int64_t first,
               int64_t last) {
  for (int64_t part = first; part < last; ++part) {
    const int64_t row = part * s.rows / s.parts, rows = (part + 1) * s.rows / s.parts - row;
    double* sums = frame.data<double>(instr.outs[3]) + part * 2 * s.n;
    std::fill_n(sums, 2 * s.n, 0.0);
    layer_norm_kernels<T>().backward(
        frame.data<const T>(instr.ins[0]) + row * s.n, frame.data<const T>(instr.ins[1]),
        frame.data<const double>(instr.ins[2]) + row, frame.data<const double>(instr.ins[3]) + row,
        frame.data<const T>(instr.ins[4]) + row * s.n, frame.data<T>(instr.outs[0]) + row * s.n,
        sums, sums + s.n, rows, s.n);
  }
}

// The parts in order.
template <class T>
void add_parts(const Instr& instr, const LayerNormState& s, const Frame& frame, int64_t first,
               int64_t last) {
  const double* sums = frame.data<const double>(instr.outs[3]);
  for (int64_t which = 0; which < 2; ++which) {
    T* out = frame.data<T>(instr.outs[static_cast<size_t>(1 + which)]);
    for (int64_t i = first; i < last; ++i) {
      double sum = 0;
      for (int64_t part = 0; part < s.parts; ++part) sum += sums[(2 * part + which) * s.n + i];
      out[i] = static_cast<T>(sum);
    }
  }
}

void run_layer_norm_grad(const Instr& instr, const Frame& frame, int phase, int64_t begin,
                         int64_t end) {
  const auto& s = static_cast<const LayerNormState&>(*instr.state);
  const Cut& cut = phase == 0 ? s.cut : s.sum_cut;
  with_float(instr.ins[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    (phase == 0 ? run_parts<T> : add_parts<T>)(instr, s, frame, cut.first(begin), cut.first(end));
  });
}

}  // namespace

std::vector<Op> layer_norm_ops() {
  return {
      {.name = "layerNorm", .prepare = prepare_layer_norm, .run = run_layer_norm},
      {.name = "layerNormGrad", .prepare = prepare_layer_norm_grad, .run = run_layer_norm_grad}};
}

}  // namespace tenon
