// Reads a map program, and plans where its values are kept: in place, straight in an out, or in a
// register of a tile.
#include <algorithm>
#include <cstring>

#include "ops/map_program.h"
#include "ops/operands.h"

namespace tenon {

class MapParser {
 public:
  MapParser(const std::vector<double>& attrs, const std::vector<View>& ins,
            const std::vector<View>& outs)
      : attrs_(attrs), in_views_(ins), out_views_(outs), program_(new MapProgram) {}

  std::string parse(std::unique_ptr<MapProgram>* result) {
    std::string wrong = check_views();
    if (wrong.empty()) wrong = read_steps();
    if (wrong.empty()) wrong = read_outs();
    if (!wrong.empty()) return wrong;
    mark_live();
    mark_uniform();
    order_actions();
    choose_direct_outs();
    assign_registers();
    size_tiles();
    *result = std::move(program_);
    return "";
  }

 private:
  using Walk = MapProgram::Walk;
  using Value = MapProgram::Value;
  using Step = MapProgram::Step;
  using Action = MapProgram::Action;

  static constexpr int kNever = -1;
  static constexpr int kAtEnd = 1 << 20;  // when outs are stored

  std::string check_views();
  std::string read_steps();
  std::string read_step(size_t at);
  std::string check_step(const MapFunction& function, DType dtype, const int* sources,
                         MapKernel* kernel) const;
  std::string read_outs();
  void mark_live();
  void mark_uniform();
  void order_actions();
  void choose_direct_outs();
  void assign_registers();
  void size_tiles();

  bool read_count(size_t at, int64_t low, int64_t high, int* value) const {
    const double attr = attrs_[at];
    if (!(attr >= static_cast<double>(low) && attr <= static_cast<double>(high))) return false;
    *value = static_cast<int>(attr);
    return static_cast<double>(*value) == attr;
  }
  int num_ins() const { return static_cast<int>(in_views_.size()); }
  bool needs_register(int id) const;
  static Walk walk(const View& view);

