/** @file Activations that are made of other ops. Those with rows of their own (relu, gelu, silu, ...) are in elementwise.ts, softmax is in normalize.ts. */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { normalizeAxis, showShape } from '../shape.ts'
import { abs, add, div, expm1, ge, gt, le, lt, mul, neg, sigmoid, softplus, sub, tanh, where } from './elementwise.ts'
import { narrow, reshape } from './layout.ts'
import { softmax } from './normalize.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'

/** A float tensor: integers become f32, as in other functions. */
function float(op: string, x: TensorLike): Tensor {
  const t = asTensor(op, x)
  return isFloat(t.dtype) ? t : cast(t, 'f32')
}

export interface EluOptions {
  /** Minus the limit on the left. Default: 1. */
  alpha?: number
}

/** x where x > 0, else alpha (exp(x) - 1) (Clevert et al. 2016). */
export function elu(x: TensorLike, options: EluOptions = {}): Tensor {
  checkOptions('elu', options, ['alpha'])
  const t = float('elu', x)
  return exponentialUnit(t, options.alpha ?? 1, 1, 1)
}

/** scale * elu(x, alpha) with the two numbers that keep mean 0 and variance 1 (Klambauer et al. 2017). */
export function selu(x: TensorLike): Tensor {
  return exponentialUnit(float('selu', x), 1.6732632423543772, 1, 1.0507009873554805)
}

/** x where x > 0, else alpha (exp(x / alpha) - 1): smooth at 0 for every alpha (Barron 2017). */
export function celu(x: TensorLike, options: EluOptions = {}): Tensor {
  checkOptions('celu', options, ['alpha'])
  const { alpha = 1 } = options
  if (alpha === 0) fail('VALUE', 'celu', 'alpha must not be 0.')
  return exponentialUnit(float('celu', x), alpha, 1 / alpha, 1)
}

/** scale * (x > 0 ? x : alpha (exp(x inner) - 1)); the gradient at 0 is that of the left side. */
function exponentialUnit(x: Tensor, alpha: number, inner: number, scale: number): Tensor {
  const right = gt(x, constant(0, x.dtype))
  // The exponential is kept from what it would overflow on: 0 * Infinity in its gradient.
  const left = where(right, constant(0, x.dtype), x)
  const y = where(right, x, mul(expm1(inner === 1 ? left : mul(left, inner)), alpha))
  return scale === 1 ? y : mul(y, scale)
}

/** x tanh(softplus(x)) (Misra 2020). */
export function mish(x: TensorLike): Tensor {
  const t = float('mish', x)
  return mul(t, tanh(softplus(t)))
}

export interface HardtanhOptions {
  /** Default: -1. */
  minVal?: number
  /** Default: 1. */
  maxVal?: number
}

/** x between minVal and maxVal, else the limit; gradient 0 at and beyond the limits. */
export function hardtanh(x: TensorLike, options: HardtanhOptions = {}): Tensor {
  checkOptions('hardtanh', options, ['minVal', 'maxVal'])
  const { minVal = -1, maxVal = 1 } = options
  if (!(minVal < maxVal)) fail('VALUE', 'hardtanh', `minVal must be below maxVal, got ${minVal} and ${maxVal}.`)
  return limited(float('hardtanh', x), minVal, maxVal)
}

/** min(max(x, 0), 6); gradient 0 at the limits. */
export function relu6(x: TensorLike): Tensor {
  return limited(float('relu6', x), 0, 6)
}

const limited = (x: Tensor, low: number, high: number) => where(le(x, low), low, where(ge(x, high), high, x))

/** x relu6(x + 3) / 6 (Howard et al. 2019); the gradient is -1/2 at -3, 1 at 3, as PyTorch's. */
export function hardswish(x: TensorLike): Tensor {
  const t = float('hardswish', x)
  const [right, inside] = [ge(t, 3), ge(t, -3)]
  // The product is kept from infinities, which its gradient would multiply by 0.
  const middle = where(right, 0, where(inside, t, 0))
  const y = mul(middle, mul(add(middle, 3), 1 / 6))
  return where(right, t, where(inside, y, mul(t, 0)))
}

