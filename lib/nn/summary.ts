/** @file modelSummary: a model as rows with shapes, parameters, operations and memory, and as a graph; known before anything runs. */
import { check } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { zeros } from '../ops/create.ts'
import { codes } from '../engine/addon.ts'
import { summary } from '../engine/evaluate.ts'
import { PlanCache } from '../plan/cache.ts'
import { compilePlan } from '../plan/plan.ts'
import { walk } from '../plan/walk.ts'
import { showShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { showBytes, showCount } from '../units.ts'
import { FlowGraph } from './flow-graph.ts'
import type { Unit } from './flow-graph.ts'
import { Module } from './module.ts'
import { traceCalls } from './trace-calls.ts'
import type { ModuleCall } from './trace-calls.ts'

/** A call of a module, or the functions that a module applies between its calls of others. */
export interface LayerSummary {
  /** Path as in parameter names; '' for the model itself and for functions. */
  readonly name: string
  /** The part of the name that the module around it gives. */
  readonly field: string
  /** Name of the class, or of the functions. */
  readonly kind: string
  /** What the module prints between its parentheses. */
  readonly detail: string
  /** 0 for the model itself. */
  readonly depth: number
  /** Whether it calls no other module: leaves add up to the whole. */
  readonly isLeaf: boolean
  /** Whether the same module was called before. */
  readonly isRepeated: boolean
  readonly outputShapes: readonly Shape[]
  /** Elements of trainable variables, of everything below too. */
  readonly parameters: number
  /** Floating-point operations, run alone; multiply and add count as two. */
  readonly flops: number
  /** Bytes that it needs, run alone: inputs, outputs, weights and everything between. */
  readonly peakBytes: number
}

export interface ModelSummary {
  /** In the order of the calls; a module stands before what it calls. */
  readonly layers: readonly LayerSummary[]
  /** How values flow between leaves: positions in `layers`; -1 is the input, layers.length the output. */
  readonly edges: readonly (readonly [from: number, to: number])[]
  readonly inputShapes: readonly Shape[]
  readonly outputShapes: readonly Shape[]
  /** Elements of trainable variables, shared ones once, and of those that are not trainable. */
  readonly parameters: number
  readonly frozenParameters: number
  /** Of both. */
  readonly parameterBytes: number
  /** Of the whole forward pass as one plan, in which functions may be fused. */
  readonly flops: number
  readonly peakBytes: number
  /** A table. */
  toString(): string
}

/**
 * What model.forward(...inputs) is made of, in eval mode, for inputs like these; as torchinfo's `summary`. Nothing is computed, so the
 * inputs may be of any size; a list of whole numbers stands for zeros of that shape. Each row's cost is that of the row's own plan. Not seen: modules used without `forward`.
 */
export function modelSummary(model: Module, ...given: readonly unknown[]): ModelSummary {
  check(model instanceof Module, 'VALUE', 'modelSummary', () => 'takes a module and inputs for its forward.')
  model.namedParameters()
  const inputs = given.map((input) => (isShape(input) ? zeros(input) : input))
  const calls = traceCalls(model, inputs)
  const whole = calls[0]!
  const graph = new FlowGraph(calls)
  const units = [...calls.map(unitOf), ...graph.functions].sort((a, b) => a.start - b.start || rankOf(a) - rankOf(b))
  const seen = new Set<object>()
  // Equal layers have one plan. Not the common cache: these plans never run.
  const plans = new PlanCache(16 << 20)
  const layers = units.map((unit) => rowOf(unit, graph, seen, plans))
  const variables = [...new Set(model.stateDict().values())]
  const { parameters } = layers[0]!
  const found = {
    layers,
    edges: graph.edges(units),
    inputShapes: whole.inputs.map(({ shape }) => shape),
    outputShapes: whole.outputs.map(({ shape }) => shape),
    parameters,
    frozenParameters: variables.reduce((n, { size }) => n + size, 0) - parameters,
    parameterBytes: variables.reduce((n, { bytes }) => n + bytes, 0),
    flops: layers[0]!.flops,
    peakBytes: layers[0]!.peakBytes,
  }
  return { ...found, toString: () => show(found) }
}

const isShape = (input: unknown): input is Shape =>
  Array.isArray(input) && input.every((size) => Number.isInteger(size))

const unitOf = (call: ModuleCall): Unit => ({ call, depth: call.depth, start: call.start, nodes: [], owner: call })

/** Before what begins at the same moment. */
const rankOf = (unit: Unit): number => (unit.call ? unit.depth : Infinity)

function rowOf(unit: Unit, graph: FlowGraph, seen: Set<object>, plans: PlanCache): LayerSummary {
  const { call, depth } = unit
  const isRepeated = call !== null && seen.has(call.of)
  if (call) seen.add(call.of)
  const members = new Set(unit.nodes)
  const isInside = (t: Tensor) => (call ? t.id >= call.start && t.id < call.end : members.has(t))
  const outputs = call ? call.outputs : unit.nodes.filter((t) => graph.leaves(t, isInside))
  return {
    name: call?.name ?? '',
    field: call ? fieldOf(call) : '',
    kind: call?.kind ?? namesOf(unit.nodes),
    detail: call?.detail ?? '',
    depth,
    isLeaf: call === null || !call.hasCalls,
    isRepeated,
    outputShapes: outputs.map(({ shape }) => shape),
    parameters: call?.parameters ?? 0,
    ...costOf(outputs, isInside, graph, plans),
  }
}

function fieldOf({ name, parent }: ModuleCall): string {
  const prefix = parent?.name ? `${parent.name}.` : ''
  return name.startsWith(prefix) ? name.slice(prefix.length) : name
}

/** What computing these takes, from what comes from outside. */
function costOf(outputs: readonly Tensor[], isInside: (t: Tensor) => boolean, graph: FlowGraph, plans: PlanCache) {
  const made = [...new Set(outputs)].filter(isInside)
  if (made.length === 0) return { flops: 0, peakBytes: 0 }
  const args = new Set<Tensor>()
  const seen = new Set(made)
  // A set that grows is walked to its end.
  for (const node of seen) {
    for (const input of node.inputs) {
      if (isInside(input)) seen.add(input)
      else if (input.inputs.length > 0 || graph.isInput(input)) args.add(input)
    }
  }
  const found = walk({ results: made, updates: [], args: [...args] })
  const { flops, peakBytes } = summary(plans.get(found.key, () => compilePlan(found, codes())))
  return { flops, peakBytes }
}

/** Names of functions in order, each once where it is repeated. */
function namesOf(nodes: readonly Tensor[]): string {
  const names = nodes.map(({ row }) => row.name).filter((name) => name !== 'part')
  return names.filter((name, i) => name !== names[i - 1]).join(', ')
}

function show(found: Omit<ModelSummary, 'toString'>): string {
  const head = ['layer', 'output shape', 'parameters', 'FLOPs', 'peak memory']
  const rows = found.layers.map((layer) => [
    `${'  '.repeat(layer.depth)}${layer.field ? `${layer.field}: ` : ''}${layer.kind}`,
    layer.outputShapes.map(showShape).join(' '),
    layer.isRepeated ? 'again' : layer.parameters > 0 ? layer.parameters.toLocaleString('en') : '',
    layer.flops > 0 ? showCount(layer.flops) : '',
    showBytes(layer.peakBytes),
  ])
  const widths = head.map((title, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length), title.length))
  const line = (row: string[]) =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  const rule = '-'.repeat(line(head).length)
  const totals = [
    `parameters   ${found.parameters.toLocaleString('en')} trainable, ${found.frozenParameters.toLocaleString('en')} not`,
    `weights      ${showBytes(found.parameterBytes)}`,
    `forward      ${showCount(found.flops)} FLOPs, peak memory ${showBytes(found.peakBytes)}, input ${found.inputShapes.map(showShape).join(' ')}`,
  ]
  return [line(head), rule, ...rows.map(line), rule, ...totals].map((text) => text.trimEnd()).join('\n')
}
