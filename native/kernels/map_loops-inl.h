// Loops over expressions of one element, and over functions of one vector, compiled for the target
// at hand.
#if defined(TENON_MAP_LOOPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TENON_MAP_LOOPS_INL_H_
#undef TENON_MAP_LOOPS_INL_H_
#else
#define TENON_MAP_LOOPS_INL_H_
#endif

#include "kernels/simd_targets.h"

#include <cstring>
#include <type_traits>

#include "hwy/highway.h"
#include "kernels/map_functions.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Booleans are stored as bytes.
template <class R>
using Stored = std::conditional_t<std::is_same_v<R, bool>, uint8_t, R>;

// n is copied in each loop: a byte that is written may lie in `call` for all that the compiler
// knows, and then nothing that gives booleans would vectorise (gt of 2,048 f32: 800 ns before, 43
// ns after).
template <class F, class T>
void unary_loop(const MapCall& call) {
  using R = Stored<decltype(F::of(T{}))>;
  const T* a = reinterpret_cast<const T*>(call.a);
  R* y = reinterpret_cast<R*>(call.y);
  const int64_t n = call.n;
  TENON_IVDEP
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<R>(F::of(a[i]));
}

template <class F, class T>
void binary_loop(const MapCall& call) {
  using R = Stored<decltype(F::of(T{}, T{}))>;
  const T* a = reinterpret_cast<const T*>(call.a);
  const T* b = reinterpret_cast<const T*>(call.b);
  R* y = reinterpret_cast<R*>(call.y);
  const int64_t n = call.n;
  TENON_IVDEP
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<R>(F::of(a[i], b[i]));
}

template <class T>
void where_loop(const MapCall& call) {
  const uint8_t* a = reinterpret_cast<const uint8_t*>(call.a);
  const T* b = reinterpret_cast<const T*>(call.b);
  const T* c = reinterpret_cast<const T*>(call.c);
  T* y = reinterpret_cast<T*>(call.y);
  const int64_t n = call.n;
  TENON_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    const T yes = b[i], no = c[i];  // both are read, so that the loop vectorises
    y[i] = a[i] != 0 ? yes : no;
  }
}

// F::of(d, v) over whole vectors; the rest goes through the same code, so a value does not depend
// on where it stands.
template <class F, class D>
void vector_loop(const MapCall& call) {
  using T = hn::TFromD<D>;
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const T* a = reinterpret_cast<const T*>(call.a);
  T* y = reinterpret_cast<T*>(call.y);
  int64_t i = 0;
  for (; i + lanes <= call.n; i += lanes) {
    hn::StoreU(F::of(d, hn::LoadU(d, a + i)), d, y + i);
  }
  if (i == call.n) return;
  HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)] = {};
  const size_t bytes = static_cast<size_t>(call.n - i) * sizeof(T);
  std::memcpy(rest, a + i, bytes);
  hn::Store(F::of(d, hn::Load(d, rest)), d, rest);
  std::memcpy(y + i, rest, bytes);
}

}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
