// A map program: steps of elementwise functions over an iteration space, run tile by tile in cache.
// It is the `map` op, and the epilogue of others. The encoding is in docs/plan.md.
//
// Memory: an in may be the very view of an out (work in place). Any other overlap of ins and outs
// gives unspecified values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/op.h"
#include "kernels/map_functions.h"
#include "kernels/strided.h"

namespace tenon {

constexpr int kMaxMapIns = 24;
constexpr int kMaxMapSteps = 64;
constexpr int kMaxMapOuts = 8;
constexpr int kMaxMapValues =
    kMaxMapIns + kMaxMapSteps + kMaxMapOuts;  // an out that is an in is copied by a step
constexpr int64_t kMaxTile = 2048;            // elements
constexpr int64_t kTileBytes =
    32 << 10;  // of all that a tile touches; L1 of today's processors holds 32 to 48 KB

class MapProgram : public OpState {
 public:
  // Checks everything; returns what is wrong, or an empty string and the program.
  static std::string parse(const std::vector<double>& attrs, const std::vector<View>& ins,
                           const std::vector<View>& outs, std::unique_ptr<MapProgram>* result);
  // The epilogue of an instruction: value 0 is outs[0], values 1.. are epilogue_ins.
  static std::string parse_epilogue(const Instr& instr, std::unique_ptr<MapProgram>* result);

  // Elements [begin, end) of the iteration space, counted row-major. scratch: scratch_bytes() of
  // this thread's, 64-byte aligned.
  void run(const Frame& frame, std::byte* scratch, int64_t begin, int64_t end) const;

  int64_t scratch_bytes() const { return scratch_bytes_; }
  int64_t elements() const { return elements_; }
  double flops()
      const;            // of the whole space: one for each element and step that does not just copy
  double cost() const;  // the same, weighted by how long a function takes
  double bytes() const;  // read and written

 private:
  friend class MapParser;

  // A view whose neighbouring dims are one where they lie densely behind each other.
  struct Walk {
    int32_t buffer = 0;
    int64_t bytes = 0;          // of an element
    int64_t first = 0;          // bytes from the buffer's begin to element 0
    int64_t low = 0, high = 0;  // bytes that it spans, from element 0
    Strided shape;
    bool uniform = false;  // the same element everywhere
    bool dense = false;    // all elements behind each other
  };
  struct Value {
    DType dtype = DType::f32;
    bool uniform = false;  // the same for all elements: worked out once a run
    int cell = -1;         // where a uniform step's element is kept
    int reg = -1;          // where a tile of it is kept, unless it can be read or written in place
    int out = -1;          // the out that it may be computed into directly
    int64_t bytes() const { return dtype_bytes(dtype); }
  };
  struct Step {
    MapKernel kernel = nullptr;
    int result = -1;
    int num_sources = 0;
    int sources[3] = {-1, -1, -1};
    double cost = 1;
    bool generates = false;
    bool copies = false;
  };
  struct Out {
    Walk walk;
    int value = -1;
    uint32_t read_later =
        0;  // ins that are read after the value is computed: they must not be this out's memory
  };
  enum class Action : uint8_t { fetch, compute };
  struct TileAction {
    Action action;
    int index;  // of the in or the step
  };
  struct Tile;

  void begin_run(const Frame& frame, Tile& tile, int64_t most) const;
  void fetch(Tile& tile, int in) const;
  void compute(Tile& tile, const Step& step) const;
  void store(const Tile& tile, int out) const;
  std::byte* register_at(const Tile& tile, int reg) const;
  bool is_plain_copy() const;

  int64_t elements_ = 0, tile_ = kMaxTile, register_bytes_ = 0, cell_bytes_ = 0, scratch_bytes_ = 0;
  std::vector<Walk> ins_;
  std::vector<Out> outs_;
  std::vector<Value> values_;        // the ins, then the steps' results
  std::vector<Step> uniform_steps_;  // run once
  std::vector<int> spread_;          // uniform values that a tile needs in full: filled once
  std::vector<Step> steps_;          // run for each tile
  std::vector<TileAction> actions_;  // of a tile, in order; then the outs are stored
};

}  // namespace tenon
