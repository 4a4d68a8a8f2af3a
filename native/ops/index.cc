// Ops that move or add elements named by indices; all views contiguous, indices in range or the run
// fails with `index`.
//   take:       outs [y: [outer, n, inner]], ins [x: [outer, V, inner], ids: i64 or i32 [n]]
//   takeAdd:    outs [y: [outer, V, inner]], ins [ids, src: [outer, n, inner]]: y = 0, y[:, ids[i]]
//   += src[:, i] in order gather:     outs [y], ins [x, index: i64]; attrs [axis]; y and index have
//   the same dims, off the axis at most x's scatter, scatterAdd: outs [y], ins [x, index, src];
//   attrs [axis]: y = x, then y at the indices = or += src, in order
//               along the axis; index and src have the same dims; y may be the very view of x
//   scatterMul, scatterMax, scatterMin: the same with y at the indices *= src, or the larger or
//   smaller of both
#include "kernels/index.h"

#include "ops/families.h"
#include "ops/index_window.h"
#include "ops/operands.h"

namespace tenon {

namespace {

constexpr int64_t kEnoughUnits = 16;

struct IndexState : OpState {
  IndexWalk walk;
  int64_t v_parts = 1;  // takeAdd: pieces of V of each outer
  Cut cut, copy_cut;    // scatter: the copy of x to y is a phase of its own
};

// Elements that only move are taken for unsigned integers of their size.
template <class F>
void with_bits(DType dtype, const F& body) {
  switch (dtype_bytes(dtype)) {
    case 1:
      return body(uint8_t{});
    case 2:
      return body(uint16_t{});
    case 4:
      return body(uint32_t{});
    default:
      return body(uint64_t{});
  }
}

// Signed integers are added as unsigned ones: the same bits, and wrapping.
template <class F>
void with_number(DType dtype, const F& body) {
  switch (dtype) {
    case DType::f64:
      return body(double{});
    case DType::f32:
      return body(float{});
    default:
      return with_bits(dtype, body);
  }
}

bool is_number(DType dtype) {
  return dtype != DType::f16 && dtype != DType::bf16 && dtype != DType::boolean;
}

double bytes_of(const View& view) {
  return static_cast<double>(view.elements) * static_cast<double>(dtype_bytes(view.dtype));
}

std::string check_take(const View& whole, const View& ids, const View& picked) {
  if (whole.dtype != picked.dtype) return "dtypes differ";
  if (ids.dtype != DType::i64 && ids.dtype != DType::i32) return "ids must be i64 or i32";
  if (whole.rank != 3 || picked.rank != 3 || ids.rank != 1) return "ranks must be 3, 1 and 3";
  if (whole.dims[0] != picked.dims[0] || whole.dims[2] != picked.dims[2] ||
      picked.dims[1] != ids.dims[0]) {
    return "sizes do not match";
  }
  return "";
}

std::string prepare_take(Instr& instr) {
  if (!counts_are(instr, 1, 2, 0)) return "takes x and ids, gives one";
  const View& y = instr.outs[0];
  const std::string wrong = check_take(instr.ins[0], instr.ins[1], y);
  if (!wrong.empty()) return wrong;
  if (!all_contiguous(instr.outs) || !all_contiguous(instr.ins)) return "must be contiguous";
  auto state = std::make_unique<IndexState>();
  const int64_t rows = y.elements == 0 ? 0 : y.dims[0] * y.dims[1];
  state->cut = cut_work(rows, 2 * bytes_of(y) / kChunkBytes);
  instr.bytes = bytes_of(instr.ins[1]) + 2 * bytes_of(y);
  instr.chunks[0] = state->cut.chunks;
  instr.state = std::move(state);
  return "";
}

// Calls body with the ids in their own type; a bad one, of V, fails the run.
template <class F>
void with_ids(const Instr& instr, const Frame& frame, const View& ids, int64_t V, const F& body) {
  const IndexResult result = ids.dtype == DType::i64 ? body(frame.data<const int64_t>(ids))
                                                     : body(frame.data<const int32_t>(ids));
  if (result.bad) frame.fail(instr, FailureCode::index, result.index, V);
}

void run_take(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const IndexState&>(*instr.state);
  const View &x = instr.ins[0], &y = instr.outs[0];
  with_bits(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    with_ids(instr, frame, instr.ins[1], x.dims[1], [&](const auto* ids) {
      return take_rows(s.cut.first(begin), s.cut.first(end), y.dims[1], x.dims[1], x.dims[2],
                       frame.data<const T>(x), ids, frame.data<T>(y));
    });
  });
}

std::string prepare_take_add(Instr& instr) {
  if (!counts_are(instr, 1, 2, 0)) return "takes ids and src, gives one";
  const View &y = instr.outs[0], &src = instr.ins[1];
  const std::string wrong = check_take(y, instr.ins[0], src);
  if (!wrong.empty()) return wrong;
  if (!is_number(y.dtype)) return "dtype";
  if (!all_contiguous(instr.outs) || !all_contiguous(instr.ins)) return "must be contiguous";
  auto state = std::make_unique<IndexState>();
  IndexState& s = *state;
  const double cost = (bytes_of(y) + 2 * bytes_of(src)) / kChunkBytes;
  const int64_t outer = y.dims[0], V = y.dims[1];
  // With V = 0 the ids must still be looked at.
  if (outer > 0 && outer < kEnoughUnits && cost >= 2) {
    // Each part reads all ids, which has to be little beside the adding.
    const int64_t worth = std::max<int64_t>(1, y.dims[2] / 4);
    s.v_parts = std::clamp<int64_t>(V, 1, std::min(kEnoughUnits / outer, worth));
  }
  const bool nothing = outer == 0 || y.dims[2] == 0;
  s.cut = cut_work(nothing ? 0 : outer * s.v_parts, cost);
  instr.chunks[0] = s.cut.chunks;
  instr.flops = static_cast<double>(src.elements);
  instr.state = std::move(state);
  return "";
}

void run_take_add(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const IndexState&>(*instr.state);
  const View &ids_view = instr.ins[0], &src = instr.ins[1], &y = instr.outs[0];
  const int64_t n = ids_view.dims[0], V = y.dims[1], inner = y.dims[2];
  with_number(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    with_ids(instr, frame, ids_view, V, [&](const auto* ids) {
      IndexResult result;
      for (int64_t unit = s.cut.first(begin); unit < s.cut.first(end) && !result.bad; unit++) {
        const int64_t o = unit / s.v_parts, part = unit % s.v_parts;
        result = take_add_rows(part * V / s.v_parts, (part + 1) * V / s.v_parts, n, V, inner, ids,
                               frame.data<const T>(src) + o * n * inner,
                               frame.data<T>(y) + o * V * inner);
      }
      return result;
    });
  });
}

