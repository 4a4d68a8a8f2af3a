#include "kernels/winograd.h"

#define TENON_SIZED_VECTORS
#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd.cc"
#include "hwy/foreach_target.h"

#include "kernels/panel_product.h"
#include "kernels/turn-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

constexpr float kA = 0.625f, kB = 1.5f;  // the points, and their powers; all exact
constexpr float kA2 = kA * kA, kB2 = kB * kB, kA3 = kA2 * kA, kB3 = kB2 * kB;
constexpr double kA2d = 0.390625, kB2d = 2.25;
constexpr float kOfZero = static_cast<float>(1 / (kA2d * kB2d));
constexpr float kOfA = static_cast<float>(1 / (2 * kA2d * (kA2d - kB2d)));
constexpr float kOfB = static_cast<float>(1 / (2 * kB2d * (kB2d - kA2d)));

bool pays() { return HWY_TARGET != HWY_SCALAR; }

// ---- one dimension of each transform

HWY_INLINE void by_input(V x0, V x1, V x2, V x3, V x4, V x5, V* out) {
  const D d;
  const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
  const V both = hn::Set(d, kA2 * kB2), sum = hn::Set(d, kA2 + kB2);
  out[0] = hn::MulAdd(both, x0, hn::NegMulAdd(sum, x2, x4));
  out[5] = hn::MulAdd(both, x1, hn::NegMulAdd(sum, x3, x5));
  const V even_a = hn::NegMulAdd(b2, x2, x4), odd_a = hn::NegMulAdd(b2, x1, x3);
  out[1] = hn::MulAdd(a, odd_a, even_a);
  out[2] = hn::NegMulAdd(a, odd_a, even_a);
  const V even_b = hn::NegMulAdd(a2, x2, x4), odd_b = hn::NegMulAdd(a2, x1, x3);
  out[3] = hn::MulAdd(b, odd_b, even_b);
  out[4] = hn::NegMulAdd(b, odd_b, even_b);
}

HWY_INLINE void by_filter(V w0, V w1, V w2, V* out) {
  const D d;
  const V of_a = hn::Set(d, kOfA), of_b = hn::Set(d, kOfB);
  out[0] = hn::Mul(hn::Set(d, kOfZero), w0);
  out[5] = w2;
  const V even_a = hn::Mul(of_a, hn::MulAdd(hn::Set(d, kA2), w2, w0));
  const V odd_a = hn::Mul(hn::Set(d, kOfA * kA), w1);
  out[1] = hn::Add(even_a, odd_a);
  out[2] = hn::Sub(even_a, odd_a);
  const V even_b = hn::Mul(of_b, hn::MulAdd(hn::Set(d, kB2), w2, w0));
  const V odd_b = hn::Mul(hn::Set(d, kOfB * kB), w1);
  out[3] = hn::Add(even_b, odd_b);
  out[4] = hn::Sub(even_b, odd_b);
}

HWY_INLINE void by_output(const V* m, V* y) {
  const D d;
  const V sum_a = hn::Add(m[1], m[2]), diff_a = hn::Sub(m[1], m[2]);
  const V sum_b = hn::Add(m[3], m[4]), diff_b = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(hn::Add(m[0], sum_a), sum_b);
  y[1] = hn::MulAdd(hn::Set(d, kA), diff_a, hn::Mul(hn::Set(d, kB), diff_b));
  y[2] = hn::MulAdd(hn::Set(d, kA2), sum_a, hn::Mul(hn::Set(d, kB2), sum_b));
  y[3] = hn::MulAdd(hn::Set(d, kA3), diff_a, hn::MulAdd(hn::Set(d, kB3), diff_b, m[5]));
}

// The transpose of by_output.
HWY_INLINE void by_gradient(V y0, V y1, V y2, V y3, V* out) {
  const D d;
  out[0] = y0;
  out[5] = y3;
  const V even_a = hn::MulAdd(hn::Set(d, kA2), y2, y0);
  const V odd_a = hn::MulAdd(hn::Set(d, kA3), y3, hn::Mul(hn::Set(d, kA), y1));
  out[1] = hn::Add(even_a, odd_a);
  out[2] = hn::Sub(even_a, odd_a);
  const V even_b = hn::MulAdd(hn::Set(d, kB2), y2, y0);
  const V odd_b = hn::MulAdd(hn::Set(d, kB3), y3, hn::Mul(hn::Set(d, kB), y1));
  out[3] = hn::Add(even_b, odd_b);
  out[4] = hn::Sub(even_b, odd_b);
}

