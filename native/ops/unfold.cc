// unfold: outs [y: [P, KH * KW, OH, OW]], ins [x: [P, H, W]]: the windows of each plane; what lies
//   outside of x is 0. fold: outs [x], ins [y]: its transpose.
// attrs [KH, KW, strideH, strideW, padTop, padLeft, dilationH, dilationW]. f32 or f64, contiguous.
#include "kernels/unfold.h"

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {

namespace {

// Columns of a plane that are folded apart where no window crosses them: conv3d has few, long
// planes.
constexpr int64_t kPieceColumns = 1024, kMostPieces = 64;

struct UnfoldState : OpState {
  ConvWindow window{};
  Cut cut;             // unfold: of the taps of all planes; fold: of the planes' pieces
  int64_t pieces = 1;  // fold: of a plane's columns
};

std::string prepare(Instr& instr, const View& x, const View& y, bool is_fold) {
  if (x.rank != 3 || y.rank != 4 || !x.contiguous || !y.contiguous) {
    return "views must be contiguous, of rank 3 and 4";
  }
  if (x.dtype != y.dtype || !is_float(x.dtype)) return "dtypes must be equal, f32 or f64";
  if (!dims_within(x, kMaxExtent) || !dims_within(y, kMaxExtent)) return "too large";
  auto state = std::make_unique<UnfoldState>();
  ConvWindow& win = state->window;
  win.H = x.dims[1], win.W = x.dims[2], win.OH = y.dims[2], win.OW = y.dims[3];
  int64_t* const fields[] = {&win.KH,      &win.KW,       &win.stride_h,   &win.stride_w,
                             &win.pad_top, &win.pad_left, &win.dilation_h, &win.dilation_w};
  for (size_t i = 0; i < 8; i++) {
    const bool is_pad = i == 4 || i == 5;
    if (!read_attr(instr, i, is_pad ? 0 : 1, kMaxExtent, fields[i])) return "attrs out of range";
  }
  if (y.dims[0] != x.dims[0] || y.dims[1] != win.taps()) return "planes or taps differ in number";
  const double bytes = static_cast<double>((x.elements + y.elements) * dtype_bytes(x.dtype));
  instr.flops = is_fold ? static_cast<double>(y.elements) : 0;
  if (is_fold && folds_apart(win)) {
    state->pieces = std::clamp<int64_t>(win.W / kPieceColumns, 1, kMostPieces);
  }
  const int64_t units = x.dims[0] * (is_fold ? state->pieces : y.dims[1]);
  state->cut = cut_work(instr.outs[0].elements == 0 ? 0 : units, chunk_cost(instr.flops, bytes));
  instr.chunks[0] = state->cut.chunks;
  instr.state = std::move(state);
  return "";
}

std::string prepare_unfold(Instr& instr) {
  if (!counts_are(instr, 1, 1, 8)) return "takes x, gives y";
  return prepare(instr, instr.ins[0], instr.outs[0], false);
}

std::string prepare_fold(Instr& instr) {
  if (!counts_are(instr, 1, 1, 8)) return "takes y, gives x";
  return prepare(instr, instr.outs[0], instr.ins[0], true);
}

void run_unfold(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const UnfoldState&>(*instr.state);
  const ConvWindow& win = s.window;
  with_float(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* x = frame.data<T>(instr.ins[0]);
    T* y = frame.data<T>(instr.outs[0]);
    for (int64_t unit = s.cut.first(begin); unit < s.cut.first(end); unit++) {
      const int64_t plane = unit / win.taps(), tap = unit % win.taps();
      unfold_tap(win, tap / win.KW, tap % win.KW, x + plane * win.H * win.W,
                 y + unit * win.positions());
    }
  });
}

void run_fold(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const UnfoldState&>(*instr.state);
  const ConvWindow& win = s.window;
  with_float(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* y = frame.data<T>(instr.ins[0]);
    T* x = frame.data<T>(instr.outs[0]);
    for (int64_t unit = s.cut.first(begin); unit < s.cut.first(end); unit++) {
      const int64_t plane = unit / s.pieces, piece = unit % s.pieces;
      fold_plane(win, piece * win.W / s.pieces, (piece + 1) * win.W / s.pieces,
                 y + plane * win.taps() * win.positions(), x + plane * win.H * win.W);
    }
  });
}

}  // namespace

std::vector<Op> unfold_ops() {
  return {{"unfold", false, false, prepare_unfold, run_unfold},
          {"fold", false, false, prepare_fold, run_fold}};
}

}  // namespace tenon
