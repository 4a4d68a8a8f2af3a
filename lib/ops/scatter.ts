/** @file Writing at positions and under masks, made of scatter: reductions, indexAdd, indexCopy, indexFill, masks; and takeAlongDim. */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Vjp } from '../graph/row.ts'
import { Tensor } from '../graph/tensor.ts'
import { broadcast, normalizeAxis, sameShape, showShape } from '../shape.ts'
import { onesLike, zerosLike } from './create.ts'
import { cumsum } from './cumulative.ts'
import { add, clamp, div, eq, floorDivide, mul, sub, where } from './elementwise.ts'
import { combinedScatter, fromEnd, gather, positions, scatter, scatterAdd, take, takeAdd } from './indexing.ts'
import type { ScatterOp, Source } from './indexing.ts'
import { expand, flatten, pad, reshape } from './layout.ts'
import { asTensor, cast, constant, isScalar, operand } from './table.ts'
import type { TensorLike } from './table.ts'

interface AxisAttrs {
  readonly axis: number
}

/** Products: by x all of its sources; by a source x and its other sources, the quotient where no factor is 0. Second order only there. */
const productVjp: Vjp<AxisAttrs> = ({ dy, inputs: [x, index, source], attrs: { axis } }) => {
  const zero = constant(0, dy.dtype)
  const one = constant(1, dy.dtype)
  const isZero = eq(source!, zero)
  const numbers = where(isZero, one, source!)
  const whole = scatterMul(onesLike(x!), axis, index!, source!)
  const ofNumbers = gather(scatterMul(onesLike(x!), axis, index!, numbers), axis, index!)
  const numZeros = gather(scatterAdd(zerosLike(x!), axis, index!, cast(isZero, dy.dtype)), axis, index!)
  const others = where(isZero, where(eq(numZeros, one), ofNumbers, zero), div(gather(whole, axis, index!), numbers))
  return [mul(dy, whole), null, mul(mul(gather(dy, axis, index!), gather(x!, axis, index!)), others)]
}

/** Extremes: those that are equal to the result share the gradient. */
const extremeVjp: Vjp<AxisAttrs> = ({ dy, inputs: [x, index, source], outputs: [y], attrs: { axis } }) => {
  const [mine, its] = [cast(eq(x!, y!), dy.dtype), cast(eq(source!, gather(y!, axis, index!)), dy.dtype)]
  const share = div(dy, clamp(scatterAdd(mine, axis, index!, its), 1))
  return [mul(mine, share), null, mul(its, gather(share, axis, index!))]
}

const scatterMul: ScatterOp = combinedScatter('scatterMul', productVjp)
const scatterMax: ScatterOp = combinedScatter('scatterMax', extremeVjp)
const scatterMin: ScatterOp = combinedScatter('scatterMin', extremeVjp)

export type ScatterReduction = 'sum' | 'prod' | 'mean' | 'amax' | 'amin'

export interface ScatterReduceOptions {
  /** Whether what stood at a position takes part. Default: true. */
  includeSelf?: boolean
}

/**
 * A copy of x where every position along the axis that the index names holds the sum, product, mean, largest or smallest of its sources
 * (and of what stood there). Equal extremes share the gradient. INDEX out of range.
 */
export function scatterReduce(
  x: TensorLike,
  axis: number,
  index: TensorLike,
  source: TensorLike,
  reduce: ScatterReduction,
  options: ScatterReduceOptions = {},
): Tensor {
  checkOptions('scatterReduce', options, ['includeSelf'])
  const { includeSelf = true } = options
  const t = asTensor('scatterReduce', x)
  const from = (value: number) => (includeSelf ? t : scatter(t, axis, index, value))
  // Integers have no infinity, and no gradient either: any of the sources will do.
  const fromLimit = (limit: number) => (includeSelf || isFloat(t.dtype) ? from(limit) : scatter(t, axis, index, source))
  switch (reduce) {
    case 'sum':
      return scatterAdd(from(0), axis, index, source)
    case 'prod':
      return scatterMul(from(1), axis, index, source)
    case 'mean': {
      const ones = onesLike(asTensor('scatterReduce', source))
      const counts = scatterAdd(includeSelf ? onesLike(t) : zerosLike(t), axis, index, ones)
      const total = scatterAdd(from(0), axis, index, source)
      return (isFloat(t.dtype) ? div : floorDivide)(total, clamp(counts, 1))
    }
    case 'amax':
      return scatterMax(fromLimit(-Infinity), axis, index, source)
    case 'amin':
      return scatterMin(fromLimit(Infinity), axis, index, source)
    default:
      return fail(
        'VALUE',
        'scatterReduce',
        `reduce is sum, prod, mean, amax or amin, got ${String(reduce satisfies never)}.`,
      )
  }
}

/** A vector of positions of an axis, and the shape of x with as many slices there. */
function slicesOf(op: string, x: TensorLike, axis: number, index: TensorLike, wraps = false) {
  const given = asTensor(op, x)
  const t = given.rank === 0 ? reshape(given, [1]) : given
  const at = normalizeAxis(op, axis, t.rank)
  const found = positions(op, index)
  const ids = wraps ? fromEnd(found, t.shape[at]!) : found
  if (ids.rank > 1) fail('SHAPE', op, `positions are a vector, got ${showShape(ids.shape)}.`)
  const shape = t.shape.map((size, i) => (i === at ? ids.size : size))
  const lines = () =>
    expand(
      reshape(
        ids,
        shape.map((size, i) => (i === at ? size : 1)),
      ),
      shape,
    )
  return { t, at, ids: reshape(ids, [ids.size]), shape, lines, finish: (y: Tensor) => reshape(y, given.shape) }
}

