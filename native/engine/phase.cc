#include "engine/phase.h"

#include "engine/pause.h"

namespace tenon {
namespace {

constexpr int kSpinsForHelpers = 2000;  // some 40 us: the rest of a chunk

Frame frame_of(const Run& run, Failure* failure, int lane) {
  const int64_t stride = run.plan().scratch_bytes;
  return {.bases = run.bases.data(),
          .scratch = stride > 0 ? run.scratch + lane * stride : nullptr,
          .failure = failure,
          .cancelled = &run.stopped()};
}

}  // namespace

void run_alone(Run& run, const Instr& instr, int phase) {
  const Frame frame = frame_of(run, &run.failure, 0);
  for (int64_t chunk = 0; chunk < instr.chunks[phase]; ++chunk) {
    if (run.stopped().load(std::memory_order_relaxed)) return;
    instr.op->run(instr, frame, phase, chunk, chunk + 1);
  }
}

void OpenPhase::open(Run& run, const Instr& instr, int phase, int helpers,
                     std::atomic<int>& num_open) {
  run_ = &run;
  instr_ = &instr;
  failure_ = &run.failure;
  phase_ = phase;
  helpers_ = helpers;
  total_ = instr.chunks[phase];
  next_.store(0, std::memory_order_relaxed);
  num_open.fetch_add(1);  // before it can be joined, so that the count never falls below zero
  state_.store(kOpen + static_cast<uint32_t>(helpers) * kPlace);
}

void OpenPhase::work(int lane) {
  const Frame frame = frame_of(*run_, failure_, lane);
  for (;;) {
    const int64_t chunk = next_.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= total_ || run_->stopped().load(std::memory_order_relaxed)) return;
    instr_->op->run(*instr_, frame, phase_, chunk, chunk + 1);
  }
}

void OpenPhase::shut(std::atomic<int>& num_open) {
  if (state_.fetch_and(~kOpen, std::memory_order_acq_rel) & kOpen) num_open.fetch_sub(1);
}

bool OpenPhase::join(std::atomic<int>& num_open) {
  uint32_t state = state_.load(std::memory_order_acquire);
  uint32_t next;
  do {
    if (!(state & kOpen)) return false;
    next = state - kPlace + 1;
    if (next < kOpen + kPlace) next &= ~kOpen;  // the last place
  } while (!state_.compare_exchange_weak(state, next, std::memory_order_acq_rel));
  if (!(next & kOpen)) num_open.fetch_sub(1);
  const int places = static_cast<int>((state & ~kOpen) / kPlace);
  work(helpers_ - places + 1);
  shut(num_open);
  const uint32_t left = state_.fetch_sub(1, std::memory_order_acq_rel);
  if ((left & kActive) == 1) state_.notify_one();
  return true;
}

void OpenPhase::wait_for_helpers() {
  for (int spins = 0;; ++spins) {
    const uint32_t state = state_.load(std::memory_order_acquire);
    if ((state & kActive) == 0) return;
    if (spins < kSpinsForHelpers) {
      pause();
    } else {
      state_.wait(state, std::memory_order_acquire);
    }
  }
}

}  // namespace tenon