// The transpose of by_filter.
HWY_INLINE void by_weight(const V* m, V* w) {
  const D d;
  const V sum_a = hn::Add(m[1], m[2]), diff_a = hn::Sub(m[1], m[2]);
  const V sum_b = hn::Add(m[3], m[4]), diff_b = hn::Sub(m[3], m[4]);
  w[0] = hn::MulAdd(hn::Set(d, kOfZero), m[0],
                    hn::MulAdd(hn::Set(d, kOfA), sum_a, hn::Mul(hn::Set(d, kOfB), sum_b)));
  w[1] = hn::MulAdd(hn::Set(d, kOfA * kA), diff_a, hn::Mul(hn::Set(d, kOfB * kB), diff_b));
  w[2] = hn::MulAdd(hn::Set(d, kOfA * kA2), sum_a, hn::MulAdd(hn::Set(d, kOfB * kB2), sum_b, m[5]));
}

// ---- tiles

// Columns [x, x + 4) of a row of W >= 4 elements in each of kLanes planes; zeros outside.
HWY_INLINE void load_columns(const float* row, int64_t plane, int64_t W, int64_t x, V* v) {
  const D d;
  if (HWY_LIKELY(x >= 0 && x + 4 <= W)) return load4(row + x, plane, v);
  if (x <= -4 || x >= W) {
    for (int64_t i = 0; i < 4; ++i) v[i] = hn::Zero(d);
    return;
  }
  const bool left = x < 0;
  V inside[4];
  load4(row + (left ? 0 : W - 4), plane, inside);
  const int64_t by = left ? -x : x + 4 - W;
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t from = left ? i - by : i + by;
    v[i] = hn::Zero(d);
    for (int64_t j = 0; j < 4; ++j) {
      if (from == j) v[i] = inside[j];
    }
  }
}

// Calls body.run(image, tile row, first tile column, number of tiles, tiles done before) for each
// run of tiles in one row.
constexpr int64_t kMostTiles = 16;
template <class Body>
HWY_INLINE void each_run(const WinogradGrid& grid, int64_t t0, int64_t t1, const Body& body) {
  const int64_t cols = grid.cols(), tiles = grid.tiles();
  for (int64_t t = t0; t < t1;) {
    const int64_t col = t % cols;
    const int64_t n = std::min({kMostTiles, cols - col, t1 - t});
    body.run(t / tiles, t % tiles / cols, col, n, t - t0);
    t += n;
  }
}

struct InputTiles {
  const WinogradGrid& grid;
  const float* x;
  int64_t image, channels;
  Spectrum out;

  HWY_INLINE void run(int64_t b, int64_t row, int64_t col, int64_t n, int64_t t) const {
    HWY_ALIGN float stage[6 * 4 * (kMostTiles + 1) * kLanes];
    for (int64_t c = 0; c < channels; c += kLanes) {
      fill(b, c, row, col, n, stage);
      for (int64_t i = 0; i < n; ++i) transform(stage + 4 * i * kLanes, c, t + i);
    }
  }
  // stage: [6, 4 (kMostTiles + 1), kLanes]
  HWY_INLINE void fill(int64_t b, int64_t c, int64_t row, int64_t col, int64_t n,
                       float* HWY_RESTRICT stage) const {
    const D d;
    const int64_t plane = grid.H * grid.W;
    const float* from = x + b * image + c * plane;
    for (int64_t r = 0; r < 6; ++r) {
      const int64_t y = row * 4 - grid.pad_top + r, x0 = col * 4 - grid.pad_left;
      float* to = stage + r * 4 * (kMostTiles + 1) * kLanes;
      const bool inside = y >= 0 && y < grid.H;
      for (int64_t i = 0; i <= n; ++i, to += 4 * kLanes) {
        V v[4];
        load_columns(from + (inside ? y : 0) * grid.W, plane, inside ? grid.W : 0,
                     inside ? x0 + 4 * i : 0, v);
        for (int64_t j = 0; j < 4; ++j) hn::Store(v[j], d, to + j * kLanes);
      }
    }
  }
  HWY_INLINE void transform(const float* HWY_RESTRICT stage, int64_t c, int64_t t) const {
    const D d;
    V half[6][6];
    HWY_UNROLL(6)
    for (int64_t j = 0; j < 6; ++j) {
      V v[6];
      for (int64_t r = 0; r < 6; ++r) {
        v[r] = hn::Load(d, stage + (r * 4 * (kMostTiles + 1) + j) * kLanes);
      }
      by_input(v[0], v[1], v[2], v[3], v[4], v[5], half[j]);
    }
    float* HWY_RESTRICT to = out.data + t * out.ld + c;
    HWY_UNROLL(6)
    for (int64_t i = 0; i < 6; ++i) {
      V v[6];
      by_input(half[0][i], half[1][i], half[2][i], half[3][i], half[4][i], half[5][i], v);
      for (int64_t j = 0; j < 6; ++j) hn::StoreU(v[j], d, to + (6 * i + j) * out.step);
    }
  }
};

