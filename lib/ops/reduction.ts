/** @file Reductions over axes: sums, products, extremes, moments. Rows keep the reduced axes with size 1; functions drop them. */
import { isFloat } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { detach } from '../graph/gradient.ts'
import type { Emitter, NodeView, Operand, Row } from '../graph/row.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { normalizeAxes, reducedShape, sameShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { div, eq, mul, square, sub, where, sqrt as squareRoot, exp, log, add, isInf } from './elementwise.ts'
import { expand, filled, flip, narrow, pad, permute, reshape, unsqueeze } from './layout.ts'
import { asTensor, cast, constant, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

export interface ReduceOptions {
  /** Keep the reduced axes, with size 1. Default: false. */
  keepDims?: boolean
}

/** One axis, several, or all when missing. */
export type Axes = number | readonly number[] | undefined | null

interface ReduceAttrs {
  readonly axes: readonly number[]
}

function reduceRow(name: string, vjp: Row<ReduceAttrs>['vjp'], result?: DType): Row<ReduceAttrs> {
  return defineRow<ReduceAttrs>({
    name,
    kind: 'kernel',
    ...((name === 'sum' || name === 'prod') && { autocast: 'wide' }),
    infer: ([x], { axes }) => ({ shape: reducedShape(x!.shape, axes, true), dtype: result ?? x!.dtype }),
    vjp,
    emit: (e, node) => emitReduce(name, e, node),
  })
}

/** One instruction for each run of adjacent axes, the innermost run first. */
function emitReduce(kernel: string, e: Emitter, { attrs, inputs, outputs }: NodeView<ReduceAttrs>): void {
  let from = e.packed(e.input(0))
  const dims = [...inputs[0]!.shape]
  const runs = adjacentRuns(attrs.axes)
  if (runs.length === 0) return e.copy(e.output(), from)
  runs.reverse().forEach(([first, last], i) => {
    const outer = sizeOf(dims.slice(0, first))
    const n = sizeOf(dims.slice(first, last + 1))
    const inner = sizeOf(dims.slice(last + 1))
    for (let axis = first; axis <= last; axis++) dims[axis] = 1
    const dtype = outputs[0]!.dtype
    const out = i === runs.length - 1 ? e.output() : e.temp(dtype, dims)
    emitOne(kernel, e, window(out, [outer, inner]), window(from, [outer, n, inner]))
    from = out
  })
}

/** How many partial results `native/ops/reduce.cc` wants for few outputs of many elements. */
const partsOf = (outer: number, n: number, inner: number) =>
  outer * inner <= 64 && n * inner >= 65536 ? Math.ceil((n * inner) / 32768) : 1

function emitOne(kernel: string, e: Emitter, out: Operand, from: Operand): void {
  const [outer, n, inner] = from.dims as [number, number, number]
  const parts = partsOf(outer, n, inner)
  if (parts === 1 || kernel.startsWith('arg')) return e.instr(kernel, [out], [from])
  const wide = (kernel === 'sum' || kernel === 'prod') && isFloat(from.dtype)
  e.instr(kernel, [out, e.temp(wide ? 'f64' : from.dtype, [parts, outer, inner])], [from])
}

/** The same memory without gaps under other dims. */
export function window(operand: Operand, dims: readonly number[]): Operand {
  const strides = new Array<number>(dims.length)
  for (let i = dims.length - 1, n = 1; i >= 0; n *= dims[i]!, i--) strides[i] = n
  return { ...operand, dims, strides }
}

function adjacentRuns(axes: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const axis of axes) {
    const last = runs[runs.length - 1]
    if (last && last[1] === axis - 1) last[1] = axis
    else runs.push([axis, axis])
  }
  return runs
}

function reduce(row: Row<ReduceAttrs>, x: Tensor, axes: Axes, options: ReduceOptions = {}): Tensor {
  checkOptions(row.name, options, ['keepDims'])
  const list = normalizeAxes(row.name, axes ?? undefined, x.rank)
  const y = apply(row, [x], { axes: list }, list.join())
  return options.keepDims ? y : reshape(y, reducedShape(x.shape, list, false))
}

const sumRow = reduceRow('sum', ({ dy, inputs: [x] }) => [expand(dy, x!.shape)])
const prodRow = reduceRow('prod', ({ dy, inputs: [x], attrs: { axes } }) => {
  const kept = x!.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const order = [...kept, ...axes]
  const lines = permute(x!, order)
  const sizes = lines.shape.slice(kept.length)
  const others = productsOfOthers(reshape(lines, [sizeOf(lines.shape.slice(0, kept.length)), sizeOf(sizes)]))
  return [
    mul(
      dy,
      permute(
        reshape(others, lines.shape),
        order.map((_, axis) => order.indexOf(axis)),
      ),
    ),
  ]
})

/** Of [rows, n], for each element the product of the row's others. By halves, not by division: right at zeros, and in every derivative. */
function productsOfOthers(x: Tensor): Tensor {
  const [rows, n] = x.shape as [number, number]
  if (n < 2) return filled(x.shape, 1, x)
  const half = Math.ceil(n / 2)
  const pairs = reshape(pad(x, [[0, n % 2]], { value: 1 }), [rows, half, 2])
  const outside = productsOfOthers(reduce(prodRow, pairs, 2))
  const both = mul(unsqueeze(outside, 2), flip(pairs, 2))
  return narrow(reshape(both, [rows, 2 * half]), 1, 0, n)
}

const extremeVjp: Row<ReduceAttrs>['vjp'] = ({ dy, inputs: [x], outputs: [y], attrs }) => {
  const hits = cast(eq(x!, y!), x!.dtype)
  return [mul(hits, div(dy, apply(sumRow, [hits], attrs, attrs.axes.join())))]
}
const maxRow = reduceRow('max', extremeVjp)
const minRow = reduceRow('min', extremeVjp)
const argMaxRow = reduceRow('argMax', { none: 'its result is a position' }, 'i64')
const argMinRow = reduceRow('argMin', { none: 'its result is a position' }, 'i64')

