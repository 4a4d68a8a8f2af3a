// The product that convolutions are made of: rows read one element at a time wherever they lie,
// times a packed panel of columns.
#pragma once

#include <cstdint>

namespace tenon {

constexpr int64_t kPanel = 32;  // columns of a panel

// Terms k = (i, j) of a sum; row r of a has term (i, j) at data[r * row + i * outer + offsets[j]].
struct PanelRows {
  const float* data;
  int64_t row, outer;
  const int64_t* offsets;  // [inner]
};

// c = a b, or c += a b. Sums of one call are plain; those of several are added up on their own,
// which rounds less than one long sum.
// a: [rows, outers * inners]   b: [outers * inners, cols], rows ldb apart   c: [rows, cols]
// cols: at most kPanel, a multiple of 16
void panel_product(int64_t rows, int64_t outers, int64_t inners, int64_t cols, PanelRows a,
                   const float* b, int64_t ldb, bool accumulate, float* c, int64_t ldc);

// panel[k, n] = from[n * lane + k * step], k < depth, n < lanes; rows of the panel kPanel apart.
// lanes: a multiple of 16.
void pack_panel(const float* from, int64_t lane, int64_t depth, int64_t lanes, float* panel);

// to[n * lane + k] = panel[k, n], the transpose.
void unpack_panel(const float* panel, int64_t depth, int64_t lanes, float* to, int64_t lane);

}  // namespace tenon
