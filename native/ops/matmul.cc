// matmul: outs [y: [batch..., M, N] contiguous], ins [a: [batch..., M, K], b: [batch..., K, N]],
// all of one dtype: f32, f64, i32 or i64; or a and b of bf16 and y of f32. a and b are any views
// whose rows or columns are dense; batch strides are free (0: broadcast).
#include <climits>

#include "kernels/gemm.h"
#include "kernels/gemm_bf16.h"
#include "ops/epilogue.h"
#include "ops/families.h"

namespace tenon {

namespace {

// A product is cut into pieces only this wide: each piece packs the other factor again. Measured on
// Zen 5, 8 pieces of 1024^3 cost 2 %, 2 pieces of 64 x 128 x 3136 cost 5 %.
constexpr int64_t kPieceWidth = 128;
constexpr int64_t kMaxPieces = 8;
// About 35 us. Not more, so that layers of 32 x 256 x 784 have two pieces: mlp_train on 2 threads
// 0.238 ms without, 0.195 ms with them, on 1 thread 0.239 and 0.244 ms.
constexpr double kPieceFlops = 6e6;
constexpr int64_t kEnoughUnits = 16;
constexpr int64_t kPieceAlign = 16;  // pieces begin at multiples of the widest register

struct Factor {
  MatrixLayout layout;
  int64_t batch_strides[kMaxRank] = {};
};

struct MatmulState : OpState {
  int64_t M = 0, N = 0, K = 0;
  int batch_rank = 0;
  int64_t batch_dims[kMaxRank] = {};
  int64_t batches = 1;
  Factor a, b;
  int64_t pieces = 1;  // of each product
  bool cut_rows = true;
  Cut cut, epilogue_cut;  // the latter where the pieces of the output are not dense
  Epilogue epilogue;

