// What one JavaScript environment has of the engine: a queue of runs, one of them active at a time,
// and the arena that they share. All calls but begin and finish come from its JavaScript thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "engine/run.h"

namespace tenon {

struct MemoryShortage {
  int64_t needed, available;
};

class Environment : public std::enable_shared_from_this<Environment> {
 public:
  // `notify` is called, on any thread and under a lock, when finished runs wait to be taken and it
  // has not been called since none did. It must not call back.
  using Notify = void (*)(void* context);
  Environment(Notify notify, void* context);
  ~Environment();

  // Gives a bound run its id and queues it, or says that its arena cannot fit.
  std::optional<MemoryShortage> submit(std::shared_ptr<Run> run, std::span<const uint64_t> after);
  // Waits for the queue, then runs on the calling thread. The outcome is in run.failure.
  std::optional<MemoryShortage> run_sync(Run& run, std::span<const uint64_t> after);

  // In the order of submission; null if there is none. rearm: the next one to finish notifies
  // again; false for a look without a notification, after which the one under way is still to come.
  std::shared_ptr<Run> take_finished(bool rearm = true);
  void cancel(uint64_t id);
  void wait_idle();
  void close();  // abandons what is queued; returns once no thread touches this environment

  size_t in_flight() const { return runs_.size(); }
  int64_t arena_bytes() const { return arena_bytes_.load(std::memory_order_relaxed); }

  // For the pool. begin: false if the run failed before its first instruction.
  bool begin(Run& run);
  void finish(Run& run);

 private:
  std::optional<MemoryShortage> reserve(const Plan& plan);
  void depend(Run& run, std::span<const uint64_t> after);
  void start_next(bool from_worker);

  const Notify notify_;
  void* const context_;

  std::mutex mutex_;
  std::condition_variable idle_;
  // Those not yet taken: finished ones, then the active one, then those that wait. Only the
  // JavaScript thread adds or removes, so engine threads never allocate here.
  std::deque<std::shared_ptr<Run>> runs_;
  size_t num_finished_ = 0;
  bool active_ = false;
  bool notified_ = false;
  bool closing_ = false;

  uint64_t last_id_ = 0;
  int64_t reserved_ = 0;  // the largest arena that a submitted run needs
  AlignedBytes arena_;    // belongs to the active run
  std::atomic<int64_t> arena_bytes_{0};
};

}  // namespace tenon
