// assignRows: outs [y: [V, inner]], ins [ids: i64 [n], src: [n, inner]]; all contiguous, any dtype.
// y[ids[i]] = src[i] in order of i; ids outside of y are passed over, so that it may stand behind
// `commit`.
#include "kernels/index.h"
#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {

namespace {

// Pieces of V; each reads all ids.
constexpr int64_t kMostParts = 16;

struct AssignRowsState : OpState {
  Cut cut;
};

std::string prepare_assign_rows(Instr& instr) {
  if (!counts_are(instr, 1, 2, 0)) return "takes ids and src, gives y";
  const View &y = instr.outs[0], &ids = instr.ins[0], &src = instr.ins[1];
  if (ids.dtype != DType::i64 || ids.rank != 1) return "ids must be i64 [n]";
  if (src.dtype != y.dtype) return "dtypes differ";
  if (y.rank != 2 || src.rank != 2 || src.dims[0] != ids.dims[0] || src.dims[1] != y.dims[1]) {
    return "sizes do not match";
  }
  if (!all_contiguous(instr.outs) || !all_contiguous(instr.ins)) return "must be contiguous";
  auto state = std::make_unique<AssignRowsState>();
  const double bytes =
      static_cast<double>(src.elements) * 2 * static_cast<double>(dtype_bytes(src.dtype));
  instr.bytes = bytes;
  const bool nothing = y.elements == 0 || src.elements == 0;
  state->cut = cut_work(nothing ? 0 : y.dims[0], chunk_cost(0, bytes), kMostParts);
  instr.chunks[0] = state->cut.chunks;
  instr.state = std::move(state);
  return "";
}

template <class T>
void run_typed(const Instr& instr, const Frame& frame, int64_t v0, int64_t v1) {
  const View &y = instr.outs[0], &ids = instr.ins[0], &src = instr.ins[1];
  assign_rows(v0, v1, ids.dims[0], y.dims[1], frame.data<const int64_t>(ids),
              frame.data<const T>(src), frame.data<T>(y));
}

void run_assign_rows(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const Cut& cut = static_cast<const AssignRowsState&>(*instr.state).cut;
  const int64_t v0 = cut.first(begin), v1 = cut.first(end);
  switch (dtype_bytes(instr.outs[0].dtype)) {
    case 1:
      return run_typed<uint8_t>(instr, frame, v0, v1);
    case 2:
      return run_typed<uint16_t>(instr, frame, v0, v1);
    case 4:
      return run_typed<uint32_t>(instr, frame, v0, v1);
    default:
      return run_typed<uint64_t>(instr, frame, v0, v1);
  }
}

}  // namespace

std::vector<Op> assign_rows_ops() {
  return {{.name = "assignRows", .prepare = prepare_assign_rows, .run = run_assign_rows}};
}

}  // namespace tenon
