// A phase of an instruction that several threads work on: the thread that opens it takes part, and
// others may join until the chunks, or the places, are gone.
#pragma once

#include "engine/run.h"

namespace tenon {

constexpr int kMaxThreads = 256;

// Lives as long as the process, so that a late look at it is harmless.
class alignas(64) OpenPhase {
 public:
  // Runs all chunks of a phase; at most `helpers` other threads take part. `num_open` counts the
  // phases that can be joined; `wake` is told how many threads could help.
  template <class Wake>
  void run(Run& run, const Instr& instr, int phase, int helpers, std::atomic<int>& num_open,
           const Wake& wake);
  bool join(std::atomic<int>& num_open);  // false: nothing to do here

 private:
  static constexpr uint32_t kOpen = 1u << 31;
  static constexpr uint32_t kPlace = 1u << 16;  // of threads that may still join: bits 16 to 30
  static constexpr uint32_t kActive = kPlace - 1;

  void open(Run& run, const Instr& instr, int phase, int helpers, std::atomic<int>& num_open);
  void work(int lane);
  void shut(std::atomic<int>& num_open);
  void wait_for_helpers();

  std::atomic<uint32_t> state_{0};
  // Written by the opener before state_, read by those that it let in.
  const Run* run_ = nullptr;
  const Instr* instr_ = nullptr;
  Failure* failure_ = nullptr;
  int phase_ = 0;
  int helpers_ = 0;
  int64_t total_ = 0;
  alignas(64) std::atomic<int64_t> next_{0};
};

// Runs all chunks of a phase on this thread alone.
void run_alone(Run& run, const Instr& instr, int phase);

template <class Wake>
void OpenPhase::run(Run& run, const Instr& instr, int phase, int helpers,
                    std::atomic<int>& num_open, const Wake& wake) {
  open(run, instr, phase, helpers, num_open);
  wake(helpers);
  work(0);
  shut(num_open);
  wait_for_helpers();
}

}  // namespace tenon
