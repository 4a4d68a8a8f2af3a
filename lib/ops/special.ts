/** @file Special functions: of gamma, Bessel, the normal distribution, and products with logarithms. f32 is computed in f64. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import {
  add,
  clamp,
  div,
  eq,
  erfc,
  exp,
  gt,
  isNan,
  le,
  log,
  log1p,
  logicalAnd,
  lt,
  mul,
  neg,
  sigmoid,
  sign,
  sin,
  square,
  sub,
  where,
} from './elementwise.ts'
import { binary, binaryRow, checkDomain, like, unary, wideUnary } from './elementwise-row.ts'
import { asTensor, cast, constant } from './table.ts'
import type { Arg, TensorLike } from './table.ts'

// The gamma function
/** log |Gamma(x)|; infinite at 0, -1, -2, ... Abramowitz & Stegun 6.1. */
export const lgamma = unary('lgamma', 'float', ({ dy, inputs: [x] }) => [mul(dy, digamma(x!))])
/** The derivative of lgamma; NaN at -1, -2, ... Abramowitz & Stegun 6.3. */
export const digamma = unary('digamma', 'float', ({ dy, inputs: [x] }) => [mul(dy, polygamma(1, x!))])

const polygammaRow = binaryRow('polygamma', ({ dy, inputs: [order, x] }) => [
  null,
  mul(dy, polygamma((order!.attrs as { value: number }).value + 1, x!)),
])

/** The n-th derivative of digamma; n is part of the plan's structure. Abramowitz & Stegun 6.4. */
export function polygamma(n: number, x: TensorLike): Tensor {
  checkInteger('polygamma', 'n', n, 0)
  const t = asTensor('polygamma', x)
  const y = isFloat(t.dtype) ? t : cast(t, 'f32')
  checkDomain('polygamma', 'float', y.dtype)
  return apply(polygammaRow, [constant(n, y.dtype), y], null, '')
}

/** log of the multivariate gamma function of dimension p: sum_i lgamma(x - i / 2), i in [0, p), plus p (p - 1) / 4 log(pi). */
export function multigammaln(x: TensorLike, p: number): Tensor {
  checkInteger('multigammaln', 'p', p, 1)
  const t = asTensor('multigammaln', x)
  let y = add(lgamma(t), ((p * (p - 1)) / 4) * Math.log(Math.PI))
  for (let i = 1; i < p; i++) y = add(y, lgamma(sub(t, i / 2)))
  return y
}

// Modified Bessel functions of the first kind. Abramowitz & Stegun 9.6, 9.7
/** Order 0. */
export const i0 = unary('i0', 'float', ({ dy, inputs: [x] }) => [mul(dy, i1(x!))])
/** Order 1. */
export const i1 = unary('i1', 'float', ({ dy, inputs: [x], outputs: [y] }) => [
  mul(dy, sub(i0(x!), overArgument(y!, x!))),
])
/** exp(-|x|) i0(x), which does not overflow. */
export const i0e = unary('i0e', 'float', ({ dy, inputs: [x], outputs: [y] }) => [
  mul(dy, sub(i1e(x!), mul(sign(x!), y!))),
])
/** exp(-|x|) i1(x), which does not overflow. */
export const i1e = unary('i1e', 'float', ({ dy, inputs: [x], outputs: [y] }) => [
  mul(dy, sub(sub(i0e(x!), mul(sign(x!), y!)), overArgument(y!, x!))),
])

/** I1(x) / x, 1/2 at 0. */
function overArgument(y: Tensor, x: Tensor): Tensor {
  const isZero = eq(x, like(x, 0))
  return where(isZero, like(x, 0.5), div(y, where(isZero, like(x, 1), x)))
}

