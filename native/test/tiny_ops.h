// A few ops of the tests' own, and the control ops: enough to test the engine by itself.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/op.h"
#include "ops/families.h"

namespace tenon::test {

constexpr int64_t kTinyChunk = 64;

// add: outs [y], ins [a, b] f64 contiguous and equally long; one chunk for every 64 elements.
inline std::string prepare_add(Instr& instr) {
  if (instr.outs.size() != 1 || instr.ins.size() != 2) return "takes two and gives one";
  const int64_t n = instr.outs[0].elements;
  for (const View* view : {&instr.outs[0], &instr.ins[0], &instr.ins[1]}) {
    if (view->dtype != DType::f64 || !view->contiguous || view->elements != n) return "must be f64";
  }
  instr.chunks[0] = (n + kTinyChunk - 1) / kTinyChunk;
  instr.flops = static_cast<double>(n);
  return "";
}
inline void run_add(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  double* y = frame.data<double>(instr.outs[0]);
  const double* a = frame.data<double>(instr.ins[0]);
  const double* b = frame.data<double>(instr.ins[1]);
  const int64_t stop = std::min(end * kTinyChunk, instr.outs[0].elements);
  for (int64_t i = begin * kTinyChunk; i < stop; ++i) y[i] = a[i] + b[i];
}

// less: outs [y: bool], ins [i: i64], attrs [limit].
inline std::string prepare_less(Instr& instr) {
  const bool fits = instr.outs.size() == 1 && instr.ins.size() == 1 && instr.attrs.size() == 1;
  if (!fits || instr.outs[0].elements != 1 || instr.ins[0].elements != 1) return "takes one";
  return instr.ins[0].dtype == DType::i64 && instr.outs[0].dtype == DType::boolean ? "" : "dtype";
}
inline void run_less(const Instr& instr, const Frame& frame, int, int64_t, int64_t) {
  const auto value = static_cast<double>(*frame.data<int64_t>(instr.ins[0]));
  *frame.data<uint8_t>(instr.outs[0]) = value < instr.attrs[0];
}

inline std::string prepare_nothing(Instr&) { return ""; }
inline void run_fail(const Instr& instr, const Frame& frame, int, int64_t, int64_t) {
  frame.fail(instr, FailureCode::index, 7, 5);
}

// sleep: attrs [chunks, microseconds of each].
inline std::string prepare_sleep(Instr& instr) {
  if (instr.attrs.size() != 2) return "takes two attrs";
  instr.chunks[0] = instr.attr_int(0);
  return "";
}
inline void run_sleep(const Instr& instr, const Frame&, int, int64_t begin, int64_t end) {
  std::this_thread::sleep_for(std::chrono::microseconds(instr.attr_int(1) * (end - begin)));
}

// partials: outs [y: f64 [chunks]], ins [x: f64 [chunks * 64]]: each chunk sums by way of scratch,
// in two phases, so that a thread that got another's scratch, or began a phase early, gives a wrong
// sum.
inline std::string prepare_partials(Instr& instr) {
  if (instr.outs.size() != 1 || instr.ins.size() != 1) return "takes one and gives one";
  const View &y = instr.outs[0], &x = instr.ins[0];
  if (x.elements != y.elements * kTinyChunk || !x.contiguous || !y.contiguous) return "bad shapes";
  if (x.dtype != DType::f64 || y.dtype != DType::f64) return "must be f64";
  instr.phases = 2;
  instr.chunks[0] = instr.chunks[1] = y.elements;
  instr.scratch_bytes = kTinyChunk * 8;
  return "";
}
inline void run_partials(const Instr& instr, const Frame& frame, int phase, int64_t begin,
                         int64_t end) {
  double* y = frame.data<double>(instr.outs[0]);
  auto* scratch = reinterpret_cast<double*>(frame.scratch);
  const int64_t n = instr.outs[0].elements;
  for (int64_t chunk = begin; chunk < end; ++chunk) {
    if (phase == 0) {
      const double* x = frame.data<double>(instr.ins[0]) + chunk * kTinyChunk;
      std::copy(x, x + kTinyChunk, scratch);
      y[chunk] = 0;
      for (int64_t i = 0; i < kTinyChunk; ++i) y[chunk] += scratch[i];
    } else if (chunk == n - 1) {
      for (int64_t i = 0; i < n - 1; ++i) y[n - 1] += y[i];
    }
  }
}

enum TinyOp { kCond, kLoop, kCommit, kAdd, kLess, kFail, kSleep, kPartials };

inline const std::vector<Op>& tiny_ops() {
  static const std::vector<Op> ops = [] {
    std::vector<Op> all = control_ops();
    all.push_back({.name = "add", .takes_epilogue = true, .prepare = prepare_add, .run = run_add});
    all.push_back({.name = "less", .prepare = prepare_less, .run = run_less});
    all.push_back({.name = "fail", .can_fail = true, .prepare = prepare_nothing, .run = run_fail});
    all.push_back({.name = "sleep", .prepare = prepare_sleep, .run = run_sleep});
    all.push_back({.name = "partials", .prepare = prepare_partials, .run = run_partials});
    return all;
  }();
  return ops;
}

}  // namespace tenon::test
