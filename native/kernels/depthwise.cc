#include "kernels/depthwise.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// The last lanes of a row, fewer than a register.
template <class D, class T>
HWY_INLINE void store_part(hn::Vec<D> v, D d, int64_t n, T* to) {
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
  hn::Store(v, d, lanes);
  for (int64_t i = 0; i < n; i++) to[i] = lanes[i];
}
template <class D, class T>
HWY_INLINE hn::Vec<D> load_part(D d, int64_t n, const T* from) {
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
  for (int64_t i = 0; i < n; i++) lanes[i] = from[i];
  return hn::Load(d, lanes);
}

template <class T>
void forward(const DepthwiseTile& tile, const T* padded, const T* w, T* out) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t row = 0; row < tile.rows; row++, out += tile.cols) {
    const T* in = padded + row * tile.row_step;
    for (int64_t i = 0; i < tile.cols; i += lanes) {
      auto sum = hn::Zero(d);
      for (int64_t tap = 0; tap < tile.taps; tap++) {
        // May read into the slack behind a row; those lanes are not stored.
        sum = hn::MulAdd(hn::Set(d, w[tap]), hn::LoadU(d, in + tile.offsets[tap] + i), sum);
      }
      if (i + lanes <= tile.cols) {
        hn::StoreU(sum, d, out + i);
      } else {
        store_part(sum, d, tile.cols - i, out + i);
      }
    }
  }
}

template <class T>
void by_input(const DepthwiseTile& tile, const T* dout, const T* w, T* dpadded) {
  for (int64_t row = 0; row < tile.rows; row++, dout += tile.cols) {
    for (int64_t tap = 0; tap < tile.taps; tap++) {
      T* HWY_RESTRICT dx = dpadded + row * tile.row_step + tile.offsets[tap];
      const T* HWY_RESTRICT dy = dout;
      const T factor = w[tap];
      for (int64_t i = 0; i < tile.cols; i++) dx[i] += factor * dy[i];
    }
  }
}

// Four taps at once: dout is read once for them, and their sums do not wait for each other.
template <class T>
void by_weight(const DepthwiseTile& tile, const T* padded, const T* dout, T* dw) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = tile.cols - tile.cols % lanes;
  for (int64_t tap = 0; tap < tile.taps; tap += 4) {
    // Behind the last tap it is summed again, and the sums are dropped.
    const auto input = [&](int64_t next) {
      return padded + tile.offsets[tap + next < tile.taps ? tap + next : tile.taps - 1];
    };
    const T *x0 = input(0), *x1 = input(1), *x2 = input(2), *x3 = input(3);
    auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (int64_t row = 0; row < tile.rows; row++) {
      const T* dy = dout + row * tile.cols;
      const int64_t start = row * tile.row_step;
      for (int64_t i = 0; i < tile.cols; i += lanes) {
        // Lanes behind the row's end are zero in dout, but x may hold anything there, even NaN.
        const bool full = i < whole;
        const auto mask = hn::FirstN(d, static_cast<size_t>(full ? lanes : tile.cols - i));
        const auto g = full ? hn::LoadU(d, dy + i) : load_part(d, tile.cols - i, dy + i);
        const int64_t at = start + i;
        sum0 = hn::MulAdd(g, hn::IfThenElseZero(mask, hn::LoadU(d, x0 + at)), sum0);
        sum1 = hn::MulAdd(g, hn::IfThenElseZero(mask, hn::LoadU(d, x1 + at)), sum1);
        sum2 = hn::MulAdd(g, hn::IfThenElseZero(mask, hn::LoadU(d, x2 + at)), sum2);
        sum3 = hn::MulAdd(g, hn::IfThenElseZero(mask, hn::LoadU(d, x3 + at)), sum3);
      }
    }
    const T sums[] = {hn::GetLane(hn::SumOfLanes(d, sum0)), hn::GetLane(hn::SumOfLanes(d, sum1)),
                      hn::GetLane(hn::SumOfLanes(d, sum2)), hn::GetLane(hn::SumOfLanes(d, sum3))};
    for (int64_t i = 0; i < 4 && tap + i < tile.taps; i++) dw[tap + i] += sums[i];
  }
}

void forward_f32(const DepthwiseTile& tile, const float* padded, const float* w, float* out) {
  forward(tile, padded, w, out);
}
void forward_f64(const DepthwiseTile& tile, const double* padded, const double* w, double* out) {
  forward(tile, padded, w, out);
}
void by_input_f32(const DepthwiseTile& tile, const float* dout, const float* w, float* dpadded) {
  by_input(tile, dout, w, dpadded);
}
void by_input_f64(const DepthwiseTile& tile, const double* dout, const double* w, double* dpadded) {
  by_input(tile, dout, w, dpadded);
}
void by_weight_f32(const DepthwiseTile& tile, const float* padded, const float* dout, float* dw) {
  by_weight(tile, padded, dout, dw);
}
void by_weight_f64(const DepthwiseTile& tile, const double* padded, const double* dout,
                   double* dw) {
  by_weight(tile, padded, dout, dw);
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {

HWY_EXPORT(forward_f32);
HWY_EXPORT(forward_f64);
HWY_EXPORT(by_input_f32);
HWY_EXPORT(by_input_f64);
HWY_EXPORT(by_weight_f32);
HWY_EXPORT(by_weight_f64);

void depthwise(const DepthwiseTile& tile, const float* padded, const float* w, float* out) {
  HWY_DYNAMIC_DISPATCH(forward_f32)(tile, padded, w, out);
}
void depthwise(const DepthwiseTile& tile, const double* padded, const double* w, double* out) {
  HWY_DYNAMIC_DISPATCH(forward_f64)(tile, padded, w, out);
}

void depthwise_input(const DepthwiseTile& tile, const float* dout, const float* w, float* dpadded) {
  HWY_DYNAMIC_DISPATCH(by_input_f32)(tile, dout, w, dpadded);
}
void depthwise_input(const DepthwiseTile& tile, const double* dout, const double* w,
                     double* dpadded) {
  HWY_DYNAMIC_DISPATCH(by_input_f64)(tile, dout, w, dpadded);
}

void depthwise_weight(const DepthwiseTile& tile, const float* padded, const float* dout,
                      float* dw) {
  HWY_DYNAMIC_DISPATCH(by_weight_f32)(tile, padded, dout, dw);
}
void depthwise_weight(const DepthwiseTile& tile, const double* padded, const double* dout,
                      double* dw) {
  HWY_DYNAMIC_DISPATCH(by_weight_f64)(tile, padded, dout, dw);
}

}  // namespace tenon
#endif
