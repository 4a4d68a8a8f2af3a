// maxPool2d: outs [y, index: i64] of [B, C, OH, OW], ins [x: [B, C, H, W]];
//   attrs [kH, kW, strideH, strideW, padTop, padLeft, dilationH, dilationW].
// avgPool2d: outs [y], ins [x]; avgPool2dGrad: outs [dx], ins [dy];
//   attrs [kH, kW, strideH, strideW, padTop, padLeft, countIncludePad, divisorOverride (0: none),
//   padBottom, padRight].
// Every window starts inside x or in the padding before it. f32 or f64, contiguous.
#include "kernels/pool.h"

#include <climits>

#include "ops/families.h"
#include "ops/operands.h"

namespace tenon {

namespace {

struct PoolState : OpState {
  PoolWindow window;
  PoolDivisor divisor;
  Cut cut;  // of the planes
};

bool read_window(const Instr& instr, const View& x, const View& y, PoolWindow* window) {
  window->H = x.dims[2], window->W = x.dims[3], window->OH = y.dims[2], window->OW = y.dims[3];
  return read_attr(instr, 0, 1, kMaxExtent, &window->KH) &&
         read_attr(instr, 1, 1, kMaxExtent, &window->KW) &&
         read_attr(instr, 2, 1, kMaxExtent, &window->stride_h) &&
         read_attr(instr, 3, 1, kMaxExtent, &window->stride_w) &&
         read_attr(instr, 4, 0, kMaxExtent, &window->pad_top) &&
         read_attr(instr, 5, 0, kMaxExtent, &window->pad_left);
}

std::string check_planes(const View& x, const View& y) {
  if (x.rank != 4 || y.rank != 4 || !x.contiguous || !y.contiguous) {
    return "views must be contiguous, of rank 4";
  }
  if (x.dtype != y.dtype || !is_float(x.dtype)) return "dtypes must be equal, f32 or f64";
  if (x.dims[0] != y.dims[0] || x.dims[1] != y.dims[1]) return "planes differ in number";
  if (!dims_within(x, kMaxExtent) || !dims_within(y, kMaxExtent)) return "too large";
  return "";
}

bool starts_inside(int64_t outputs, int64_t stride, int64_t pad, int64_t extent) {
  return outputs == 0 || (outputs - 1) * stride - pad < extent;
}

// Windows that start in the padding must reach an input; the others do, since they start on one.
bool all_reach(int64_t outputs, int64_t stride, int64_t pad, int64_t taps, int64_t dilation,
               int64_t extent) {
  for (int64_t i = 0; i < outputs && i * stride < pad; i++) {
    const PoolTaps inside = taps_inside(i * stride - pad, taps, dilation, extent);
    if (inside.first >= inside.last) return false;
  }
  return true;
}

void set_cut(Instr& instr, PoolState& s, const View& x, const View& y) {
  const double taps = static_cast<double>(s.window.KH) * static_cast<double>(s.window.KW);
  instr.flops = taps * static_cast<double>(y.elements);
  const double bytes = static_cast<double>((x.elements + y.elements) * dtype_bytes(x.dtype));
  const int64_t planes = x.elements + y.elements == 0 ? 0 : x.dims[0] * x.dims[1];
  s.cut = cut_work(planes, chunk_cost(instr.flops, bytes));
  instr.chunks[0] = s.cut.chunks;
}

std::string prepare_max_pool(Instr& instr) {
  if (!counts_are(instr, 2, 1, 8)) return "takes x, gives y and index";
  const View &x = instr.ins[0], &y = instr.outs[0], &index = instr.outs[1];
  const std::string wrong = check_planes(x, y);
  if (!wrong.empty()) return wrong;
  if (index.dtype != DType::i64 || !index.contiguous || !same_dims(index, y)) {
    return "index must be i64, of the dims of y";
  }
  auto state = std::make_unique<PoolState>();
  PoolWindow& win = state->window;
  if (!read_window(instr, x, y, &win) || !read_attr(instr, 6, 1, kMaxExtent, &win.dilation_h) ||
      !read_attr(instr, 7, 1, kMaxExtent, &win.dilation_w)) {
    return "attrs out of range";
  }
  if (static_cast<double>(win.H) * static_cast<double>(win.W) > INT_MAX) return "too large";
  if (y.elements > 0) {
    if (!starts_inside(win.OH, win.stride_h, win.pad_top, win.H) ||
        !starts_inside(win.OW, win.stride_w, win.pad_left, win.W) ||
        !all_reach(win.OH, win.stride_h, win.pad_top, win.KH, win.dilation_h, win.H) ||
        !all_reach(win.OW, win.stride_w, win.pad_left, win.KW, win.dilation_w, win.W)) {
      return "a window lies outside of x";
    }
  }
  set_cut(instr, *state, x, y);
  instr.state = std::move(state);
  return "";
}

std::string prepare_average(Instr& instr, const View& x, const View& y) {
  const std::string wrong = check_planes(x, y);
  if (!wrong.empty()) return wrong;
  auto state = std::make_unique<PoolState>();
  PoolState& s = *state;
  int64_t count_padding = 0;
  if (!read_window(instr, x, y, &s.window) || !read_attr(instr, 6, 0, 1, &count_padding) ||
      !read_attr(instr, 7, -kMaxExtent, kMaxExtent, &s.divisor.fixed) ||
      !read_attr(instr, 8, 0, kMaxExtent, &s.divisor.pad_bottom) ||
      !read_attr(instr, 9, 0, kMaxExtent, &s.divisor.pad_right)) {
    return "attrs out of range";
  }
  s.divisor.count_padding = count_padding == 1;
  if (!starts_inside(s.window.OH, s.window.stride_h, s.window.pad_top, s.window.H) ||
      !starts_inside(s.window.OW, s.window.stride_w, s.window.pad_left, s.window.W)) {
    return "a window lies outside of x";
  }
  set_cut(instr, s, x, y);
  instr.state = std::move(state);
  return "";
}

std::string prepare_avg_pool(Instr& instr) {
  if (!counts_are(instr, 1, 1, 10)) return "takes x, gives y";
  return prepare_average(instr, instr.ins[0], instr.outs[0]);
}

std::string prepare_avg_pool_grad(Instr& instr) {
  if (!counts_are(instr, 1, 1, 10)) return "takes dy, gives dx";
  return prepare_average(instr, instr.outs[0], instr.ins[0]);
}

// Calls body(plane, typed zero) for the planes of some chunks.
template <class F>
void for_each_plane(const Instr& instr, int64_t begin, int64_t end, const F& body) {
  const auto& s = static_cast<const PoolState&>(*instr.state);
  with_float(instr.outs[0].dtype, [&](auto zero) {
    for (int64_t p = s.cut.first(begin); p < s.cut.first(end); p++) body(s, p, zero);
  });
}

void run_max_pool(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  for_each_plane(instr, begin, end, [&](const PoolState& s, int64_t plane, auto zero) {
    using T = decltype(zero);
    const PoolWindow& win = s.window;
    const int64_t out = plane * win.OH * win.OW;
    max_pool(win, frame.data<const T>(instr.ins[0]) + plane * win.H * win.W,
             frame.data<T>(instr.outs[0]) + out, frame.data<int64_t>(instr.outs[1]) + out);
  });
}

void run_avg_pool(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  for_each_plane(instr, begin, end, [&](const PoolState& s, int64_t plane, auto zero) {
    using T = decltype(zero);
    const PoolWindow& win = s.window;
    average_pool(win, s.divisor, frame.data<const T>(instr.ins[0]) + plane * win.H * win.W,
                 frame.data<T>(instr.outs[0]) + plane * win.OH * win.OW);
  });
}

void run_avg_pool_grad(const Instr& instr, const Frame& frame, int, int64_t begin, int64_t end) {
  for_each_plane(instr, begin, end, [&](const PoolState& s, int64_t plane, auto zero) {
    using T = decltype(zero);
    const PoolWindow& win = s.window;
    average_pool_grad(win, s.divisor, frame.data<const T>(instr.ins[0]) + plane * win.OH * win.OW,
                      frame.data<T>(instr.outs[0]) + plane * win.H * win.W);
  });
}

}  // namespace

std::vector<Op> pool_ops() {
  return {{"maxPool2d", false, false, prepare_max_pool, run_max_pool},
          {"avgPool2d", false, false, prepare_avg_pool, run_avg_pool},
          {"avgPool2dGrad", false, false, prepare_avg_pool_grad, run_avg_pool_grad}};
}

}  // namespace tenon
