#include "engine/decode.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "engine/control.h"
#include "engine/word_reader.h"

namespace tenon {
namespace {

constexpr double kMagic = 0x54454E4F;
constexpr double kVersion = 1;
constexpr int64_t kMaxInteger = int64_t{1} << 52;
constexpr int64_t kMaxArena = int64_t{1} << 46;
constexpr int64_t kMaxScratch = int64_t{1} << 40;
constexpr int64_t kMaxWords = int64_t{1} << 31;
constexpr int64_t kBufferWords = 6, kMinViewWords = 3, kMinBlockWords = 1, kMinInstrWords = 7;

class Decoder {
 public:
  Decoder(const double* words, size_t num_words, const std::byte* constants, size_t num_constants,
          const std::vector<Op>& ops)
      : reader_(words, num_words),
        constants_(constants),
        num_constants_(static_cast<int64_t>(num_constants)),
        ops_(ops) {}

  DecodedPlan decode();

 private:
  // What is known of a block before it is read: the instruction that names it says.
  struct BlockInfo {
    bool named = false;
    bool after_commit = false;
    int32_t depth = 1;
  };

  void read_header();
  void read_buffer();
  int64_t buffer_position(const Buffer& buffer, double position);
  void require(std::vector<int64_t>& bytes, const Buffer& buffer);
  void read_view();
  void read_block(size_t block);
  void read_instr(size_t block);
  void read_views(int64_t n, std::vector<View>& views);
  void read_operands(Instr& instr);
  void check_writes(size_t block, const Instr& instr);
  void check_epilogue(const Instr& instr);
  void prepare(Instr& instr);
  double view_bytes(const View& view) const;
  double operand_bytes(const Instr& instr) const;
  void name_blocks(size_t block, const Instr& instr);
  std::string name_of(const Instr& instr) const;

