// conv2d: outs [y: [B, O, OH, OW]], ins [x: [B, C, H, W], w: [O, C / groups, KH, KW]], and its two
// gradients: conv2dInput: outs [dx], ins [dy, w]; conv2dWeight: outs [dw] or [dw, partials: [parts,
// elements of dw]], ins [x, dy]. All contiguous, f32 or f64; attrs [strideH, strideW, padTop,
// padLeft, dilationH, dilationW, groups]. What lies outside x is zero, so the pads at the bottom
// and the right follow from OH and OW.
#include "kernels/gemm.h"
#include "ops/conv_shape.h"
#include "ops/families.h"

namespace tenon {

namespace {

constexpr int64_t kEnoughUnits = 8;
constexpr int64_t kNarrowBlock = 128;  // rows of a column matrix worth a product of their own

// conv2dWeight sums the batch in parts, which may run at once. docs/plan.md tells it to those who
// make plans.
constexpr int64_t kMostParts = 8;
constexpr int64_t kLargeFilters =
    1 << 18;  // elements of dw from which partials cost more than they bring
int64_t batch_parts(int64_t images, int64_t elements) {
  return elements >= kLargeFilters ? 1 : std::clamp<int64_t>(images, 1, kMostParts);
}

template <class T>
void copy_rows(int64_t rows, int64_t n, const T* from, int64_t ld_from, T* to, int64_t ld_to) {
  for (int64_t row = 0; row < rows; row++) std::copy_n(from + row * ld_from, n, to + row * ld_to);
}

// A matrix that a product reads, and where from.
template <class T>
struct Operand {
  const T* data;
  int64_t ld;
};

// Everything one thread needs for some images of one group of channels.
template <class T>
struct Worker {
  const ConvState& s;
  const ConvShape& shape;
  T *column, *padded, *gathered;

  Worker(const ConvState& state, const Frame& frame)
      : s(state),
        shape(state.shape),
        column(state.scratch.column_at<T>(frame)),
        padded(state.scratch.padded_at<T>(frame)),
        gathered(state.scratch.gathered_at<T>(frame)) {}

  static int64_t start(const ConvShape& shape, const ConvTile& tile) {
    return tile.row * shape.window.OW + tile.col;
  }

  // Columns of channels [c, c + channels) of x for images [b, b + images): [channels * taps, images
  // * tile.size()].
  Operand<T> columns(const T* x, int64_t b, int64_t images, int64_t c, int64_t channels,
                     const ConvTile& tile) const {
    const T* from = x + (b * shape.C + c) * shape.HW();
    if (shape.pointwise && s.merge == 1) return {from + start(shape, tile), shape.HW()};
    const int64_t ld = images * tile.size();
    for (int64_t i = 0; i < images; i++) {
      im2col(shape.window, tile, channels, from + i * shape.C * shape.HW(),
             column + i * tile.size(), ld, padded);
    }
    return {column, ld};
  }

  // dy of group g for the same images and positions: [Og, images * tile.size()].
  Operand<T> gradients(const T* dy, int64_t b, int64_t images, int64_t g,
                       const ConvTile& tile) const {
    const T* from = dy + (b * shape.O + g * shape.Og) * shape.OHW() + start(shape, tile);
    if (images == 1) return {from, shape.OHW()};
    const int64_t ld = images * tile.size();
    for (int64_t i = 0; i < images; i++) {
      copy_rows(shape.Og, tile.size(), from + i * shape.O * shape.OHW(), shape.OHW(),
                gathered + i * tile.size(), ld);
    }
    return {gathered, ld};
  }

  // y of images [b, b + images) at a tile's positions.
  void forward(const T* x, const T* w, T* y, int64_t b, int64_t images,
               const ConvTile& tile) const {
    const int64_t K = shape.filter(), N = images * tile.size();
    for (int64_t g = 0; g < shape.G; g++) {
      const Operand<T> col = columns(x, b, images, g * shape.Cg, shape.Cg, tile);
      const T* filters = w + g * shape.Og * K;
      T* out = y + (b * shape.O + g * shape.Og) * shape.OHW() + start(shape, tile);
      const bool in_place = images == 1;
      gemm(shape.Og, N, K, T{1}, filters, {std::max<int64_t>(1, K)}, col.data, {col.ld}, false,
           in_place ? out : gathered, in_place ? shape.OHW() : N);
      for (int64_t i = 0; i < images && !in_place; i++) {
        copy_rows(shape.Og, tile.size(), gathered + i * tile.size(), N,
                  out + i * shape.O * shape.OHW(), shape.OHW());
      }
    }
  }