void input(const WinogradGrid& grid, const float* x, int64_t image, int64_t channels, int64_t t0,
           int64_t t1, Spectrum out) {
  each_run(grid, t0, t1, InputTiles{grid, x, image, channels, out});
}

struct GradientTiles {
  const WinogradGrid& grid;
  const float* dy;
  int64_t image, channels;
  Spectrum out;

  HWY_INLINE void run(int64_t b, int64_t row, int64_t col, int64_t n, int64_t t) const {
    for (int64_t c = 0; c < channels; c += kLanes) {
      const float* from = dy + b * image + c * grid.OH * grid.OW;
      for (int64_t i = 0; i < n; ++i) transform(from, row * 4, (col + i) * 4, c, t + i);
    }
  }
  HWY_INLINE void transform(const float* from, int64_t y, int64_t x, int64_t c, int64_t t) const {
    const D d;
    V half[4][6];
    for (int64_t r = 0; r < 4; ++r) {
      V v[4];
      const bool inside = y + r < grid.OH;
      load_columns(from + (inside ? y + r : 0) * grid.OW, grid.OH * grid.OW, inside ? grid.OW : 0,
                   x, v);
      by_gradient(v[0], v[1], v[2], v[3], half[r]);
    }
    float* HWY_RESTRICT to = out.data + t * out.ld + c;
    HWY_UNROLL(6)
    for (int64_t j = 0; j < 6; ++j) {
      V v[6];
      by_gradient(half[0][j], half[1][j], half[2][j], half[3][j], v);
      for (int64_t i = 0; i < 6; ++i) hn::StoreU(v[i], d, to + (6 * i + j) * out.step);
    }
  }
};

void gradient(const WinogradGrid& grid, const float* dy, int64_t image, int64_t channels,
              int64_t t0, int64_t t1, Spectrum out) {
  each_run(grid, t0, t1, GradientTiles{grid, dy, image, channels, out});
}

struct OutputTiles {
  const WinogradGrid& grid;
  Spectrum m;
  int64_t image, channels;
  float* y;

  HWY_INLINE void run(int64_t b, int64_t row, int64_t col, int64_t n, int64_t t) const {
    for (int64_t c = 0; c < channels; c += kLanes) {
      float* to = y + b * image + c * grid.OH * grid.OW;
      for (int64_t i = 0; i < n; ++i) transform(to, row * 4, (col + i) * 4, c, t + i);
    }
  }
  HWY_INLINE void transform(float* plane, int64_t y0, int64_t x0, int64_t c, int64_t t) const {
    const D d;
    const float* from = m.data + t * m.ld + c;
    V half[6][4];
    HWY_UNROLL(6)
    for (int64_t i = 0; i < 6; ++i) {
      V v[6];
      for (int64_t j = 0; j < 6; ++j) v[j] = hn::LoadU(d, from + (6 * i + j) * m.step);
      by_output(v, half[i]);
    }
    V out[4][4];
    for (int64_t j = 0; j < 4; ++j) {
      const V v[6] = {half[0][j], half[1][j], half[2][j], half[3][j], half[4][j], half[5][j]};
      V column[4];
      by_output(v, column);
      for (int64_t r = 0; r < 4; ++r) out[r][j] = column[r];
    }
    const int64_t rows = std::min<int64_t>(4, grid.OH - y0), size = grid.OH * grid.OW;
    const int64_t cols = std::min<int64_t>(4, grid.OW - x0);
    for (int64_t r = 0; r < rows; ++r) {
      float* to = plane + (y0 + r) * grid.OW + x0;
      if (HWY_LIKELY(cols == 4)) {
        store4(out[r], to, size);
        continue;
      }
      HWY_ALIGN float lanes[4 * kLanes];
      for (int64_t j = 0; j < 4; ++j) hn::Store(out[r][j], d, lanes + j * kLanes);
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        for (int64_t j = 0; j < cols; ++j) to[lane * size + j] = lanes[j * kLanes + lane];
      }
    }
  }
};

void output(const WinogradGrid& grid, Spectrum m, int64_t channels, int64_t t0, int64_t t1,
            int64_t image, float* y) {
  each_run(grid, t0, t1, OutputTiles{grid, m, image, channels, y});
}

