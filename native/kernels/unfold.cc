#include "kernels/unfold.h"

#include <algorithm>

namespace tenon {

namespace {

// Outputs [first, last) of one axis whose input `stride * output + shift` lies in [0, extent).
struct Reached {
  int64_t first, last;
};
Reached reached(int64_t outputs, int64_t stride, int64_t shift, int64_t extent) {
  const int64_t first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  const int64_t last = shift >= extent ? 0 : (extent - 1 - shift) / stride + 1;
  return {std::min(first, outputs), std::clamp(last, std::min(first, outputs), outputs)};
}

// Rows and columns of outputs that a tap reaches, and where its first row begins in x.
struct TapReach {
  Reached rows, cols;
  int64_t shift_h, shift_w;
  TapReach(const ConvWindow& window, int64_t kh, int64_t kw)
      : rows{},
        cols{},
        shift_h(kh * window.dilation_h - window.pad_top),
        shift_w(kw * window.dilation_w - window.pad_left) {
    rows = reached(window.OH, window.stride_h, shift_h, window.H);
    cols = reached(window.OW, window.stride_w, shift_w, window.W);
  }
};

}  // namespace

template <class T>
void unfold_tap(const ConvWindow& window, int64_t kh, int64_t kw, const T* x, T* y) {
  const TapReach reach(window, kh, kw);
  const int64_t step = window.stride_w, n = reach.cols.last - reach.cols.first;
  std::fill_n(y, reach.rows.first * window.OW, T{0});
  for (int64_t oh = reach.rows.first; oh < reach.rows.last; oh++) {
    const int64_t row = oh * window.stride_h + reach.shift_h;
    T* out = y + oh * window.OW;
    std::fill_n(out, reach.cols.first, T{0});
    if (n > 0) {
      const T* from = x + row * window.W + reach.cols.first * step + reach.shift_w;
      T* to = out + reach.cols.first;
      if (step == 1) {
        std::copy_n(from, n, to);
      } else {
        for (int64_t i = 0; i < n; i++) to[i] = from[i * step];
      }
    }
    std::fill(out + reach.cols.last, out + window.OW, T{0});
  }
  std::fill_n(y + reach.rows.last * window.OW, (window.OH - reach.rows.last) * window.OW, T{0});
}

bool folds_apart(const ConvWindow& window) {
  return window.KW == 1 && window.stride_w == 1 && window.pad_left == 0 && window.OW == window.W;
}

template <class T>
void fold_plane(const ConvWindow& window, int64_t first, int64_t last, const T* y, T* x) {
  for (int64_t row = 0; row < window.H; row++) {
    std::fill_n(x + row * window.W + first, last - first, T{0});
  }
  const int64_t step = window.stride_w;
  for (int64_t kh = 0; kh < window.KH; kh++) {
    for (int64_t kw = 0; kw < window.KW; kw++, y += window.positions()) {
      TapReach reach(window, kh, kw);
      if (folds_apart(window)) reach.cols = {first, last};
      const int64_t n = reach.cols.last - reach.cols.first;
      if (n <= 0) continue;
      for (int64_t oh = reach.rows.first; oh < reach.rows.last; oh++) {
        const int64_t row = oh * window.stride_h + reach.shift_h;
        const T* __restrict from = y + oh * window.OW + reach.cols.first;
        T* __restrict to = x + row * window.W + reach.cols.first * step + reach.shift_w;
        if (step == 1) {
          for (int64_t i = 0; i < n; i++) to[i] += from[i];
        } else {
          for (int64_t i = 0; i < n; i++) to[i * step] += from[i];
        }
      }
    }
  }
}

#define TENON_INSTANTIATE(T)                                                      \
  template void unfold_tap<T>(const ConvWindow&, int64_t, int64_t, const T*, T*); \
  template void fold_plane<T>(const ConvWindow&, int64_t, int64_t, const T*, T*)

TENON_INSTANTIATE(float);
TENON_INSTANTIATE(double);

}  // namespace tenon
