// map: a program of elementwise functions; map_program.h runs it.
#include "ops/families.h"
#include "ops/map_program.h"
#include "ops/operands.h"

namespace tenon {
namespace {

constexpr int64_t kUnit = 64;        // elements: pieces of outs begin at cache lines
constexpr double kFlopsPerCost = 8;  // a cost of 1 is about 0.08 ns of one core

Cut cut_map(const MapProgram& program) {
  const int64_t units = (program.elements() + kUnit - 1) / kUnit;
  return cut_work(units, chunk_cost(program.cost() * kFlopsPerCost, program.bytes()));
}

std::string prepare_map(Instr& instr) {
  std::unique_ptr<MapProgram> program;
  std::string wrong = MapProgram::parse(instr.attrs, instr.ins, instr.outs, &program);
  if (!wrong.empty()) return wrong;
  instr.chunks[0] = cut_map(*program).chunks;
  instr.scratch_bytes = program->scratch_bytes();
  instr.flops = program->flops();
  instr.state = std::move(program);
  return "";
}

void run_map(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& program = static_cast<const MapProgram&>(*instr.state);
  const Cut cut = cut_map(program);
  program.run(frame, frame.scratch, cut.first(begin) * kUnit,
              std::min(cut.first(end) * kUnit, program.elements()));
}

}  // namespace

std::vector<Op> map_ops() { return {{.name = "map", .prepare = prepare_map, .run = run_map}}; }

}  // namespace tenon
