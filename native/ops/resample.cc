// resample: outs [y: [outer, N, inner]], ins [x: [outer, M, inner]]: each of N lines is a weighted
// sum of some of the M: a sparse matrix that is part of the plan. attrs [starts (N + 1), positions,
// weights]: line n sums entries starts[n] to starts[n + 1]. f32 or f64, contiguous.
#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {

namespace {

constexpr int64_t kBlock = 64;  // elements of a line summed at a time, in double

struct ResampleState : OpState {
  std::vector<int64_t> starts, positions;
  std::vector<double> weights;
  Cut cut;  // of the lines of y
};

std::string read_table(const Instr& instr, int64_t lines, int64_t sources, ResampleState& s) {
  const auto total = static_cast<int64_t>(instr.attrs.size());
  if (total < lines + 1) return "attrs must be starts, positions, weights";
  const int64_t entries = (total - lines - 1) / 2;
  if (total != lines + 1 + 2 * entries) return "as many weights as positions";
  s.starts.resize(static_cast<size_t>(lines) + 1);
  for (size_t i = 0; i < s.starts.size(); i++) {
    const int64_t low = i == 0 ? 0 : s.starts[i - 1];
    if (!read_attr(instr, i, low, entries, &s.starts[i])) return "starts must ascend";
  }
  if (s.starts.front() != 0 || s.starts.back() != entries) return "starts must span all entries";
  s.positions.resize(static_cast<size_t>(entries));
  s.weights.resize(static_cast<size_t>(entries));
  for (size_t i = 0; i < s.positions.size(); i++) {
    const size_t at = s.starts.size() + i;
    if (!read_attr(instr, at, 0, sources - 1, &s.positions[i])) return "a position is out of range";
    s.weights[i] = instr.attrs[at + s.positions.size()];
  }
  return "";
}

std::string prepare_resample(Instr& instr) {
  if (instr.outs.size() != 1 || instr.ins.size() != 1) return "takes x, gives y";
  const View &x = instr.ins[0], &y = instr.outs[0];
  if (x.rank != 3 || y.rank != 3 || !x.contiguous || !y.contiguous) {
    return "views must be contiguous, of rank 3";
  }
  if (x.dtype != y.dtype || !is_float(x.dtype)) return "dtypes must be equal, f32 or f64";
  if (x.dims[0] != y.dims[0] || x.dims[2] != y.dims[2]) return "lines differ in number or length";
  if (!dims_within(x, kMaxExtent) || !dims_within(y, kMaxExtent)) return "too large";
  auto state = std::make_unique<ResampleState>();
  const std::string wrong = read_table(instr, y.dims[1], x.dims[1], *state);
  if (!wrong.empty()) return wrong;
  const double bytes = static_cast<double>((x.elements + y.elements) * dtype_bytes(x.dtype));
  instr.flops = 2 * static_cast<double>(state->positions.size()) * static_cast<double>(y.dims[0]) *
                static_cast<double>(y.dims[2]);
  const int64_t units = y.elements == 0 ? 0 : y.dims[0] * y.dims[1];
  // A product here is a load, a conversion and an addition: counted fourfold.
  state->cut = cut_work(units, chunk_cost(4 * instr.flops, bytes));
  instr.chunks[0] = state->cut.chunks;
  instr.state = std::move(state);
  return "";
}

// y = the weighted sum of lines of x.
// x: [M, inner]   y: [inner]
template <class T>
void sum_lines(const ResampleState& s, size_t first, size_t last, int64_t inner, const T* x, T* y) {
  if (inner == 1) {
    double sum = 0;
    for (size_t i = first; i < last; i++) sum += s.weights[i] * x[s.positions[i]];
    *y = static_cast<T>(sum);
    return;
  }
  for (int64_t done = 0; done < inner; done += kBlock) {
    double sum[kBlock] = {};
    const int64_t n = std::min(kBlock, inner - done);
    for (size_t i = first; i < last; i++) {
      const T* __restrict from = x + s.positions[i] * inner + done;
      const double weight = s.weights[i];
      for (int64_t j = 0; j < n; j++) sum[j] += weight * from[j];
    }
    for (int64_t j = 0; j < n; j++) y[done + j] = static_cast<T>(sum[j]);
  }
}

void run_resample(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const ResampleState&>(*instr.state);
  const int64_t sources = instr.ins[0].dims[1], lines = instr.outs[0].dims[1],
                inner = instr.outs[0].dims[2];
  with_float(instr.outs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* x = frame.data<T>(instr.ins[0]);
    T* y = frame.data<T>(instr.outs[0]);
    for (int64_t unit = s.cut.first(begin); unit < s.cut.first(end); unit++) {
      const auto line = static_cast<size_t>(unit % lines);
      sum_lines(s, static_cast<size_t>(s.starts[line]), static_cast<size_t>(s.starts[line + 1]),
                inner, x + unit / lines * sources * inner, y + unit * inner);
    }
  });
}

}  // namespace

std::vector<Op> resample_ops() {
  return {{"resample", false, false, prepare_resample, run_resample}};
}

}  // namespace tenon
