#include "kernels/reduce.h"

#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce.cc"
#include "hwy/foreach_target.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "hwy/highway.h"
#include "kernels/map_expressions.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

struct Sum {
  template <class T>
  static HWY_INLINE T identity() {
    return 0;
  }
  template <class T>
  static HWY_INLINE T of(T a, T b) {
    return expr::Add::of(a, b);
  }
};
struct Prod {
  template <class T>
  static HWY_INLINE T identity() {
    return 1;
  }
  template <class T>
  static HWY_INLINE T of(T a, T b) {
    return expr::Mul::of(a, b);
  }
};
struct Max {
  template <class T>
  static HWY_INLINE T identity() {
    return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                : std::numeric_limits<T>::lowest();
  }
  template <class T>
  static HWY_INLINE T of(T a, T b) {
    return expr::Maximum::of(a, b);
  }
};
struct Min {
  template <class T>
  static HWY_INLINE T identity() {
    return std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                : std::numeric_limits<T>::max();
  }
  template <class T>
  static HWY_INLINE T of(T a, T b) {
    return expr::Minimum::of(a, b);
  }
};

constexpr int64_t kLanes = 256;  // the widest strip
constexpr int64_t kRun = 512;    // additions to one f64 lane before it is added to the lane above
static_assert(kLanes == kReduceColumns);

// lanes[i] = f(lanes[i], x[i])
template <class F, class T, class A>
HWY_INLINE void accumulate(A* HWY_RESTRICT lanes, const T* HWY_RESTRICT x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) lanes[i] = F::of(lanes[i], static_cast<A>(x[i]));
}

// The same with a count that the compiler knows: the lanes stay in registers over all groups.
template <class F, int64_t Count, class T, class A>
HWY_INLINE void accumulate_groups(A* HWY_RESTRICT lanes, const T* HWY_RESTRICT x, int64_t groups) {
  A local[Count];
  for (int64_t i = 0; i < Count; ++i) local[i] = lanes[i];
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t i = 0; i < Count; ++i) {
      local[i] = F::of(local[i], static_cast<A>(x[g * Count + i]));
    }
  }
  for (int64_t i = 0; i < Count; ++i) lanes[i] = local[i];
}

// Adds to lanes [width] the groups x: [groups, stride], width of each; A sums pairwise in two
// levels.
template <class F, class T, class A>
void accumulate_all(A* lanes, const T* x, int64_t groups, int64_t stride, int64_t width) {
  constexpr bool kTwoLevels = std::is_same_v<F, Sum> && std::is_same_v<T, double>;
  const int64_t run = kTwoLevels ? kRun : std::max<int64_t>(groups, 1);
  A partial[kLanes];
  for (int64_t first = 0; first < groups; first += run) {
    const int64_t count = std::min(run, groups - first);
    const T* at = x + first * stride;
    std::fill_n(partial, width, F::template identity<A>());
    if (width == kReduceLanes && stride == kReduceLanes) {
      accumulate_groups<F, kReduceLanes>(partial, at, count);
    } else {
      for (int64_t g = 0; g < count; ++g) accumulate<F>(partial, at + g * stride, width);
    }
    accumulate<F>(lanes, partial, width);
  }
}

// Narrow columns: as many rows side by side as there are lanes for. Then the lanes of a column are
// folded in halves.
template <class F, class T, class A>
void reduce_columns(const ReduceCall& call, A* lanes) {
  const T* x = reinterpret_cast<const T*>(call.x) + call.begin * call.inner;
  const int64_t n = call.end - call.begin;
  if (call.inner > kReduceLanes) {
    std::fill_n(lanes, call.count, F::template identity<A>());
    accumulate_all<F>(lanes, x + call.column, n, call.inner, call.count);
    return;
  }
  const int64_t inner = call.inner;
  int64_t side = std::max<int64_t>(1, std::min(kReduceLanes / inner, n));
  const int64_t width = side * inner, groups = n / side;
  if (groups == 1) {
    for (int64_t i = 0; i < width; ++i) lanes[i] = static_cast<A>(x[i]);
  } else {
    std::fill_n(lanes, width, F::template identity<A>());
    accumulate_all<F>(lanes, x, groups, width, width);
  }
  accumulate<F>(lanes, x + groups * width, (n - groups * side) * inner);
  while (side > 1) {
    const int64_t half = (side + 1) / 2;
    accumulate<F>(lanes, lanes + half * inner, (side - half) * inner);
    side = half;
  }
  if (call.column != 0) std::copy_n(lanes + call.column, call.count, lanes);
}

