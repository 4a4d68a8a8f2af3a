// Functions of vectors of f32. Polynomials are Chebyshev fits; errors in units in the last place
// are in native/test/map_test.cc, which measures them. Signs of zero, infinities and NaN are as in
// C's <math.h>.
#if defined(TENON_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TENON_VECTOR_MATH_INL_H_
#undef TENON_VECTOR_MATH_INL_H_
#else
#define TENON_VECTOR_MATH_INL_H_
#endif

#include <cmath>
#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tenon::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// c0 + c1 x + c2 x^2 + ..., by Horner's rule.
template <class D, class V, class... Rest>
HWY_INLINE V horner(D d, V x, double c0, Rest... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return hn::Set(d, static_cast<hn::TFromD<D>>(c0));
  } else {
    return hn::MulAdd(horner(d, x, rest...), x, hn::Set(d, static_cast<hn::TFromD<D>>(c0)));
  }
}

// min and max that keep a NaN in x, which Min and Max of the processor do not.
template <class D, class V>
HWY_INLINE V at_most(D d, V x, float most) {
  const V limit = hn::Set(d, most);
  return hn::IfThenElse(hn::Gt(x, limit), limit, x);
}
template <class D, class V>
HWY_INLINE V at_least(D d, V x, float least) {
  const V limit = hn::Set(d, least);
  return hn::IfThenElse(hn::Lt(x, limit), limit, x);
}

// 2^n for n in [-126, 127].
template <class D, class VI>
HWY_INLINE hn::Vec<D> power_of_two(D d, VI n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

// x = n ln 2 + r with |r| <= ln(2) / 2; the integer comes out of the low bits of a sum, which no
// NaN can trap.
template <class D, class V, class VI>
HWY_INLINE V reduce_by_ln2(D d, V x, V* n, VI* n_int) {
  const hn::RebindToSigned<D> di;
  const V magic = hn::Set(d, 12582912.0f);  // 1.5 * 2^23
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), magic);
  *n = hn::Sub(shifted, magic);
  *n_int = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, magic));
  const V high = hn::NegMulAdd(*n, hn::Set(d, 0.693359375f), x);  // exact: 9 bits times 8
  return hn::NegMulAdd(*n, hn::Set(d, -2.12194440e-4f), high);
}

// expm1(r) for |r| <= ln(2) / 2.
template <class D, class V>
HWY_INLINE V expm1_reduced(D d, V r) {
  const V q =
      horner(d, r, 0.5, 0.166665768946, 0.0416665544984, 0.00836319488242, 0.00139262033616);
  return hn::MulAdd(hn::Mul(r, r), q, r);
}

// x 2^n in two steps, because 2^n itself may lie outside the normal numbers.
template <class D, class V, class VI>
HWY_INLINE V scale_by(D d, V x, VI n) {
  const VI half = hn::ShiftRight<1>(n);
  return hn::Mul(hn::Mul(x, power_of_two(d, half)), power_of_two(d, hn::Sub(n, half)));
}

// exp(x + low), |low| < 0.1.
template <class D, class V>
HWY_INLINE V exp_sum(D d, V x, V low) {
  const hn::RebindToSigned<D> di;
  x = at_least(d, at_most(d, x, 89.0f), -105.0f);  // inf beyond, 0 beyond
  V n;
  hn::Vec<decltype(di)> n_int;
  const V r = hn::Add(reduce_by_ln2(d, x, &n, &n_int), low);
  return scale_by(d, hn::Add(hn::Set(d, 1.0f), expm1_reduced(d, r)), n_int);
}

template <class D, class V>
HWY_INLINE V exp(D d, V x) {
  return exp_sum(d, x, hn::Zero(d));
}

template <class D, class V>
HWY_INLINE V expm1(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V one = hn::Set(d, 1.0f);
  const V kept = at_least(d, at_most(d, x, 89.0f), -20.0f);
  V n;
  hn::Vec<decltype(di)> n_int;
  const V r = reduce_by_ln2(d, kept, &n, &n_int);
  // 2^n (expm1(r) + 1 - 2^-n); for n = 0 the ones cancel exactly.
  const V inverse = power_of_two(d, hn::Sub(hn::Zero(di), hn::Min(n_int, hn::Set(di, 126))));
  const V sum = hn::Add(expm1_reduced(d, r), hn::Sub(one, inverse));
  return hn::CopySign(scale_by(d, sum, n_int), x);
}

