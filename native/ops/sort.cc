// Order within rows; dense views of one dtype, not f16 or bf16.
//   sort: outs [values: [rows, k], at: i64 [rows, k]] or [values, at, work: u64 [slots, words]],
//     ins [x: [rows, n]]; attrs [descending: 0 or 1]: the first k of each row in order, k <= n.
//     words is sort_work_words(n, k, bytes of an element), without work where that is 0; a slot
//     serves a chunk.
//   searchsorted: outs [at: i64 [rows, n]], ins [sorted: [rows or 1, m], values: [rows, n]];
//     attrs [right: 0 or 1]
#include "kernels/sort.h"

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {
namespace {

struct SortState : OpState {
  int64_t flag = 0;
  Cut cut;  // of rows, or of all values to be searched for
};

bool has_order(DType dtype) { return dtype != DType::f16 && dtype != DType::bf16; }

std::string prepare_sort(Instr& instr) {
  if (!counts_are(instr, 2, 1, 1) && !counts_are(instr, 3, 1, 1)) {
    return "takes x and a direction, gives values, at and perhaps work";
  }
  const View &x = instr.ins[0], &values = instr.outs[0], &at = instr.outs[1];
  if (!has_order(x.dtype) || values.dtype != x.dtype) return "dtype";
  if (at.dtype != DType::i64) return "at must be i64";
  if (!all_contiguous(instr.ins) || !all_contiguous(instr.outs)) return "must be contiguous";
  if (x.rank != 2 || values.rank != 2) return "views must be of rank 2";
  const int64_t rows = x.dims[0], n = x.dims[1], k = values.dims[1];
  if (values.dims[0] != rows || !same_dims(values, at) || k > n) return "sizes do not match";
  if (n > kMaxSortLength) return "too long";
  const int64_t words = sort_work_words(n, k, dtype_bytes(x.dtype));
  int64_t slots = kMaxChunks;
  if ((words > 0) != (instr.outs.size() == 3)) return "work does not fit the sizes";
  if (words > 0) {
    const View& work = instr.outs[2];
    slots = work.dims[0];
    if (work.dtype != DType::u64 || work.rank != 2 || slots < 1 || work.dims[1] != words) {
      return "work must be u64 [slots, words]";
    }
  }
  auto state = std::make_unique<SortState>();
  if (!read_attr(instr, 0, 0, 1, &state->flag)) return "direction";
  const double elements = static_cast<double>(x.elements);
  instr.flops = elements * std::log2(static_cast<double>(n) + 2);
  state->cut = cut_work(values.elements == 0 ? 0 : rows, instr.flops * 4 / kChunkFlops,
                        std::min(kMaxChunks, slots));
  instr.chunks[0] = state->cut.chunks;
  instr.state = std::move(state);
  return "";
}

void run_sort(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const SortState&>(*instr.state);
  const View &x = instr.ins[0], &values = instr.outs[0];
  const int64_t n = x.dims[1], k = values.dims[1];
  const View* work = instr.outs.size() == 3 ? &instr.outs[2] : nullptr;
  with_ordered(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t chunk = begin; chunk < end; chunk++) {
      uint64_t* slot = work ? frame.data<uint64_t>(*work) + chunk * work->dims[1] : nullptr;
      for (int64_t row = s.cut.first(chunk); row < s.cut.first(chunk + 1); row++) {
        sort_row(n, k, s.flag != 0, frame.data<const T>(x) + row * n,
                 frame.data<T>(values) + row * k, frame.data<int64_t>(instr.outs[1]) + row * k,
                 slot);
      }
    }
  });
}

std::string prepare_search(Instr& instr) {
  if (!counts_are(instr, 1, 2, 1)) return "takes sorted, values and a side, gives at";
  const View &sorted = instr.ins[0], &values = instr.ins[1], &at = instr.outs[0];
  if (!has_order(sorted.dtype) || values.dtype != sorted.dtype) return "dtype";
  if (at.dtype != DType::i64) return "at must be i64";
  if (!all_contiguous(instr.ins) || !all_contiguous(instr.outs)) return "must be contiguous";
  if (sorted.rank != 2 || values.rank != 2 || !same_dims(values, at)) return "ranks or sizes";
  if (sorted.dims[0] != 1 && sorted.dims[0] != values.dims[0]) return "rows do not match";
  auto state = std::make_unique<SortState>();
  if (!read_attr(instr, 0, 0, 1, &state->flag)) return "side";
  const double steps = std::log2(static_cast<double>(sorted.dims[1]) + 2);
  instr.flops = static_cast<double>(values.elements) * steps;
  state->cut = cut_work(values.elements, instr.flops * 4 / kChunkFlops);
  instr.chunks[0] = state->cut.chunks;
  instr.state = std::move(state);
  return "";
}

void run_search(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const SortState&>(*instr.state);
  const View &sorted = instr.ins[0], &values = instr.ins[1];
  const int64_t m = sorted.dims[1], n = values.dims[1];
  const int64_t last = s.cut.first(end);
  with_ordered(sorted.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = s.cut.first(begin); i < last;) {
      const int64_t row = i / n, count = std::min(last, (row + 1) * n) - i;
      search_row(m, count, s.flag != 0,
                 frame.data<const T>(sorted) + (sorted.dims[0] == 1 ? 0 : row * m),
                 frame.data<const T>(values) + i, frame.data<int64_t>(instr.outs[0]) + i);
      i += count;
    }
  });
}

}  // namespace

std::vector<Op> sort_ops() {
  return {
      {.name = "sort", .prepare = prepare_sort, .run = run_sort},
      {.name = "searchsorted", .prepare = prepare_search, .run = run_search},
  };
}

}  // namespace tenon
