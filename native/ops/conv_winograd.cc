// The three convolutions of 3 x 3 taps by way of Winograd's products (kernels/winograd.h). A unit
// is a range of tiles times a group of channels of the result; it goes through its tiles block by
// block and makes the filters' transforms anew for each, in cache: that costs 2 to 6 % of a block
// and spares a second phase and 36 / 9 times the filters' memory.
#include "ops/conv_shape.h"

namespace tenon {

namespace {

// Found on Zen 5 (48 KB of L1, 1 MB of L2).
constexpr int64_t kSpectrumBytes = 640 << 10;  // of a block's inputs
constexpr int64_t kFewestTiles = 40, kMostTiles = 64;
constexpr int64_t kDepth = kWinogradDepth;  // rows of filters transformed at a time
constexpr int64_t kWeightTiles = 32, kWeightInputs = 64, kWeightOutputs = 64, kFewInputs = 32;
// Tiles that a gradient by weight sums: one image of 7 x 7 with 512 channels has 4, and there
// column matrices run at 190 Gflop/s, these products at 175.
constexpr int64_t kFewestSummed = 8;
constexpr int64_t kEnoughUnits = 8;

// Bounds of piece i of n channels, cut at multiples of 16.
int64_t channel_cut(int64_t n, int64_t pieces, int64_t i) {
  return i * (n / kWinogradChannels) / pieces * kWinogradChannels;
}

Spectrum spectrum(float* data, int64_t rows, int64_t ld) {
  return {data, ld, spectrum_step(rows, ld)};
}
int64_t spectrum_elements(int64_t rows, int64_t ld) {
  return kWinogradPoints * spectrum_step(rows, ld);
}

// Rows of many channels lie an odd number of cache lines apart too.
int64_t row_stride(int64_t channels) { return channels + (channels / 16 % 2 == 0 ? 16 : 0); }

}  // namespace

bool winograd_fits(const ConvShape& shape) {
  const ConvWindow& window = shape.window;
  const bool is_form = shape.dtype == DType::f32 && window.KH == 3 && window.KW == 3 &&
                       window.stride_h == 1 && window.stride_w == 1 && window.dilation_h == 1 &&
                       window.dilation_w == 1 && window.pad_top <= 2 && window.pad_left <= 2;
  if (!is_form || shape.G != 1 || shape.C % kWinogradChannels != 0 ||
      shape.O % kWinogradChannels != 0) {
    return false;
  }
  if (window.W < 4 || window.OW < 4 || window.H < 1 || window.OH < 1 || shape.B < 1) return false;
  const int64_t rows = ceil_div(window.OH, 4), cols = ceil_div(window.OW, 4);
  // Products done per output, of 9.
  const double share = 36.0 * static_cast<double>(rows) * static_cast<double>(cols) /
                       static_cast<double>(shape.OHW());
  return share <= 5 && std::min(shape.C, shape.O) >= 32 && winograd_pays();
}

bool winograd_weight_pays(const ConvShape& shape) {
  return shape.B * ceil_div(shape.window.OH, 4) * ceil_div(shape.window.OW, 4) >= kFewestSummed;
}

int64_t WinogradPlan::bytes() const {
  return (inputs + filters + products) * static_cast<int64_t>(sizeof(float));
}

void plan_winograd(WinogradPlan& plan, const WinogradGrid& grid, int64_t images, int64_t from,
                   int64_t to) {
  plan.used = true;
  plan.grid = grid;
  plan.from = from, plan.to = to;
  const int64_t each = grid.tiles(), total = images * each;
  const int64_t most =
      std::clamp(kSpectrumBytes / (kWinogradPoints * 4 * from), kFewestTiles, kMostTiles);
  plan.apart = images < kEnoughUnits;
  if (plan.apart) {
    plan.ranges = ceil_div(total, most);
  } else {
    plan.images = std::min(images, ceil_div(kFewestTiles, each));
    plan.ranges = ceil_div(images, plan.images);
  }
  const int64_t longest = plan.apart ? ceil_div(total, plan.ranges) : plan.images * each;
  plan.block = ceil_div(longest, ceil_div(longest, most));
  const int64_t panels = ceil_div(to, kWinogradPanel);
  plan.groups = std::clamp<int64_t>(ceil_div(kEnoughUnits, plan.ranges), 1, ceil_div(panels, 2));
  plan.inputs = spectrum_elements(plan.block, row_stride(from));
  plan.filters = spectrum_elements(kDepth, kWinogradPanel);
  plan.products = spectrum_elements(plan.block, kWinogradPanel);
}

void plan_winograd_weight(WinogradPlan& plan, const WinogradGrid& grid, int64_t parts, int64_t from,
                          int64_t to) {
  plan.used = true;
  plan.grid = grid;
  plan.from = from, plan.to = to;
  plan.block = kWeightTiles;
  plan.ranges = ceil_div(from, kWeightInputs);
  plan.groups = ceil_div(to, kWeightOutputs);
  if (parts * plan.ranges * plan.groups < kEnoughUnits) plan.groups = ceil_div(to, kWinogradPanel);
  if (parts * plan.ranges * plan.groups < kEnoughUnits) plan.ranges = ceil_div(from, kFewInputs);
  plan.inputs = spectrum_elements(kWeightTiles, row_stride(kWeightInputs));
  plan.filters = spectrum_elements(kWeightTiles, row_stride(kWeightOutputs));
  plan.products =
      ceil_div(kWeightOutputs, kWinogradPanel) * spectrum_elements(kWeightInputs, kWinogradPanel);
}

namespace {

// Result channels [o0, o1) of tiles [t0, t1).
void winograd_block(const WinogradPlan& plan, const WinogradCall& call, float* scratch, int64_t t0,
                    int64_t t1, int64_t o0, int64_t o1) {
  const int64_t tiles = t1 - t0, in_plane = plan.grid.H * plan.grid.W;
  const int64_t out_plane = plan.grid.OH * plan.grid.OW;
  const Spectrum inputs = spectrum(scratch, tiles, row_stride(plan.from));
  const Spectrum filters = spectrum(scratch + plan.inputs, kDepth, kWinogradPanel);
  const Spectrum products = spectrum(scratch + plan.inputs + plan.filters, tiles, kWinogradPanel);
  winograd_input(plan.grid, call.from, plan.from * in_plane, plan.from, t0, t1, inputs);
  for (int64_t o = o0; o < o1; o += kWinogradPanel) {
    const int64_t lanes = std::min(kWinogradPanel, o1 - o);
    for (int64_t k = 0; k < plan.from; k += kDepth) {
      const int64_t depth = std::min(kDepth, plan.from - k);
      WinogradFilters w = call.filters;
      w.data += o * w.lane + k * w.row;
      winograd_filters(w, depth, lanes, filters);
      const Spectrum part{inputs.data + k, inputs.ld, inputs.step};
      winograd_multiply(tiles, depth, lanes, part, part.ld, 1, filters, k > 0, products);
    }
    winograd_output(plan.grid, products, lanes, t0, t1, plan.to * out_plane,
                    call.to + o * out_plane);
  }
}

}  // namespace

void winograd_units(const ConvState& s, const WinogradCall& call, const Frame& frame, int64_t first,
                    int64_t last) {
  const WinogradPlan& plan = s.winograd;
  const int64_t each = plan.grid.tiles(), total = s.shape.B * each;
  float* scratch = reinterpret_cast<float*>(frame.scratch);
  for (int64_t unit = first; unit < last; unit++) {
    const int64_t range = unit / plan.groups, group = unit % plan.groups;
    const int64_t b0 = range * plan.images, b1 = std::min(s.shape.B, b0 + plan.images);
    const int64_t t0 = plan.apart ? range * total / plan.ranges : b0 * each;
    const int64_t t1 = plan.apart ? (range + 1) * total / plan.ranges : b1 * each;
    const int64_t panels = ceil_div(plan.to, kWinogradPanel);
    const int64_t o0 = group * panels / plan.groups * kWinogradPanel;
    const int64_t o1 = std::min(plan.to, (group + 1) * panels / plan.groups * kWinogradPanel);
    for (int64_t t = t0; t < t1; t += plan.block) {
      winograd_block(plan, call, scratch, t, std::min(t1, t + plan.block), o0, o1);
    }
    const int64_t plane = plan.grid.OH * plan.grid.OW;
    for (int64_t b = b0; b < b1 && !plan.apart; b++) {
      s.epilogue.run(frame, (b * plan.to + o0) * plane, (b * plan.to + o1) * plane);
    }
  }
}

void winograd_weight_units(const ConvState& s, const float* x, const float* dy, float* dw,
                           const Frame& frame, int64_t first, int64_t last) {
  const WinogradPlan& plan = s.winograd;
  const WinogradGrid& grid = plan.grid;
  const int64_t in_plane = grid.H * grid.W, out_plane = grid.OH * grid.OW, each = grid.tiles();
  const int64_t filter = plan.from * 9;
  float* scratch = reinterpret_cast<float*>(frame.scratch);
  for (int64_t unit = first; unit < last; unit++) {
    const int64_t group = unit % plan.groups, range = unit / plan.groups % plan.ranges;
    const int64_t part = unit / plan.groups / plan.ranges;
    const int64_t t0 = part * s.shape.B / s.parts * each;
    const int64_t t1 = (part + 1) * s.shape.B / s.parts * each;
    const int64_t c0 = channel_cut(plan.from, plan.ranges, range);
    const int64_t c1 = channel_cut(plan.from, plan.ranges, range + 1);
    const int64_t o0 = channel_cut(plan.to, plan.groups, group);
    const int64_t o1 = channel_cut(plan.to, plan.groups, group + 1);
    const int64_t panel = spectrum_elements(kWeightInputs, kWinogradPanel);
    float* products = scratch + plan.inputs + plan.filters;
    for (int64_t t = t0; t < t1; t += plan.block) {
      const int64_t end = std::min(t1, t + plan.block);
      const Spectrum inputs = spectrum(scratch, plan.block, row_stride(kWeightInputs));
      const Spectrum outputs =
          spectrum(scratch + plan.inputs, plan.block, row_stride(kWeightOutputs));
      winograd_input(grid, x + c0 * in_plane, plan.from * in_plane, c1 - c0, t, end, inputs);
      winograd_gradient(grid, dy + o0 * out_plane, plan.to * out_plane, o1 - o0, t, end, outputs);
      for (int64_t o = o0; o < o1; o += kWinogradPanel) {
        const Spectrum c =
            spectrum(products + (o - o0) / kWinogradPanel * panel, kWeightInputs, kWinogradPanel);
        const Spectrum b{outputs.data + (o - o0), outputs.ld, outputs.step};
        winograd_multiply(c1 - c0, end - t, std::min(kWinogradPanel, o1 - o), inputs, 1, inputs.ld,
                          b, t > t0, c);
      }
    }
    float* out = dw + part * plan.to * filter;
    for (int64_t o = o0; o < o1; o += kWinogradPanel) {
      const Spectrum c =
          spectrum(products + (o - o0) / kWinogradPanel * panel, kWeightInputs, kWinogradPanel);
      winograd_weight(c, c1 - c0, std::min(kWinogradPanel, o1 - o), filter,
                      out + o * filter + c0 * 9);
    }
  }
}

}  // namespace tenon
