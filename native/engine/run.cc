#include "engine/run.h"

namespace tenon {
namespace {

std::string number(size_t n) { return std::to_string(n); }

// Other addons may make ArrayBuffers of any address; the kernels count on V8's alignment.
constexpr uintptr_t kInputAlignment = 8;

// Where empty buffers begin: kernels may step from it, though they read nothing.
alignas(kAlignment) std::byte nothing[1];

std::string check_buffers(const char* what, std::span<const Bytes> given,
                          const std::vector<int64_t>& least) {
  if (given.size() != least.size()) {
    return "needs " + number(least.size()) + " " + what + "s, got " + number(given.size());
  }
  for (size_t i = 0; i < given.size(); ++i) {
    const std::string_view name = what;
    if (given[i].size < least[i]) {
      return std::string(name) + " " + number(i) + " needs " + std::to_string(least[i]) +
             " bytes, got " + std::to_string(given[i].size);
    }
    if (reinterpret_cast<uintptr_t>(given[i].data) % kInputAlignment != 0) {
      return std::string(name) + " " + number(i) + " is not aligned to 8 bytes";
    }
  }
  return "";
}

}  // namespace

Run::Run(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {
  bases.resize(plan_->buffers.size());
  levels.resize(static_cast<size_t>(plan_->depth));
}

std::string Run::bind(const Bindings& bindings) {
  const Plan& p = *plan_;
  if (auto error = check_buffers("input", bindings.inputs, p.input_bytes); !error.empty())
    return error;
  if (auto error = check_buffers("output", bindings.outputs, p.output_bytes); !error.empty())
    return error;
  if (static_cast<int64_t>(bindings.operands.size()) != p.num_operands) {
    return "needs " + std::to_string(p.num_operands) + " operands, got " +
           number(bindings.operands.size());
  }
  if (bindings.variables.size() != p.variable_bytes.size()) {
    return "needs " + number(p.variable_bytes.size()) + " variables, got " +
           number(bindings.variables.size());
  }
  for (size_t i = 0; i < p.variable_bytes.size(); ++i) {
    const int64_t bytes = bindings.variables[i]->bytes();
    if (p.variable_bytes[i] != 0 && p.variable_bytes[i] != bytes) {
      return "variable " + number(i) + " needs " + std::to_string(p.variable_bytes[i]) +
             " bytes, got " + std::to_string(bytes);
    }
  }
  for (const Bytes& output : bindings.outputs) expect_full_use(output.data, output.size);
  operands_.assign(bindings.operands.begin(), bindings.operands.end());
  variables_.assign(bindings.variables.begin(), bindings.variables.end());
  for (size_t i = 0; i < p.buffers.size(); ++i) {
    const auto position = static_cast<size_t>(p.buffers[i].position);
    switch (p.buffers[i].space) {
      case Space::arena:
        break;
      case Space::input:
        bases[i] = bindings.inputs[position].data;
        break;
      case Space::output:
        bases[i] = bindings.outputs[position].data;
        break;
      case Space::variable:
        bases[i] = variables_[position]->data();
        break;
      case Space::operand:
        bases[i] = reinterpret_cast<std::byte*>(&operands_[position]);
        break;
      case Space::constant:
        bases[i] = p.constants.data() + position;
        break;
    }
    if (!bases[i]) bases[i] = nothing;
  }
  return "";
}

void Run::place(std::byte* arena, std::byte* scratch_memory, int num_lanes) {
  for (size_t i = 0; i < bases.size(); ++i) {
    const Buffer& buffer = plan_->buffers[i];
    if (buffer.space == Space::arena) bases[i] = arena ? arena + buffer.position : nothing;
  }
  scratch = scratch_memory;
  lanes = num_lanes;
  levels[0] = {.block = &plan_->blocks[0]};
  depth = 1;
}

bool Run::cancel() {
  int expected = kOpen;
  if (!gate_.compare_exchange_strong(expected, kCancelled)) return expected == kCancelled;
  stop_.store(true, std::memory_order_release);
  return true;
}

bool Run::commit() {
  int expected = kOpen;
  return gate_.compare_exchange_strong(expected, kCommitted);
}

void Run::abandon() { stop_.store(true, std::memory_order_release); }

}  // namespace tenon
