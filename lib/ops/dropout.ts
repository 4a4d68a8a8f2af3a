/** @file Dropout of whole channels, and dropout that keeps mean and variance (for SELU). What drops single elements is in random.ts. */
import { isFloat } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { add, mul, where } from './elementwise.ts'
import { bernoulli, checkProbability } from './random.ts'
import { images } from './spatial.ts'
import { asTensor, constant, operand } from './table.ts'
import type { TensorLike } from './table.ts'

/** Zeroes whole channels of [B, C, L] or [C, L] with probability p and scales the others by 1 / (1 - p) (Tompson et al. 2015). */
export const dropout1d = (x: TensorLike, p = 0.5, training = true): Tensor => channels('dropout1d', 1, x, p, training)
/** The same of images, [B, C, H, W] or [C, H, W]. */
export const dropout2d = (x: TensorLike, p = 0.5, training = true): Tensor => channels('dropout2d', 2, x, p, training)
/** The same of volumes, [B, C, D, H, W] or [C, D, H, W]. */
export const dropout3d = (x: TensorLike, p = 0.5, training = true): Tensor => channels('dropout3d', 3, x, p, training)

function channels(op: string, n: number, x: TensorLike, p: number, training: boolean): Tensor {
  const { t, restore } = images(op, x, n)
  checkProbability(op, p)
  if (!training || p === 0) return restore(t)
  const keep = bernoulli([...t.shape.slice(0, 2), ...t.shape.slice(2).map(() => 1)], 1 - p)
  return restore(mul(t, where(keep, operand(p < 1 ? 1 / (1 - p) : 0, t.dtype), constant(0, t.dtype))))
}

/** Where SELU ends for x -> -inf, negated: its scale times its alpha. */
const SELU_END = 1.7580993408473766

/**
 * Puts the lower end of SELU where it drops, with probability p, then scales and shifts so that mean 0 and variance 1 stay
 * (Klambauer et al. 2017). Identity unless `training`.
 */
export function alphaDropout(x: TensorLike, p = 0.5, training = true): Tensor {
  const t = asTensor('alphaDropout', x)
  return keepingMoments('alphaDropout', t, t.shape, p, training)
}

/** alphaDropout of whole channels of [B, C, ...]. */
export function featureAlphaDropout(x: TensorLike, p = 0.5, training = true): Tensor {
  const t = asTensor('featureAlphaDropout', x)
  return keepingMoments(
    'featureAlphaDropout',
    t,
    t.shape.map((size, i) => (i < 2 ? size : 1)),
    p,
    training,
  )
}

function keepingMoments(op: string, t: Tensor, mask: readonly number[], p: number, training: boolean): Tensor {
  checkProbability(op, p)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}.`)
  if (!training || p === 0) return t
  const scale = p < 1 ? 1 / Math.sqrt((SELU_END ** 2 * p + 1) * (1 - p)) : 0
  const shift = operand(SELU_END * scale * p, t.dtype)
  const end = operand(-SELU_END * scale * (1 - p), t.dtype)
  return where(bernoulli(mask, 1 - p), add(mul(t, operand(scale, t.dtype)), shift), end)
}