  // dx of channels [c0, c1) of group g of images [b, b + images).
  void by_input(const T* dy, const T* w, T* dx, int64_t b, int64_t images, int64_t g, int64_t c0,
                int64_t c1) const {
    const int64_t image = shape.C * shape.HW(), rows = (c1 - c0) * shape.taps();
    T* out = dx + b * image + (g * shape.Cg + c0) * shape.HW();
    const bool in_place = shape.pointwise && s.merge == 1;
    for (int64_t i = 0; i < images && !in_place; i++) {
      std::fill_n(out + i * image, (c1 - c0) * shape.HW(), T{0});
    }
    const T* filters = w + g * shape.Og * shape.filter() + c0 * shape.taps();
    for (int64_t index = 0; index < s.tiling.count(); index++) {
      const ConvTile tile = s.tiling.at(index);
      const Operand<T> dout = gradients(dy, b, images, g, tile);
      const int64_t N = images * tile.size();
      gemm(rows, N, shape.Og, T{1}, filters, {std::max<int64_t>(1, shape.filter()), true},
           dout.data, {dout.ld}, false, in_place ? out + start(shape, tile) : column,
           in_place ? shape.HW() : N);
      for (int64_t i = 0; i < images && !in_place; i++) {
        col2im(shape.window, tile, c1 - c0, column + i * tile.size(), N, out + i * image, padded);
      }
    }
  }

