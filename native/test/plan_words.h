// Builds the words of a plan (docs/plan.md) for tests.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "engine/plan.h"

namespace tenon::test {

struct BufferWords {
  Space space;
  double position;
  DType dtype;
  double elements;
  double block_elements = 0, block_bytes = 0;
};

struct ViewWords {
  double buffer, offset;
  std::vector<double> dims, strides;
};

struct InstrWords {
  double opcode;
  std::vector<double> outs, ins, attrs, epilogue_ins, epilogue;
};

inline std::vector<double> row_major(const std::vector<double>& dims) {
  std::vector<double> strides(dims.size());
  double stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return strides;
}

struct PlanWords {
  double magic = 0x54454E4F, version = 1, device = 0;
  double arena_bytes = 0, inputs = 0, outputs = 0, variables = 0, operands = 0;
  std::vector<BufferWords> buffers;
  std::vector<ViewWords> views;
  std::vector<std::vector<InstrWords>> blocks{1};

  double add_buffer(const BufferWords& buffer) {
    buffers.push_back(buffer);
    return static_cast<double>(buffers.size() - 1);
  }
  double add_view(const ViewWords& view) {
    views.push_back(view);
    return static_cast<double>(views.size() - 1);
  }
  double add_view(double buffer, const std::vector<double>& dims) {
    return add_view({buffer, 0, dims, row_major(dims)});
  }
  void add(const InstrWords& instr, size_t block = 0) {
    if (blocks.size() <= block) blocks.resize(block + 1);
    blocks[block].push_back(instr);
  }

  std::vector<double> words() const {
    std::vector<double> w = {magic,
                             version,
                             device,
                             arena_bytes,
                             inputs,
                             outputs,
                             variables,
                             operands,
                             static_cast<double>(buffers.size()),
                             static_cast<double>(views.size()),
                             static_cast<double>(blocks.size())};
    for (const BufferWords& b : buffers) {
      w.insert(w.end(), {static_cast<double>(b.space), b.position, static_cast<double>(b.dtype),
                         b.elements, b.block_elements, b.block_bytes});
    }
    for (const ViewWords& v : views) {
      w.insert(w.end(), {v.buffer, v.offset, static_cast<double>(v.dims.size())});
      append(w, v.dims);
      append(w, v.strides);
    }
    for (const auto& block : blocks) {
      w.push_back(static_cast<double>(block.size()));
      for (const InstrWords& i : block) append_instr(w, i);
    }
    return w;
  }

 private:
  static void append(std::vector<double>& w, const std::vector<double>& more) {
    w.insert(w.end(), more.begin(), more.end());
  }
  static void append_instr(std::vector<double>& w, const InstrWords& i) {
    const size_t length = 7 + i.outs.size() + i.ins.size() + i.epilogue_ins.size() +
                          i.attrs.size() + i.epilogue.size();
    w.push_back(i.opcode);
    for (size_t n : {length, i.outs.size(), i.ins.size(), i.epilogue_ins.size(), i.attrs.size(),
                     i.epilogue.size()}) {
      w.push_back(static_cast<double>(n));
    }
    for (const auto* list : {&i.outs, &i.ins, &i.epilogue_ins, &i.attrs, &i.epilogue})
      append(w, *list);
  }
};

}  // namespace tenon::test
