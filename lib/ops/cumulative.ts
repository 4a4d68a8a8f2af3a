/** @file Running results along an axis: sums, products, log-sum-exps, extremes; and differences and integrals, which undo and use them. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Emitter, NodeView, Row } from '../graph/row.ts'
import { apply, applyTuple, Tensor } from '../graph/tensor.ts'
import { normalizeAxis, sizeOf } from '../shape.ts'
import { add, exp, gt, log, mul, ne, neg, sub, where } from './elementwise.ts'
import { scatterAdd } from './indexing.ts'
import { concat, filled, narrow, pad, reshape, unsqueeze } from './layout.ts'
import type { ValuesAndIndices } from './pool.ts'
import { sum, window } from './reduction.ts'
import { asTensor, cast, constant, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

interface ScanAttrs {
  readonly axis: number
  /** From the last element to the first. */
  readonly reverse: boolean
}

/** An axis and a direction, as a key of plans. */
const keyOf = ({ axis, reverse }: ScanAttrs) => `${axis}${reverse ? 'r' : ''}`

function emitScan(
  kernel: string,
  e: Emitter,
  { attrs: { axis, reverse }, inputs, outputs }: NodeView<ScanAttrs>,
): void {
  const shape = inputs[0]!.shape
  const dims = [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))]
  const outs = outputs.map((_, i) => window(e.output(i), dims))
  const ins = inputs.map((_, i) => window(e.packed(e.input(i)), dims))
  e.instr(kernel, outs, ins, [Number(reverse)])
}

function scanRow(name: string, vjp: Row<ScanAttrs>['vjp']): Row<ScanAttrs> {
  return defineRow<ScanAttrs>({
    name,
    kind: 'kernel',
    autocast: 'wide',
    infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
    vjp,
    emit: (e, node) => emitScan(name, e, node),
    inPlace: [0],
  })
}

const scanned = (row: Row<ScanAttrs>, inputs: readonly Tensor[], attrs: ScanAttrs) =>
  apply(row, inputs, attrs, keyOf(attrs))

/** Where the walk of a gradient goes: the other way. */
const turned = ({ axis, reverse }: ScanAttrs): ScanAttrs => ({ axis, reverse: !reverse })

const cumsumRow: Row<ScanAttrs> = scanRow('cumsum', ({ dy, attrs }) => [scanned(cumsumRow, [dy], turned(attrs))])

/** With P the product of all before, dx[j] = P[j] sum_i>=j dy[i] prod_j<k<=i x[k]: right at zeros, and in every derivative. */
const cumprodRow: Row<ScanAttrs> = scanRow('cumprod', ({ dy, inputs: [x], outputs: [y], attrs: { axis } }) => {
  const before = shifted(y!, axis, 1, 1)
  const after = scanned(recurrenceRow, [dy, shifted(x!, axis, -1, 0)], { axis, reverse: true })
  return [mul(before, after)]
})

/** y[i] = a[i] y[i - 1] + x[i] from y = 0, of (x, a). */
const recurrenceRow: Row<ScanAttrs> = scanRow(
  'linearRecurrence',
  ({ dy, inputs: [, a], outputs: [y], attrs, needs }) => {
    const { axis, reverse } = attrs
    const dx = scanned(recurrenceRow, [dy, shifted(a!, axis, reverse ? 1 : -1, 0)], turned(attrs))
    return [dx, needs(1) ? mul(dx, shifted(y!, axis, reverse ? -1 : 1, 0)) : null]
  },
)

/** Element i - by of the axis at i, `value` where there is none; by is 1 or -1. */
function shifted(x: Tensor, axis: number, by: 1 | -1, value: number): Tensor {
  if (x.shape[axis] === 0) return x
  const border = x.shape.map((_, i) => (i === axis ? ([by, -by] as const) : ([0, 0] as const)))
  return pad(x, border, { value })
}

/**
 * dx[j] = sum_i>=j dy[i] exp(x[j] - y[i]), by a log-sum-exp the other way for the positive and the negative dy: nothing overflows.
 */
const logcumsumexpRow: Row<ScanAttrs> = scanRow('logcumsumexp', ({ dy, inputs: [x], outputs: [y], attrs }) => {
  const number = (value: number) => constant(value, dy.dtype)
  const half = (d: Tensor) => {
    const isPositive = gt(d, number(0))
    const logs = where(isPositive, sub(log(where(isPositive, d, number(1))), y!), number(-Infinity))
    return exp(add(scanned(logcumsumexpRow, [logs], turned(attrs)), x!))
  }
  return [sub(half(dy), half(neg(dy)))]
})

function extremeRow(name: string): Row<ScanAttrs> {
  return defineRow<ScanAttrs>({
    name,
    kind: 'kernel',
    infer: ([x]) => [
      { shape: x!.shape, dtype: x!.dtype },
      { shape: x!.shape, dtype: 'i64' },
    ],
    vjp: ({ dy, inputs: [x], outputs: [, at], attrs: { axis } }) => [
      scatterAdd(filled(x!.shape, 0, x!), axis, at!, dy),
    ],
    emit: (e, node) => emitScan(name, e, node),
  })
}
const cummaxRow = extremeRow('cummax')
const cumminRow = extremeRow('cummin')

/** As a tensor with at least one axis, and that axis; `finish` gives a scalar its shape back. */
function line(op: string, x: TensorLike, axis: number) {
  const t = asTensor(op, x)
  if (t.rank > 0) return { t, axis: normalizeAxis(op, axis, t.rank), finish: (y: Tensor) => y }
  normalizeAxis(op, axis, 1)
  return { t: reshape(t, [1]), axis: 0, finish: (y: Tensor) => reshape(y, []) }
}

