// Blocks of quantised numbers, as GGUF files have them, back to floats.
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

}  // namespace tenon