// log(x) for x > 0 and finite, subnormal numbers too.
template <class D, class V>
HWY_INLINE V log_positive(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto tiny = hn::Lt(x, hn::Set(d, 0x1p-126f));
  x = hn::IfThenElse(tiny, hn::Mul(x, hn::Set(d, 0x1p23f)), x);
  // x = 2^e m with m in [sqrt(1/2), sqrt(2)); 0x3f3504f3 is sqrt(1/2).
  const auto bits = hn::BitCast(di, x);
  const auto e = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));
  const V m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(e)));
  const V exponent = hn::Sub(hn::ConvertTo(d, e), hn::IfThenElseZero(tiny, hn::Set(d, 23.0f)));
  const V f = hn::Sub(m, hn::Set(d, 1.0f));
  const V f2 = hn::Mul(f, f);
  const V q =
      horner(d, f, 0.3333333118, -0.24999996958, 0.200007157489, -0.166678023195, 0.142490576457,
             -0.124256873315, 0.116854199235, -0.114797338466, 0.0697161147145);
  V y = hn::MulAdd(exponent, hn::Set(d, -2.12194440e-4f), hn::Mul(hn::Mul(f2, f), q));
  y = hn::Add(f, hn::NegMulAdd(hn::Set(d, 0.5f), f2, y));
  return hn::MulAdd(exponent, hn::Set(d, 0.693359375f), y);
}

template <class D, class V>
HWY_INLINE V log(D d, V x) {
  const V inf = hn::Set(d, std::numeric_limits<float>::infinity());
  const V nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  V y = hn::IfThenElse(hn::Lt(x, inf), log_positive(d, x), x);  // inf and NaN stay
  y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(inf), y);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), nan, y);
}

// log(u) x / (u - 1) with u = 1 + x rounded: the rounding cancels (Kahan).
template <class D, class V>
HWY_INLINE V log1p(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V u = hn::Add(one, x);
  const V y = hn::Mul(log(d, u), hn::Div(x, hn::Sub(u, one)));
  const V inf = hn::Set(d, std::numeric_limits<float>::infinity());
  return hn::IfThenElse(hn::Or(hn::Eq(u, one), hn::Eq(u, inf)), x, y);
}

template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  const V t = expm1(d, at_most(d, hn::Add(hn::Abs(x), hn::Abs(x)), 20.0f));
  return hn::CopySign(hn::Div(t, hn::Add(t, hn::Set(d, 2.0f))), x);
}

// 1 / (1 + exp(-x)), with an exponential that never overflows.
template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V e = exp(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

template <class D, class V>
HWY_INLINE V silu(D d, V x) {
  return hn::Mul(x, sigmoid(d, x));
}

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
template <class D, class V>
HWY_INLINE V softplus(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V e = exp(d, hn::Neg(hn::Abs(x)));
  const V u = hn::Add(one, e);
  const V y = hn::Mul(log_positive(d, u), hn::Div(e, hn::Sub(u, one)));
  return hn::Add(at_least(d, x, 0.0f), hn::IfThenElse(hn::Eq(u, one), e, y));
}

template <class D, class V>
HWY_INLINE V log_sigmoid(D d, V x) {
  return hn::Neg(softplus(d, hn::Neg(x)));
}

// exp(-x^2 scale) with x^2 as a sum of two terms, the first exact; scale a power of two, |x| <= 20.
template <class D, class V>
HWY_INLINE V exp_minus_square(D d, V x, float scale) {
  const hn::RebindToUnsigned<D> du;
  const V high = hn::BitCast(d, hn::And(hn::BitCast(du, x), hn::Set(du, 0xfffff000u)));
  const V low = hn::Mul(hn::Sub(x, high), hn::Add(x, high));
  const V minus = hn::Set(d, -scale);
  return exp_sum(d, hn::Mul(hn::Mul(high, high), minus), hn::Mul(low, minus));
}

// exp(z^2) erfc(z) for z in [0, 20]: a polynomial in (z - 2) / (z + 2), over 1 + 2 z, with one
// division for both.
template <class D, class V>
HWY_INLINE V scaled_erfc(D d, V z) {
  const V two = hn::Set(d, 2.0f);
  const V a = hn::Add(z, two);
  const V b = hn::MulAdd(z, two, hn::Set(d, 1.0f));
  const V inverse = hn::Div(hn::Set(d, 1.0f), hn::Mul(a, b));
  const V q = hn::Mul(hn::Mul(hn::Sub(z, two), b), inverse);
  const V p = horner(d, q, 1.276978381, -0.09276381889, -0.1660304167, 0.1640509751, -0.05421924279,
                     -0.008030480035, 0.008716286947, 0.001253063648, -0.001436822878,
                     -0.0004064128308, 0.0001826335652, 8.749492233e-5);
  return hn::Mul(p, hn::Mul(a, inverse));
}

template <class D, class V>
HWY_INLINE V erf(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V z = at_most(d, hn::Abs(x), 10.0f);
  const V far = hn::NegMulAdd(exp_minus_square(d, z, 1.0f), scaled_erfc(d, z), one);
  const V near =
      hn::Mul(z, horner(d, hn::Mul(z, z), 1.12837916585, -0.376126266667, 0.112835947152,
                        -0.0268542120106, 0.00518908742343, -0.000801686428717, 7.87587506269e-5));
  return hn::CopySign(hn::IfThenElse(hn::Lt(z, one), near, far), x);
}

template <class D, class V>
HWY_INLINE V erfc(D d, V x) {
  const V z = at_most(d, hn::Abs(x), 20.0f);
  const V y = hn::Mul(exp_minus_square(d, z, 1.0f), scaled_erfc(d, z));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(hn::Set(d, 2.0f), y), y);
}

