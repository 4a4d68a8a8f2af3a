/** @file Rows that move elements: shapes that depend on free axes become 0 and -1, or are computed. */
import { arrayOf, isNarrow } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { isFixed, sameSize } from '../export-sizes.ts'
import type { Size } from '../export-sizes.ts'
import type { Value } from '../export-value.ts'
import { codeOf, TO_END, TO_START } from '../export-writer.ts'
import type { GraphWriter } from '../export-writer.ts'
import { inputsOf } from './to.ts'
import type { Mappings, To } from './to.ts'

const reshape: To = (value, writer) =>
  reshaped(value, writer, writer.name(value.inputs[0]!), value.inputs[0]!.sizes, value.sizes)

/** `name`, of sizes `from`, with sizes `to`. */
export function reshaped(
  value: Value,
  writer: GraphWriter,
  name: string,
  from: readonly Size[],
  to: readonly Size[],
): string {
  if (to.every(isFixed)) {
    // 0 would mean: as it is.
    const hasZero = to.some((size) => size[0] === 0)
    return writer.add('Reshape', [name, writer.ints(to.map((size) => size[0]!))], { ...(hasZero && { allowzero: 1 }) })
  }
  const entries = to.map((size, axis): Size | number => {
    if (isFixed(size)) return size
    return from[axis] && sameSize(size, from[axis]) ? 0 : size
  })
  const open = entries.flatMap((entry, i) => (typeof entry !== 'number' && !isFixed(entry) ? [i] : []))
  const unsaid = open.filter((i) => !writer.canSay(to[i]!))
  const hole = open.length === 1 ? open[0] : unsaid[0]
  if (unsaid.length > 1) value.refuse('has several sizes that do not follow from those of the inputs')
  const shape = entries.map((entry, i): Size => {
    const written = i === hole ? -1 : entry
    return typeof written === 'number' ? value.of.map(() => written) : written
  })
  return writer.add('Reshape', [name, writer.sizes(shape)!])
}

const permute: To = (value, writer) =>
  writer.add('Transpose', inputsOf(value, writer), { perm: value.fixed((a: { axes: readonly number[] }) => a.axes) })

/** Sizes that stay are 1: both sides broadcast. */
const expand: To = (value, writer) =>
  expanded(value, writer, writer.name(value.inputs[0]!), value.inputs[0]!.sizes, value.sizes)

export function expanded(
  value: Value,
  writer: GraphWriter,
  name: string,
  from: readonly Size[],
  to: readonly Size[],
): string {
  const lead = to.length - from.length
  const shape = to.map((size, i): Size => {
    const own = from[i - lead]
    return own && !isFixed(size) && sameSize(own, size) ? size.map(() => 1) : size
  })
  return writer.add('Expand', [name, saidSizes(value, writer, shape)])
}

/** Sizes as a vector, or an error that names the row. */
export const saidSizes = (value: Value, writer: GraphWriter, sizes: readonly Size[]): string =>
  writer.sizes(sizes) ?? value.refuse('has a size that does not follow from those of the inputs')

interface SliceAttrs {
  readonly starts: readonly number[]
  readonly steps: readonly number[]
  readonly shape: readonly number[]
}

const slice: To = (value, writer) => {
  const [source] = value.inputs as [Value]
  const steps = value.fixed((a: SliceAttrs) => a.steps)
  const ranges = source.sizes.flatMap((size, axis) => {
    const start = value.each((a: SliceAttrs) => a.starts[axis]!)
    const count = value.each((a: SliceAttrs) => a.shape[axis]!)
    const step = steps[axis]!
    const isWhole = step === 1 && sameSize(count, size)
    return isWhole
      ? []
      : [{ axis, step, start: boundOf(start, size, step, false), stop: stopOf(size, start, count, step) }]
  })
  const bounds = (pick: 'start' | 'stop') =>
    saidSizes(
      value,
      writer,
      ranges.map((range) => range[pick]),
    )
  const [axes, step] = [ranges.map((range) => range.axis), ranges.map((range) => range.step)]
  if (axes.length === 0) return writer.add('Identity', [writer.name(source)])
  return writer.add('Slice', [
    writer.name(source),
    bounds('start'),
    bounds('stop'),
    writer.ints(axes),
    ...(step.some((n) => n !== 1) ? [writer.ints(step)] : []),
  ])
}

/** A bound as a number where it is one, counted from the end where that is one; else as it is. */
function boundOf(at: Size, size: Size, step: number, isStop: boolean): Size {
  if (isFixed(at) && at[0]! >= 0) return at
  const fromEnd = at.map((n, i) => n - size[i]!)
  if (!isFixed(fromEnd) || fromEnd[0]! > 0) return at
  if (fromEnd[0]! < 0) return fromEnd
  return isStop && step > 0 ? at.map(() => TO_END) : at
}

function stopOf(size: Size, start: Size, count: Size, step: number): Size {
  const all = (fn: (i: number) => boolean) => size.every((_, i) => fn(i))
  const most = (i: number) => Math.ceil((step > 0 ? size[i]! - start[i]! : start[i]! + 1) / Math.abs(step))
  const last = start.map((n, i) => n + (count[i]! - 1) * step + Math.sign(step))
  if (step < 0)
    return all((i) => last[i] === -1 || count[i] === most(i))
      ? size.map(() => TO_START)
      : boundOf(last, size, step, true)
  if (isFixed(last)) return last
  return all((i) => count[i] === most(i)) ? size.map(() => TO_END) : boundOf(last, size, step, true)
}

