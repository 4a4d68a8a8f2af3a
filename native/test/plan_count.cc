// Runs plans from files, for callgrind to count their instructions (scripts/instructions.mjs).
// A file is doubles: [words, bytes of constants, inputs, operands], the words, the operands, the
// bytes of each input; then the constants and the inputs, each filled up to 8 bytes.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "engine/decode.h"
#include "engine/pool.h"
#include "engine/run.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_DUMP_STATS_AT(name) static_cast<void>(name)
#endif

namespace tenon {
namespace {

using Blocks = std::vector<std::shared_ptr<AlignedBytes>>;

void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

std::shared_ptr<AlignedBytes> zeros(int64_t bytes) {
  auto block = std::make_shared<AlignedBytes>();
  require(block->allocate(bytes), "no memory");
  return block;
}

class PlanFile {
 public:
  explicit PlanFile(const char* path) {
    std::ifstream file(path, std::ios::binary);
    content_.assign(std::istreambuf_iterator<char>(file), {});
  }
  size_t size() { return static_cast<size_t>(doubles(1)[0]); }
  std::vector<double> doubles(size_t n) {
    std::vector<double> all(n);
    if (n > 0) std::memcpy(all.data(), take(n * sizeof(double)), n * sizeof(double));
    return all;
  }
  std::shared_ptr<AlignedBytes> bytes(size_t n) {
    auto block = zeros(static_cast<int64_t>(n));
    if (n > 0) std::memcpy(block->data(), take((n + 7) / 8 * 8), n);
    return block;
  }

 private:
  const char* take(size_t n) {
    require(n <= content_.size() - at_, "a plan's file ends early");
    at_ += n;
    return content_.data() + at_ - n;
  }

  std::vector<char> content_;
  size_t at_ = 0;
};

Blocks blocks_of(const std::vector<int64_t>& sizes) {
  Blocks blocks;
  for (const int64_t bytes : sizes) blocks.push_back(zeros(bytes));
  return blocks;
}

std::vector<Bytes> bytes_of(const Blocks& blocks) {
  std::vector<Bytes> all;
  for (const auto& block : blocks) all.push_back({block->data(), block->bytes()});
  return all;
}

// One plan and all that it is bound to.
struct Work {
  std::shared_ptr<const Plan> plan;
  std::vector<double> operands;
  Blocks inputs, outputs, variables;
  std::shared_ptr<AlignedBytes> arena, scratch;

  explicit Work(const char* path) {
    PlanFile file(path);
    const size_t words = file.size(), constants = file.size();
    const size_t num_inputs = file.size(), num_operands = file.size();
    const std::vector<double> program = file.doubles(words);
    operands = file.doubles(num_operands);
    const std::vector<double> sizes = file.doubles(num_inputs);
    const auto constant_bytes = file.bytes(constants);
    for (const double bytes : sizes) inputs.push_back(file.bytes(static_cast<size_t>(bytes)));
    DecodedPlan decoded =
        decode_plan(program.data(), program.size(), constant_bytes->data(), constants);
    require(decoded.plan != nullptr, std::string(path) + ": " + decoded.error);
    plan = std::move(decoded.plan);
    outputs = blocks_of(plan->output_bytes);
    variables = blocks_of(plan->variable_bytes);
    arena = zeros(plan->arena_bytes);
    scratch = zeros(plan->scratch_bytes);
  }

  // On this thread alone.
  void run(bool counted) const {
    Run run(plan);
    const std::vector<Bytes> in = bytes_of(inputs), out = bytes_of(outputs);
    const std::string wrong =
        run.bind({.inputs = in, .outputs = out, .operands = operands, .variables = variables});
    require(wrong.empty(), wrong);
    run.place(arena->data(), scratch->data(), 1);
    if (counted) CALLGRIND_START_INSTRUMENTATION;
    Pool::instance().run_here(run);
    if (counted) CALLGRIND_STOP_INSTRUMENTATION;
    require(!run.failed(), "a run failed");
  }
};

}  // namespace
}  // namespace tenon

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const tenon::Work work(argv[i]);
    work.run(false);  // what is chosen or made at the first call is not counted
    work.run(true);
    CALLGRIND_DUMP_STATS_AT(argv[i]);
  }
  return 0;
}
