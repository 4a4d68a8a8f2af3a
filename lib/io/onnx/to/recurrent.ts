/** @file Recurrent sequences as RNN, GRU and LSTM; with lengths or projections they are exported as what they equal, a Scan. */
import type { Tensor } from '../../../graph/tensor.ts'
import type { SequenceAttrs } from '../../../ops/recurrent.ts'
import { isFixed } from '../export-sizes.ts'
import type { Users } from '../export-trace.ts'
import type { Value } from '../export-value.ts'
import type { GraphWriter } from '../export-writer.ts'
import { reshaped } from './layout.ts'
import type { Mappings } from './to.ts'

/** How many inputs a sequence has when there are neither lengths nor projection. */
const PLAIN: Readonly<Record<string, number>> = { rnnSequence: 3, gruSequence: 4, lstmSequence: 4 }

/** Whether a sequence is what ONNX's operator computes: of an LSTM's cells it gives the last ones only. */
export function isOperator(node: Tensor, users: Users): boolean {
  const { name } = node.row
  if (!Object.hasOwn(PLAIN, name) || node.inputs.length !== PLAIN[name]) return false
  const { steps, reverse } = node.attrs as SequenceAttrs
  const [, cells, gates] = node.parts ?? []
  if (name !== 'lstmSequence') return !cells || !users.has(cells)
  const isLast = (user: Tensor | null) => user !== null && isLastStep(user, steps, reverse)
  return (!gates || !users.has(gates)) && (steps === 1 || (users.get(cells!) ?? []).every(isLast))
}

/** A slice at the step that is computed last. */
function isLastStep(node: Tensor, steps: number, reverse: boolean): boolean {
  if (node.row.name !== 'slice') return false
  const { starts, shape } = node.attrs as { starts: readonly number[]; shape: readonly number[] }
  const isWhole = shape.every((n, axis) => axis === 0 || n === node.inputs[0]!.shape[axis])
  return shape[0] === 1 && isWhole && starts[0] === (reverse ? 0 : steps - 1)
}

/** The last cells, where a slice takes them from those of all steps. */
export function lastCells(value: Value): string | null {
  const [source] = value.inputs as [Value]
  const isCells = source.row === 'part' && source.inputs[0]!.row === 'lstmSequence' && source.of[0]!.attrsKey === '1'
  return isCells ? source.names[0]! : null
}

/** Gates of H numbers each along the first axis, in another order. */
function ordered(writer: GraphWriter, name: string, order: readonly number[]): string {
  if (order.length === 1) return name
  // Since opset 18 it says of itself how many parts there are.
  const attributes = { axis: 0, ...(writer.opset >= 18 && { num_outputs: order.length }) }
  const split = writer.addAll('Split', [name], attributes, new Array<true>(order.length).fill(true))
  return writer.add(
    'Concat',
    order.map((gate) => split[gate]!),
    { axis: 0 },
  )
}

interface Gates {
  readonly x: string
  readonly w: string
  /** [G H]. */
  readonly bias: string | null
}

/** What goes into the gates: the product that computed it is the operator's own where nobody else reads it, else it goes in as it is. */
function gatesOf(value: Value, writer: GraphWriter, width: number): Gates {
  const [given, , h0] = value.inputs as [Value, Value, Value]
  const steps = value.each((a: SequenceAttrs) => a.steps)
  const batch = h0.sizes[0]!
  let from = given
  while (from.row === 'reshape' && from.uses === 1) from = from.inputs[0]!
  const node = from.uses === 1 && !from.isConstant ? writer.producer(from.names[0]!) : undefined
  if (node?.opType === 'Gemm' && node.attributes.transB === 1 && node.attributes.transA === undefined) {
    const columns = widthOf(from)
    if (columns) {
      const rows = [steps, batch, columns]
      const x = reshaped(value, writer, node.inputs[0]!, [], rows)
      return { x, w: node.inputs[1]!, bias: node.inputs[2] ?? null }
    }
  }
  const x = reshaped(value, writer, writer.name(given), given.sizes, [steps, batch, value.of.map(() => width)])
  const eye = Array.from({ length: width * width }, (_, i) => Number(i % (width + 1) === 0))
  return { x, w: writer.numbers(eye, [width, width], value.dtype), bias: null }
}

/** The columns of the first factor of the product that a value comes from. */
function widthOf(value: Value): readonly number[] | null {
  const product = value.row === 'matmul' ? value : value.inputs.find((input) => input.row === 'matmul')
  const size = product?.inputs[0]!.sizes[1]
  return size && isFixed(size) ? size : null
}

interface Operator {
  readonly opType: string
  /** tenon's gates in ONNX's order. */
  readonly order: readonly number[]
  readonly attributes: Readonly<Record<string, number>>
}

const LSTM: Operator = { opType: 'LSTM', order: [0, 3, 1, 2], attributes: {} }
const GRU: Operator = { opType: 'GRU', order: [1, 0, 2], attributes: { linear_before_reset: 1 } }
const RNN: Operator = { opType: 'RNN', order: [0], attributes: {} }

/** [T, B, H] of all steps, and the last cells [1, B, H]. `inner`: the bias [H] of the last gate that stands with the state. */
function written(
  value: Value,
  writer: GraphWriter,
  operator: Operator,
  inner: Value | null,
  cells: Value | null,
): string[] {
  const { opType, order, attributes } = operator
  const [, weight, h0] = value.inputs as [Value, Value, Value]
  const n = value.fixedSize(h0.sizes[1]!)
  const { x, w, bias } = gatesOf(value, writer, order.length * n)
  const first = (name: string) => writer.add('Unsqueeze', [name, writer.ints([0])])
  const zeros = (count: number) => writer.numbers(new Array<number>(count).fill(0), [count], value.dtype)
  const outer = bias === null ? zeros(order.length * n) : ordered(writer, bias, order)
  const inside = inner ? [zeros((order.length - 1) * n), writer.name(inner)] : [zeros(order.length * n)]
  const reverse = value.fixed((a: SequenceAttrs) => a.reverse)
  const outputs = writer.addAll(
    opType,
    [
      x,
      first(ordered(writer, w, order)),
      first(ordered(writer, writer.name(weight), order)),
      first(writer.add('Concat', [outer, ...inside], { axis: 0 })),
      '',
      first(writer.name(h0)),
      ...(cells ? [first(writer.name(cells))] : []),
    ],
    { hidden_size: n, ...attributes, ...(reverse && { direction: 'reverse' }), ...activationOf(value) },
    [true, false, cells !== null],
  )
  return [writer.add('Squeeze', [outputs[0]!, writer.ints([1])]), outputs[2] ?? '']
}

/** The function of a simple net; tanh is ONNX's own choice. */
function activationOf(value: Value): { readonly activations?: readonly string[] } {
  const isRelu = value.row === 'rnnSequence' && value.fixed((a: { relu: boolean }) => a.relu)
  return isRelu ? { activations: ['Relu'] } : {}
}

export const recurrent: Mappings = {
  lstmSequence: (value, writer) => written(value, writer, LSTM, null, value.inputs[3]!),
  gruSequence: (value, writer) => written(value, writer, GRU, value.inputs[3]!, null),
  rnnSequence: (value, writer) => written(value, writer, RNN, null, null)[0]!,
}