// ---- filters

void filters(const WinogradFilters& w, int64_t rows, int64_t lanes, Spectrum out) {
  const D d;
  for (int64_t n = 0; n < lanes; n += kLanes) {
    for (int64_t k = 0; k < rows; ++k) {
      const float* from = w.data + n * w.lane + k * w.row;
      V tap[12];
      load4(from, w.lane, tap);
      load4(from + 4, w.lane, tap + 4);
      load4(from + 5, w.lane, tap + 8);
      tap[8] = tap[11];
      if (w.flipped) {
        for (int64_t i = 0; i < 4; ++i) std::swap(tap[i], tap[8 - i]);
      }
      V half[3][6];
      for (int64_t j = 0; j < 3; ++j) by_filter(tap[j], tap[3 + j], tap[6 + j], half[j]);
      float* HWY_RESTRICT to = out.data + k * out.ld + n;
      HWY_UNROLL(6)
      for (int64_t i = 0; i < 6; ++i) {
        V v[6];
        by_filter(half[0][i], half[1][i], half[2][i], v);
        for (int64_t j = 0; j < 6; ++j) hn::StoreU(v[j], d, to + (6 * i + j) * out.step);
      }
    }
  }
}

void weight(Spectrum m, int64_t rows, int64_t channels, int64_t lane, float* dw) {
  const D d;
  for (int64_t n = 0; n < channels; n += kLanes) {
    for (int64_t c = 0; c < rows; ++c) {
      const float* from = m.data + c * m.ld + n;
      V half[6][3];
      HWY_UNROLL(6)
      for (int64_t i = 0; i < 6; ++i) {
        V v[6];
        for (int64_t j = 0; j < 6; ++j) v[j] = hn::LoadU(d, from + (6 * i + j) * m.step);
        by_weight(v, half[i]);
      }
      V tap[9];
      for (int64_t j = 0; j < 3; ++j) {
        const V v[6] = {half[0][j], half[1][j], half[2][j], half[3][j], half[4][j], half[5][j]};
        V column[3];
        by_weight(v, column);
        for (int64_t i = 0; i < 3; ++i) tap[3 * i + j] = column[i];
      }
      float* to = dw + n * lane + c * 9;
      store4(tap, to, lane);
      store4(tap + 4, to + 4, lane);
      store4(tap + 5, to + 5, lane);
    }
  }
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tenon {

HWY_EXPORT(pays);
HWY_EXPORT(input);
HWY_EXPORT(gradient);
HWY_EXPORT(filters);
HWY_EXPORT(output);
HWY_EXPORT(weight);

bool winograd_pays() { return HWY_DYNAMIC_DISPATCH(pays)(); }
void winograd_input(const WinogradGrid& grid, const float* x, int64_t image, int64_t channels,
                    int64_t t0, int64_t t1, Spectrum out) {
  HWY_DYNAMIC_DISPATCH(input)(grid, x, image, channels, t0, t1, out);
}
void winograd_gradient(const WinogradGrid& grid, const float* dy, int64_t image, int64_t channels,
                       int64_t t0, int64_t t1, Spectrum out) {
  HWY_DYNAMIC_DISPATCH(gradient)(grid, dy, image, channels, t0, t1, out);
}
void winograd_filters(const WinogradFilters& w, int64_t rows, int64_t lanes, Spectrum out) {
  HWY_DYNAMIC_DISPATCH(filters)(w, rows, lanes, out);
}
void winograd_multiply(int64_t rows, int64_t depth, int64_t cols, Spectrum a, int64_t ar,
                       int64_t ak, Spectrum b, bool accumulate, Spectrum c) {
  int64_t offsets[kWinogradDepth];
  for (int64_t k = 0; k < depth; k++) offsets[k] = k * ak;
  for (int64_t point = 0; point < kWinogradPoints; point++) {
    const PanelRows from{a.data + point * a.step, ar, 0, offsets};
    panel_product(rows, 1, depth, cols, from, b.data + point * b.step, b.ld, accumulate,
                  c.data + point * c.step, c.ld);
  }
}
void winograd_output(const WinogradGrid& grid, Spectrum m, int64_t channels, int64_t t0, int64_t t1,
                     int64_t image, float* y) {
  HWY_DYNAMIC_DISPATCH(output)(grid, m, channels, t0, t1, image, y);
}
void winograd_weight(Spectrum m, int64_t rows, int64_t channels, int64_t lane, float* dw) {
  HWY_DYNAMIC_DISPATCH(weight)(m, rows, channels, lane, dw);
}

}  // namespace tenon

#endif  // HWY_ONCE
