#include "kernels/recurrent.h"

#define TENON_SIZED_VECTORS
#include "kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrent.cc"
#include "hwy/foreach_target.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace {

template <class T>
using Lanes = hn::CappedTag<T, 64 / sizeof(T)>;

// Rows of the product done together, each with the two vectors of a panel: as many sums as keep the
// multipliers busy and fit into the registers.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int64_t kRows = 8;
#else
constexpr int64_t kRows = 4;
#endif

template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_some(D d, const T* x, int64_t n) {
  if (HWY_LIKELY(n >= static_cast<int64_t>(hn::Lanes(d)))) return hn::LoadU(d, x);
  HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)] = {};
  std::memcpy(rest, x, static_cast<size_t>(n) * sizeof(T));
  return hn::Load(d, rest);
}
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_some(hn::Vec<D> v, D d, T* y, int64_t n) {
  if (HWY_LIKELY(n >= static_cast<int64_t>(hn::Lanes(d)))) return hn::StoreU(v, d, y);
  HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(v, d, rest);
  std::memcpy(y, rest, static_cast<size_t>(n) * sizeof(T));
}

// ---- products

// Measured on Zen 5, one core, f32: 8 x 256 x 1024 runs at 275 Gflop/s and 8 x 1024 x 256 at 247,
// where BLAS, which packs the weight each time, runs at 63 and 68; 16 rows: 250 against 110.

template <class T>
void pack(const WeightView<T>& w, int64_t first, int64_t last, T* packed) {
  const int64_t width = 2 * static_cast<int64_t>(hn::Lanes(Lanes<T>()));
  for (int64_t n0 = first * kPackBlock<T>; n0 < last * kPackBlock<T>; n0 += width) {
    T* panel = packed + n0 * w.K;
    const int64_t n_end = std::min(n0 + width, w.N);
    for (int64_t k = 0; k < w.K; ++k, panel += width) {
      const T* from = w.data + k * w.k_stride;
      int64_t n = n0;
      for (; n < n_end; ++n) panel[n - n0] = from[n * w.n_stride];
      for (; n < n0 + width; ++n) panel[n - n0] = 0;
    }
  }
}

// kCount rows times one panel; n: columns of it that there are.
template <int64_t kCount, class T>
HWY_INLINE void multiply(int64_t K, int64_t n, Rows<const T> a, const T* HWY_RESTRICT panel,
                         Rows<const T> start, Rows<T> out) {
  const Lanes<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t rest = std::max<int64_t>(n - lanes, 0);
  using V = hn::Vec<Lanes<T>>;
  V left[kCount], right[kCount];
  HWY_UNROLL(8)
  for (int64_t r = 0; r < kCount; ++r) {
    left[r] = hn::Zero(d), right[r] = hn::Zero(d);
    if (start.data == nullptr) continue;
    left[r] = load_some(d, start.data + r * start.ld, n);
    right[r] = load_some(d, start.data + r * start.ld + lanes, rest);
  }
  for (int64_t k = 0; k < K; ++k, panel += 2 * lanes) {
    const V w0 = hn::LoadU(d, panel), w1 = hn::LoadU(d, panel + lanes);
    HWY_UNROLL(8)
    for (int64_t r = 0; r < kCount; ++r) {
      const V factor = hn::Set(d, a.data[r * a.ld + k]);
      left[r] = hn::MulAdd(factor, w0, left[r]);
      right[r] = hn::MulAdd(factor, w1, right[r]);
    }
  }
  HWY_UNROLL(8)
  for (int64_t r = 0; r < kCount; ++r) {
    store_some(left[r], d, out.data + r * out.ld, n);
    store_some(right[r], d, out.data + r * out.ld + lanes, rest);
  }
}

template <class T>
HWY_INLINE Rows<T> from_row(Rows<T> rows, int64_t row, int64_t column) {
  return {rows.data == nullptr ? nullptr : rows.data + row * rows.ld + column, rows.ld};
}

template <class T>
void product(int64_t rows, int64_t K, int64_t N, Rows<const T> a, const T* packed,
             Rows<const T> start, Rows<T> out) {
  const int64_t width = 2 * static_cast<int64_t>(hn::Lanes(Lanes<T>()));
  for (int64_t n0 = 0; n0 < N; n0 += width) {
    const T* panel = packed + n0 * K;
    const int64_t n = std::min(width, N - n0);
    int64_t r = 0;
    for (; r + kRows <= rows; r += kRows) {
      multiply<kRows>(K, n, from_row(a, r, 0), panel, from_row(start, r, n0), from_row(out, r, n0));
    }
    for (; r + 4 <= rows; r += 4) {
      multiply<4>(K, n, from_row(a, r, 0), panel, from_row(start, r, n0), from_row(out, r, n0));
    }
    for (; r + 2 <= rows; r += 2) {
      multiply<2>(K, n, from_row(a, r, 0), panel, from_row(start, r, n0), from_row(out, r, n0));
    }
    if (r < rows) {
      multiply<1>(K, n, from_row(a, r, 0), panel, from_row(start, r, n0), from_row(out, r, n0));
    }
  }
}

