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

DirectScratch DirectPlan::scratch(const Frame& frame) const {
  std::byte* at = frame.scratch;
  const auto take = [&](int64_t bytes) {
    std::byte* part = at;
    at += align64(bytes);
    return part;
  };
  DirectScratch all;
  all.offsets = reinterpret_cast<int64_t*>(take(offsets * 8));
  all.packed = reinterpret_cast<float*>(take(packed * 4));
  all.padded = reinterpret_cast<float*>(take(padded * 4));
  all.stage = reinterpret_cast<float*>(take(stage * 4));
  return all;
}

bool DirectPlan::too_wide() const {
  return static_cast<double>(height) * static_cast<double>(width) > kMostPadded;
}

void plan_bands(DirectPlan& plan, const ConvShape& shape, int64_t channels, int64_t bytes) {
  const ConvWindow& w = shape.window;
  plan.reach_h = (w.KH - 1) * w.dilation_h + 1, plan.reach_w = (w.KW - 1) * w.dilation_w + 1;
  // Columns are cut only where a single row of them is too much.
  const auto most = [](int64_t reach, int64_t stride, int64_t room) {
    return (std::max(room, reach) - reach) / stride + 1;
  };
  const int64_t room = bytes / shape.bytes() / channels;  // of a plane, elements
  const int64_t cols = std::max(kFewestCut, most(plan.reach_w, w.stride_w, room / plan.reach_h));
  plan.band_cols = even_piece(plan.OW, cols);
  plan.width = (plan.band_cols - 1) * w.stride_w + plan.reach_w;
  plan.band_rows = even_piece(plan.OH, most(plan.reach_h, w.stride_h, room / plan.width));
  plan.height = (plan.band_rows - 1) * w.stride_h + plan.reach_h;
}

void plan_units(DirectPlan& plan, const ConvShape& shape, int64_t channels, int64_t terms,
                int64_t packed_bytes, int64_t fewest_positions) {
  const int64_t positions = plan.OH * plan.OW, panels = ceil_div(channels, kPanel);
  plan.apart = shape.B < kEnoughUnits;
  if (plan.apart) {
    plan.ranges = std::clamp<int64_t>(shape.B * positions / fewest_positions, 1,
                                      std::min(shape.B * plan.OH, kEnoughUnits));
  } else {
    plan.images = std::min(shape.B, ceil_div(fewest_positions, positions));
    plan.ranges = ceil_div(shape.B, plan.images);
  }
  const int64_t panel = terms * kPanel;  // elements
  const int64_t most = std::max<int64_t>(1, packed_bytes / (panel * shape.bytes()));
  plan.groups = std::clamp<int64_t>(ceil_div(kEnoughUnits, plan.ranges * shape.G),
                                    ceil_div(panels, most), panels);
  plan.packed = ceil_div(panels, plan.groups) * panel;
}

DirectRange DirectPlan::range(int64_t unit, const ConvShape& shape, int64_t channels) const {
  const int64_t group = unit % groups, g = unit / groups % shape.G, at = unit / groups / shape.G;
  const int64_t panels = ceil_div(channels, kPanel), rows = shape.B * OH;
  const int64_t b0 = at * images, b1 = std::min(shape.B, b0 + images);
  return {g,
          group * panels / groups * kPanel,
          std::min(channels, (group + 1) * panels / groups * kPanel),
          apart ? at * rows / ranges : b0 * OH,
          apart ? (at + 1) * rows / ranges : b1 * OH,
          b0,
          b1};
}

