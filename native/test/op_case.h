// One instruction on buffers of its own: made, prepared, run chunk by chunk (last chunk first:
// chunks may not depend on each other), and checked for writes outside of its buffers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "expect.h"
#include "kernels/map_functions.h"
#include "kernels/narrow.h"
#include "ops/families.h"

namespace tenon::test {

template <class T>
constexpr DType kDTypeOf = DType::f32;
template <>
inline constexpr DType kDTypeOf<double> = DType::f64;
template <>
inline constexpr DType kDTypeOf<int64_t> = DType::i64;
template <>
inline constexpr DType kDTypeOf<int32_t> = DType::i32;
template <>
inline constexpr DType kDTypeOf<int16_t> = DType::i16;
template <>
inline constexpr DType kDTypeOf<int8_t> = DType::i8;
template <>
inline constexpr DType kDTypeOf<uint64_t> = DType::u64;
template <>
inline constexpr DType kDTypeOf<uint32_t> = DType::u32;
template <>
inline constexpr DType kDTypeOf<uint16_t> = DType::u16;
template <>
inline constexpr DType kDTypeOf<uint8_t> = DType::u8;
template <>
inline constexpr DType kDTypeOf<Bool> = DType::boolean;
template <>
inline constexpr DType kDTypeOf<F16> = DType::f16;
template <>
inline constexpr DType kDTypeOf<BF16> = DType::bf16;

inline View dense_view(int32_t buffer, DType dtype, const std::vector<int64_t>& dims) {
  View view;
  view.buffer = buffer;
  view.dtype = dtype;
  view.rank = static_cast<int32_t>(dims.size());
  int64_t stride = 1;
  for (int d = view.rank - 1; d >= 0; --d) {
    view.dims[d] = dims[d];
    view.strides[d] = stride;
    stride *= dims[d];
  }
  view.elements = stride;
  return view;
}

class OpCase {
 public:
  static constexpr int64_t kGuard = 256;

  View empty(DType dtype, const std::vector<int64_t>& dims) {
    View view = dense_view(static_cast<int32_t>(buffers_.size()), dtype, dims);
    const int64_t bytes = view.elements * dtype_bytes(dtype);
    buffers_.emplace_back(static_cast<size_t>(bytes + 2 * kGuard), std::byte{0xA5});
    return view;
  }
  template <class T>
  View filled(const std::vector<T>& values, const std::vector<int64_t>& dims) {
    View view = empty(kDTypeOf<T>, dims);
    if (!values.empty()) std::memcpy(at(view), values.data(), values.size() * sizeof(T));
    return view;
  }
  template <class T>
  View filled(const std::vector<T>& values) {
    return filled(values, {static_cast<int64_t>(values.size())});
  }
  // A strided view of the buffer of another.
  static View strided(View base, const std::vector<int64_t>& dims,
                      const std::vector<int64_t>& strides, int64_t offset = 0) {
    View view = dense_view(base.buffer, base.dtype, dims);
    for (size_t d = 0; d < dims.size(); ++d) {
      view.contiguous = view.contiguous && (dims[d] == 1 || view.strides[d] == strides[d]);
      view.strides[d] = strides[d];
    }
    view.offset = offset;
    return view;
  }

  std::string run(const std::vector<Op>& ops, const std::string& name, std::vector<View> outs,
                  std::vector<View> ins, std::vector<double> attrs = {}) {
    Instr instr;
    instr.outs = std::move(outs);
    instr.ins = std::move(ins);
    instr.attrs = std::move(attrs);
    for (const Op& op : ops) {
      if (op.name == name) instr.op = &op;
    }
    if (instr.op == nullptr) return "no such op";
    std::string wrong = instr.op->prepare(instr);
    if (!wrong.empty()) return wrong;
    std::vector<std::byte> scratch(static_cast<size_t>(instr.scratch_bytes + 64 + kGuard));
    auto* aligned = reinterpret_cast<std::byte*>(
        (reinterpret_cast<uintptr_t>(scratch.data()) + 63) & ~uintptr_t{63});
    std::memset(aligned + instr.scratch_bytes, 0x5A, 64);
    Failure failure;
    Frame frame;
    const std::vector<std::byte*> bases = all_bases();
    frame.bases = bases.data();
    frame.scratch = aligned;
    frame.failure = &failure;
    for (int phase = 0; phase < instr.phases; ++phase) {
      for (int64_t c = instr.chunks[phase] - 1; c >= 0; --c) {
        instr.op->run(instr, frame, phase, c, c + 1);
      }
    }
    chunks = instr.chunks[0];
    for (int i = 0; i < 64; ++i) EXPECT(aligned[instr.scratch_bytes + i] == std::byte{0x5A});
    check_guards();
    return "";
  }

