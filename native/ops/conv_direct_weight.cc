// conv2dWeight of f32 without a column matrix: dy is packed into panels of 32 outputs whose rows
// are positions, and a row of the product is what one tap of one channel reads at all those
// positions.
//
// Before (column matrices, BLAS) and after, Zen 5, one core, Gflop/s: 7 x 7 with stride 2, 8 x 3 ->
// 64 on 224 x 224: 135, 216; 3 x 3 with stride 2, 8 x 64 -> 128 on 56 x 56: 169, 225; 5 x 5, 8 x 64
// -> 64 on 28 x 28: 164, 234; 3 x 3, 8 x 8 -> 16 on 56 x 56: 78, 157. On 14 x 14 outputs it is 205
// to 197, with one tap 146 to 130, so those stay with BLAS.
#include "kernels/pad_plane.h"
#include "kernels/panel_product.h"
#include "ops/conv_shape.h"

namespace tenon {

namespace {

// Found on Zen 5 (48 KB of L1, 1 MB of L2).
constexpr int64_t kPositions = 256;          // of a sum at a time: their panel stays in L1
constexpr int64_t kPaddedBytes = 256 << 10;  // of the inputs of a band of rows
constexpr int64_t kSums = 1536;              // of a panel's columns, rows of the result
constexpr int64_t kFewestSums = 16, kFewestRows = 4, kFewestPositions = 400;
constexpr int64_t kFewestChannels = 32;  // of a range
constexpr int64_t kEnoughUnits = 8;

}  // namespace

bool direct_weight_fits(const ConvShape& shape) {
  const ConvWindow& w = shape.window;
  if (shape.dtype != DType::f32 || shape.Og % 16 != 0 || shape.Og == 0 || shape.B < 1) return false;
  const bool rows = std::max(shape.Cg, w.KW) >= kFewestRows && shape.filter() >= kFewestSums;
  return rows && shape.OHW() >= kFewestPositions && shape.taps() > 1 && shape.taps() <= kSums;
}

std::string plan_direct_weight(DirectPlan& plan, const ConvShape& shape, int64_t parts) {
  const ConvWindow& w = shape.window;
  plan.used = true;
  plan.OH = w.OH, plan.OW = w.OW, plan.in_rows = w.H, plan.in_cols = w.W;
  const int64_t panels = ceil_div(shape.Og, kPanel);
  plan.groups = ceil_div(panels, 2);
  // A range of channels has room for the inputs of some hundred positions.
  const double row = 4.0 * static_cast<double>(w.KH * w.dilation_h) *
                     static_cast<double>(std::min(w.OW, kPositions)) *
                     static_cast<double>(w.stride_w);
  const auto roomy = static_cast<int64_t>(static_cast<double>(kPaddedBytes) / row);
  const int64_t channels_most = std::max({roomy, kFewestChannels, int64_t{1}});
  plan.ranges = std::max(ceil_div(shape.filter(), kSums), ceil_div(shape.Cg, channels_most));
  const int64_t units = parts * shape.G * plan.groups * plan.ranges;
  if (units < kEnoughUnits) plan.groups = panels;
  if (units < kEnoughUnits / 2) plan.ranges *= ceil_div(kEnoughUnits / 2, units);
  plan.ranges = std::clamp<int64_t>(plan.ranges, 1, shape.Cg);
  const int64_t channels = ceil_div(shape.Cg, plan.ranges);
  plan_bands(plan, shape, channels, kPaddedBytes);
  if (plan.too_wide()) return "window too large";
  plan.padded = channels * PlanePart{0, 0, 0, 0, plan.height, plan.width}.elements();
  plan.stage_cols = even_piece(plan.band_cols, kPositions);
  plan.stage_rows = std::clamp<int64_t>(kPositions / plan.stage_cols, 1, plan.band_rows);
  plan.stage = plan.stage_rows * plan.stage_cols * kPanel;
  plan.packed = ceil_div(panels, plan.groups) * channels * shape.taps() * kPanel;
  plan.offsets = plan.stage_cols;
  return plan.bytes() > kMostScratch ? "window too large" : "";
}

namespace {

struct WeightUnit {
  const ConvShape& shape;
  const DirectPlan& plan;
  const float *x, *dy;
  DirectScratch memory;
  int64_t g, c0, c1, o0, o1;

  int64_t sums() const { return (c1 - c0) * shape.taps(); }
  float* sums_of(int64_t o) const { return memory.packed + (o - o0) * sums(); }

  void clear() const {
    const int64_t panels = ceil_div(o1 - o0, kPanel);
    std::fill_n(memory.packed, panels * sums() * kPanel, 0.0f);
    for (int64_t i = 0; i < plan.offsets; i++) memory.offsets[i] = i * shape.window.stride_w;
  }

