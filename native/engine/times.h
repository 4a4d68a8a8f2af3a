// What a run took, instruction by instruction, where JavaScript asked to know.
#pragma once

#include <chrono>
#include <cstdint>

namespace tenon {

// Numbers of the caller's, who keeps them until the run is done; seconds of the steady clock:
//   [events, begin, end of the last, numInstrs x (seconds, count), then up to the end: (instr,
//   start, stop)]
// `events` is how many there were; those for which there is no room count in the totals only.
class Times {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int64_t kHead = 3, kTotal = 2, kEvent = 3;

  Times() = default;
  Times(double* numbers, int64_t count, int64_t num_instrs)
      : numbers_(numbers),
        events_(numbers + kHead + kTotal * num_instrs),
        room_((count - kHead - kTotal * num_instrs) / kEvent) {}
  static int64_t least(int64_t num_instrs) { return kHead + kTotal * num_instrs; }

  explicit operator bool() const { return numbers_ != nullptr; }

  void begin(Clock::time_point now) { numbers_[1] = seconds(now); }
  void add(int32_t instr, Clock::time_point start, Clock::time_point stop) {
    double* total = numbers_ + kHead + kTotal * instr;
    total[0] += seconds(stop) - seconds(start);
    total[1]++;
    numbers_[2] = seconds(stop);
    const auto position = static_cast<int64_t>(numbers_[0]++);
    if (position >= room_) return;
    double* event = events_ + kEvent * position;
    event[0] = instr, event[1] = seconds(start), event[2] = seconds(stop);
  }

 private:
  static double seconds(Clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
  }

  double* numbers_ = nullptr;
  double* events_ = nullptr;
  int64_t room_ = 0;
};

}  // namespace tenon
