// solve:    outs [x: [batch, n, k], work: [batch, n, n]], ins [a: [batch, n, n], b: [batch, n, k]]:
// x = a^-1 b; work holds
//           the factors. Fails with `singular` (a: the matrix, b: the pivot) at a pivot that is 0
//           or not finite.
// cholesky: outs [l: [batch, n, n]], ins [a]: a = l l^T, from a's lower triangle. Fails with
// `singular` when a is not
//           positive definite.
// f32 or f64, contiguous. x may be the very view of b, work and l that of a.
#include <climits>

#include "kernels/factor.h"
#include "kernels/gemm.h"
#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {

namespace {

struct LinalgState : OpState {
  Cut cut;  // of the matrices
};

std::string check_square(const View& a) {
  if (a.rank != 3 || a.dims[1] != a.dims[2]) return "matrices must be square, views of rank 3";
  if (!is_float(a.dtype)) return "dtype";
  return a.dims[1] > INT_MAX ? "too large" : "";
}

void set_cut(Instr& instr, int64_t matrices, double flops) {
  auto state = std::make_unique<LinalgState>();
  instr.flops = flops * static_cast<double>(matrices);
  state->cut = cut_work(matrices, instr.flops / kChunkFlops);
  instr.chunks[0] = state->cut.chunks;
  instr.state = std::move(state);
}

std::string prepare_solve(Instr& instr) {
  if (!counts_are(instr, 2, 2, 0)) return "takes a and b, gives x and work";
  const View &x = instr.outs[0], &work = instr.outs[1], &a = instr.ins[0], &b = instr.ins[1];
  const std::string wrong = check_square(a);
  if (!wrong.empty()) return wrong;
  if (b.rank != 3 || b.dims[0] != a.dims[0] || b.dims[1] != a.dims[1] || b.dims[2] > INT_MAX) {
    return "b must be [batch, n, k]";
  }
  if (!same_dims(x, b) || !same_dims(work, a)) return "x must be like b, work like a";
  if (b.dtype != a.dtype || x.dtype != a.dtype || work.dtype != a.dtype) return "dtypes differ";
  if (!all_contiguous(instr.outs) || !all_contiguous(instr.ins)) return "must be contiguous";
  const double n = static_cast<double>(a.dims[1]), k = static_cast<double>(b.dims[2]);
  set_cut(instr, a.elements == 0 ? 0 : a.dims[0], n * n * (2 * n / 3 + 2 * k));
  return "";
}

template <class T>
void copy_view(const Frame& frame, const View& from, const View& to, int64_t first, int64_t last,
               int64_t matrix) {
  if (same_view(from, to)) return;
  const T* source = frame.data<const T>(from);
  std::copy(source + first * matrix, source + last * matrix, frame.data<T>(to) + first * matrix);
}

void run_solve(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const Cut& cut = static_cast<const LinalgState&>(*instr.state).cut;
  const View &x = instr.outs[0], &work = instr.outs[1];
  const int64_t n = x.dims[1], k = x.dims[2], first = cut.first(begin), last = cut.first(end);
  with_float(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    copy_view<T>(frame, instr.ins[0], work, first, last, n * n);
    copy_view<T>(frame, instr.ins[1], x, first, last, n * k);
    for (int64_t i = first; i < last; i++) {
      const int64_t bad =
          solve_in_place(n, k, frame.data<T>(work) + i * n * n, frame.data<T>(x) + i * n * k);
      if (bad >= 0) frame.fail(instr, FailureCode::singular, i, bad);
    }
  });
}

std::string prepare_cholesky(Instr& instr) {
  if (!counts_are(instr, 1, 1, 0)) return "takes a, gives l";
  const View &l = instr.outs[0], &a = instr.ins[0];
  const std::string wrong = check_square(a);
  if (!wrong.empty()) return wrong;
  if (!same_dims(l, a) || l.dtype != a.dtype) return "l must be like a";
  if (!l.contiguous || !a.contiguous) return "must be contiguous";
  const double n = static_cast<double>(a.dims[1]);
  set_cut(instr, a.elements == 0 ? 0 : a.dims[0], n * n * n / 3);
  return "";
}

void run_cholesky(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const Cut& cut = static_cast<const LinalgState&>(*instr.state).cut;
  const View& l = instr.outs[0];
  const int64_t n = l.dims[1], first = cut.first(begin), last = cut.first(end);
  with_float(l.dtype, [&](auto zero) {
    using T = decltype(zero);
    copy_view<T>(frame, instr.ins[0], l, first, last, n * n);
    for (int64_t i = first; i < last; i++) {
      const int64_t bad = cholesky_in_place(n, frame.data<T>(l) + i * n * n);
      if (bad >= 0) frame.fail(instr, FailureCode::singular, i, bad);
    }
  });
}

}  // namespace

std::vector<Op> linalg_ops() {
  init_blas();
  return {{"solve", true, false, prepare_solve, run_solve},
          {"cholesky", true, false, prepare_cholesky, run_cholesky}};
}

}  // namespace tenon
