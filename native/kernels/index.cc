#include "kernels/index.h"

#include <algorithm>
#include <type_traits>

namespace tenon {

namespace {

bool outside(int64_t index, int64_t size) { return index < 0 || index >= size; }

// Narrow integers are added as unsigned int, which wraps.
template <class T>
void add(T& to, T value) {
  to = static_cast<T>(to + value);
}

int64_t offset_of(int64_t flat, int rank, const int64_t* dims, const int64_t* strides) {
  int64_t offset = 0;
  for (int d = rank - 1; d >= 0; d--) {
    offset += flat % dims[d] * strides[d];
    flat /= dims[d];
  }
  return offset;
}

// Calls body(position in the index tensor, offset in the bigger one without the axis, how many) for
// runs of elements of lines [first, last) that are dense in both; positions along the axis in
// order. Stops when body returns false.
template <class Body>
void for_each_run(const IndexWalk& walk, int64_t first, int64_t last, const Body& body) {
  const int64_t row = walk.num_inner > 0 ? walk.inner_dims[walk.num_inner - 1] : 1;
  for (int64_t line = first; line < last;) {
    const int64_t o = line / walk.inner, i0 = line % walk.inner;
    const int64_t i1 = std::min(walk.inner, i0 + last - line);
    const int64_t base = offset_of(o, walk.num_outer, walk.outer_dims, walk.outer_strides);
    for (int64_t k = 0; k < walk.along; k++) {
      const int64_t start = (o * walk.along + k) * walk.inner;
      for (int64_t i = i0; i < i1;) {
        const int64_t n = std::min(i1 - i, walk.inner == row ? i1 : row - i % row);
        const int64_t offset =
            walk.num_inner <= 1 ? i
                                : offset_of(i, walk.num_inner, walk.inner_dims, walk.inner_strides);
        if (!body(start + i, base + offset, n)) return;
        i += n;
      }
    }
    line += i1 - i0;
  }
}

// The same for lines that are dense themselves (nothing behind the axis): body(position, offset)
// once a line.
template <class Body>
void for_each_line(const IndexWalk& walk, int64_t first, int64_t last, const Body& body) {
  for (int64_t line = first; line < last; line++) {
    const int64_t base = offset_of(line, walk.num_outer, walk.outer_dims, walk.outer_strides);
    if (!body(line * walk.along, base)) return;
  }
}

// Calls move(position in the index tensor, offset in the bigger tensor) for every element of some
// lines.
template <class Move>
IndexResult for_each_element(const IndexWalk& walk, int64_t first, int64_t last,
                             const int64_t* index, const Move& move) {
  IndexResult result;
  const auto visit = [&](int64_t position, int64_t offset, int64_t n, int64_t step) {
    for (int64_t i = 0; i < n; i++) {
      const int64_t at = index[position + i];
      if (outside(at, walk.size)) {
        result = {true, at};
        return false;
      }
      move(position + i, offset + i * step + at * walk.stride);
    }
    return true;
  };
  if (walk.inner == 1 && walk.num_inner == 0) {
    for_each_line(walk, first, last, [&](int64_t position, int64_t offset) {
      return visit(position, offset, walk.along, 0);
    });
  } else {
    for_each_run(walk, first, last, [&](int64_t position, int64_t offset, int64_t n) {
      return visit(position, offset, n, 1);
    });
  }
  return result;
}

}  // namespace

template <class T, class Id>
IndexResult take_rows(int64_t first, int64_t last, int64_t n, int64_t V, int64_t inner, const T* x,
                      const Id* ids, T* y) {
  for (int64_t row = first; row < last; row++) {
    const int64_t id = ids[row % n];
    if (outside(id, V)) return {true, id};
    const T* from = x + (row / n * V + id) * inner;
    if (inner == 1) {
      y[row] = *from;
    } else {
      std::copy_n(from, inner, y + row * inner);
    }
  }
  return {};
}

template <class T>
void assign_rows(int64_t v0, int64_t v1, int64_t n, int64_t inner, const int64_t* ids, const T* src,
                 T* y) {
  for (int64_t i = 0; i < n; i++) {
    const int64_t id = ids[i];
    if (id >= v0 && id < v1) std::copy_n(src + i * inner, inner, y + id * inner);
  }
}

template <class T, class Id>
IndexResult take_add_rows(int64_t v0, int64_t v1, int64_t n, int64_t V, int64_t inner,
                          const Id* ids, const T* src, T* y) {
  std::fill(y + v0 * inner, y + v1 * inner, T{0});
  for (int64_t i = 0; i < n; i++) {
    const int64_t id = ids[i];
    if (outside(id, V)) return {true, id};
    if (id < v0 || id >= v1) continue;
    T* __restrict to = y + id * inner;
    const T* __restrict from = src + i * inner;
    for (int64_t j = 0; j < inner; j++) add(to[j], from[j]);
  }
  return {};
}

template <class T>
IndexResult gather_lines(const IndexWalk& walk, int64_t first, int64_t last, const T* x,
                         const int64_t* index, T* y) {
  return for_each_element(walk, first, last, index,
                          [=](int64_t position, int64_t offset) { y[position] = x[offset]; });
}

template <class T>
IndexResult scatter_lines(const IndexWalk& walk, int64_t first, int64_t last, const int64_t* index,
                          const T* src, T* y) {
  return for_each_element(walk, first, last, index,
                          [=](int64_t position, int64_t offset) { y[offset] = src[position]; });
}

template <class T>
IndexResult scatter_add_lines(const IndexWalk& walk, int64_t first, int64_t last,
                              const int64_t* index, const T* src, T* y) {
  return for_each_element(walk, first, last, index,
                          [=](int64_t position, int64_t offset) { add(y[offset], src[position]); });
}

template <class T>
IndexResult scatter_combine_lines(Combine how, const IndexWalk& walk, int64_t first, int64_t last,
                                  const int64_t* index, const T* src, T* y) {
  switch (how) {
    case Combine::mul:
      return for_each_element(walk, first, last, index, [=](int64_t position, int64_t offset) {
        if constexpr (std::is_integral_v<T>) {
          y[offset] = static_cast<T>(static_cast<uint64_t>(y[offset]) *
                                     static_cast<uint64_t>(src[position]));  // wraps
        } else {
          y[offset] *= src[position];
        }
      });
    case Combine::max:
      return for_each_element(walk, first, last, index, [=](int64_t position, int64_t offset) {
        const T value = src[position], old = y[offset];
        if (old == old && !(value <= old)) y[offset] = value;
      });
    case Combine::min:
      return for_each_element(walk, first, last, index, [=](int64_t position, int64_t offset) {
        const T value = src[position], old = y[offset];
        if (old == old && !(value >= old)) y[offset] = value;
      });
  }
  return {};
}

#define TENON_INSTANTIATE_ADD(T)                                                                \
  template IndexResult take_add_rows<T, int64_t>(int64_t, int64_t, int64_t, int64_t, int64_t,   \
                                                 const int64_t*, const T*, T*);                 \
  template IndexResult take_add_rows<T, int32_t>(int64_t, int64_t, int64_t, int64_t, int64_t,   \
                                                 const int32_t*, const T*, T*);                 \
  template IndexResult scatter_add_lines<T>(const IndexWalk&, int64_t, int64_t, const int64_t*, \
                                            const T*, T*)
#define TENON_INSTANTIATE_MOVE(T)                                                           \
  template IndexResult take_rows<T, int64_t>(int64_t, int64_t, int64_t, int64_t, int64_t,   \
                                             const T*, const int64_t*, T*);                 \
  template IndexResult take_rows<T, int32_t>(int64_t, int64_t, int64_t, int64_t, int64_t,   \
                                             const T*, const int32_t*, T*);                 \
  template IndexResult gather_lines<T>(const IndexWalk&, int64_t, int64_t, const T*,        \
                                       const int64_t*, T*);                                 \
  template IndexResult scatter_lines<T>(const IndexWalk&, int64_t, int64_t, const int64_t*, \
                                        const T*, T*);                                      \
  template void assign_rows<T>(int64_t, int64_t, int64_t, int64_t, const int64_t*, const T*, T*)

TENON_INSTANTIATE_MOVE(uint8_t);
TENON_INSTANTIATE_MOVE(uint16_t);
TENON_INSTANTIATE_MOVE(uint32_t);
TENON_INSTANTIATE_MOVE(uint64_t);
#define TENON_INSTANTIATE_COMBINE(T)                                                         \
  template IndexResult scatter_combine_lines<T>(Combine, const IndexWalk&, int64_t, int64_t, \
                                                const int64_t*, const T*, T*)

TENON_INSTANTIATE_COMBINE(double);
TENON_INSTANTIATE_COMBINE(float);
TENON_INSTANTIATE_COMBINE(int64_t);
TENON_INSTANTIATE_COMBINE(int32_t);
TENON_INSTANTIATE_COMBINE(int16_t);
TENON_INSTANTIATE_COMBINE(int8_t);
TENON_INSTANTIATE_COMBINE(uint64_t);
TENON_INSTANTIATE_COMBINE(uint32_t);
TENON_INSTANTIATE_COMBINE(uint16_t);
TENON_INSTANTIATE_COMBINE(uint8_t);
TENON_INSTANTIATE_ADD(double);
TENON_INSTANTIATE_ADD(float);
TENON_INSTANTIATE_ADD(uint8_t);
TENON_INSTANTIATE_ADD(uint16_t);
TENON_INSTANTIATE_ADD(uint32_t);
TENON_INSTANTIATE_ADD(uint64_t);

}  // namespace tenon
