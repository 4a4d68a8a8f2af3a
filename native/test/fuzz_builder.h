// What the program templates of the fuzzer are written with: buffers and views of every kind.
#pragma once

#include <algorithm>

#include "test/fuzz_random.h"
#include "test/plan_words.h"

namespace tenon::test {

using Dims = std::vector<double>;

inline double count(const Dims& dims) {
  double n = 1;
  for (double dim : dims) n *= dim;
  return n;
}

class FuzzBuilder {
 public:
  explicit FuzzBuilder(Random& source) : random(source) {}

  Random& random;
  PlanWords plan;
  size_t block = 0;  // where instructions go
  bool committed = false;

  double dim() {
    const int64_t kind = random.below(20);
    if (kind == 0) return 0;
    if (kind == 1) return static_cast<double>(random.between(17, 70));
    return static_cast<double>(random.between(1, 7));
  }
  Dims dims(int64_t rank) {
    Dims result;
    for (int64_t i = 0; i < rank; ++i) result.push_back(dim());
    return result;
  }
  DType real() { return random.chance(70) ? DType::f32 : DType::f64; }
  DType integer() { return random.chance(60) ? DType::i64 : DType::i32; }
  DType any_dtype() { return static_cast<DType>(random.below(kNumDTypes)); }

  double buffer(Space space, DType dtype, double elements) {
    const auto bytes = elements * static_cast<double>(dtype_bytes(dtype));
    switch (space) {
      case Space::arena: {
        const double position = plan.arena_bytes;
        plan.arena_bytes = std::ceil((position + bytes) / 64) * 64;
        return plan.add_buffer({space, position, dtype, elements});
      }
      case Space::input:
        return plan.add_buffer({space, plan.inputs++, dtype, elements});
      case Space::output:
        return plan.add_buffer({space, plan.outputs++, dtype, elements});
      case Space::variable:
        return plan.add_buffer({space, plan.variables++, dtype, elements});
      case Space::operand:
        return plan.add_buffer({space, plan.operands++, DType::f64, 1});
      case Space::constant: {
        const double position = constant_bytes;
        constant_bytes = std::ceil((position + bytes) / 64) * 64;
        return plan.add_buffer({space, position, dtype, elements});
      }
    }
    return 0;
  }

  // A dense operand; now and then a view that is already there.
  double in(DType dtype, const Dims& dims) {
    if (const double known = existing(dtype, dims); known >= 0) return known;
    static const std::vector<Space> spaces = {Space::arena, Space::arena, Space::input,
                                              Space::variable, Space::constant};
    return plan.add_view(buffer(random.of(spaces), dtype, count(dims)), dims);
  }
  double out(DType dtype, const Dims& dims) {
    const bool variable = committed && block == 0 && random.chance(40);
    const Space space = variable            ? Space::variable
                        : random.chance(70) ? Space::arena
                                            : Space::output;
    return plan.add_view(buffer(space, dtype, count(dims)), dims);
  }
  double scalar() { return plan.add_view(buffer(Space::operand, DType::f64, 1), Dims{}); }

  // Strides of every sort: swapped dims, gaps, backwards, and, of an operand that is only read,
  // broadcast.
  double strided(DType dtype, const Dims& dims, bool writes) {
    if (random.chance(40)) return writes ? out(dtype, dims) : in(dtype, dims);
    std::vector<size_t> order(dims.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[static_cast<size_t>(random.below(static_cast<int64_t>(i)))]);
    }
    ViewWords view{0, 0, dims, Dims(dims.size())};
    double extent = 1;
    for (size_t i : order) {
      if (!writes && random.chance(20)) continue;  // broadcast
      view.strides[i] = extent;
      extent = extent * std::max(dims[i], 1.0) + (random.chance(20) ? 1 : 0);
      if (random.chance(20)) {
        view.offset += view.strides[i] * std::max(dims[i] - 1, 0.0);
        view.strides[i] = -view.strides[i];
      }
    }
    const Space space = writes ? Space::arena : random.chance(50) ? Space::arena : Space::input;
    view.buffer = buffer(space, dtype, extent);
    return plan.add_view(view);
  }

  // Does nothing if this build has no such op.
  void emit(const char* name, const Dims& outs, const Dims& ins, const Dims& attrs = {},
            const Dims& epilogue_ins = {}, const Dims& epilogue = {}) {
    const int opcode = find_op(name);
    if (opcode >= 0) plan.add({double(opcode), outs, ins, attrs, epilogue_ins, epilogue}, block);
  }

  double constant_bytes = 0;

 private:
  double existing(DType dtype, const Dims& dims) {
    if (!random.chance(25)) return -1;
    for (size_t i = 0; i < plan.views.size(); ++i) {
      const ViewWords& view = plan.views[i];
      const bool fits =
          view.dims == dims && plan.buffers[static_cast<size_t>(view.buffer)].dtype == dtype;
      if (fits && view.strides == row_major(dims)) return static_cast<double>(i);
    }
    return -1;
  }
};

}  // namespace tenon::test
