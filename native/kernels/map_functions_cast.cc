// cast: every dtype to every dtype. Floats become integers by truncation, saturate, and NaN becomes
// 0.
#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/map_functions_cast.cc"
#include "hwy/foreach_target.h"

#include "kernels/map_loops-inl.h"

#include <limits>

#include "hwy/base.h"
#include "kernels/narrow.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

template <class T>
constexpr bool kIsNarrow = std::is_same_v<T, F16> || std::is_same_v<T, BF16>;

// The bounds are powers of two, which every float type holds; the conversion itself only sees what
// fits.
template <class To, class From>
HWY_INLINE To saturate(From x) {
  using Limits = std::numeric_limits<To>;
  constexpr From above = static_cast<From>(Limits::max() / 2 + 1) * 2;
  constexpr From below = static_cast<From>(Limits::min());
  const bool fits = (x >= below) & (x < above);
  const To inside = static_cast<To>(fits ? x : From(0));
  const To outside = x >= above ? Limits::max() : (x < below ? Limits::min() : To(0));
  return fits ? inside : outside;
}

// Rounds once: what f32 does not hold goes through f32 rounded to odd.
template <class From>
HWY_INLINE float to_narrowable(From x) {
  if constexpr (std::is_same_v<From, float>) {
    return x;
  } else if constexpr (std::is_same_v<From, double>) {
    return to_odd_f32(x);
  } else if constexpr (sizeof(From) < 4) {
    return static_cast<float>(x);
  } else if constexpr (sizeof(From) == 4) {
    return to_odd_f32(static_cast<double>(x));
  } else {
    return to_odd_f32(to_odd_f64(x));
  }
}

template <class To, class From>
HWY_INLINE To convert(From x) {
  if constexpr (std::is_same_v<From, To>) {
    return x;
  } else if constexpr (std::is_same_v<From, Bool>) {
    // By way of a wider integer, else GCC branches: 0.32 ns an element to f32, 0.025 ns so.
    return convert<To>(static_cast<int32_t>(x.bits != 0));
  } else if constexpr (kIsNarrow<From>) {
    return convert<To>(widen(x));
  } else if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<uint8_t>(x != 0)};
  } else if constexpr (std::is_same_v<To, F16>) {
    return to_f16(to_narrowable(x));
  } else if constexpr (std::is_same_v<To, BF16>) {
    return to_bf16(to_narrowable(x));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return saturate<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

template <class From, class To>
void cast_loop(const MapCall& call) {
  const From* a = reinterpret_cast<const From*>(call.a);
  To* y = reinterpret_cast<To*>(call.y);
  const int64_t n = call.n;  // see map_loops-inl.h
  TENON_IVDEP
  for (int64_t i = 0; i < n; ++i) y[i] = convert<To>(a[i]);
}

// The pairs of training and of data loading are compiled for each target, the others once.
MapKernel find_hot_cast(DType from, DType to) {
  struct Pair {
    DType from, to;
    MapKernel kernel;
  };
  constexpr DType f64 = DType::f64, f32 = DType::f32, f16 = DType::f16, bf16 = DType::bf16;
  constexpr DType i64 = DType::i64, i32 = DType::i32, u8 = DType::u8, boolean = DType::boolean;
  static constexpr Pair kPairs[] = {
      {f32, f64, cast_loop<float, double>},    {f64, f32, cast_loop<double, float>},
      {f32, f16, cast_loop<float, F16>},       {f16, f32, cast_loop<F16, float>},
      {f32, bf16, cast_loop<float, BF16>},     {bf16, f32, cast_loop<BF16, float>},
      {i64, f32, cast_loop<int64_t, float>},   {f32, i64, cast_loop<float, int64_t>},
      {i32, f32, cast_loop<int32_t, float>},   {f32, i32, cast_loop<float, int32_t>},
      {u8, f32, cast_loop<uint8_t, float>},    {f32, u8, cast_loop<float, uint8_t>},
      {boolean, f32, cast_loop<Bool, float>},  {f32, boolean, cast_loop<float, Bool>},
      {i64, i32, cast_loop<int64_t, int32_t>}, {i32, i64, cast_loop<int32_t, int64_t>},
      {boolean, f64, cast_loop<Bool, double>}, {boolean, i64, cast_loop<Bool, int64_t>},
  };
  for (const Pair& pair : kPairs) {
    if (pair.from == from && pair.to == to) return pair.kernel;
  }
  return nullptr;
}

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(find_hot_cast);

namespace {

// Here HWY_NAMESPACE is that of the baseline target.
template <class From>
MapKernel cast_from(DType to) {
  using HWY_NAMESPACE::cast_loop;
  static constexpr MapKernel kTo[kNumDTypes] = {
      cast_loop<From, double>,   cast_loop<From, float>,    cast_loop<From, F16>,
      cast_loop<From, BF16>,     cast_loop<From, int64_t>,  cast_loop<From, int32_t>,
      cast_loop<From, int16_t>,  cast_loop<From, int8_t>,   cast_loop<From, uint64_t>,
      cast_loop<From, uint32_t>, cast_loop<From, uint16_t>, cast_loop<From, uint8_t>,
      cast_loop<From, Bool>};
  return kTo[static_cast<int>(to)];
}

}  // namespace

MapKernel find_cast(DType from, DType to) {
  if (const MapKernel hot = HWY_DYNAMIC_DISPATCH(find_hot_cast)(from, to)) return hot;
  static constexpr MapKernel (*kFrom[kNumDTypes])(DType) = {
      cast_from<double>,   cast_from<float>,    cast_from<F16>,      cast_from<BF16>,
      cast_from<int64_t>,  cast_from<int32_t>,  cast_from<int16_t>,  cast_from<int8_t>,
      cast_from<uint64_t>, cast_from<uint32_t>, cast_from<uint16_t>, cast_from<uint8_t>,
      cast_from<Bool>};
  return kFrom[static_cast<int>(from)](to);
}

}  // namespace tenon
#endif
