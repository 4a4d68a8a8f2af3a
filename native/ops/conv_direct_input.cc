// conv2dInput of f32 without a column matrix: inputs whose places have one remainder by the stride
// see the same taps, and dy under those taps lies as close as they do. So each such phase is a
// convolution of dy with stride 1, with its taps' filters packed into a panel of 32 channels.
//
// Before (column matrices, BLAS) and after, Zen 5, one core, Gflop/s: 3 x 3 with stride 2, 8 x 64
// -> 128 on 56 x 56: 173, 189; 8 x 128 -> 256 on 28 x 28: 168, 198; 5 x 5, 8 x 64 -> 64 on 28 x 28:
// 174, 228; 3 x 3, 8 x 16 -> 16 on 56 x 56: 113, 165. Onto 14 x 14 with stride 2 it is 191 to 181,
// so that stays with BLAS.
#include "kernels/pad_plane.h"
#include "kernels/panel_product.h"
#include "ops/conv_shape.h"

namespace tenon {

namespace {

// Found on Zen 5 (48 KB of L1, 1 MB of L2).
constexpr int64_t kPackedBytes = 2 << 20;    // of all panels of a unit
constexpr int64_t kPaddedBytes = 256 << 10;  // of dy under a band of rows
constexpr int64_t kPositions = 192;          // whose results wait to be turned
constexpr int64_t kFewestPositions = 480;    // of a unit, for the sake of packing
constexpr int64_t kFewestTerms = 64, kFewestColumns = 6, kFewestCut = 64;
constexpr int64_t kFewestPlane = 100;  // positions of a phase; with less, BLAS is faster
constexpr int64_t kEnoughUnits = 8;
constexpr int64_t kMostPhases = 16, kMostTaps = 1024;

int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -ceil_div(-a, b); }

// Fills in taps, phases and tables.
void sort_taps(DirectPlan& plan, const ConvWindow& w, int64_t filters) {
  plan.taps.clear();
  plan.phases.assign(1, 0);
  plan.tables.assign(1, 0);
  for (int64_t phase = 0; phase < w.stride_h * w.stride_w; phase++) {
    for (int64_t tap = 0; tap < w.taps(); tap++) {
      const int64_t h = tap / w.KW * w.dilation_h, v = tap % w.KW * w.dilation_w;
      if (h % w.stride_h * w.stride_w + v % w.stride_w != phase) continue;
      plan.taps.push_back({tap, -(h / w.stride_h) * plan.width - v / w.stride_w});
    }
    const int64_t count = static_cast<int64_t>(plan.taps.size()) - plan.phases.back();
    plan.phases.push_back(plan.phases.back() + count);
    plan.tables.push_back(plan.tables.back() + std::min(plan.step(count), filters) * count);
  }
}

}  // namespace

bool direct_input_fits(const ConvShape& shape) {
  const ConvWindow& w = shape.window;
  return shape.dtype == DType::f32 && shape.Cg % 16 == 0 && shape.Cg > 0 && shape.B > 0 &&
         w.stride_h <= kMostPhases && w.stride_w <= kMostPhases &&
         w.stride_h * w.stride_w <= kMostPhases && shape.taps() > 1 && shape.taps() <= kMostTaps &&
         shape.Og * shape.taps() >= kFewestTerms * w.stride_h * w.stride_w &&
         w.W >= kFewestColumns * w.stride_w && shape.HW() >= kFewestPlane * w.stride_h * w.stride_w;
}

std::string plan_direct_input(DirectPlan& plan, const ConvShape& shape) {
  const ConvWindow& w = shape.window;
  plan.used = true;
  plan.OH = w.H, plan.OW = w.W;  // of what is written
  plan.reach_h = (w.KH - 1) * w.dilation_h, plan.reach_w = (w.KW - 1) * w.dilation_w;
  const int64_t room = kPaddedBytes / 4 / std::max<int64_t>(1, shape.Og);
  // Rows and columns of dy under so many of dx: with steps, parts of one at either end.
  const auto ends = [](int64_t stride) { return stride > 1 ? 2 : 1; };
  const auto under = [=](int64_t n, int64_t reach, int64_t stride) {
    return (n - 1 + reach) / stride + ends(stride);
  };
  const auto most = [=](int64_t extent, int64_t reach, int64_t stride) {
    return std::max<int64_t>(1, (extent - ends(stride)) * stride - reach + 1);
  };
  const int64_t least = under(1, plan.reach_h, w.stride_h);
  plan.band_cols =
      even_piece(w.W, std::max(kFewestCut, most(room / least, plan.reach_w, w.stride_w)));
  plan.width = under(plan.band_cols, plan.reach_w, w.stride_w);
  plan.band_rows = even_piece(w.H, most(room / plan.width, plan.reach_h, w.stride_h));
  plan.height = under(plan.band_rows, plan.reach_h, w.stride_h);
  if (plan.too_wide()) return "window too large";
  plan.padded = shape.Og * plan.plane();
  plan.stage_rows = std::clamp<int64_t>(kPositions / plan.band_cols, 1, plan.band_rows);
  plan.stage = std::max(plan.stage_rows * plan.band_cols, shape.taps()) * kPanel;
  plan_units(plan, shape, shape.Cg, shape.Og * shape.taps(), kPackedBytes, kFewestPositions);
  sort_taps(plan, w, shape.Og);
  plan.offsets = plan.tables.back();
  return plan.bytes() > kMostScratch ? "window too large" : "";
}

namespace {

struct InputUnit {
  const ConvShape& shape;
  const DirectPlan& plan;
  const float *dy, *w;
  float* dx;
  DirectScratch memory;
  int64_t g, c0, c1;

