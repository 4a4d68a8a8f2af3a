/** @file What ops over images of one to three dimensions share: numbers an axis, inputs with or without a batch, axes as views of two. */
import { isFloat } from '../dtype.ts'
import { checkInteger, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import { reshape } from './layout.ts'
import { asTensor } from './table.ts'
import type { TensorLike } from './table.ts'

export type Single = number | readonly [number]
export type Pair = number | readonly [number, number]
export type Triple = number | readonly [number, number, number]
/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[]

/** Kernels count no further. */
const MOST = 2 ** 30

/** `n` integers of at least `low`. */
export function perAxis(op: string, name: string, value: PerAxis, n: number, low: number): number[] {
  const list = typeof value === 'number' ? new Array<number>(n).fill(value) : [...value]
  if (list.length !== n) fail('VALUE', op, `${name} must be one number or ${n}, got ${showShape(list)}.`)
  for (const item of list) checkInteger(op, name, item, low, MOST)
  return list
}

/** The names of n spatial axes, for messages. */
export const axisNames = (n: number): string => (n === 1 ? 'L' : n === 2 ? 'H, W' : 'D, H, W')

/** An input [B, C, ...] of n spatial axes, with its batch, and what drops that again where it was not given. */
export interface Images {
  readonly t: Tensor
  /** Sizes of the spatial axes. */
  readonly image: readonly number[]
  readonly restore: (y: Tensor) => Tensor
}

export function images(op: string, x: TensorLike, n: number): Images {
  const given = asTensor(op, x)
  if (given.rank !== n + 2 && given.rank !== n + 1) {
    fail('SHAPE', op, `needs [B, C, ${axisNames(n)}] or [C, ${axisNames(n)}], got ${showShape(given.shape)}.`)
  }
  if (!isFloat(given.dtype)) fail('DTYPE', op, `needs floats, got ${given.dtype}.`)
  const hasBatch = given.rank === n + 2
  return {
    t: hasBatch ? given : reshape(given, [1, ...given.shape]),
    image: given.shape.slice(-n),
    restore: (y) => (hasBatch ? y : reshape(y, y.shape.slice(1))),
  }
}
