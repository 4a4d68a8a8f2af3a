// Decompositions of batches of matrices, f32 or f64, contiguous. k = min(m, n).
// eigh: outs [w: [batch, n], v: [batch, n, n]], ins [a: [batch, n, n]]: a = v diag(w) v^T from a's
//   lower triangle, w ascending. Fails with `singular` (a: the matrix, b: -1) at what is not
//   finite.
// svd: outs [u: [batch, m, p], s: [batch, k], vh: [batch, q, n]], ins [a: [batch, m, n]]:
//   a = u diag(s) vh, s descending; p = q = k, or p = m and q = n. Fails as eigh does.
// qr: outs [q: [batch, m, p], r: [batch, p, n]], ins [a: [batch, m, n]]: p = k or m.
// luFactor: outs [lu: [batch, m, n], perm: i64 [batch, m], sign: [batch]], ins [a: [batch, m, n]]:
//   row i of l u is row perm[i] of a; sign of the permutation.
// solveTriangular: outs [x: [batch, n, k]], ins [a: [batch, n, n], b: [batch, n, k]];
//   attrs [upper, unit].
// matrixExp: outs [y: [batch, n, n]], ins [a: [batch, n, n]].
#include "kernels/decompose.h"

#include "kernels/gemm.h"
#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {

namespace {

constexpr int64_t kMaxSize = int64_t{1} << 20;  // rows or columns: scratch of squares fits in int64

struct DecomposeState : OpState {
  Cut cut;  // of the matrices
  bool upper = false, unit = false;
};

std::string check_matrices(const Instr& instr) {
  const DType dtype = instr.ins[0].dtype;
  if (!is_float(dtype)) return "dtype";
  for (const std::vector<View>* views : {&instr.outs, &instr.ins}) {
    for (const View& view : *views) {
      if (!view.contiguous) return "must be contiguous";
      if (view.dtype != dtype && view.dtype != DType::i64) return "dtypes differ";
      for (int d = 1; d < view.rank; d++) {
        if (view.dims[d] > kMaxSize) return "too large";
      }
    }
  }
  return "";
}

bool has_dims(const View& view, std::initializer_list<int64_t> dims) {
  return view.rank == static_cast<int>(dims.size()) &&
         std::equal(dims.begin(), dims.end(), view.dims);
}

DecomposeState& set_work(Instr& instr, double flops, int64_t scratch) {
  auto state = std::make_unique<DecomposeState>();
  DecomposeState& s = *state;
  int64_t elements = 0;
  for (const View& out : instr.outs) elements = std::max(elements, out.elements);
  const int64_t matrices = elements == 0 ? 0 : instr.ins[0].dims[0];
  instr.flops = flops * static_cast<double>(matrices);
  s.cut = cut_work(matrices, instr.flops / kChunkFlops);
  instr.chunks[0] = s.cut.chunks;
  instr.scratch_bytes = scratch * static_cast<int64_t>(sizeof(double));
  instr.state = std::move(state);
  return s;
}

double cube(int64_t n) {
  return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
}

// Calls body(matrix) for the matrices of some chunks.
template <class F>
void for_each_matrix(const Instr& instr, int64_t begin, int64_t end, const F& body) {
  const Cut& cut = static_cast<const DecomposeState&>(*instr.state).cut;
  for (int64_t i = cut.first(begin); i < cut.first(end); i++) body(i);
}

void load(const Frame& frame, const View& view, int64_t matrix, int64_t n, double* to) {
  with_float(view.dtype, [&](auto zero) {
    const auto* from = frame.data<const decltype(zero)>(view) + matrix * n;
    for (int64_t i = 0; i < n; i++) to[i] = static_cast<double>(from[i]);
  });
}

void store(const Frame& frame, const View& view, int64_t matrix, int64_t n, const double* from) {
  with_float(view.dtype, [&](auto zero) {
    auto* to = frame.data<decltype(zero)>(view) + matrix * n;
    for (int64_t i = 0; i < n; i++) to[i] = static_cast<decltype(zero)>(from[i]);
  });
}

// to: [cols, rows] from [rows, cols]
void store_transposed(const Frame& frame, const View& view, int64_t matrix, int64_t rows,
                      int64_t cols, const double* from) {
  with_float(view.dtype, [&](auto zero) {
    auto* to = frame.data<decltype(zero)>(view) + matrix * rows * cols;
    for (int64_t c = 0; c < cols; c++) {
      for (int64_t r = 0; r < rows; r++)
        to[c * rows + r] = static_cast<decltype(zero)>(from[r * cols + c]);
    }
  });
}

std::string prepare_eigh(Instr& instr) {
  if (!counts_are(instr, 2, 1, 0)) return "takes a, gives w and v";
  const View& a = instr.ins[0];
  const std::string wrong = check_matrices(instr);
  if (!wrong.empty()) return wrong;
  const int64_t batch = a.dims[0], n = a.dims[1];
  if (a.rank != 3 || !has_dims(a, {batch, n, n})) return "a must be [batch, n, n]";
  if (!has_dims(instr.outs[0], {batch, n}) || !same_dims(instr.outs[1], a)) return "outs differ";
  if (instr.outs[0].dtype != a.dtype || instr.outs[1].dtype != a.dtype) return "dtypes differ";
  set_work(instr, 9 * cube(n), 2 * n * n + 3 * n);
  return "";
}

void run_eigh(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t n = instr.ins[0].dims[1];
  auto* a = reinterpret_cast<double*>(frame.scratch);
  double *v = a + n * n, *w = v + n * n, *work = w + n;
  for_each_matrix(instr, begin, end, [&](int64_t i) {
    load(frame, instr.ins[0], i, n * n, a);
    for (int64_t r = 0; r < n; r++) {
      for (int64_t c = r + 1; c < n; c++) a[r * n + c] = a[c * n + r];
    }
    if (!eigh_rows(n, a, w, v, work)) return frame.fail(instr, FailureCode::singular, i, -1);
    store(frame, instr.outs[0], i, n, w);
    store_transposed(frame, instr.outs[1], i, n, n, v);
  });
}

std::string prepare_svd(Instr& instr) {
  if (!counts_are(instr, 3, 1, 0)) return "takes a, gives u, s and vh";
  const View& a = instr.ins[0];
  const std::string wrong = check_matrices(instr);
  if (!wrong.empty()) return wrong;
  if (a.rank != 3) return "a must be [batch, m, n]";
  const int64_t batch = a.dims[0], m = a.dims[1], n = a.dims[2], k = std::min(m, n);
  const View &u = instr.outs[0], &s = instr.outs[1], &vh = instr.outs[2];
  const bool thin = has_dims(u, {batch, m, k}) && has_dims(vh, {batch, k, n});
  const bool full = has_dims(u, {batch, m, m}) && has_dims(vh, {batch, n, n});
  if ((!thin && !full) || !has_dims(s, {batch, k})) return "outs differ";
  if (u.dtype != a.dtype || s.dtype != a.dtype || vh.dtype != a.dtype) return "dtypes differ";
  const int64_t p = std::max(m, n), c = thin ? k : p;
  // a or its transpose, q, q j^T, x, j, s, tau, work
  set_work(instr, 12 * 8 * cube(k) + 4 * cube(p), p * k + 2 * p * c + 2 * k * k + 2 * k + p);
  return "";
}

void run_svd(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const View &in = instr.ins[0], &u = instr.outs[0], &vh = instr.outs[2];
  const int64_t m = in.dims[1], n = in.dims[2], p = std::max(m, n), k = std::min(m, n);
  const bool wide = m < n;  // then of the transpose
  const int64_t c = wide ? vh.dims[1] : u.dims[2];
  auto* a = reinterpret_cast<double*>(frame.scratch);
  double *q = a + p * k, *left = q + p * c, *x = left + p * c, *j = x + k * k, *s = j + k * k,
         *tau = s + k, *work = tau + k;
  for_each_matrix(instr, begin, end, [&](int64_t i) {
    load(frame, in, i, m * n, wide ? left : a);
    if (!all_finite(m * n, wide ? left : a)) return frame.fail(instr, FailureCode::singular, i, -1);
    if (wide) {
      for (int64_t r = 0; r < p; r++) {
        for (int64_t col = 0; col < k; col++) a[r * k + col] = left[col * p + r];
      }
    }
    qr_in_place(p, k, a, tau, work);
    form_q(p, k, k, c, a, tau, q, work);
    for (int64_t r = 0; r < k; r++) {
      std::fill(x + r * k, x + r * k + r, 0.0);
      std::copy(a + r * k + r, a + (r + 1) * k, x + r * k + r);
    }
    if (!svd_rows(k, x, j, s)) return frame.fail(instr, FailureCode::singular, i, -1);
    std::copy(q, q + p * c, left);
    if (k > 0) gemm(p, k, k, 1.0, q, {c}, j, {k, true}, false, left, c);
    store(frame, instr.outs[1], i, k, s);
    if (wide) {
      store_transposed(frame, u, i, k, k, x);
      store_transposed(frame, vh, i, p, c, left);
    } else {
      store(frame, u, i, p * c, left);
      store(frame, vh, i, k * k, x);
    }
  });
}

std::string prepare_qr(Instr& instr) {
  if (!counts_are(instr, 2, 1, 0)) return "takes a, gives q and r";
  const View& a = instr.ins[0];
  const std::string wrong = check_matrices(instr);
  if (!wrong.empty()) return wrong;
  if (a.rank != 3 || instr.outs[0].rank != 3) return "a must be [batch, m, n]";
  const int64_t batch = a.dims[0], m = a.dims[1], n = a.dims[2], c = instr.outs[0].dims[2];
  if (c != m && c != std::min(m, n)) return "q must be [batch, m, m or k]";
  if (!has_dims(instr.outs[0], {batch, m, c}) || !has_dims(instr.outs[1], {batch, c, n})) {
    return "outs differ";
  }
  if (instr.outs[0].dtype != a.dtype || instr.outs[1].dtype != a.dtype) return "dtypes differ";
  const double size = static_cast<double>(m) * static_cast<double>(std::min(m, n));
  set_work(instr, 4 * size * static_cast<double>(n + c), m * n + m * c + std::min(m, n) + n + c);
  return "";
}

void run_qr(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t m = instr.ins[0].dims[1], n = instr.ins[0].dims[2], c = instr.outs[0].dims[2];
  const int64_t k = std::min(m, n);
  auto* a = reinterpret_cast<double*>(frame.scratch);
  double *q = a + m * n, *tau = q + m * c, *work = tau + k;
  for_each_matrix(instr, begin, end, [&](int64_t i) {
    load(frame, instr.ins[0], i, m * n, a);
    qr_in_place(m, n, a, tau, work);
    form_q(m, n, k, c, a, tau, q, work);
    for (int64_t r = 0; r < c; r++) std::fill(a + r * n, a + r * n + std::min(r, n), 0.0);
    store(frame, instr.outs[0], i, m * c, q);
    store(frame, instr.outs[1], i, c * n, a);
  });
}

std::string prepare_lu(Instr& instr) {
  if (!counts_are(instr, 3, 1, 0)) return "takes a, gives lu, perm and sign";
  const View &a = instr.ins[0], &perm = instr.outs[1], &sign = instr.outs[2];
  const std::string wrong = check_matrices(instr);
  if (!wrong.empty()) return wrong;
  if (a.rank != 3 || !same_dims(instr.outs[0], a)) return "a and lu must be [batch, m, n]";
  const int64_t batch = a.dims[0], m = a.dims[1], n = a.dims[2];
  if (!has_dims(perm, {batch, m}) || !has_dims(sign, {batch})) return "outs differ";
  if (perm.dtype != DType::i64 || sign.dtype != a.dtype || instr.outs[0].dtype != a.dtype) {
    return "dtypes differ";
  }
  const double size = static_cast<double>(m) * static_cast<double>(n);
  set_work(instr, size * static_cast<double>(std::min(m, n)), m * n);
  return "";
}

void run_lu(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t m = instr.ins[0].dims[1], n = instr.ins[0].dims[2];
  auto* a = reinterpret_cast<double*>(frame.scratch);
  for_each_matrix(instr, begin, end, [&](int64_t i) {
    load(frame, instr.ins[0], i, m * n, a);
    const double sign = lu_in_place(m, n, a, frame.data<int64_t>(instr.outs[1]) + i * m);
    store(frame, instr.outs[0], i, m * n, a);
    store(frame, instr.outs[2], i, 1, &sign);
  });
}

std::string prepare_solve_triangular(Instr& instr) {
  if (!counts_are(instr, 1, 2, 2)) return "takes a and b, gives x";
  const View &a = instr.ins[0], &b = instr.ins[1];
  const std::string wrong = check_matrices(instr);
  if (!wrong.empty()) return wrong;
  if (a.rank != 3 || b.rank != 3 || !has_dims(a, {b.dims[0], b.dims[1], b.dims[1]})) {
    return "a must be [batch, n, n], b [batch, n, k]";
  }
  if (!same_dims(instr.outs[0], b)) return "x must be like b";
  if (b.dtype != a.dtype || instr.outs[0].dtype != a.dtype) return "dtypes differ";
  int64_t upper = 0, unit = 0;
  if (!read_attr(instr, 0, 0, 1, &upper) || !read_attr(instr, 1, 0, 1, &unit)) return "attrs";
  const int64_t n = b.dims[1], k = b.dims[2];
  const double size = static_cast<double>(n) * static_cast<double>(n);
  DecomposeState& s = set_work(instr, size * static_cast<double>(k), n * n + n * k);
  s.upper = upper == 1, s.unit = unit == 1;
  return "";
}

void run_solve_triangular(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const DecomposeState&>(*instr.state);
  const int64_t n = instr.ins[1].dims[1], k = instr.ins[1].dims[2];
  auto* a = reinterpret_cast<double*>(frame.scratch);
  double* x = a + n * n;
  for_each_matrix(instr, begin, end, [&](int64_t i) {
    load(frame, instr.ins[0], i, n * n, a);
    load(frame, instr.ins[1], i, n * k, x);
    solve_triangular(n, k, s.upper, s.unit, a, x);
    store(frame, instr.outs[0], i, n * k, x);
  });
}

std::string prepare_exp(Instr& instr) {
  if (!counts_are(instr, 1, 1, 0)) return "takes a, gives y";
  const View& a = instr.ins[0];
  const std::string wrong = check_matrices(instr);
  if (!wrong.empty()) return wrong;
  if (a.rank != 3 || a.dims[1] != a.dims[2]) return "a must be [batch, n, n]";
  if (!same_dims(instr.outs[0], a) || instr.outs[0].dtype != a.dtype) return "y must be like a";
  set_work(instr, 2 * 20 * cube(a.dims[1]), 7 * a.dims[1] * a.dims[1]);
  return "";
}

void run_exp(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const int64_t n = instr.ins[0].dims[1];
  auto* a = reinterpret_cast<double*>(frame.scratch);
  for_each_matrix(instr, begin, end, [&](int64_t i) {
    load(frame, instr.ins[0], i, n * n, a);
    exp_matrix(n, a, a + n * n, a + 2 * n * n);
    store(frame, instr.outs[0], i, n * n, a + n * n);
  });
}

}  // namespace

std::vector<Op> decompose_ops() {
  init_blas();
  return {{"eigh", true, false, prepare_eigh, run_eigh},
          {"svd", true, false, prepare_svd, run_svd},
          {"qr", false, false, prepare_qr, run_qr},
          {"luFactor", false, false, prepare_lu, run_lu},
          {"solveTriangular", false, false, prepare_solve_triangular, run_solve_triangular},
          {"matrixExp", false, false, prepare_exp, run_exp}};
}

}  // namespace tenon
