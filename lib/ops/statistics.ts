/** @file Further reductions: those that skip NaN, give two results at once, count, or relate variables to each other. */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { normalizeAxis, showShape } from '../shape.ts'
import { matmul } from './contraction.ts'
import type { ValuesAndIndices } from './pool.ts'
import { clamp, div, isNan, logicalNot, mul, ne, sqrt, sub, where } from './elementwise.ts'
import { gather } from './indexing.ts'
import { diagonal } from './diagonal.ts'
import { reshape, squeeze, transpose, unsqueeze } from './layout.ts'
import { argMax, argMin, max, mean, min, std, sum, variance } from './reduction.ts'
import type { Axes, ReduceOptions, VarianceOptions } from './reduction.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'

/** The sum of what is not NaN. */
export function nansum(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  const t = asTensor('nansum', x)
  return sum(isFloat(t.dtype) ? where(isNan(t), 0, t) : t, axes, options)
}

/** The mean of what is not NaN; NaN where nothing is left. */
export function nanmean(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  const t = asTensor('nanmean', x)
  if (!isFloat(t.dtype)) fail('DTYPE', 'nanmean', `needs floats, got ${t.dtype}. Cast first: x.cast('f32').`)
  const numbers = sum(logicalNot(isNan(t)), axes, options)
  return div(nansum(t, axes, options), cast(numbers, t.dtype))
}

/** How many elements over axes are not 0, i64. */
export function countNonzero(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  return sum(ne(asTensor('countNonzero', x), 0), axes, options)
}

/** The smallest and the largest element over axes; equal ones share the gradient. */
export function aminmax(x: TensorLike, axes?: Axes, options?: ReduceOptions): { min: Tensor; max: Tensor } {
  return { min: min(x, axes, options), max: max(x, axes, options) }
}

/** The largest element along an axis, and where the first of them stands; NaN wins. The gradient goes there (PyTorch's max with a dim). */
export function maxWithIndices(x: TensorLike, axis: number, options: ReduceOptions = {}): ValuesAndIndices {
  return extreme('maxWithIndices', argMax, x, axis, options)
}

/** The smallest element along an axis, and where the first of them stands; NaN wins. The gradient goes there (PyTorch's min with a dim). */
export function minWithIndices(x: TensorLike, axis: number, options: ReduceOptions = {}): ValuesAndIndices {
  return extreme('minWithIndices', argMin, x, axis, options)
}

function extreme(
  op: string,
  find: typeof argMax,
  x: TensorLike,
  axis: number,
  options: ReduceOptions,
): ValuesAndIndices {
  checkOptions(op, options, ['keepDims'])
  const given = asTensor(op, x)
  const t = given.rank === 0 ? reshape(given, [1]) : given
  const at = normalizeAxis(op, axis, t.rank)
  const indices = find(t, at, { keepDims: true })
  const finish = (y: Tensor) => (given.rank === 0 ? reshape(y, []) : options.keepDims ? y : squeeze(y, at))
  return { values: finish(gather(t, at, indices)), indices: finish(indices) }
}

/** Variance and mean over axes. */
export function varMean(x: TensorLike, axes?: Axes, options: VarianceOptions = {}): { variance: Tensor; mean: Tensor } {
  return { variance: variance(x, axes, options), mean: mean(x, axes, { keepDims: options.keepDims ?? false }) }
}

/** Standard deviation and mean over axes. */
export function stdMean(x: TensorLike, axes?: Axes, options: VarianceOptions = {}): { std: Tensor; mean: Tensor } {
  return { std: std(x, axes, options), mean: mean(x, axes, { keepDims: options.keepDims ?? false }) }
}

export interface CovOptions {
  /** What is subtracted from the number of observations in the divisor. Default: 1. */
  correction?: number
  /** How often each observation was made: integers [N]. */
  fweights?: TensorLike
  /** How much each observation counts: [N]. */
  aweights?: TensorLike
}

/** Covariances of D variables from N observations: x [D, N] -> [D, D]; [N] -> a scalar. */
export function cov(x: TensorLike, options: CovOptions = {}): Tensor {
  checkOptions('cov', options, ['correction', 'fweights', 'aweights'])
  const { correction = 1, fweights, aweights } = options
  const given = asTensor('cov', x)
  if (given.rank > 2) fail('SHAPE', 'cov', `needs at most 2 axes, got ${showShape(given.shape)}.`)
  const t = reshape(isFloat(given.dtype) ? given : cast(given, 'f32'), given.rank === 2 ? given.shape : [1, given.size])
  const [size, n] = t.shape as [number, number]
  const [f, a] = [weightsOf(fweights, n, t), weightsOf(aweights, n, t)]
  const weights = f && a ? mul(f, a) : (f ?? a)
  const total = weights ? sum(weights) : constant(n, t.dtype)
  const centre = weights ? div(sum(mul(t, weights), 1, { keepDims: true }), total) : mean(t, 1, { keepDims: true })
  const off = sub(t, centre)
  const lost = weights && a ? div(mul(sum(mul(weights, a)), correction), total) : correction
  const products = matmul(off, transpose(weights ? mul(off, weights) : off))
  const y = div(products, clamp(sub(total, lost), 0))
  return given.rank === 2 ? reshape(y, [size, size]) : reshape(y, [])
}

function weightsOf(weights: TensorLike | undefined, n: number, beside: Tensor): Tensor | null {
  if (weights === undefined) return null
  const t = asTensor('cov', weights)
  if (t.rank !== 1 || t.shape[0] !== n) fail('SHAPE', 'cov', `weights must be [${n}], got ${showShape(t.shape)}.`)
  return cast(t, beside.dtype)
}

/** Pearson's correlations of D variables from N observations, in [-1, 1]: x [D, N] -> [D, D]; [N] -> a scalar. */
export function corrcoef(x: TensorLike): Tensor {
  const c = cov(x)
  if (c.rank === 0) return div(c, c)
  const deviations = sqrt(diagonal(c))
  return clamp(div(div(c, unsqueeze(deviations, 1)), deviations), -1, 1)
}
