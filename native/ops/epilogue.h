// The map program that finishes an op's first output, piece by piece; its scratch lies behind the
// kernel's own.
#pragma once

#include "ops/map_program.h"
#include "ops/operands.h"

namespace tenon {

class Epilogue {
 public:
  // Sets the instruction's scratch for the kernel and the program. Returns what is wrong, or an
  // empty string.
  std::string prepare(Instr& instr, int64_t kernel_bytes) {
    instr.scratch_bytes = kernel_bytes;
    if (instr.epilogue.empty()) return "";
    std::string wrong = MapProgram::parse_epilogue(instr, &program_);
    if (!wrong.empty()) return wrong;
    offset_ = align64(kernel_bytes);
    instr.scratch_bytes = offset_ + program_->scratch_bytes();
    instr.flops += program_->flops();
    return "";
  }
  explicit operator bool() const { return program_ != nullptr; }

  // Finishes elements [begin, end) of outs[0], counted row-major.
  void run(const Frame& frame, int64_t begin, int64_t end) const {
    if (program_ && begin < end) program_->run(frame, frame.scratch + offset_, begin, end);
  }

 private:
  std::unique_ptr<MapProgram> program_;
  int64_t offset_ = 0;
};

}  // namespace tenon
