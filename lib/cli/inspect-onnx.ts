/** @file `tenon inspect` of an ONNX model: inputs, outputs, parameters; with input sizes also what a run costs, and the graph. */
import { plan, summary } from '../engine/evaluate.ts'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { load } from '../io/onnx/index.ts'
import type { OnnxModel, ValueInfo } from '../io/onnx/index.ts'
import { zeros } from '../ops/create.ts'
import { showBytes, showCount } from '../units.ts'
import { printable, tableOf } from './text-table.ts'

export interface InspectOnnxOptions {
  json?: boolean
  /** Sizes of each input, in their order: '1,3,224,224'. Default: what the file says, free sizes as 1. */
  shape?: readonly string[]
  /** Print the graph as it would run. */
  graph?: boolean
}

/** Prints what a model is, as text or as JSON. */
export async function inspectOnnx(path: string, options: InspectOnnxOptions): Promise<void> {
  const model = await load(path)
  const tensors = Object.entries(model.initializers).map(([name, { dtype, shape }]) => ({ name, dtype, shape }))
  const parameters = Object.values(model.initializers).reduce((n, { size }) => n + size, 0)
  const { inputs, outputs } = model
  const wantsRun = options.shape !== undefined || options.graph
  const cost = wantsRun ? costOf(model, options.shape ?? []) : null
  const report = { format: 'onnx', parameters, inputs, outputs, tensors, ...(cost ? { run: cost.numbers } : {}) }
  if (options.json) return console.log(JSON.stringify(report, null, 2))
  const value = ({ name, type, shape }: ValueInfo) => [printable(name), type, shape ? `[${shape.join(', ')}]` : '']
  const lines = [
    `${path}: onnx, ${tensors.length} tensors, ${parameters.toLocaleString('en')} parameters`,
    'inputs',
    ...tableOf(inputs.map(value)),
    'outputs',
    ...tableOf(outputs.map(value)),
    'parameters',
    ...tableOf(tensors.map(({ name, dtype, shape }) => [printable(name), dtype, `[${shape.join(', ')}]`])),
    ...(cost
      ? ['a run', `  ${showCount(cost.numbers.flops)} FLOP, peak memory ${showBytes(cost.numbers.peakBytes)}`]
      : []),
    ...(cost && options.graph ? ['graph', cost.graph] : []),
  ]
  console.log(lines.join('\n'))
}

interface Cost {
  readonly numbers: { readonly flops: number; readonly peakBytes: number; readonly instructions: number }
  readonly graph: string
}

function costOf(model: OnnxModel, given: readonly string[]): Cost {
  if (given.length > model.inputs.length)
    fail('VALUE', 'inspect', `the model has ${model.inputs.length} inputs, got ${given.length} shapes.`)
  const inputs = model.inputs.map((info, i) => zeros(shapeFor(info, given[i]), { dtype: info.dtype ?? 'f32' }))
  const results = model.eval().forward(...inputs)
  const found = plan(...(Array.isArray(results) ? (results as Tensor[]) : [results as Tensor]))
  const { flops, peakBytes, instructions } = summary(found)
  return { numbers: { flops, peakBytes, instructions }, graph: String(found) }
}

function shapeFor({ name, shape }: ValueInfo, given: string | undefined): number[] {
  if (given === undefined) {
    if (shape === null) return fail('VALUE', 'inspect', `input '${name}' has no shape in the file. Pass --shape.`)
    return shape.map((size) => (typeof size === 'number' ? size : 1))
  }
  const sizes = given === '' ? [] : given.split(',').map(Number)
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0))
    fail('VALUE', 'inspect', `a shape is sizes with commas between them, '1,3,224,224' say, got '${given}'.`)
  return sizes
}