  // Adds a band of image b to the sums.
  void band(int64_t b, const ConvTile& tile) const {
    const ConvWindow& w = shape.window;
    const float* image = x + (b * shape.C + g * shape.Cg + c0) * shape.HW();
    const PlanePart part{w.H,
                         w.W,
                         tile.row * w.stride_h - w.pad_top,
                         tile.col * w.stride_w - w.pad_left,
                         (tile.rows - 1) * w.stride_h + plan.reach_h,
                         plan.width};
    for (int64_t c = 0; c < c1 - c0; c++) {
      pad_plane(part, image + c * shape.HW(), shape.HW(), memory.padded + c * part.elements());
    }
    for (int64_t o = o0; o < o1; o += kPanel) {
      const float* plane = dy + (b * shape.O + g * shape.Og + o) * shape.OHW();
      const int64_t lanes = std::min(kPanel, o1 - o);
      for (int64_t row = 0; row < tile.rows; row += plan.stage_rows) {
        const int64_t rows = std::min(plan.stage_rows, tile.rows - row);
        for (int64_t col = 0; col < tile.cols; col += plan.stage_cols) {
          const int64_t cols = std::min(plan.stage_cols, tile.cols - col);
          pack(plane + (tile.row + row) * w.OW + tile.col + col, rows, cols, lanes);
          const int64_t at = row * w.stride_h * plan.width + col * w.stride_w;
          products(memory.padded + at, part.elements(), rows, cols, lanes, sums_of(o));
        }
      }
    }
  }

  // stage[position, o] = dy at some positions.
  void pack(const float* from, int64_t rows, int64_t cols, int64_t lanes) const {
    if (cols == shape.window.OW) {
      return pack_panel(from, shape.OHW(), rows * cols, lanes, memory.stage);
    }
    for (int64_t r = 0; r < rows; r++) {
      pack_panel(from + r * shape.window.OW, shape.OHW(), cols, lanes,
                 memory.stage + r * cols * kPanel);
    }
  }

  // Rows of the product are channels, or, where there are few, the taps of a row.
  void products(const float* from, int64_t plane, int64_t rows, int64_t cols, int64_t lanes,
                float* out) const {
    const ConvWindow& w = shape.window;
    const int64_t channels = c1 - c0, taps = shape.taps();
    const bool by_taps = channels < w.KW;
    const int64_t outer = w.stride_h * plan.width;
    for (int64_t i = 0; i < (by_taps ? channels * w.KH : taps); i++) {
      const int64_t c = by_taps ? i / w.KH : 0, kh = by_taps ? i % w.KH : i / w.KW;
      const int64_t kw = by_taps ? 0 : i % w.KW;
      const float* at = from + c * plane + kh * w.dilation_h * plan.width + kw * w.dilation_w;
      panel_product(by_taps ? w.KW : channels, rows, cols, lanes,
                    {at, by_taps ? w.dilation_w : plane, outer, memory.offsets}, memory.stage,
                    kPanel, true, out + (c * taps + kh * w.KW + kw) * kPanel,
                    by_taps ? kPanel : taps * kPanel);
    }
  }

  void write(float* dw) const {
    const int64_t filter = shape.filter();
    for (int64_t o = o0; o < o1; o += kPanel) {
      unpack_panel(sums_of(o), sums(), std::min(kPanel, o1 - o),
                   dw + (g * shape.Og + o) * filter + c0 * shape.taps(), filter);
    }
  }
};

}  // namespace

void direct_weight_units(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
                         int64_t last) {
  const DirectPlan& plan = s.direct;
  const ConvShape& shape = s.shape;
  float* out = frame.data<float>(instr.outs[s.parts > 1 ? 1 : 0]);
  const int64_t panels = ceil_div(shape.Og, kPanel);
  for (int64_t unit = first; unit < last; unit++) {
    const int64_t group = unit % plan.groups, range = unit / plan.groups % plan.ranges;
    const int64_t g = unit / plan.groups / plan.ranges % shape.G;
    const int64_t part = unit / plan.groups / plan.ranges / shape.G;
    const WeightUnit body{shape,
                          plan,
                          frame.data<float>(instr.ins[0]),
                          frame.data<float>(instr.ins[1]),
                          plan.scratch(frame),
                          g,
                          range * shape.Cg / plan.ranges,
                          (range + 1) * shape.Cg / plan.ranges,
                          group * panels / plan.groups * kPanel,
                          std::min(shape.Og, (group + 1) * panels / plan.groups * kPanel)};
    body.clear();
    for (int64_t b = part * shape.B / s.parts; b < (part + 1) * shape.B / s.parts; b++) {
      for (int64_t row = 0; row < plan.OH; row += plan.band_rows) {
        for (int64_t col = 0; col < plan.OW; col += plan.band_cols) {
          body.band(b, {row, std::min(plan.band_rows, plan.OH - row), col,
                        std::min(plan.band_cols, plan.OW - col)});
        }
      }
    }
    body.write(out + part * instr.outs[0].elements);
  }
}

}  // namespace tenon