  const std::vector<double>& attrs_;
  const std::vector<View>& in_views_;
  const std::vector<View>& out_views_;
  std::unique_ptr<MapProgram> program_;
  std::vector<Step> all_steps_;
  std::vector<bool> live_;
  std::vector<int> first_action_,
      last_action_;  // of each value: when it comes to be, when it is last read
};

MapProgram::Walk MapParser::walk(const View& view) {
  Walk walk;
  walk.buffer = view.buffer;
  walk.bytes = dtype_bytes(view.dtype);
  walk.first = view.offset * walk.bytes;
  walk.uniform = walk.dense = true;
  if (view.elements == 0) return walk;  // its strides may be anything
  int64_t low = 0, high = 0;
  Strided& shape = walk.shape;
  for (int d = 0; d < view.rank; ++d) {
    const int64_t dim = view.dims[d], stride = view.strides[d];
    if (dim == 1) continue;
    (stride < 0 ? low : high) += (dim - 1) * stride;
    walk.uniform = walk.uniform && stride == 0;
    const int outer = shape.rank - 1;
    if (outer >= 0 && shape.strides[outer] == stride * dim) {
      shape.dims[outer] *= dim;
      shape.strides[outer] = stride;
    } else {
      shape.dims[shape.rank] = dim;
      shape.strides[shape.rank++] = stride;
    }
  }
  walk.low = low * walk.bytes;
  walk.high = (high + 1) * walk.bytes;
  walk.dense = shape.rank == 0 || (shape.rank == 1 && shape.strides[0] == 1);
  return walk;
}

std::string MapParser::check_views() {
  if (in_views_.size() > kMaxMapIns) return "too many ins";
  if (out_views_.empty() || out_views_.size() > kMaxMapOuts) return "wrong number of outs";
  const View& space = out_views_[0];
  program_->elements_ = space.elements;
  for (const View& view : out_views_) {
    if (!same_dims(view, space)) return "outs must have equal dims";
  }
  for (const View& view : in_views_) {
    if (!same_dims(view, space)) return "ins must have the dims of the outs";
    program_->ins_.push_back(walk(view));
    Value value;
    value.dtype = view.dtype;
    value.uniform = program_->ins_.back().uniform;
    program_->values_.push_back(value);
  }
  return "";
}

std::string MapParser::read_steps() {
  int num_steps = 0;
  if (attrs_.empty() || !read_count(0, 0, kMaxMapSteps, &num_steps)) return "bad number of steps";
  const size_t words = 1 + 5 * static_cast<size_t>(num_steps) + out_views_.size();
  if (attrs_.size() != words) return "program has the wrong length";
  for (int k = 0; k < num_steps; ++k) {
    std::string wrong = read_step(1 + 5 * static_cast<size_t>(k));
    if (!wrong.empty()) return "step " + std::to_string(k) + ": " + wrong;
  }
  return "";
}

std::string MapParser::read_step(size_t at) {
  const auto& functions = map_functions();
  int fn = 0, dtype_number = 0, sources[3] = {};
  if (!read_count(at, 0, static_cast<int64_t>(functions.size()) - 1, &fn))
    return "no such function";
  if (!read_count(at + 1, 0, kNumDTypes - 1, &dtype_number)) return "no such dtype";
  const MapFunction& function = functions[fn];
  const DType dtype = static_cast<DType>(dtype_number);
  const int num_values = static_cast<int>(program_->values_.size());
  for (int i = 0; i < 3; ++i) {
    const bool used = i < function.num_sources;
    const int low = used ? 0 : -1, high = used ? num_values - 1 : -1;
    if (!read_count(at + 2 + static_cast<size_t>(i), low, high, &sources[i])) return "bad source";
  }
  Step step;
  std::string wrong = check_step(function, dtype, sources, &step.kernel);
  if (!wrong.empty()) return std::string(function.name) + ": " + wrong;
  step.result = num_values;
  step.num_sources = function.num_sources;
  std::copy_n(sources, 3, step.sources);
  step.cost = function.cost;
  step.generates = function.kind == MapKind::generate;
  step.copies = std::strcmp(function.name, "copy") == 0;
  all_steps_.push_back(step);
  Value value;
  value.dtype = dtype;
  value.uniform = !step.generates;
  for (int i = 0; i < step.num_sources; ++i) {
    const bool uniform = program_->values_[sources[i]].uniform;
    if (step.generates && !uniform) return std::string(function.name) + ": sources must be scalars";
    value.uniform = value.uniform && uniform;
  }
  program_->values_.push_back(value);
  return "";
}

std::string MapParser::check_step(const MapFunction& function, DType dtype, const int* sources,
                                  MapKernel* kernel) const {
  const auto of = [&](int i) { return program_->values_[sources[i]].dtype; };
  DType key = dtype, result = dtype;
  switch (function.kind) {
    case MapKind::same:
    case MapKind::compare:
      key = of(0);
      if (function.num_sources == 2 && of(1) != key) return "sources differ in dtype";
      result = function.kind == MapKind::same ? key : DType::boolean;
      break;
    case MapKind::convert:
      break;
    case MapKind::choose:
      if (of(0) != DType::boolean) return "condition must be bool";
      if (of(1) != of(2)) return "sources differ in dtype";
      key = result = of(1);
      break;
    case MapKind::generate:
      for (int i = 0; i < function.num_sources; ++i) {
        if (of(i) != DType::f64) return "sources must be f64";
      }
      break;
  }
  if (result != dtype) return "wrong dtype of the result";
  *kernel = function.kind == MapKind::convert ? find_cast(of(0), dtype)
                                              : function.kernels[static_cast<int>(key)];
  return *kernel == nullptr ? "not defined for this dtype" : "";
}

std::string MapParser::read_outs() {
  const size_t first = attrs_.size() - out_views_.size();
  const int num_values = static_cast<int>(program_->values_.size());
  for (size_t o = 0; o < out_views_.size(); ++o) {
    int id = 0;
    if (!read_count(first + o, 0, num_values - 1, &id)) return "an out names no value";
    const DType dtype = program_->values_[id].dtype;
    if (out_views_[o].dtype != dtype) return "an out differs in dtype from its value";
    if (id < num_ins()) {
      // Copied by a step, so that an out is never taken from memory that another out may overwrite.
      Step copy;
      copy.kernel = find_cast(dtype, dtype);
      copy.result = static_cast<int>(program_->values_.size());
      copy.num_sources = 1;
      copy.sources[0] = id;
      copy.cost = 0;
      copy.copies = true;
      all_steps_.push_back(copy);
      program_->values_.push_back(Value{.dtype = dtype, .uniform = program_->values_[id].uniform});
      id = copy.result;
    }
    program_->outs_.push_back({.walk = walk(out_views_[o]), .value = id});
  }
  return "";
}

void MapParser::mark_live() {
  live_.assign(program_->values_.size(), false);
  for (const auto& out : program_->outs_) live_[out.value] = true;
  for (auto step = all_steps_.rbegin(); step != all_steps_.rend(); ++step) {
    if (!live_[step->result]) continue;
    for (int i = 0; i < step->num_sources; ++i) live_[step->sources[i]] = true;
  }
}

// Splits the steps, and finds the uniform values that must fill a register.
void MapParser::mark_uniform() {
  MapProgram& program = *program_;
  std::vector<bool> spread(program.values_.size(), false);
  for (const auto& out : program.outs_) spread[out.value] = program.values_[out.value].uniform;
  int cells = 0;
  for (const Step& step : all_steps_) {
    if (!live_[step.result]) continue;
    Value& value = program.values_[step.result];
    if (value.uniform) {
      value.cell = cells++;
      program.uniform_steps_.push_back(step);
      continue;
    }
    program.steps_.push_back(step);
    for (int i = 0; i < step.num_sources; ++i) {
      const int id = step.sources[i];
      if (!step.generates && program.values_[id].uniform) spread[id] = true;
    }
  }
  for (size_t id = 0; id < spread.size(); ++id) {
    if (spread[id]) program.spread_.push_back(static_cast<int>(id));
  }
  program.cell_bytes_ = align64(int64_t{8} * cells);
}

void MapParser::order_actions() {
  MapProgram& program = *program_;
  first_action_.assign(program.values_.size(), kNever);
  last_action_.assign(program.values_.size(), kNever);
  for (size_t s = 0; s < program.steps_.size(); ++s) {
    const Step& step = program.steps_[s];
    for (int i = 0; i < step.num_sources; ++i) {
      const int id = step.sources[i];
      if (id >= num_ins() || program.values_[id].uniform || first_action_[id] != kNever) continue;
      first_action_[id] = static_cast<int>(program.actions_.size());
      program.actions_.push_back({Action::fetch, id});
    }
    const int now = static_cast<int>(program.actions_.size());
    for (int i = 0; i < step.num_sources; ++i) last_action_[step.sources[i]] = now;
    first_action_[step.result] = last_action_[step.result] = now;
    program.actions_.push_back({Action::compute, static_cast<int>(s)});
  }
  for (const auto& out : program.outs_) last_action_[out.value] = kAtEnd;
}

void MapParser::choose_direct_outs() {
  MapProgram& program = *program_;
  for (size_t o = 0; o < program.outs_.size(); ++o) {
    auto& out = program.outs_[o];
    Value& value = program.values_[out.value];
    if (value.uniform || value.out >= 0) continue;
    value.out = static_cast<int>(o);
    for (int in = 0; in < num_ins(); ++in) {
      if (last_action_[in] > first_action_[out.value]) out.read_later |= 1u << in;
    }
  }
}

bool MapParser::needs_register(int id) const {
  if (id < num_ins()) return !program_->ins_[id].dense;
  const Value& value = program_->values_[id];
  if (value.out < 0) return true;
  const auto& out = program_->outs_[value.out];
  return !out.walk.dense || out.read_later != 0;
}

// Linear scan. A result may take over the register of a source that is read for the last time, if
// elements are of one size.
void MapParser::assign_registers() {
  MapProgram& program = *program_;
  std::vector<int> free;
  int count = 0;
  int64_t widest = 1;
  const auto take = [&](int id) {
    if (free.empty()) free.push_back(count++);
    program.values_[id].reg = free.back();
    free.pop_back();
    widest = std::max(widest, program.values_[id].bytes());
  };
  for (const int id : program.spread_) take(id);
  for (size_t now = 0; now < program.actions_.size(); ++now) {
    const auto [action, index] = program.actions_[now];
    if (action == Action::fetch) {
      if (needs_register(index)) take(index);
      continue;
    }
    const Step& step = program.steps_[index];
    const auto release = [&](bool of_one_size) {
      for (int i = 0; i < step.num_sources; ++i) {
        const int id = step.sources[i];
        const Value& value = program.values_[id];
        const bool again = std::find(step.sources, step.sources + i, id) != step.sources + i;
        if (again || value.uniform || value.reg < 0) continue;
        if (last_action_[id] != static_cast<int>(now)) continue;
        if ((value.bytes() == program.values_[step.result].bytes()) == of_one_size) {
          free.push_back(value.reg);
        }
      }
    };
    release(true);
    if (needs_register(step.result)) take(step.result);
    release(false);
  }
  program.register_bytes_ = widest;  // of an element, until size_tiles() knows how many
  program.scratch_bytes_ = count;
}

void MapParser::size_tiles() {
  MapProgram& program = *program_;
  const int64_t registers = program.scratch_bytes_;
  int64_t touched = registers * program.register_bytes_;
  for (const Walk& in : program.ins_) touched += in.uniform ? 0 : in.bytes;
  for (const auto& out : program.outs_) touched += out.walk.bytes;
  program.tile_ = std::clamp<int64_t>(kTileBytes / touched, 64, kMaxTile) / 64 * 64;
  program.register_bytes_ *= program.tile_;
  program.scratch_bytes_ = program.cell_bytes_ + registers * program.register_bytes_;
}

std::string MapProgram::parse(const std::vector<double>& attrs, const std::vector<View>& ins,
                              const std::vector<View>& outs, std::unique_ptr<MapProgram>* result) {
  return MapParser(attrs, ins, outs).parse(result);
}

std::string MapProgram::parse_epilogue(const Instr& instr, std::unique_ptr<MapProgram>* result) {
  if (instr.outs.empty()) return "an epilogue needs an out";
  std::vector<View> ins = {instr.outs[0]};
  ins.insert(ins.end(), instr.epilogue_ins.begin(), instr.epilogue_ins.end());
  std::string wrong = parse(instr.epilogue, ins, {instr.outs[0]}, result);
  return wrong.empty() ? "" : "epilogue: " + wrong;
}

}  // namespace tenon
