// cond, loop and commit: what they mean is in docs/plan.md, how they run in engine/executor.cc.
#include "engine/control.h"

#include <cmath>

#include "ops/families.h"

namespace tenon {
namespace {

constexpr double kMaxTrips = 4503599627370496.0;  // 2^52
constexpr double kMaxBlock = 2147483647.0;

bool is_integer(double value, double most) {
  return value >= 0 && value <= most && value == std::floor(value);
}

bool is_scalar(const View& view, DType dtype) { return view.dtype == dtype && view.elements == 1; }

std::string prepare_commit(Instr& instr) {
  if (!instr.outs.empty() || !instr.ins.empty() || !instr.attrs.empty()) return "takes nothing";
  instr.state = std::make_unique<ControlState>();
  return "";
}

std::string prepare_cond(Instr& instr) {
  if (!instr.outs.empty() || instr.ins.size() != 1 || instr.attrs.size() != 2) {
    return "takes a predicate and two blocks";
  }
  if (!is_scalar(instr.ins[0], DType::boolean)) return "predicate must be one bool";
  auto state = std::make_unique<ControlState>();
  state->kind = ControlKind::cond;
  state->num_blocks = 2;
  for (int i = 0; i < 2; ++i) {
    if (!is_integer(instr.attrs[i], kMaxBlock)) return "bad block number";
    state->blocks[i] = static_cast<int32_t>(instr.attrs[i]);
  }
  instr.state = std::move(state);
  return "";
}

std::string prepare_loop(Instr& instr) {
  if (instr.outs.size() != 1 || instr.ins.size() > 1 || instr.attrs.size() != 2) {
    return "takes a counter, at most one predicate, a block and a number of trips";
  }
  if (!is_scalar(instr.outs[0], DType::i64)) return "counter must be one i64";
  if (!instr.ins.empty() && !is_scalar(instr.ins[0], DType::boolean)) {
    return "predicate must be one bool";
  }
  if (!is_integer(instr.attrs[0], kMaxBlock)) return "bad block number";
  if (!is_integer(instr.attrs[1], kMaxTrips)) return "bad number of trips";
  auto state = std::make_unique<ControlState>();
  state->kind = ControlKind::loop;
  state->num_blocks = 1;
  state->blocks[0] = static_cast<int32_t>(instr.attrs[0]);
  state->max_trips = static_cast<int64_t>(instr.attrs[1]);
  instr.state = std::move(state);
  return "";
}

}  // namespace

std::vector<Op> control_ops() {
  return {{.name = "cond", .prepare = prepare_cond},
          {.name = "loop", .prepare = prepare_loop},
          {.name = "commit", .prepare = prepare_commit}};
}

}  // namespace tenon
