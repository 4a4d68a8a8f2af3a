#include "engine/environment.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "engine/pool.h"

namespace tenon {
namespace {

int64_t round_up(int64_t bytes) { return (bytes + 63) / 64 * 64; }

int lanes_of(const Plan& plan) { return plan.parallel ? Pool::instance().threads() : 1; }

int64_t arena_of(const Plan& plan, int lanes) {
  return round_up(plan.arena_bytes) + lanes * plan.scratch_bytes;
}

struct Living {
  std::mutex mutex;
  std::vector<Environment*> list;
};

Living& living() {
  static Living* const environments = std::make_unique<Living>().release();
  return *environments;
}

// exit() may be called while runs are under way, and goes on to destroy what they use, BLAS's
// buffers for one. (Windows ends all other threads first.)
[[maybe_unused]] void close_all() {
  std::lock_guard lock(living().mutex);
  for (Environment* environment : living().list) environment->close();
}

void close_all_at_exit() {
#if !defined(_WIN32)
  static std::once_flag once;
  std::call_once(once, [] { std::atexit(close_all); });
#endif
}

}  // namespace

Environment::Environment(Notify notify, void* context) : notify_(notify), context_(context) {
  close_all_at_exit();
  std::lock_guard lock(living().mutex);
  living().list.push_back(this);
}

Environment::~Environment() {
  std::lock_guard lock(living().mutex);
  std::erase(living().list, this);
}

std::optional<MemoryShortage> Environment::reserve(const Plan& plan) {
  const int64_t needed = arena_of(plan, lanes_of(plan));
  if (needed <= reserved_) return std::nullopt;
  const int64_t available = memory_available() + arena_bytes();  // the old one is freed first
  if (needed > available) return MemoryShortage{needed, available};
  reserved_ = needed;
  return std::nullopt;
}

void Environment::depend(Run& run, std::span<const uint64_t> after) {
  run.after.clear();
  for (const uint64_t id : after) {
    // Ids rise; one that is gone was taken, so JavaScript knows how it ended.
    const auto found =
        std::lower_bound(runs_.begin(), runs_.end(), id,
                         [](const auto& other, uint64_t want) { return other->id < want; });
    if (found != runs_.end() && (*found)->id == id) run.after.push_back(*found);
  }
}

std::optional<MemoryShortage> Environment::submit(std::shared_ptr<Run> run,
                                                  std::span<const uint64_t> after) {
  if (auto shortage = reserve(run->plan())) return shortage;
  Pool::instance().start();
  depend(*run, after);
  run->environment = this;
  run->id = ++last_id_;
  std::lock_guard lock(mutex_);
  runs_.push_back(std::move(run));
  if (!active_) start_next(false);
  return std::nullopt;
}

std::optional<MemoryShortage> Environment::run_sync(Run& run, std::span<const uint64_t> after) {
  if (auto shortage = reserve(run.plan())) return shortage;
  if (run.plan().parallel) Pool::instance().start();
  depend(run, after);
  wait_idle();
  if (begin(run)) Pool::instance().run_here(run);
  return std::nullopt;
}

void Environment::start_next(bool from_worker) {
  if (num_finished_ == runs_.size() || closing_) {
    idle_.notify_all();
    return;
  }
  active_ = true;
  Pool::instance().enqueue(*runs_[num_finished_], from_worker);
}

bool Environment::begin(Run& run) {
  for (const auto& earlier : run.after) {
    if (!earlier->failed()) continue;
    run.failure.report(FailureCode::dependency, static_cast<int64_t>(earlier->id), 0, -1);
    return false;
  }
  if (run.stopped().load(std::memory_order_acquire)) {
    run.failure.report(FailureCode::cancelled, 0, 0, -1);
    return false;
  }
  const int lanes = lanes_of(run.plan());
  const int64_t needed = arena_of(run.plan(), lanes);
  if (needed > arena_.bytes()) {
    const bool grown = arena_.allocate(needed);
    arena_bytes_.store(arena_.bytes(), std::memory_order_relaxed);
    if (!grown) {
      run.failure.report(FailureCode::memory, needed, memory_available(), -1);
      return false;
    }
  }
  run.place(arena_.data(), arena_.data() + round_up(run.plan().arena_bytes), lanes);
  if (run.times) run.times.begin(Times::Clock::now());
  return true;
}

void Environment::finish(Run&) {
  // Whoever waits for the end may drop its share before this thread has let go of the lock.
  const std::shared_ptr<Environment> keep = shared_from_this();
  std::lock_guard lock(mutex_);
  num_finished_++;
  active_ = false;
  if (!closing_ && !notified_) {
    notified_ = true;
    notify_(context_);
  }
  start_next(true);
}

std::shared_ptr<Run> Environment::take_finished(bool rearm) {
  std::lock_guard lock(mutex_);
  if (num_finished_ == 0) {
    if (rearm) notified_ = false;
    return nullptr;
  }
  num_finished_--;
  std::shared_ptr<Run> run = std::move(runs_.front());
  runs_.pop_front();
  run->after.clear();  // else each would keep all those before it
  return run;
}

void Environment::cancel(uint64_t id) {
  std::lock_guard lock(mutex_);
  for (size_t i = num_finished_; i < runs_.size(); ++i) {
    if (runs_[i]->id == id) runs_[i]->cancel();
  }
}

void Environment::wait_idle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !active_; });
}

void Environment::close() {
  std::deque<std::shared_ptr<Run>> dropped;
  std::unique_lock lock(mutex_);
  closing_ = true;
  for (size_t i = num_finished_; i < runs_.size(); ++i) runs_[i]->abandon();
  idle_.wait(lock, [this] { return !active_; });
  dropped.swap(runs_);
  num_finished_ = 0;
}

}  // namespace tenon