std::string plan_direct(DirectPlan& plan, const ConvShape& shape) {
  const ConvWindow& w = shape.window;
  plan.used = true;
  // Narrow planes of a pointwise one are one row.
  const bool one_row = shape.pointwise && w.OW < kNarrowRow;
  plan.OH = one_row ? 1 : w.OH, plan.OW = one_row ? shape.OHW() : w.OW;
  plan.in_rows = one_row ? 1 : w.H, plan.in_cols = one_row ? shape.HW() : w.W;
  plan_bands(plan, shape, shape.Cg, kPaddedBytes);
  plan.in_place = w.pad_top == 0 && w.pad_left == 0 &&
                  (plan.OH - 1) * w.stride_h + plan.reach_h <= plan.in_rows &&
                  (plan.OW - 1) * w.stride_w + plan.reach_w <= plan.in_cols;
  if (plan.in_place) {
    plan.band_rows = plan.OH, plan.band_cols = plan.OW;
  } else {
    if (plan.too_wide()) return "window too large";
    plan.padded = shape.Cg * PlanePart{0, 0, 0, 0, plan.height, plan.width}.elements();
  }
  plan.stage_rows = std::clamp<int64_t>(kPositions / plan.band_cols, 1, plan.band_rows);
  plan.stage_cols = even_piece(plan.band_cols, 2 * kPositions);
  plan.stage = plan.stage_rows * plan.stage_cols * kPanel;
  plan_units(plan, shape, shape.Og, shape.filter(), kPackedBytes, kFewestPositions);
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
  DirectScratch memory;
  int64_t g, o0, o1;  // outputs of group g

  void pack() const {
    for (int64_t o = o0; o < o1; o += kPanel) {
      pack_panel(w + (g * shape.Og + o) * shape.filter(), shape.filter(), shape.filter(),
                 std::min(kPanel, o1 - o), memory.packed + (o - o0) * shape.filter());
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
      in = {memory.padded, part.elements(), part.cols};
      for (int64_t c = 0; c < shape.Cg; c++) {
        pad_plane(part, image + c * shape.HW(), shape.HW(), memory.padded + c * in.plane);
      }
    }
    if (shape.taps() == 1) {
      for (int64_t c = 0; c < shape.Cg; c++) memory.offsets[c] = c * in.plane;
    } else {
      for (int64_t tap = 0; tap < shape.taps(); tap++) {
        memory.offsets[tap] =
            tap / win.KW * win.dilation_h * in.pitch + tap % win.KW * win.dilation_w;
      }
    }
    for (int64_t o = o0; o < o1; o += kPanel) {
      float* to = y + (b * shape.O + g * shape.Og + o) * shape.OHW() + tile.row * plan.OW;
      panel(in, memory.packed + (o - o0) * shape.filter(), std::min(kPanel, o1 - o), tile,
            to + tile.col);
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
        unpack_panel(memory.stage, rows * cols, lanes, to + row * plan.OW + col, shape.OHW());
      }
    }
  }

  // memory.stage = the results of some rows, the sums in pieces whose filters stay in L1.
  void terms(const Inputs& in, const float* filters, int64_t lanes, int64_t rows,
             int64_t cols) const {
    const int64_t taps = shape.taps();
    const int64_t step = std::max<int64_t>(1, kTerms / taps);  // channels
    for (int64_t c = 0; c < shape.Cg; c += step) {
      const int64_t channels = std::min(step, shape.Cg - c);
      for (int64_t r = 0; r < rows; r++) {
        const float* at = in.first + c * in.plane + r * shape.window.stride_h * in.pitch;
        panel_product(cols, taps == 1 ? 1 : channels, taps == 1 ? channels : taps, lanes,
                      {at, shape.window.stride_w, in.plane, memory.offsets},
                      filters + c * taps * kPanel, kPanel, c > 0, memory.stage + r * cols * kPanel,
                      kPanel);
      }
    }
  }
};

}  // namespace

void direct_units(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
                  int64_t last) {
  const DirectPlan& plan = s.direct;
  const ConvShape& shape = s.shape;
  for (int64_t unit = first; unit < last; unit++) {
    const DirectRange range = plan.range(unit, shape, shape.Og);
    const DirectUnit body{shape,
                          plan,
                          frame.data<float>(instr.ins[0]),
                          frame.data<float>(instr.ins[1]),
                          frame.data<float>(instr.outs[0]),
                          plan.scratch(frame),
                          range.g,
                          range.first,
                          range.last};
    body.pack();
    plan.each_band(range, [&](int64_t b, const ConvTile& tile) { body.band(b, tile); });
    for (int64_t b = range.b0; b < range.b1 && !plan.apart; b++) {
      const int64_t channel = b * shape.O + range.g * shape.Og;
      s.epilogue.run(frame, (channel + range.first) * shape.OHW(),
                     (channel + range.last) * shape.OHW());
    }
  }
}

}  // namespace tenon
