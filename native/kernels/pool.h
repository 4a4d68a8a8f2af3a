// Pooling of one plane. Letters: H W the plane of x, OH OW that of y, KH KW the taps of a window.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tenon {

struct PoolWindow {
  int64_t H = 0, W = 0, OH = 0, OW = 0, KH = 1, KW = 1;
  int64_t stride_h = 1, stride_w = 1, pad_top = 0, pad_left = 0, dilation_h = 1, dilation_w = 1;
};

// What an average divides by: PyTorch's rules.
struct PoolDivisor {
  bool count_padding = true;
  int64_t pad_bottom = 0, pad_right = 0;  // padding that counts ends here
  int64_t fixed = 0;                      // divides by this instead, unless 0
};

// Inputs under a window that starts at `start`: taps [first, last).
struct PoolTaps {
  int64_t first, last;
};
inline PoolTaps taps_inside(int64_t start, int64_t taps, int64_t dilation, int64_t extent) {
  const int64_t first = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
  const int64_t last = start >= extent ? 0 : (extent - 1 - start) / dilation + 1;
  return {std::min(first, taps), std::max(std::min(first, taps), std::min(last, taps))};
}

// y: the largest input, NaN above all; index: where the first such lies in the plane, h * W + w.
// Every window has an input, and H * W fits in int32.
// x: [H, W]   y, index: [OH, OW]
void max_pool(const PoolWindow& window, const float* x, float* y, int64_t* index);
void max_pool(const PoolWindow& window, const double* x, double* y, int64_t* index);

// A window without inputs gives 0. Dilation is 1.
void average_pool(const PoolWindow& window, const PoolDivisor& divisor, const float* x, float* y);
void average_pool(const PoolWindow& window, const PoolDivisor& divisor, const double* x, double* y);

// The transpose: dx is written in full.
void average_pool_grad(const PoolWindow& window, const PoolDivisor& divisor, const float* dy,
                       float* dx);
void average_pool_grad(const PoolWindow& window, const PoolDivisor& divisor, const double* dy,
                       double* dx);

}  // namespace tenon
