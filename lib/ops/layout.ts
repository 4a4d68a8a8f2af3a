/** @file Ops that only move elements: reshape, permute, expand, slice, pad, concat, and what is made of them. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Emitter, Operand, Row } from '../graph/row.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { checkShape, MAX_RANK, normalizeAxis, sameShape, showShape, sizeOf, stridesOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { promote } from '../dtype.ts'
import { sumTo } from './reduction.ts'
import { asTensor, cast, constant, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

interface ShapeAttrs {
  readonly shape: Shape
}

const packedStrides = (operand: Operand) => {
  const strides = stridesOf(operand.dims)
  return operand.dims.every((size, i) => size === 1 || operand.strides[i] === strides[i])
}

const reshapeRow: Row<ShapeAttrs> = defineRow<ShapeAttrs>({
  name: 'reshape',
  kind: 'view',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy, inputs: [x] }) => [reshape(dy, x!.shape)],
  view: (input, shape) => {
    const strides = packedStrides(input) ? stridesOf(shape) : regrouped(input, shape)
    return strides && { ...input, dims: shape, strides }
  },
  moves: true,
})

/**
 * Strides under which memory with gaps has another shape: axes are split, and joined where they follow each other without a gap.
 * Null: that takes a copy.
 */
function regrouped({ dims, strides }: Operand, shape: Shape): number[] | null {
  if (sizeOf(shape) === 0) return null
  // Axes of size 1 have no stride to speak of.
  const from = dims.flatMap((size, i) => (size === 1 ? [] : [{ size, stride: strides[i]! }]))
  const found: number[] = []
  let left = 1
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!
    if (size === 1) {
      found.unshift(left * stride)
      continue
    }
    while (left % size !== 0 || left === 1) {
      const next = from.pop()
      if (!next || (left > 1 && next.stride !== left * stride)) return null
      if (left === 1) stride = next.stride
      left *= next.size
    }
    found.unshift(stride)
    left /= size
    stride *= size
  }
  return found
}

/** The same elements in row-major order under another shape; one size may be -1. */
export function reshape(x: TensorLike, shape: Shape): Tensor {
  const t = asTensor('reshape', x)
  if (sameShape(t.shape, shape)) return t
  const hole = shape.indexOf(-1)
  let full = shape
  if (hole >= 0) {
    const known = sizeOf(shape.filter((_, i) => i !== hole))
    if (known > 0 && t.size % known === 0) full = shape.map((size, i) => (i === hole ? t.size / known : size))
  }
  if (full.includes(-1) || sizeOf(checkShape('reshape', full)) !== t.size) {
    fail(
      'SHAPE',
      'reshape',
      `sizes must agree, got ${showShape(t.shape)} (${t.size} elements) and ${showShape(shape)}.`,
    )
  }
  return apply(reshapeRow, [t], { shape: [...full] }, full.join())
}

/** Axes [start, end] as one. */
export function flatten(x: TensorLike, start = 0, end = -1): Tensor {
  const t = asTensor('flatten', x)
  if (t.rank === 0) return reshape(t, [1])
  const [first, last] = [normalizeAxis('flatten', start, t.rank), normalizeAxis('flatten', end, t.rank)]
  if (first > last) fail('AXIS', 'flatten', `start must not be after end, got ${start} and ${end}.`)
  return reshape(t, [...t.shape.slice(0, first), sizeOf(t.shape.slice(first, last + 1)), ...t.shape.slice(last + 1)])
}

/** Adds an axis of size 1. */
export function unsqueeze(x: TensorLike, axis: number): Tensor {
  const t = asTensor('unsqueeze', x)
  const at = normalizeAxis('unsqueeze', axis, t.rank + 1)
  return reshape(t, [...t.shape.slice(0, at), 1, ...t.shape.slice(at)])
}

/** Drops an axis of size 1 (others stay), or all of them. */
export function squeeze(x: TensorLike, axis?: number | readonly number[]): Tensor {
  const t = asTensor('squeeze', x)
  const given = axis === undefined ? t.shape.map((_, i) => i) : typeof axis === 'number' ? [axis] : axis
  const axes = given.map((a) => normalizeAxis('squeeze', a, t.rank))
  return reshape(
    t,
    t.shape.filter((size, i) => size !== 1 || !axes.includes(i)),
  )
}

const permuteRow: Row<{ axes: readonly number[] }> = defineRow<{ axes: readonly number[] }>({
  name: 'permute',
  kind: 'view',
  infer: ([x], { axes }) => ({ shape: axes.map((axis) => x!.shape[axis]!), dtype: x!.dtype }),
  vjp: ({ dy, attrs: { axes } }) => [
    permute(
      dy,
      axes.map((_, i) => axes.indexOf(i)),
    ),
  ],
  view: (input, shape, { axes }) => ({ ...input, dims: shape, strides: axes.map((axis) => input.strides[axis]!) }),
  moves: true,
})