// Adds a dim to one side of the axis, joined to the last one where the index covers all of x's dim.
void add_dim(int64_t dim, int64_t x_dim, int64_t stride, int* count, int64_t* dims,
             int64_t* strides) {
  if (*count > 0 && dim == x_dim) {
    dims[*count - 1] *= dim;
    strides[*count - 1] = stride;
    return;
  }
  dims[*count] = dim, strides[*count] = stride;
  ++*count;
}

std::string read_walk(const Instr& instr, const View& x, const View& index, IndexWalk* walk) {
  if (index.dtype != DType::i64) return "index must be i64";
  if (x.rank != index.rank || x.rank < 1) return "ranks must be equal, 1 or more";
  int64_t axis = 0;
  if (!read_attr(instr, 0, 0, x.rank - 1, &axis)) return "axis";
  int64_t stride = 1, strides[kMaxRank];
  for (int d = x.rank - 1; d >= 0; d--) {
    if (d != axis && index.dims[d] > x.dims[d]) return "index is larger than x";
    strides[d] = stride;
    if (x.elements > 0) stride *= x.dims[d];
  }
  walk->along = index.dims[axis];
  walk->size = x.dims[axis], walk->stride = strides[axis];
  if (index.elements == 0) {
    walk->outer = walk->inner = 0;
    return "";
  }
  for (int d = 0; d < x.rank; d++) {
    if (d < axis) {
      add_dim(index.dims[d], x.dims[d], strides[d], &walk->num_outer, walk->outer_dims,
              walk->outer_strides);
      walk->outer *= index.dims[d];
    } else if (d > axis) {
      add_dim(index.dims[d], x.dims[d], strides[d], &walk->num_inner, walk->inner_dims,
              walk->inner_strides);
      walk->inner *= index.dims[d];
    }
  }
  return "";
}

void cut_lines(IndexState& s, double bytes) {
  s.cut = cut_work(s.walk.outer * s.walk.inner, bytes / kChunkBytes);
}

std::string prepare_gather(Instr& instr) {
  if (!counts_are(instr, 1, 2, 1)) return "takes x and index, gives one";
  const View &x = instr.ins[0], &index = instr.ins[1], &y = instr.outs[0];
  if (x.dtype != y.dtype) return "dtypes differ";
  if (!same_dims(y, index)) return "y must have the dims of index";
  if (!all_contiguous(instr.outs) || !all_contiguous(instr.ins)) return "must be contiguous";
  auto state = std::make_unique<IndexState>();
  const std::string wrong = read_walk(instr, x, index, &state->walk);
  if (!wrong.empty()) return wrong;
  instr.bytes = bytes_of(index) + 2 * bytes_of(y);
  cut_lines(*state, instr.bytes);
  instr.chunks[0] = state->cut.chunks;
  instr.state = std::move(state);
  return "";
}

void report(const Instr& instr, const Frame& frame, const IndexState& s, IndexResult result) {
  if (result.bad) frame.fail(instr, FailureCode::index, result.index, s.walk.size);
}

void run_gather(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const IndexState&>(*instr.state);
  with_bits(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    report(instr, frame, s,
           gather_lines(s.walk, s.cut.first(begin), s.cut.first(end),
                        frame.data<const T>(instr.ins[0]), frame.data<const int64_t>(instr.ins[1]),
                        frame.data<T>(instr.outs[0])));
  });
}

