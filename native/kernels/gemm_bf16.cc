#include "kernels/gemm_bf16.h"

// Not on Windows, where GCC does not align what it keeps on the stack for these registers.
#if defined(__x86_64__) && !defined(_WIN32)
#define TENON_BF16_PRODUCTS
#if !defined(__clang__)
// GCC 12's own header begins values that it does not care for with themselves.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>

namespace tenon {

namespace {

// One core of Zen 5, OpenBLAS 0.3.21's sgemm beside it in the same run, Gflop/s, b transposed as in
// linear layers: 1024 x 1024 x 1024 205 -> 312, 256 x 1024 x 1024 215 -> 397, 32 x 256 x 784 136 ->
// 362, 384 x 384 x 384 232 -> 472.
// A tile of c is kRows x kCols: 24 registers of sums. A block of b of kDepth x kCols stays in L1,
// one of a of kBlockRows x kDepth and one of b of kDepth x kBlockCols in L2. Found on Zen 5.
constexpr int64_t kRows = 6, kLanes = 16, kVectors = 4, kCols = kVectors * kLanes;
constexpr int64_t kDepth = 256, kBlockRows = 192, kBlockCols = 512;

// c = a b by blocks, which `Blocks` packs and multiplies.
template <class Blocks>
void by_blocks(int64_t M, int64_t N, int64_t K, const BF16* a, MatrixLayout a_layout, const BF16* b,
               MatrixLayout b_layout, float* c, int64_t ldc, std::byte* scratch) {
  using Packed = typename Blocks::Packed;
  Packed* packed_a = reinterpret_cast<Packed*>(scratch);
  Packed* packed_b = reinterpret_cast<Packed*>(scratch + kBlockRows * kDepth * Blocks::kBytes);
  for (int64_t n = 0; n < N; n += kBlockCols) {
    const int64_t cols = std::min(kBlockCols, N - n);
    if (K == 0) {
      for (int64_t m = 0; m < M; m++) std::fill_n(c + m * ldc + n, cols, 0.0f);
    }
    for (int64_t k = 0; k < K; k += kDepth) {
      const int64_t depth = std::min(kDepth, K - k);
      const BF16* b_block = b + k * b_layout.row_stride() + n * b_layout.col_stride();
      Blocks::pack_b(b_block, b_layout, depth, cols, packed_b);
      for (int64_t m = 0; m < M; m += kBlockRows) {
        const int64_t rows = std::min(kBlockRows, M - m);
        const BF16* a_block = a + m * a_layout.row_stride() + k * a_layout.col_stride();
        Blocks::pack_a(a_block, a_layout, rows, depth, packed_a);
        Blocks::multiply(rows, cols, depth, packed_a, packed_b, k > 0, c + m * ldc + n, ldc);
      }
    }
  }
}

// Widened to f32, for BLAS.
struct FloatBlocks {
  using Packed = float;
  static constexpr int64_t kBytes = 4;  // of a number
  static void widen_block(const BF16* x, MatrixLayout layout, int64_t rows, int64_t cols,
                          float* out) {
    const int64_t down = layout.row_stride(), along = layout.col_stride();
    for (int64_t i = 0; i < rows; i++) {
      for (int64_t j = 0; j < cols; j++) out[i * cols + j] = widen(x[i * down + j * along]);
    }
  }
  static void pack_a(const BF16* a, MatrixLayout layout, int64_t rows, int64_t depth, float* out) {
    widen_block(a, layout, rows, depth, out);
  }
  static void pack_b(const BF16* b, MatrixLayout layout, int64_t depth, int64_t cols, float* out) {
    widen_block(b, layout, depth, cols, out);
  }
  static void multiply(int64_t rows, int64_t cols, int64_t depth, const float* a, const float* b,
                       bool accumulate, float* c, int64_t ldc) {
    gemm(rows, cols, depth, 1.0f, a, {depth}, b, {cols}, accumulate, c, ldc);
  }
};

}  // namespace

#ifdef TENON_BF16_PRODUCTS

#define TENON_BF16_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

namespace {

// Two bf16 numbers that follow each other in k, the first in the low half.
using Pair = uint32_t;

// A factor is packed as panels of `width` rows (of a) or columns (of b): out: [panels, pairs of k,
// width], filled up with zeros. x(i, k) = x[i * along + k * deep]; one of both is 1.
struct Source {
  const BF16* x;
  int64_t along, deep;
};

// rows[i][j] and rows[j][i] exchanged: by pairs of 1, 2, 4 and 8.
TENON_BF16_TARGET inline void transpose(__m512i (&rows)[kLanes]) {
  __m512i other[kLanes];
#pragma GCC unroll 8
  for (int i = 0; i < kLanes; i += 2) {
    other[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    other[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kLanes; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(other[i], other[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(other[i], other[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(other[i + 1], other[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(other[i + 1], other[i + 3]);
  }
  // Now rows[4 g + j] has column 4 q + j of the rows 4 g to 4 g + 3 in its quarter q.
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    const __m512i low = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0x88);
    const __m512i high = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0x88);
    const __m512i low_odd = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0xdd);
    const __m512i high_odd = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0xdd);
    other[j] = _mm512_shuffle_i32x4(low, high, 0x88);
    other[8 + j] = _mm512_shuffle_i32x4(low, high, 0xdd);
    other[4 + j] = _mm512_shuffle_i32x4(low_odd, high_odd, 0x88);
    other[12 + j] = _mm512_shuffle_i32x4(low_odd, high_odd, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) rows[i] = other[i];
}

// `pairs` <= 16 pairs of k of `count` <= 16 lines that are dense in k.
TENON_BF16_TARGET void pack_lines(const BF16* x, int64_t along, int64_t count, int64_t pairs,
                                  int64_t width, Pair* out) {
  const __mmask16 deep = static_cast<__mmask16>((1u << pairs) - 1u);
  const __mmask16 lines = static_cast<__mmask16>((1u << count) - 1u);
  __m512i rows[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) {
    const bool exists = i < count;
    rows[i] = _mm512_maskz_loadu_epi32(exists ? deep : __mmask16{0}, x + (exists ? i : 0) * along);
  }
  transpose(rows);
  for (int64_t k = 0; k < pairs; k++) _mm512_mask_storeu_epi32(out + k * width, lines, rows[k]);
}

// `count` <= 16 lines of two steps of k that are dense in lines; without `second` those are zeros.
TENON_BF16_TARGET void pack_steps(const BF16* first, const BF16* second, int64_t count, Pair* out) {
  const __mmask16 lines = static_cast<__mmask16>((1u << count) - 1u);
  __m512i pairs = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lines, first));
  if (second != nullptr) {
    const __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lines, second));
    pairs = _mm512_or_si512(pairs, _mm512_slli_epi32(high, 16));
  }
  _mm512_mask_storeu_epi32(out, lines, pairs);
}

// One panel of `count` <= width lines and `depth` numbers of k.
template <int64_t width>
TENON_BF16_TARGET void pack_panel(const Source& from, int64_t count, int64_t depth, Pair* out) {
  const auto [x, along, deep] = from;
  const int64_t whole = depth / 2;
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lines = std::min(kLanes, count - i);
    if (along == 1) {
      for (int64_t k = 0; k < depth; k += 2) {
        const BF16* first = x + i + k * deep;
        pack_steps(first, k + 1 < depth ? first + deep : nullptr, lines, out + k / 2 * width + i);
      }
      continue;
    }
    for (int64_t k = 0; k < whole; k += kLanes) {
      pack_lines(x + i * along + 2 * k, along, lines, std::min(kLanes, whole - k), width,
                 out + k * width + i);
    }
    for (int64_t line = i; line < i + lines && depth % 2 != 0; line++) {
      out[whole * width + line] = x[line * along + 2 * whole * deep].bits;
    }
  }
  if (count == width) return;
  for (int64_t k = 0; k < (depth + 1) / 2; k++) {
    std::fill(out + k * width + count, out + (k + 1) * width, Pair{0});
  }
}

template <int64_t width>
TENON_BF16_TARGET void pack(const Source& from, int64_t lines, int64_t depth, Pair* out) {
  const int64_t pairs = (depth + 1) / 2;
  for (int64_t i = 0; i < lines; i += width) {
    const Source panel{from.x + i * from.along, from.along, from.deep};
    pack_panel<width>(panel, std::min(width, lines - i), depth, out + i * pairs);
  }
}

struct Tile {
  float* c;
  int64_t ldc, cols;
  bool accumulate;
};

// a: [pairs, kRows]   b: [pairs, kCols]   c: [rows, <= vectors x 16]
template <int rows, int vectors>
TENON_BF16_TARGET void multiply_tile(int64_t pairs, const Pair* a, const Pair* b,
                                     const Tile& tile) {
  __m512 sums[rows][vectors];
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < pairs; k++) {
    __m512i right[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) right[v] = _mm512_load_si512(b + k * kCols + v * kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) {
      const __m512i left = _mm512_set1_epi32(static_cast<int>(a[k * kRows + r]));
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) {
        sums[r][v] = _mm512_dpbf16_ps(sums[r][v], (__m512bh)left, (__m512bh)right[v]);
      }
    }
  }
  const int64_t last = tile.cols - (vectors - 1) * kLanes;
  const __mmask16 edge = static_cast<__mmask16>((1u << last) - 1u);
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      float* out = tile.c + r * tile.ldc + v * kLanes;
      const __mmask16 mask = v == vectors - 1 ? edge : static_cast<__mmask16>(0xffff);
      __m512 sum = sums[r][v];
      if (tile.accumulate) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, out));
      _mm512_mask_storeu_ps(out, mask, sum);
    }
  }
}