/** Axes in another order: result axis i is axis axes[i] of x. */
export function permute(x: TensorLike, axes: readonly number[]): Tensor {
  const t = asTensor('permute', x)
  const order = axes.map((axis) => normalizeAxis('permute', axis, t.rank))
  if (order.length !== t.rank || new Set(order).size !== t.rank) {
    fail('AXIS', 'permute', `needs each of ${t.rank} axes once, got ${showShape(axes)}.`)
  }
  if (order.every((axis, i) => axis === i)) return t
  return apply(permuteRow, [t], { axes: order }, order.join())
}

/** Swaps two axes. */
export function transpose(x: TensorLike, a = -2, b = -1): Tensor {
  const t = asTensor('transpose', x)
  const [i, j] = [normalizeAxis('transpose', a, t.rank), normalizeAxis('transpose', b, t.rank)]
  const order = t.shape.map((_, k) => (k === i ? j : k === j ? i : k))
  return permute(t, order)
}

const expandRow: Row<ShapeAttrs> = defineRow<ShapeAttrs>({
  name: 'expand',
  kind: 'view',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy, inputs: [x] }) => [sumTo(dy, x!.shape)],
  view: (input, shape) => broadcastOperand(input, shape),
  moves: true,
})

/** The operand read as if it had `shape`: repeated axes get stride 0. */
export function broadcastOperand(input: Operand, shape: readonly number[]): Operand {
  const lead = shape.length - input.dims.length
  const strides = shape.map((size, i) =>
    i < lead || (input.dims[i - lead] === 1 && size !== 1) ? 0 : input.strides[i - lead]!,
  )
  return { ...input, dims: shape, strides }
}

/** Repeats axes of size 1 (and new leading ones) up to `shape`; -1 keeps a size. */
export function expand(x: TensorLike, shape: Shape): Tensor {
  const t = asTensor('expand', x)
  if (sameShape(t.shape, shape)) return t
  const lead = shape.length - t.rank
  const full = shape.map((size, i) => (size === -1 && i >= lead ? t.shape[i - lead]! : size))
  checkShape('expand', full)
  if (lead < 0 || t.shape.some((size, i) => size !== 1 && size !== full[lead + i])) {
    fail('SHAPE', 'expand', `only axes of size 1 can be repeated, got ${showShape(t.shape)} and ${showShape(shape)}.`)
  }
  return sameShape(t.shape, full) ? t : apply(expandRow, [t], { shape: full }, full.join())
}

interface SliceAttrs {
  readonly starts: readonly number[]
  readonly steps: readonly number[]
  readonly shape: Shape
}

const sliceRow: Row<SliceAttrs> = defineRow<SliceAttrs>({
  name: 'slice',
  kind: 'view',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy, inputs: [x], attrs: { starts, steps } }) => [place(dy, x!.shape, starts, steps, 0)],
  view: (input, shape, attrs) => windowOf(input, shape, attrs),
  moves: true,
})

function windowOf(
  input: Operand,
  dims: Shape,
  { starts, steps }: { starts: readonly number[]; steps: readonly number[] },
): Operand {
  let offset = input.offset
  // An empty window may start just past the end: it stays where the buffer begins.
  if (sizeOf(dims) > 0) starts.forEach((start, i) => (offset += start * input.strides[i]!))
  return { ...input, dims, offset, strides: input.strides.map((stride, i) => stride * steps[i]!) }
}

export type SliceRange = number | null | readonly [start?: number | null, stop?: number | null, step?: number]

/**
 * A part of the tensor, one range an axis: `[start, stop, step]` as in Python (negative counts from the end, step may be negative),
 * `null` for all of the axis, a number for one position (the axis is dropped).
 */
export function slice(x: TensorLike, ranges: readonly SliceRange[]): Tensor {
  const t = asTensor('slice', x)
  if (ranges.length > t.rank) fail('AXIS', 'slice', `has ${ranges.length} ranges for ${t.rank} axes.`)
  const parts = t.shape.map((size, i) => resolveRange(size, ranges[i] ?? null, i))
  const shape = parts.map((part) => part.count)
  const dropped = shape.filter((_, i) => typeof ranges[i] !== 'number')
  const starts = parts.map((part) => part.start)
  const steps = parts.map((part) => part.step)
  return reshape(sliced(t, starts, steps, shape), dropped)
}

function sliced(t: Tensor, starts: number[], steps: number[], shape: number[]): Tensor {
  if (sameShape(t.shape, shape) && steps.every((step) => step === 1)) return t
  return apply(sliceRow, [t], { starts, steps, shape }, `${starts.join()};${steps.join()};${shape.join()}`)
}

