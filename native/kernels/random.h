// Counter-based random bits: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1,
// 2, 3", 2011).
#pragma once

#include <array>
#include <cstdint>

namespace tenon {

struct PhiloxKey {
  uint32_t low = 0, high = 0;
};

// Each is a JavaScript integer. Those below 2^32 are the key's two words as they are; the words
// above are mixed in.
PhiloxKey philox_key(double seed, double stream);

// Truncated to an integer; out of range: saturated; NaN: 0. Negative numbers wrap.
uint64_t random_word(double x);

// One block: counter words are (counter low, counter high, position low, position high).
std::array<uint32_t, 4> philox(PhiloxKey key, uint64_t counter, uint64_t position);

// What the map function randomUniform gives at positions [first, first + n).
void random_uniform(PhiloxKey key, uint64_t counter, uint64_t first, int64_t n, float* y);

}  // namespace tenon
