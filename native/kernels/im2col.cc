#include "kernels/im2col.h"

#include <algorithm>
#include <cstring>

namespace tenon {

namespace {

constexpr int64_t kCopyBytes = 64;

int64_t ceil_div(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

// Copies n elements where up to kCopyBytes behind the source may be read, and `room` elements (n at
// least) written at the target: whole pieces of fixed size are several times faster than memcpy for
// short rows.
template <class T>
void copy_row(const T* from, int64_t n, int64_t room, T* to) {
  constexpr int64_t piece = kCopyBytes / static_cast<int64_t>(sizeof(T));
  int64_t i = 0;
  for (; i < n && i + piece <= room; i += piece) std::memcpy(to + i, from + i, kCopyBytes);
  for (; i < n; i++) to[i] = from[i];
}

template <class T>
void add_row(const T* __restrict from, int64_t n, T* __restrict to) {
  for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

}  // namespace

PaddedPlane::PaddedPlane(const ConvWindow& window, const ConvTile& tile)
    : window_(window),
      tile_(tile),
      extent_h_((window.KH - 1) * window.dilation_h + 1),
      extent_w_((window.KW - 1) * window.dilation_w + 1),
      rows_((tile.rows - 1) * window.stride_h + extent_h_),
      phases_(std::min(window.stride_w, extent_w_)),
      width_(tile.cols + (extent_w_ - 1) / window.stride_w) {}

PaddedPlane::Inside PaddedPlane::inside(int64_t phase) const {
  const int64_t origin = tile_.col * window_.stride_w - window_.pad_left + phase;
  const int64_t first = std::clamp<int64_t>(ceil_div(-origin, window_.stride_w), 0, width_);
  const int64_t last =
      std::clamp<int64_t>(ceil_div(window_.W - origin, window_.stride_w), first, width_);
  return {first, last, origin + first * window_.stride_w};
}

template <class T>
void PaddedPlane::fill(const T* plane, T* padded) const {
  const int64_t step = window_.stride_w;
  for (int64_t phase = 0; phase < phases_; phase++) {
    const Inside part = inside(phase);
    const int64_t n = part.last - part.first;
    for (int64_t row = 0; row < rows_; row++) {
      if (!reads_row(row)) continue;
      const int64_t y = tile_.row * window_.stride_h - window_.pad_top + row;
      T* out = padded + row * row_elements() + phase * width_;
      if (y < 0 || y >= window_.H) {
        std::fill_n(out, width_, T{0});
        continue;
      }
      const T* from = plane + y * window_.W + part.x_first;
      std::fill_n(out, part.first, T{0});
      if (step == 1) {
        std::copy_n(from, n, out + part.first);
      } else {
        for (int64_t i = 0; i < n; i++) out[part.first + i] = from[i * step];
      }
      std::fill(out + part.last, out + width_, T{0});
    }
  }
}

template <class T>
void PaddedPlane::add_to(const T* padded, T* plane) const {
  const int64_t step = window_.stride_w;
  for (int64_t phase = 0; phase < phases_; phase++) {
    const Inside part = inside(phase);
    const int64_t n = part.last - part.first;
    for (int64_t row = 0; row < rows_; row++) {
      const int64_t y = tile_.row * window_.stride_h - window_.pad_top + row;
      if (!reads_row(row) || y < 0 || y >= window_.H) continue;
      const T* from = padded + row * row_elements() + phase * width_ + part.first;
      T* out = plane + y * window_.W + part.x_first;
      if (step == 1) {
        add_row(from, n, out);
      } else {
        for (int64_t i = 0; i < n; i++) out[i * step] += from[i];
      }
    }
  }
}

template <class T>
void im2col(const ConvWindow& window, const ConvTile& tile, int64_t channels, const T* x, T* col,
            int64_t ld, T* padded) {
  const PaddedPlane plane(window, tile);
  for (int64_t c = 0; c < channels; c++) {
    plane.fill(x + c * window.H * window.W, padded);
    for (int64_t kh = 0; kh < window.KH; kh++) {
      for (int64_t kw = 0; kw < window.KW; kw++, col += ld) {
        const T* in = padded + plane.offset(kh, kw);
        for (int64_t done = 0; done < tile.size(); done += tile.cols, in += plane.row_step()) {
          copy_row(in, tile.cols, tile.size() - done, col + done);
        }
      }
    }
  }
}

template <class T>
void col2im(const ConvWindow& window, const ConvTile& tile, int64_t channels, const T* dcol,
            int64_t ld, T* dx, T* padded) {
  const PaddedPlane plane(window, tile);
  for (int64_t c = 0; c < channels; c++) {
    std::fill_n(padded, plane.elements(), T{0});
    for (int64_t kh = 0; kh < window.KH; kh++) {
      for (int64_t kw = 0; kw < window.KW; kw++, dcol += ld) {
        T* in = padded + plane.offset(kh, kw);
        for (int64_t done = 0; done < tile.size(); done += tile.cols, in += plane.row_step()) {
          add_row(dcol + done, tile.cols, in);
        }
      }
    }
    plane.add_to(padded, dx + c * window.H * window.W);
  }
}

#define TENON_INSTANTIATE(T)                                                                       \
  template void PaddedPlane::fill<T>(const T*, T*) const;                                          \
  template void PaddedPlane::add_to<T>(const T*, T*) const;                                        \
  template void im2col<T>(const ConvWindow&, const ConvTile&, int64_t, const T*, T*, int64_t, T*); \
  template void col2im<T>(const ConvWindow&, const ConvTile&, int64_t, const T*, int64_t, T*, T*)

TENON_INSTANTIATE(float);
TENON_INSTANTIATE(double);

}  // namespace tenon
