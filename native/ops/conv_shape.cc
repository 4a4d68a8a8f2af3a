#include "ops/conv_shape.h"

#include <climits>

namespace tenon {

namespace {

// Of a column matrix; half of the L2 cache of Zen 4 and 5 (1 MB).
constexpr int64_t kColumnBytes = 512 << 10;
// Of a padded plane, which is read once for each tap.
constexpr double kPaddedBytes = 256 << 10;
// A product narrower than the first packs the filters too often; wider than the second gains
// nothing more.
constexpr int64_t kNarrow = 128, kWide = 256;
// Filters of one plane from which a product of matrices is faster than direct loops.
constexpr int64_t kManyFilters = 8;

// Positions whose column matrix fits in cache, but no fewer than kNarrow.
int64_t cached_positions(const ConvShape& shape, int64_t column_rows) {
  return std::max(kNarrow, kColumnBytes / std::max<int64_t>(1, column_rows * shape.bytes()));
}

bool product_fits(std::initializer_list<int64_t> factors) {
  double product = 1;
  for (int64_t factor : factors) product *= static_cast<double>(factor);
  return product <= INT_MAX;
}

std::string read_attrs(const Instr& instr, ConvShape* shape) {
  ConvWindow& window = shape->window;
  const bool fine = read_attr(instr, 0, 1, kMaxExtent, &window.stride_h) &&
                    read_attr(instr, 1, 1, kMaxExtent, &window.stride_w) &&
                    read_attr(instr, 2, 0, kMaxExtent, &window.pad_top) &&
                    read_attr(instr, 3, 0, kMaxExtent, &window.pad_left) &&
                    read_attr(instr, 4, 1, kMaxExtent, &window.dilation_h) &&
                    read_attr(instr, 5, 1, kMaxExtent, &window.dilation_w) &&
                    read_attr(instr, 6, 1, kMaxExtent, &shape->G);
  return fine ? "" : "attrs out of range";
}

}  // namespace

double ConvShape::flops() const {
  return 2.0 * static_cast<double>(B) * static_cast<double>(O) * static_cast<double>(OHW()) *
         static_cast<double>(filter());
}

double ConvShape::traffic() const {
  const double images = static_cast<double>(B);
  return static_cast<double>(bytes()) *
         (images * static_cast<double>(C) * static_cast<double>(HW()) +
          images * static_cast<double>(O) * static_cast<double>(OHW()) +
          static_cast<double>(O) * static_cast<double>(filter()));
}

std::string ConvShape::read(const Instr& instr, const View& x, const View& w, const View& y,
                            ConvShape* shape) {
  for (const View* view : {&x, &w, &y}) {
    if (view->rank != 4 || !view->contiguous) return "views must be contiguous, of rank 4";
    if (view->dtype != x.dtype || !is_float(x.dtype)) return "dtypes must be equal, f32 or f64";
    if (!dims_within(*view, kMaxExtent)) return "too large";
  }
  const std::string wrong = read_attrs(instr, shape);
  if (!wrong.empty()) return wrong;
  ConvShape& s = *shape;
  s.dtype = x.dtype;
  s.B = x.dims[0], s.C = x.dims[1], s.O = y.dims[1];
  ConvWindow& win = s.window;
  win.H = x.dims[2], win.W = x.dims[3], win.OH = y.dims[2], win.OW = y.dims[3];
  win.KH = w.dims[2], win.KW = w.dims[3];
  if (y.dims[0] != s.B || w.dims[0] != s.O) return "batch or channels differ";
  if (s.G > std::max<int64_t>(1, s.C) || s.C % s.G != 0 || s.O % s.G != 0) return "groups";
  s.Cg = s.C / s.G, s.Og = s.O / s.G;
  if (w.dims[1] != s.Cg) return "w must have C / groups channels";
  if (win.KH < 1 || win.KW < 1) return "w must have taps";
  if (!product_fits({s.Cg, win.KH, win.KW}) || !product_fits({win.H, win.W}) ||
      !product_fits({win.OH, win.OW}) || !product_fits({s.O})) {
    return "too large";
  }
  s.pointwise = win.KH == 1 && win.KW == 1 && win.stride_h == 1 && win.stride_w == 1 &&
                win.pad_top == 0 && win.pad_left == 0 && win.OH == win.H && win.OW == win.W;
  s.depthwise = s.Cg == 1 && s.Og < kManyFilters && !s.pointwise;
  return "";
}

ConvTile ConvTiling::at(int64_t index) const {
  const int64_t row = index / across() * rows, col = index % across() * cols;
  return {row, std::min(rows, OH - row), col, std::min(cols, OW - col)};
}

ConvTiling tile_output(const ConvShape& shape, int64_t column_rows, int64_t fewest) {
  const auto even = [](int64_t extent, int64_t most) {
    const int64_t pieces = (extent + most - 1) / most;
    return (extent + pieces - 1) / pieces;
  };
  const int64_t OH = shape.window.OH, OW = shape.window.OW;
  ConvTiling tiling{OH, OW, std::max<int64_t>(OH, 1), std::max<int64_t>(OW, 1)};
  if (OH == 0 || OW == 0) return tiling;
  int64_t most = cached_positions(shape, column_rows);
  most = std::min(most, std::max(kNarrow, (OH * OW + fewest - 1) / fewest));
  if (most < OW) {
    tiling.rows = 1;
    tiling.cols = even(OW, most);
    return tiling;
  }
  int64_t rows = std::min(OH, most / OW);
  const double limit = kPaddedBytes / static_cast<double>(shape.bytes());
  while (rows > 1 && PaddedPlane(shape.window, {0, rows, 0, OW}).exceeds(limit)) rows /= 2;
  tiling.rows = even(OH, rows);
  return tiling;
}

int64_t merge_images(const ConvShape& shape, int64_t column_rows) {
  const int64_t plane = shape.OHW();
  if (plane == 0 || plane >= kNarrow || shape.depthwise) return 1;
  const int64_t wanted = std::min(kWide, cached_positions(shape, column_rows));
  return std::clamp<int64_t>((wanted + plane - 1) / plane, 1, std::max<int64_t>(1, shape.B));
}

std::string plan_columns(ConvState& state, int64_t column_rows, int64_t fewest_tiles) {
  const ConvShape& shape = state.shape;
  state.merge = merge_images(shape, column_rows);
  if (state.merge > 1) fewest_tiles = 1;  // a small plane is one tile
  state.tiling = tile_output(shape, shape.depthwise ? 1 : column_rows, fewest_tiles);
  if (state.tiling.count() == 0) return "";
  state.scratch.element_bytes = shape.bytes();
  if (shape.pointwise && state.merge == 1) return "";
  const ConvTile tile = state.tiling.largest();
  const PaddedPlane padded(shape.window, tile);
  if (padded.exceeds(kMostPadded)) return "window too large";
  state.scratch.padded = padded.elements();
  if (shape.depthwise) {
    state.scratch.offsets = shape.taps();
    return "";
  }
  state.scratch.column = column_rows * tile.size() * state.merge;
  if (state.merge > 1) state.scratch.gathered = shape.Og * tile.size() * state.merge;
  return state.scratch.bytes() > kMostScratch ? "window too large" : "";
}

}  // namespace tenon
