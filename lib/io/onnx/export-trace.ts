/** @file Tracing a module for export: forward on placeholders of given sizes, and the graph in order, with some rows taken apart. */
import { fail } from '../../errors.ts'
import type { Block, Row } from '../../graph/row.ts'
import { noGrad } from '../../graph/state.ts'
import { partRow, Tensor } from '../../graph/tensor.ts'
import { Variable } from '../../graph/variable.ts'
import { Module } from '../../nn/module.ts'
import { traceCalls } from '../../nn/trace-calls.ts'
import type { ModuleCall } from '../../nn/trace-calls.ts'
import { compositeOf } from './to/composites.ts'

const inputRow: Row = {
  name: 'input',
  kind: 'leaf',
  infer: () => fail('TRACE', 'onnx.export', 'internal: not an op.'),
  vjp: { none: 'a leaf' },
}

/** A tensor in arguments or results, under the name that its place gives it; '' where it has none. */
export interface Named {
  readonly name: string
  readonly tensor: Tensor
}

/** One pass of forward. */
export interface Trace {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Named[]
  readonly calls: readonly ModuleCall[]
  readonly graph: Graph
}

/** Calls forward of a module, and keeps what it returns. */
class Probe extends Module {
  readonly model: Module
  returned: unknown = null
  constructor(model: Module) {
    super()
    this.model = model
  }
  override forward(...args: unknown[]): unknown {
    const { forward } = this.model as unknown as { forward: (...args: unknown[]) => unknown }
    return (this.returned = forward.apply(this.model, args))
  }
}

/** Traces forward in eval mode; input k has shapes[k] instead of its own shape. Nothing is computed. */
export function traceModule(model: Module, args: readonly unknown[], shapes: readonly (readonly number[])[]): Trace {
  const inputs: Tensor[] = []
  const given = mapTensors(args, '', ({ tensor }) => {
    const leaf = new Tensor(inputRow, { shape: shapes[inputs.length]!, dtype: tensor.dtype }, [], null, '')
    inputs.push(leaf)
    return leaf
  })
  const probe = new Probe(model)
  const calls = traceCalls(probe, given as readonly unknown[], 'onnx.export')
  const outputs = tensorsIn(probe.returned)
  const found = new Set(outputs.map(({ tensor }) => tensor))
  if (found.size === 0) fail('VALUE', 'onnx.export', 'forward returned no tensor.')
  return { inputs, outputs, calls, graph: graphOf([...outputs.map(({ tensor }) => tensor)], inputs) }
}

/** The tensors of arguments or results, in order. Keys of plain objects name them. */
export function tensorsIn(value: unknown): Named[] {
  const found: Named[] = []
  mapTensors(value, '', (named) => {
    found.push(named)
    return named.tensor
  })
  return found
}

function mapTensors(value: unknown, name: string, fn: (named: Named) => Tensor): unknown {
  if (value instanceof Tensor) return fn({ name, tensor: value })
  if (value instanceof Variable) return fn({ name, tensor: value.read() })
  if (Array.isArray(value)) return value.map((item, i) => mapTensors(item, name && `${name}_${i}`, fn))
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const entries = Object.entries(value).map(([key, item]) => [key, mapTensors(item, name ? `${name}_${key}` : key, fn)])
  return Object.fromEntries(entries)
}

/** A graph in the order inputs before users, where some rows were replaced by what they equal. */
export interface Graph {
  readonly nodes: readonly Tensor[]
  readonly results: readonly Tensor[]
  /** Its structure without sizes: equal for graphs that differ in sizes only. */
  readonly key: string
  /** What a tensor was replaced by; itself, mostly. */
  readonly lowered: (t: Tensor) => Tensor
}

/** The inputs of a node as the graph has them. */
export const sourcesOf = (t: Tensor, isArgument: (t: Tensor) => boolean): readonly Tensor[] =>
  t.value !== null || isArgument(t) ? [] : t.inputs

export function graphOf(results: readonly Tensor[], args: readonly Tensor[]): Graph {
  const given = new Set(args)
  const lowered = lowering(usersOf(results, given))
  const positions = new Map<Tensor, number>()
  const nodes: Tensor[] = []
  const texts: string[] = []
  const isArgument = (t: Tensor) => given.has(t)
  const roots = [...args, ...results.map(lowered)]
  for (const root of roots) {
    const stack: [Tensor, number][] = [[root, 0]]
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!
      const [node, i] = top
      const sources = positions.has(node) ? [] : sourcesOf(node, isArgument)
      if (i < sources.length) {
        top[1]++
        const source = lowered(sources[i]!)
        if (!positions.has(source)) stack.push([source, 0])
        continue
      }
      stack.pop()
      if (positions.has(node)) continue
      positions.set(node, nodes.length)
      nodes.push(node)
      texts.push(
        textOf(
          node,
          sources.map((source) => positions.get(lowered(source))!),
        ),
      )
    }
  }
  return {
    nodes,
    results: results.map(lowered),
    key: `${texts.join(';')}->${results.map((t) => positions.get(lowered(t))).join()}`,
    lowered,
  }
}

function textOf(node: Tensor, sources: readonly number[]): string {
  const name = node.value !== null ? 'value' : node.row.name
  const index = node.row === partRow && node.value === null ? node.attrsKey : ''
  const blocks = node.row.kind === 'control' ? blocksOf(node).map(({ key }) => `{${key}}`) : []
  return `${name}${index} ${node.dtype} ${node.rank} ${sources.join()}${blocks.join('')}`
}

/** The graphs of a control node's functions; their arguments are params and captures. */
export const blocksOf = (node: Tensor): Graph[] =>
  (node.attrs as { readonly blocks: readonly Block[] }).blocks.map(({ params, captures, results }) =>
    graphOf(results, [...params, ...captures]),
  )

/** Which nodes read a tensor; results count as read by null. */
export type Users = ReadonlyMap<Tensor, readonly (Tensor | null)[]>

function usersOf(results: readonly Tensor[], args: ReadonlySet<Tensor>): Users {
  const users = new Map<Tensor, (Tensor | null)[]>(results.map((t) => [t, [null]]))
  const stack = [...new Set(results)]
  while (stack.length > 0) {
    const node = stack.pop()!
    for (const source of sourcesOf(node, (t) => args.has(t))) {
      const list = users.get(source)
      if (list) list.push(node)
      else {
        users.set(source, [node])
        stack.push(source)
      }
    }
  }
  return users
}

function lowering(users: Users): (t: Tensor) => Tensor {
  const known = new Map<Tensor, readonly Tensor[]>()
  const partsOf = (whole: Tensor): readonly Tensor[] | null => {
    const composite = whole.value === null ? compositeOf(whole, users) : null
    if (!composite) return null
    if (!known.has(whole))
      known.set(
        whole,
        noGrad(() => composite()),
      )
    return known.get(whole)!
  }
  return (t) => {
    let node = t
    for (;;) {
      if (node.value !== null) return node
      const isPart = node.row === partRow
      const parts = partsOf(isPart ? node.inputs[0]! : node)
      if (!parts) return node
      node = parts[isPart ? (node.attrs as { index: number }).index : 0]!
    }
  }
}
