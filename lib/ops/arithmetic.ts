/** @file Arithmetic beside that of elementwise.ts: extremes without NaN, signs, steps, interpolation, products with sums, nearness. */
import { isFloat } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import {
  abs,
  add,
  div,
  eq,
  exp2,
  floorDivide,
  ge,
  gt,
  isFinite,
  isInf,
  isNan,
  le,
  logicalAnd,
  logicalOr,
  lt,
  mul,
  pow,
  sign,
  sub,
  trunc,
  where,
} from './elementwise.ts'
import { binary, like, unary } from './elementwise-row.ts'
import { all } from './reduction.ts'
import { asTensor, cast, constant, isScalar, NOT_FLOAT, promoted } from './table.ts'
import type { Arg, TensorLike } from './table.ts'

// Extremes
/** The larger of two; a number beats NaN. Where equal, x takes the gradient. */
export function fmax(x: Arg, y: Arg): Tensor {
  const [a, b] = promoted('fmax', x, y)
  return where(unlessNan(ge(a, b), b), a, b)
}
/** The smaller of two; a number beats NaN. Where equal, x takes the gradient. */
export function fmin(x: Arg, y: Arg): Tensor {
  const [a, b] = promoted('fmin', x, y)
  return where(unlessNan(le(a, b), b), a, b)
}

const unlessNan = (wins: Tensor, other: Tensor) => (isFloat(other.dtype) ? logicalOr(wins, isNan(other)) : wins)

// Signs and neighbours
/** Whether the sign bit is set: also of -0. */
export const signbit = unary('signbit', 'any', NOT_FLOAT, 'bool')
/** |x| with the sign of y; gradient 0 where x is 0. */
export const copysign = binary('copysign', 'float', ({ dy, inputs: [x, y] }) => [
  mul(dy, mul(sign(x!), copysign(like(y!, 1), y!))),
  null,
])
/** The float next to x towards y; gradient 1 by x. */
export const nextafter = binary('nextafter', 'float', ({ dy }) => [dy, null])
/** x as it is. */
export const positive = (x: TensorLike): Tensor => asTensor('positive', x)
/** Whether it is Infinity. */
export const isPosInf = (x: TensorLike): Tensor => logicalAnd(isInf(x), gt(x, 0))
/** Whether it is -Infinity. */
export const isNegInf = (x: TensorLike): Tensor => logicalAnd(isInf(x), lt(x, 0))

// Parts and units
/** x without its integer part, with its sign; gradient 1. */
export function frac(x: TensorLike): Tensor {
  return sub(x, trunc(x))
}
/** Degrees as radians. */
export const deg2rad = (x: TensorLike): Tensor => mul(x, Math.PI / 180)
/** Radians as degrees. */
export const rad2deg = (x: TensorLike): Tensor => mul(x, 180 / Math.PI)

/** sqrt(x^2 + y^2) without overflow; the gradient at (0, 0) is NaN. */
export const hypot = binary('hypot', 'float', ({ dy, inputs: [x, y], outputs: [r], needs }) => [
  needs(0) ? mul(dy, div(x!, r!)) : null,
  needs(1) ? mul(dy, div(y!, r!)) : null,
])

/** 0 where x < 0 (or NaN), values where x is 0, 1 where x > 0; the gradient goes to values alone. */
export function heaviside(x: TensorLike, values: TensorLike): Tensor {
  const [t, v] = promoted('heaviside', x, values)
  return where(eq(t, 0), v, cast(gt(t, 0), t.dtype))
}

// Sums with products
/** start + weight (end - start), exact at both ends. */
export function lerp(start: TensorLike, end: TensorLike, weight: Arg): Tensor {
  const [a, b] = promoted('lerp', start, end)
  const w = isScalar(weight) ? mul(constant(1, a.dtype), weight) : weight
  const span = sub(b, a)
  return where(lt(w, 0.5), add(a, mul(w, span)), sub(b, mul(span, sub(1, w))))
}

export interface ValueOptions {
  /** Factor of the product. Default: 1. */
  value?: number
}

