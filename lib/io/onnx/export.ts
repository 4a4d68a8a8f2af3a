/** @file onnx.export: traces a module and writes its graph as an ONNX file. */
import { checkInteger, checkOptions, fail } from '../../errors.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Variable } from '../../graph/variable.ts'
import type { Module } from '../../nn/module.ts'
import { freeAxes, tracesOf } from './export-axes.ts'
import type { DynamicAxes, FreeAxes } from './export-axes.ts'
import { argument, writeGraph } from './export-body.ts'
import { isFixed, sameSize } from './export-sizes.ts'
import type { Size } from './export-sizes.ts'
import { tensorsIn, traceModule } from './export-trace.ts'
import type { Named, Trace } from './export-trace.ts'
import type { Value } from './export-value.ts'
import { GraphWriter } from './export-writer.ts'
import type { Described } from './export-writer.ts'
import { OnnxModel } from './model.ts'
import { writeModel } from './write-model.ts'

export interface ExportOptions {
  /** Version of ONNX's operators, 17 to 24. Default: 17. */
  opset?: number
  /** Names of the inputs in order. Default: those of an imported model, keys of objects, 'input' or 'input_0', ... */
  inputNames?: readonly string[]
  /** Names of the outputs in order. Default: those of an imported model, keys of what forward returns, 'output' or 'output_0', ... */
  outputNames?: readonly string[]
  /** Axes whose size stays open, by input: `{ input: { 0: 'batch' } }`. Axes of one name have one size. Default: none. */
  dynamicAxes?: DynamicAxes
  /** Weights in a file beside the model, `<path>.data`. Default: only where the model would have more than 2 GB. */
  externalData?: boolean
}

const NAMES = ['opset', 'inputNames', 'outputNames', 'dynamicAxes', 'externalData']

/** Traces and writes; see `onnx.export`. */
export async function exportModel(
  module: Module,
  exampleInputs: readonly unknown[],
  path: string,
  options: ExportOptions = {},
): Promise<void> {
  checkOptions('onnx.export', options, NAMES)
  const opset = checkInteger('onnx.export', 'opset', options.opset ?? 17, 17, 24)
  if (!Array.isArray(exampleInputs))
    fail('VALUE', 'onnx.export', "exampleInputs is a list of forward's arguments, got something else.")
  const given = tensorsIn(exampleInputs)
  const inputNames = namesFor('input', given, options.inputNames ?? imported(module, 'inputs', given.length))
  const examples = given.map(({ tensor }, i) => ({ name: inputNames[i]!, shape: tensor.shape }))
  const trace = (shapes: readonly (readonly number[])[]) => traceModule(module, exampleInputs, shapes)
  const { outputNames, axes } = describe(module, options, trace(examples.map(({ shape }) => shape)), examples)
  const traces = tracesOf(examples, axes, trace)
  const writer = new GraphWriter(opset, namesOfVariables(module))
  for (const name of [...inputNames, ...outputNames]) writer.reserve(name)
  const inputs = traces[0]!.inputs.map((t, i) => {
    const value = argument(
      traces.map(({ inputs: list }) => list[i]!),
      inputNames[i]!,
    )
    writer.remember(inputNames[i]!, value.sizes)
    return [t, value] as const
  })
  const graphs = traces.map(({ graph }) => graph)
  const names = writeGraph(graphs, new Map(inputs), writer, pathsOf(traces[0]!, writer))
  // Outputs are nodes of their own names, also where an input or weight is handed on.
  names.forEach((name, i) => writer.nodes.push(identity(writer, name, outputNames[i]!)))
  const sizes = new SizeNames(
    axes,
    inputs.map(([, value]) => value),
  )
  const outputs = graphs[0]!.results.map((t, i) => ({
    name: outputNames[i]!,
    dtype: t.dtype,
    shape: sizes.shapeOf(
      outputNames[i]!,
      graphs.map(({ results }) => results[i]!),
    ),
  }))
  const described = inputs.map(([t, value]): Described => {
    const name = value.names[0]!
    return { name, dtype: t.dtype, shape: sizes.shapeOf(name, value.of) }
  })
  await writeModel(
    path,
    writer,
    { name: module.constructor.name || 'graph', inputs: described, outputs },
    options.externalData,
  )
}

