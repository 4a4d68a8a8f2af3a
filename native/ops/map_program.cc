#include "ops/map_program.h"

#include <algorithm>
#include <cstring>

namespace tenon {

// Where everything is while a run goes on.
struct MapProgram::Tile {
  std::byte* scratch;
  int64_t position = 0, count = 0;
  const std::byte* ins[kMaxMapIns];  // element 0 of each view
  std::byte* outs[kMaxMapOuts];
  bool may_be_direct[kMaxMapOuts];  // no in that is still to be read lies in this out's memory
  const std::byte* scalars[kMaxMapValues];  // uniform values: one element
  const std::byte* values[kMaxMapValues];   // the tile of each
};

namespace {

// Element `position` of a walk, if `count` elements lie densely from there on; else null.
template <class Byte, class Walk>
Byte* dense_at(const Walk& walk, Byte* base, int64_t position, int64_t count) {
  if (walk.dense) return base + position * walk.bytes;
  if (dense_run(walk.shape, position) < count) return nullptr;
  return base + strided_offset(walk.shape, position) * walk.bytes;
}

}  // namespace

std::byte* MapProgram::register_at(const Tile& tile, int reg) const {
  return tile.scratch + cell_bytes_ + reg * register_bytes_;
}

void MapProgram::run(const Frame& frame, std::byte* scratch, int64_t begin, int64_t end) const {
  if (begin >= end) return;
  Tile tile;
  tile.scratch = scratch;
  tile.position = begin;
  begin_run(frame, tile, std::min(tile_, end - begin));
  if (is_plain_copy() && tile.may_be_direct[0]) {
    const Walk& in = ins_[0];
    const int64_t bytes = in.bytes;
    gather(in.shape, tile.ins[0], bytes, begin, end - begin, tile.outs[0] + begin * bytes);
    return;
  }
  for (; tile.position < end; tile.position += tile.count) {
    tile.count = std::min(tile_, end - tile.position);
    for (const TileAction& action : actions_) {
      if (action.action == Action::fetch) {
        fetch(tile, action.index);
      } else {
        compute(tile, steps_[action.index]);
      }
    }
    for (size_t i = 0; i < outs_.size(); ++i) store(tile, static_cast<int>(i));
  }
}

// Layout changes: one gather over the whole range turns blocks around that single tiles would not
// contain.
bool MapProgram::is_plain_copy() const {
  return steps_.size() == 1 && outs_.size() == 1 && ins_.size() == 1 && outs_[0].walk.dense &&
         steps_[0].copies && !ins_[0].uniform;
}

void MapProgram::begin_run(const Frame& frame, Tile& tile, int64_t most) const {
  for (size_t i = 0; i < ins_.size(); ++i) {
    tile.ins[i] = frame.bases[ins_[i].buffer] + ins_[i].first;
    tile.scalars[i] = tile.ins[i];
  }
  for (size_t o = 0; o < outs_.size(); ++o) {
    const Out& out = outs_[o];
    tile.outs[o] = frame.bases[out.walk.buffer] + out.walk.first;
    tile.may_be_direct[o] = true;
    for (size_t i = 0; i < ins_.size(); ++i) {
      if ((out.read_later >> i & 1) == 0) continue;
      // Addresses, not buffers, because buffers may share memory.
      const auto in_low = reinterpret_cast<intptr_t>(tile.ins[i]) + ins_[i].low;
      const auto in_high = reinterpret_cast<intptr_t>(tile.ins[i]) + ins_[i].high;
      const auto out_low = reinterpret_cast<intptr_t>(tile.outs[o]) + out.walk.low;
      const auto out_high = reinterpret_cast<intptr_t>(tile.outs[o]) + out.walk.high;
      if (in_low < out_high && out_low < in_high) tile.may_be_direct[o] = false;
    }
  }
  for (const Step& step : uniform_steps_) {
    std::byte* cell = tile.scratch + int64_t{8} * values_[step.result].cell;
    MapCall call;
    const std::byte** sources[3] = {&call.a, &call.b, &call.c};
    for (int i = 0; i < step.num_sources; ++i) *sources[i] = tile.scalars[step.sources[i]];
    call.y = cell;
    call.n = 1;
    step.kernel(call);
    tile.scalars[step.result] = cell;
  }
  for (const int id : spread_) {
    std::byte* to = register_at(tile, values_[id].reg);
    const Strided everywhere{1, {most}, {0}};
    gather(everywhere, tile.scalars[id], values_[id].bytes(), 0, most, to);
    tile.values[id] = to;
  }
}

void MapProgram::fetch(Tile& tile, int in) const {
  const Walk& walk = ins_[in];
  const std::byte* at = dense_at(walk, tile.ins[in], tile.position, tile.count);
  if (at == nullptr) {
    std::byte* to = register_at(tile, values_[in].reg);
    gather(walk.shape, tile.ins[in], walk.bytes, tile.position, tile.count, to);
    at = to;
  }
  tile.values[in] = at;
}

void MapProgram::compute(Tile& tile, const Step& step) const {
  const Value& value = values_[step.result];
  std::byte* to = nullptr;
  if (value.out >= 0 && tile.may_be_direct[value.out]) {
    to = dense_at(outs_[value.out].walk, tile.outs[value.out], tile.position, tile.count);
  }
  if (to == nullptr) to = register_at(tile, value.reg);
  const std::byte* const* from = step.generates ? tile.scalars : tile.values;
  MapCall call;
  const std::byte** sources[3] = {&call.a, &call.b, &call.c};
  for (int i = 0; i < step.num_sources; ++i) *sources[i] = from[step.sources[i]];
  call.y = to;
  call.n = tile.count;
  call.position = tile.position;
  step.kernel(call);
  tile.values[step.result] = to;
}

void MapProgram::store(const Tile& tile, int index) const {
  const Out& out = outs_[index];
  const Walk& walk = out.walk;
  const std::byte* from = tile.values[out.value];
  std::byte* to = dense_at(walk, tile.outs[index], tile.position, tile.count);
  if (to == nullptr) {
    scatter(walk.shape, from, walk.bytes, tile.position, tile.count, tile.outs[index]);
  } else if (to != from) {
    std::memmove(to, from, static_cast<size_t>(tile.count * walk.bytes));
  }
}

double MapProgram::flops() const {
  const auto computes = [](const Step& step) { return !step.copies; };
  const auto steps = std::count_if(steps_.begin(), steps_.end(), computes);
  return static_cast<double>(elements_) * static_cast<double>(steps);
}

double MapProgram::cost() const {
  double cost = 0;
  for (const Step& step : steps_) cost += step.cost;
  return static_cast<double>(elements_) * cost;
}

double MapProgram::bytes() const {
  int64_t bytes = 0;
  for (const Walk& in : ins_) bytes += in.uniform ? 0 : in.bytes;
  for (const Out& out : outs_) bytes += out.walk.bytes;
  return static_cast<double>(elements_) * static_cast<double>(bytes);
}

}  // namespace tenon