/** input + value * x * y. */
export function addcmul(input: TensorLike, x: TensorLike, y: TensorLike, options: ValueOptions = {}): Tensor {
  checkOptions('addcmul', options, ['value'])
  return add(input, mul(x, y), { alpha: options.value })
}

/** input + value * x / y. */
export function addcdiv(input: TensorLike, x: TensorLike, y: TensorLike, options: ValueOptions = {}): Tensor {
  checkOptions('addcdiv', options, ['value'])
  return add(input, div(x, y), { alpha: options.value })
}

/** y - alpha x. */
export function rsub(x: Arg, y: Arg, options?: { alpha?: number }): Tensor {
  return sub(y, x, options)
}

/** x 2^n. */
export function ldexp(x: TensorLike, n: Arg): Tensor {
  return mul(x, isScalar(n) ? 2 ** Number(n) : exp2(n))
}

/** x to the power e, in f64. */
export function floatPower(x: Arg, e: Arg): Tensor {
  const wide = (arg: Arg) => (isScalar(arg) ? arg : cast(arg, 'f64'))
  return pow(wide(x), wide(e))
}

// Integers
/** Greatest common divisor, never negative; gcd(0, 0) is 0. */
export const gcd = binary('gcd', 'integer', NOT_FLOAT)
/** Least common multiple, never negative; 0 where one of them is 0. */
export function lcm(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promoted('lcm', x, y)
  // An integer divided by 0 is 0.
  return abs(mul(floorDivide(a, gcd(a, b)), b))
}

// What is not a number, and what is near
const largest: Partial<Record<DType, number>> = {
  f64: Number.MAX_VALUE,
  f32: (2 - 2 ** -23) * 2 ** 127,
  f16: 65504,
  bf16: (2 - 2 ** -7) * 2 ** 127,
}

export interface NanToNumOptions {
  /** What NaN becomes. Default: 0. */
  nan?: number | null
  /** What Infinity becomes. Default: the largest number of the dtype. */
  posinf?: number | null
  /** What -Infinity becomes. Default: minus the largest number of the dtype. */
  neginf?: number | null
}

/** x with numbers in the place of NaN and infinities; gradient 0 there. */
export function nanToNum(x: TensorLike, options: NanToNumOptions = {}): Tensor {
  checkOptions('nanToNum', options, ['nan', 'posinf', 'neginf'])
  const t = asTensor('nanToNum', x)
  const most = largest[t.dtype]
  if (most === undefined) return t
  const { nan, posinf, neginf } = options
  const bounded = where(eq(t, Infinity), posinf ?? most, where(eq(t, -Infinity), neginf ?? -most, t))
  return where(isNan(t), nan ?? 0, bounded)
}

export interface IsCloseOptions {
  /** Of |y|. Default: 1e-5. */
  rtol?: number
  /** Default: 1e-8. */
  atol?: number
  /** Whether NaN is close to NaN. Default: false. */
  equalNan?: boolean
}

/** Whether |x - y| <= atol + rtol |y|, or both are equal. */
export function isClose(x: TensorLike, y: TensorLike, options: IsCloseOptions = {}): Tensor {
  checkOptions('isClose', options, ['rtol', 'atol', 'equalNan'])
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options
  if (!(rtol >= 0 && atol >= 0)) fail('VALUE', 'isClose', `rtol and atol must be >= 0, got ${rtol} and ${atol}.`)
  const [a, b] = promoted('isClose', x, y)
  const equal = equalNan && isFloat(a.dtype) ? logicalOr(eq(a, b), logicalAnd(isNan(a), isNan(b))) : eq(a, b)
  if (a.dtype === 'bool') return equal
  const off = abs(sub(a, b))
  const near = le(off, add(mul(abs(b), rtol), atol))
  return logicalOr(equal, logicalAnd(isFinite(off), near))
}

/** Whether all elements are close: a bool scalar. */
export function allClose(x: TensorLike, y: TensorLike, options?: IsCloseOptions): Tensor {
  return all(isClose(x, y, options))
}
