// Convolution windows as columns of a matrix, so that a product of matrices does the arithmetic.
// Letters: C channels of x, H W its plane, OH OW the output plane, KH KW the taps of a window.
#pragma once

#include <cstdint>

namespace tenon {

struct ConvWindow {
  int64_t H, W, OH, OW, KH, KW;
  int64_t stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
  int64_t taps() const { return KH * KW; }
  int64_t positions() const { return OH * OW; }
};

// Output positions done at a time: whole rows [row, row + rows), or a part of one row; dense in the
// output plane.
struct ConvTile {
  int64_t row = 0, rows = 0, col = 0, cols = 0;
  int64_t size() const { return rows * cols; }
};

// One channel's part of x under a tile, padded with zeros, its columns sorted by their position
// modulo stride_w: so every tap finds the inputs of a row of outputs side by side. The caller gives
// the memory.
class PaddedPlane {
 public:
  // Window and tile: no extent, stride, pad or dilation over 2^30, so that a window's span fits.
  PaddedPlane(const ConvWindow& window, const ConvTile& tile);
  // Elements of memory needed; the last ones are slack, so that whole registers may be read at the
  // end of a row.
  int64_t elements() const { return rows_ * row_elements() + kSlack; }
  // In floating point, because hostile sizes overflow elements().
  bool exceeds(double limit) const {
    return static_cast<double>(rows_) * static_cast<double>(phases_) * static_cast<double>(width_) >
           limit;
  }
  // Where tap (kh, kw) finds its input for the first output of the tile; for the next row
  // row_step() further.
  int64_t offset(int64_t kh, int64_t kw) const {
    const int64_t column = kw * window_.dilation_w;
    return kh * window_.dilation_h * row_elements() + column % window_.stride_w * width_ +
           column / window_.stride_w;
  }
  int64_t row_step() const { return window_.stride_h * row_elements(); }
  // plane: [H, W]   padded: [elements()]
  template <class T>
  void fill(const T* plane, T* padded) const;
  // plane += padded, where it is inside.
  template <class T>
  void add_to(const T* padded, T* plane) const;

  static constexpr int64_t kSlack = 64;  // elements; a register holds at most 16, a copy below 32

 private:
  int64_t row_elements() const { return phases_ * width_; }
  bool reads_row(int64_t row) const { return row % window_.stride_h < extent_h_; }
  // Columns [first, last) of a phase are inside x; first lies at column x_first of x.
  struct Inside {
    int64_t first, last, x_first;
  };
  Inside inside(int64_t phase) const;

  ConvWindow window_;
  ConvTile tile_;
  int64_t extent_h_, extent_w_;  // of a window, dilation included
  int64_t rows_, phases_, width_;
};

// col[c * taps + kh * KW + kw][p] = the input of channel c under that tap at position p of the
// tile, 0 outside. x: [channels, H, W]   col: [channels * taps, tile.size()], rows ld apart padded:
// [PaddedPlane::elements()]
template <class T>
void im2col(const ConvWindow& window, const ConvTile& tile, int64_t channels, const T* x, T* col,
            int64_t ld, T* padded);

// The transpose: dx += what im2col would have read into each element of dcol.
template <class T>
void col2im(const ConvWindow& window, const ConvTile& tile, int64_t channels, const T* dcol,
            int64_t ld, T* dx, T* padded);

}  // namespace tenon
