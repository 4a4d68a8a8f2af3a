// dynamicSlice, dynamicUpdate and checkRange, as docs/plan.md says; all views contiguous.
#include "ops/index_window.h"

#include <cstring>
#include <limits>

#include "ops/operands.h"

namespace tenon {

namespace {

struct WindowState : OpState {
  int axis = 0;
  int64_t inner_bytes = 0;  // of one position along the axis
  Cut cut;                  // of the bytes of the window
};

// whole: the view that the window lies in.
std::string prepare_window(Instr& instr, const View& whole, const View& window, const View& start) {
  if (whole.dtype != window.dtype) return "dtypes differ";
  if (start.dtype != DType::i64 || start.elements != 1) return "start must be one i64";
  if (whole.rank != window.rank || whole.rank < 1) return "ranks must be equal, 1 or more";
  int64_t axis = 0;
  if (!read_attr(instr, 0, 0, whole.rank - 1, &axis)) return "axis";
  for (int d = 0; d < whole.rank; d++) {
    if (d != axis && whole.dims[d] != window.dims[d]) return "dims differ off the axis";
  }
  if (window.dims[axis] > whole.dims[axis]) return "larger than what it lies in";
  if (!whole.contiguous || !window.contiguous) return "must be contiguous";
  auto state = std::make_unique<WindowState>();
  state->axis = static_cast<int>(axis);
  const int64_t bytes = dtype_bytes(window.dtype);
  if (window.elements > 0) {
    state->inner_bytes = count_dims(window, state->axis + 1, window.rank) * bytes;
  }
  const int64_t total = window.elements * bytes;
  instr.bytes = 2 * static_cast<double>(total);
  state->cut = cut_work(total, instr.bytes / kChunkBytes);
  instr.chunks[0] = state->cut.chunks;
  instr.state = std::move(state);
  return "";
}

std::string prepare_slice(Instr& instr) {
  if (!counts_are(instr, 1, 2, 1)) return "takes x and start, gives one";
  return prepare_window(instr, instr.ins[0], instr.outs[0], instr.ins[1]);
}

std::string prepare_update(Instr& instr) {
  if (!counts_are(instr, 1, 2, 1)) return "takes x and start, gives one";
  return prepare_window(instr, instr.outs[0], instr.ins[0], instr.ins[1]);
}

// Copies bytes [first, last) of the window, which is dense, from or to the whole.
template <class Copy>
void for_each_piece(const WindowState& s, const View& whole, const View& window, int64_t start,
                    int64_t first, int64_t last, const Copy& copy) {
  const int64_t window_block = window.dims[s.axis] * s.inner_bytes;
  const int64_t whole_block = whole.dims[s.axis] * s.inner_bytes;
  for (int64_t at = first; at < last;) {
    const int64_t outer = at / window_block, within = at % window_block;
    const int64_t n = std::min(window_block - within, last - at);
    copy(at, outer * whole_block + start * s.inner_bytes + within, static_cast<size_t>(n));
    at += n;
  }
}

std::byte* bytes_at(const Frame& frame, const View& view) {
  return frame.bases[view.buffer] + view.offset * dtype_bytes(view.dtype);
}

bool window_fits(int64_t start, int64_t n, int64_t size) { return start >= 0 && start <= size - n; }

void run_slice(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const WindowState&>(*instr.state);
  const View &x = instr.ins[0], &y = instr.outs[0];
  const int64_t start = *frame.data<const int64_t>(instr.ins[1]);
  const int64_t n = y.dims[s.axis], size = x.dims[s.axis];
  if (!window_fits(start, n, size)) {
    // The start where that is bad by itself, else the last position asked for.
    const bool bad_start = start < 0 || start >= size;
    frame.fail(instr, FailureCode::index, bad_start ? start : start + n - 1, size);
    return;
  }
  const std::byte* from = bytes_at(frame, x);
  std::byte* to = bytes_at(frame, y);
  for_each_piece(s, x, y, start, s.cut.first(begin), s.cut.first(end),
                 [=](int64_t at, int64_t in_whole, size_t bytes) {
                   std::memmove(to + at, from + in_whole, bytes);
                 });
}

void run_update(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  const auto& s = static_cast<const WindowState&>(*instr.state);
  const View &x = instr.ins[0], &y = instr.outs[0];
  const int64_t start = *frame.data<const int64_t>(instr.ins[1]);
  if (!window_fits(start, x.dims[s.axis], y.dims[s.axis])) return;
  const std::byte* from = bytes_at(frame, x);
  std::byte* to = bytes_at(frame, y);
  for_each_piece(s, y, x, start, s.cut.first(begin), s.cut.first(end),
                 [=](int64_t at, int64_t in_whole, size_t bytes) {
                   std::memmove(to + in_whole, from + at, bytes);
                 });
}

std::string prepare_check(Instr& instr) {
  if (!counts_are(instr, 0, 1, 2)) return "takes one, gives nothing";
  const View& i = instr.ins[0];
  if (i.dtype != DType::i64 && i.dtype != DType::f64) return "must be i64 or f64";
  if (!i.contiguous) return "must be contiguous";
  if (std::isnan(instr.attrs[0]) || std::isnan(instr.attrs[1])) return "bounds";
  return "";
}

// To the nearest int64; what is not a number to the least.
int64_t saturate(double value) {
  using Limits = std::numeric_limits<int64_t>;
  if (!(value >= -0x1p63)) return Limits::min();
  return value >= 0x1p63 ? Limits::max() : static_cast<int64_t>(value);
}
int64_t saturate(int64_t value) { return value; }

template <class T>
void check_all(const Instr& instr, const Frame& frame, T low, T high) {
  const View& view = instr.ins[0];
  const T* values = frame.data<const T>(view);
  for (int64_t i = 0; i < view.elements; i++) {
    const T value = values[i];
    if (value >= low && value <= high) continue;
    const int64_t last = saturate(std::floor(instr.attrs[1]));
    const int64_t size = last == std::numeric_limits<int64_t>::max() ? last : last + 1;
    frame.fail(instr, FailureCode::index, saturate(value), size);
    return;
  }
}

void run_check(const Instr& instr, const Frame& frame, int, int64_t, int64_t) {
  const double low = instr.attrs[0], high = instr.attrs[1];
  if (instr.ins[0].dtype == DType::f64) {
    check_all<double>(instr, frame, low, high);
  } else if (low >= 0x1p63 || high < -0x1p63) {
    check_all<int64_t>(instr, frame, 1, 0);  // no integer lies between
  } else {
    check_all<int64_t>(instr, frame, saturate(std::ceil(low)), saturate(std::floor(high)));
  }
}

}  // namespace

std::vector<Op> index_window_ops() {
  return {{"dynamicSlice", true, false, prepare_slice, run_slice},
          {"dynamicUpdate", false, false, prepare_update, run_update},
          {"checkRange", true, false, prepare_check, run_check}};
}

}  // namespace tenon
