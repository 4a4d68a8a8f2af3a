// conv2d of f32 without a column matrix: the filters of 32 outputs are packed into a panel, and
// every output position is a row of inputs read where they lie (kernels/panel_product.h).
//
// Before (column matrices, BLAS) and after, Zen 5, one core, Gflop/s: 7 x 7 with stride 2, 8 x 3 ->
// 64 on 224 x 224: 178, 239; one image of those: 190, 260; 3 x 3 with stride 2, 8 x 64 -> 128 on 56
// x 56: 177, 249; 8 x 256 -> 512 on 14 x 14: 204, 229; 5 x 5, 8 x 64 -> 64 on 28 x 28: 173, 243; 1
// x 1, 1024 -> 256 on 14 x 14: 206, 226, one image: 212, 252. Pointwise with 64 terms a sum it is
// 166 to 147, so those stay with BLAS; so do sums of 9 terms, 175 to 143.
#include "kernels/pad_plane.h"
#include "kernels/panel_product.h"
#include "ops/conv_shape.h"

namespace tenon {

namespace {

// Found on Zen 5 (48 KB of L1, 1 MB of L2).
constexpr int64_t kFewestTerms = 32,
                  kPointwiseTerms = 128;     // of a sum; with less the results' way out is longer
constexpr int64_t kTerms = 256;              // of a sum at a time: their panel stays in L1
constexpr int64_t kPackedBytes = 2 << 20;    // of all panels of a unit
constexpr int64_t kPaddedBytes = 256 << 10;  // of the inputs of a band of rows
constexpr int64_t kPositions = 96;           // whose results wait to be turned
constexpr int64_t kFewestPositions = 160;    // of a unit, for the sake of packing
constexpr int64_t kEnoughUnits = 8;
constexpr int64_t kFewestColumns = 6, kNarrowRow = 12;
constexpr int64_t kFewestCut = 64;  // columns, where rows are cut

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
// The largest of even pieces of at most `most`.
int64_t even(int64_t n, int64_t most) { return ceil_div(n, ceil_div(n, most)); }

}  // namespace

bool direct_fits(const ConvShape& shape) {
  const ConvWindow& window = shape.window;
  const int64_t columns = shape.pointwise ? shape.OHW() : window.OW;
  const int64_t fewest = shape.pointwise ? kPointwiseTerms : kFewestTerms;
  return shape.dtype == DType::f32 && shape.filter() >= fewest && shape.Og % 16 == 0 &&
         shape.Og > 0 && shape.B > 0 && window.OH > 0 && columns >= kFewestColumns;
}

int64_t DirectPlan::bytes() const {
  return align64(offsets * 8) + align64(packed * 4) + align64(padded * 4) + align64(stage * 4);
}

std::string plan_direct(DirectPlan& plan, const ConvShape& shape) {
  const ConvWindow& w = shape.window;
  plan.used = true;
  // Narrow planes of a pointwise one are one row.
  const bool one_row = shape.pointwise && w.OW < kNarrowRow;
  plan.OH = one_row ? 1 : w.OH, plan.OW = one_row ? shape.OHW() : w.OW;
  plan.in_rows = one_row ? 1 : w.H, plan.in_cols = one_row ? shape.HW() : w.W;
  plan.reach_h = (w.KH - 1) * w.dilation_h + 1, plan.reach_w = (w.KW - 1) * w.dilation_w + 1;
  plan.in_place = w.pad_top == 0 && w.pad_left == 0 &&
                  (plan.OH - 1) * w.stride_h + plan.reach_h <= plan.in_rows &&
                  (plan.OW - 1) * w.stride_w + plan.reach_w <= plan.in_cols;
  plan.band_rows = plan.OH, plan.band_cols = plan.OW;
  if (!plan.in_place) {
    // Columns are cut only where a single row of them is too much.
    const auto most = [&](int64_t reach, int64_t stride, int64_t room) {
      return (std::max(room, reach) - reach) / stride + 1;
    };
    const int64_t room = kPaddedBytes / 4 / shape.Cg;  // of a plane, elements
    const int64_t cols = std::max(kFewestCut, most(plan.reach_w, w.stride_w, room / plan.reach_h));
    plan.band_cols = even(plan.OW, cols);
    plan.width = (plan.band_cols - 1) * w.stride_w + plan.reach_w;
    plan.band_rows = even(plan.OH, most(plan.reach_h, w.stride_h, room / plan.width));
    plan.height = (plan.band_rows - 1) * w.stride_h + plan.reach_h;
    const PlanePart part{0, 0, 0, 0, plan.height, plan.width};
    if (static_cast<double>(plan.height) * static_cast<double>(plan.width) > kMostPadded) {
      return "window too large";
    }
    plan.padded = shape.Cg * part.elements();
  }
  plan.stage_rows = std::clamp<int64_t>(kPositions / plan.band_cols, 1, plan.band_rows);
  plan.stage_cols = even(plan.band_cols, 2 * kPositions);
  plan.stage = plan.stage_rows * plan.stage_cols * kPanel;

  const int64_t positions = plan.OH * plan.OW, panels = ceil_div(shape.Og, kPanel);
  plan.apart = shape.B < kEnoughUnits;
  if (plan.apart) {
    const int64_t rows = shape.B * plan.OH;
    plan.ranges = std::clamp<int64_t>(shape.B * positions / kFewestPositions, 1,
                                      std::min(rows, kEnoughUnits));
  } else {
    plan.images = std::min(shape.B, ceil_div(kFewestPositions, positions));
    plan.ranges = ceil_div(shape.B, plan.images);
  }
  const int64_t most =
      std::max<int64_t>(1, kPackedBytes / (shape.filter() * kPanel * 4));  // panels of a unit
  plan.groups = std::clamp<int64_t>(ceil_div(kEnoughUnits, plan.ranges * shape.G),
                                    ceil_div(panels, most), panels);
  plan.packed = ceil_div(panels, plan.groups) * shape.filter() * kPanel;
  plan.offsets = shape.taps() == 1 ? shape.Cg : shape.taps();
  return plan.bytes() > kMostScratch ? "window too large" : "";
}

namespace {

// Inputs of a band, padded or where they lie: of its first window, and from plane to plane and row
// to row.
struct Inputs {
  const float* first;
  int64_t plane, pitch;
};

// One unit's memory and the part of the work that it is.
struct DirectUnit {
  const ConvShape& shape;
  const DirectPlan& plan;
  const float *x, *w;
  float* y;
  int64_t* offsets;
  float *packed, *padded, *stage;
  int64_t g, o0, o1;  // outputs of group g

