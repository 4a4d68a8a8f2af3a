#include "kernels/pool.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool.cc"
#include "hwy/foreach_target.h"

#include <limits>
#include <type_traits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kBlock = 64;  // outputs of a row done at a time: they stay in L1

HWY_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
HWY_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// Some outputs [first, last) of one row, and their taps that are inside x for at least one of them.
struct Block {
  int64_t first, last;
};
// Outputs of the block whose tap at `shift` from the window's start is inside a row of x.
HWY_INLINE Block reached(const PoolWindow& window, Block block, int64_t shift) {
  const int64_t origin = shift - window.pad_left, stride = window.stride_w;
  const int64_t first = origin >= 0 ? 0 : (-origin + stride - 1) / stride;
  const int64_t last = origin >= window.W ? 0 : (window.W - 1 - origin) / stride + 1;
  return {larger(block.first, first), smaller(block.last, last)};
}

// Calls body(kw, outputs reached) for each tap of a row that reaches any.
template <class F>
HWY_INLINE void for_each_tap(const PoolWindow& window, Block block, const F& body) {
  const int64_t right = (block.last - 1) * window.stride_w - window.pad_left;
  const int64_t left = block.first * window.stride_w - window.pad_left;
  const int64_t first = right >= 0 ? 0 : (-right + window.dilation_w - 1) / window.dilation_w;
  const int64_t last =
      left >= window.W ? 0 : smaller(window.KW, (window.W - 1 - left) / window.dilation_w + 1);
  for (int64_t kw = first; kw < last; kw++) {
    const Block part = reached(window, block, kw * window.dilation_w);
    if (part.first < part.last) body(kw, part);
  }
}

// body(stride) with the common strides as constants, so that their loops become shuffles.
template <class F>
HWY_INLINE void with_stride(int64_t stride, const F& body) {
  if (stride == 1) {
    body(std::integral_constant<int64_t, 1>{});
  } else if (stride == 2) {
    body(std::integral_constant<int64_t, 2>{});
  } else {
    body(stride);
  }
}

template <class T>
void max_block(const PoolWindow& window, int64_t oh, Block block, const T* x, T* HWY_RESTRICT y,
               int64_t* HWY_RESTRICT index) {
  T best[kBlock];
  int32_t where[kBlock];
  const int64_t top = oh * window.stride_h - window.pad_top;
  const PoolTaps rows = taps_inside(top, window.KH, window.dilation_h, window.H);
  for (int64_t i = block.first; i < block.last; i++) {
    const int64_t left = i * window.stride_w - window.pad_left;
    const int64_t kw = left >= 0 ? 0 : (-left + window.dilation_w - 1) / window.dilation_w;
    best[i - block.first] = -std::numeric_limits<T>::infinity();
    where[i - block.first] = static_cast<int32_t>(
        (top + rows.first * window.dilation_h) * window.W + left + kw * window.dilation_w);
  }
  for (int64_t kh = rows.first; kh < rows.last; kh++) {
    const int64_t row = (top + kh * window.dilation_h) * window.W;
    for_each_tap(window, block, [&](int64_t kw, Block part) {
      const int64_t start = row - window.pad_left + kw * window.dilation_w;
      with_stride(window.stride_w, [&](auto stride) {
        const T* from = x + start + part.first * stride;
        T* HWY_RESTRICT top_value = best + (part.first - block.first);
        int32_t* HWY_RESTRICT place = where + (part.first - block.first);
        const auto n = static_cast<int32_t>(part.last - part.first);
        const auto base = static_cast<int32_t>(start + part.first * stride);
        for (int32_t i = 0; i < n; i++) {
          const T value = from[i * stride], old = top_value[i];
          // Not smaller or equal, that is larger or NaN; the first NaN stays.
          const bool wins = !(value <= old) & (old == old);
          top_value[i] = wins ? value : old;
          place[i] = wins ? base + i * static_cast<int32_t>(stride) : place[i];
        }
      });
    });
  }
  for (int64_t i = 0; i < block.last - block.first; i++) {
    y[i] = best[i];
    index[i] = where[i];
  }
}

#if HWY_TARGET != HWY_SCALAR

