/** @file ONNX's reductions, scans along an axis, and positions of extremes. */
import { isFloat, isNarrow } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { full } from '../../../ops/create.ts'
import { cumprod, cumsum } from '../../../ops/cumulative.ts'
import { abs, div, exp, log, mul, sqrt, sub } from '../../../ops/elementwise.ts'
import { concat, flip, narrow } from '../../../ops/layout.ts'
import { all, any, argMax, argMin, logSumExp, max, min, prod, sum } from '../../../ops/reduction.ts'
import type { ReduceOptions } from '../../../ops/reduction.ts'
import { cast, constant } from '../../../ops/table.ts'
import { normalizeAxes, normalizeAxis, reducedShape, sizeOf } from '../../../shape.ts'
import type { OpFunction, Ops } from '../node.ts'

type Reduce = (x: Tensor, axes: readonly number[], options: ReduceOptions) => Tensor

/** Axes are an attribute, or an input in later versions; none: all, or nothing at all if the node says so. */
const reducing = (f: Reduce): { run: OpFunction; frozen: number[] } => ({
  frozen: [1],
  run: (node) => {
    const x = node.input(0)
    const given = node.has(1) ? node.integers(1) : (node.ints('axes') ?? [])
    const isNothing = given.length === 0 && node.flag('noop_with_empty_axes')
    const axes = isNothing ? [] : normalizeAxes(node.op, given.length > 0 ? given : undefined, x.rank)
    return f(x, axes, { keepDims: node.flag('keepdims', 1) })
  },
})

const total: Reduce = (x, axes, options) => cast(axes.length === 0 ? x : sum(x, axes, options), x.dtype)

function product(x: Tensor, axes: readonly number[], options: ReduceOptions): Tensor {
  return cast(axes.length === 0 ? x : prod(x, axes, options), x.dtype)
}

/** Narrow floats are computed in f32: squares, sums and exponentials leave their range before the result does. */
const widely =
  (f: Reduce): Reduce =>
  (x, axes, options) =>
    isNarrow(x.dtype) ? cast(f(cast(x, 'f32'), axes, options), x.dtype) : f(x, axes, options)

function average(x: Tensor, axes: readonly number[], options: ReduceOptions): Tensor {
  const n = axes.reduce((count, axis) => count * x.shape[axis]!, 1)
  const y = total(x, axes, options)
  return isFloat(x.dtype) ? div(y, n) : div(y, n, { roundingMode: 'trunc' })
}

/** The largest or smallest; of nothing, what is beyond all others. */
const extreme =
  (f: typeof max, ofBools: typeof any, sign: 1 | -1): Reduce =>
  (x, axes, options) => {
    if (axes.length === 0) return x
    if (sizeOf(axes.map((axis) => x.shape[axis]!)) === 0) {
      const shape = reducedShape(x.shape, axes, options.keepDims ?? false)
      return full(shape, beyond(x, sign), { dtype: x.dtype })
    }
    return x.dtype === 'bool' ? ofBools(x, axes, options) : f(x, axes, options)
  }

function beyond({ dtype }: Tensor, sign: 1 | -1): number | boolean {
  if (dtype === 'bool') return sign < 0
  if (isFloat(dtype)) return sign * Infinity
  const bits = Number(dtype.slice(1))
  if (dtype[0] === 'u') return sign > 0 ? 2 ** bits - 1 : 0
  return sign > 0 ? 2 ** (bits - 1) - 1 : -(2 ** (bits - 1))
}

function logTotal(x: Tensor, axes: readonly number[], options: ReduceOptions): Tensor {
  return cast(log(total(x, axes, options)), x.dtype)
}

function logTotalExp(x: Tensor, axes: readonly number[], options: ReduceOptions): Tensor {
  const isEmpty = sizeOf(axes.map((axis) => x.shape[axis]!)) === 0
  if (axes.length === 0) return x
  return isEmpty || !isFloat(x.dtype) ? logTotal(exp(x), axes, options) : logSumExp(x, axes, options)
}

/** The position of an extreme; of equal ones the first or the last. */
const position =
  (f: typeof argMax): OpFunction =>
  (node) => {
    const x = node.input(0)
    const axis = normalizeAxis(node.op, node.int('axis', 0), x.rank)
    const options = { keepDims: node.flag('keepdims', 1) }
    if (!node.flag('select_last_index')) return f(x, axis, options)
    return sub(constant(x.shape[axis]! - 1, 'i64'), f(flip(x, axis), axis, options))
  }

/** Sums or products so far, without the element itself if `exclusive`, from behind if `reverse`. */
const running = (f: typeof cumsum, first: number): { run: OpFunction; frozen: number[] } => ({
  frozen: [1],
  run: (node) => {
    const given = node.input(0)
    const axis = normalizeAxis(node.op, node.number(1), given.rank)
    const isReverse = node.flag('reverse')
    const x = isReverse ? flip(given, axis) : given
    const y = cast(f(node.flag('exclusive') ? shifted(x, axis, first) : x, axis), x.dtype)
    return isReverse ? flip(y, axis) : y
  },
})

function shifted(x: Tensor, axis: number, first: number): Tensor {
  const n = x.shape[axis]!
  if (n === 0) return x
  const shape = x.shape.map((size, i) => (i === axis ? 1 : size))
  return concat([full(shape, first, { dtype: x.dtype }), narrow(x, axis, 0, n - 1)], axis)
}

export const reduce: Ops = {
  ArgMax: position(argMax),
  ArgMin: position(argMin),
  CumProd: running(cumprod, 1),
  CumSum: running(cumsum, 0),
  ReduceL1: reducing((x, axes, options) => total(abs(x), axes, options)),
  ReduceL2: reducing(widely((x, axes, options) => cast(sqrt(total(mul(x, x), axes, options)), x.dtype))),
  ReduceLogSum: reducing(widely(logTotal)),
  ReduceLogSumExp: reducing(widely(logTotalExp)),
  ReduceMax: reducing(extreme(max, any, -1)),
  ReduceMean: reducing(widely(average)),
  ReduceMin: reducing(extreme(min, all, 1)),
  ReduceProd: reducing(product),
  ReduceSum: reducing(total),
  ReduceSumSquare: reducing(widely((x, axes, options) => total(mul(x, x), axes, options))),
}
