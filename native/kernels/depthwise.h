// Convolution of one plane with one filter, and its two transposes; on planes padded as im2col.h
// says.
#pragma once

#include <cstdint>

namespace tenon {

// What the three share: the tile, and where each tap finds its input (PaddedPlane::offset,
// row_step).
struct DepthwiseTile {
  int64_t rows, cols, taps;
  const int64_t* offsets;  // [taps]
  int64_t row_step;
};

// out[p] = sum over taps of w[tap] * x under it.
// padded: x's plane, PaddedPlane::fill()ed for the tile   w: [taps]   out: [rows * cols]
void depthwise(const DepthwiseTile& tile, const float* padded, const float* w, float* out);
void depthwise(const DepthwiseTile& tile, const double* padded, const double* w, double* out);

// dpadded += the gradient by x's padded plane, to be added to dx by PaddedPlane::add_to().
void depthwise_input(const DepthwiseTile& tile, const float* dout, const float* w, float* dpadded);
void depthwise_input(const DepthwiseTile& tile, const double* dout, const double* w,
                     double* dpadded);

// dw += the gradient by the filter.
void depthwise_weight(const DepthwiseTile& tile, const float* padded, const float* dout, float* dw);
void depthwise_weight(const DepthwiseTile& tile, const double* padded, const double* dout,
                      double* dw);

}  // namespace tenon