// The normal distribution
/** The inverse of erf, infinite at -1 and 1, NaN beyond. Wichura 1988 (AS 241). */
export const erfinv = wideUnary('erfinv', ({ dy, outputs: [y] }) => [
  mul(dy, mul(exp(square(y!)), like(y!, Math.sqrt(Math.PI) / 2))),
])
/** exp(x^2) erfc(x), which does not underflow. */
export const erfcx = unary('erfcx', 'float', ({ dy, inputs: [x], outputs: [y] }) => [
  mul(dy, mul(sub(mul(x!, y!), like(x!, 1 / Math.sqrt(Math.PI))), like(x!, 2))),
])
/** P(X <= x) for a standard normal X. */
export function ndtr(x: TensorLike): Tensor {
  return mul(erfc(mul(asTensor('ndtr', x), -Math.SQRT1_2)), 0.5)
}
/** The inverse of ndtr: infinite at 0 and 1, NaN outside. Wichura 1988 (AS 241). */
export const ndtri = unary('ndtri', 'float', ({ dy, outputs: [y] }) => [
  mul(dy, mul(exp(mul(square(y!), like(y!, 0.5))), like(y!, Math.sqrt(2 * Math.PI)))),
])
/** log(ndtr(x)), which does not underflow. */
export const logNdtr = unary('logNdtr', 'float', ({ dy, inputs: [x] }) => [
  mul(dy, div(like(x!, Math.sqrt(2 / Math.PI)), erfcx(mul(x!, like(x!, -Math.SQRT1_2))))),
])

// Logarithms, and products with them
/** x log(y), 0 where x is 0. The gradient by x is 0 where x is 0 and y is not positive. */
export const xlogy = binary('xlogy', 'float', ({ dy, inputs: [x, y], needs }) => [
  needs(0) ? mul(dy, log(withoutPole(x!, y!, like(y!, 0), like(y!, 1)))) : null,
  needs(1) ? div(mul(dy, x!), y!) : null,
])
/** x log(1 + y), 0 where x is 0. The gradient by x is 0 where x is 0 and y is not above -1. */
export const xlog1py = binary('xlog1py', 'float', ({ dy, inputs: [x, y], needs }) => [
  needs(0) ? mul(dy, log1p(withoutPole(x!, y!, like(y!, -1), like(y!, 0)))) : null,
  needs(1) ? div(mul(dy, x!), add(y!, like(y!, 1))) : null,
])

/** y, but `instead` where x is 0 and y is at or below `pole`. */
function withoutPole(x: Tensor, y: Tensor, pole: Tensor, instead: Tensor): Tensor {
  return where(logicalAnd(eq(x, like(x, 0)), le(y, pole)), instead, y)
}

/** log(exp(x) + exp(y)) without overflow. */
export const logaddexp = binary('logaddexp', 'float', ({ dy, inputs: [x, y], needs }) => [
  needs(0) ? mul(dy, sigmoid(sub(x!, y!))) : null,
  needs(1) ? mul(dy, sigmoid(sub(y!, x!))) : null,
])
/** log2(2^x + 2^y) without overflow. */
export function logaddexp2(x: Arg, y: Arg): Tensor {
  return mul(logaddexp(mul(x as TensorLike, Math.LN2), mul(y as TensorLike, Math.LN2)), 1 / Math.LN2)
}

/** -x log(x): 0 at 0, -Infinity below. */
export function entr(x: TensorLike): Tensor {
  const t = asTensor('entr', x)
  const zero = constant(0, isFloat(t.dtype) ? t.dtype : 'f32')
  const isPositive = gt(t, zero)
  const inside = where(isPositive, t, constant(1, zero.dtype))
  const outside = where(lt(t, zero), -Infinity, where(isNan(t), t, zero))
  return where(isPositive, neg(mul(inside, log(inside))), outside)
}

export interface LogitOptions {
  /** x is taken into [eps, 1 - eps] first; gradient 0 outside. Default: null, as it is; NaN outside of [0, 1] then. */
  eps?: number | null
}

/** log(x / (1 - x)), the inverse of sigmoid. */
export function logit(x: TensorLike, options: LogitOptions = {}): Tensor {
  checkOptions('logit', options, ['eps'])
  const { eps = null } = options
  if (eps !== null && !(eps >= 0 && eps <= 0.5)) fail('VALUE', 'logit', `eps must lie in [0, 0.5], got ${eps}.`)
  const t = asTensor('logit', x)
  const p = eps === null ? t : clamp(t, eps, 1 - eps)
  return sub(log(p), log1p(neg(p)))
}

/** sin(pi x) / (pi x), 1 at 0; its gradient at 0 is the constant 0, so the second one is 0 there too. */
export function sinc(x: TensorLike): Tensor {
  const t = mul(asTensor('sinc', x), Math.PI)
  const isZero = eq(t, 0)
  const angle = where(isZero, 1, t)
  return where(isZero, 1, div(sin(angle), angle))
}
