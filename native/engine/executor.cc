// How a run moves through its plan: the part of the pool that interprets instructions.
#include <algorithm>

#include "engine/control.h"
#include "engine/environment.h"
#include "engine/pool.h"

namespace tenon {
namespace {

using Clock = Times::Clock;
constexpr auto kSlice = std::chrono::microseconds(200);  // of a run, while others wait

template <class T>
T* scalar(const Run& run, const View& view) {
  return reinterpret_cast<T*>(run.bases[static_cast<size_t>(view.buffer)]) + view.offset;
}

bool is_true(const Run& run, const View& predicate) {
  return *scalar<const uint8_t>(run, predicate) != 0;
}

void enter(Run& run, int32_t block) {
  const auto& instrs = run.plan().blocks[static_cast<size_t>(block)];
  run.levels[static_cast<size_t>(run.depth++)] = {.block = &instrs};
}

// Begins the trip that the level stands at, or leaves the loop.
void begin_trip(Run& run) {
  Level& level = run.levels[static_cast<size_t>(run.depth - 1)];
  const Instr& loop = *level.loop;
  *scalar<int64_t>(run, loop.outs[0]) = level.trip;
  const bool goes_on =
      level.trip < control_of(loop).max_trips && (loop.ins.empty() || is_true(run, loop.ins[0]));
  level.next = 0;
  if (!goes_on) run.depth--;
}

void run_control(Run& run, const Instr& instr) {
  const ControlState& control = control_of(instr);
  switch (control.kind) {
    case ControlKind::commit:
      if (!run.failed()) run.commit();
      break;
    case ControlKind::cond:
      enter(run, control.blocks[is_true(run, instr.ins[0]) ? 0 : 1]);
      break;
    case ControlKind::loop:
      enter(run, control.blocks[0]);
      run.levels[static_cast<size_t>(run.depth - 1)].loop = &instr;
      begin_trip(run);
      break;
  }
}

}  // namespace

void Pool::run_instr(Run& run, const Instr& instr, OpenPhase* phase) {
  for (int i = 0; i < instr.phases; ++i) {
    const int64_t lanes = std::min<int64_t>({instr.chunks[i], run.lanes, threads()});
    if (lanes > 1 && phase) {
      phase->run(run, instr, i, static_cast<int>(lanes) - 1, num_open_, [this](int n) { wake(n); });
    } else {
      run_alone(run, instr, i);
    }
  }
}

void Pool::run_any(Run& run, const Instr& instr, OpenPhase* phase) {
  if (is_control(*instr.op)) {
    run_control(run, instr);
  } else {
    run_instr(run, instr, phase);
  }
}

void Pool::step(Run& run, OpenPhase* phase) {
  Level& level = run.levels[static_cast<size_t>(run.depth - 1)];
  if (level.next < level.block->size()) {
    const Instr& instr = (*level.block)[level.next++];
    if (run.times) {
      const auto start = Clock::now();
      run_any(run, instr, phase);
      run.times.add(instr.index, start, Clock::now());
    } else {
      run_any(run, instr, phase);
    }
  } else if (level.loop) {
    level.trip++;
    begin_trip(run);
  } else {
    run.depth--;
  }
}

bool Pool::advance(Run& run, OpenPhase* phase, bool yields) {
  const auto start = Clock::now();
  while (run.depth > 0) {
    if (run.stopped().load(std::memory_order_relaxed)) {
      run.failure.report(FailureCode::cancelled, 0, 0, -1);
      return true;
    }
    if (run.failed() && !run.committed()) return true;
    step(run, phase);
    if (yields && num_ready_.load(std::memory_order_relaxed) > 0 && Clock::now() - start > kSlice) {
      return run.depth == 0;
    }
  }
  return true;
}

void Pool::serve(Run& run, OpenPhase& phase) {
  if (!run.started) run.started = run.environment->begin(run);
  const bool done = !run.started || advance(run, &phase, true);
  if (!done) return push_ready(run);
  active_.fetch_sub(1);
  run.environment->finish(run);
}

OpenPhase* Pool::claim_phase() {
  for (int i = 0; i < kSyncCallers; ++i) {
    if (!claimed_[i].exchange(true)) return &phases_[kMaxThreads + i];
  }
  return nullptr;
}

void Pool::run_here(Run& run) {
  OpenPhase* phase = run.lanes > 1 ? claim_phase() : nullptr;
  active_.fetch_add(1);
  advance(run, phase, false);
  active_.fetch_sub(1);
  if (phase) claimed_[phase - &phases_[kMaxThreads]].store(false);
}

}  // namespace tenon
