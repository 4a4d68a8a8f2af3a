#include "engine/pool.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <system_error>
#include <thread>

#include "engine/pause.h"
#include "engine/system.h"

#if !defined(_WIN32)
#include <pthread.h>

#include <csignal>
#endif

namespace tenon {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSpin = std::chrono::microseconds(30);

int first_threads() {
  if (const char* text = std::getenv("TENON_THREADS"); text && *text) {
    const int n = std::atoi(text);
    if (n >= 1) return std::min(n, kMaxThreads);
  }
  return std::min(system_cpus(), kMaxThreads);
}

// Debuggers, `top -H` and scripts/acceptance tell the engine's threads by it.
void name_this_thread([[maybe_unused]] int id) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), ("tenon-" + std::to_string(id)).c_str());
#elif defined(__APPLE__)
  pthread_setname_np(("tenon-" + std::to_string(id)).c_str());
#endif
}

// The signals of the process are for its own threads.
class SignalsBlocked {
#if !defined(_WIN32)
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
#endif
};

}  // namespace

Pool& Pool::instance() {
  static Pool* const pool = std::make_unique<Pool>().release();
  return *pool;
}

Pool::Pool() : threads_(first_threads()) {}

void Pool::start() {
  std::lock_guard lock(mutex_);
  if (started_ >= threads()) return;
  [[maybe_unused]] const SignalsBlocked blocked;
  while (started_ < threads()) {
    try {
      std::thread([this, id = started_] {
        name_this_thread(id);
        work(id);
      }).detach();
    } catch (const std::system_error&) {
      if (started_ == 0) throw;
      return;  // fewer do as well
    }
    started_++;
  }
}

void Pool::set_threads(int n) {
  threads_.store(std::clamp(n, 1, kMaxThreads));
  // Everyone looks at the new number: some go and park, some come back.
  wake_count_.fetch_add(1);
  wake_count_.notify_all();
  park_count_.fetch_add(1);
  park_count_.notify_all();
  bool started;
  {
    std::lock_guard lock(mutex_);
    started = started_ > 0;
  }
  if (started) start();
}

void Pool::enqueue(Run& run, bool from_worker) {
  active_.fetch_add(1);
  push_ready(run);
  if (!from_worker) wake(1);  // a worker comes back to the queue by itself
}

void Pool::push_ready(Run& run) {
  std::lock_guard lock(mutex_);
  run.next_ready = nullptr;
  if (last_ready_) {
    last_ready_->next_ready = &run;
  } else {
    ready_ = &run;
  }
  last_ready_ = &run;
  num_ready_.fetch_add(1);
}

Run* Pool::take_ready() {
  if (num_ready_.load() == 0) return nullptr;
  std::lock_guard lock(mutex_);
  Run* run = ready_;
  if (!run) return nullptr;
  ready_ = run->next_ready;
  if (!ready_) last_ready_ = nullptr;
  // The thread that was counted on for the next one may have taken this one.
  if (num_ready_.fetch_sub(1) > 1) wake(1);
  return run;
}

bool Pool::help() {
  if (num_open_.load(std::memory_order_acquire) == 0) return false;
  for (OpenPhase& phase : phases_) {
    if (phase.join(num_open_)) return true;
  }
  return false;
}

bool Pool::has_work() const { return num_ready_.load() > 0 || num_open_.load() > 0; }

void Pool::wake(int wanted) {
  // Those that spin come by themselves.
  const int resting = resting_.load();
  wanted = std::min(wanted - spinning_.load(), resting);
  if (wanted <= 0) return;
  wake_count_.fetch_add(1);
  if (wanted == resting) return wake_count_.notify_all();
  for (int i = 0; i < wanted; ++i) wake_count_.notify_one();
}

void Pool::work(int id) {
  for (;;) {
    const uint32_t parked = park_count_.load();
    if (id >= threads_.load()) {
      if (has_work()) wake(1);
      park_count_.wait(parked);
    } else if (Run* run = take_ready()) {
      serve(*run, phases_[id]);
    } else if (!help()) {
      rest(id);
    }
  }
}

void Pool::rest(int id) {
  if (active_.load() > 0) {
    spinning_.fetch_add(1);
    const auto end = Clock::now() + kSpin;
    bool found = false;
    while (!(found = has_work()) && active_.load(std::memory_order_relaxed) > 0 &&
           Clock::now() < end) {
      for (int i = 0; i < 16; ++i) pause();
    }
    spinning_.fetch_sub(1);
    if (found) return;
  }
  resting_.fetch_add(1);
  const uint32_t count = wake_count_.load();
  // Looked at after resting_ was raised: who makes work after this look sees a thread to wake.
  if (!has_work() && id < threads_.load()) wake_count_.wait(count);
  resting_.fetch_sub(1);
}

}  // namespace tenon