using TileFunction = void (*)(int64_t, const Pair*, const Pair*, const Tile&);

template <int rows>
TileFunction with_vectors(int64_t vectors) {
  switch (vectors) {
    case 1:
      return multiply_tile<rows, 1>;
    case 2:
      return multiply_tile<rows, 2>;
    case 3:
      return multiply_tile<rows, 3>;
    default:
      return multiply_tile<rows, 4>;
  }
}

TileFunction tile_function(int64_t rows, int64_t cols) {
  const int64_t vectors = (cols + kLanes - 1) / kLanes;
  switch (rows) {
    case 1:
      return with_vectors<1>(vectors);
    case 2:
      return with_vectors<2>(vectors);
    case 3:
      return with_vectors<3>(vectors);
    case 4:
      return with_vectors<4>(vectors);
    case 5:
      return with_vectors<5>(vectors);
    default:
      return with_vectors<6>(vectors);
  }
}

// c += a b, or c = a b, of packed blocks.
void multiply_block(int64_t rows, int64_t cols, int64_t pairs, const Pair* a, const Pair* b,
                    float* c, int64_t ldc, bool accumulate) {
  for (int64_t n = 0; n < cols; n += kCols) {
    const int64_t width = std::min(kCols, cols - n);
    for (int64_t m = 0; m < rows; m += kRows) {
      const int64_t height = std::min(kRows, rows - m);
      const Tile tile{c + m * ldc + n, ldc, width, accumulate};
      tile_function(height, width)(pairs, a + m * pairs, b + n * pairs, tile);
    }
  }
}

}  // namespace