// One tap of as many outputs as a vector holds. At stride 2 both halves of pairs are loaded, the
// tap itself and its neighbour inside the window; so a window has two taps at least.
template <int64_t kStride, class D, class T>
HWY_INLINE hn::Vec<D> load_tap(D d, const T* x, int64_t kw) {
  if constexpr (kStride == 1) return hn::LoadU(d, x + kw);
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (kw == 0) return hn::ConcatEven(d, hn::LoadU(d, x + lanes), hn::LoadU(d, x));
  const T* before = x + kw - 1;
  return hn::ConcatOdd(d, hn::LoadU(d, before + lanes), hn::LoadU(d, before));
}

// As many outputs as a vector of D holds; x: [H, W], the first tap of the first output at `start`.
template <int64_t kStride, class D, class T>
HWY_INLINE void max_strip(D d, const PoolWindow& window, PoolTaps rows, const T* x, int64_t start,
                          T* y, int64_t* index) {
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  const auto steps = hn::Mul(hn::Iota(di, 0), hn::Set(di, static_cast<I>(kStride)));
  auto best = hn::Set(d, -std::numeric_limits<T>::infinity());
  auto where = hn::Add(steps, hn::Set(di, static_cast<I>(start)));
  for (int64_t kh = rows.first; kh < rows.last; kh++, start += window.dilation_h * window.W) {
    for (int64_t kw = 0; kw < window.KW; kw++) {
      const auto value = load_tap<kStride>(d, x + start, kw);
      // Not smaller or equal, that is larger or NaN; the first NaN stays.
      const auto stays = hn::Or(hn::Le(value, best), hn::IsNaN(best));
      const auto place = hn::Add(steps, hn::Set(di, static_cast<I>(start + kw)));
      best = hn::IfThenElse(stays, best, value);
      where = hn::IfThenElse(hn::RebindMask(di, stays), where, place);
    }
  }
  hn::StoreU(best, d, y);
  HWY_ALIGN I places[HWY_MAX_BYTES / sizeof(I)];
  hn::Store(where, di, places);
  for (size_t i = 0; i < hn::Lanes(d); i++) index[i] = places[i];
}

// Outputs [first, last), all taps of which are inside of a row; at least as many as a vector holds:
// the last vector begins earlier where they are no multiple of it.
template <int64_t kStride, class D, class T>
void max_strips(D d, const PoolWindow& window, int64_t top, PoolTaps rows, Block inside, const T* x,
                T* y, int64_t* index) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t row = (top + rows.first * window.dilation_h) * window.W - window.pad_left;
  for (int64_t i = inside.first; i < inside.last; i += lanes) {
    i = smaller(i, inside.last - lanes);
    max_strip<kStride>(d, window, rows, x, row + i * kStride, y + i, index + i);
  }
}

constexpr int64_t kFewest = 4;  // outputs of the narrowest vector used

template <int64_t kStride, class T>
void max_inside(const PoolWindow& window, int64_t oh, Block inside, const T* x, T* y,
                int64_t* index) {
  const int64_t n = inside.last - inside.first, top = oh * window.stride_h - window.pad_top;
  const PoolTaps rows = taps_inside(top, window.KH, window.dilation_h, window.H);
  const hn::ScalableTag<T> widest;
  const hn::CappedTag<T, 2 * kFewest> narrow;
  const hn::CappedTag<T, kFewest> narrowest;
  if (n >= static_cast<int64_t>(hn::Lanes(widest))) {
    max_strips<kStride>(widest, window, top, rows, inside, x, y, index);
  } else if (n >= static_cast<int64_t>(hn::Lanes(narrow))) {
    max_strips<kStride>(narrow, window, top, rows, inside, x, y, index);
  } else {
    max_strips<kStride>(narrowest, window, top, rows, inside, x, y, index);
  }
}

// The outputs of a row that whole vectors can do: none, unless there are kFewest.
HWY_INLINE Block vector_part(const PoolWindow& window) {
  const int64_t stride = window.stride_w, last_start = window.W - window.KW + window.pad_left;
  const bool fits = window.dilation_w == 1 && (stride == 1 || (stride == 2 && window.KW > 1));
  if (!fits || last_start < 0) return {0, 0};
  const int64_t first = (window.pad_left + stride - 1) / stride;
  const int64_t last = smaller(last_start / stride + 1, window.OW);
  return last - first >= kFewest ? Block{first, last} : Block{0, 0};
}

