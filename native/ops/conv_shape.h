// What the three convolutions share: shapes read from an instruction, the cut of an output plane
// into tiles, scratch. Letters: B images, C channels of x, O of y, G groups, Cg and Og channels of
// a group, H W and OH OW planes, KH KW taps.
#pragma once

#include "kernels/im2col.h"
#include "kernels/winograd.h"
#include "ops/epilogue.h"

namespace tenon {

// A window that needs more than this for a single row of outputs is refused.
constexpr double kMostPadded = 1 << 24;
// Scratch of a thread; more than this comes of sizes that no plan for this machine has.
constexpr int64_t kMostScratch = int64_t{1} << 36;

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
// The largest of even pieces of at most `most`.
inline int64_t even_piece(int64_t n, int64_t most) { return ceil_div(n, ceil_div(n, most)); }

struct ConvShape {
  ConvWindow window{};
  DType dtype = DType::f32;
  int64_t B = 0, C = 0, O = 0, G = 1, Cg = 0, Og = 0;
  bool pointwise = false;  // 1x1, stride 1, no pad: a plane is its own column matrix
  bool depthwise = false;  // one channel and few filters a group: no product of matrices

  int64_t HW() const { return window.H * window.W; }
  int64_t OHW() const { return window.positions(); }
  int64_t taps() const { return window.taps(); }
  int64_t filter() const { return Cg * taps(); }  // elements of one filter: CKK
  int64_t bytes() const { return dtype_bytes(dtype); }
  double flops() const;
  double traffic() const;  // bytes of x, y and w

  // Reads attrs [strideH, strideW, padTop, padLeft, dilationH, dilationW, groups]; returns what is
  // wrong.
  static std::string read(const Instr& instr, const View& x, const View& w, const View& y,
                          ConvShape* shape);
};

// Tiles of an output plane: `rows` whole rows each, or parts of `cols` of one row.
struct ConvTiling {
  int64_t OH = 0, OW = 0, rows = 1, cols = 1;
  int64_t across() const { return (OW + cols - 1) / cols; }
  int64_t count() const { return OH == 0 || OW == 0 ? 0 : (OH + rows - 1) / rows * across(); }
  ConvTile at(int64_t index) const;
  ConvTile largest() const { return {0, std::min(rows, OH), 0, std::min(cols, OW)}; }
};

// Tiles whose column matrix of `column_rows` rows stays in cache, at least `fewest` of them where
// they stay wide enough.
ConvTiling tile_output(const ConvShape& shape, int64_t column_rows, int64_t fewest);

// Images whose small planes share one product: the filters are packed once for all of them. 1:
// none.
int64_t merge_images(const ConvShape& shape, int64_t column_rows);

// Scratch of a thread: column matrix, padded plane, gathered outputs, offsets of taps.
struct ConvScratch {
  int64_t column = 0, padded = 0, gathered = 0, offsets = 0;  // elements of each
  int64_t element_bytes = 0;
  int64_t bytes() const {
    return part(column) + part(padded) + part(gathered) + align64(offsets * 8);
  }
  template <class T>
  T* column_at(const Frame& frame) const {
    return reinterpret_cast<T*>(frame.scratch);
  }
  template <class T>
  T* padded_at(const Frame& frame) const {
    return reinterpret_cast<T*>(frame.scratch + part(column));
  }
  template <class T>
  T* gathered_at(const Frame& frame) const {
    return reinterpret_cast<T*>(frame.scratch + part(column) + part(padded));
  }
  int64_t* offsets_at(const Frame& frame) const {
    return reinterpret_cast<int64_t*>(frame.scratch + part(column) + part(padded) + part(gathered));
  }

 private:
  int64_t part(int64_t elements) const { return align64(elements * element_bytes); }
};

// How a convolution by Winograd's products is cut (conv_winograd.cc).
struct WinogradPlan {
  bool used = false;
  bool apart = false;  // few images: ranges are cut through them, and the epilogue comes after all
  WinogradGrid grid{};
  int64_t from = 0, to = 0;                       // channels read and written
  int64_t block = 0;                              // tiles done at a time
  int64_t ranges = 1, images = 1, groups = 1;     // units: ranges (of so many images) * groups
  int64_t inputs = 0, filters = 0, products = 0;  // elements of scratch
  int64_t bytes() const;
};

// Scratch of the convolutions without a column matrix.
struct DirectScratch {
  int64_t* offsets;
  float *packed, *padded, *stage;
};

// The part of the work that a unit is: rows [q0, q1) of what is written, counted over images, whole
// images [b0, b1) unless the plan is apart; its channels [first, last) of group g.
struct DirectRange {
  int64_t g, first, last, q0, q1, b0, b1;
};

// How a convolution without a column matrix is cut (conv_direct.cc).
struct DirectPlan {
  bool used = false;
  bool apart = false;     // as in WinogradPlan
  bool in_place = false;  // no window leaves x
  int64_t OH = 0, OW = 0, in_rows = 0, in_cols = 0;
  int64_t reach_h = 1, reach_w = 1;            // of a window
  int64_t band_rows = 1, band_cols = 1;        // outputs whose inputs are padded together
  int64_t height = 0, width = 0;               // of those inputs
  int64_t stage_rows = 1, stage_cols = 1;      // positions whose results are turned together
  int64_t ranges = 1, images = 1, groups = 1;  // units: ranges * G * groups
  int64_t offsets = 0, packed = 0, padded = 0, stage = 0;  // elements of scratch
  int64_t bytes() const;
  bool too_wide() const;  // where inputs are padded
  DirectScratch scratch(const Frame& frame) const;