function cumulative(row: Row<ScanAttrs>, x: TensorLike, axis: number): Tensor {
  const { t, axis: at, finish } = line(row.name, x, axis)
  const wide = isFloat(t.dtype) ? t : cast(t, 'i64')
  return finish(scanned(row, [wide], { axis: at, reverse: false }))
}

/** y[i] = x[0] + ... + x[i] along an axis, in f64; bools and integers give i64. */
export function cumsum(x: TensorLike, axis: number): Tensor {
  return cumulative(cumsumRow, x, axis)
}

/** y[i] = x[0] ... x[i] along an axis, in f64; bools and integers give i64. The gradient is right at zeros too. */
export function cumprod(x: TensorLike, axis: number): Tensor {
  return cumulative(cumprodRow, x, axis)
}

/** y[i] = log(exp(x[0]) + ... + exp(x[i])) along an axis, stable; floats only. */
export function logcumsumexp(x: TensorLike, axis: number): Tensor {
  const { dtype } = asTensor('logcumsumexp', x)
  if (!isFloat(dtype)) fail('DTYPE', 'logcumsumexp', `needs floats, got ${dtype}. Cast first: x.cast('f32').`)
  return cumulative(logcumsumexpRow, x, axis)
}

function extremes(row: Row<ScanAttrs>, x: TensorLike, axis: number): ValuesAndIndices {
  const { t, axis: at, finish } = line(row.name, x, axis)
  const [values, indices] = applyTuple(row, [t], { axis: at, reverse: false })
  return { values: finish(values!), indices: finish(indices!) }
}

/** The largest element so far along an axis, and where it stands (of equal ones the latest); NaN wins. The gradient goes there. */
export function cummax(x: TensorLike, axis: number): ValuesAndIndices {
  return extremes(cummaxRow, x, axis)
}

/** The smallest element so far along an axis, and where it stands (of equal ones the latest); NaN wins. The gradient goes there. */
export function cummin(x: TensorLike, axis: number): ValuesAndIndices {
  return extremes(cumminRow, x, axis)
}

export interface DiffOptions {
  /** How often the difference is taken. Default: 1. */
  n?: number
  /** Default: the last. */
  axis?: number
  /** Joined before and behind x along the axis first. */
  prepend?: TensorLike
  append?: TensorLike
}

/** x[i + 1] - x[i] along an axis, n times over; of bools whether they differ. */
export function diff(x: TensorLike, options: DiffOptions = {}): Tensor {
  checkOptions('diff', options, ['n', 'axis', 'prepend', 'append'])
  const { n = 1, axis = -1, prepend, append } = options
  const given = asTensor('diff', x)
  const at = normalizeAxis('diff', axis, given.rank)
  checkInteger('diff', 'n', n, 0)
  const parts = [prepend, given, append].filter((part) => part !== undefined)
  let t = parts.length > 1 ? concat(parts, at) : given
  for (let k = 0; k < n && t.shape[at]! > 0; k++) {
    const length = t.shape[at]! - 1
    const [low, high] = [narrow(t, at, 0, length), narrow(t, at, 1, length)]
    t = t.dtype === 'bool' ? ne(high, low) : sub(high, low)
  }
  return t
}

export interface TrapezoidOptions {
  /** The positions of the values: of one axis, or as y. Default: evenly `dx` apart. */
  x?: TensorLike
  /** Default: 1. */
  dx?: number
  /** Default: the last. */
  axis?: number
}

/** The areas between neighbours, dx (y[i] + y[i + 1]) / 2. */
function trapezoids(op: string, y: TensorLike, options: TrapezoidOptions): { areas: Tensor; axis: number } {
  checkOptions(op, options, ['x', 'dx', 'axis'])
  const t = asTensor(op, y)
  const axis = normalizeAxis(op, options.axis ?? -1, t.rank)
  if (options.x !== undefined && options.dx !== undefined) fail('VALUE', op, 'takes x or dx, got both.')
  const length = Math.max(0, t.shape[axis]! - 1)
  const pairs = add(narrow(t, axis, Math.min(1, t.shape[axis]!), length), narrow(t, axis, 0, length))
  if (options.x === undefined) return { areas: mul(pairs, (options.dx ?? 1) / 2), axis }
  let positions = asTensor(op, options.x)
  const behind = t.rank - 1 - axis
  if (positions.rank === 1) {
    if (positions.shape[0] !== t.shape[axis])
      fail('SHAPE', op, `x must have ${t.shape[axis]} positions, got ${positions.shape[0]}.`)
    for (let k = 0; k < behind; k++) positions = unsqueeze(positions, -1)
  }
  const steps = diff(positions, { axis: positions.rank - 1 - behind })
  return { areas: mul(mul(pairs, steps), 0.5), axis }
}

/** The integral of y along an axis by the trapezoid rule: the sum of dx (y[i] + y[i + 1]) / 2. */
export function trapezoid(y: TensorLike, options: TrapezoidOptions = {}): Tensor {
  const { areas, axis } = trapezoids('trapezoid', y, options)
  return sum(areas, axis)
}

/** The integrals of y up to every position but the first, by the trapezoid rule. */
export function cumulativeTrapezoid(y: TensorLike, options: TrapezoidOptions = {}): Tensor {
  const { areas, axis } = trapezoids('cumulativeTrapezoid', y, options)
  return cumsum(areas, axis)
}