// x Phi(x), Phi by erfc, so that the left tail keeps its digits.
template <class D, class V>
HWY_INLINE V gelu(D d, V x) {
  const V a = at_most(d, hn::Abs(x), 20.0f);
  const V z = hn::Mul(a, hn::Set(d, 0.707106781f));
  const V tail =
      hn::Mul(hn::Mul(exp_minus_square(d, a, 0.5f), hn::Set(d, 0.5f)), scaled_erfc(d, z));
  const V phi = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(hn::Set(d, 1.0f), tail));
  return hn::Mul(x, phi);
}

// x / 2 (1 + tanh(u)) = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3).
template <class D, class V>
HWY_INLINE V gelu_tanh(D d, V x) {
  const V factor = hn::MulAdd(hn::Mul(x, x), hn::Set(d, 0.0713548163f), hn::Set(d, 1.59576912f));
  return hn::Mul(x, sigmoid(d, hn::Mul(x, factor)));
}

// sin(x + quarter pi / 2) of f32 in lanes of f64: reduction and polynomial are then exact enough to
// be forgotten.
template <class D, class V>
HWY_INLINE V sin_shifted(D d, V x, int64_t quarter) {
  const hn::Rebind<double, D> dd;
  const hn::RebindToSigned<decltype(dd)> di;
  const auto one = hn::Set(dd, 1.0);
  const auto wide = hn::PromoteTo(dd, x);
  const auto magic = hn::Set(dd, 6755399441055744.0);  // 1.5 * 2^52
  const auto shifted = hn::MulAdd(wide, hn::Set(dd, 0.63661977236758134308), magic);
  const auto n = hn::Sub(shifted, magic);
  const auto quadrant = hn::Add(hn::BitCast(di, shifted), hn::Set(di, quarter));
  auto r =
      hn::NegMulAdd(n, hn::Set(dd, 1.57079632673412561417), wide);  // 33 bits: exact below 2^20
  r = hn::NegMulAdd(n, hn::Set(dd, 6.07710050650619224932e-11), r);
  const auto r2 = hn::Mul(r, r);
  const auto sine =
      hn::Mul(r, hn::MulAdd(r2,
                            horner(dd, r2, -0.166666666667, 0.00833333333106, -0.000198412668946,
                                   2.75559841731e-6, -2.48050112075e-8),
                            one));
  const auto cosine = hn::MulAdd(
      r2,
      horner(dd, r2, -0.5, 0.0416666666371, -0.00138888850624, 2.47998534195e-5, -2.72363290687e-7),
      one);
  const auto odd = hn::Eq(hn::And(quadrant, hn::Set(di, 1)), hn::Set(di, 1));
  const auto sign = hn::ShiftLeft<62>(hn::And(quadrant, hn::Set(di, 2)));
  const auto y = hn::IfThenElse(hn::RebindMask(dd, odd), cosine, sine);
  return hn::DemoteTo(d, hn::Xor(y, hn::BitCast(dd, sign)));
}

constexpr float kMaxAngle = 1e6f;  // beyond, the reduction above loses digits

template <class D, class V>
HWY_INLINE V sin_or_cos(D d, V x, bool cosine) {
  V y = sin_shifted(d, x, cosine ? 1 : 0);
  if (HWY_LIKELY(hn::AllTrue(d, hn::Le(hn::Abs(x), hn::Set(d, kMaxAngle))))) return y;
  HWY_ALIGN float angles[HWY_MAX_BYTES / sizeof(float)];
  HWY_ALIGN float values[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(x, d, angles);
  hn::Store(y, d, values);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    if (std::fabs(angles[i]) <= kMaxAngle) continue;
    values[i] = cosine ? std::cos(angles[i]) : std::sin(angles[i]);
  }
  return hn::Load(d, values);
}

}  // namespace tenon::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
