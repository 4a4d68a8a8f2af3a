// Blocks of quantised numbers, as GGUF files have them: to floats and from them, and
// multiplied as they are.
#pragma once

#include <cstdint>

namespace tenon {

// Elements and bytes of a block name the encoding.
struct BlockEncoding {
  int64_t elements = 0, bytes = 0;
};

constexpr BlockEncoding kQ8_0{32, 34}, kQ4_0{32, 18}, kQ4_K{256, 144}, kQ6_K{256, 210};

bool is_known(BlockEncoding encoding);

// x: n blocks   y: [n * elements]
void dequantize(BlockEncoding encoding, int64_t n, const uint8_t* x, float* y);

// x: [n * elements]   y: n blocks
void quantize_blocks(BlockEncoding encoding, int64_t n, const float* x, uint8_t* y);

// y[m, n] = sum_k x[m, k] w[n, k], for few rows m: every number of w is made in a register, where
// it is used. A group's products are summed before they are scaled, in f32. x: [M, K]   w: [N,
// blocks]   y: [M, ldy], N of them   K = blocks * elements sums: those of each kMinGroup numbers of
// x, [M, K / kMinGroup], by sum_groups(): for q4_K
constexpr int64_t kMinGroup = 32;
void sum_groups(int64_t groups, const float* x, float* sums);
void multiply_blocks(BlockEncoding encoding, int64_t M, int64_t N, int64_t blocks, const float* x,
                     const float* sums, const uint8_t* w, float* y, int64_t ldy);

}  // namespace tenon
