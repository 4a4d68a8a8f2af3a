// dequantize: outs [y: [N, K] f32], ins [w: [N, K / elements * bytes] u8]: blocks to numbers.
// quantizeBlocks: outs [w: as before], ins [x: [N, K] f32]: numbers to blocks.
// matmulBlocks: outs [y: [M, N] f32], ins [x: [M, K] f32, w]: x times the transpose of w's numbers.
// attrs [elements, bytes] of a block. All contiguous. The product of a few rows reads the blocks as
// they are; that of more makes a few rows of w into numbers at a time, in scratch that stays in
// cache, and multiplies with those.
#include "kernels/blocks.h"

#include <climits>

#include "kernels/gemm.h"
#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {

namespace {

// Numbers in scratch. A product of many rows packs x again for every tile, so its tiles are larger.
constexpr int64_t kTileBytes = 256 << 10, kLargeTileBytes = 2 << 20;
constexpr int64_t kMostRows = 64, kMostLargeRows = 256;
constexpr int64_t kManyRows = 32;  // of x
constexpr int64_t kFewRows = 4;    // of x: as they are

struct BlocksState : OpState {
  BlockEncoding encoding;
  int64_t M = 0, N = 0, K = 0;
  int64_t row_bytes = 0;
  int64_t tile = 1;  // rows of w
  Cut cut;           // of the tiles
  int64_t blocks_per_row() const { return K / encoding.elements; }
};

std::string read_blocks(const Instr& instr, const View& w, BlocksState* s) {
  if (w.rank != 2 || w.dtype != DType::u8 || !w.contiguous) return "w must be u8 of rank 2, dense";
  if (!read_attr(instr, 0, 1, 256, &s->encoding.elements) ||
      !read_attr(instr, 1, 1, 256, &s->encoding.bytes) || !is_known(s->encoding)) {
    return "no such blocks";
  }
  s->N = w.dims[0], s->row_bytes = w.dims[1];
  if (s->row_bytes == 0 || s->row_bytes % s->encoding.bytes != 0) return "rows are no whole blocks";
  s->K = s->row_bytes / s->encoding.bytes * s->encoding.elements;
  return s->K > INT_MAX || s->N > INT_MAX ? "too large" : "";
}

void cut_rows(Instr& instr, std::unique_ptr<BlocksState> s, double cost) {
  const bool is_large = s->M >= kManyRows;
  const int64_t rows = (is_large ? kLargeTileBytes : kTileBytes) / (4 * s->K);
  s->tile = std::clamp<int64_t>(rows, 1, is_large ? kMostLargeRows : kMostRows);
  const int64_t tiles = instr.outs[0].elements == 0 ? 0 : (s->N + s->tile - 1) / s->tile;
  s->cut = cut_work(tiles, cost);
  instr.chunks[0] = s->cut.chunks;
  instr.state = std::move(s);
}

// The numbers of w.
std::string check_numbers(const View& view, const BlocksState& s) {
  if (view.rank != 2 || view.dtype != DType::f32 || !view.contiguous) {
    return "numbers must be f32 of rank 2, dense";
  }
  return view.dims[0] == s.N && view.dims[1] == s.K ? "" : "sizes do not match";
}

std::string prepare_dequantize(Instr& instr) {
  if (!counts_are(instr, 1, 1, 2)) return "takes w, gives y";
  auto s = std::make_unique<BlocksState>();
  const std::string wrong = read_blocks(instr, instr.ins[0], s.get());
  if (!wrong.empty()) return wrong;
  const std::string bad_numbers = check_numbers(instr.outs[0], *s);
  if (!bad_numbers.empty()) return bad_numbers;
  const double numbers = static_cast<double>(instr.outs[0].elements);
  instr.flops = 2 * numbers;
  const double bytes = static_cast<double>(instr.ins[0].elements) + 4 * numbers;
  cut_rows(instr, std::move(s), chunk_cost(instr.flops, bytes));
  return "";
}

std::string prepare_quantize(Instr& instr) {
  if (!counts_are(instr, 1, 1, 2)) return "takes x, gives w";
  auto s = std::make_unique<BlocksState>();
  const std::string wrong = read_blocks(instr, instr.outs[0], s.get());
  if (!wrong.empty()) return wrong;
  const std::string bad_numbers = check_numbers(instr.ins[0], *s);
  if (!bad_numbers.empty()) return bad_numbers;
  // The search of q4_K tries 22 lines for each group, that of q6_K 19 scales.
  const double each = s->encoding.elements == 256 ? 200 : 10;
  instr.flops = each * static_cast<double>(instr.ins[0].elements);
  cut_rows(instr, std::move(s), chunk_cost(instr.flops, 0));
  return "";
}

std::string prepare_matmul_blocks(Instr& instr) {
  if (!counts_are(instr, 1, 2, 2)) return "takes x and w, gives y";
  auto s = std::make_unique<BlocksState>();
  const std::string wrong = read_blocks(instr, instr.ins[1], s.get());
  if (!wrong.empty()) return wrong;
  const View &y = instr.outs[0], &x = instr.ins[0];
  for (const View* view : {&y, &x}) {
    if (view->rank != 2 || view->dtype != DType::f32 || !view->contiguous) {
      return "x and y must be f32 of rank 2, dense";
    }
  }
  s->M = x.dims[0];
  if (y.dims[0] != s->M || y.dims[1] != s->N || x.dims[1] != s->K) return "sizes do not match";
  if (s->M > INT_MAX) return "too large";
  const double weights = static_cast<double>(s->N) * static_cast<double>(s->K);
  instr.flops = (2 * static_cast<double>(s->M) + 2) * weights;
  // BLAS does its part at about ten times the rate that a chunk's operations stand for.
  const bool is_dots = s->M <= kFewRows;
  const double cost = chunk_cost(instr.flops / 10, is_dots ? weights : 4 * weights);
  cut_rows(instr, std::move(s), cost);
  const auto& state = static_cast<const BlocksState&>(*instr.state);
  const int64_t floats = is_dots ? state.M * state.K / kMinGroup : state.tile * state.K;
  instr.scratch_bytes = align64(4 * floats);
  return "";
}

// Calls body(first row, number of rows) for the tiles of the chunks.
template <class F>
void for_each_tile(const BlocksState& s, int64_t begin, int64_t end, const F& body) {
  for (int64_t tile = s.cut.first(begin); tile < s.cut.first(end); tile++) {
    const int64_t row = tile * s.tile;
    body(row, std::min(s.tile, s.N - row));
  }
}

void run_dequantize(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const BlocksState&>(*instr.state);
  const auto* w = frame.data<uint8_t>(instr.ins[0]);
  auto* y = frame.data<float>(instr.outs[0]);
  for_each_tile(s, begin, end, [&](int64_t row, int64_t rows) {
    dequantize(s.encoding, rows * s.blocks_per_row(), w + row * s.row_bytes, y + row * s.K);
  });
}

void run_quantize(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const BlocksState&>(*instr.state);
  const auto* x = frame.data<float>(instr.ins[0]);
  auto* w = frame.data<uint8_t>(instr.outs[0]);
  for_each_tile(s, begin, end, [&](int64_t row, int64_t rows) {
    quantize_blocks(s.encoding, rows * s.blocks_per_row(), x + row * s.K, w + row * s.row_bytes);
  });
}

void run_matmul_blocks(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const BlocksState&>(*instr.state);
  const auto* x = frame.data<float>(instr.ins[0]);
  const auto* w = frame.data<uint8_t>(instr.ins[1]);
  auto* y = frame.data<float>(instr.outs[0]);
  auto* numbers = reinterpret_cast<float*>(frame.scratch);
  const bool reads_sums = s.M <= kFewRows && s.encoding.bytes == kQ4_K.bytes;
  if (reads_sums) sum_groups(s.M * s.K / kMinGroup, x, numbers);
  for_each_tile(s, begin, end, [&](int64_t row, int64_t rows) {
    if (s.M <= kFewRows) {
      multiply_blocks(s.encoding, s.M, rows, s.blocks_per_row(), x, numbers, w + row * s.row_bytes,
                      y + row, s.N);
      return;
    }
    dequantize(s.encoding, rows * s.blocks_per_row(), w + row * s.row_bytes, numbers);
    gemm(s.M, rows, s.K, 1.0f, x, {s.K, false}, numbers, {s.K, true}, false, y + row, s.N);
  });
}

}  // namespace

std::vector<Op> blocks_ops() {
  init_blas();
  return {{"dequantize", false, false, prepare_dequantize, run_dequantize},
          {"quantizeBlocks", false, false, prepare_quantize, run_quantize},
          {"matmulBlocks", false, false, prepare_matmul_blocks, run_matmul_blocks}};
}

}  // namespace tenon
