// Instructions that the executor interprets itself: they have no run function.
#pragma once

#include "engine/op.h"

namespace tenon {

enum class ControlKind { commit, cond, loop };

struct ControlState : OpState {
  ControlKind kind = ControlKind::commit;
  int32_t num_blocks = 0;
  int32_t blocks[2] = {0, 0};  // cond: then, else; loop: body
  int64_t max_trips = 0;
};

inline bool is_control(const Op& op) { return op.run == nullptr; }
inline const ControlState& control_of(const Instr& instr) {
  return static_cast<const ControlState&>(*instr.state);
}

}  // namespace tenon