  // dw of group g and channels [c0, c1), summed over images [b0, b1). dw: the whole of it, or a
  // partial.
  void by_weight(const T* x, const T* dy, T* dw, int64_t b0, int64_t b1, int64_t g, int64_t c0,
                 int64_t c1) const {
    const int64_t K = shape.filter(), cols = (c1 - c0) * shape.taps();
    T* out = dw + g * shape.Og * K + c0 * shape.taps();
    for (int64_t o = 0; o < shape.Og; o++) std::fill_n(out + o * K, cols, T{0});
    for (int64_t b = b0; b < b1; b += s.merge) {
      const int64_t images = std::min(s.merge, b1 - b);
      for (int64_t index = 0; index < s.tiling.count(); index++) {
        const ConvTile tile = s.tiling.at(index);
        const Operand<T> col = columns(x, b, images, g * shape.Cg + c0, c1 - c0, tile);
        const Operand<T> dout = gradients(dy, b, images, g, tile);
        gemm(shape.Og, cols, images * tile.size(), T{1}, dout.data, {dout.ld}, col.data,
             {col.ld, true}, true, out, K);
      }
    }
  }
};

// Splits the channels of a group when images and groups alone do not give enough units.
void choose_blocks(ConvState& s, int64_t units) {
  const int64_t wanted = (kEnoughUnits + units - 1) / std::max<int64_t>(1, units);
  const int64_t most = std::max<int64_t>(1, s.shape.filter() / kNarrowBlock);
  s.blocks = std::max<int64_t>(1, std::min({wanted, most, s.shape.Cg}));
}

// Rows of the column matrix of the widest block of channels.
int64_t block_rows(const ConvState& s) {
  return (s.shape.Cg + s.blocks - 1) / s.blocks * s.shape.taps();
}

double cost_of(const ConvShape& shape) { return chunk_cost(shape.flops(), shape.traffic()); }

// A second phase of its own over all elements of outs[0], reading and writing `bytes` for each.
void add_phase(Instr& instr, ConvState& s, int64_t bytes) {
  const int64_t elements = instr.outs[0].elements;
  s.second_cut = cut_work(elements, static_cast<double>(elements * bytes) / kChunkBytes);
  instr.phases = 2;
  instr.chunks[1] = s.second_cut.chunks;
}

// What ends every preparation: the first phase cut into units, scratch, the epilogue's behind it.
std::string finish(Instr& instr, std::unique_ptr<ConvState> state, int64_t units) {
  ConvState& s = *state;
  s.cut = cut_work(instr.outs[0].elements == 0 ? 0 : units, cost_of(s.shape));
  instr.chunks[0] = s.cut.chunks;
  instr.flops = s.shape.flops();
  const int64_t bytes = s.winograd.used ? s.winograd.bytes()
                        : s.direct.used ? s.direct.bytes()
                                        : s.scratch.bytes();
  const std::string wrong = s.epilogue.prepare(instr, bytes);
  if (wrong.empty()) instr.state = std::move(state);
  return wrong;
}

std::string prepare_conv2d(Instr& instr) {
  if (!counts_are(instr, 1, 2, 7)) return "takes x and w, gives one";
  auto state = std::make_unique<ConvState>();
  ConvState& s = *state;
  std::string wrong = ConvShape::read(instr, instr.ins[0], instr.ins[1], instr.outs[0], &s.shape);
  if (!wrong.empty()) return wrong;
  const ConvShape& shape = s.shape;
  if (winograd_fits(shape)) {
    const ConvWindow& window = shape.window;
    plan_winograd(s.winograd,
                  {window.H, window.W, window.OH, window.OW, window.pad_top, window.pad_left},
                  shape.B, shape.C, shape.O);
    if (s.winograd.apart && !instr.epilogue.empty()) add_phase(instr, s, shape.bytes());
    return finish(instr, std::move(state), s.winograd.ranges * s.winograd.groups);
  }
  if (direct_fits(shape)) {
    wrong = plan_direct(s.direct, shape);
    if (!wrong.empty()) return wrong;
    if (s.direct.apart && !instr.epilogue.empty()) add_phase(instr, s, shape.bytes());
    return finish(instr, std::move(state), s.direct.ranges * shape.G * s.direct.groups);
  }
  const bool few_images = shape.B > 0 && shape.B < kEnoughUnits && cost_of(shape) >= 2;
  s.tiles_apart = few_images && !shape.depthwise && merge_images(shape, shape.filter()) == 1;
  const int64_t tiles = s.tiles_apart ? (kEnoughUnits + shape.B - 1) / shape.B : 1;
  wrong = plan_columns(s, shape.filter(), tiles);
  if (!wrong.empty()) return wrong;
  if (s.tiling.count() == 1) s.tiles_apart = false;
  int64_t units = s.tiles_apart ? shape.B * s.tiling.count() : s.image_groups();
  if (shape.depthwise) units = shape.B * shape.C;
  if (s.tiles_apart && !instr.epilogue.empty()) add_phase(instr, s, shape.bytes());
  return finish(instr, std::move(state), units);
}

template <class T>
void run_forward(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
                 int64_t last) {
  const T* x = frame.data<T>(instr.ins[0]);
  const T* w = frame.data<T>(instr.ins[1]);
  T* y = frame.data<T>(instr.outs[0]);
  const Worker<T> worker(s, frame);
  const int64_t tiles = s.tiling.count(), image = s.shape.O * s.shape.OHW();
  for (int64_t unit = first; unit < last; unit++) {
    if (s.tiles_apart) {
      worker.forward(x, w, y, unit / tiles, 1, s.tiling.at(unit % tiles));
      continue;
    }
    const int64_t b = unit * s.merge, images = std::min(s.merge, s.shape.B - b);
    for (int64_t tile = 0; tile < tiles; tile++) {
      worker.forward(x, w, y, b, images, s.tiling.at(tile));
    }
    s.epilogue.run(frame, b * image, (b + images) * image);
  }
}

void run_conv2d(const Instr& instr, const Frame& frame, int phase, int64_t begin, int64_t end) {
  const auto& s = static_cast<const ConvState&>(*instr.state);
  if (phase == 1) {
    s.epilogue.run(frame, s.second_cut.first(begin), s.second_cut.first(end));
    return;
  }
  const int64_t first = s.cut.first(begin), last = s.cut.first(end);
  if (first == last) return;
  if (s.winograd.used) {
    const WinogradFilters filters{frame.data<float>(instr.ins[1]), s.shape.filter(), 9, false};
    const WinogradCall call{frame.data<float>(instr.ins[0]), filters,
                            frame.data<float>(instr.outs[0])};
    return winograd_units(s, call, frame, first, last);
  }
  if (s.direct.used) return direct_units(instr, s, frame, first, last);
  if (s.shape.depthwise) return depthwise_units(instr, s, frame, first, last);
  with_float(s.shape.dtype,
             [&](auto zero) { run_forward<decltype(zero)>(instr, s, frame, first, last); });
}

std::string prepare_conv2d_input(Instr& instr) {
  if (!counts_are(instr, 1, 2, 7)) return "takes dy and w, gives one";
  auto state = std::make_unique<ConvState>();
  ConvState& s = *state;
  std::string wrong = ConvShape::read(instr, instr.outs[0], instr.ins[1], instr.ins[0], &s.shape);
  if (!wrong.empty()) return wrong;
  const ConvShape& shape = s.shape;
  if (winograd_fits(shape)) {
    const ConvWindow& window = shape.window;
    plan_winograd(
        s.winograd,
        {window.OH, window.OW, window.H, window.W, 2 - window.pad_top, 2 - window.pad_left},
        shape.B, shape.O, shape.C);
    if (s.winograd.apart && !instr.epilogue.empty()) add_phase(instr, s, shape.bytes());
    return finish(instr, std::move(state), s.winograd.ranges * s.winograd.groups);
  }
  if (direct_input_fits(shape)) {
    wrong = plan_direct_input(s.direct, shape);
    if (!wrong.empty()) return wrong;
    if (s.direct.apart && !instr.epilogue.empty()) add_phase(instr, s, shape.bytes());
    return finish(instr, std::move(state), s.direct.ranges * shape.G * s.direct.groups);
  }
  s.merge = merge_images(shape, shape.filter());
  choose_blocks(s, s.image_groups() * shape.G);
  wrong = plan_columns(s, block_rows(s), 1);
  if (!wrong.empty()) return wrong;
  const int64_t units = shape.depthwise ? shape.B * shape.C : s.image_groups() * shape.G * s.blocks;
  return finish(instr, std::move(state), units);
}

template <class T>
void run_by_input(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
                  int64_t last) {
  const T* dy = frame.data<T>(instr.ins[0]);
  const T* w = frame.data<T>(instr.ins[1]);
  T* dx = frame.data<T>(instr.outs[0]);
  const Worker<T> worker(s, frame);
  const ConvShape& shape = s.shape;
  for (int64_t unit = first; unit < last; unit++) {
    const int64_t block = unit % s.blocks, g = unit / s.blocks % shape.G;
    const int64_t b = unit / s.blocks / shape.G * s.merge;
    const int64_t images = std::min(s.merge, shape.B - b);
    const int64_t c0 = s.block_first(block), c1 = s.block_first(block + 1);
    worker.by_input(dy, w, dx, b, images, g, c0, c1);
    for (int64_t i = b; i < b + images; i++) {
      const int64_t channel = i * shape.C + g * shape.Cg;
      s.epilogue.run(frame, (channel + c0) * shape.HW(), (channel + c1) * shape.HW());
    }
  }
}

void run_conv2d_input(const Instr& instr, const Frame& frame, int phase, int64_t begin,
                      int64_t end) {
  const auto& s = static_cast<const ConvState&>(*instr.state);
  if (phase == 1) {
    s.epilogue.run(frame, s.second_cut.first(begin), s.second_cut.first(end));
    return;
  }
  const int64_t first = s.cut.first(begin), last = s.cut.first(end);
  if (first == last) return;
  if (s.winograd.used) {
    const WinogradFilters filters{frame.data<float>(instr.ins[1]), 9, s.shape.filter(), true};
    const WinogradCall call{frame.data<float>(instr.ins[0]), filters,
                            frame.data<float>(instr.outs[0])};
    return winograd_units(s, call, frame, first, last);
  }
  if (s.direct.used) return direct_input_units(instr, s, frame, first, last);
  if (s.shape.depthwise) return depthwise_input_units(instr, s, frame, first, last);
  with_float(s.shape.dtype,
             [&](auto zero) { run_by_input<decltype(zero)>(instr, s, frame, first, last); });
}

std::string prepare_conv2d_weight(Instr& instr) {
  const size_t outs = instr.outs.size();
  if (outs < 1 || !counts_are(instr, std::min<size_t>(outs, 2), 2, 7)) {
    return "takes x and dy, gives dw and partials";
  }
  auto state = std::make_unique<ConvState>();
  ConvState& s = *state;
  const View& dw = instr.outs[0];
  std::string wrong = ConvShape::read(instr, instr.ins[0], dw, instr.ins[1], &s.shape);
  if (!wrong.empty()) return wrong;
  const ConvShape& shape = s.shape;
  s.parts = batch_parts(shape.B, dw.elements);
  if (outs != (s.parts > 1 ? 2u : 1u)) return "partials if and only if the batch has parts";
  if (s.parts > 1) {
    const View& partials = instr.outs[1];
    if (partials.dtype != dw.dtype || !partials.contiguous || partials.rank != 2 ||
        partials.dims[0] != s.parts || partials.dims[1] != dw.elements) {
      return "partials must be [parts, elements of dw]";
    }
    add_phase(instr, s, shape.bytes() * (s.parts + 1));
  }
  if (winograd_fits(shape) && winograd_weight_pays(shape)) {
    const ConvWindow& window = shape.window;
    plan_winograd_weight(
        s.winograd, {window.H, window.W, window.OH, window.OW, window.pad_top, window.pad_left},
        s.parts, shape.C, shape.O);
    return finish(instr, std::move(state), s.parts * s.winograd.ranges * s.winograd.groups);
  }
  if (direct_weight_fits(shape)) {
    wrong = plan_direct_weight(s.direct, shape, s.parts);
    if (!wrong.empty()) return wrong;
    return finish(instr, std::move(state), s.parts * shape.G * s.direct.ranges * s.direct.groups);
  }
  choose_blocks(s, s.parts * shape.G);
  wrong = plan_columns(s, block_rows(s), 1);
  if (!wrong.empty()) return wrong;
  const int64_t units = shape.depthwise ? s.parts * shape.C : s.parts * shape.G * s.blocks;
  return finish(instr, std::move(state), units);
}

template <class T>
void run_by_weight(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
                   int64_t last) {
  const T* x = frame.data<T>(instr.ins[0]);
  const T* dy = frame.data<T>(instr.ins[1]);
  T* out = frame.data<T>(instr.outs[s.parts > 1 ? 1 : 0]);
  const Worker<T> worker(s, frame);
  const ConvShape& shape = s.shape;
  for (int64_t unit = first; unit < last; unit++) {
    const int64_t block = unit % s.blocks, g = unit / s.blocks % shape.G;
    const int64_t part = unit / s.blocks / shape.G;
    worker.by_weight(x, dy, out + part * instr.outs[0].elements, part * shape.B / s.parts,
                     (part + 1) * shape.B / s.parts, g, s.block_first(block),
                     s.block_first(block + 1));
  }
}

// dw[i] = the sum of the parts, in order.
template <class T>
void sum_parts(const Instr& instr, const ConvState& s, const Frame& frame, int64_t first,
               int64_t last) {
  const int64_t n = instr.outs[0].elements;
  const T* partials = frame.data<T>(instr.outs[1]);
  T* dw = frame.data<T>(instr.outs[0]);
  std::copy(partials + first, partials + last, dw + first);
  for (int64_t part = 1; part < s.parts; part++) {
    const T* from = partials + part * n;
    for (int64_t i = first; i < last; i++) dw[i] += from[i];
  }
}

void run_conv2d_weight(const Instr& instr, const Frame& frame, int phase, int64_t begin,
                       int64_t end) {
  const auto& s = static_cast<const ConvState&>(*instr.state);
  const Cut& cut = phase == 0 ? s.cut : s.second_cut;
  const int64_t first = cut.first(begin), last = cut.first(end);
  if (first == last) return;
  if (phase == 0 && s.winograd.used) {
    float* out = frame.data<float>(instr.outs[s.parts > 1 ? 1 : 0]);
    return winograd_weight_units(s, frame.data<float>(instr.ins[0]),
                                 frame.data<float>(instr.ins[1]), out, frame, first, last);
  }
  if (phase == 0 && s.direct.used) return direct_weight_units(instr, s, frame, first, last);
  if (phase == 0 && s.shape.depthwise) {
    return depthwise_weight_units(instr, s, frame, first, last);
  }
  with_float(s.shape.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (phase == 0) {
      run_by_weight<T>(instr, s, frame, first, last);
    } else {
      sum_parts<T>(instr, s, frame, first, last);
    }
  });
}

}  // namespace

std::vector<Op> conv_ops() {
  init_blas();
  return {{"conv2d", false, true, prepare_conv2d, run_conv2d},
          {"conv2dInput", false, true, prepare_conv2d_input, run_conv2d_input},
          {"conv2dWeight", false, false, prepare_conv2d_weight, run_conv2d_weight}};
}

}  // namespace tenon
