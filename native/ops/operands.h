// What prepare() functions share: checks of an instruction's operands, and the cut of work into
// chunks.
#pragma once

#include <algorithm>
#include <cmath>

#include "engine/op.h"

namespace tenon {

// Limit of one dim, stride, pad or dilation where they are multiplied with each other: products
// stay inside int64.
constexpr int64_t kMaxExtent = int64_t{1} << 30;
constexpr int64_t kMaxChunks = 256;

inline bool counts_are(const Instr& instr, size_t outs, size_t ins, size_t attrs) {
  return instr.outs.size() == outs && instr.ins.size() == ins && instr.attrs.size() == attrs;
}

// Reads an integral attribute in [low, high]; attributes may be NaN or out of the range of int64.
inline bool read_attr(const Instr& instr, size_t at, int64_t low, int64_t high, int64_t* value) {
  const double attr = instr.attrs[at];
  if (!(attr >= static_cast<double>(low) && attr <= static_cast<double>(high))) return false;
  *value = static_cast<int64_t>(attr);
  return static_cast<double>(*value) == attr;
}

inline bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

inline bool all_contiguous(const std::vector<View>& views) {
  return std::all_of(views.begin(), views.end(), [](const View& view) { return view.contiguous; });
}

inline bool dims_within(const View& view, int64_t limit) {
  return std::all_of(view.dims, view.dims + view.rank, [=](int64_t dim) { return dim <= limit; });
}

inline bool same_dims(const View& a, const View& b) {
  return a.rank == b.rank && std::equal(a.dims, a.dims + a.rank, b.dims);
}

inline bool same_view(const View& a, const View& b) {
  return a.buffer == b.buffer && a.offset == b.offset && same_dims(a, b);
}

// Product of dims [first, last); fits, because the decoder bounds the number of elements, unless
// another dim is 0.
inline int64_t count_dims(const View& view, int first, int last) {
  int64_t n = 1;
  for (int d = first; d < last; d++) n *= view.dims[d];
  return n;
}

// Units of work shared evenly among chunks: chunk i has units [first(i), first(i + 1)).
struct Cut {
  int64_t units = 0, chunks = 1;
  int64_t first(int64_t chunk) const { return chunk * units / chunks; }
};

// cost: of all units together, in chunks worth handing to another thread.
inline Cut cut_work(int64_t units, double cost, int64_t max_chunks = kMaxChunks) {
  Cut cut{units, 1};
  if (cost >= 2) cut.chunks = std::min(static_cast<int64_t>(std::min(cost, 1e6)), max_chunks);
  cut.chunks = std::max<int64_t>(1, std::min(cut.chunks, units));
  return cut;
}

inline double chunk_cost(double flops, double bytes) {
  return flops / kChunkFlops + bytes / kChunkBytes;
}

inline int64_t align64(int64_t bytes) { return (bytes + 63) & ~int64_t{63}; }

template <class F>
void with_float(DType dtype, F&& body) {
  if (dtype == DType::f32) {
    body(float{});
  } else {
    body(double{});
  }
}

// Calls body with a zero of the type, but for f16 and bf16, whose bits are not numbers; bool is
// stored as a byte that is 0 or 1.
template <class F>
void with_ordered(DType dtype, const F& body) {
  switch (dtype) {
    case DType::f64:
      return body(double{});
    case DType::f32:
      return body(float{});
    case DType::i64:
      return body(int64_t{});
    case DType::i32:
      return body(int32_t{});
    case DType::i16:
      return body(int16_t{});
    case DType::i8:
      return body(int8_t{});
    case DType::u64:
      return body(uint64_t{});
    case DType::u32:
      return body(uint32_t{});
    case DType::u16:
      return body(uint16_t{});
    case DType::u8:
    case DType::boolean:
      return body(uint8_t{});
    case DType::f16:
    case DType::bf16:
      return;
  }
}

}  // namespace tenon
