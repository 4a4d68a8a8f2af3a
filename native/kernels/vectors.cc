#include "kernels/vectors.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/vectors.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

constexpr int kLanes = 16;  // of a sum, whatever the target; added up in pairs at the end

double dot_loop(int64_t n, const double* a, const double* b) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; l++) lanes[l] += a[i + l] * b[i + l];
  }
  for (int l = 0; i < n; i++, l++) lanes[l] += a[i] * b[i];
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; l++) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

void add_scaled_loop(int64_t n, double factor, const double* HWY_RESTRICT from,
                     double* HWY_RESTRICT to) {
  for (int64_t i = 0; i < n; i++) to[i] += factor * from[i];
}

void rotate_loop(int64_t n, double c, double s, double* HWY_RESTRICT a, double* HWY_RESTRICT b) {
  for (int64_t i = 0; i < n; i++) {
    const double x = a[i], y = b[i];
    a[i] = c * x - s * y;
    b[i] = s * x + c * y;
  }
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(dot_loop);
HWY_EXPORT(add_scaled_loop);
HWY_EXPORT(rotate_loop);

double dot(int64_t n, const double* a, const double* b) {
  return HWY_DYNAMIC_DISPATCH(dot_loop)(n, a, b);
}
void add_scaled(int64_t n, double factor, const double* from, double* to) {
  HWY_DYNAMIC_DISPATCH(add_scaled_loop)(n, factor, from, to);
}
void rotate(int64_t n, double c, double s, double* a, double* b) {
  HWY_DYNAMIC_DISPATCH(rotate_loop)(n, c, s, a, b);
}
}  // namespace tenon
#endif
