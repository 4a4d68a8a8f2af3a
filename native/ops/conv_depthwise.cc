// Convolutions with one channel a group: loops over planes instead of products of matrices.
#include "kernels/depthwise.h"
#include "ops/conv_shape.h"

namespace tenon {

namespace {

DepthwiseTile describe(const ConvState& s, const ConvTile& tile, const PaddedPlane& plane,
                       int64_t* offsets) {
  const ConvWindow& window = s.shape.window;
  for (int64_t kh = 0; kh < window.KH; kh++) {
    for (int64_t kw = 0; kw < window.KW; kw++) offsets[kh * window.KW + kw] = plane.offset(kh, kw);
  }
  return {tile.rows, tile.cols, window.taps(), offsets, plane.row_step()};
}

int64_t tile_start(const ConvState& s, const ConvTile& tile) {
  return tile.row * s.shape.window.OW + tile.col;
}

// y: planes [first, last) of x and the filters of each.
template <class T>
void forward(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
             int64_t last) {
  const ConvShape& shape = s.shape;
  const T* x = frame.data<T>(instr.ins[0]);
  const T* w = frame.data<T>(instr.ins[1]);
  T* y = frame.data<T>(instr.outs[0]);
  T* padded = s.scratch.padded_at<T>(frame);
  const int64_t out_plane = shape.OHW();
  for (int64_t index = 0; index < s.tiling.count(); index++) {
    const ConvTile tile = s.tiling.at(index);
    const PaddedPlane plane(shape.window, tile);
    const DepthwiseTile loops = describe(s, tile, plane, s.scratch.offsets_at(frame));
    for (int64_t unit = first; unit < last; unit++) {
      plane.fill(x + unit * shape.HW(), padded);
      const T* filters = w + unit % shape.C * shape.Og * shape.taps();
      T* out = y + unit * shape.Og * out_plane + tile_start(s, tile);
      for (int64_t o = 0; o < shape.Og; o++) {
        depthwise(loops, padded, filters + o * shape.taps(), out + o * out_plane);
      }
    }
  }
  s.epilogue.run(frame, first * shape.Og * out_plane, last * shape.Og * out_plane);
}

template <class T>
void by_input(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
              int64_t last) {
  const ConvShape& shape = s.shape;
  const T* dy = frame.data<T>(instr.ins[0]);
  const T* w = frame.data<T>(instr.ins[1]);
  T* dx = frame.data<T>(instr.outs[0]);
  T* padded = s.scratch.padded_at<T>(frame);
  const int64_t out_plane = shape.OHW();
  std::fill(dx + first * shape.HW(), dx + last * shape.HW(), T{0});
  for (int64_t index = 0; index < s.tiling.count(); index++) {
    const ConvTile tile = s.tiling.at(index);
    const PaddedPlane plane(shape.window, tile);
    const DepthwiseTile loops = describe(s, tile, plane, s.scratch.offsets_at(frame));
    for (int64_t unit = first; unit < last; unit++) {
      const T* filters = w + unit % shape.C * shape.Og * shape.taps();
      const T* dout = dy + unit * shape.Og * out_plane + tile_start(s, tile);
      std::fill_n(padded, plane.elements(), T{0});
      for (int64_t o = 0; o < shape.Og; o++) {
        depthwise_input(loops, dout + o * out_plane, filters + o * shape.taps(), padded);
      }
      plane.add_to(padded, dx + unit * shape.HW());
    }
  }
  s.epilogue.run(frame, first * shape.HW(), last * shape.HW());
}

template <class T>
void by_weight(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
               int64_t last) {
  const ConvShape& shape = s.shape;
  const T* x = frame.data<T>(instr.ins[0]);
  const T* dy = frame.data<T>(instr.ins[1]);
  T* out = frame.data<T>(instr.outs[s.parts > 1 ? 1 : 0]);
  T* padded = s.scratch.padded_at<T>(frame);
  const int64_t filters = shape.Og * shape.taps();  // elements of a channel's
  for (int64_t unit = first; unit < last; unit++) {
    const int64_t part = unit / shape.C, c = unit % shape.C;
    T* dw = out + (part * shape.C + c) * filters;
    std::fill_n(dw, filters, T{0});
    const int64_t images_end = (part + 1) * shape.B / s.parts;
    for (int64_t index = 0; index < s.tiling.count(); index++) {
      const ConvTile tile = s.tiling.at(index);
      const PaddedPlane plane(shape.window, tile);
      const DepthwiseTile loops = describe(s, tile, plane, s.scratch.offsets_at(frame));
      for (int64_t b = part * shape.B / s.parts; b < images_end; b++) {
        plane.fill(x + (b * shape.C + c) * shape.HW(), padded);
        for (int64_t o = 0; o < shape.Og; o++) {
          const int64_t channel = (b * shape.C + c) * shape.Og + o;
          depthwise_weight(loops, padded, dy + channel * shape.OHW() + tile_start(s, tile),
                           dw + o * shape.taps());
        }
      }
    }
  }
}

}  // namespace

void depthwise_units(const Instr& instr, const ConvState& state, const Frame& frame, int64_t first,
                     int64_t last) {
  with_float(state.shape.dtype,
             [&](auto zero) { forward<decltype(zero)>(instr, state, frame, first, last); });
}

void depthwise_input_units(const Instr& instr, const ConvState& state, const Frame& frame,
                           int64_t first, int64_t last) {
  with_float(state.shape.dtype,
             [&](auto zero) { by_input<decltype(zero)>(instr, state, frame, first, last); });
}

void depthwise_weight_units(const Instr& instr, const ConvState& state, const Frame& frame,
                            int64_t first, int64_t last) {
  with_float(state.shape.dtype,
             [&](auto zero) { by_weight<decltype(zero)>(instr, state, frame, first, last); });
}

}  // namespace tenon
