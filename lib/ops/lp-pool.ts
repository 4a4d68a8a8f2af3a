/** @file Pooling by powers: (sum of x^p)^(1/p) over each window. */
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sizeOf } from '../shape.ts'
import { abs, mul, pow, relu, sign } from './elementwise.ts'
import { avgPool } from './pool.ts'
import { perAxis } from './spatial.ts'
import type { Pair, PerAxis, Single } from './spatial.ts'
import { asTensor, constant } from './table.ts'
import type { TensorLike } from './table.ts'

export interface LpPoolOptions<T extends PerAxis = Pair> {
  /** Default: the kernel's size. */
  stride?: T
  /** Keep a last window that leaves the image. Default: false. */
  ceilMode?: boolean
}

/** (sum of x^p)^(1/p) over each window of [B, C, L] or [C, L]; gradient 0 where the sum is 0. p = 1 gives sums. */
export function lpPool1d(x: TensorLike, p: number, kernelSize: Single, options: LpPoolOptions<Single> = {}): Tensor {
  return lpPool('lpPool1d', 1, x, p, kernelSize, options)
}

/** The same of images, [B, C, H, W] or [C, H, W]. */
export function lpPool2d(x: TensorLike, p: number, kernelSize: Pair, options: LpPoolOptions = {}): Tensor {
  return lpPool('lpPool2d', 2, x, p, kernelSize, options)
}

function lpPool(
  op: string,
  n: number,
  x: TensorLike,
  p: number,
  kernelSize: PerAxis,
  options: LpPoolOptions<PerAxis>,
): Tensor {
  checkOptions(op, options, ['stride', 'ceilMode'])
  if (!(p > 0) || p === Infinity) fail('VALUE', op, `p must be a number above 0, got ${p}.`)
  const elements = sizeOf(perAxis(op, 'kernelSize', kernelSize, n, 1))
  const t = asTensor(op, x)
  const means = avgPool(op, n, pow(t, constant(p, t.dtype)), kernelSize, options)
  // The same number, with a gradient of 0 at 0, where that of the root is infinite.
  const guarded = mul(sign(means), relu(abs(means)))
  return pow(mul(guarded, constant(elements, t.dtype)), constant(1 / p, t.dtype))
}