function resolveRange(size: number, range: SliceRange, axis: number): { start: number; step: number; count: number } {
  if (range === null) return { start: 0, step: 1, count: size }
  if (typeof range === 'number') {
    if (!Number.isInteger(range) || range < -size || range >= size) {
      fail('INDEX', 'slice', `position ${range} is out of range for axis ${axis} of size ${size}.`)
    }
    return { start: range < 0 ? range + size : range, step: 1, count: 1 }
  }
  const step = range[2] ?? 1
  if (!Number.isInteger(step) || step === 0) fail('VALUE', 'slice', `a step is an integer, not 0, got ${step}.`)
  const bound = (value: number | null | undefined, missing: number) => {
    if (value === null || value === undefined) return missing
    if (!Number.isInteger(value)) fail('VALUE', 'slice', `a bound is an integer, got ${value}.`)
    const at = value < 0 ? value + size : value
    return step > 0 ? Math.min(Math.max(at, 0), size) : Math.min(Math.max(at, -1), size - 1)
  }
  const start = bound(range[0], step > 0 ? 0 : size - 1)
  const stop = bound(range[1], step > 0 ? size : -1)
  return { start, step, count: Math.max(0, Math.ceil((stop - start) / step)) }
}

/** Elements [start, start + length) of one axis. */
export function narrow(x: TensorLike, axis: number, start: number, length: number): Tensor {
  const t = asTensor('narrow', x)
  const at = normalizeAxis('narrow', axis, t.rank)
  const from = start < 0 ? start + t.shape[at]! : start
  checkInteger('narrow', 'start', from, 0, t.shape[at]!)
  checkInteger('narrow', 'length', length, 0, t.shape[at]! - from)
  return slice(t, [...t.shape.slice(0, at).map(() => null), [from, from + length]])
}

/** Reverses axes. */
export function flip(x: TensorLike, axes: number | readonly number[]): Tensor {
  const t = asTensor('flip', x)
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis('flip', axis, t.rank))
  return slice(
    t,
    t.shape.map((_, i) => (list.includes(i) ? ([null, null, -1] as const) : null)),
  )
}

interface PlaceAttrs {
  readonly shape: Shape
  readonly starts: readonly number[]
  readonly steps: readonly number[]
  readonly value: number
}

const placeRow: Row<PlaceAttrs> = defineRow<PlaceAttrs>({
  name: 'place',
  kind: 'kernel',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy, inputs: [x], attrs }) => [sliced(dy, [...attrs.starts], [...attrs.steps], [...x!.shape])],
  emit: (e, { attrs, inputs }) => {
    const out = e.output()
    e.fill(out, attrs.value)
    e.copy(windowOf(out, inputs[0]!.shape, attrs), e.input(0))
  },
  moves: true,
})

/** @internal A tensor of `shape` filled with `value`, with x at `starts` in `steps`: the transpose of a slice. */
export function place(
  x: Tensor,
  shape: Shape,
  starts: readonly number[],
  steps: readonly number[],
  value: number,
): Tensor {
  return apply(placeRow, [x], { shape, starts, steps, value })
}

export interface PadOptions {
  /** What fills the border. Default: 0. */
  value?: number
}

/** Adds a border: `[before, after]` for each axis, the last ones if fewer are given. Negative numbers cut. */
export function pad(x: TensorLike, border: readonly (readonly [number, number])[], options: PadOptions = {}): Tensor {
  checkOptions('pad', options, ['value'])
  let t = asTensor('pad', x)
  if (border.length > t.rank) fail('AXIS', 'pad', `has borders for ${border.length} axes, got ${showShape(t.shape)}.`)
  const full = [...t.shape.slice(border.length).map(() => [0, 0] as const), ...border]
  full.flat().forEach((n) => Number.isInteger(n) || fail('VALUE', 'pad', `a border is an integer, got ${n}.`))
  if (full.some(([a, b], i) => t.shape[i]! + a + b < 0))
    fail('SHAPE', 'pad', `cuts more than there is of ${showShape(t.shape)}.`)
  if (full.flat().some((n) => n < 0)) {
    t = slice(
      t,
      full.map(([a, b], i) => [Math.max(0, -a), t.shape[i]! + Math.min(0, b)] as const),
    )
  }
  const before = full.map(([a]) => Math.max(0, a))
  const shape = t.shape.map((size, i) => size + before[i]! + Math.max(0, full[i]![1]))
  return sameShape(shape, t.shape)
    ? t
    : place(
        t,
        checkShape('pad', shape),
        before,
        shape.map(() => 1),
        options.value ?? 0,
      )
}

