/** @file Rows that read and write at positions, sort, search and add up. */
import type { Value } from '../export-value.ts'
import { codeOf } from '../export-writer.ts'
import { expanded, reshaped, saidSizes } from './layout.ts'
import { inputsOf } from './to.ts'
import type { Mappings, To } from './to.ts'

const axisOf = (value: Value): number => value.fixed((a: { axis: number }) => a.axis)

const atAxis =
  (opType: string): To =>
  (value, writer) =>
    writer.add(opType, inputsOf(value, writer), { axis: axisOf(value) })

/** Largest and smallest came with opset 18. */
const scatter =
  (reduction: string, opset: number): To =>
  (value, writer) => {
    if (writer.opset < opset) value.refuse(`needs opset ${opset}`)
    return writer.add('ScatterElements', inputsOf(value, writer), { axis: axisOf(value), reduction })
  }

/** Slices added up in zeros: positions [...] and a source whose axes of positions are one axis. */
const takeAdd: To = (value, writer) => {
  const axis = axisOf(value)
  const [ids, source] = value.inputs as [Value, Value]
  const n = value.of.map((_, i) => ids.of[i]!.size)
  const sizes = value.sizes.map((size, i) => (i === axis ? n : size))
  const lines = reshaped(value, writer, writer.name(source), source.sizes, sizes)
  const ones = value.of.map(() => 1)
  const column = reshaped(
    value,
    writer,
    writer.name(ids),
    ids.sizes,
    value.sizes.map((_, i) => (i === axis ? n : ones)),
  )
  const index = expanded(
    value,
    writer,
    column,
    value.sizes.map((_, i) => (i === axis ? n : ones)),
    sizes,
  )
  const zeros = writer.add('Expand', [writer.number(0, value.dtype), saidSizes(value, writer, value.sizes)])
  return writer.add('ScatterElements', [zeros, index, lines], { axis, reduction: 'add' })
}

const sort: To = (value, writer) => {
  const largest = Number(value.fixed((a: { descending: boolean }) => a.descending))
  const k = value.each((a: { k: number }) => a.k)
  const inputs = [writer.name(value.inputs[0]!), saidSizes(value, writer, [k])]
  return writer.addAll('TopK', inputs, { axis: -1, largest, sorted: 1 }, [true, true])
}

/** How many elements of the sequence come before each value. */
const searchsorted: To = (value, writer) => {
  const right = value.fixed((a: { right: boolean }) => a.right)
  const [sorted, values] = value.inputs as [Value, Value]
  const column = writer.add('Unsqueeze', [writer.name(values), writer.ints([-1])])
  const sequence =
    sorted.rank === 1 ? writer.name(sorted) : writer.add('Unsqueeze', [writer.name(sorted), writer.ints([-2])])
  const isBefore = writer.add(right ? 'LessOrEqual' : 'Less', [sequence, column])
  const counted = writer.add('Cast', [isBefore], { to: codeOf('i64') })
  return writer.add('ReduceSum', [counted, writer.ints([-1])], { keepdims: 0 })
}

const cumsum: To = (value, writer) => {
  const reverse = Number(value.fixed((a: { reverse: boolean }) => a.reverse))
  return writer.add('CumSum', [writer.name(value.inputs[0]!), writer.number(axisOf(value), 'i64')], {
    ...(reverse && { reverse }),
  })
}

export const indexing: Mappings = {
  ...{ take: atAxis('Gather'), gather: atAxis('GatherElements'), takeAdd },
  ...{ scatter: atAxis('ScatterElements'), scatterAdd: scatter('add', 16), scatterMul: scatter('mul', 16) },
  ...{ scatterMax: scatter('max', 18), scatterMin: scatter('min', 18) },
  ...{ sort, searchsorted, cumsum },
}
