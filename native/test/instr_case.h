// An OpCase for whole instructions: with an epilogue, a failure to look at, and poisoned scratch.
#pragma once

#include "op_case.h"

namespace tenon::test {

// Random sizes and values, the same on every platform.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  double real() { return static_cast<double>(random_() % 2000001) / 1e6 - 1; }
  template <class T>
  std::vector<T> values(int64_t n) {
    std::vector<T> all(static_cast<size_t>(n));
    for (T& value : all) {
      if constexpr (std::is_floating_point_v<T>) {
        value = static_cast<T>(real());
      } else {
        value = static_cast<T>(random_());
      }
    }
    return all;
  }

 private:
  std::mt19937_64 random_;
};

class InstrCase : public OpCase {
 public:
  Instr instr;
  Failure failure;

  explicit InstrCase(const std::vector<Op>& ops, const std::string& name) : ops_(ops) {
    for (const Op& op : ops_) {
      if (op.name == name) instr.op = &op;
    }
    EXPECT(instr.op != nullptr);
  }

  View empty(DType dtype, const std::vector<int64_t>& dims) {
    const View view = OpCase::empty(dtype, dims);
    sizes_.push_back(view.elements * dtype_bytes(dtype));
    return view;
  }
  template <class T>
  View in(const std::vector<T>& values, const std::vector<int64_t>& dims) {
    const View view = empty(kDTypeOf<T>, dims);
    if (!values.empty()) std::memcpy(at(view), values.data(), values.size() * sizeof(T));
    instr.ins.push_back(view);
    return view;
  }
  template <class T>
  View random_in(Dice& dice, const std::vector<int64_t>& dims) {
    int64_t n = 1;
    for (const int64_t dim : dims) n *= dim;
    return in(dice.values<T>(n), dims);
  }
  template <class T>
  View out(const std::vector<int64_t>& dims) {
    instr.outs.push_back(empty(kDTypeOf<T>, dims));
    std::memset(at(instr.outs.back()), 0xFF,
                static_cast<size_t>(instr.outs.back().elements) * sizeof(T));
    return instr.outs.back();
  }
  // y = relu(y + z)
  template <class T>
  View add_epilogue(Dice& dice, const std::vector<int64_t>& dims) {
    const View z = random_in<T>(dice, dims);
    instr.ins.pop_back();
    instr.epilogue_ins = {z};
    MapBuilder program(2);
    const int sum = program.step("add", kDTypeOf<T>, 0, 1);
    instr.epilogue = program.attrs({program.step("relu", kDTypeOf<T>, sum)});
    return z;
  }

  std::string prepare() { return instr.op->prepare(instr); }

  // Last chunk first; scratch is filled with NaN before each.
  void run_prepared() {
    const auto bytes = static_cast<size_t>(instr.scratch_bytes);
    std::vector<std::byte> scratch(bytes + 128);
    auto* aligned = reinterpret_cast<std::byte*>(
        (reinterpret_cast<uintptr_t>(scratch.data()) + 63) & ~uintptr_t{63});
    std::memset(aligned + bytes, 0x5A, 64);
    const std::vector<std::byte*> bases = all_bases();
    Frame frame;
    frame.bases = bases.data();
    frame.scratch = bytes > 0 ? aligned : nullptr;
    frame.failure = &failure;
    for (int phase = 0; phase < instr.phases; phase++) {
      for (int64_t c = instr.chunks[phase] - 1; c >= 0; c--) {
        std::memset(aligned, 0xFF, bytes);
        instr.op->run(instr, frame, phase, c, c + 1);
      }
    }
    for (int i = 0; i < 64; i++) EXPECT(aligned[bytes + static_cast<size_t>(i)] == std::byte{0x5A});
    const std::vector<std::byte*> bases_after = all_bases();
    for (size_t i = 0; i < sizes_.size(); i++) {
      for (int64_t byte = 1; byte <= kGuard; byte++) {
        EXPECT(bases_after[i][-byte] == std::byte{0xA5});
        EXPECT(bases_after[i][sizes_[i] + byte - 1] == std::byte{0xA5});
      }
    }
  }
  void run() {
    const std::string wrong = prepare();
    expect(wrong.empty(), wrong, __FILE__, __LINE__);
    if (wrong.empty()) run_prepared();
  }