/** Sum over axes; bools and integers give i64. */
export function sum(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  return reduce(sumRow, widened('sum', x), axes, options)
}

/** Product over axes; bools and integers give i64. */
export function prod(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  return reduce(prodRow, widened('prod', x), axes, options)
}

function widened(op: string, x: TensorLike): Tensor {
  const t = asTensor(op, x)
  return isFloat(t.dtype) ? t : cast(t, 'i64')
}

/** Mean over axes; floats only. */
export function mean(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  const t = float('mean', x)
  const y = reduce(sumRow, t, axes, options)
  return div(y, constant(t.size / y.size, y.dtype))
}

function float(op: string, x: TensorLike): Tensor {
  const t = asTensor(op, x)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}. Cast first: x.cast('f32').`)
  return t
}

/** Largest element over axes (PyTorch's amax): NaN wins; equal ones share the gradient. */
export function max(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  return reduce(maxRow, nonEmpty('max', x, axes), axes, options)
}

/** Smallest element over axes (PyTorch's amin): NaN wins; equal ones share the gradient. */
export function min(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  return reduce(minRow, nonEmpty('min', x, axes), axes, options)
}

/** Position of the (first) largest element along an axis, as i64; without an axis, in the flattened tensor. */
export function argMax(x: TensorLike, axis?: number, options?: ReduceOptions): Tensor {
  return argReduce(argMaxRow, x, axis, options)
}

/** Position of the (first) smallest element along an axis, as i64; without an axis, in the flattened tensor. */
export function argMin(x: TensorLike, axis?: number, options?: ReduceOptions): Tensor {
  return argReduce(argMinRow, x, axis, options)
}

function argReduce(row: Row<ReduceAttrs>, x: TensorLike, axis?: number, options?: ReduceOptions): Tensor {
  const t = nonEmpty(row.name, x, axis)
  if (axis !== undefined) return reduce(row, t, axis, options)
  const y = reduce(row, reshape(t, [t.size]), 0)
  return options?.keepDims
    ? reshape(
        y,
        t.shape.map(() => 1),
      )
    : y
}

function nonEmpty(op: string, x: TensorLike, axes: Axes): Tensor {
  const t = asTensor(op, x)
  const list = normalizeAxes(op, axes ?? undefined, t.rank)
  if (list.some((axis) => t.shape[axis] === 0))
    fail('SHAPE', op, `an empty axis has no ${op}, got ${showShape(t.shape)}.`)
  return t
}

/** Whether any element is true (not 0); of nothing: false. */
export function any(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  return reduceLogic('any', maxRow, false, x, axes, options)
}

/** Whether all elements are true (not 0); of nothing: true. */
export function all(x: TensorLike, axes?: Axes, options?: ReduceOptions): Tensor {
  return reduceLogic('all', minRow, true, x, axes, options)
}

function reduceLogic(
  op: string,
  row: Row<ReduceAttrs>,
  ofNothing: boolean,
  x: TensorLike,
  axes: Axes,
  options: ReduceOptions = {},
): Tensor {
  checkOptions(op, options, ['keepDims'])
  const t = cast(asTensor(op, x), 'bool')
  const list = normalizeAxes(op, axes ?? undefined, t.rank)
  if (list.some((axis) => t.shape[axis] === 0))
    return filled(reducedShape(t.shape, list, options.keepDims ?? false), Number(ofNothing), t)
  return reduce(row, t, list, options)
}

export interface VarianceOptions extends ReduceOptions {
  /** What is subtracted from the number of elements in the divisor. Default: 1 (Bessel's). */
  correction?: number
}

/** Mean squared distance from the mean, in two passes. */
export function variance(x: TensorLike, axes?: Axes, options: VarianceOptions = {}): Tensor {
  checkOptions('variance', options, ['keepDims', 'correction'])
  const { keepDims = false, correction = 1 } = options
  const t = float('variance', x)
  const centred = sub(t, mean(t, axes, { keepDims: true }))
  const y = sum(square(centred), axes, { keepDims })
  return div(y, constant(Math.max(0, t.size / y.size - correction), t.dtype))
}

/** Square root of the variance; gradient 0 where that is 0. */
export function std(x: TensorLike, axes?: Axes, options?: VarianceOptions): Tensor {
  return root(variance(x, axes, options))
}

/** log(sum(exp(x))), stable. */
export function logSumExp(x: TensorLike, axes?: Axes, options: ReduceOptions = {}): Tensor {
  checkOptions('logSumExp', options, ['keepDims'])
  const t = float('logSumExp', x)
  const top = max(t, axes, { keepDims: true })
  const shift = where(isInf(top), constant(0, t.dtype), top)
  const flat = detach(shift) // it cancels out
  const y = add(log(sum(exp(sub(t, flat)), axes, { keepDims: true })), flat)
  const list = normalizeAxes('logSumExp', axes ?? undefined, t.rank)
  return options.keepDims ? y : reshape(y, reducedShape(t.shape, list, false))
}

/** The square root, with gradient 0 at 0 as PyTorch's norms and deviations have it. */
function root(x: Tensor): Tensor {
  const isZero = eq(x, constant(0, x.dtype))
  return where(isZero, constant(0, x.dtype), squareRoot(where(isZero, constant(1, x.dtype), x)))
}

/** Sums a broadcast result back to the shape it came from. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const lead = x.rank - shape.length
  const axes = x.shape.flatMap((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? [i] : []))
  return reshape(reduce(sumRow, x, axes, { keepDims: true }), shape)
}