std::string prepare_scatter(Instr& instr) {
  if (!counts_are(instr, 1, 3, 1)) return "takes x, index and src, gives one";
  const View &x = instr.ins[0], &index = instr.ins[1], &src = instr.ins[2], &y = instr.outs[0];
  if (x.dtype != y.dtype || src.dtype != y.dtype) return "dtypes differ";
  if (!same_dims(x, y)) return "y must have the dims of x";
  if (!same_dims(index, src)) return "src must have the dims of index";
  if (!all_contiguous(instr.outs) || !all_contiguous(instr.ins)) return "must be contiguous";
  auto state = std::make_unique<IndexState>();
  IndexState& s = *state;
  const std::string wrong = read_walk(instr, x, index, &s.walk);
  if (!wrong.empty()) return wrong;
  instr.bytes = bytes_of(index) + 3 * bytes_of(src);
  cut_lines(s, instr.bytes);
  int phase = 0;
  if (!same_view(x, y)) {
    instr.bytes += 2 * bytes_of(y);
    s.copy_cut = cut_work(y.elements, 2 * bytes_of(y) / kChunkBytes);
    instr.chunks[phase++] = s.copy_cut.chunks;
  }
  instr.chunks[phase++] = s.cut.chunks;
  instr.phases = phase;
  instr.state = std::move(state);
  return "";
}

std::string prepare_scatter_add(Instr& instr) {
  if (!instr.outs.empty() && !is_number(instr.outs[0].dtype)) return "dtype";
  return prepare_scatter(instr);
}

// The copy, if this is its phase; true when it was.
bool copy_phase(const Instr& instr, const Frame& frame, int phase, int64_t begin, int64_t end) {
  if (phase + 1 == instr.phases) return false;
  const Cut& cut = static_cast<const IndexState&>(*instr.state).copy_cut;
  with_bits(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* x = frame.data<const T>(instr.ins[0]);
    std::copy(x + cut.first(begin), x + cut.first(end),
              frame.data<T>(instr.outs[0]) + cut.first(begin));
  });
  return true;
}

void run_scatter(const Instr& instr, const Frame& frame, int phase, int64_t begin, int64_t end) {
  if (copy_phase(instr, frame, phase, begin, end)) return;
  const auto& s = static_cast<const IndexState&>(*instr.state);
  with_bits(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    report(instr, frame, s,
           scatter_lines(s.walk, s.cut.first(begin), s.cut.first(end),
                         frame.data<const int64_t>(instr.ins[1]), frame.data<const T>(instr.ins[2]),
                         frame.data<T>(instr.outs[0])));
  });
}

void run_scatter_add(const Instr& instr, const Frame& frame, int phase, int64_t begin,
                     int64_t end) {
  if (copy_phase(instr, frame, phase, begin, end)) return;
  const auto& s = static_cast<const IndexState&>(*instr.state);
  with_number(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    report(instr, frame, s,
           scatter_add_lines(s.walk, s.cut.first(begin), s.cut.first(end),
                             frame.data<const int64_t>(instr.ins[1]),
                             frame.data<const T>(instr.ins[2]), frame.data<T>(instr.outs[0])));
  });
}

std::string prepare_scatter_combine(Instr& instr) {
  if (!instr.outs.empty()) {
    const DType dtype = instr.outs[0].dtype;
    if (dtype == DType::f16 || dtype == DType::bf16) return "dtype";
  }
  return prepare_scatter(instr);
}

template <Combine kHow>
void run_scatter_combine(const Instr& instr, const Frame& frame, int phase, int64_t begin,
                         int64_t end) {
  if (copy_phase(instr, frame, phase, begin, end)) return;
  const auto& s = static_cast<const IndexState&>(*instr.state);
  with_ordered(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    report(instr, frame, s,
           scatter_combine_lines(kHow, s.walk, s.cut.first(begin), s.cut.first(end),
                                 frame.data<const int64_t>(instr.ins[1]),
                                 frame.data<const T>(instr.ins[2]), frame.data<T>(instr.outs[0])));
  });
}

}  // namespace

std::vector<Op> index_ops() {
  std::vector<Op> ops = {
      {"take", true, false, prepare_take, run_take},
      {"takeAdd", true, false, prepare_take_add, run_take_add},
      {"gather", true, false, prepare_gather, run_gather},
      {"scatter", true, false, prepare_scatter, run_scatter},
      {"scatterAdd", true, false, prepare_scatter_add, run_scatter_add},
      {"scatterMul", true, false, prepare_scatter_combine, run_scatter_combine<Combine::mul>},
      {"scatterMax", true, false, prepare_scatter_combine, run_scatter_combine<Combine::max>},
      {"scatterMin", true, false, prepare_scatter_combine, run_scatter_combine<Combine::min>}};
  for (const Op& op : index_window_ops()) ops.push_back(op);
  return ops;
}

}  // namespace tenon