  WordReader reader_;
  const std::byte* constants_;
  int64_t num_constants_;
  const std::vector<Op>& ops_;
  std::unique_ptr<Plan> plan_ = std::make_unique<Plan>();
  std::vector<View> views_;
  std::vector<BlockInfo> infos_;
  size_t num_buffers_ = 0, num_views_ = 0, num_blocks_ = 0;
  bool committed_ = false;
};

DecodedPlan Decoder::decode() {
  read_header();
  for (size_t i = 0; i < num_buffers_ && reader_.ok(); ++i) {
    read_buffer();
    if (!reader_.ok()) reader_.place_error("buffer " + std::to_string(i));
  }
  for (size_t i = 0; i < num_views_ && reader_.ok(); ++i) {
    read_view();
    if (!reader_.ok()) reader_.place_error("view " + std::to_string(i));
  }
  for (size_t i = 0; i < num_blocks_ && reader_.ok(); ++i) read_block(i);
  if (reader_.left() > 0) reader_.fail("has words after its end");
  if (reader_.ok() && !plan_->constants.allocate(num_constants_))
    reader_.fail("no memory for the constants");
  if (!reader_.ok()) return {nullptr, reader_.error()};
  if (num_constants_ > 0) {
    std::memcpy(plan_->constants.data(), constants_, static_cast<size_t>(num_constants_));
  }
  plan_->scratch_bytes = (plan_->scratch_bytes + 63) / 64 * 64;
  return {std::move(plan_), ""};
}

void Decoder::read_header() {
  if (reader_.left() > kMaxWords) reader_.fail("is too long");
  if (reader_.word() != kMagic) reader_.fail("is no plan");
  if (reader_.word() != kVersion) reader_.fail("is of another version");
  if (reader_.word() != 0) reader_.fail("is for another device");
  plan_->arena_bytes = reader_.integer("bad arena size", 0, kMaxArena);
  // Unused inputs are allowed, but not so many that the lists of them outgrow the plan.
  plan_->input_bytes.resize(reader_.count("bad number of inputs", 1));
  plan_->output_bytes.resize(reader_.count("bad number of outputs", 1));
  plan_->variable_bytes.resize(reader_.count("bad number of variables", 1));
  plan_->num_operands = static_cast<int64_t>(reader_.count("bad number of operands", 1));
  num_buffers_ = reader_.count("bad number of buffers", kBufferWords);
  num_views_ = reader_.count("bad number of views", kMinViewWords);
  num_blocks_ = reader_.count("bad number of blocks", kMinBlockWords);
  if (num_blocks_ == 0) return reader_.fail("has no block");
  plan_->buffers.reserve(num_buffers_);
  views_.reserve(num_views_);
  plan_->blocks.resize(num_blocks_);
  infos_.resize(num_blocks_);
  infos_[0].named = true;
}

void Decoder::require(std::vector<int64_t>& bytes, const Buffer& buffer) {
  if (buffer.position >= static_cast<int64_t>(bytes.size())) return reader_.fail("bad index");
  int64_t& least = bytes[static_cast<size_t>(buffer.position)];
  least = std::max(least, buffer.bytes);
}

int64_t Decoder::buffer_position(const Buffer& buffer, double position) {
  if (buffer.space != Space::arena && buffer.space != Space::constant) {
    return reader_.check(position, "bad index", 0, kMaxInteger);
  }
  const int64_t size = buffer.space == Space::arena ? plan_->arena_bytes : num_constants_;
  const int64_t start = reader_.check(position, "bad position", 0, size);
  if (start % static_cast<int64_t>(kAlignment) != 0) reader_.fail("position is no multiple of 64");
  if (buffer.bytes > size - start) reader_.fail("does not fit into its space");
  return start;
}

void Decoder::read_buffer() {
  Buffer buffer;
  buffer.space = static_cast<Space>(reader_.integer("bad space", 0, kNumSpaces - 1));
  const double position = reader_.word();
  buffer.dtype = static_cast<DType>(reader_.integer("bad dtype", 0, kNumDTypes - 1));
  buffer.elements = reader_.integer("bad number of elements", 0, kMaxInteger);
  const int64_t block_elements = reader_.integer("bad block elements", 0, kMaxInteger);
  const int64_t block_bytes = reader_.integer("bad block bytes", 0, kMaxInteger);
  buffer.plain = block_elements == 0;
  if (buffer.plain) {
    if (block_bytes != 0) return reader_.fail("block bytes without block elements");
    buffer.bytes = buffer.elements * dtype_bytes(buffer.dtype);
  } else {
    const int64_t blocks =
        buffer.elements / block_elements + (buffer.elements % block_elements != 0);
    if (block_bytes == 0 || blocks > kMaxInteger / block_bytes)
      return reader_.fail("bad block bytes");
    buffer.bytes = blocks * block_bytes;
  }
  buffer.position = buffer_position(buffer, position);
  if (!reader_.ok()) return;
  if (buffer.space == Space::input) require(plan_->input_bytes, buffer);
  if (buffer.space == Space::output) require(plan_->output_bytes, buffer);
  if (buffer.space == Space::variable) require(plan_->variable_bytes, buffer);
  if (buffer.space == Space::operand) {
    if (buffer.position >= plan_->num_operands) reader_.fail("bad index");
    if (buffer.dtype != DType::f64 || buffer.elements != 1 || !buffer.plain) {
      reader_.fail("an operand is one f64");
    }
  }
  plan_->buffers.push_back(buffer);
}

// Whether every element lies in [0, elements). `low` only falls and `high` only grows, and a reach
// longer than the buffer is refused before it is added, so nothing here leaves int64.
bool lies_inside(const View& view, int64_t elements) {
  if (view.elements == 0) return view.offset <= elements;
  int64_t low = view.offset, high = view.offset;
  if (high >= elements) return false;
  for (int i = 0; i < view.rank; ++i) {
    const int64_t steps = view.dims[i] - 1;
    const int64_t stride = std::abs(view.strides[i]);
    if (steps == 0 || stride == 0) continue;
    if (steps > elements / stride) return false;
    if (view.strides[i] > 0) high += steps * stride;
    if (view.strides[i] < 0) low -= steps * stride;
    if (low < 0 || high >= elements) return false;
  }
  return true;
}

// An empty view is never read, so its strides may be anything, and ops would multiply them: they
// are made row-major.
void tame_strides(View& view) {
  int64_t stride = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    view.strides[i] = stride;
    stride *= std::max<int64_t>(view.dims[i], 1);
  }
}

bool is_contiguous(const View& view) {
  if (view.elements == 0) return true;
  int64_t expected = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    if (view.dims[i] == 1) continue;
    if (view.strides[i] != expected) return false;
    expected *= view.dims[i];
  }
  return true;
}

