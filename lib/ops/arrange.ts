/** @file Tensors taken apart and put together otherwise, made of the layout ops: stacks, chunks, rolls, rotations, repeats, windows. */
import { checkInteger, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { checkShape, normalizeAxes, normalizeAxis, showShape, sizeOf, stridesOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { iota, tensor } from './create.ts'
import { add, mul } from './elementwise.ts'
import { take, takeAdd } from './indexing.ts'
import {
  concat,
  expand,
  flatten,
  flip,
  narrow,
  permute,
  reshape,
  slice,
  split,
  transpose,
  unsqueeze,
} from './layout.ts'
import { asTensor, constant, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

/** One axis as several of the given sizes; one of them may be -1. */
export function unflatten(x: TensorLike, axis: number, sizes: Shape): Tensor {
  const t = asTensor('unflatten', x)
  const at = normalizeAxis('unflatten', axis, t.rank)
  const known = sizeOf(sizes.filter((size) => size !== -1))
  const full = sizes.map((size) => (size === -1 && known > 0 ? t.shape[at]! / known : size))
  if (sizeOf(full) !== t.shape[at] || full.some((size) => !Number.isInteger(size) || size < 0))
    fail('SHAPE', 'unflatten', `${showShape(sizes)} does not make an axis of ${t.shape[at]}.`)
  return reshape(t, [...t.shape.slice(0, at), ...full, ...t.shape.slice(at + 1)])
}

/** Moves axes to other places; the rest keep their order. */
export function movedim(
  x: TensorLike,
  source: number | readonly number[],
  destination: number | readonly number[],
): Tensor {
  const t = asTensor('movedim', x)
  const listOf = (axes: number | readonly number[]) =>
    (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis('movedim', axis, t.rank))
  const [from, to] = [listOf(source), listOf(destination)]
  if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length)
    fail('AXIS', 'movedim', `needs as many different axes on both sides, got ${showShape(from)} and ${showShape(to)}.`)
  const rest = t.shape.map((_, i) => i).filter((axis) => !from.includes(axis))
  return permute(
    t,
    t.shape.map((_, i) => (to.includes(i) ? from[to.indexOf(i)]! : rest.shift()!)),
  )
}

/** The transpose of a matrix; vectors and scalars stay as they are. */
export function t(x: TensorLike): Tensor {
  const y = asTensor('t', x)
  if (y.rank > 2) fail('SHAPE', 't', `needs at most 2 axes, got ${showShape(y.shape)}. Use transpose() or permute().`)
  return y.rank === 2 ? transpose(y, 0, 1) : y
}

/** With leading or trailing axes of size 1 up to a rank. */
function atLeast(op: string, tensors: readonly TensorLike[], rank: 1 | 2 | 3): Tensor[] {
  if (!Array.isArray(tensors) || tensors.length === 0) return fail('VALUE', op, 'needs a list of at least one tensor.')
  return tensors.map((given) => {
    let y = asTensor(op, given as TensorLike)
    if (y.rank === 0) y = reshape(y, [1])
    if (rank > 1 && y.rank === 1) y = unsqueeze(y, 0)
    return rank > 2 && y.rank === 2 ? unsqueeze(y, 2) : y
  })
}

/** Joins tensors side by side: along the second axis, vectors along their only one. */
export function hstack(tensors: readonly TensorLike[]): Tensor {
  const list = atLeast('hstack', tensors, 1)
  return concat(list, list[0]!.rank === 1 ? 0 : 1)
}

/** Joins tensors on top of each other: along the first axis, vectors as rows. */
export const vstack = (tensors: readonly TensorLike[]): Tensor => concat(atLeast('vstack', tensors, 2), 0)

/** Joins tensors behind each other: along the third axis. */
export const dstack = (tensors: readonly TensorLike[]): Tensor => concat(atLeast('dstack', tensors, 3), 2)

/** At most n parts of equal length along an axis; the last may be shorter. */
export function chunk(x: TensorLike, n: number, axis = 0): Tensor[] {
  const y = asTensor('chunk', x)
  const at = normalizeAxis('chunk', axis, y.rank)
  checkInteger('chunk', 'n', n, 1)
  if (y.shape[at] === 0) return Array.from({ length: n }, () => y)
  return split(y, Math.ceil(y.shape[at]! / n), at)
}

/** The slices along an axis, without it. */
export function unbind(x: TensorLike, axis = 0): Tensor[] {
  const y = asTensor('unbind', x)
  const at = normalizeAxis('unbind', axis, y.rank)
  const before = y.shape.slice(0, at).map(() => null)
  return Array.from({ length: y.shape[at]! }, (_, i) => slice(y, [...before, i]))
}

/** Parts along an axis: so many, as even as can be, or cut before the given positions. */
export function tensorSplit(x: TensorLike, sections: number | readonly number[], axis = 0): Tensor[] {
  const y = asTensor('tensorSplit', x)
  const at = normalizeAxis('tensorSplit', axis, y.rank)
  const size = y.shape[at]!
  const before = y.shape.slice(0, at).map(() => null)
  const cut = (start: number | null, stop: number | null) => slice(y, [...before, [start, stop]])
  if (typeof sections !== 'number') {
    const ends = [...sections, null]
    return ends.map((stop, i) => cut(i === 0 ? null : ends[i - 1]!, stop))
  }
  checkInteger('tensorSplit', 'sections', sections, 1)
  const [length, longer] = [Math.floor(size / sections), size % sections]
  return split(
    y,
    Array.from({ length: sections }, (_, i) => length + (i < longer ? 1 : 0)),
    at,
  )
}

/** Moves elements along axes; what leaves at one end comes back at the other. Without axes, in the flattened tensor. */
export function roll(x: TensorLike, shifts: number | readonly number[], axes?: number | readonly number[]): Tensor {
  const given = asTensor('roll', x)
  const by = typeof shifts === 'number' ? [shifts] : shifts
  if (axes === undefined && by.length === 1) return reshape(roll(flatten(given), by, 0), given.shape)
  const along = typeof axes === 'number' ? [axes] : (axes ?? [])
  if (by.length !== along.length)
    fail('VALUE', 'roll', `needs a shift for each axis, got ${by.length} for ${along.length}.`)
  return along.reduce((y, axis, i) => {
    const at = normalizeAxis('roll', axis, y.rank)
    const size = y.shape[at]!
    if (!Number.isInteger(by[i])) fail('VALUE', 'roll', `a shift is an integer, got ${by[i]}.`)
    const shift = size === 0 ? 0 : ((by[i]! % size) + size) % size
    if (shift === 0) return y
    return concat([narrow(y, at, size - shift, shift), narrow(y, at, 0, size - shift)], at)
  }, given)
}

/** Turns the plane of two axes k times by 90 degrees, from the first towards the second. */
export function rot90(x: TensorLike, k = 1, axes: readonly [number, number] = [0, 1]): Tensor {
  const y = asTensor('rot90', x)
  if (!Number.isInteger(k)) fail('VALUE', 'rot90', `k is an integer, got ${k}.`)
  if (axes.length !== 2 || normalizeAxes('rot90', axes, y.rank).length !== 2)
    fail('AXIS', 'rot90', `needs two axes, got ${showShape(axes)}.`)
  const [a, b] = axes
  const turns = ((k % 4) + 4) % 4
  if (turns === 0) return y
  if (turns === 2) return flip(y, [a, b])
  return turns === 1 ? transpose(flip(y, b), a, b) : flip(transpose(y, a, b), b)
}

/** Each slice along an axis so many times (one number, or one for each); without an axis, of the flattened tensor. */
export function repeatInterleave(x: TensorLike, repeats: number | readonly number[], axis?: number): Tensor {
  const given = asTensor('repeatInterleave', x)
  const y = axis === undefined ? flatten(given) : given
  const at = normalizeAxis('repeatInterleave', axis ?? 0, y.rank)
  if (typeof repeats !== 'number') return repeatedEach(y, repeats, at)
  checkInteger('repeatInterleave', 'repeats', repeats, 0)
  const wide = unsqueeze(y, at + 1)
  const sizes = wide.shape.map((size, i) => (i === at + 1 ? repeats : size))
  return flatten(expand(wide, sizes), at, at + 1)
}

function repeatedEach(y: Tensor, repeats: readonly number[], axis: number): Tensor {
  repeats.forEach((n) => checkInteger('repeatInterleave', 'repeats', n, 0))
  if (repeats.length !== y.shape[axis])
    fail('SHAPE', 'repeatInterleave', `needs ${y.shape[axis]} repeats, got ${repeats.length}.`)
  const ids = repeats.flatMap((n, i) => new Array<bigint>(n).fill(BigInt(i)))
  return take(y, tensor(BigInt64Array.from(ids), { transfer: true }), axis)
}

interface StridedAttrs {
  readonly shape: Shape
  readonly strides: readonly number[]
  readonly offset: number
}

/** A window on a flat tensor, in which elements may lie several times. */
const stridedRow: Row<StridedAttrs> = defineRow<StridedAttrs>({
  name: 'asStrided',
  kind: 'view',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy, inputs: [x], attrs }) => [takeAdd(positionsOf(attrs), reshape(dy, [dy.size]), 0, x!.shape)],
  view: (input, dims, { strides, offset }) => {
    if (input.strides[0] !== 1 && input.dims[0]! > 1) return null
    return { ...input, dims, strides, offset: sizeOf(dims) > 0 ? input.offset + offset : input.offset }
  },
  moves: true,
})