  void pack() const {
    for (int64_t o = o0; o < o1; o += kPanel) {
      pack_panel(w + (g * shape.Og + o) * shape.filter(), shape.filter(), shape.filter(),
                 std::min(kPanel, o1 - o), packed + (o - o0) * shape.filter());
    }
  }

  // Results of a band of image b.
  void band(int64_t b, const ConvTile& tile) const {
    const ConvWindow& win = shape.window;
    const float* image = x + (b * shape.C + g * shape.Cg) * shape.HW();
    const int64_t top = tile.row * win.stride_h - win.pad_top;
    const int64_t left = tile.col * win.stride_w - win.pad_left;
    Inputs in{image + top * plan.in_cols + left, shape.HW(), plan.in_cols};
    if (!plan.in_place) {
      const PlanePart part{plan.in_rows,
                           plan.in_cols,
                           top,
                           left,
                           (tile.rows - 1) * win.stride_h + plan.reach_h,
                           (tile.cols - 1) * win.stride_w + plan.reach_w};
      in = {padded, part.elements(), part.cols};
      for (int64_t c = 0; c < shape.Cg; c++) {
        pad_plane(part, image + c * shape.HW(), shape.HW(), padded + c * in.plane);
      }
    }
    if (shape.taps() == 1) {
      for (int64_t c = 0; c < shape.Cg; c++) offsets[c] = c * in.plane;
    } else {
      for (int64_t tap = 0; tap < shape.taps(); tap++) {
        offsets[tap] = tap / win.KW * win.dilation_h * in.pitch + tap % win.KW * win.dilation_w;
      }
    }
    for (int64_t o = o0; o < o1; o += kPanel) {
      float* to = y + (b * shape.O + g * shape.Og + o) * shape.OHW() + tile.row * plan.OW;
      panel(in, packed + (o - o0) * shape.filter(), std::min(kPanel, o1 - o), tile, to + tile.col);
    }
  }

