// The process's threads. One pool, made once and never destroyed; environments share it.
#pragma once

#include <chrono>
#include <mutex>

#include "engine/phase.h"

namespace tenon {

class Pool {
 public:
  static Pool& instance();
  Pool();  // for instance()

  // How many threads work: TENON_THREADS, else what the system grants.
  int threads() const { return threads_.load(std::memory_order_relaxed); }
  void set_threads(int n);  // kept within 1 to kMaxThreads
  void start();             // throws std::system_error if no thread can be had

  void enqueue(Run& run, bool from_worker);  // its environment is told when it is done
  void run_here(Run& run);  // on the calling thread, with help; returns when it is done

 private:
  void work(int id);
  void serve(Run& run, OpenPhase& phase);
  // A null phase: no help. True: the run is done; false: others had waited for long.
  bool advance(Run& run, OpenPhase* phase, bool yields);
  void step(Run& run, OpenPhase* phase);
  void run_any(Run& run, const Instr& instr, OpenPhase* phase);
  void run_instr(Run& run, const Instr& instr, OpenPhase* phase);
  Run* take_ready();
  void push_ready(Run& run);
  bool help();
  bool has_work() const;
  void rest(int id);
  void wake(int wanted);
  OpenPhase* claim_phase();

  static constexpr int kSyncCallers = 64;  // that can have help at a time; more run alone

  std::atomic<int> threads_;
  std::atomic<int> num_ready_{0};  // runs in the queue
  std::atomic<int> num_open_{0};   // phases that can be joined
  std::atomic<int> active_{0};     // runs in the queue or in progress
  std::atomic<int> resting_{0}, spinning_{0};
  std::atomic<uint32_t> wake_count_{0}, park_count_{0};
  std::atomic<bool> claimed_[kSyncCallers] = {};

  std::mutex mutex_;
  Run* ready_ = nullptr;
  Run* last_ready_ = nullptr;
  int started_ = 0;

  OpenPhase phases_[kMaxThreads + kSyncCallers];  // one a worker, then those of sync callers
};

}  // namespace tenon
