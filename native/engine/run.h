// One evaluation: a plan, what it is bound to, and how far it has come. Made on the JavaScript
// thread with all the memory that it will need; engine threads only move through it.
#pragma once

#include <span>

#include "engine/plan.h"
#include "engine/times.h"

namespace tenon {

class Environment;

struct Bytes {
  std::byte* data = nullptr;
  int64_t size = 0;
};

struct Bindings {
  std::span<const Bytes> inputs, outputs;
  std::span<const double> operands;
  std::span<const std::shared_ptr<AlignedBytes>> variables;
};

// Where a run stands in one block; a loop's body has its trips.
struct Level {
  const std::vector<Instr>* block = nullptr;
  size_t next = 0;
  const Instr* loop = nullptr;
  int64_t trip = 0;
};

class Run {
 public:
  explicit Run(std::shared_ptr<const Plan> plan);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Returns what does not fit the plan, or an empty string. What is bound must outlive the run;
  // variables are shared.
  std::string bind(const Bindings& bindings);

  // Once bound, before the first instruction: gives it its arena and scratch memory.
  void place(std::byte* arena, std::byte* scratch, int lanes);

  const Plan& plan() const { return *plan_; }
  bool failed() const { return failure.code.load(std::memory_order_acquire) != 0; }

  // True from now on means that no instruction after the commit has begun, nor will.
  bool cancel();
  bool commit();  // false: it was cancelled before
  bool committed() const { return gate_.load(std::memory_order_acquire) == kCommitted; }
  void abandon();  // its environment is closing: stop at the next chunk
  const std::atomic<bool>& stopped() const { return stop_; }

  uint64_t id = 0;
  Environment* environment = nullptr;
  Run* next_ready = nullptr;  // in the pool's queue
  bool started = false;
  Failure failure;
  Times times;                              // false: nobody asked
  std::vector<std::shared_ptr<Run>> after;  // if one of these failed, this one does

  std::vector<std::byte*> bases;  // by buffer id
  std::byte* scratch = nullptr;   // lanes x plan().scratch_bytes
  int lanes = 1;                  // threads that may work on one instruction
  std::vector<Level> levels;      // plan().depth of them
  int32_t depth = 0;              // in use

 private:
  enum Gate : int { kOpen, kCancelled, kCommitted };

  std::shared_ptr<const Plan> plan_;
  std::vector<double> operands_;
  std::vector<std::shared_ptr<AlignedBytes>> variables_;
  std::atomic<int> gate_{kOpen};
  std::atomic<bool> stop_{false};
};

}  // namespace tenon