function slicesLike(op: string, source: TensorLike, t: Tensor, shape: readonly number[]): Tensor {
  const given = asTensor(op, source)
  const s = given.rank === 0 ? expand(given, shape) : given
  if (!sameShape(s.shape, shape))
    fail('SHAPE', op, `the source must be ${showShape(shape)}, got ${showShape(s.shape)}.`)
  if (s.dtype !== t.dtype) fail('DTYPE', op, `the source must be ${t.dtype} as the tensor is, got ${s.dtype}.`)
  return s
}

export interface IndexAddOptions {
  /** The source is multiplied by it. Default: 1. */
  alpha?: number
}

/** A copy of x with the source's slices added to those at positions [n] of an axis. INDEX out of range. */
export function indexAdd(
  x: TensorLike,
  axis: number,
  index: TensorLike,
  source: TensorLike,
  options: IndexAddOptions = {},
): Tensor {
  checkOptions('indexAdd', options, ['alpha'])
  const { t, at, ids, shape, finish } = slicesOf('indexAdd', x, axis, index)
  const s = slicesLike('indexAdd', source, t, shape)
  const scaled = options.alpha === undefined || options.alpha === 1 ? s : mul(s, operand(options.alpha, t.dtype))
  return finish(add(t, takeAdd(ids, scaled, at, t.shape)))
}

/** A copy of x with the source's slices in place of those at positions [n] of an axis (of equal positions the last one stays). */
export function indexCopy(x: TensorLike, axis: number, index: TensorLike, source: TensorLike): Tensor {
  const { t, at, shape, lines, finish } = slicesOf('indexCopy', x, axis, index)
  return finish(scatter(t, at, lines(), slicesLike('indexCopy', source, t, shape)))
}

/** A copy of x with a number (or scalar tensor) in the slices at positions [n] of an axis; negative ones count from its end. */
export function indexFill(x: TensorLike, axis: number, index: TensorLike, value: Source): Tensor {
  const { t, at, shape, lines, finish } = slicesOf('indexFill', x, axis, index, true)
  const fill = isScalar(value) ? value : expand(cast(asTensor('indexFill', value), t.dtype), shape)
  return finish(scatter(t, at, lines(), fill))
}

/** gather with sizes of 1 broadcast against each other off the axis; without an axis, in the flattened tensor. */
export function takeAlongDim(x: TensorLike, index: TensorLike, axis?: number): Tensor {
  const t = asTensor('takeAlongDim', x)
  const ids = positions('takeAlongDim', index)
  if (axis === undefined) return gather(flatten(t), 0, flatten(ids))
  const at = normalizeAxis('takeAlongDim', axis, t.rank)
  if (ids.rank !== t.rank)
    fail('SHAPE', 'takeAlongDim', `needs as many axes in both, got ${showShape(t.shape)} and ${showShape(ids.shape)}.`)
  const off = (shape: readonly number[]) => shape.map((size, i) => (i === at ? 1 : size))
  const common = broadcast('takeAlongDim', off(t.shape), off(ids.shape))
  const wide = (y: Tensor) =>
    expand(
      y,
      common.map((size, i) => (i === at ? y.shape[at]! : size)),
    )
  return gather(wide(t), at, wide(ids))
}

function maskOf(op: string, mask: TensorLike): Tensor {
  const t = asTensor(op, mask)
  if (t.dtype !== 'bool') fail('DTYPE', op, `the mask must be bool, got ${t.dtype}. Compare first: x.ne(0).`)
  return t
}

/** x with a number (or scalar tensor) where the mask holds; both broadcast. Keeps x's dtype. */
export function maskedFill(x: TensorLike, mask: TensorLike, value: Source): Tensor {
  const t = asTensor('maskedFill', x)
  const fill = isScalar(value) ? operand(value, t.dtype) : cast(asTensor('maskedFill', value), t.dtype)
  if (fill.size !== 1) fail('SHAPE', 'maskedFill', `the value is a number or a scalar, got ${showShape(fill.shape)}.`)
  return where(maskOf('maskedFill', mask), reshape(fill, []), t)
}

/** x with the first elements of the source, in their order, where the mask holds. INDEX when the source is too short. */
export function maskedScatter(x: TensorLike, mask: TensorLike, source: TensorLike): Tensor {
  const t = asTensor('maskedScatter', x)
  const given = asTensor('maskedScatter', source)
  if (given.dtype !== t.dtype)
    fail('DTYPE', 'maskedScatter', `the source must be ${t.dtype} as the tensor is, got ${given.dtype}.`)
  const shape = broadcast('maskedScatter', t.shape, mask.shape)
  const chosen = expand(maskOf('maskedScatter', mask), shape)
  if (chosen.size === 0) return expand(t, shape)
  // A mask that holds nowhere needs no source.
  const flat = given.size === 0 ? pad(flatten(given), [[0, 1]]) : flatten(given)
  const at = clamp(sub(cumsum(reshape(chosen, [chosen.size]), 0), 1), 0)
  return where(chosen, reshape(take(flat, at, 0), shape), t)
}
