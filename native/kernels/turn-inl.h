// Four elements of each of kLanes rows, as four vectors over the rows, and back. Included once for
// each SIMD target.
#if defined(TENON_TURN_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TENON_TURN_INL_H
#undef TENON_TURN_INL_H
#else
#define TENON_TURN_INL_H
#endif

#include <algorithm>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = std::min<int64_t>(16, HWY_LANES(float));

// Stores a square: v[i] is column i of kLanes rows. Rows are written a register at a time: where
// they lie a power of two apart, pieces of four evict each other (3 -> 32 channels on 64 x 64: 73
// Gflop/s with those, 146 so).
#if HWY_TARGET == HWY_SCALAR

HWY_INLINE void load4(const float* from, int64_t, V* v) {
  for (int64_t i = 0; i < 4; ++i) v[i] = hn::LoadU(D(), from + i);
}
HWY_INLINE void store4(const V* v, float* to, int64_t) {
  for (int64_t i = 0; i < 4; ++i) hn::StoreU(v[i], D(), to + i);
}

HWY_INLINE void store_square(const V* v, float* to, int64_t) { hn::StoreU(v[0], D(), to); }

#else

template <size_t N>
HWY_INLINE hn::Vec<hn::FixedTag<float, N> > load_rows(const float* from, int64_t ld) {
  const hn::FixedTag<float, N> d;
  if constexpr (N == 4) {
    return hn::LoadU(d, from);
  } else {
    return hn::Combine(d, load_rows<N / 2>(from + static_cast<int64_t>(N / 2) * ld, ld),
                       load_rows<N / 2>(from, ld));
  }
}

template <size_t N>
HWY_INLINE void store_rows(hn::Vec<hn::FixedTag<float, N> > v, float* to, int64_t ld) {
  const hn::FixedTag<float, N> d;
  if constexpr (N == 4) {
    hn::StoreU(v, d, to);
  } else {
    const hn::Half<decltype(d)> half;
    store_rows<N / 2>(hn::LowerHalf(half, v), to, ld);
    store_rows<N / 2>(hn::UpperHalf(half, v), to + static_cast<int64_t>(N / 2) * ld, ld);
  }
}

// Each 4 x 4 block turned.
HWY_INLINE void turn(V* v) {
  const D d;
  const hn::Repartition<uint64_t, D> wide;
  const auto low01 = hn::BitCast(wide, hn::InterleaveLower(d, v[0], v[1]));
  const auto low23 = hn::BitCast(wide, hn::InterleaveLower(d, v[2], v[3]));
  const auto high01 = hn::BitCast(wide, hn::InterleaveUpper(d, v[0], v[1]));
  const auto high23 = hn::BitCast(wide, hn::InterleaveUpper(d, v[2], v[3]));
  v[0] = hn::BitCast(d, hn::InterleaveLower(wide, low01, low23));
  v[1] = hn::BitCast(d, hn::InterleaveUpper(wide, low01, low23));
  v[2] = hn::BitCast(d, hn::InterleaveLower(wide, high01, high23));
  v[3] = hn::BitCast(d, hn::InterleaveUpper(wide, high01, high23));
}

HWY_INLINE void load4(const float* from, int64_t ld, V* v) {
  for (int64_t i = 0; i < 4; ++i) v[i] = load_rows<kLanes>(from + i * ld, ld);
  turn(v);
}

HWY_INLINE void store4(const V* v, float* to, int64_t ld) {
  V turned[4] = {v[0], v[1], v[2], v[3]};
  turn(turned);
  for (int64_t i = 0; i < 4; ++i) store_rows<kLanes>(turned[i], to + i * ld, ld);
}

HWY_INLINE void store_square(const V* v, float* to, int64_t ld) {
  [[maybe_unused]] const D d;
#if HWY_TARGET <= HWY_AVX3
  V t[16];
  for (int64_t i = 0; i < 16; ++i) t[i] = v[i];
  for (int64_t i = 0; i < 16; i += 4) turn(t + i);
  for (int64_t i = 0; i < 4; ++i) {
    const V even0 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(t[4 + i]), t[i]);
    const V odd0 = hn::OddEvenBlocks(t[4 + i], hn::SwapAdjacentBlocks(t[i]));
    const V even1 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(t[12 + i]), t[8 + i]);
    const V odd1 = hn::OddEvenBlocks(t[12 + i], hn::SwapAdjacentBlocks(t[8 + i]));
    hn::StoreU(hn::ConcatLowerLower(d, even1, even0), d, to + i * ld);
    hn::StoreU(hn::ConcatLowerLower(d, odd1, odd0), d, to + (i + 4) * ld);
    hn::StoreU(hn::ConcatUpperUpper(d, even1, even0), d, to + (i + 8) * ld);
    hn::StoreU(hn::ConcatUpperUpper(d, odd1, odd0), d, to + (i + 12) * ld);
  }
#elif HWY_TARGET <= HWY_AVX2
  V t[8];
  for (int64_t i = 0; i < 8; ++i) t[i] = v[i];
  turn(t);
  turn(t + 4);
  for (int64_t i = 0; i < 4; ++i) {
    hn::StoreU(hn::ConcatLowerLower(d, t[4 + i], t[i]), d, to + i * ld);
    hn::StoreU(hn::ConcatUpperUpper(d, t[4 + i], t[i]), d, to + (i + 4) * ld);
  }
#else
  store4(v, to, ld);
#endif
}

#endif

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
