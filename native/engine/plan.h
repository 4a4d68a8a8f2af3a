// A decoded plan: immutable, checked, shared by all runs of it.
#pragma once

#include <string>
#include <vector>

#include "engine/memory.h"
#include "engine/op.h"

namespace tenon {

// The order is part of the plan format (docs/plan.md).
enum class Space : uint8_t { arena, input, output, variable, operand, constant };
constexpr int kNumSpaces = 6;

struct Buffer {
  Space space = Space::arena;
  bool plain = true;  // false: blocks of quantised elements
  DType dtype = DType::f32;
  int64_t position =
      0;  // arena, constant: bytes; otherwise the index of the input, output, variable or operand
  int64_t elements = 0;
  int64_t bytes = 0;
};

struct Plan {
  int64_t arena_bytes = 0;
  int64_t scratch_bytes = 0;  // of each thread; a multiple of 64
  std::vector<Buffer> buffers;
  std::vector<std::vector<Instr>> blocks;
  // What each of them must hold; 0 where no buffer names it.
  std::vector<int64_t> input_bytes, output_bytes, variable_bytes;
  int64_t num_operands = 0;
  int32_t num_instrs = 0;
  int32_t depth = 1;      // of nested blocks
  bool parallel = false;  // some instruction has several chunks
  AlignedBytes constants;
};

}  // namespace tenon