function positionsOf({ shape, strides, offset }: StridedAttrs): Tensor {
  const axes = shape.map((size, i) => {
    const line = mul(iota([size], 'i64'), constant(strides[i]!, 'i64'))
    return reshape(
      line,
      shape.map((_, k) => (k === i ? size : 1)),
    )
  })
  const all = axes.reduce<Tensor>((sum, line) => add(sum, line), constant(offset, 'i64'))
  return reshape(expand(all, shape), [sizeOf(shape)])
}

/** Element p of the result is element offset + sum p[i] strides[i] of x, counted row-major. The gradient adds up what was read several times. */
export function asStrided(x: TensorLike, shape: Shape, strides: readonly number[], offset = 0): Tensor {
  const given = asTensor('asStrided', x)
  checkShape('asStrided', shape)
  strides.forEach((stride) => checkInteger('asStrided', 'a stride', stride, 0))
  checkInteger('asStrided', 'offset', offset, 0)
  if (strides.length !== shape.length)
    fail('SHAPE', 'asStrided', `needs a stride for each of ${shape.length} axes, got ${strides.length}.`)
  const last = shape.reduce((at, size, i) => at + (size - 1) * strides[i]!, offset)
  if (sizeOf(shape) > 0 && last >= given.size)
    fail('SHAPE', 'asStrided', `reaches element ${last} of ${showShape(given.shape)}, which has ${given.size}.`)
  const attrs = { shape: [...shape], strides: [...strides], offset }
  return apply(stridedRow, [reshape(given, [given.size])], attrs, `${shape.join()};${strides.join()};${offset}`)
}

/** Windows of so many elements along an axis, `step` apart, as a new last axis (PyTorch's Tensor.unfold). Copies nothing. */
export function unfoldAxis(x: TensorLike, axis: number, size: number, step: number): Tensor {
  const given = asTensor('unfoldAxis', x)
  const y = given.rank === 0 ? reshape(given, [1]) : given
  const at = normalizeAxis('unfoldAxis', axis, y.rank)
  checkInteger('unfoldAxis', 'size', size, 0, y.shape[at])
  checkInteger('unfoldAxis', 'step', step, 1)
  const strides = stridesOf(y.shape)
  const count = Math.floor((y.shape[at]! - size) / step) + 1
  const shape = [...y.shape.map((n, i) => (i === at ? count : n)), size]
  return asStrided(y, shape, [...strides.map((stride, i) => (i === at ? stride * step : stride)), strides[at]!])
}
