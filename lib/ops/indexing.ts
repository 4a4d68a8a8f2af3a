/** @file Reading and writing at positions that are data: take, gather, scatter, one-hot. */
import { isInteger } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { NodeView, Row } from '../graph/row.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { checkShape, normalizeAxis, sameShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { blocksOf, dequantize } from './blocks.ts'
import { add, clamp, eq, lt, where } from './elementwise.ts'
import { iota } from './create.ts'
import { expand, filled, reshape, slice, unsqueeze } from './layout.ts'
import { window } from './reduction.ts'
import { asTensor, cast, constant, defineRow, isScalar, operand } from './table.ts'
import type { TensorLike } from './table.ts'

interface AxisAttrs {
  readonly axis: number
}

/** @internal Positions as i64. */
export function positions(op: string, index: TensorLike): Tensor {
  const t = asTensor(op, index)
  if (!isInteger(t.dtype)) fail('DTYPE', op, `positions are integers, got ${t.dtype}. Cast first: x.cast('i64').`)
  return cast(t, 'i64')
}

const takeRow: Row<AxisAttrs> = defineRow<AxisAttrs>({
  name: 'take',
  kind: 'kernel',
  canFail: true,
  infer: ([x, ids], { axis }) => ({
    shape: [...x!.shape.slice(0, axis), ...ids!.shape, ...x!.shape.slice(axis + 1)],
    dtype: x!.dtype,
  }),
  vjp: ({ dy, inputs: [x, ids], attrs: { axis } }) => [takeAdd(ids!, dy, axis, x!.shape), null],
  emit: (e, node) => {
    const [outer, n, inner] = around(node)
    const size = node.inputs[0]!.shape[node.attrs.axis]!
    const out = window(e.output(), [outer, n, inner])
    e.instr('take', [out], [window(e.packed(e.input(0)), [outer, size, inner]), window(e.packed(e.input(1)), [n])])
  },
  moves: true,
})

/** [outer, number of ids, inner] of take(x, ids). */
function around({ attrs: { axis }, inputs: [x, ids] }: NodeView<AxisAttrs>): [number, number, number] {
  return [sizeOf(x!.shape.slice(0, axis)), sizeOf(ids!.shape), sizeOf(x!.shape.slice(axis + 1))]
}

const takeAddRow: Row<AxisAttrs & { shape: Shape }> = defineRow<AxisAttrs & { shape: Shape }>({
  name: 'takeAdd',
  kind: 'kernel',
  canFail: true,
  infer: ([, dy], { shape }) => ({ shape, dtype: dy!.dtype }),
  vjp: ({ dy: g, inputs: [ids], attrs: { axis } }) => [null, take(g, ids!, axis)],
  emit: (e, { attrs: { axis, shape }, inputs }) => {
    const [outer, size, inner] = [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))]
    const n = sizeOf(inputs[0]!.shape)
    const from = [window(e.packed(e.input(0)), [n]), window(e.packed(e.input(1)), [outer, n, inner])]
    e.instr('takeAdd', [window(e.output(), [outer, size, inner])], from)
  },
})

export interface TakeOptions {
  /** 'clip': positions out of range are those of the nearer end, and negative ones count from the end. Default: 'raise'. */
  mode?: 'raise' | 'clip'
}

/**
 * Slices of x at the given positions along an axis: the axis is replaced by the axes of `ids`. Without an axis, elements of the flattened
 * tensor, where negative positions count from the end. INDEX when one is out of range.
 */
export function take(x: TensorLike, ids: TensorLike, axis?: number, options: TakeOptions = {}): Tensor {
  checkOptions('take', options, ['mode'])
  const { mode = 'raise' } = options
  if (mode !== 'raise' && mode !== 'clip') fail('VALUE', 'take', `mode is 'raise' or 'clip', got ${String(mode)}.`)
  const t = asTensor('take', x)
  const given = positions('take', ids)
  if (axis === undefined) {
    const place = mode === 'clip' ? given : fromEnd(given, t.size)
    return take(reshape(t, [t.size]), place, 0, options)
  }
  const at = normalizeAxis('take', axis, t.rank)
  const n = t.shape[at]!
  const index = mode === 'clip' ? fromEnd(clamp(given, -n, n - 1), n) : given
  const ofBlocks = at === 0 ? blocksOf(t) : null
  if (ofBlocks) return dequantize(take(ofBlocks.blocks, index, 0), ofBlocks.encoding)
  const y = apply(takeRow, [t, index], { axis: at }, String(at))
  checkShape('take', y.shape)
  return y
}

/** @internal Negative positions of an axis counted from its end. */
export const fromEnd = (ids: Tensor, size: number): Tensor =>
  where(lt(ids, constant(0, 'i64')), add(ids, constant(size, 'i64')), ids)

/** @internal Zeros of `shape`, with the slices of `source` added at the given positions along an axis: the transpose of take. */
export function takeAdd(ids: Tensor, source: Tensor, axis: number, shape: Shape): Tensor {
  return apply(takeAddRow, [ids, source], { axis, shape })
}

/** PyTorch's name for `take` with a vector of positions. */
export function indexSelect(x: TensorLike, axis: number, ids: TensorLike): Tensor {
  if (ids.rank > 1) fail('SHAPE', 'indexSelect', `positions are a vector, got ${showShape(ids.shape)}.`)
  return take(x, asVector(ids), axis)
}

function checkIndexed(op: string, t: Tensor, index: Tensor, axis: number): void {
  const fits = index.rank === t.rank && index.shape.every((size, i) => i === axis || size <= t.shape[i]!)
  if (!fits)
    fail(
      'SHAPE',
      op,
      `the index must have as many axes and, off axis ${axis}, no larger sizes, got ${showShape(index.shape)} for ${showShape(t.shape)}.`,
    )
}