template <class F, class T, class A, class R>
void reduce_loop(const ReduceCall& call) {
  HWY_ALIGN A lanes[kLanes];
  reduce_columns<F, T>(call, lanes);
  R* y = reinterpret_cast<R*>(call.y);
  for (int64_t i = 0; i < call.count; ++i) y[i] = static_cast<R>(lanes[i]);
}

// First the extreme, then where it stands: the second pass stops early, or runs backwards so that
// the first index wins.
template <class F, class T>
void arg_loop(const ReduceCall& call) {
  HWY_ALIGN T best[kLanes];
  reduce_columns<F, T>(call, best);
  const T* x = reinterpret_cast<const T*>(call.x) + call.column;
  int64_t* y = reinterpret_cast<int64_t*>(call.y);
  const auto is_best = [](T value, T wanted) { return value == wanted || value != value; };
  if (call.inner == 1) {
    int64_t row = call.begin;
    while (row + 1 < call.end && !is_best(x[row], best[0])) ++row;
    y[0] = row;
    return;
  }
  for (int64_t row = call.end - 1; row >= call.begin; --row) {
    const T* at = x + row * call.inner;
    for (int64_t i = 0; i < call.count; ++i) {
      const bool found = (at[i] == best[i]) | (at[i] != at[i]);
      y[i] = found ? row : y[i];
    }
  }
}

template <class F>
ReduceKernel find_fold(DType from, DType to) {
  if (from == DType::f64 && to == DType::f64) return reduce_loop<F, double, double, double>;
  if (from == DType::f32 && to == DType::f32) return reduce_loop<F, float, double, float>;
  if (from == DType::f32 && to == DType::f64) return reduce_loop<F, float, double, double>;
  if (from == DType::f64 && to == DType::f32) return reduce_loop<F, double, double, float>;
  if (from == DType::i64 && to == DType::i64) return reduce_loop<F, int64_t, int64_t, int64_t>;
  if (from == DType::i32 && to == DType::i32) return reduce_loop<F, int32_t, int32_t, int32_t>;
  return nullptr;
}

// f of the C++ type; bool is stored as a byte that is 0 or 1.
template <class F>
ReduceKernel with_ordered(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f64:
      return f(double{});
    case DType::f32:
      return f(float{});
    case DType::i64:
      return f(int64_t{});
    case DType::i32:
      return f(int32_t{});
    case DType::i16:
      return f(int16_t{});
    case DType::i8:
      return f(int8_t{});
    case DType::u64:
      return f(uint64_t{});
    case DType::u32:
      return f(uint32_t{});
    case DType::u16:
      return f(uint16_t{});
    case DType::u8:
    case DType::boolean:
      return f(uint8_t{});
    case DType::f16:
    case DType::bf16:
      return nullptr;
  }
  return nullptr;
}

template <class F>
struct ExtremeKernel {
  template <class T>
  ReduceKernel operator()(T) const {
    return reduce_loop<F, T, T, T>;
  }
};
template <class F>
struct ArgKernel {
  template <class T>
  ReduceKernel operator()(T) const {
    return arg_loop<F, T>;
  }
};

ReduceKernel find_kernel(Reduction kind, DType from, DType to) {
  switch (kind) {
    case Reduction::sum:
      return find_fold<Sum>(from, to);
    case Reduction::prod:
      return find_fold<Prod>(from, to);
    case Reduction::max:
      return from == to ? with_ordered(from, ExtremeKernel<Max>{}) : nullptr;
    case Reduction::min:
      return from == to ? with_ordered(from, ExtremeKernel<Min>{}) : nullptr;
  }
  return nullptr;
}

ReduceKernel find_arg_kernel(bool largest, DType from) {
  return largest ? with_ordered(from, ArgKernel<Max>{}) : with_ordered(from, ArgKernel<Min>{});
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(find_kernel);
HWY_EXPORT(find_arg_kernel);

ReduceKernel find_reduce(Reduction kind, DType from, DType to) {
  return HWY_DYNAMIC_DISPATCH(find_kernel)(kind, from, to);
}
ReduceKernel find_arg_reduce(bool largest, DType from) {
  return HWY_DYNAMIC_DISPATCH(find_arg_kernel)(largest, from);
}
}  // namespace tenon
#endif