  // conv2dInput: the taps by phase; where each phase's taps begin, and its table of the offsets of
  // the terms of one product.
  struct Tap {
    int64_t tap, way;  // in w, and from one element of dy to another
  };
  std::vector<Tap> taps;
  std::vector<int64_t> phases, tables;
  // Channels whose terms are summed at a time: their panel stays in L1.
  static int64_t step(int64_t taps_each) {
    return std::max<int64_t>(1, 256 / std::max<int64_t>(1, taps_each));
  }
  int64_t plane() const { return height * width + 16; }  // of padded inputs

  // channels: of a group of what is written.
  DirectRange range(int64_t unit, const ConvShape& shape, int64_t channels) const;
  template <class Body>
  void each_band(const DirectRange& range, const Body& body) const {
    for (int64_t q = range.q0; q < range.q1;) {
      const int64_t row = q % OH, rows = std::min({band_rows, OH - row, range.q1 - q});
      for (int64_t col = 0; col < OW; col += band_cols) {
        body(q / OH, ConvTile{row, rows, col, std::min(band_cols, OW - col)});
      }
      q += rows;
    }
  }
};

struct ConvState : OpState {
  ConvShape shape;
  ConvTiling tiling;
  ConvScratch scratch;
  Epilogue epilogue;
  WinogradPlan winograd;
  DirectPlan direct;
  int64_t merge = 1;         // images of one product
  int64_t blocks = 1;        // of the channels of a group, done apart
  int64_t parts = 1;         // of the batch, summed in order (conv2dWeight)
  bool tiles_apart = false;  // the tiles of one image are units of their own
  Cut cut, second_cut;       // of the first and the second phase

  int64_t image_groups() const { return (shape.B + merge - 1) / merge; }
  int64_t block_first(int64_t block) const { return block * shape.Cg / blocks; }
};

// Fills in tiling, merge and scratch for column matrices of this many rows; returns what is wrong.
std::string plan_columns(ConvState& state, int64_t column_rows, int64_t fewest_tiles);

// The depthwise bodies (conv_depthwise.cc). Units: conv2d and conv2dInput: B * C planes;
// conv2dWeight: parts * C.
void depthwise_units(const Instr& instr, const ConvState& state, const Frame& frame, int64_t first,
                     int64_t last);
void depthwise_input_units(const Instr& instr, const ConvState& state, const Frame& frame,
                           int64_t first, int64_t last);
void depthwise_weight_units(const Instr& instr, const ConvState& state, const Frame& frame,
                            int64_t first, int64_t last);

// Convolutions by Winograd's products (conv_winograd.cc): whether this one is worth it.
bool winograd_fits(const ConvShape& shape);
bool winograd_weight_pays(const ConvShape& shape);  // and by weight
// A pass over `images`, from so many channels to so many; and the gradient by the weight.
void plan_winograd(WinogradPlan& plan, const WinogradGrid& grid, int64_t images, int64_t from,
                   int64_t to);
void plan_winograd_weight(WinogradPlan& plan, const WinogradGrid& grid, int64_t parts, int64_t from,
                          int64_t to);
struct WinogradCall {
  const float* from;
  WinogradFilters filters;
  float* to;
};
// Units: ranges * groups.
void winograd_units(const ConvState& state, const WinogradCall& call, const Frame& frame,
                    int64_t first, int64_t last);
// Units: parts * ranges * groups; dw: [parts, O, C, 3, 3].
void winograd_weight_units(const ConvState& state, const float* x, const float* dy, float* dw,
                           const Frame& frame, int64_t first, int64_t last);

// conv2d without a column matrix (conv_direct.cc). Units: ranges * G * groups.
bool direct_fits(const ConvShape& shape);
std::string plan_direct(DirectPlan& plan, const ConvShape& shape);
void direct_units(const Instr& instr, const ConvState& state, const Frame& frame, int64_t first,
                  int64_t last);
// The cut into bands whose padded inputs of so many channels take about so many bytes.
void plan_bands(DirectPlan& plan, const ConvShape& shape, int64_t channels, int64_t bytes);

// The cut into units that write `channels` of each group, with filters of so many terms.
void plan_units(DirectPlan& plan, const ConvShape& shape, int64_t channels, int64_t terms,
                int64_t packed_bytes, int64_t fewest_positions);

// conv2dInput likewise (conv_direct_input.cc). Units: ranges * G * groups.
bool direct_input_fits(const ConvShape& shape);
std::string plan_direct_input(DirectPlan& plan, const ConvShape& shape);
void direct_input_units(const Instr& instr, const ConvState& state, const Frame& frame,
                        int64_t first, int64_t last);

// conv2dWeight likewise (conv_direct_weight.cc). Units: parts * G * ranges of channels * groups.
bool direct_weight_fits(const ConvShape& shape);
std::string plan_direct_weight(DirectPlan& plan, const ConvShape& shape, int64_t parts);
void direct_weight_units(const Instr& instr, const ConvState& state, const Frame& frame,
                         int64_t first, int64_t last);

}  // namespace tenon