const concatRow: Row<{ axis: number }> = defineRow<{ axis: number }>({
  name: 'concat',
  kind: 'kernel',
  infer: (inputs, { axis }) => {
    const shape = [...inputs[0]!.shape]
    shape[axis] = inputs.reduce((n, input) => n + input.shape[axis]!, 0)
    return { shape, dtype: inputs[0]!.dtype }
  },
  vjp: ({ dy, inputs, attrs: { axis } }) => {
    let at = 0
    return inputs.map((input) => {
      const length = input.shape[axis]!
      at += length
      return narrow(dy, axis, at - length, length)
    })
  },
  emit: (e: Emitter, { attrs: { axis }, inputs }) => {
    const out = e.output()
    let at = 0
    inputs.forEach((input, i) => {
      const starts = input.shape.map((_, k) => (k === axis ? at : 0))
      e.copy(windowOf(out, input.shape, { starts, steps: starts.map(() => 1) }), e.input(i))
      at += input.shape[axis]!
    })
  },
  moves: true,
})

/** Joins tensors along an axis; the other sizes agree. */
export function concat(tensors: readonly TensorLike[], axis = 0): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0)
    return fail('VALUE', 'concat', 'needs a list of at least one tensor.')
  let list = tensors.map((x) => asTensor('concat', x as TensorLike))
  const first = list[0]!
  if (first.rank === 0) fail('SHAPE', 'concat', 'scalars cannot be joined. Use stack().')
  const at = normalizeAxis('concat', axis, first.rank)
  for (const t of list) {
    if (t.rank !== first.rank || t.shape.some((size, i) => i !== at && size !== first.shape[i])) {
      fail(
        'SHAPE',
        'concat',
        `shapes must agree off axis ${at}, got ${showShape(first.shape)} and ${showShape(t.shape)}.`,
      )
    }
  }
  const dtype = list.map((t) => t.dtype).reduce(promote)
  list = list.map((t) => cast(t, dtype))
  return list.length === 1 ? list[0]! : apply(concatRow, list, { axis: at }, String(at))
}

/** Joins tensors of one shape along a new axis. */
export function stack(tensors: readonly TensorLike[], axis = 0): Tensor {
  const list = tensors.map((x) => asTensor('stack', x))
  if (list.some((t) => !sameShape(t.shape, list[0]!.shape))) {
    fail('SHAPE', 'stack', `shapes must be equal, got ${list.map((t) => showShape(t.shape)).join(', ')}.`)
  }
  return concat(
    list.map((t) => unsqueeze(t, axis)),
    list[0] ? normalizeAxis('stack', axis, list[0].rank + 1) : 0,
  )
}

/** Parts of given length along an axis (the last may be shorter), or of the lengths given. */
export function split(x: TensorLike, lengths: number | readonly number[], axis = 0): Tensor[] {
  const t = asTensor('split', x)
  const at = normalizeAxis('split', axis, t.rank)
  const size = t.shape[at]!
  const list: number[] = []
  if (typeof lengths === 'number') {
    checkInteger('split', 'a length', lengths, 1)
    for (let from = 0; from < size; from += lengths) list.push(Math.min(lengths, size - from))
  } else list.push(...lengths)
  if (list.reduce((a, b) => a + b, 0) !== size)
    fail('SHAPE', 'split', `lengths ${showShape(list)} must add up to ${size}.`)
  let from = 0
  return list.map((length) => narrow(t, at, (from += length) - length, length))
}

/** Repeats the tensor along each axis (NumPy's tile, PyTorch's repeat). */
export function tile(x: TensorLike, counts: readonly number[]): Tensor {
  const t = asTensor('tile', x)
  counts.forEach((n) => checkInteger('tile', 'a count', n, 0))
  const rank = Math.max(counts.length, t.rank)
  if (rank * 2 > MAX_RANK && rank > MAX_RANK) fail('SHAPE', 'tile', `at most ${MAX_RANK} dimensions.`)
  const repeat = [...new Array<number>(rank - counts.length).fill(1), ...counts]
  let y = reshape(t, [...new Array<number>(rank - t.rank).fill(1), ...t.shape])
  for (let axis = 0; axis < rank; axis++) {
    const n = repeat[axis]!
    if (n === 1) continue
    const wide = unsqueeze(y, axis)
    const spread = expand(
      wide,
      wide.shape.map((size, i) => (i === axis ? n : size)),
    )
    y = reshape(
      spread,
      y.shape.map((size, i) => (i === axis ? size * n : size)),
    )
  }
  return y
}

/** A scalar constant expanded to a shape. */
export const filled = (shape: Shape, value: number, like: Tensor): Tensor => expand(constant(value, like.dtype), shape)
