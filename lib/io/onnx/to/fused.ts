/** @file What becomes part of the node before it: biases of Gemm and Conv, weights of LayerNormalization, batch normalisation, the last cells of an LSTM. */
import { sameSize } from '../export-sizes.ts'
import type { Value } from '../export-value.ts'
import type { GraphWriter, NodeText } from '../export-writer.ts'
import { batchNormOf } from './batch-norm.ts'
import { lastCells } from './recurrent.ts'

/** The output's name where the node was merged, else null. */
export function fused(value: Value, writer: GraphWriter): string | null {
  switch (value.row) {
    case 'add':
      return batchNormOf(value, writer) ?? eitherWay(value, writer, withBias)
    case 'mul':
      return eitherWay(value, writer, withScale)
    case 'slice':
      return lastCells(value)
    default:
      return null
  }
}

type Merge = (node: NodeText, from: Value, other: Value, writer: GraphWriter) => readonly string[] | null

/** Tries both inputs as the one that a node with no other reader gives. */
function eitherWay(value: Value, writer: GraphWriter, merge: Merge): string | null {
  const [a, b] = value.inputs as [Value, Value]
  for (const [from, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const node = from.uses === 1 && !from.isConstant ? writer.producer(from.names[0]!) : undefined
    if (!node || node.outputs.length > 1 || from.rank !== value.rank) continue
    const inputs = merge(node, from, other, writer)
    if (inputs) return writer.again(node, inputs)
  }
  return null
}

const withBias: Merge = (node, from, other, writer) => {
  if (node.inputs.length !== 2) return null
  switch (node.opType) {
    case 'Gemm':
    case 'LayerNormalization':
      return isLine(from, other, from.rank - 1) ? [...node.inputs, writer.name(other)] : null
    case 'Conv':
    case 'ConvTranspose': {
      const source = other.row === 'reshape' ? other.inputs[0]! : other
      const isColumn = other.rank === from.rank - 1 && other.sizes.slice(1).every((size) => size.every((n) => n === 1))
      return isColumn && isLine(from, source, 1) ? [...node.inputs, writer.name(source)] : null
    }
    default:
      return null
  }
}

const withScale: Merge = (node, from, other, writer) => {
  if (node.opType !== 'LayerNormalization' || node.inputs.length !== 2) return null
  const [n] = from.sizes.at(-1)!
  const ones = writer.numbers(new Array<number>(n!).fill(1), [n!], from.dtype)
  if (node.inputs[1] !== ones || !isLine(from, other, from.rank - 1)) return null
  return [node.inputs[0]!, writer.name(other)]
}

/** A vector as long as an axis. */
const isLine = (from: Value, other: Value, axis: number): boolean =>
  other.rank === 1 && other.dtype === from.dtype && sameSize(other.sizes[0]!, from.sizes[axis]!)