interface PlaceAttrs extends SliceAttrs {
  readonly value: number
}

/** A border; and between the elements, where they stand in steps. */
const place: To = (value, writer) => {
  const [source] = value.inputs as [Value]
  const steps = value.fixed((a: PlaceAttrs) => a.steps)
  if (steps.some((step) => step < 0)) return value.refuse('has steps backwards, which only gradients have')
  const fill = writer.number(
    value.fixed((a: PlaceAttrs) => a.value),
    value.dtype,
  )
  const before = source.sizes.map((_, axis) => value.each((a: PlaceAttrs) => a.starts[axis]!))
  const wide = source.sizes.map((size, axis) => size.map((n) => n * steps[axis]!))
  const behind = wide.map((size, axis) => value.sizes[axis]!.map((n, i) => n - size[i]! - before[axis]![i]!))
  const x = spread(value, writer, steps, fill)
  return writer.add('Pad', [x, saidSizes(value, writer, [...before, ...behind]), fill])
}

/** Each element followed by step - 1 that are `fill`, along each axis. */
function spread(value: Value, writer: GraphWriter, steps: readonly number[], fill: string): string {
  const [source] = value.inputs as [Value]
  const one = value.of.map(() => 1)
  let name = writer.name(source)
  let sizes = source.sizes
  steps.forEach((step, axis) => {
    if (step === 1) return
    const column = [...sizes.slice(0, axis + 1), one, ...sizes.slice(axis + 1)]
    const border = [...column.map(() => 0), ...column.map((_, i) => (i === axis + 1 ? step - 1 : 0))]
    const padded = writer.add('Pad', [reshaped(value, writer, name, sizes, column), writer.ints(border), fill])
    const next = sizes.map((size, i) => (i === axis ? size.map((n) => n * step) : size))
    const from = column.map((size, i) => (i === axis + 1 ? size.map(() => step) : size))
    name = reshaped(value, writer, padded, from, next)
    sizes = next
  })
  return name
}

const concat: To = (value, writer) =>
  writer.add('Concat', inputsOf(value, writer), { axis: value.fixed((a: { axis: number }) => a.axis) })

interface StridedAttrs {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset: number
}

/** Elements of the flat tensor, by their positions. */
const asStrided: To = (value, writer) => {
  const { shape, strides, offset } = value.attrs<StridedAttrs>()
  let positions = [offset]
  shape.forEach((size, axis) => {
    positions = positions.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * strides[axis]!))
  })
  return writer.add('Gather', [writer.name(value.inputs[0]!), writer.numbers(positions, shape, 'i64')])
}

const iota: To = (value, writer) => {
  const n = value.of.map((t) => t.size)
  const flat = writer.add('Range', [
    writer.number(0, value.dtype),
    writer.scalar(n, value.dtype, value),
    writer.number(1, value.dtype),
  ])
  return value.rank === 1 ? flat : reshaped(value, writer, flat, [n], value.sizes)
}

const numberLeaf: To = (value, writer) => {
  const numbers = value.of.map(({ attrs, scalar }) => (attrs as { value: number } | null)?.value ?? scalar)
  if (!numbers.every((n) => typeof n === 'number')) return value.refuse('is a number that changes from run to run')
  return writer.scalar(numbers as number[], value.dtype, value)
}

/** Longer ones are not looked through. */
const MOST_NUMBERS = 64

/**
 * What forward made of sizes in JavaScript, or the importer of ONNX: a few sizes, one number everywhere, or a line that is as long as one.
 * Other tensors that differ between traces cannot be written.
 */
const computedValue: To = (value, writer) => {
  const numbers = value.of.map((t) => (t.value?.run === null && !isNarrow(t.dtype) ? numbersOf(t) : null))
  const differs = 'is another tensor for other sizes of free axes: compute it by ops'
  if (!numbers.every((list) => list !== null)) return value.refuse(differs)
  const [first] = numbers as [number[]]
  if (value.sizes.every(isFixed) && first.length <= MOST_NUMBERS && numbers.flat().every(Number.isInteger)) {
    const found = writer.sizes(first.map((_, i) => numbers.map((list) => list[i]!)))
    if (found === null) return value.refuse(differs)
    const flat = value.dtype === 'i64' ? found : writer.add('Cast', [found], { to: codeOf(value.dtype) })
    const n = value.of.map(() => first.length)
    return value.rank === 1 ? flat : reshaped(value, writer, flat, [n], value.sizes)
  }
  const number = (x: number) => writer.number(x, value.dtype)
  if (numbers.every((list) => list.every((x) => Object.is(x, first[0]))))
    return expanded(value, writer, number(first[0]!), [], value.sizes)
  const longest = numbers.reduce((a, b) => (b.length > a.length ? b : a))
  const [start, step] = [longest[0]!, longest[1]! - longest[0]!]
  const isLine = numbers.every((list) => list.every((x, i) => x === start + i * step))
  if (value.rank !== 1 || !Number.isInteger(step) || !isLine || step === 0) return value.refuse(differs)
  const end = value.of.map((t) => start + t.size * step)
  return writer.add('Range', [number(start), writer.scalar(end, value.dtype, value), number(step)])
}

const numbersOf = (t: Tensor): number[] => Array.from(arrayOf(t.dtype, t.value!.buffer, 0, t.size), Number)

export const layout: Mappings = {
  ...{ reshape, permute, expand, slice, place, concat, asStrided, iota },
  constant: numberLeaf,
  operand: numberLeaf,
  value: computedValue,
}
