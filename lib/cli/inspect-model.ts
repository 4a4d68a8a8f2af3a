/** @file `tenon inspect` of a model: inputs, outputs, what a run costs for sizes of inputs, and the graph. */
import { writeFile } from 'node:fs/promises'
import { plan, summary } from '../engine/evaluate.ts'
import { fail, TenonError } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { ValueInfo } from '../io/onnx/index.ts'
import { showSizes } from '../io/onnx/model.ts'
import { modelSummary } from '../nn/summary.ts'
import { zeros } from '../ops/create.ts'
import { showShape } from '../shape.ts'
import { flowOf } from '../train/report-flow.ts'
import { graphFile } from '../train/report-graph.ts'
import { showBytes, showCount } from '../units.ts'
import { listInputs, showInput } from './runnable.ts'
import type { InputInfo, Runnable } from './runnable.ts'
import { textGraph } from './text-graph.ts'
import { printable, tableOf } from './text-table.ts'

export interface InspectModelOptions {
  /** Sizes of inputs, '1,3,224,224' in their order or 'name=1,3,224,224'; several of one input are several runs. Free sizes: 1. */
  readonly shape?: readonly string[]
  /** The graph as boxes and arrows, as a picture, or as the program that runs. */
  readonly graph?: 'text' | 'svg' | 'plan'
  /** A file for the graph. */
  readonly out?: string
}

export interface ModelReport {
  readonly json: Readonly<Record<string, unknown>>
  readonly lines: readonly string[]
  /** Where it is wanted, and not in a file. */
  readonly graph: string | null
}

type Inputs = ReadonlyMap<string, Tensor>

/** Larger graphs take dagre minutes, and nobody reads them. */
const MOST_BOXES = 1000

/** What `inspect` says of a model beside its tensors. */
export async function inspectModel(
  model: Runnable,
  { shape = [], graph, out }: InspectModelOptions,
): Promise<ModelReport> {
  if (out !== undefined && graph === undefined)
    fail('VALUE', 'inspect', '--out is for a graph. Pass --graph svg, text or plan too.')
  const { runs, problem } = runsFor(model, shape, graph === undefined)
  const { inputs, outputs } = model
  const drawn = graph === undefined ? null : await drawnAs(graph, model, runs[0]!.inputs)
  if (drawn !== null && out !== undefined) await writeFile(out, drawn)
  const costs = runs.map(({ inputs, ...cost }) => ({
    inputs: Object.fromEntries([...inputs].map(([name, { shape }]) => [name, shape])),
    ...cost,
  }))
  const inputRow = (info: InputInfo) => [printable(info.name), showInput(info), info.isOptional ? 'optional' : '']
  return {
    json: { inputs, ...(outputs && { outputs }), ...(problem === '' ? { runs: costs } : { runs: [], problem }) },
    lines: [
      'inputs',
      ...tableOf(inputs.map(inputRow)),
      ...(outputs ? ['outputs', ...tableOf(outputs.map(outputRow))] : []),
      'a run',
      ...(problem === ''
        ? tableOf([['inputs', 'FLOPs', 'peak memory'], ...costs.map(costRow)])
        : [`  ${printable(problem)}`]),
      ...(out === undefined ? [] : [`the graph: ${out}`]),
    ],
    graph: out === undefined ? drawn : null,
  }
}

const outputRow = ({ name, type, dtype, shape }: ValueInfo): string[] => [
  printable(name),
  printable(`${dtype ?? type} ${shape ? showSizes(shape) : ''}`),
]

interface Run {
  readonly inputs: Inputs
  readonly flops: number
  readonly peakBytes: number
  readonly instructions: number
}

const costRow = ({ inputs, flops, peakBytes }: Omit<Run, 'inputs'> & { inputs: Record<string, readonly number[]> }) => [
  printable(
    Object.entries(inputs)
      .map(([name, shape]) => `${name} ${showShape(shape)}`)
      .join(', '),
  ),
  showCount(flops),
  showBytes(peakBytes),
]

/** What the sizes that were given cost. Where none were, and the usual ones do not do, why. */
function runsFor(model: Runnable, shapes: readonly string[], mayFail: boolean): { runs: Run[]; problem: string } {
  try {
    return { runs: inputsFor(model, shapes).map((inputs) => costOf(model, inputs)), problem: '' }
  } catch (error) {
    if (!(error instanceof TenonError) || !mayFail || shapes.length > 0) throw error
    return { runs: [], problem: error.message }
  }
}

const planOf = (model: Runnable, inputs: Inputs) => plan(...Object.values(model.forward(inputs)))

function costOf(model: Runnable, inputs: Inputs): Run {
  const { flops, peakBytes, instructions } = summary(planOf(model, inputs))
  return { inputs, flops, peakBytes, instructions }
}

/** Zeros for each run; an input whose sizes are given less often keeps its last. */
function inputsFor(model: Runnable, texts: readonly string[]): Inputs[] {
  const { inputs } = model
  const given = new Map<InputInfo, number[][]>()
  let next = 0
  for (const text of texts) {
    const byName = inputs.find(({ name }) => text.startsWith(`${name}=`))
    const info = byName ?? inputs[next++ % Math.max(1, inputs.length)]
    const sizes = sizesIn(byName ? text.slice(byName.name.length + 1) : text)
    if (!info || !sizes)
      return fail(
        'VALUE',
        'inspect',
        `a shape is sizes with commas between them, '1,3,224,224' or 'name=1,3' say, got '${text}'. The model takes ${listInputs(model)}.`,
      )
    given.set(info, [...(given.get(info) ?? []), sizes])
  }
  const count = Math.max(1, ...[...given.values()].map(({ length }) => length))
  return Array.from({ length: count }, (_, run) => {
    const free = inputs.filter((info) => !info.isOptional || given.has(info))
    return new Map(
      free.map((info) => {
        const list = given.get(info) ?? [usual(info)]
        return [info.name, zeros(list[Math.min(run, list.length - 1)]!, { dtype: info.dtype ?? 'f32' })]
      }),
    )
  })
}

/** Null for what is no list of sizes. */
function sizesIn(text: string): number[] | null {
  const sizes = text === '' ? [] : text.split(',').map((size) => (/^\d+$/.test(size) ? Number(size) : NaN))
  return sizes.every(Number.isSafeInteger) ? sizes : null
}

function usual({ name, shape }: InputInfo): number[] {
  if (shape === null)
    return fail('VALUE', 'inspect', `the input '${printable(name)}' has no shape in the file. Pass --shape.`)
  return shape.map((size) => (typeof size === 'number' ? size : 1))
}

async function drawnAs(form: 'text' | 'svg' | 'plan', model: Runnable, inputs: Inputs): Promise<string> {
  if (form === 'plan') return String(planOf(model, inputs))
  const found = modelSummary(model.model, ...model.arguments(inputs))
  const flow = flowOf(found, form === 'text' ? Infinity : MOST_BOXES)
  if (!flow) return fail('VALUE', 'inspect', `the graph has more than ${MOST_BOXES} boxes. Use --graph text.`)
  if (form === 'text') return textGraph(flow, found)
  const boxes = flow.boxes.map((box) => ({ ...box, title: printable(box.title), lines: box.lines.map(printable) }))
  return graphFile({ ...flow, boxes })
}
