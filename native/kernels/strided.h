// Copies between dense memory and a strided view, for a piece of the view's elements counted
// row-major.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tenon {

constexpr int kMaxStridedRank = 8;

// Strides count elements. Rank 0 is one element.
struct Strided {
  int rank = 0;
  int64_t dims[kMaxStridedRank] = {}, strides[kMaxStridedRank] = {};
};

// How far element `position` lies from element 0.
int64_t strided_offset(const Strided& shape, int64_t position);

// How many elements from `position` on lie densely, this one counted.
int64_t dense_run(const Strided& shape, int64_t position);

// Elements [position, position + count) of `from` to dense `to`, and back. bytes: of an element, 1,
// 2, 4 or 8.
void gather(const Strided& shape, const std::byte* from, int64_t bytes, int64_t position,
            int64_t count, std::byte* to);
void scatter(const Strided& shape, const std::byte* from, int64_t bytes, int64_t position,
             int64_t count, std::byte* to);

}  // namespace tenon