  int64_t lanes(int64_t c) const { return std::min(kPanel, c1 - c); }
  float* filters_of(int64_t c) const { return memory.packed + (c - c0) * shape.Og * shape.taps(); }

  // packed[phase][o][tap of the phase][c]
  void pack() const {
    const int64_t taps = shape.taps();
    for (size_t phase = 0; phase + 1 < plan.phases.size(); phase++) {
      const int64_t count = plan.phases[phase + 1] - plan.phases[phase];
      int64_t* to = memory.offsets + plan.tables[phase];
      for (int64_t i = 0; i < plan.tables[phase + 1] - plan.tables[phase]; i++) {
        const auto tap = static_cast<size_t>(plan.phases[phase] + i % count);
        to[i] = i / count * plan.plane() + plan.taps[tap].way;
      }
    }
    for (int64_t c = c0; c < c1; c += kPanel) {
      for (int64_t o = 0; o < shape.Og; o++) {
        const float* from = w + (g * shape.Og + o) * shape.filter() + c * taps;
        pack_panel(from, taps, taps, lanes(c), memory.stage);
        for (size_t phase = 0; phase + 1 < plan.phases.size(); phase++) {
          const int64_t first = plan.phases[phase], count = plan.phases[phase + 1] - first;
          float* to = filters_of(c) + (first * shape.Og + o * count) * kPanel;
          for (int64_t i = 0; i < count; i++) {
            const int64_t tap = plan.taps[static_cast<size_t>(first + i)].tap;
            std::copy_n(memory.stage + tap * kPanel, kPanel, to + i * kPanel);
          }
        }
      }
    }
  }

  void band(int64_t b, const ConvTile& tile) const {
    const ConvWindow& win = shape.window;
    const int64_t top = floor_div(tile.row + win.pad_top - plan.reach_h, win.stride_h);
    const int64_t left = floor_div(tile.col + win.pad_left - plan.reach_w, win.stride_w);
    const int64_t bottom = (tile.row + tile.rows - 1 + win.pad_top) / win.stride_h;
    const PlanePart part{win.OH, win.OW, top, left, bottom - top + 1, plan.width};
    const float* image = dy + (b * shape.O + g * shape.Og) * shape.OHW();
    for (int64_t o = 0; o < shape.Og; o++) {
      pad_plane(part, image + o * shape.OHW(), shape.OHW(), memory.padded + o * plan.plane());
    }
    for (int64_t c = c0; c < c1; c += kPanel) {
      float* to = dx + (b * shape.C + g * shape.Cg + c) * shape.HW();
      for (int64_t row = 0; row < tile.rows; row += plan.stage_rows) {
        const ConvTile stage{tile.row + row, std::min(plan.stage_rows, tile.rows - row), tile.col,
                             tile.cols};
        for (int64_t h = 0; h < std::min(win.stride_h, stage.rows); h++) {
          for (int64_t v = 0; v < std::min(win.stride_w, stage.cols); v++) {
            phase(stage, top, left, h, v, c);
          }
        }
        // Several rows are whole ones.
        unpack_panel(memory.stage, stage.rows * stage.cols, lanes(c),
                     to + stage.row * win.W + stage.col, shape.HW());
      }
    }
  }

  // Results of every stride-th row and column of a stage from (h, v) on; dy is padded from (top,
  // left) on.
  void phase(const ConvTile& stage, int64_t top, int64_t left, int64_t h, int64_t v,
             int64_t c) const {
    const ConvWindow& win = shape.window;
    const int64_t y = stage.row + h + win.pad_top, x = stage.col + v + win.pad_left;
    const auto at = static_cast<size_t>(y % win.stride_h * win.stride_w + x % win.stride_w);
    const int64_t first = plan.phases[at], taps = plan.phases[at + 1] - first;
    const int64_t rows = ceil_div(stage.rows - h, win.stride_h);
    const int64_t cols = ceil_div(stage.cols - v, win.stride_w), ld = win.stride_w * kPanel;
    float* out = memory.stage + (h * stage.cols + v) * kPanel;
    const int64_t row_step = win.stride_h * stage.cols * kPanel;
    if (taps == 0 || shape.Og == 0) {
      for (int64_t i = 0; i < rows * cols; i++) {
        std::fill_n(out + i / cols * row_step + i % cols * ld, kPanel, 0.0f);
      }
      return;
    }
    const float* from =
        memory.padded + (y / win.stride_h - top) * plan.width + (x / win.stride_w - left);
    const float* filters = filters_of(c) + first * shape.Og * kPanel;
    const int64_t step = plan.step(taps);
    for (int64_t o = 0; o < shape.Og; o += step) {
      const int64_t terms = std::min(step, shape.Og - o) * taps;
      for (int64_t r = 0; r < rows; r++) {
        panel_product(
            cols, 1, terms, lanes(c),
            {from + o * plan.plane() + r * plan.width, 1, 0, memory.offsets + plan.tables[at]},
            filters + o * taps * kPanel, kPanel, o > 0, out + r * row_step, ld);
      }
    }
  }
};

}  // namespace

void direct_input_units(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
                        int64_t last) {
  const DirectPlan& plan = s.direct;
  const ConvShape& shape = s.shape;
  for (int64_t unit = first; unit < last; unit++) {
    const DirectRange range = plan.range(unit, shape, shape.Cg);
    const InputUnit body{shape,
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
      const int64_t channel = b * shape.C + range.g * shape.Cg;
      s.epilogue.run(frame, (channel + range.first) * shape.HW(),
                     (channel + range.last) * shape.HW());
    }
  }
}

}  // namespace tenon
