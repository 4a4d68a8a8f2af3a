// Convolutions of 3 x 3 taps, stride 1, by Winograd's F(4 x 4, 3 x 3): a tile of 4 x 4 outputs
// takes 36 products a pair of channels instead of 144 (Lavin and Gray 2015, "Fast algorithms for
// convolutional neural networks"). y = At [(G w Gt) * (Bt x B)] A, where x are the 6 x 6 inputs of
// the tile; the gradient by w is its transpose: dw = Gt [sum of (Bt x B) * (A dy At)] G.
//
// The points are 0, +-5/8, +-3/2 and infinity, as in oneDNN. Measured against float64 with 32 to
// 512 channels: errors of 5e-7 to 8e-7 of the result's root mean square, half of those with 0, +-1,
// +-2, and 2 to 5 times those of plain products. An infinity makes its whole tile NaN.
//
// Before and after, Zen 5, one core (fused multiply-adds: 293 Gflop/s), counting the flops of what
// is replaced, forward, by input and by weight: column matrices and BLAS 178, 186 and 164 Gflop/s
// for 8 x 64 -> 64 on 56 x 56, so 646, 638 and 625; 199, 201 and 225 for 8 x 256 -> 256 on 14 x 14,
// so 541, 546 and 530; one image of 7 x 7, 512 -> 512: 178, 171 and 207, so 286, 300 and 204.
//
// Letters: t tiles, counted over images, rows and columns; a spectrum: 36 matrices, `step` apart.
#pragma once

#include <cstdint>

#include "kernels/panel_product.h"

namespace tenon {

constexpr int64_t kWinogradTile = 4;
constexpr int64_t kWinogradPoints = 36;
constexpr int64_t kWinogradPanel = kPanel;
constexpr int64_t kWinogradDepth = 64;     // terms of a product at most
constexpr int64_t kWinogradChannels = 16;  // channels come in such groups

// False where there are no vectors: BLAS is faster there than one element at a time.
bool winograd_pays();

struct WinogradGrid {
  int64_t H, W;    // the plane that a convolution reads; W >= 4
  int64_t OH, OW;  // the plane that it writes
  int64_t pad_top, pad_left;
  int64_t rows() const { return (OH + kWinogradTile - 1) / kWinogradTile; }
  int64_t cols() const { return (OW + kWinogradTile - 1) / kWinogradTile; }
  int64_t tiles() const { return rows() * cols(); }  // of one image
};

// A spectrum [36][rows, ld]; matrices lie an odd number of cache lines apart, so that the 36
// elements of a tile fall into different sets of the cache.
struct Spectrum {
  float* data;
  int64_t ld, step;
};
constexpr int64_t spectrum_step(int64_t rows, int64_t ld) {
  return (rows * ld + 15) / 16 * 16 + ((rows * ld + 15) / 16 % 2 == 0 ? 16 : 0);
}

// out[t - t0, c] = Bt x B of tiles [t0, t1). x: [images, C, H, W] from its first channel on, images
// `image` elements apart. channels: a multiple of 16, as everywhere below.
void winograd_input(const WinogradGrid& grid, const float* x, int64_t image, int64_t channels,
                    int64_t t0, int64_t t1, Spectrum out);

// out[t - t0, o] = A dy At. dy: [images, O, OH, OW] likewise; OW >= 4.
void winograd_gradient(const WinogradGrid& grid, const float* dy, int64_t image, int64_t channels,
                       int64_t t0, int64_t t1, Spectrum out);

// Filters of 9 taps; lane n, row k at data[n * lane + k * row].
struct WinogradFilters {
  const float* data;
  int64_t lane, row;
  bool flipped;  // taps from last to first, as the gradient by the input wants them
};
// out[k, n] = G w Gt. lanes: of a panel.
void winograd_filters(const WinogradFilters& filters, int64_t rows, int64_t lanes, Spectrum out);

// c = a b, or c += a b, for each of the 36. Element (r, k) of a lies at a.data[r * ar + k * ak].
// a: [rows, depth]   b: [depth, cols]   c: [rows, cols]   cols: of a panel
void winograd_multiply(int64_t rows, int64_t depth, int64_t cols, Spectrum a, int64_t ar,
                       int64_t ak, Spectrum b, bool accumulate, Spectrum c);

// y = At m A of tiles [t0, t1), written where it is inside of the plane. y: [images, O, OH, OW]
// from its first channel on.
void winograd_output(const WinogradGrid& grid, Spectrum m, int64_t channels, int64_t t0, int64_t t1,
                     int64_t image, float* y);

// dw[o, c] = Gt m G, m: [c, o]; 9 taps from dw[o * lane + c * 9] on.
void winograd_weight(Spectrum m, int64_t rows, int64_t channels, int64_t lane, float* dw);

}  // namespace tenon