#else

HWY_INLINE Block vector_part(const PoolWindow&) { return {0, 0}; }
template <int64_t kStride, class T>
void max_inside(const PoolWindow&, int64_t, Block, const T*, T*, int64_t*) {}

#endif

// Vectors where all taps are inside, the loop over blocks beside them. 64 x (32 of 28 x 28, 64 of
// 14 x 14), windows of 2 x 2, one thread: 5.3 ms by blocks alone, 0.7 ms with vectors.
template <class T>
void max_plane(const PoolWindow& window, const T* x, T* y, int64_t* index) {
  const Block inside = vector_part(window);
  for (int64_t oh = 0; oh < window.OH; oh++, y += window.OW, index += window.OW) {
    const auto by_blocks = [&](int64_t first, int64_t last) {
      for (int64_t ow = first; ow < last; ow += kBlock) {
        max_block(window, oh, Block{ow, smaller(ow + kBlock, last)}, x, y + ow, index + ow);
      }
    };
    by_blocks(0, inside.first);
    if (inside.first < inside.last) {
      if (window.stride_w == 1) {
        max_inside<1>(window, oh, inside, x, y, index);
      } else {
        max_inside<2>(window, oh, inside, x, y, index);
      }
    }
    by_blocks(inside.last, window.OW);
  }
}

// Counts along one axis what a window at output `i` divides by.
HWY_INLINE int64_t counted(int64_t i, int64_t stride, int64_t pad, int64_t taps, int64_t extent,
                           int64_t pad_after, bool count_padding) {
  const int64_t start = i * stride - pad;
  const int64_t end = smaller(start + taps, extent + pad_after);
  return count_padding ? end - start : smaller(end, extent) - larger(start, 0);
}

// scale[i] = 1 over the divisor of output block.first + i of row oh, or 0 for a window without
// inputs.
template <class T>
void divisors(const PoolWindow& window, const PoolDivisor& rule, int64_t oh, Block block,
              T* divisor) {
  const int64_t rows = counted(oh, window.stride_h, window.pad_top, window.KH, window.H,
                               rule.pad_bottom, rule.count_padding);
  for (int64_t i = block.first; i < block.last; i++) {
    const int64_t cols = counted(i, window.stride_w, window.pad_left, window.KW, window.W,
                                 rule.pad_right, rule.count_padding);
    const int64_t count = rule.fixed != 0 ? rule.fixed : rows * cols;
    // Without inputs the sum is 0 and stays so.
    divisor[i - block.first] = rows > 0 && cols > 0 ? static_cast<T>(count) : T{1};
  }
}

template <class T>
void average_block(const PoolWindow& window, const PoolDivisor& rule, int64_t oh, Block block,
                   const T* x, T* HWY_RESTRICT y) {
  T sum[kBlock] = {}, divisor[kBlock];
  divisors(window, rule, oh, block, divisor);
  const int64_t top = oh * window.stride_h - window.pad_top;
  const PoolTaps rows = taps_inside(top, window.KH, 1, window.H);
  for (int64_t kh = rows.first; kh < rows.last; kh++) {
    const int64_t row = (top + kh) * window.W;
    for_each_tap(window, block, [&](int64_t kw, Block part) {
      with_stride(window.stride_w, [&](auto stride) {
        const T* from = x + row - window.pad_left + kw + part.first * stride;
        T* HWY_RESTRICT to = sum + (part.first - block.first);
        const int64_t n = part.last - part.first;
        for (int64_t i = 0; i < n; i++) to[i] += from[i * stride];
      });
    });
  }
  for (int64_t i = 0; i < block.last - block.first; i++) y[i] = sum[i] / divisor[i];
}