function describe(
  module: Module,
  options: ExportOptions,
  { outputs }: Trace,
  examples: readonly { name: string; shape: readonly number[] }[],
) {
  const outputNames = namesFor(
    'output',
    outputs,
    options.outputNames ?? imported(module, 'outputs', outputs.length),
    examples,
  )
  const ranks = [
    ...examples.map(({ name, shape }) => [name, shape.length] as const),
    ...outputs.map(({ tensor }, i) => [outputNames[i]!, tensor.rank] as const),
  ]
  return { outputNames, axes: freeAxes(options.dynamicAxes ?? {}, new Map(ranks)) }
}

/** The names that an imported model has. */
function imported(module: Module, kind: 'inputs' | 'outputs', count: number): readonly string[] | undefined {
  const names = module instanceof OnnxModel ? module[kind].map(({ name }) => name) : []
  return names.length === count && count > 0 ? names : undefined
}

/** Names by places where a user gives none; none of them is one of `taken`. */
function namesFor(
  kind: 'input' | 'output',
  list: readonly Named[],
  names: readonly string[] | undefined,
  taken: readonly { readonly name: string }[] = [],
): string[] {
  if (names === undefined) {
    const unnamed = list.filter(({ name }) => name === '').length
    let count = 0
    const isTaken = (name: string) => taken.some((other) => other.name === name)
    const own = list.map(({ name }) => name || (unnamed === 1 ? kind : `${kind}_${count++}`))
    return own.map((name) => (isTaken(name) ? `${kind}_${name}` : name))
  }
  const isRight = Array.isArray(names) && names.length === list.length && names.every((n) => typeof n === 'string' && n)
  if (!isRight)
    fail('VALUE', 'onnx.export', `there are ${list.length} ${kind}s, got the names ${JSON.stringify(names)}.`)
  return [...names]
}

/** Each variable under its first name in the module. */
function namesOfVariables(module: Module): ReadonlyMap<Variable, string> {
  const names = new Map<Variable, string>()
  for (const [name, variable] of module.stateDict()) if (!names.has(variable)) names.set(variable, name)
  return names
}

/** Tells the writer which module a node was made in. Those that stand for another keep its place. */
function pathsOf({ calls }: Trace, writer: GraphWriter): (node: Tensor) => void {
  return ({ id }) => {
    const around = calls.findLast(({ start, end }) => start <= id && id < end)
    if (around) writer.path = around.name.replace(/^model/, '').replaceAll('.', '/')
  }
}

function identity(writer: GraphWriter, from: string, to: string) {
  return { name: writer.free(`/${to}`), opType: 'Identity', inputs: [from], outputs: [to], attributes: {} }
}

/** How sizes are shown: numbers, and the names of free axes. */
class SizeNames {
  readonly #axes: FreeAxes
  readonly #known: [Size, string][] = []

  constructor(axes: FreeAxes, inputs: readonly Value[]) {
    this.#axes = axes
    for (const { names, sizes } of inputs)
      for (const [axis, name] of axes.get(names[0]!) ?? []) this.#known.push([sizes[axis]!, name])
  }

  shapeOf(value: string, of: readonly Tensor[]): (number | string)[] {
    return of[0]!.shape.map((_, axis) => {
      const size = of.map((t) => t.shape[axis]!)
      if (isFixed(size)) return size[0]!
      const found = this.#axes.get(value)?.get(axis) ?? this.#known.find(([known]) => sameSize(known, size))?.[1]
      return found ?? `${value}_dim_${axis}`
    })
  }
}