void Decoder::read_view() {
  View view;
  view.buffer = static_cast<int32_t>(
      reader_.integer("bad buffer", 0, static_cast<int64_t>(num_buffers_) - 1));
  view.offset = reader_.integer("bad offset", 0, kMaxInteger);
  view.rank = static_cast<int32_t>(reader_.integer("bad rank", 0, kMaxRank));
  int64_t extent = 1;  // dims of 0 taken as 1: ops multiply dims without looking for zeros
  bool empty = false;
  for (int i = 0; i < view.rank; ++i) {
    view.dims[i] = reader_.integer("bad dim", 0, kMaxInteger);
    if (view.dims[i] == 0) empty = true;
    if (view.dims[i] > kMaxInteger / extent) reader_.fail("too many elements");
    if (reader_.ok()) extent *= std::max<int64_t>(view.dims[i], 1);
  }
  for (int i = 0; i < view.rank; ++i) {
    view.strides[i] = reader_.integer("bad stride", -kMaxInteger, kMaxInteger);
  }
  if (!reader_.ok()) return;
  const Buffer& buffer = plan_->buffers[static_cast<size_t>(view.buffer)];
  if (!buffer.plain) return reader_.fail("no op reads blocks of quantised elements");
  view.dtype = buffer.dtype;
  view.elements = empty ? 0 : extent;
  if (!lies_inside(view, buffer.elements)) return reader_.fail("leaves its buffer");
  if (empty) tame_strides(view);
  view.contiguous = is_contiguous(view);
  views_.push_back(view);
}

void Decoder::read_block(size_t block) {
  if (!infos_[block].named) reader_.fail("is named by no instruction before it");
  plan_->depth = std::max(plan_->depth, infos_[block].depth);
  const size_t n = reader_.count("bad number of instructions", kMinInstrWords);
  if (!reader_.ok()) return reader_.place_error("block " + std::to_string(block));
  plan_->blocks[block].reserve(n);
  for (size_t i = 0; i < n && reader_.ok(); ++i) read_instr(block);
}

void Decoder::read_views(int64_t n, std::vector<View>& views) {
  if (!reader_.ok()) return;
  views.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t id = reader_.integer("bad view", 0, static_cast<int64_t>(num_views_) - 1);
    if (!reader_.ok()) return;
    views.push_back(views_[static_cast<size_t>(id)]);
  }
}

void Decoder::read_operands(Instr& instr) {
  const int64_t left = reader_.left() + 1;  // the opcode has been read
  const int64_t words = reader_.integer("bad length", kMinInstrWords, left);
  const int64_t most = std::max<int64_t>(words - kMinInstrWords, 0);
  const int64_t outs = reader_.integer("bad number of outs", 0, most);
  const int64_t ins = reader_.integer("bad number of ins", 0, most);
  const int64_t epilogue_ins = reader_.integer("bad number of epilogue ins", 0, most);
  const int64_t attrs = reader_.integer("bad number of attrs", 0, most);
  const int64_t epilogue = reader_.integer("bad length of epilogue", 0, most);
  if (outs + ins + epilogue_ins + attrs + epilogue != most) reader_.fail("bad length");
  read_views(outs, instr.outs);
  read_views(ins, instr.ins);
  read_views(epilogue_ins, instr.epilogue_ins);
  instr.attrs = reader_.words(static_cast<size_t>(attrs));
  instr.epilogue = reader_.words(static_cast<size_t>(epilogue));
}

std::string Decoder::name_of(const Instr& instr) const {
  return "instruction " + std::to_string(instr.index) +
         (instr.op ? std::string(" (") + instr.op->name + ")" : "");
}

void Decoder::read_instr(size_t block) {
  Instr instr;
  instr.index = plan_->num_instrs;
  const int64_t opcode = reader_.integer("bad opcode", 0, static_cast<int64_t>(ops_.size()) - 1);
  if (reader_.ok()) instr.op = &ops_[static_cast<size_t>(opcode)];
  read_operands(instr);
  if (reader_.ok()) check_writes(block, instr);
  if (reader_.ok()) check_epilogue(instr);
  if (reader_.ok()) prepare(instr);
  if (reader_.ok() && is_control(*instr.op)) name_blocks(block, instr);
  if (!reader_.ok()) return reader_.place_error(name_of(instr));
  plan_->num_instrs++;
  plan_->blocks[block].push_back(std::move(instr));
}

