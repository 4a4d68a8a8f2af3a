// Moving and adding elements named by indices. Every index is read once, checked, then used, so
// that nothing that changes the indices meanwhile can make a kernel leave its memory. A kernel
// stops at the first bad index.
#pragma once

#include <cstdint>

namespace tenon {

constexpr int kMaxIndexRank = 8;

// The first index outside of its range, if any.
struct IndexResult {
  bool bad = false;
  int64_t index = 0;
};

// y[row] = x[row / n, ids[row % n]] for rows [first, last) of [outer * n].
// x: [outer, V, inner]   ids: [n]   y: [outer * n, inner]
template <class T, class Id>
IndexResult take_rows(int64_t first, int64_t last, int64_t n, int64_t V, int64_t inner, const T* x,
                      const Id* ids, T* y);

// y = 0, then y[ids[i]] += src[i] in order of i, for the rows [v0, v1) of y only.
// ids: [n]   src: [n, inner]   y: [V, inner]
template <class T, class Id>
IndexResult take_add_rows(int64_t v0, int64_t v1, int64_t n, int64_t V, int64_t inner,
                          const Id* ids, const T* src, T* y);

// y[ids[i]] = src[i] in order of i, for the rows [v0, v1) of y only; other ids are passed over.
// ids: [n]   src: [n, inner]   y: [V, inner]
template <class T>
void assign_rows(int64_t v0, int64_t v1, int64_t n, int64_t inner, const int64_t* ids, const T* src,
                 T* y);

// An index tensor beside a bigger one, seen from an axis: [outer dims..., axis, inner dims...].
// Neighbouring dims on one side of the axis that are dense in both are one.
struct IndexWalk {
  int num_outer = 0, num_inner = 0;
  int64_t outer_dims[kMaxIndexRank] = {}, outer_strides[kMaxIndexRank] = {};  // of the bigger one
  int64_t inner_dims[kMaxIndexRank] = {}, inner_strides[kMaxIndexRank] = {};
  int64_t outer = 1, along = 0,
          inner = 1;             // elements of the index tensor on each side and along the axis
  int64_t size = 0, stride = 0;  // of the bigger one along the axis
};

// Lines [first, last) of the index tensor along the axis, counted over [outer, inner].
// y = x at the indices.   index, y: [outer, along, inner]
template <class T>
IndexResult gather_lines(const IndexWalk& walk, int64_t first, int64_t last, const T* x,
                         const int64_t* index, T* y);
// y at the indices = src, or += src, in order along the axis.   index, src: [outer, along, inner]
template <class T>
IndexResult scatter_lines(const IndexWalk& walk, int64_t first, int64_t last, const int64_t* index,
                          const T* src, T* y);
// What scatter_combine_lines makes of an element and the one that comes to it; NaN wins over
// numbers.
enum class Combine : uint8_t { mul, max, min };
template <class T>
IndexResult scatter_combine_lines(Combine how, const IndexWalk& walk, int64_t first, int64_t last,
                                  const int64_t* index, const T* src, T* y);
template <class T>
IndexResult scatter_add_lines(const IndexWalk& walk, int64_t first, int64_t last,
                              const int64_t* index, const T* src, T* y);

}  // namespace tenon
