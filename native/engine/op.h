// What an op is to the engine: a name, a check that also cuts the work into chunks, and a function
// that runs some of the chunks. An op knows shapes; the kernels that it calls (native/kernels/)
// know only pointers and sizes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tenon {

// The order is part of the plan format (docs/plan.md).
enum class DType : uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };
constexpr int kNumDTypes = 13;
constexpr int64_t kDTypeBytes[kNumDTypes] = {8, 4, 2, 2, 8, 4, 2, 1, 8, 4, 2, 1, 1};
constexpr int64_t dtype_bytes(DType dtype) { return kDTypeBytes[static_cast<int>(dtype)]; }

constexpr int kMaxRank = 8;
constexpr int kMaxPhases = 3;

// A strided window on a buffer. The decoder has checked that every element of it lies inside the
// buffer, that dims are >= 0, and that the number of elements (a dim of 0 taken as 1) fits in 2^52.
// Strides and offset count elements; strides may be 0 or negative. An empty view is row-major.
struct View {
  int32_t buffer = 0;
  DType dtype = DType::f32;
  int32_t rank = 0;
  int64_t dims[kMaxRank] = {};
  int64_t strides[kMaxRank] = {};
  int64_t offset = 0;
  int64_t elements = 1;
  bool contiguous = true;  // row-major without gaps; dims of size 1 may have any stride
};

// Why a run failed; the first one reported wins. JavaScript words the message.
enum class FailureCode : int32_t {
  none = 0,
  index = 1,      // a: the index, b: the size it must lie in
  singular = 2,   // a: the matrix of the batch, b: the pivot
  memory = 3,     // a: bytes needed, b: bytes available
  cancelled = 4,  // an AbortSignal, or the environment is closing
  dependency = 5  // a run that this one reads from failed; a: its id
};

struct Failure {
  std::atomic<int32_t> code{0};
  int32_t instr = -1;  // position in the order of decoding, over all blocks
  int64_t a = 0, b = 0;
  void report(FailureCode why, int64_t first, int64_t second, int32_t where) {
    int32_t expected = 0;
    if (!code.compare_exchange_strong(expected, -1)) return;
    a = first, b = second, instr = where;
    code.store(static_cast<int32_t>(why), std::memory_order_release);
  }
};

struct Op;

// What prepare() may leave for run(); each op derives its own.
struct OpState {
  virtual ~OpState() = default;
};

struct Instr {
  const Op* op = nullptr;
  int32_t index = 0;  // position in the order of decoding
  std::vector<View> outs, ins;
  std::vector<double> attrs;       // finite or not; an op checks those it reads
  std::vector<View> epilogue_ins;  // operands of the epilogue besides the output itself
  std::vector<double> epilogue;    // a map program that finishes outs[0] in place, or empty

  // Left by prepare():
  int phases = 1;  // run one after the other, each complete before the next
  int64_t chunks[kMaxPhases] = {1, 0,
                                0};  // of each phase; must not depend on the number of threads
  int64_t scratch_bytes = 0;         // private memory of each thread that runs chunks
  double flops = 0;                  // multiply and add count as two
  double bytes = -1;                 // read plus written, each once; below 0: those of all operands
  std::unique_ptr<OpState> state;

  int64_t attr_int(size_t i) const { return static_cast<int64_t>(attrs[i]); }
};

// What an op sees of a run.
struct Frame {
  // By buffer id; never null; 64-byte aligned, but for inputs, outputs and operands: 8.
  std::byte* const* bases = nullptr;
  std::byte* scratch = nullptr;  // this thread's, 64-byte aligned; null where scratch_bytes is 0
  Failure* failure = nullptr;
  const std::atomic<bool>* cancelled = nullptr;

  template <class T>
  T* data(const View& view) const {
    return reinterpret_cast<T*>(bases[view.buffer]) + view.offset;
  }
  void fail(const Instr& instr, FailureCode why, int64_t a, int64_t b) const {
    failure->report(why, a, b, instr.index);
  }
};

struct Op {
  const char* name;  // the same string as in TypeScript
  bool can_fail = false;
  bool takes_epilogue = false;
  // Checks everything that run() relies on (numbers of operands and attributes, dtypes, ranks,
  // shapes, contiguity) and fills in the fields above. Returns what is wrong, or an empty string.
  // Never trusts: plans may come from anywhere.
  std::string (*prepare)(Instr& instr) = nullptr;
  // Runs chunks [begin, end) of a phase. Does not allocate, lock, throw or print.
  void (*run)(const Instr& instr, const Frame& frame, int phase, int64_t begin,
              int64_t end) = nullptr;
};

// Every op, in a fixed order within one build; a plan's opcode is the position in it
// (native/ops/table.cc).
const std::vector<Op>& op_table();
int find_op(const char* name);  // -1 if there is none

// Aim of a chunk: long enough to be worth handing to another thread (about 20 us), short enough to
// share evenly. Work smaller than two of these is one chunk. Cuts depend on sizes alone, so results
// do not depend on threads.
constexpr double kChunkBytes = 256 << 10;
constexpr double kChunkFlops = 2e6;

}  // namespace tenon