template <class T>
void average_plane(const PoolWindow& window, const PoolDivisor& rule, const T* x, T* y) {
  for (int64_t oh = 0; oh < window.OH; oh++, y += window.OW) {
    for (int64_t ow = 0; ow < window.OW; ow += kBlock) {
      average_block(window, rule, oh, Block{ow, smaller(ow + kBlock, window.OW)}, x, y + ow);
    }
  }
}

template <class T>
void average_grad_block(const PoolWindow& window, const PoolDivisor& rule, int64_t oh, Block block,
                        const T* dy, T* dx) {
  T share[kBlock], divisor[kBlock];
  divisors(window, rule, oh, block, divisor);
  for (int64_t i = 0; i < block.last - block.first; i++) share[i] = dy[i] / divisor[i];
  const int64_t top = oh * window.stride_h - window.pad_top;
  const PoolTaps rows = taps_inside(top, window.KH, 1, window.H);
  for (int64_t kh = rows.first; kh < rows.last; kh++) {
    const int64_t row = (top + kh) * window.W;
    for_each_tap(window, block, [&](int64_t kw, Block part) {
      with_stride(window.stride_w, [&](auto stride) {
        T* HWY_RESTRICT to = dx + row - window.pad_left + kw + part.first * stride;
        const T* from = share + (part.first - block.first);
        const int64_t n = part.last - part.first;
        for (int64_t i = 0; i < n; i++) to[i * stride] += from[i];
      });
    });
  }
}

template <class T>
void average_grad_plane(const PoolWindow& window, const PoolDivisor& rule, const T* dy, T* dx) {
  for (int64_t i = 0; i < window.H * window.W; i++) dx[i] = 0;
  for (int64_t oh = 0; oh < window.OH; oh++, dy += window.OW) {
    for (int64_t ow = 0; ow < window.OW; ow += kBlock) {
      average_grad_block(window, rule, oh, Block{ow, smaller(ow + kBlock, window.OW)}, dy + ow, dx);
    }
  }
}

void max_f32(const PoolWindow& window, const float* x, float* y, int64_t* index) {
  max_plane(window, x, y, index);
}
void max_f64(const PoolWindow& window, const double* x, double* y, int64_t* index) {
  max_plane(window, x, y, index);
}
void average_f32(const PoolWindow& window, const PoolDivisor& rule, const float* x, float* y) {
  average_plane(window, rule, x, y);
}
void average_f64(const PoolWindow& window, const PoolDivisor& rule, const double* x, double* y) {
  average_plane(window, rule, x, y);
}
void average_grad_f32(const PoolWindow& window, const PoolDivisor& rule, const float* dy,
                      float* dx) {
  average_grad_plane(window, rule, dy, dx);
}
void average_grad_f64(const PoolWindow& window, const PoolDivisor& rule, const double* dy,
                      double* dx) {
  average_grad_plane(window, rule, dy, dx);
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {

HWY_EXPORT(max_f32);
HWY_EXPORT(max_f64);
HWY_EXPORT(average_f32);
HWY_EXPORT(average_f64);
HWY_EXPORT(average_grad_f32);
HWY_EXPORT(average_grad_f64);

void max_pool(const PoolWindow& window, const float* x, float* y, int64_t* index) {
  HWY_DYNAMIC_DISPATCH(max_f32)(window, x, y, index);
}
void max_pool(const PoolWindow& window, const double* x, double* y, int64_t* index) {
  HWY_DYNAMIC_DISPATCH(max_f64)(window, x, y, index);
}

void average_pool(const PoolWindow& window, const PoolDivisor& divisor, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(average_f32)(window, divisor, x, y);
}
void average_pool(const PoolWindow& window, const PoolDivisor& divisor, const double* x,
                  double* y) {
  HWY_DYNAMIC_DISPATCH(average_f64)(window, divisor, x, y);
}

void average_pool_grad(const PoolWindow& window, const PoolDivisor& divisor, const float* dy,
                       float* dx) {
  HWY_DYNAMIC_DISPATCH(average_grad_f32)(window, divisor, dy, dx);
}
void average_pool_grad(const PoolWindow& window, const PoolDivisor& divisor, const double* dy,
                       double* dx) {
  HWY_DYNAMIC_DISPATCH(average_grad_f64)(window, divisor, dy, dx);
}

}  // namespace tenon
#endif
