/** @file Reductions, softmax and normalisation of rows. */
import { isFloat } from '../../../dtype.ts'
import type { Value } from '../export-value.ts'
import { codeOf } from '../export-writer.ts'
import type { GraphWriter } from '../export-writer.ts'
import { isFixed } from '../export-sizes.ts'
import { inputsOf } from './to.ts'
import type { Mappings, To } from './to.ts'

/** Axes are kept. They are an input of ReduceSum, and from opset 18 of all. */
function reducedBy(writer: GraphWriter, opType: string, x: string, axes: readonly number[]): string {
  if (axes.length === 0) return writer.add('Identity', [x])
  const isInput = opType === 'ReduceSum' || writer.opset >= 18
  return isInput
    ? writer.add(opType, [x, writer.ints(axes)], { keepdims: 1 })
    : writer.add(opType, [x], { keepdims: 1, axes })
}

/** Bools, and integers that runtimes do not reduce, by way of i32. */
const reduce =
  (opType: string): To =>
  (value, writer) => {
    const axes = value.fixed((a: { axes: readonly number[] }) => a.axes)
    const [x] = inputsOf(value, writer) as [string]
    const isPlain = isFloat(value.dtype) || ['i32', 'i64'].includes(value.dtype)
    if (isPlain) return reducedBy(writer, opType, x, axes)
    const y = reducedBy(writer, opType, writer.add('Cast', [x], { to: codeOf('i32') }), axes)
    return writer.add('Cast', [y], { to: codeOf(value.dtype) })
  }

const position =
  (opType: string): To =>
  (value, writer) => {
    const [axis] = value.fixed((a: { axes: readonly number[] }) => a.axes)
    return writer.add(opType, inputsOf(value, writer), { axis: axis!, keepdims: 1 })
  }

const overLast =
  (opType: string): To =>
  (value, writer) =>
    writer.add(opType, inputsOf(value, writer), { axis: -1 })

/** LayerNormalization without weights; what multiplies and adds them becomes part of it, see fused.ts. */
const standardize: To = (value, writer) => {
  const [x] = value.inputs as [Value]
  const eps = value.fixed((a: { eps: number }) => a.eps)
  const n = x.sizes.at(-1)!
  if (!isFixed(n)) return standardizedByParts(value, writer, eps)
  const scale = writer.numbers(new Array<number>(n[0]!).fill(1), [n[0]!], x.dtype)
  const isRead = (index: number) => value.parts.some((part) => part.of[0]!.attrsKey === String(index))
  const outputs = writer.addAll('LayerNormalization', [writer.name(x), scale], { axis: -1, epsilon: { float: eps } }, [
    true,
    false,
    isRead(1),
  ])
  return [outputs[0]!, outputs[2] ?? '']
}

function standardizedByParts(value: Value, writer: GraphWriter, eps: number): string[] {
  const [x] = inputsOf(value, writer) as [string]
  const axes = [value.rank - 1]
  const centred = writer.add('Sub', [x, reducedBy(writer, 'ReduceMean', x, axes)])
  const spread = reducedBy(writer, 'ReduceMean', writer.add('Mul', [centred, centred]), axes)
  const root = writer.add('Sqrt', [writer.add('Add', [spread, writer.number(eps, value.dtype)])])
  const rstd = writer.add('Reciprocal', [root])
  return [writer.add('Mul', [centred, rstd]), rstd]
}

export const reductions: Mappings = {
  ...{ sum: reduce('ReduceSum'), prod: reduce('ReduceProd'), max: reduce('ReduceMax'), min: reduce('ReduceMin') },
  ...{ argMax: position('ArgMax'), argMin: position('ArgMin') },
  ...{ softmax: overLast('Softmax'), logSoftmax: overLast('LogSoftmax'), standardize },
}
