#include "kernels/panel_product.h"

#define TENON_SIZED_VECTORS
#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/panel_product.cc"
#include "hwy/foreach_target.h"

#include "kernels/turn-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

// Rows done together, each with two vectors: as many sums as fit into the registers.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int64_t kRows = 12;
#else
constexpr int64_t kRows = 6;
#endif

// Elements from one row to the next with which rows fall into one set of L1.
constexpr int64_t kAliased = 1024;

// kCount rows times kVectors vectors of a panel.
template <int64_t kCount, int64_t kVectors>
HWY_INLINE void multiply_rows(int64_t outers, int64_t inners, PanelRows a,
                              const float* HWY_RESTRICT b, int64_t ldb, bool accumulate,
                              float* HWY_RESTRICT c, int64_t ldc) {
  const D d;
  V sum[kCount][kVectors];
  HWY_UNROLL(12)
  for (int64_t r = 0; r < kCount; ++r) {
    for (int64_t v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  for (int64_t i = 0; i < outers; ++i) {
    const float* HWY_RESTRICT base = a.data + i * a.outer;
    for (int64_t j = 0; j < inners; ++j, b += ldb) {
      V w[kVectors];
      for (int64_t v = 0; v < kVectors; ++v) w[v] = hn::LoadU(d, b + v * kLanes);
      const float* at = base + a.offsets[j];
      HWY_UNROLL(12)
      for (int64_t r = 0; r < kCount; ++r) {
        const V factor = hn::Set(d, at[r * a.row]);
        for (int64_t v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(factor, w[v], sum[r][v]);
      }
    }
  }
  HWY_UNROLL(12)
  for (int64_t r = 0; r < kCount; ++r) {
    for (int64_t v = 0; v < kVectors; ++v) {
      float* to = c + r * ldc + v * kLanes;
      hn::StoreU(accumulate ? hn::Add(hn::LoadU(d, to), sum[r][v]) : sum[r][v], d, to);
    }
  }
}

// Up to kCount rows, by the size that fits.
template <int64_t kCount, int64_t kVectors>
HWY_INLINE void multiply_some(int64_t rows, int64_t outers, int64_t inners, PanelRows a,
                              const float* b, int64_t ldb, bool accumulate, float* c, int64_t ldc) {
  if (rows == kCount) {
    return multiply_rows<kCount, kVectors>(outers, inners, a, b, ldb, accumulate, c, ldc);
  }
  if constexpr (kCount > 1) {
    multiply_some<kCount - 1, kVectors>(rows, outers, inners, a, b, ldb, accumulate, c, ldc);
  }
}

template <int64_t kVectors>
HWY_INLINE void multiply_panel(int64_t rows, int64_t outers, int64_t inners, PanelRows a,
                               const float* b, int64_t ldb, bool accumulate, float* c,
                               int64_t ldc) {
  // Evenly cut: a block of few rows takes as long as one of eight.
  const int64_t blocks = (rows + kRows - 1) / kRows;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t first = i * rows / blocks, count = (i + 1) * rows / blocks - first;
    PanelRows part = a;
    part.data += first * a.row;
    multiply_some<kRows, kVectors>(count, outers, inners, part, b, ldb, accumulate, c + first * ldc,
                                   ldc);
  }
}

void multiply(int64_t rows, int64_t outers, int64_t inners, int64_t cols, PanelRows a,
              const float* b, int64_t ldb, bool accumulate, float* c, int64_t ldc) {
  int64_t n = 0;
  for (; n + 2 * kLanes <= cols; n += 2 * kLanes) {
    multiply_panel<2>(rows, outers, inners, a, b + n, ldb, accumulate, c + n, ldc);
  }
  if (n < cols) multiply_panel<1>(rows, outers, inners, a, b + n, ldb, accumulate, c + n, ldc);
}

void pack(const float* from, int64_t lane, int64_t depth, int64_t lanes, float* panel) {
  const D d;
  for (int64_t n = 0; n < lanes; n += kLanes) {
    const float* rows = from + n * lane;
    int64_t k = 0;
    for (; lane % kAliased == 0 && k + kLanes <= depth; k += kLanes) {
      V v[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) v[i] = hn::LoadU(d, rows + i * lane + k);
      store_square(v, panel + k * kPanel + n, kPanel);
    }
    for (; k + 4 <= depth; k += 4) {
      V v[4];
      load4(rows + k, lane, v);
      for (int64_t i = 0; i < 4; ++i) hn::StoreU(v[i], d, panel + (k + i) * kPanel + n);
    }
    for (; k < depth; ++k) {
      for (int64_t i = 0; i < kLanes; ++i) panel[k * kPanel + n + i] = rows[i * lane + k];
    }
  }
}

void unpack(const float* panel, int64_t depth, int64_t lanes, float* to, int64_t lane) {
  const D d;
  for (int64_t n = 0; n < lanes; n += kLanes) {
    float* rows = to + n * lane;
    int64_t k = 0;
    // Registers that cross cache lines cost more than they save where nothing is evicted.
    for (; lane % kAliased == 0 && k + kLanes <= depth; k += kLanes) {
      V v[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) v[i] = hn::LoadU(d, panel + (k + i) * kPanel + n);
      store_square(v, rows + k, lane);
    }
    for (; k + 4 <= depth; k += 4) {
      V v[4];
      for (int64_t i = 0; i < 4; ++i) v[i] = hn::LoadU(d, panel + (k + i) * kPanel + n);
      store4(v, rows + k, lane);
    }
    for (; k < depth; ++k) {
      for (int64_t i = 0; i < kLanes; ++i) rows[i * lane + k] = panel[k * kPanel + n + i];
    }
  }
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tenon {

HWY_EXPORT(multiply);
HWY_EXPORT(pack);
HWY_EXPORT(unpack);

void panel_product(int64_t rows, int64_t outers, int64_t inners, int64_t cols, PanelRows a,
                   const float* b, int64_t ldb, bool accumulate, float* c, int64_t ldc) {
  HWY_DYNAMIC_DISPATCH(multiply)(rows, outers, inners, cols, a, b, ldb, accumulate, c, ldc);
}
void pack_panel(const float* from, int64_t lane, int64_t depth, int64_t lanes, float* panel) {
  HWY_DYNAMIC_DISPATCH(pack)(from, lane, depth, lanes, panel);
}
void unpack_panel(const float* panel, int64_t depth, int64_t lanes, float* to, int64_t lane) {
  HWY_DYNAMIC_DISPATCH(unpack)(panel, depth, lanes, to, lane);
}

}  // namespace tenon

#endif  // HWY_ONCE