void Decoder::check_writes(size_t block, const Instr& instr) {
  const bool after_commit = block == 0 ? committed_ : infos_[block].after_commit;
  if (instr.op->can_fail && after_commit) reader_.fail("can fail, so it must stand before commit");
  for (const View& out : instr.outs) {
    const Space space = plan_->buffers[static_cast<size_t>(out.buffer)].space;
    if (space != Space::arena && space != Space::output && space != Space::variable) {
      reader_.fail("writes what is only read");
    }
    if (space == Space::variable && !(block == 0 && committed_)) {
      reader_.fail("writes a variable, so it must stand after commit in block 0");
    }
    for (int i = 0; i < out.rank; ++i) {
      if (out.dims[i] > 1 && out.strides[i] == 0) reader_.fail("an out has stride 0");
    }
  }
}

void Decoder::check_epilogue(const Instr& instr) {
  if (instr.epilogue.empty() && instr.epilogue_ins.empty()) return;
  if (!instr.op->takes_epilogue || instr.outs.empty()) return reader_.fail("takes no epilogue");
  if (instr.epilogue.empty()) return reader_.fail("operands without an epilogue");
  const View& out = instr.outs[0];
  for (const View& in : instr.epilogue_ins) {
    if (in.rank != out.rank || !std::equal(in.dims, in.dims + in.rank, out.dims)) {
      reader_.fail("an epilogue's operand has other dims than the output");
    }
  }
}

void Decoder::prepare(Instr& instr) {
  const std::string error = instr.op->prepare(instr);
  if (!error.empty()) return reader_.fail(error.c_str());
  if (is_control(*instr.op)) return;
  bool sound = instr.phases >= 1 && instr.phases <= kMaxPhases;
  for (int i = 0; sound && i < instr.phases; ++i) {
    sound = instr.chunks[i] >= 0;
    if (instr.chunks[i] > 1) plan_->parallel = true;
  }
  if (!sound) reader_.fail("internal: bad cut");
  if (instr.scratch_bytes < 0 || instr.scratch_bytes > kMaxScratch)
    reader_.fail("needs too much scratch");
  plan_->scratch_bytes = std::max(plan_->scratch_bytes, instr.scratch_bytes);
  if (instr.bytes < 0) instr.bytes = operand_bytes(instr);
}

// What is read or written of a view: an element that several indices name counts once.
double Decoder::view_bytes(const View& view) const {
  double elements = view.elements == 0 ? 0 : 1;
  for (int i = 0; i < view.rank; ++i) {
    if (view.strides[i] != 0) elements *= static_cast<double>(view.dims[i]);
  }
  const auto whole = static_cast<double>(plan_->buffers[static_cast<size_t>(view.buffer)].elements);
  return std::min(elements, whole) * static_cast<double>(dtype_bytes(view.dtype));
}

double Decoder::operand_bytes(const Instr& instr) const {
  double bytes = 0;
  for (const auto* views : {&instr.outs, &instr.ins, &instr.epilogue_ins}) {
    for (const View& view : *views) bytes += view_bytes(view);
  }
  return bytes;
}

void Decoder::name_blocks(size_t block, const Instr& instr) {
  const ControlState& control = control_of(instr);
  if (control.kind == ControlKind::commit) {
    if (block != 0) reader_.fail("stands outside block 0");
    if (committed_) reader_.fail("stands twice");
    committed_ = true;
  }
  for (int i = 0; i < control.num_blocks; ++i) {
    const auto target = static_cast<size_t>(control.blocks[i]);
    if (target <= block || target >= num_blocks_) return reader_.fail("bad block");
    if (infos_[target].named) return reader_.fail("names a block that is named already");
    infos_[target] = {true, block == 0 ? committed_ : infos_[block].after_commit,
                      infos_[block].depth + 1};
  }
}

}  // namespace

DecodedPlan decode_plan(const double* words, size_t num_words, const std::byte* constants,
                        size_t num_constants, const std::vector<Op>& ops) {
  return Decoder(words, num_words, constants, num_constants, ops).decode();
}

}  // namespace tenon