  template <class T>
  std::vector<T> read(const View& view) {
    std::vector<T> values(static_cast<size_t>(view.elements));
    for (int64_t i = 0; i < view.elements; ++i) {
      int64_t rest = i, offset = view.offset;
      for (int d = view.rank - 1; d >= 0; --d) {
        offset += rest % view.dims[d] * view.strides[d];
        rest /= view.dims[d];
      }
      std::memcpy(&values[i], base(view.buffer) + offset * static_cast<int64_t>(sizeof(T)),
                  sizeof(T));
    }
    return values;
  }
  std::byte* at(const View& view) {
    return base(view.buffer) + view.offset * dtype_bytes(view.dtype);
  }
  std::vector<std::byte*> all_bases() {
    std::vector<std::byte*> bases;
    for (size_t i = 0; i < buffers_.size(); ++i) bases.push_back(base(static_cast<int32_t>(i)));
    return bases;
  }

  int64_t chunks = 0;  // of the last run's first phase

 private:
  std::byte* base(int32_t buffer) { return buffers_[buffer].data() + kGuard; }
  void check_guards() {
    for (const auto& buffer : buffers_) {
      for (int64_t i = 0; i < kGuard; ++i) {
        EXPECT(buffer[i] == std::byte{0xA5});
        EXPECT(buffer[buffer.size() - 1 - static_cast<size_t>(i)] == std::byte{0xA5});
      }
    }
  }
  std::vector<std::vector<std::byte>> buffers_;
};

// Builds the attributes of a map program.
class MapBuilder {
 public:
  explicit MapBuilder(int num_ins) : next_(num_ins) {}
  int step(const std::string& name, DType dtype, int a = -1, int b = -1, int c = -1) {
    const auto& functions = map_functions();
    double fn = -1;
    for (size_t i = 0; i < functions.size(); ++i) {
      if (functions[i].name == name) fn = static_cast<double>(i);
    }
    for (const double word : {fn, static_cast<double>(dtype), double(a), double(b), double(c)}) {
      steps_.push_back(word);
    }
    return next_++;
  }
  std::vector<double> attrs(const std::vector<int>& outs) const {
    std::vector<double> words = {static_cast<double>(steps_.size() / 5)};
    words.insert(words.end(), steps_.begin(), steps_.end());
    words.insert(words.end(), outs.begin(), outs.end());
    return words;
  }

 private:
  int next_;
  std::vector<double> steps_;
};

// y = name(a), name(a, b) or name(a, b, c) over equally long vectors.
template <class Y, class... Sources>
std::vector<Y> map_one(const std::string& name, const std::vector<Sources>&... sources) {
  OpCase c;
  std::vector<View> ins = {c.filled(sources)...};
  MapBuilder program(static_cast<int>(ins.size()));
  const int a = 0, b = ins.size() > 1 ? 1 : -1, third = ins.size() > 2 ? 2 : -1;
  const int result = program.step(name, kDTypeOf<Y>, a, b, third);
  const View y = c.empty(kDTypeOf<Y>, {ins[0].elements});
  const std::string wrong = c.run(map_ops(), "map", {y}, ins, program.attrs({result}));
  expect(wrong.empty(), wrong, __FILE__, __LINE__);
  return c.read<Y>(y);
}

inline bool same_bits(double a, double b) { return a == b || (a != a && b != b); }

// |got - want| in units in the last place of T at want; 0 where both are the same, infinite or NaN.
template <class T>
double ulps(T got, long double want) {
  const T rounded = static_cast<T>(want);
  if (got == rounded || (got != got && rounded != rounded)) return 0;
  if (!std::isfinite(got) || !std::isfinite(rounded)) return 1e9;
  int exponent = 0;
  std::frexp(rounded, &exponent);
  const int least = std::numeric_limits<T>::min_exponent;
  const int bits = std::numeric_limits<T>::digits;
  const long double unit = std::ldexp(1.0L, (exponent < least ? least : exponent) - bits);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) / unit);
}

}  // namespace tenon::test