const gatherRow: Row<AxisAttrs> = defineRow<AxisAttrs>({
  name: 'gather',
  kind: 'kernel',
  canFail: true,
  infer: ([x, index]) => ({ shape: index!.shape, dtype: x!.dtype }),
  vjp: ({ dy, inputs: [x, index], attrs: { axis } }) => [scatterAdd(filled(x!.shape, 0, x!), axis, index!, dy), null],
  emit: (e, { attrs: { axis } }) =>
    e.instr('gather', [e.output()], [e.packed(e.input(0)), e.packed(e.input(1))], [axis]),
  moves: true,
})

/** y[i][j][k] = x[i][index[i][j][k]][k] for axis 1: as many elements as the index. INDEX when a position is out of range. */
export function gather(x: TensorLike, axis: number, index: TensorLike): Tensor {
  const t = asTensor('gather', x)
  if (t.rank === 0 && index.rank <= 1) return reshape(gather(reshape(t, [1]), axis, asVector(index)), index.shape)
  const at = normalizeAxis('gather', axis, t.rank)
  const ids = positions('gather', index)
  checkIndexed('gather', t, ids, at)
  return apply(gatherRow, [t, ids], { axis: at }, String(at))
}

function scatterRow(name: string, vjp: Row<AxisAttrs>['vjp'], moves: boolean): Row<AxisAttrs> {
  return defineRow<AxisAttrs>({
    name,
    kind: 'kernel',
    canFail: true,
    inPlace: [0],
    infer: ([x]) => x!,
    vjp,
    emit: (e, { attrs: { axis } }) =>
      e.instr(name, [e.output()], [e.packed(e.input(0)), e.packed(e.input(1)), e.packed(e.input(2))], [axis]),
    moves,
  })
}

const scatterAddRow = scatterRow(
  'scatterAdd',
  ({ dy, inputs: [, index], attrs: { axis }, needs }) => [dy, null, needs(2) ? gather(dy, axis, index!) : null],
  false,
)

const scatterSetRow = scatterRow(
  'scatter',
  ({ dy, inputs: [, index, source], attrs: { axis }, needs }) => [
    needs(0) ? scatter(dy, axis, index!, filled(source!.shape, 0, dy)) : null,
    null,
    needs(2) ? gather(dy, axis, index!) : null,
  ],
  true,
)

/** What is written at the positions: a number, or a tensor of which the part that the index covers is taken. */
export type Source = TensorLike | number

function scattered(row: Row<AxisAttrs>, x: TensorLike, axis: number, index: TensorLike, source: Source): Tensor {
  const t = asTensor(row.name, x)
  if (t.rank === 0) return reshape(scattered(row, reshape(t, [1]), axis, asVector(index), asVector(source)), [])
  const at = normalizeAxis(row.name, axis, t.rank)
  const ids = positions(row.name, index)
  checkIndexed(row.name, t, ids, at)
  return apply(row, [t, ids, sourceFor(row.name, t, ids, source)], { axis: at }, String(at))
}

const asVector = <S extends Source>(x: S): S | Tensor => (typeof x !== 'number' && x.rank === 0 ? reshape(x, [1]) : x)

/** The source's part for an index. */
function sourceFor(op: string, t: Tensor, ids: Tensor, source: Source): Tensor {
  if (isScalar(source)) return expand(operand(source, t.dtype), ids.shape)
  const s = asTensor(op, source)
  if (s.dtype !== t.dtype) fail('DTYPE', op, `the source must be ${t.dtype} as the tensor is, got ${s.dtype}.`)
  if (s.rank !== ids.rank || ids.shape.some((size, i) => size > s.shape[i]!)) {
    const shapes = `${showShape(s.shape)} and ${showShape(ids.shape)}`
    fail('SHAPE', op, `the source must have as many axes as the index, and no smaller sizes, got ${shapes}.`)
  }
  return sameShape(s.shape, ids.shape)
    ? s
    : slice(
        s,
        ids.shape.map((size) => [0, size] as const),
      )
}

/** @internal The rows of scatterReduce, each with its own gradient rule. */
export const combinedScatter = (name: string, vjp: Row<AxisAttrs>['vjp']): ScatterOp => {
  const row = scatterRow(name, vjp, false)
  return (x, axis, index, source) => scattered(row, x, axis, index, source)
}
export type ScatterOp = (x: TensorLike, axis: number, index: TensorLike, source: Source) => Tensor

/** A copy of x with source (or a number) written at the positions along the axis (of equal positions the last one stays). INDEX out of range. */
export function scatter(x: TensorLike, axis: number, index: TensorLike, source: Source): Tensor {
  return scattered(scatterSetRow, x, axis, index, source)
}

/** A copy of x with source added at the positions along the axis. INDEX out of range. */
export function scatterAdd(x: TensorLike, axis: number, index: TensorLike, source: Source): Tensor {
  if (asTensor('scatterAdd', x).dtype === 'bool')
    fail('DTYPE', 'scatterAdd', "does not take bool. Cast it first: x.cast('i64').")
  return scattered(scatterAddRow, x, axis, index, source)
}

/** 1 at each label, else 0: labels [...] -> [..., numClasses], i64. */
export function oneHot(labels: TensorLike, numClasses: number): Tensor {
  const ids = positions('oneHot', labels)
  checkInteger('oneHot', 'numClasses', numClasses, 1)
  return cast(eq(unsqueeze(ids, -1), iota([numClasses], 'i64')), 'i64')
}
