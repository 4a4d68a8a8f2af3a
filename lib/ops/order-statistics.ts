/** @file Medians, quantiles, modes: what is read off sorted lines. */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { detach } from '../graph/gradient.ts'
import { Tensor } from '../graph/tensor.ts'
import { normalizeAxis, showShape } from '../shape.ts'
import { iota, onesLike, tensor } from './create.ts'
import { cummax } from './cumulative.ts'
import type { ValuesAndIndices } from './pool.ts'
import { add, ceil, clamp, div, eq, floor, gt, isNan, mul, ne, round, sub, where } from './elementwise.ts'
import { gather } from './indexing.ts'
import { concat, expand, narrow, reshape, squeeze, transpose, unsqueeze } from './layout.ts'
import { argMax, sum } from './reduction.ts'
import type { ReduceOptions } from './reduction.ts'
import { sort } from './sort.ts'
import { asTensor, cast, constant, isScalar } from './table.ts'
import type { TensorLike } from './table.ts'

/** How many of each line [..., n] are no numbers, [..., 1], i64. */
function countNan(x: Tensor): Tensor {
  if (!isFloat(x.dtype)) return constant(0, 'i64')
  return sum(cast(isNan(x), 'i64'), -1, { keepDims: true })
}

/** x with an axis last, [..., n]; without one, all of x. Refuses lines of nothing. */
function lines(op: string, x: TensorLike, axis?: number): Tensor {
  const t = asTensor(op, x)
  const y = axis === undefined || t.rank === 0 ? reshape(t, [t.size]) : transpose(t, axis, -1)
  if (axis !== undefined) normalizeAxis(op, axis, Math.max(1, t.rank))
  if (y.shape[y.rank - 1] === 0) fail('SHAPE', op, `an empty axis has no ${op}, got ${showShape(t.shape)}.`)
  return y
}

/** One number a line, [..., 1], under the shape that a reduction of x over the axis has. */
function reduced(y: Tensor, x: TensorLike, axis: number | undefined, keepDims = false): Tensor {
  const { rank } = asTensor('reshape', x)
  if (axis === undefined || rank === 0) return reshape(y, keepDims ? new Array<number>(rank).fill(1) : [])
  const kept = transpose(y, axis, -1)
  return keepDims ? kept : squeeze(kept, axis)
}

/** The middle element of each line (of two the lower), [..., 1]; NaN if one is there, or of the numbers only. */
function middles(t: Tensor, skipNan: boolean): ValuesAndIndices {
  const n = t.shape[t.rank - 1]!
  const { values, indices } = sort(t)
  const numNan = countNan(t)
  const middleOf = (count: Tensor) => clamp(floor(div(cast(sub(count, 1), 'f64'), 2)), 0)
  const count = constant(n, 'i64')
  const at = skipNan
    ? middleOf(sub(count, numNan))
    : where(gt(numNan, 0), cast(sub(count, numNan), 'f64'), middleOf(count))
  const index = expand(cast(at, 'i64'), [...t.shape.slice(0, -1), 1])
  return { values: gather(values, -1, index), indices: gather(indices, -1, index) }
}

/** The median of all: equal elements share the gradient, as PyTorch has it. */
function medianOfAll(x: TensorLike, op: string, skipNan: boolean): Tensor {
  const t = lines(op, x)
  const value = detach(middles(t, skipNan).values)
  if (!isFloat(t.dtype)) return reshape(value, [])
  const isMiddle = eq(t, value)
  const shares = where(isMiddle, sub(t, value), 0)
  const numMiddle = clamp(sum(cast(isMiddle, t.dtype), -1, { keepDims: true }), 1)
  return reshape(add(value, div(sum(shares, -1, { keepDims: true }), numMiddle)), [])
}

function median0(
  op: string,
  skipNan: boolean,
  x: TensorLike,
  axis?: number,
  options: ReduceOptions = {},
): ValuesAndIndices {
  checkOptions(op, options, ['keepDims'])
  const { values, indices } = middles(lines(op, x, axis), skipNan)
  const finish = (y: Tensor) => reduced(y, x, axis, options.keepDims)
  return { values: finish(values), indices: finish(indices) }
}

/** The middle element along an axis, or of all (of two the lower); NaN if there is one. The gradient goes to it; of all, equal ones share it. */
export function median(x: TensorLike, axis?: number, options?: ReduceOptions): Tensor {
  return axis === undefined && !options?.keepDims
    ? medianOfAll(x, 'median', false)
    : median0('median', false, x, axis, options).values
}

/** The median along an axis, and where it stands. */
export function medianWithIndices(x: TensorLike, axis: number, options?: ReduceOptions): ValuesAndIndices {
  return median0('medianWithIndices', false, x, axis, options)
}

/** The median of what is not NaN; NaN if nothing is left. */
export function nanmedian(x: TensorLike, axis?: number, options?: ReduceOptions): Tensor {
  return axis === undefined && !options?.keepDims
    ? medianOfAll(x, 'nanmedian', true)
    : median0('nanmedian', true, x, axis, options).values
}