/** relu6(x + 3) / 6; gradient 0 at -3 and 3. */
export function hardsigmoid(x: TensorLike): Tensor {
  const t = float('hardsigmoid', x)
  return mul(limited(add(t, 3), 0, 6), 1 / 6)
}

export interface ShrinkOptions {
  /** Default: 0.5. */
  lambd?: number
}

/** x where |x| > lambd, else 0. */
export function hardshrink(x: TensorLike, options: ShrinkOptions = {}): Tensor {
  checkOptions('hardshrink', options, ['lambd'])
  const t = float('hardshrink', x)
  return where(le(abs(t), options.lambd ?? 0.5), 0, t)
}

/** x - lambd where x > lambd, x + lambd where x < -lambd, else (at NaN too) 0. */
export function softshrink(x: TensorLike, options: ShrinkOptions = {}): Tensor {
  checkOptions('softshrink', options, ['lambd'])
  const { lambd = 0.5 } = options
  if (!(lambd >= 0)) fail('VALUE', 'softshrink', `lambd must be >= 0, got ${lambd}.`)
  const t = float('softshrink', x)
  return where(gt(t, lambd), sub(t, lambd), where(lt(t, -lambd), add(t, lambd), 0))
}

/** x - tanh(x). */
export function tanhshrink(x: TensorLike): Tensor {
  const t = float('tanhshrink', x)
  return sub(t, tanh(t))
}

/** x / (1 + |x|). */
export function softsign(x: TensorLike): Tensor {
  const t = float('softsign', x)
  return div(t, add(abs(t), 1))
}

export interface LeakyReluOptions {
  /** Default: 0.01. */
  negativeSlope?: number
}

/** x where x > 0, else negativeSlope x (Maas et al. 2013); the gradient at 0 is negativeSlope. */
export function leakyRelu(x: TensorLike, options: LeakyReluOptions = {}): Tensor {
  checkOptions('leakyRelu', options, ['negativeSlope'])
  const t = float('leakyRelu', x)
  return where(gt(t, 0), t, mul(t, options.negativeSlope ?? 0.01))
}

/** x where x > threshold, else value, with gradient 0. */
export function threshold(x: TensorLike, threshold: number, value: number): Tensor {
  const t = asTensor('threshold', x)
  return where(le(t, threshold), value, t)
}

/**
 * x where x > 0, else weight x: leakyRelu with slopes that are learnt, one ([1]) or one a channel ([C], of [B, C, ...])
 * (He et al. 2015).
 */
export function prelu(x: TensorLike, weight: TensorLike): Tensor {
  const t = float('prelu', x)
  const w = asTensor('prelu', weight)
  const channels = t.rank >= 2 ? t.shape[1]! : 1
  if (w.rank > 1 || (w.size !== 1 && w.size !== channels))
    fail('SHAPE', 'prelu', `needs a weight [1] or [${channels}] for ${showShape(t.shape)}, got ${showShape(w.shape)}.`)
  const slopes = w.size === 1 ? reshape(w, []) : reshape(w, [w.size, ...t.shape.slice(2).map(() => 1)])
  return where(gt(t, 0), t, mul(t, slopes))
}

/** a sigmoid(b), where a and b are the halves of x along an axis (Dauphin et al. 2017). */
export function glu(x: TensorLike, dim = -1): Tensor {
  const t = float('glu', x)
  const axis = normalizeAxis('glu', dim, t.rank)
  const size = t.shape[axis]!
  if (size % 2 !== 0) fail('SHAPE', 'glu', `needs an even number along axis ${dim}, got ${showShape(t.shape)}.`)
  return mul(narrow(t, axis, 0, size / 2), sigmoid(narrow(t, axis, size / 2, size / 2)))
}

/** softmax(-x). */
export function softmin(x: TensorLike, dim = -1): Tensor {
  return softmax(neg(float('softmin', x)), dim)
}
