/** @file Histograms: how many elements lie in each of a number of bins. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { sameShape, showShape } from '../shape.ts'
import { iota, ones, onesLike } from './create.ts'
import { diff } from './cumulative.ts'
import { add, div, eq, ge, le, logicalAnd, minimum, mul, sub, where } from './elementwise.ts'
import { takeAdd } from './indexing.ts'
import { narrow, reshape } from './layout.ts'
import { max, min, sum } from './reduction.ts'
import { searchsorted } from './sort.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'

function flatFloats(op: string, x: TensorLike): Tensor {
  const t = asTensor(op, x)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}. Cast first: x.cast('f32').`)
  return reshape(t, [t.size])
}

/** The two ends of the bins, f64 scalars: as given, or the extremes; a range of one number is widened by 1 at both ends if it was not given. */
function rangeOf(op: string, t: Tensor, given: readonly [number, number] | null): [Tensor, Tensor] {
  const number = (value: number) => constant(value, 'f64')
  if (given !== null) {
    const [low, high] = given
    if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
      fail('VALUE', op, `a range has a low and a high end, got ${low} and ${high}.`)
    if (low < high) return [number(low), number(high)]
    return [number(low - 1), number(high + 1)]
  }
  if (t.size === 0) return [number(0), number(1)]
  const wide = cast(t, 'f64')
  const [low, high] = [min(wide), max(wide)]
  const isPoint = eq(low, high)
  return [where(isPoint, sub(low, number(1)), low), where(isPoint, add(high, number(1)), high)]
}

export interface HistcOptions {
  /** Number of bins. Default: 100. */
  bins?: number
  /** The range. Default: both 0, which stands for the extremes of x. */
  min?: number
  max?: number
}

/** How many elements lie in each of `bins` bins of equal width; the last includes its end. Others, and NaN, are left out. */
export function histc(x: TensorLike, options: HistcOptions = {}): Tensor {
  checkOptions('histc', options, ['bins', 'min', 'max'])
  const { bins = 100, min: from = 0, max: to = 0 } = options
  checkInteger('histc', 'bins', bins, 1)
  const t = flatFloats('histc', x)
  const [low, high] = rangeOf('histc', t, from === to && from === 0 ? null : [from, to])
  const wide = cast(t, 'f64')
  const at = div(mul(sub(wide, low), constant(bins, 'f64')), sub(high, low))
  const isInside = logicalAnd(ge(wide, low), le(wide, high))
  const bin = minimum(cast(where(isInside, at, constant(0, 'f64')), 'i64'), constant(bins - 1, 'i64'))
  return counted(where(isInside, bin, constant(bins, 'i64')), onesLike(t), bins)
}

/** Adds up weights by bin; those of bin `bins` are left out. */
const counted = (bin: Tensor, weights: Tensor, bins: number): Tensor =>
  narrow(takeAdd(bin, weights, 0, [bins + 1]), 0, 0, bins)

export interface HistogramOptions {
  /** Of a number of bins. Default: the extremes of x. */
  range?: readonly [number, number]
  /** What each element counts: as x. Default: 1. */
  weight?: TensorLike
  /** Divide by the total and the width of the bin, so that the integral is 1. Default: false. */
  density?: boolean
}

/**
 * Histogram over a number of bins of equal width, or between ascending edges [n + 1]: how much lies in each, and the edges. A bin includes
 * its lower edge, the last one both. Others, and NaN, are left out.
 */
export function histogram(
  x: TensorLike,
  bins: number | TensorLike,
  options: HistogramOptions = {},
): { hist: Tensor; edges: Tensor } {
  checkOptions('histogram', options, ['range', 'weight', 'density'])
  const t = flatFloats('histogram', x)
  const edges = edgesOf(t, bins, options.range ?? null)
  const n = edges.size - 1
  const last = narrow(edges, 0, n, 1)
  const isInside = logicalAnd(ge(t, narrow(edges, 0, 0, 1)), le(t, last))
  const found = sub(searchsorted(edges, t, { right: true }), constant(1, 'i64'))
  const bin = where(isInside, minimum(found, constant(n - 1, 'i64')), constant(n, 'i64'))
  const hist = counted(bin, weightOf(t, x, options.weight), n)
  if (!options.density) return { hist, edges }
  return { hist: div(div(hist, sum(hist)), diff(edges)), edges }
}

function edgesOf(t: Tensor, bins: number | TensorLike, range: readonly [number, number] | null): Tensor {
  if (typeof bins !== 'number') {
    const edges = asTensor('histogram', bins)
    if (edges.rank !== 1 || edges.size < 2 || edges.dtype !== t.dtype) {
      const got = `${edges.dtype} ${showShape(edges.shape)}`
      fail('SHAPE', 'histogram', `edges are ${t.dtype} and a vector of at least two, got ${got}.`)
    }
    return edges
  }
  checkInteger('histogram', 'bins', bins, 1)
  const [low, high] = rangeOf('histogram', t, range)
  const step = div(sub(high, low), constant(bins, 'f64'))
  const inner = add(low, mul(iota([bins + 1], 'f64'), step))
  // The last edge is the end itself, however the steps round.
  return cast(where(eq(iota([bins + 1], 'i64'), constant(bins, 'i64')), high, inner), t.dtype)
}

function weightOf(t: Tensor, x: TensorLike, weight?: TensorLike): Tensor {
  if (weight === undefined) return ones(t.shape, { dtype: t.dtype })
  const w = asTensor('histogram', weight)
  if (!sameShape(w.shape, x.shape) || w.dtype !== t.dtype) {
    const got = `${w.dtype} ${showShape(w.shape)}`
    fail('SHAPE', 'histogram', `weight must be ${t.dtype} ${showShape(x.shape)} as the tensor is, got ${got}.`)
  }
  return reshape(w, t.shape)
}