/** The same along an axis, and where it stands. */
export function nanmedianWithIndices(x: TensorLike, axis: number, options?: ReduceOptions): ValuesAndIndices {
  return median0('nanmedianWithIndices', true, x, axis, options)
}

/** The most frequent element along an axis (of equally frequent ones the smallest), and where the last of them stands. */
export function mode(x: TensorLike, axis = -1, options: ReduceOptions = {}): ValuesAndIndices {
  checkOptions('mode', options, ['keepDims'])
  const t = lines('mode', x, axis)
  const n = t.shape[t.rank - 1]!
  const { values, indices } = sort(t)
  const starts = concat(
    [cast(onesLike(narrow(t, -1, 0, 1)), 'bool'), ne(narrow(values, -1, 1, n - 1), narrow(values, -1, 0, n - 1))],
    -1,
  )
  const position = iota([n], 'i64')
  const runStart = cummax(where(starts, position, constant(0, 'i64')), -1).values
  const at = argMax(sub(position, runStart), -1, { keepDims: true })
  const finish = (y: Tensor) => reduced(gather(y, -1, at), x, axis, options.keepDims)
  return { values: finish(values), indices: finish(indices) }
}

export interface QuantileOptions extends ReduceOptions {
  /** Which number stands for a position between two elements. Default: 'linear'. */
  interpolation?: 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest'
}

const MODES = ['linear', 'lower', 'higher', 'midpoint', 'nearest']

/**
 * The numbers below which the parts q in [0, 1] of the elements lie, along an axis or of all. Several q (a list or a vector) give a new
 * first axis. NaN if there is one.
 */
export function quantile(
  x: TensorLike,
  q: number | readonly number[] | TensorLike,
  axis?: number,
  options: QuantileOptions = {},
): Tensor {
  return quantiles('quantile', false, x, q, axis, options)
}

/** The quantiles of what is not NaN; NaN if nothing is left. */
export function nanquantile(
  x: TensorLike,
  q: number | readonly number[] | TensorLike,
  axis?: number,
  options: QuantileOptions = {},
): Tensor {
  return quantiles('nanquantile', true, x, q, axis, options)
}

function quantiles(
  op: string,
  skipNan: boolean,
  x: TensorLike,
  q: number | readonly number[] | TensorLike,
  axis: number | undefined,
  options: QuantileOptions,
): Tensor {
  checkOptions(op, options, ['keepDims', 'interpolation'])
  const { interpolation = 'linear', keepDims = false } = options
  if (!MODES.includes(interpolation))
    fail('VALUE', op, `interpolation is one of ${MODES.join(', ')}, got ${String(interpolation)}.`)
  const t = lines(op, x, axis)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}. Cast first: x.cast('f32').`)
  const parts = partsOf(op, q)
  const ranks = ranksOf(t, reshape(parts, [parts.size]), skipNan)
  const y = between(sort(t).values, ranks, interpolation)
  const all = Array.from({ length: parts.size }, (_, i) => reduced(narrow(y, -1, i, 1), x, axis, keepDims))
  if (parts.rank === 0) return all[0]!
  if (all.length === 0) return narrow(unsqueeze(reduced(narrow(t, -1, 0, 1), x, axis, keepDims), 0), 0, 0, 0)
  return concat(
    all.map((one) => unsqueeze(one, 0)),
    0,
  )
}

function partsOf(op: string, q: number | readonly number[] | TensorLike): Tensor {
  if (isScalar(q as number) || Array.isArray(q)) {
    const list = isScalar(q as number) ? [q as number] : (q as readonly number[])
    for (const part of list) if (!(part >= 0 && part <= 1)) fail('VALUE', op, `q lies in [0, 1], got ${part}.`)
    return tensor(Float64Array.from(list), { shape: Array.isArray(q) ? [list.length] : [] })
  }
  const t = asTensor(op, q as TensorLike)
  if (t.rank > 1) fail('SHAPE', op, `q is a number or a vector, got ${showShape(t.shape)}.`)
  return cast(t, 'f64')
}

/** Positions in the sorted lines, [..., number of q], f64. NaN stands at the end of them. */
function ranksOf(t: Tensor, q: Tensor, skipNan: boolean): Tensor {
  const last = t.shape[t.rank - 1]! - 1
  const numNan = countNan(t)
  const ranks = skipNan
    ? clamp(mul(cast(sub(constant(last, 'i64'), numNan), 'f64'), q), 0)
    : where(gt(numNan, 0), constant(last, 'f64'), mul(q, last))
  return expand(ranks, [...t.shape.slice(0, -1), q.size])
}

function between(sorted: Tensor, ranks: Tensor, interpolation: string): Tensor {
  const at = (position: Tensor) => gather(sorted, -1, cast(position, 'i64'))
  if (interpolation === 'lower') return at(floor(ranks))
  if (interpolation === 'higher') return at(ceil(ranks))
  if (interpolation === 'nearest') return at(round(ranks))
  const [low, high] = [at(floor(ranks)), at(ceil(ranks))]
  const weight = interpolation === 'midpoint' ? constant(0.5, low.dtype) : cast(sub(ranks, floor(ranks)), low.dtype)
  return add(low, mul(sub(high, low), weight))
}
