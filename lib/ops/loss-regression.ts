/** @file Losses of numbers: squared, absolute, Huber's, Poisson's and Gauss's likelihood. As composites. */
import { checkOptions, fail } from '../errors.ts'
import { customGrad } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sameShape, showShape } from '../shape.ts'
import { abs, add, clamp, div, exp, gt, le, log, lt, mul, square, sub, where } from './elementwise.ts'
import { unsqueeze } from './layout.ts'
import { checkNumber, floatInput, paired, reduceLoss } from './loss-reduction.ts'
import type { LossOptions } from './loss-reduction.ts'
import { constant, operand } from './table.ts'
import type { TensorLike } from './table.ts'

/** (input - target)^2. */
export function mseLoss(input: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  checkOptions('mseLoss', options, ['reduction'])
  const [x, t] = paired('mseLoss', input, target)
  return reduceLoss('mseLoss', square(sub(x, t)), options.reduction)
}

/** |input - target|; gradient 0 where they are equal. */
export function l1Loss(input: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  checkOptions('l1Loss', options, ['reduction'])
  const [x, t] = paired('l1Loss', input, target)
  return reduceLoss('l1Loss', abs(sub(x, t)), options.reduction)
}

export interface SmoothL1LossOptions extends LossOptions {
  /** Difference below which the loss is a square; 0 gives l1Loss. Default: 1. */
  beta?: number
}

/** d^2 / (2 beta) for d = |input - target| < beta, else d - beta / 2 (Girshick 2015, "Fast R-CNN"). */
export function smoothL1Loss(input: TensorLike, target: TensorLike, options: SmoothL1LossOptions = {}): Tensor {
  checkOptions('smoothL1Loss', options, ['reduction', 'beta'])
  const { beta = 1, reduction } = options
  checkNumber('smoothL1Loss', 'beta', beta, beta >= 0, 'is a number >= 0')
  const [x, t] = paired('smoothL1Loss', input, target)
  const d = abs(sub(x, t))
  if (beta === 0) return reduceLoss('smoothL1Loss', d, reduction)
  const near = mul(square(d), operand(0.5 / beta, x.dtype))
  const each = where(lt(d, operand(beta, x.dtype)), near, sub(d, operand(beta / 2, x.dtype)))
  return reduceLoss('smoothL1Loss', each, reduction)
}

export interface HuberLossOptions extends LossOptions {
  /** Difference up to which the loss is a square. Default: 1. */
  delta?: number
}

/** d^2 / 2 for d = |input - target| <= delta, else delta (d - delta / 2) (Huber 1964). */
export function huberLoss(input: TensorLike, target: TensorLike, options: HuberLossOptions = {}): Tensor {
  checkOptions('huberLoss', options, ['reduction', 'delta'])
  const { delta = 1, reduction } = options
  checkNumber('huberLoss', 'delta', delta, delta > 0, 'is a number > 0')
  const [x, t] = paired('huberLoss', input, target)
  const d = abs(sub(x, t))
  const limit = operand(delta, x.dtype)
  const far = mul(sub(d, operand(delta / 2, x.dtype)), limit)
  return reduceLoss('huberLoss', where(le(d, limit), mul(square(d), constant(0.5, x.dtype)), far), reduction)
}

export interface PoissonNllLossOptions extends LossOptions {
  /** The input is the logarithm of the rate. Default: true. */
  logInput?: boolean
  /** Add Stirling's approximation of log(target!) for targets above 1. Default: false. */
  full?: boolean
  /** Added to the rate under the logarithm, without logInput. Default: 1e-8. */
  eps?: number
}

/** exp(input) - target input; without logInput: input - target log(input + eps). */
export function poissonNllLoss(input: TensorLike, target: TensorLike, options: PoissonNllLossOptions = {}): Tensor {
  checkOptions('poissonNllLoss', options, ['reduction', 'logInput', 'full', 'eps'])
  const { logInput = true, full = false, eps = 1e-8, reduction } = options
  const [x, t] = paired('poissonNllLoss', input, target)
  let each = logInput ? sub(exp(x), mul(t, x)) : sub(x, mul(t, log(add(x, operand(eps, x.dtype)))))
  if (full) each = add(each, stirling(t))
  return reduceLoss('poissonNllLoss', each, reduction)
}

/** t log t - t + log(2 pi t) / 2 where t > 1, else 0. */
function stirling(t: Tensor): Tensor {
  const one = constant(1, t.dtype)
  const isLarge = gt(t, one)
  const safe = where(isLarge, t, one)
  const half = mul(log(mul(safe, constant(2 * Math.PI, t.dtype))), constant(0.5, t.dtype))
  return where(isLarge, add(sub(mul(safe, log(safe)), safe), half), constant(0, t.dtype))
}

export interface GaussianNllLossOptions extends LossOptions {
  /** Add log(2 pi) / 2. Default: false. */
  full?: boolean
  /** Smallest variance; the gradient passes as if there were none. Default: 1e-6. */
  eps?: number
}

/**
 * (log var + (input - target)^2 / var) / 2 with var >= eps (Nix & Weigend 1994). var has the input's shape, or size 1 along the last
 * axis, or lacks that axis.
 */
export function gaussianNllLoss(
  input: TensorLike,
  target: TensorLike,
  variance: TensorLike,
  options: GaussianNllLossOptions = {},
): Tensor {
  checkOptions('gaussianNllLoss', options, ['reduction', 'full', 'eps'])
  const { full = false, eps = 1e-6, reduction } = options
  checkNumber('gaussianNllLoss', 'eps', eps, eps > 0, 'is a number > 0')
  const [x, t] = paired('gaussianNllLoss', input, target)
  let v = floatInput('gaussianNllLoss', variance)
  const lead = x.shape.slice(0, -1)
  if (sameShape(v.shape, lead) && x.rank > 0) v = unsqueeze(v, -1)
  if (!sameShape(v.shape, x.shape) && !sameShape(v.shape, [...lead, 1])) {
    fail(
      'SHAPE',
      'gaussianNllLoss',
      `var must be ${showShape(x.shape)}, or have 1 along the last axis, got ${showShape(v.shape)}.`,
    )
  }
  const limited = customGrad(
    (given: Tensor) => clamp(given, eps),
    (dy) => [dy],
  )(v)
  const each = mul(add(log(limited), div(square(sub(x, t)), limited)), constant(0.5, x.dtype))
  const constantPart = constant(Math.log(2 * Math.PI) / 2, x.dtype)
  return reduceLoss('gaussianNllLoss', full ? add(each, constantPart) : each, reduction)
}