bool has_bf16_products() {
  static const bool has = __builtin_cpu_supports("avx512bf16") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  return has;
}

namespace {

struct PairBlocks {
  using Packed = Pair;
  static constexpr int64_t kBytes = 2;  // of a number
  static void pack_a(const BF16* a, MatrixLayout layout, int64_t rows, int64_t depth, Pair* out) {
    pack<kRows>({a, layout.row_stride(), layout.col_stride()}, rows, depth, out);
  }
  static void pack_b(const BF16* b, MatrixLayout layout, int64_t depth, int64_t cols, Pair* out) {
    pack<kCols>({b, layout.col_stride(), layout.row_stride()}, cols, depth, out);
  }
  static void multiply(int64_t rows, int64_t cols, int64_t depth, const Pair* a, const Pair* b,
                       bool accumulate, float* c, int64_t ldc) {
    multiply_block(rows, cols, (depth + 1) / 2, a, b, c, ldc, accumulate);
  }
};

}  // namespace

#else

bool has_bf16_products() { return false; }

namespace {
using PairBlocks = FloatBlocks;
}

#endif

int64_t gemm_bf16_scratch_bytes() {
  return kDepth * (kBlockRows + kBlockCols) * (has_bf16_products() ? 2 : 4);
}

void gemm_bf16(int64_t M, int64_t N, int64_t K, const BF16* a, MatrixLayout a_layout, const BF16* b,
               MatrixLayout b_layout, float* c, int64_t ldc, std::byte* scratch) {
  (has_bf16_products() ? by_blocks<PairBlocks> : by_blocks<FloatBlocks>)(M, N, K, a, a_layout, b,
                                                                         b_layout, c, ldc, scratch);
}

void gemm_bf16_widened(int64_t M, int64_t N, int64_t K, const BF16* a, MatrixLayout a_layout,
                       const BF16* b, MatrixLayout b_layout, float* c, int64_t ldc,
                       std::byte* scratch) {
  by_blocks<FloatBlocks>(M, N, K, a, a_layout, b, b_layout, c, ldc, scratch);
}

}  // namespace tenon