 private:
  const std::vector<Op> ops_;
  std::vector<int64_t> sizes_;  // of the buffers, bytes
};

template <class T>
double tolerance(double terms) {
  return (std::is_same_v<T, float> ? 3e-7 : 1e-15) * (8 + terms);
}

// Not EXPECT_TEXT, whose concatenation GCC 12 takes for an overlapping copy under -O3.
inline void expect_text(const std::string& text, const char* part) {
  expect(text.find(part) != std::string::npos, text, __FILE__, __LINE__);
}

// Differences of at most `limit`, relative to 1 + |want|; NaN only where NaN is wanted.
template <class T>
void expect_close(const std::vector<T>& got, const std::vector<double>& want, double limit,
                  const std::string& what) {
  EXPECT(got.size() == want.size());
  for (size_t i = 0; i < got.size() && i < want.size(); i++) {
    const double value = static_cast<double>(got[i]);
    const bool close = (std::isnan(value) && std::isnan(want[i])) || value == want[i] ||
                       std::fabs(value - want[i]) <= limit * (1 + std::fabs(want[i]));
    if (close) continue;
    expect(false,
           what + ": element " + std::to_string(i) + " is " + std::to_string(value) + ", not " +
               std::to_string(want[i]),
           __FILE__, __LINE__);
    return;
  }
}

// Each word of an instruction spoilt in turn, as a hostile plan would: prepare() may refuse or
// accept, never crash.
template <class Make>
void spoil_instr(const Make& make) {
  const double words[] = {std::nan(""), 1e300, -1e300, -1, 0, 0.5, 4503599627370496.0, 1 << 30};
  const size_t attrs = make()->instr.attrs.size();
  for (size_t i = 0; i < attrs; i++) {
    for (const double word : words) {
      auto spoilt = make();
      spoilt->instr.attrs[i] = word;
      spoilt->prepare();
    }
  }
  const auto with_view = [&](bool out, size_t at, auto&& change) {
    auto spoilt = make();
    auto& views = out ? spoilt->instr.outs : spoilt->instr.ins;
    change(views, at);
    if (spoilt->prepare().empty()) return;
  };
  for (const bool out : {false, true}) {
    const size_t count = out ? make()->instr.outs.size() : make()->instr.ins.size();
    for (size_t at = 0; at < count; at++) {
      with_view(out, at, [](auto& views, size_t i) {
        views.erase(views.begin() + static_cast<std::ptrdiff_t>(i));
      });
      with_view(out, at, [](auto& views, size_t i) { views.push_back(views[i]); });
      with_view(out, at, [](auto& views, size_t i) { views[i].rank = 0, views[i].elements = 1; });
      with_view(out, at, [](auto& views, size_t i) { views[i].contiguous = false; });
      for (int dtype = 0; dtype < kNumDTypes; dtype++) {
        with_view(out, at,
                  [=](auto& views, size_t i) { views[i].dtype = static_cast<DType>(dtype); });
      }
      for (int d = 0; d < kMaxRank; d++) {
        for (const int64_t dim : {int64_t{0}, int64_t{1}, int64_t{7}, int64_t{1} << 52}) {
          with_view(out, at, [=](auto& views, size_t i) {
            View& view = views[i];
            if (d >= view.rank) return;
            view.dims[d] = dim;
            view.elements = 1;
            for (int e = 0; e < view.rank; e++)
              view.elements *= view.dims[e] > (1 << 20) ? 0 : view.dims[e];
          });
        }
      }
    }
  }
}

}  // namespace tenon::test