// ---- functions of gates

template <class D, class V>
HWY_INLINE V gate_tanh(D d, V x) {
  using T = hn::TFromD<D>;
  if constexpr (sizeof(T) == sizeof(float)) {
    return tanh(d, x);
  } else {
    HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
    hn::Store(x, d, lanes);
    for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = std::tanh(lanes[i]);
    return hn::Load(d, lanes);
  }
}

template <class D, class V>
HWY_INLINE V gate_sigmoid(D d, V x) {
  using T = hn::TFromD<D>;
  if constexpr (sizeof(T) == sizeof(float)) {
    return sigmoid(d, x);
  } else {
    HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
    hn::Store(x, d, lanes);
    for (size_t i = 0; i < hn::Lanes(d); ++i) {
      const T e = std::exp(-std::fabs(lanes[i]));
      lanes[i] = (lanes[i] < 0 ? e : T{1}) / (T{1} + e);
    }
    return hn::Load(d, lanes);
  }
}

// body(first unit, units left) for each vector of each row.
template <class T, class Body>
HWY_INLINE void each_vector(int64_t rows, int64_t H, const Body& body) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(Lanes<T>()));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < H; i += lanes) body.run(r, i, H - i);
  }
}

// The bodies are structs, not lambdas: clang gives a lambda no target.
template <class T>
struct Rnn {
  int64_t H;
  bool relu;
  T* h;
  HWY_INLINE void run(int64_t r, int64_t i, int64_t n) const {
    const Lanes<T> d;
    T* at = h + r * H + i;
    const auto x = load_some(d, at, n);
    // A NaN stays.
    const auto y = relu ? hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x) : gate_tanh(d, x);
    store_some(y, d, at, n);
  }
};

template <class T>
struct RnnGrad {
  int64_t H;
  bool relu;
  const T *h, *dh;
  T* out;
  HWY_INLINE void run(int64_t r, int64_t i, int64_t n) const {
    const Lanes<T> d;
    const int64_t at = r * H + i;
    const auto y = load_some(d, h + at, n), dy = load_some(d, dh + at, n);
    const auto slope = relu ? hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), hn::Set(d, T{1}))
                            : hn::NegMulAdd(y, y, hn::Set(d, T{1}));
    store_some(hn::Mul(dy, slope), d, out + at, n);
  }
};

template <class T>
struct Lstm {
  int64_t H;
  T* gates;
  const T* c_prev;
  T *c, *h;
  HWY_INLINE void run(int64_t r, int64_t u, int64_t n) const {
    const Lanes<T> d;
    T* gate = gates + r * 4 * H + u;
    const int64_t at = r * H + u;
    const auto i = gate_sigmoid(d, load_some(d, gate, n));
    const auto f = gate_sigmoid(d, load_some(d, gate + H, n));
    const auto g = gate_tanh(d, load_some(d, gate + 2 * H, n));
    const auto o = gate_sigmoid(d, load_some(d, gate + 3 * H, n));
    const auto next = hn::MulAdd(f, load_some(d, c_prev + at, n), hn::Mul(i, g));
    store_some(i, d, gate, n);
    store_some(f, d, gate + H, n);
    store_some(g, d, gate + 2 * H, n);
    store_some(o, d, gate + 3 * H, n);
    store_some(next, d, c + at, n);
    store_some(hn::Mul(o, gate_tanh(d, next)), d, h + at, n);
  }
};

// x (1 - x), the slope of the sigmoid.
template <class D, class V>
HWY_INLINE V sigmoid_slope(D, V y) {
  return hn::NegMulAdd(y, y, y);
}
// 1 - y^2, the slope of tanh.
template <class D, class V>
HWY_INLINE V tanh_slope(D d, V y) {
  return hn::NegMulAdd(y, y, hn::Set(d, hn::TFromD<D>{1}));
}

template <class T>
struct LstmGrad {
  int64_t H;
  const T *gates, *c_prev, *c, *dh;
  T *dc, *out;
  HWY_INLINE void run(int64_t r, int64_t u, int64_t n) const {
    const Lanes<T> d;
    const int64_t at = r * H + u, gate = r * 4 * H + u;
    const auto i = load_some(d, gates + gate, n), f = load_some(d, gates + gate + H, n);
    const auto g = load_some(d, gates + gate + 2 * H, n);
    const auto o = load_some(d, gates + gate + 3 * H, n);
    const auto tc = gate_tanh(d, load_some(d, c + at, n)), dy = load_some(d, dh + at, n);
    const auto by_c = hn::MulAdd(hn::Mul(dy, o), tanh_slope(d, tc), load_some(d, dc + at, n));
    const auto by_f = hn::Mul(by_c, load_some(d, c_prev + at, n));
    store_some(hn::Mul(hn::Mul(by_c, g), sigmoid_slope(d, i)), d, out + gate, n);
    store_some(hn::Mul(by_f, sigmoid_slope(d, f)), d, out + gate + H, n);
    store_some(hn::Mul(hn::Mul(by_c, i), tanh_slope(d, g)), d, out + gate + 2 * H, n);
    store_some(hn::Mul(hn::Mul(dy, tc), sigmoid_slope(d, o)), d, out + gate + 3 * H, n);
    store_some(hn::Mul(by_c, f), d, dc + at, n);
  }
};