  // One panel's results of a band; to: the first of them.
  void panel(const Inputs& in, const float* filters, int64_t lanes, const ConvTile& tile,
             float* to) const {
    const ConvWindow& win = shape.window;
    for (int64_t row = 0; row < tile.rows; row += plan.stage_rows) {
      const int64_t rows = std::min(plan.stage_rows, tile.rows - row);
      for (int64_t col = 0; col < tile.cols; col += plan.stage_cols) {
        const int64_t cols = std::min(plan.stage_cols, tile.cols - col);
        const float* at = in.first + row * win.stride_h * in.pitch + col * win.stride_w;
        terms({at, in.plane, in.pitch}, filters, lanes, rows, cols);
        // Several rows lie without gaps: then they are whole ones.
        unpack_panel(stage, rows * cols, lanes, to + row * plan.OW + col, shape.OHW());
      }
    }
  }

  // stage = the results of some rows, the sums in pieces whose filters stay in L1.
  void terms(const Inputs& in, const float* filters, int64_t lanes, int64_t rows,
             int64_t cols) const {
    const int64_t taps = shape.taps();
    const int64_t step = std::max<int64_t>(1, kTerms / taps);  // channels
    for (int64_t c = 0; c < shape.Cg; c += step) {
      const int64_t channels = std::min(step, shape.Cg - c);
      for (int64_t r = 0; r < rows; r++) {
        const float* at = in.first + c * in.plane + r * shape.window.stride_h * in.pitch;
        panel_product(cols, taps == 1 ? 1 : channels, taps == 1 ? channels : taps, lanes,
                      {at, shape.window.stride_w, in.plane, offsets}, filters + c * taps * kPanel,
                      kPanel, c > 0, stage + r * cols * kPanel, kPanel);
      }
    }
  }
};

}  // namespace

void direct_units(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
                  int64_t last) {
  const DirectPlan& plan = s.direct;
  const ConvShape& shape = s.shape;
  std::byte* at = frame.scratch;
  const auto take = [&](int64_t bytes) {
    std::byte* part = at;
    at += align64(bytes);
    return part;
  };
  auto* offsets = reinterpret_cast<int64_t*>(take(plan.offsets * 8));
  auto* packed = reinterpret_cast<float*>(take(plan.packed * 4));
  auto* padded = reinterpret_cast<float*>(take(plan.padded * 4));
  auto* stage = reinterpret_cast<float*>(take(plan.stage * 4));
  const int64_t panels = ceil_div(shape.Og, kPanel), total = shape.B * plan.OH;
  for (int64_t unit = first; unit < last; unit++) {
    const int64_t group = unit % plan.groups, g = unit / plan.groups % shape.G;
    const int64_t range = unit / plan.groups / shape.G;
    const int64_t o0 = group * panels / plan.groups * kPanel;
    const int64_t o1 = std::min(shape.Og, (group + 1) * panels / plan.groups * kPanel);
    const int64_t b0 = range * plan.images, b1 = std::min(shape.B, b0 + plan.images);
    const int64_t q0 = plan.apart ? range * total / plan.ranges : b0 * plan.OH;
    const int64_t q1 = plan.apart ? (range + 1) * total / plan.ranges : b1 * plan.OH;
    const DirectUnit body{shape,
                          plan,
                          frame.data<float>(instr.ins[0]),
                          frame.data<float>(instr.ins[1]),
                          frame.data<float>(instr.outs[0]),
                          offsets,
                          packed,
                          padded,
                          stage,
                          g,
                          o0,
                          o1};
    body.pack();
    for (int64_t q = q0; q < q1;) {
      const int64_t b = q / plan.OH, row = q % plan.OH;
      const int64_t rows = std::min({plan.band_rows, plan.OH - row, q1 - q});
      for (int64_t col = 0; col < plan.OW; col += plan.band_cols) {
        body.band(b, {row, rows, col, std::min(plan.band_cols, plan.OW - col)});
      }
      q += rows;
    }
    for (int64_t b = b0; b < b1 && !plan.apart; b++) {
      const int64_t channel = b * shape.O + g * shape.Og;
      s.epilogue.run(frame, (channel + o0) * shape.OHW(), (channel + o1) * shape.OHW());
    }
  }
}

}  // namespace tenon
