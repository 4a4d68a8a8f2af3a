/** @file Reading and writing by subscripts, as Python's x[...]: positions, ranges, new axes, the rest, and tensors of positions. */
import { checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { broadcast, showShape, sizeOf, stridesOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { add, ge, logicalOr, lt, mul, where } from './elementwise.ts'
import { fromEnd, positions, scatter, take, takeAdd } from './indexing.ts'
import { expand, permute, reshape, slice } from './layout.ts'
import type { SliceRange } from './layout.ts'
import { asTensor, cast, constant, isScalar, operand } from './table.ts'
import type { TensorLike } from './table.ts'

/**
 * - a number: one position (negative counts from the end); the axis is dropped
 * - `[start, stop, step]`, each may be missing or null: a range, as in `slice`; `[]` is the whole axis
 * - `null`: a new axis of size 1
 * - `'...'`: all axes that are not named, once at most
 * - a tensor of integers: those positions; several of them broadcast to one shape, as in PyTorch
 */
export type Subscript = number | readonly (number | null)[] | null | '...' | TensorLike

const isTensor = (item: unknown): item is TensorLike => item instanceof Tensor || item instanceof Variable

/** @internal How many axes a subscript takes. */
export const axesTaken = (item: Subscript): number =>
  item === null || item === '...' ? 0 : isTensor(item) && item.dtype === 'bool' ? item.rank : 1

/** @internal With the axes that are not named written out. */
export function completed(op: string, items: readonly Subscript[], rank: number): Subscript[] {
  const named = items.reduce<number>((n, item) => n + axesTaken(item), 0)
  if (named > rank) fail('AXIS', op, `has ${named} subscripts for ${rank} axes.`)
  const rest = new Array<Subscript>(rank - named).fill([])
  const dots = items.flatMap((item, i) => (item === '...' ? [i] : []))
  if (dots.length > 1) fail('VALUE', op, `'...' may stand once, got it ${dots.length} times.`)
  const at = dots[0] ?? items.length
  return [...items.slice(0, at), ...rest, ...items.slice(dots.length ? at + 1 : at)]
}

interface Prepared {
  /** With positions, ranges and new axes dealt with. */
  readonly x: Tensor
  /** Positions by the axis that they are of; they have one shape. */
  readonly ids: readonly Tensor[]
  readonly axes: readonly number[]
}

function prepared(op: string, x: Tensor, items: readonly Subscript[]): Prepared {
  const full = completed(op, items, x.rank)
  const ranges = full.filter((item) => item !== null).map((item): SliceRange => rangeOf(op, item))
  const y = slice(x, ranges)
  const shape: number[] = []
  const found: { axis: number; ids: Tensor }[] = []
  let axis = 0
  for (const item of full) {
    if (typeof item === 'number') continue
    if (isTensor(item)) found.push({ axis: shape.length, ids: positions(op, item) })
    shape.push(item === null ? 1 : y.shape[axis++]!)
  }
  const common = found.reduce<Shape>((all, { ids }) => broadcast(op, all, ids.shape), [])
  return {
    x: reshape(y, shape),
    ids: found.map(({ ids }) => expand(ids, common)),
    axes: found.map((one) => one.axis),
  }
}

function rangeOf(op: string, item: Exclude<Subscript, null>): SliceRange {
  if (typeof item === 'number') return item
  if (isTensor(item)) {
    if (item.dtype === 'bool')
      fail('DYNAMIC', op, `the result of a mask has a shape that depends on data. Use await ${op}Async(...).`)
    return null
  }
  if (!Array.isArray(item)) return fail('VALUE', op, `no subscript: ${String(item)}.`)
  return item.length === 0 ? null : (item as unknown as SliceRange)
}

/** The axes with positions as one, behind those before them if they are neighbours, else in front; x as [.., P, ..]. */
function merged({ x, ids, axes }: Prepared): { y: Tensor; order: number[]; lead: number; flat: Tensor } {
  const areNeighbours = axes.every((axis, i) => i === 0 || axis === axes[i - 1]! + 1)
  const rest = x.shape.map((_, i) => i).filter((axis) => !axes.includes(axis))
  const lead = areNeighbours ? axes[0]! : 0
  const order = [...rest.slice(0, lead), ...axes, ...rest.slice(lead)]
  const moved = permute(x, order)
  const sizes = axes.map((axis) => x.shape[axis]!)
  const size = sizeOf(sizes)
  const y = reshape(moved, [...moved.shape.slice(0, lead), size, ...moved.shape.slice(lead + axes.length)])
  return { y, order, lead, flat: flatIds(ids, sizes) }
}

/** Positions in axes of the given sizes as positions in one; out of range stays out of range. */
function flatIds(ids: readonly Tensor[], sizes: readonly number[]): Tensor {
  const number = (value: number) => constant(value, 'i64')
  const own = ids.map((t, i) => fromEnd(t, sizes[i]!))
  if (own.length === 1) return own[0]!
  const strides = stridesOf(sizes)
  const isBad = own.map((t, i) => logicalOr(lt(t, number(0)), ge(t, number(sizes[i]!)))).reduce(logicalOr)
  return where(
    isBad,
    number(-1),
    own.map((t, i) => mul(t, number(strides[i]!))).reduce((a, b) => add(a, b)),
  )
}

/**
 * x[items] as in PyTorch: `index(x, [0, '...', [1, null, 2]])`. Tensors of positions that stand side by side are replaced by their common
 * shape, otherwise it comes first. The gradient adds up at equal positions. INDEX out of range. Masks need `indexAsync`.
 */
export function index(x: TensorLike, items: readonly Subscript[]): Tensor {
  const whole = prepared('index', asTensor('index', x), items)
  if (whole.axes.length === 0) return whole.x
  const { y, lead, flat } = merged(whole)
  return take(y, flat, lead)
}

export interface IndexPutOptions {
  /** Add instead of overwriting. Default: false. */
  accumulate?: boolean
}

/**
 * A copy of x with the values, broadcast to x[items], written there or added (of equal positions the last one stays, or all are added).
 * INDEX out of range. Masks need `indexPutAsync`.
 */
export function indexPut(
  x: TensorLike,
  items: readonly Subscript[],
  values: TensorLike | number,
  options: IndexPutOptions = {},
): Tensor {
  checkOptions('indexPut', options, ['accumulate'])
  const t = asTensor('indexPut', x)
  const whole = prepared('indexPut', t, items)
  if (whole.axes.length === 0 || whole.x.size !== t.size)
    fail('VALUE', 'indexPut', 'needs tensors of positions, and of other axes all. Use where() or concat() for ranges.')
  const { y, order, lead, flat } = merged(whole)
  const shape = [...y.shape.slice(0, lead), ...flat.shape, ...y.shape.slice(lead + 1)]
  const source = expand(valuesOf(values, t, shape), shape)
  const put = options.accumulate
    ? add(y, takeAdd(flat, source, lead, y.shape))
    : scatter(y, lead, lines(flat, y.shape, lead), reshape(source, lined(flat, y.shape, lead)))
  const back = order.map((_, axis) => order.indexOf(axis))
  return reshape(
    permute(
      reshape(
        put,
        order.map((axis) => whole.x.shape[axis]!),
      ),
      back,
    ),
    t.shape,
  )
}

function valuesOf(values: TensorLike | number, t: Tensor, shape: Shape): Tensor {
  const s = isScalar(values) ? operand(values, t.dtype) : asTensor('indexPut', values)
  if (s.dtype !== t.dtype) fail('DTYPE', 'indexPut', `values must be ${t.dtype} as the tensor is, got ${s.dtype}.`)
  if (s.rank > shape.length || s.shape.some((size, i) => size !== 1 && size !== shape[shape.length - s.rank + i]))
    fail('SHAPE', 'indexPut', `values must broadcast to ${showShape(shape)}, got ${showShape(s.shape)}.`)
  return cast(s, t.dtype)
}

const lined = (flat: Tensor, shape: Shape, axis: number) => shape.map((size, i) => (i === axis ? flat.size : size))

/** Positions of one axis, repeated along the others. */
function lines(flat: Tensor, shape: Shape, axis: number): Tensor {
  const line = reshape(
    flat,
    shape.map((_, i) => (i === axis ? flat.size : 1)),
  )
  return expand(line, lined(flat, shape, axis))
}