template <class T>
struct Gru {
  int64_t H;
  T* gates;
  const T *gx, *h_prev;
  T* h;
  HWY_INLINE void run(int64_t row, int64_t u, int64_t left) const {
    const Lanes<T> d;
    T* gate = gates + row * 4 * H + u;
    const int64_t at = row * H + u;
    const auto r = gate_sigmoid(d, load_some(d, gate, left));
    const auto z = gate_sigmoid(d, load_some(d, gate + H, left));
    const auto q = load_some(d, gate + 3 * H, left);
    const auto n = gate_tanh(d, hn::MulAdd(r, q, load_some(d, gx + row * 3 * H + 2 * H + u, left)));
    store_some(r, d, gate, left);
    store_some(z, d, gate + H, left);
    store_some(n, d, gate + 2 * H, left);
    // n + z (h_prev - n)
    store_some(hn::MulAdd(z, hn::Sub(load_some(d, h_prev + at, left), n), n), d, h + at, left);
  }
};

template <class T>
struct GruGrad {
  int64_t H;
  const T *gates, *h_prev;
  T *dh, *out;
  HWY_INLINE void run(int64_t row, int64_t u, int64_t left) const {
    const Lanes<T> d;
    const int64_t at = row * H + u, gate = row * 4 * H + u;
    const auto r = load_some(d, gates + gate, left), z = load_some(d, gates + gate + H, left);
    const auto n = load_some(d, gates + gate + 2 * H, left);
    const auto q = load_some(d, gates + gate + 3 * H, left);
    const auto dy = load_some(d, dh + at, left);
    const auto by_z = hn::Mul(dy, hn::Sub(load_some(d, h_prev + at, left), n));
    const auto by_n = hn::Mul(hn::NegMulAdd(dy, z, dy), tanh_slope(d, n));
    store_some(hn::Mul(hn::Mul(by_n, q), sigmoid_slope(d, r)), d, out + gate, left);
    store_some(hn::Mul(by_z, sigmoid_slope(d, z)), d, out + gate + H, left);
    store_some(by_n, d, out + gate + 2 * H, left);
    store_some(hn::Mul(by_n, r), d, out + gate + 3 * H, left);
    store_some(hn::Mul(dy, z), d, dh + at, left);
  }
};

template <class T>
void accumulate(int64_t n, const T* HWY_RESTRICT x, T* HWY_RESTRICT y) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}
template <class T>
void rnn(int64_t rows, int64_t H, bool relu, T* h) {
  each_vector<T>(rows, H, Rnn<T>{H, relu, h});
}
template <class T>
void lstm(int64_t rows, int64_t H, T* gates, const T* c_prev, T* c, T* h) {
  each_vector<T>(rows, H, Lstm<T>{H, gates, c_prev, c, h});
}
template <class T>
void gru(int64_t rows, int64_t H, T* gates, const T* gx, const T* h_prev, T* h) {
  each_vector<T>(rows, H, Gru<T>{H, gates, gx, h_prev, h});
}
template <class T>
void rnn_grad(int64_t rows, int64_t H, bool relu, const T* h, const T* dh, T* d) {
  each_vector<T>(rows, H, RnnGrad<T>{H, relu, h, dh, d});
}
template <class T>
void lstm_grad(int64_t rows, int64_t H, const T* gates, const T* c_prev, const T* c, const T* dh,
               T* dc, T* d) {
  each_vector<T>(rows, H, LstmGrad<T>{H, gates, c_prev, c, dh, dc, d});
}
template <class T>
void gru_grad(int64_t rows, int64_t H, const T* gates, const T* h_prev, T* dh, T* d) {
  each_vector<T>(rows, H, GruGrad<T>{H, gates, h_prev, dh, d});
}

template <class T>
constexpr RecurrentKernels<T> kKernels = {pack<T>, product<T>,  accumulate<T>, rnn<T>,     lstm<T>,
                                          gru<T>,  rnn_grad<T>, lstm_grad<T>,  gru_grad<T>};

const RecurrentKernels<float>& kernels_f32() { return kKernels<float>; }
const RecurrentKernels<double>& kernels_f64() { return kKernels<double>; }

}  // namespace
}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tenon {
HWY_EXPORT(kernels_f32);
HWY_EXPORT(kernels_f64);

template <>
const RecurrentKernels<float>& recurrent_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f32)();
}
template <>
const RecurrentKernels<double>& recurrent_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f64)();
}
}  // namespace tenon
#endif