  int64_t piece_first(int64_t piece) const {
    const int64_t extent = cut_rows ? M : N;
    return piece == pieces ? extent : piece * extent / pieces / kPieceAlign * kPieceAlign;
  }
};

// How BLAS is to see [rows, cols] with these strides; false when it cannot.
bool find_layout(int64_t rows, int64_t cols, int64_t row_stride, int64_t col_stride,
                 MatrixLayout* layout) {
  const auto fits = [](int64_t extent, int64_t dense, int64_t count, int64_t ld) {
    return (extent <= 1 || dense == 1) && (count <= 1 || (ld >= extent && ld <= INT_MAX));
  };
  if (fits(cols, col_stride, rows, row_stride)) {
    *layout = {rows > 1 ? std::max<int64_t>(row_stride, 1) : std::max<int64_t>(cols, 1), false};
    return true;
  }
  if (fits(rows, row_stride, cols, col_stride)) {
    *layout = {cols > 1 ? std::max<int64_t>(col_stride, 1) : std::max<int64_t>(rows, 1), true};
    return true;
  }
  return false;
}

bool read_factor(const View& view, Factor* factor) {
  const int r = view.rank;
  std::copy_n(view.strides, r - 2, factor->batch_strides);
  return find_layout(view.dims[r - 2], view.dims[r - 1], view.strides[r - 2], view.strides[r - 1],
                     &factor->layout);
}

std::string check_operands(const Instr& instr) {
  if (!counts_are(instr, 1, 2, 0)) return "takes a and b, gives one";
  const View &y = instr.outs[0], &a = instr.ins[0], &b = instr.ins[1];
  const bool bf16 = a.dtype == DType::bf16 && y.dtype == DType::f32;
  if ((y.dtype != a.dtype && !bf16) || a.dtype != b.dtype) return "dtypes differ";
  if (!is_float(y.dtype) && y.dtype != DType::i32 && y.dtype != DType::i64) return "dtype";
  const int r = y.rank;
  if (r < 2 || a.rank != r || b.rank != r) return "ranks must be equal, 2 or more";
  for (int d = 0; d < r - 2; d++) {
    if (a.dims[d] != y.dims[d] || b.dims[d] != y.dims[d]) return "batch dims differ";
  }
  if (a.dims[r - 2] != y.dims[r - 2] || b.dims[r - 1] != y.dims[r - 1] ||
      a.dims[r - 1] != b.dims[r - 2]) {
    return "sizes do not match";
  }
  for (const View* view : {&y, &a, &b}) {
    if (view->dims[r - 2] > INT_MAX || view->dims[r - 1] > INT_MAX) return "too large";
  }
  return y.contiguous ? "" : "y must be contiguous";
}

// Batch dims along which the rows of a go on and b stays the same are more rows of one product.
void merge_batches(MatmulState& s) {
  while (s.batch_rank > 0 && !s.a.layout.transposed) {
    const int d = s.batch_rank - 1;
    const int64_t n = s.batch_dims[d], a_stride = s.a.batch_strides[d];
    if (n > 1) {
      // A single row has no stride of its own yet.
      const bool a_goes_on = s.M == 1 ? a_stride >= std::max<int64_t>(s.K, 1) && a_stride <= INT_MAX
                                      : a_stride == s.M * s.a.layout.ld;
      if (!a_goes_on || s.b.batch_strides[d] != 0 || n * s.M > INT_MAX) return;
      if (s.M == 1) s.a.layout.ld = a_stride;
    }
    s.M *= n;
    s.batch_rank--;
  }
}

void choose_pieces(MatmulState& s, double product_flops, double product_bytes) {
  const bool vector = s.M == 1 || s.N == 1;
  const double wanted = vector ? product_bytes / kChunkBytes : product_flops / kPieceFlops;
  int64_t most = static_cast<int64_t>(std::min<double>(kMaxPieces, wanted));
  most = std::min(most, (kEnoughUnits + s.batches - 1) / std::max<int64_t>(s.batches, 1));
  if (most < 2) return;
  const auto pieces_of = [](int64_t extent) {
    return extent < kPieceWidth ? 1 : std::max<int64_t>(2, extent / kPieceWidth);
  };
  const int64_t by_rows = std::min(most, pieces_of(s.M)), by_cols = std::min(most, pieces_of(s.N));
  s.cut_rows = by_rows >= by_cols;  // pieces of rows are dense in y
  s.pieces = std::max(by_rows, by_cols);
}

std::string prepare_matmul(Instr& instr) {
  const std::string wrong = check_operands(instr);
  if (!wrong.empty()) return wrong;
  const View &y = instr.outs[0], &a = instr.ins[0], &b = instr.ins[1];
  const int r = y.rank;
  auto state = std::make_unique<MatmulState>();
  MatmulState& s = *state;
  s.M = y.dims[r - 2], s.N = y.dims[r - 1], s.K = a.dims[r - 1];
  s.batch_rank = r - 2;
  std::copy_n(y.dims, r - 2, s.batch_dims);
  if (!read_factor(a, &s.a)) return "a must have dense rows or columns";
  if (!read_factor(b, &s.b)) return "b must have dense rows or columns";
  if (y.elements > 0) {
    merge_batches(s);
    s.batches = count_dims(y, 0, s.batch_rank);
  } else {
    s.batches = 0;
  }
  const double M = static_cast<double>(s.M), N = static_cast<double>(s.N);
  const double K = static_cast<double>(s.K), batches = static_cast<double>(s.batches);
  const double flops = 2 * M * N * K, size = static_cast<double>(dtype_bytes(y.dtype));
  const double bytes = (M * K + K * N + M * N) * size;
  instr.flops = flops * batches;
  choose_pieces(s, flops, bytes);
  const int64_t units = s.batches * s.pieces;
  // BLAS runs a cheap product at ten times the rate that kChunkFlops stands for only if it is
  // large.
  const double cost = batches * std::max(flops / kPieceFlops, bytes / kChunkBytes);
  s.cut = s.pieces > 1 ? Cut{units, std::min(units, kMaxChunks)} : cut_work(units, cost);
  instr.chunks[0] = s.cut.chunks;
  const int64_t scratch = a.dtype == DType::bf16 ? gemm_bf16_scratch_bytes() : 0;
  const std::string bad_epilogue = s.epilogue.prepare(instr, scratch);
  if (!bad_epilogue.empty()) return bad_epilogue;
  if (s.epilogue && !s.cut_rows && s.pieces > 1 && s.M > 1) {
    s.epilogue_cut = cut_work(y.elements, static_cast<double>(y.elements) * size / kChunkBytes);
    instr.phases = 2;
    instr.chunks[1] = s.epilogue_cut.chunks;
  }
  instr.state = std::move(state);
  return "";
}

int64_t batch_offset(const MatmulState& s, const Factor& factor, int64_t batch) {
  int64_t offset = 0;
  for (int d = s.batch_rank - 1; d >= 0; d--) {
    offset += batch % s.batch_dims[d] * factor.batch_strides[d];
    batch /= s.batch_dims[d];
  }
  return offset;
}

void multiply(const MatmulState& s, const Frame&, int64_t M, int64_t N, const float* a,
              const float* b, float* y) {
  gemm(M, N, s.K, 1.0f, a, s.a.layout, b, s.b.layout, false, y, s.N);
}
void multiply(const MatmulState& s, const Frame&, int64_t M, int64_t N, const double* a,
              const double* b, double* y) {
  gemm(M, N, s.K, 1.0, a, s.a.layout, b, s.b.layout, false, y, s.N);
}
void multiply(const MatmulState& s, const Frame& frame, int64_t M, int64_t N, const BF16* a,
              const BF16* b, float* y) {
  gemm_bf16(M, N, s.K, a, s.a.layout, b, s.b.layout, y, s.N, frame.scratch);
}
template <class T>
void multiply(const MatmulState& s, const Frame&, int64_t M, int64_t N, const T* a, const T* b,
              T* y) {
  gemm_integer(M, N, s.K, a, s.a.layout, b, s.b.layout, y, s.N);
}

template <class T, class From = T>
void run_units(const Instr& instr, const MatmulState& s, const Frame& frame, int64_t first,
               int64_t last) {
  const From* a_base = frame.data<From>(instr.ins[0]);
  const From* b_base = frame.data<From>(instr.ins[1]);
  T* y_base = frame.data<T>(instr.outs[0]);
  for (int64_t unit = first; unit < last; unit++) {
    const int64_t batch = unit / s.pieces, piece = unit % s.pieces;
    const int64_t from = s.piece_first(piece), to = s.piece_first(piece + 1);
    const From* a = a_base + batch_offset(s, s.a, batch);
    const From* b = b_base + batch_offset(s, s.b, batch);
    T* y = y_base + batch * s.M * s.N;
    if (s.cut_rows) {
      multiply(s, frame, to - from, s.N, a + from * s.a.layout.row_stride(), b, y + from * s.N);
    } else {
      multiply(s, frame, s.M, to - from, a, b + from * s.b.layout.col_stride(), y + from);
    }
    if (instr.phases > 1) continue;
    const int64_t origin = batch * s.M * s.N, width = s.cut_rows ? s.N : s.M;
    s.epilogue.run(frame, origin + from * width, origin + to * width);
  }
}

void run_matmul(const Instr& instr, const Frame& frame, int phase, int64_t begin, int64_t end) {
  const auto& s = static_cast<const MatmulState&>(*instr.state);
  if (phase == 1) {
    s.epilogue.run(frame, s.epilogue_cut.first(begin), s.epilogue_cut.first(end));
    return;
  }
  const int64_t first = s.cut.first(begin), last = s.cut.first(end);
  switch (instr.ins[0].dtype) {
    case DType::bf16:
      return run_units<float, BF16>(instr, s, frame, first, last);
    case DType::f32:
      return run_units<float>(instr, s, frame, first, last);
    case DType::f64:
      return run_units<double>(instr, s, frame, first, last);
    case DType::i32:
      return run_units<uint32_t>(instr, s, frame, first, last);
    default:
      return run_units<uint64_t>(instr, s, frame, first, last);
  }
}

}  // namespace

std::vector<Op> matmul_ops() {
  init_blas();
  std::vector<Op> ops(1);
  ops[0] = {"matmul", false, true, prepare_matmul, run_matmul};
  return ops;
}

}  // namespace tenon
