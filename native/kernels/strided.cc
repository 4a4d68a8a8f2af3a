#include "kernels/strided.h"

#include <algorithm>
#include <cstring>

namespace tenon {
namespace {

// Position in a view, counted up dim by dim.
class Cursor {
 public:
  Cursor(const Strided& shape, int64_t position) : shape_(shape) {
    for (int d = shape.rank - 1; d >= 0; --d) {
      index_[d] = position % shape.dims[d];
      position /= shape.dims[d];
      offset_ += index_[d] * shape.strides[d];
    }
  }
  int64_t offset() const { return offset_; }
  int64_t index(int dim) const { return index_[dim]; }
  // Moves on by count steps of dim; count must not lead beyond its end. What lies inside dim stays.
  void advance(int dim, int64_t count) {
    index_[dim] += count;
    offset_ += count * shape_.strides[dim];
    while (dim > 0 && index_[dim] == shape_.dims[dim]) {
      offset_ -= index_[dim] * shape_.strides[dim];
      index_[dim--] = 0;
      ++index_[dim];
      offset_ += shape_.strides[dim];
    }
  }

 private:
  const Strided& shape_;
  int64_t index_[kMaxStridedRank] = {};
  int64_t offset_ = 0;
};

template <class T>
void read_run(const T* from, int64_t stride, int64_t count, T* to) {
  if (stride == 1) {
    std::memmove(to, from, static_cast<size_t>(count) * sizeof(T));  // may be the same memory
  } else if (stride == 0) {
    std::fill_n(to, count, *from);
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i * stride];
  }
}

// to[r, c] = from[r + c stride] for a dense to [rows, columns]: by blocks, so that each cache line
// is used up while it is there.
template <class T>
void transpose(const T* from, int64_t stride, int64_t rows, int64_t columns, T* to) {
  constexpr int64_t kBlock =
      64 / static_cast<int64_t>(sizeof(T)) < 16 ? 64 / static_cast<int64_t>(sizeof(T)) : 16;
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock) {
    const int64_t r1 = std::min(rows, r0 + kBlock);
    for (int64_t c0 = 0; c0 < columns; c0 += kBlock) {
      const int64_t c1 = std::min(columns, c0 + kBlock);
      for (int64_t r = r0; r < r1; ++r) {
        for (int64_t c = c0; c < c1; ++c) to[r * columns + c] = from[r + c * stride];
      }
    }
  }
}

template <class T>
void gather_elements(const Strided& shape, const T* from, int64_t position, int64_t count, T* to) {
  const int last = shape.rank - 1;
  const int64_t length = shape.dims[last], stride = shape.strides[last];
  const bool crossed = last > 0 && shape.strides[last - 1] == 1 && stride != 1 && stride != 0;
  Cursor cursor(shape, position);
  while (count > 0) {
    const T* at = from + cursor.offset();
    if (crossed && cursor.index(last) == 0 && count >= 2 * length) {
      const int64_t rows = std::min(count / length, shape.dims[last - 1] - cursor.index(last - 1));
      transpose(at, stride, rows, length, to);
      cursor.advance(last - 1, rows);
      count -= rows * length;
      to += rows * length;
      continue;
    }
    const int64_t run = std::min(count, length - cursor.index(last));
    read_run(at, stride, run, to);
    cursor.advance(last, run);
    count -= run;
    to += run;
  }
}

template <class T>
void scatter_elements(const Strided& shape, const T* from, int64_t position, int64_t count, T* to) {
  const int last = shape.rank - 1;
  const int64_t stride = shape.strides[last];
  Cursor cursor(shape, position);
  while (count > 0) {
    T* at = to + cursor.offset();
    const int64_t run = std::min(count, shape.dims[last] - cursor.index(last));
    if (stride == 1) {
      std::memmove(at, from, static_cast<size_t>(run) * sizeof(T));
    } else {
      for (int64_t i = 0; i < run; ++i) at[i * stride] = from[i];
    }
    cursor.advance(last, run);
    count -= run;
    from += run;
  }
}

// f of the unsigned type of that size.
template <class F>
void with_size(int64_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

}  // namespace

int64_t strided_offset(const Strided& shape, int64_t position) {
  return Cursor(shape, position).offset();
}

int64_t dense_run(const Strided& shape, int64_t position) {
  if (shape.rank == 0 || shape.strides[shape.rank - 1] != 1) return 1;
  const int64_t length = shape.dims[shape.rank - 1];
  return length - position % length;
}

void gather(const Strided& shape, const std::byte* from, int64_t bytes, int64_t position,
            int64_t count, std::byte* to) {
  if (shape.rank == 0) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
    return;
  }
  with_size(bytes, [&](auto zero) {
    using T = decltype(zero);
    gather_elements(shape, reinterpret_cast<const T*>(from), position, count,
                    reinterpret_cast<T*>(to));
  });
}

void scatter(const Strided& shape, const std::byte* from, int64_t bytes, int64_t position,
             int64_t count, std::byte* to) {
  if (shape.rank == 0) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
    return;
  }
  with_size(bytes, [&](auto zero) {
    using T = decltype(zero);
    scatter_elements(shape, reinterpret_cast<const T*>(from), position, count,
                     reinterpret_cast<T*>(to));
  });
}

}  // namespace tenon
