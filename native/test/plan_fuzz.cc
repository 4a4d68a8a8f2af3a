// Builds random programs, spoils most of them, and runs every one that the decoder accepts: none
// may touch memory that it does not own, trap, or never end. To be run under AddressSanitizer.
//   plan_fuzz [--runs N] [--seed S] [--ops: how often each op ran] [--trace: say what runs next]
#include <cstdio>
#include <cstdlib>
#include <map>

#include "engine/control.h"
#include "engine/decode.h"
#include "engine/pool.h"
#include "test/fuzz_mutations.h"
#include "test/fuzz_programs.h"

namespace tenon::test {
namespace {

constexpr double kMostWork = 4e5;  // what a program may cost, in elements and operations
constexpr int64_t kMostBytes = int64_t{16} << 20;

struct Counts {
  int64_t accepted = 0, refused = 0, skipped = 0, failed = 0;
  std::map<std::string, int64_t> ops;
};

double work_of(const Plan& plan, size_t block);

double work_of(const Plan& plan, const Instr& instr) {
  double work = 1 + instr.flops;
  for (const View& view : instr.outs) work += static_cast<double>(view.elements);
  for (const View& view : instr.ins)
    work += view.contiguous ? static_cast<double>(view.elements) : 0;
  for (int i = 0; i < instr.phases; ++i) work += static_cast<double>(instr.chunks[i]);
  if (!is_control(*instr.op)) return work;
  const ControlState& control = control_of(instr);
  double inner = 1;
  for (int i = 0; i < control.num_blocks; ++i)
    inner += work_of(plan, static_cast<size_t>(control.blocks[i]));
  return work +
         inner * (control.kind == ControlKind::loop ? static_cast<double>(control.max_trips) : 1);
}

double work_of(const Plan& plan, size_t block) {
  double work = 0;
  for (const Instr& instr : plan.blocks[block]) work += work_of(plan, instr);
  return work;
}

bool is_small(const Plan& plan) {
  int64_t bytes = plan.arena_bytes + plan.scratch_bytes;
  for (const auto* list : {&plan.input_bytes, &plan.output_bytes, &plan.variable_bytes}) {
    for (int64_t more : *list) bytes = std::min(bytes + std::min(more, kMostBytes), 2 * kMostBytes);
  }
  return bytes <= kMostBytes && work_of(plan, 0) <= kMostWork;
}

// Memory of exactly so many bytes, 64-byte aligned, each block apart from the others.
struct Block {
  explicit Block(int64_t bytes) { memory.allocate(bytes); }
  Bytes bytes() const { return {memory.data(), memory.bytes()}; }
  AlignedBytes memory;
};

// Small numbers for the most part: they make indices that are in range, and floats that mean
// something.
void fill(Random& random, Bytes bytes, DType dtype) {
  const bool wild = random.chance(10);
  const int64_t width = dtype_bytes(dtype);
  uint64_t bits = random.bits();
  for (int64_t i = 0; i + width <= bytes.size; i += width) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    const auto small = static_cast<int64_t>(bits >> 61);
    int64_t word = wild ? static_cast<int64_t>(bits ^ bits >> 32) : small;
    const double real = static_cast<double>(small) - 3;
    const auto narrow = static_cast<float>(real);
    if (!wild && dtype == DType::f64) std::memcpy(&word, &real, 8);
    if (!wild && dtype == DType::f32) std::memcpy(&word, &narrow, 4);
    if (dtype == DType::boolean && !wild) word &= 1;
    std::memcpy(bytes.data + i, &word, static_cast<size_t>(width));
  }
}

void execute(Random& random, const std::shared_ptr<const Plan>& plan) {
  std::vector<std::unique_ptr<Block>> blocks;
  const auto allocate = [&blocks](int64_t bytes) {
    blocks.push_back(std::make_unique<Block>(bytes));
    return blocks.back()->bytes();
  };
  std::vector<Bytes> inputs, outputs;
  std::vector<std::shared_ptr<AlignedBytes>> variables;
  for (int64_t bytes : plan->input_bytes) inputs.push_back(allocate(bytes));
  for (int64_t bytes : plan->output_bytes) outputs.push_back(allocate(bytes));
  for (int64_t bytes : plan->variable_bytes) {
    variables.push_back(std::make_shared<AlignedBytes>());
    variables.back()->allocate(bytes);
  }
  std::vector<double> operands(static_cast<size_t>(plan->num_operands));
  for (double& operand : operands) operand = random.chance(80) ? random.real() : odd_number(random);
  Run run(plan);
  const std::string error = run.bind(
      {.inputs = inputs, .outputs = outputs, .operands = operands, .variables = variables});
  if (!error.empty()) {
    std::fprintf(stderr, "cannot bind: %s\n", error.c_str());
    std::abort();
  }
  const Bytes arena = allocate(plan->arena_bytes), scratch = allocate(plan->scratch_bytes);
  run.place(arena.data, scratch.data, 1);
  // Half of the time each buffer of the arena stands alone, so that a write into its neighbour is
  // seen; otherwise they overlap as the plan says.
  const bool apart = random.chance(50);
  for (size_t i = 0; i < plan->buffers.size(); ++i) {
    const Buffer& buffer = plan->buffers[i];
    if (buffer.space == Space::constant || buffer.space == Space::operand) continue;
    if (apart && buffer.space == Space::arena && buffer.bytes > 0) {
      run.bases[i] = allocate(buffer.bytes).data;
    }
    fill(random, {run.bases[i], buffer.bytes}, buffer.dtype);
  }
  Pool::instance().run_here(run);
}

void trace(uint64_t seed, const Plan& plan) {
  std::fprintf(stderr, "%llu:", static_cast<unsigned long long>(seed));
  for (const auto& block : plan.blocks) {
    for (const Instr& instr : block) std::fprintf(stderr, " %s", instr.op->name);
  }
  std::fprintf(stderr, "\n");
}

void fuzz_one(uint64_t seed, Counts& counts, bool traced) {
  Random random(seed);
  FuzzBuilder builder(random);
  program(builder);
  const int64_t spoilt = random.chance(25) ? 0 : random.between(1, 3);
  const bool by_words = random.chance(25);
  if (!by_words) {
    for (int64_t i = 0; i < spoilt; ++i) spoil_parts(random, builder.plan);
    if (random.chance(60)) repair(builder.plan);
  }
  std::vector<double> words = builder.plan.words();
  if (by_words) {
    for (int64_t i = 0; i < spoilt; ++i) spoil_words(random, words);
  }
  const std::vector<std::byte> constants(static_cast<size_t>(builder.constant_bytes));
  DecodedPlan decoded = decode_plan(words.data(), words.size(), constants.data(), constants.size());
  if (!decoded.plan) {
    counts.refused++;
    return;
  }
  const std::shared_ptr<const Plan> plan = std::move(decoded.plan);
  if (!is_small(*plan)) {
    counts.skipped++;
    return;
  }
  counts.accepted++;
  for (const auto& block : plan->blocks) {
    for (const Instr& instr : block) counts.ops[instr.op->name]++;
  }
  if (traced) trace(seed, *plan);
  execute(random, plan);
}

int fuzz(int argc, char** argv) {
  int64_t runs = 10000;
  uint64_t seed = 1;
  bool list = false, traced = false;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--runs" && i + 1 < argc) runs = std::atoll(argv[++i]);
    if (option == "--seed" && i + 1 < argc) seed = std::strtoull(argv[++i], nullptr, 10);
    if (option == "--ops") list = true;
    if (option == "--trace") traced = true;
  }
  Pool::instance().set_threads(1);
  Counts counts;
  for (int64_t i = 0; i < runs; ++i)
    fuzz_one(seed * 1000000007u + static_cast<uint64_t>(i), counts, traced);
  if (list) {
    for (const Op& op : op_table())
      std::printf("%-16s %lld\n", op.name, static_cast<long long>(counts.ops[op.name]));
  }
  std::printf("plan_fuzz: %lld accepted, %lld refused, %lld too large to run\n",
              static_cast<long long>(counts.accepted), static_cast<long long>(counts.refused),
              static_cast<long long>(counts.skipped));
  return counts.accepted > 0 ? 0 : 1;
}

}  // namespace
}  // namespace tenon::test

int main(int argc, char** argv) { return tenon::test::fuzz(argc, argv); }
