// Ways to spoil a program: by its parts, so that most of it stays plausible, or word by word.
#pragma once

#include <cmath>
#include <limits>

#include "test/fuzz_builder.h"

namespace tenon::test {

inline double odd_number(Random& random) {
  static const std::vector<double> numbers = {0,
                                              1,
                                              -1,
                                              2,
                                              3,
                                              7,
                                              8,
                                              13,
                                              64,
                                              255,
                                              65536,
                                              1e9,
                                              0x1p31,
                                              0x1p32,
                                              0x1p46,
                                              0x1p52,
                                              0x1p53,
                                              0x1p62,
                                              0x1p63,
                                              -0x1p52,
                                              -0x1p63,
                                              0.5,
                                              1e300,
                                              -1e300,
                                              std::numeric_limits<double>::infinity(),
                                              std::numeric_limits<double>::quiet_NaN()};
  return random.of(numbers);
}

inline void spoil_number(Random& random, double& number) {
  switch (random.below(5)) {
    case 0:
      number += 1;
      return;
    case 1:
      number -= 1;
      return;
    case 2:
      number = -number;
      return;
    case 3:
      number = static_cast<double>(random.between(0, 9));
      return;
    default:
      number = odd_number(random);
  }
}

inline void spoil_view(Random& random, PlanWords& plan, ViewWords& view) {
  const int64_t rank = static_cast<int64_t>(view.dims.size());
  const auto axis = static_cast<size_t>(random.below(rank));
  switch (random.below(7)) {
    case 0:
      return spoil_number(random, view.offset);
    case 1:
      view.buffer = static_cast<double>(random.below(static_cast<int64_t>(plan.buffers.size())));
      return;
    case 2:
      view.dims.push_back(static_cast<double>(random.between(0, 3)));
      view.strides.push_back(1);
      return;
    case 3:
      if (rank == 0) return;
      view.dims.pop_back();
      view.strides.pop_back();
      return;
    case 4:
      if (rank > 0) spoil_number(random, view.strides[axis]);
      return;
    case 5:
      if (rank > 0) std::swap(view.strides[axis], view.strides[0]);
      return;
    default:
      if (rank > 0) spoil_number(random, view.dims[axis]);
      if (random.chance(50)) view.strides = row_major(view.dims);
  }
}

inline void spoil_buffer(Random& random, BufferWords& buffer) {
  switch (random.below(5)) {
    case 0:
      return spoil_number(random, buffer.elements);
    case 1:
      buffer.dtype = static_cast<DType>(random.below(kNumDTypes));
      return;
    case 2:
      buffer.position += random.chance(50) ? 64 : -64;
      return;
    case 3:
      buffer.space = static_cast<Space>(random.below(kNumSpaces));
      return;
    default:
      return spoil_number(random, random.chance(50) ? buffer.block_elements : buffer.position);
  }
}

inline void spoil_list(Random& random, std::vector<double>& list, int64_t ids) {
  const auto size = static_cast<int64_t>(list.size());
  switch (random.below(4)) {
    case 0:
      list.push_back(static_cast<double>(random.below(ids)));
      return;
    case 1:
      if (size > 0) list.pop_back();
      return;
    case 2:
      if (size > 0) std::swap(list[0], list[static_cast<size_t>(random.below(size))]);
      return;
    default:
      if (size > 0)
        list[static_cast<size_t>(random.below(size))] = static_cast<double>(random.below(ids));
  }
}

inline void spoil_instr(Random& random, PlanWords& plan, InstrWords& instr) {
  const auto views = static_cast<int64_t>(plan.views.size());
  const auto spoil_one = [&random](std::vector<double>& list) {
    if (!list.empty())
      spoil_number(random,
                   list[static_cast<size_t>(random.below(static_cast<int64_t>(list.size())))]);
  };
  switch (random.below(8)) {
    case 0:
      return spoil_list(random, instr.outs, views);
    case 1:
    case 2:
      return spoil_list(random, instr.ins, views);
    case 3:
      return spoil_list(random, instr.epilogue_ins, views);
    case 4:
    case 5:
      return spoil_one(instr.attrs);
    case 6:
      return spoil_one(instr.epilogue);
    default:
      instr.opcode = static_cast<double>(random.below(static_cast<int64_t>(op_table().size())));
  }
}

// Makes room for what the views now reach, so that it is the ops that must find what is wrong.
inline void repair(PlanWords& plan) {
  constexpr double kMost = 20000;
  for (ViewWords& view : plan.views) {
    if (view.buffer < 0 || view.buffer >= static_cast<double>(plan.buffers.size())) continue;
    double high = view.offset;
    for (size_t i = 0; i < view.dims.size(); ++i)
      high += std::max(0.0, (view.dims[i] - 1) * view.strides[i]);
    BufferWords& buffer = plan.buffers[static_cast<size_t>(view.buffer)];
    if (high < kMost && buffer.space != Space::operand)
      buffer.elements = std::max(buffer.elements, high + 1);
  }
  plan.arena_bytes = 0;
  for (BufferWords& buffer : plan.buffers) {
    if (buffer.space != Space::arena || !(buffer.elements < kMost)) continue;
    buffer.position = plan.arena_bytes;
    plan.arena_bytes += std::ceil(buffer.elements * 8 / 64) * 64;
  }
}

inline void spoil_parts(Random& random, PlanWords& plan) {
  const auto block = static_cast<size_t>(random.below(static_cast<int64_t>(plan.blocks.size())));
  auto& instrs = plan.blocks[block];
  const auto at = static_cast<size_t>(random.below(static_cast<int64_t>(instrs.size())));
  const int64_t kind = random.below(12);
  if (kind < 5 && !plan.views.empty()) {
    spoil_view(
        random, plan,
        plan.views[static_cast<size_t>(random.below(static_cast<int64_t>(plan.views.size())))]);
  } else if (kind < 7 && !plan.buffers.empty()) {
    spoil_buffer(
        random,
        plan.buffers[static_cast<size_t>(random.below(static_cast<int64_t>(plan.buffers.size())))]);
  } else if (instrs.empty()) {
    spoil_number(random, plan.arena_bytes);
  } else if (kind < 10) {
    spoil_instr(random, plan, instrs[at]);
  } else if (kind == 10) {
    const InstrWords copy = instrs[at];
    instrs.insert(instrs.begin() + random.below(static_cast<int64_t>(instrs.size())), copy);
  } else {
    instrs.erase(instrs.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

inline void spoil_words(Random& random, std::vector<double>& words) {
  const auto size = static_cast<int64_t>(words.size());
  const auto at = static_cast<size_t>(random.below(size)),
             from = static_cast<size_t>(random.below(size));
  switch (random.below(5)) {
    case 0:
      words[at] = words[from];
      return;
    case 1:
      std::swap(words[at], words[from]);
      return;
    case 2:
      words.resize(at + 1);
      return;
    default:
      spoil_number(random, words[at]);
  }
}

}  // namespace tenon::test
