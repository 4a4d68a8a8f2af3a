/** @file Where a token stands: sinusoids, rotation of queries and keys, and biases by distance. */
import { isFloat } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import { arange, tensor } from './create.ts'
import { abs, add, cos, exp, mul, neg, sin, sub } from './elementwise.ts'
import { concat, narrow, reshape, slice, stack } from './layout.ts'
import { asTensor, cast, constant, operand } from './table.ts'
import type { TensorLike } from './table.ts'

/** Where a sequence begins: a number (an operand of the plan), or an integer scalar. */
export type Offset = number | TensorLike

function positionsFrom(op: string, length: number, offset: Offset): Tensor {
  checkInteger(op, 'length', length, 0)
  const start =
    typeof offset === 'number' ? operand(checkInteger(op, 'offset', offset, 0), 'i64') : asTensor(op, offset)
  if (start.size !== 1) fail('SHAPE', op, `offset is one number, got ${showShape(start.shape)}.`)
  return add(arange(length), reshape(cast(start, 'i64'), []))
}

/** positions [T] -> angles [T, dim / 2], f64: position * frequency, by default base^(-2 i / dim). */
function anglesOf(
  op: string,
  positions: Tensor,
  dim: number,
  base: number,
  frequencies: readonly number[] | null = null,
): Tensor {
  if (dim % 2 !== 0 || dim < 2) fail('VALUE', op, `an even width is needed, got ${dim}.`)
  if (!(base > 0)) fail('VALUE', op, `base must be positive, got ${base}.`)
  const column = reshape(cast(positions, 'f64'), [positions.size, 1])
  if (frequencies) {
    if (frequencies.length !== dim / 2 || !frequencies.every(Number.isFinite))
      fail('VALUE', op, `frequencies must be ${dim / 2} finite numbers, got ${frequencies.length}.`)
    return mul(column, tensor(Float64Array.from(frequencies)))
  }
  const powers = mul(cast(arange(dim / 2), 'f64'), constant((-2 * Math.log(base)) / dim, 'f64'))
  return mul(column, exp(powers))
}

export interface SinusoidalOptions {
  /** Position of the first row. Default: 0. */
  offset?: Offset
  /** Default: 10000. */
  base?: number
  /** Default: 'f32'. */
  dtype?: DType
}

/** [length, dim]: sin(p base^(-2 i / dim)) at 2 i and the cosine at 2 i + 1 (Vaswani et al. 2017). Angles are taken in f64. */
export function sinusoidalEncoding(length: number, dim: number, options: SinusoidalOptions = {}): Tensor {
  checkOptions('sinusoidalEncoding', options, ['offset', 'base', 'dtype'])
  const { offset = 0, base = 10000, dtype = 'f32' } = options
  const angles = anglesOf('sinusoidalEncoding', positionsFrom('sinusoidalEncoding', length, offset), dim, base)
  return cast(reshape(stack([sin(angles), cos(angles)], 2), [length, dim]), dtype)
}

export interface RotaryOptions {
  /** Position of each row: integers [T]. Default: offset, offset + 1, ... */
  positions?: TensorLike | null
  /** Default: 0. */
  offset?: Offset
  /** Default: 10000. */
  base?: number
  /** The angle from one position to the next for each pair, [dim / 2], where it is not base^(-2 i / dim). */
  frequencies?: readonly number[] | null
  /** Pairs are neighbours (2 i, 2 i + 1), as in the paper; else (i, i + dim / 2), as in GPT-NeoX and Llama. Default: false. */
  isInterleaved?: boolean
  /** Only so many first features are rotated. Default: all. */
  rotaryDim?: number
}

/**
 * Rotates pairs of features of x [..., T, D] by angles that grow with the position, so that the product of a query and a key depends on
 * their distance (Su et al. 2021, "RoFormer"): (a, b) -> (a cos - b sin, b cos + a sin), angle p base^(-2 i / dim).
 */
export function rotaryEmbedding(x: TensorLike, options: RotaryOptions = {}): Tensor {
  checkOptions('rotaryEmbedding', options, ['positions', 'offset', 'base', 'frequencies', 'isInterleaved', 'rotaryDim'])
  const t = asTensor('rotaryEmbedding', x)
  if (t.rank < 2 || !isFloat(t.dtype))
    fail('SHAPE', 'rotaryEmbedding', `needs floats [..., T, D], got ${t.dtype} ${showShape(t.shape)}.`)
  const [length, width] = t.shape.slice(-2) as [number, number]
  const { offset = 0, base = 10000, isInterleaved = false, rotaryDim = width } = options
  checkInteger('rotaryEmbedding', 'rotaryDim', rotaryDim, 2, width)
  const positions = options.positions
    ? asTensor('rotaryEmbedding', options.positions)
    : positionsFrom('rotaryEmbedding', length, offset)
  if (positions.size !== length)
    fail('SHAPE', 'rotaryEmbedding', `positions must be [${length}], got ${showShape(positions.shape)}.`)
  const angles = anglesOf('rotaryEmbedding', positions, rotaryDim, base, options.frequencies)
  const turned = rotate(narrow(t, -1, 0, rotaryDim), angles, isInterleaved)
  return rotaryDim === width ? turned : concat([turned, narrow(t, -1, rotaryDim, width - rotaryDim)], -1)
}

function rotate(x: Tensor, angles: Tensor, isInterleaved: boolean): Tensor {
  const half = angles.shape[1]!
  const [c, s] = [cast(cos(angles), x.dtype), cast(sin(angles), x.dtype)]
  const axes = x.shape.map(() => null)
  const part = (i: number) =>
    isInterleaved
      ? slice(x, [...axes.slice(1), [i, null, 2]])
      : slice(x, [...axes.slice(1), [i * half, (i + 1) * half]])
  const [a, b] = [part(0), part(1)]
  const turned = [sub(mul(a, c), mul(b, s)), add(mul(b, c), mul(a, s))]
  return isInterleaved ? reshape(stack(turned, x.rank), x.shape) : concat(turned, -1)
}

export interface AlibiOptions {
  /** Position of the first query among the keys. Default: numKeys - numQueries. */
  offset?: Offset
  /** Default: 'f32'. */
  dtype?: DType
}

/**
 * [numHeads, numQueries, numKeys]: -slope |i - j|, what is added to scores (Press et al. 2022, "Train short, test long"). Slopes are
 * 2^(-8 / n), 2^(-16 / n), ... for n heads, a power of two; for another n those of the power below, and every other of the power above.
 */
export function alibiBias(
  numHeads: number,
  numQueries: number,
  numKeys = numQueries,
  options: AlibiOptions = {},
): Tensor {
  checkOptions('alibiBias', options, ['offset', 'dtype'])
  checkInteger('alibiBias', 'numHeads', numHeads, 1)
  checkInteger('alibiBias', 'numKeys', numKeys, 0)
  const { offset = Math.max(0, numKeys - numQueries), dtype = 'f32' } = options
  const queries = reshape(positionsFrom('alibiBias', numQueries, offset), [numQueries, 1])
  const distance = cast(abs(sub(queries, arange(numKeys))), dtype)
  const slopes = stack(slopesOf(numHeads).map((slope) => constant(slope, dtype)))
  return neg(mul(reshape(slopes, [numHeads, 1, 1]), distance))
}

function slopesOf(n: number): number[] {
  const power = 2 ** Math.floor(Math.log2(n))
  const first = Array.from({ length: power }, (_, i) => 2 ** ((-8 * (i + 1)) / power))
  const more = Array.from({ length: n - power }, (_, i) => 2 ** ((-8 * (2 * i + 1)) / (2 * power)))
  return [...first, ...more]
}
