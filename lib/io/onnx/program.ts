/** @file A model's graphs, checked when it is read, and how they run: node by node in the file's order, building tenon's graph. */
import { fail, TenonError } from '../../errors.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { beginPart } from '../../nn/trace-calls.ts'
import { fromBuffer } from '../../ops/create.ts'
import { held, labelOf, Node, Wanted } from './node.ts'
import type { Held, OpEntry, OpResult, Steps, Surroundings } from './node.ts'
import { numberOf } from './schema.ts'
import type {
  AttributeMessage,
  FunctionMessage,
  GraphMessage,
  ModelMessage,
  NodeMessage,
  OpsetMessage,
  TensorMessage,
} from './schema.ts'
import { operators } from './table.ts'
import { readSparse, readTensor } from './tensor-data.ts'
import type { ExternalData } from './tensor-data.ts'

/** Graphs in graphs, and functions in functions, no deeper. */
const DEEPEST = 64
/** Nodes that one run may go through, loops and functions included. */
const MOST_NODES = 500_000
export const NEWEST_OPSET = 27

type Values = Map<string, Held | null>
type Opsets = ReadonlyMap<string, number>
type Attributes = ReadonlyMap<string, AttributeMessage>

const keyOf = (domain: string, name: string, overload: string): string => JSON.stringify([domain, name, overload])
const domainOf = (domain: string): string => (domain === 'ai.onnx' ? '' : domain)

export class Program {
  readonly graph: GraphMessage
  readonly external: ExternalData
  readonly #opsets: Opsets
  readonly #functions = new Map<string, FunctionMessage>()

  constructor(model: ModelMessage, external: ExternalData) {
    this.graph = model.graph ?? fail('FORMAT', 'onnx', 'the model has no graph.')
    this.external = external
    this.#opsets = opsetsOf(model.opsetImport)
    for (const one of model.functions) this.#functions.set(keyOf(domainOf(one.domain), one.name, one.overload), one)
    this.#checkGraph(this.graph, this.#opsets, 0)
    for (const one of model.functions) this.#checkNodes(one.node, this.#opsetsIn(one), 0)
  }

  /** Every node names an operator that is known, so that a model which loads can run. */
  #checkGraph(graph: GraphMessage, opsets: Opsets, depth: number): void {
    if (depth > DEEPEST) fail('FORMAT', 'onnx', `graphs lie more than ${DEEPEST} deep in each other.`)
    this.#checkNodes(graph.node, opsets, depth)
  }

  #checkNodes(nodes: readonly NodeMessage[], opsets: Opsets, depth: number): void {
    for (const node of nodes) {
      if (!this.#functionOf(node)) entryOf(node, opsets)
      for (const { g } of node.attribute) if (g) this.#checkGraph(g, opsets, depth + 1)
    }
  }

  #functionOf({ domain, opType, overload }: NodeMessage): FunctionMessage | undefined {
    return this.#functions.get(keyOf(domainOf(domain), opType, overload))
  }

  /** A function imports its own operator sets; what it does not, the model does. */
  #opsetsIn({ opsetImport }: FunctionMessage): Opsets {
    return new Map([...this.#opsets, ...opsetsOf(opsetImport)])
  }

  /** Which input of which operator a name is: for telling settings from weights. Of the main graph only. */
  frozenNames(): Set<string> {
    const names = new Set<string>()
    for (const node of this.graph.node) {
      if (this.#functionOf(node)) continue
      for (const i of entryOf(node, this.#opsets).frozen ?? []) if (node.input[i]) names.add(node.input[i]!)
    }
    return names
  }

  /** Goes through the graph; `initial` has its inputs and initializers. */
  *run(initial: ReadonlyMap<string, Held>): Steps<readonly Held[]> {
    const run: Run = { nodes: 0, opsets: this.#opsets, attributes: new Map(), depth: 0, isInBody: false }
    const values: Values = new Map(initial)
    yield* this.#runNodes(this.graph.node, [values], run)
    return this.graph.output.map(({ name }) => present(name, [values], 'the outputs of the graph'))
  }

  *#runNodes(nodes: readonly NodeMessage[], scopes: readonly Values[], run: Run): Steps<void> {
    for (const message of nodes) {
      if (++run.nodes > MOST_NODES) fail('FORMAT', 'onnx', `a run goes through more than ${MOST_NODES} nodes.`)
      const label = labelOf(message)
      const inputs = message.input.map((name) => (name === '' ? null : lookUp(name, scopes, label)))
      const known = this.#functionOf(message)
      const end = run.isInBody ? null : beginPart(partOf(message), tensorsIn(inputs))
      const results = known
        ? yield* this.#runFunction(known, message, inputs, scopes, run)
        : yield* this.#runOperator(message, inputs, scopes, run)
      end?.(tensorsIn(results))
      message.output.forEach((name, i) => {
        if (name !== '') scopes[0]!.set(name, results[i] ?? null)
      })
    }
  }

  *#runOperator(
    message: NodeMessage,
    inputs: readonly (Held | null)[],
    scopes: readonly Values[],
    run: Run,
  ): Steps<readonly (Held | null)[]> {
    const entry = entryOf(message, run.opsets)
    const surroundings: Surroundings = {
      runGraph: (graph, given) => this.#runGraph(graph, given, scopes, run),
      attribute: (name) => run.attributes.get(name),
      external: this.external,
    }
    const version = run.opsets.get(domainOf(message.domain)) ?? 1
    for (;;) {
      try {
        const node = new Node(message, version, inputs, surroundings)
        const result = entry.run(node)
        const done =
          Symbol.iterator in result && !Array.isArray(result)
            ? yield* named(message, result as Steps<OpResult>)
            : result
        return asHeld(done as OpResult, entry, inputs)
      } catch (error) {
        if (!(error instanceof Wanted)) throw inTheNameOf(message, error)
        yield* asking(message, error.tensor)
      }
    }
  }

  *#runGraph(graph: GraphMessage, given: readonly Held[], scopes: readonly Values[], run: Run): Steps<readonly Held[]> {
    if (run.depth >= DEEPEST) fail('FORMAT', 'onnx', `graphs run more than ${DEEPEST} deep in each other.`)
    if (given.length !== graph.input.length)
      fail(
        'FORMAT',
        'onnx',
        `the graph ${JSON.stringify(graph.name)} takes ${graph.input.length} inputs, got ${given.length}.`,
      )
    const own: Values = new Map()
    for (const { name, value } of initializersOf(graph, this.external)) own.set(name, value)
    graph.input.forEach(({ name }, i) => own.set(name, given[i]!))
    const inside = [own, ...scopes]
    const within: Run = { ...run, depth: run.depth + 1, isInBody: true }
    yield* this.#runNodes(graph.node, inside, within)
    run.nodes = within.nodes
    return graph.output.map(({ name }) => present(name, inside, `the outputs of ${JSON.stringify(graph.name)}`))
  }

  *#runFunction(
    one: FunctionMessage,
    call: NodeMessage,
    inputs: readonly (Held | null)[],
    scopes: readonly Values[],
    run: Run,
  ): Steps<readonly (Held | null)[]> {
    if (run.depth >= DEEPEST) fail('FORMAT', 'onnx', `functions call each other more than ${DEEPEST} deep.`)
    const own: Values = new Map(one.input.map((name, i) => [name, inputs[i] ?? null]))
    const given = call.attribute.flatMap((attribute) => {
      const found = attribute.refAttrName ? run.attributes.get(attribute.refAttrName) : attribute
      return found ? [[attribute.name, found] as const] : []
    })
    const attributes: Attributes = new Map([...one.attributeProto.map((a) => [a.name, a] as const), ...given])
    const inside: Run = { ...run, opsets: this.#opsetsIn(one), attributes, depth: run.depth + 1 }
    yield* this.#runNodes(one.node, [own], inside)
    run.nodes = inside.nodes
    return one.output.map((name) => lookUp(name, [own], `the outputs of ${JSON.stringify(one.name)}`))
  }
}

/** What a run carries along. */
interface Run {
  nodes: number
  readonly opsets: Opsets
  readonly attributes: Attributes
  readonly depth: number
  /** Of a branch or loop: no part of the graph around. */
  readonly isInBody: boolean
}

/** A node as who traces the model sees it; nodes need no name, outputs have one. */
const partOf = (message: NodeMessage) => ({
  name: message.name || message.output.find((name) => name !== '') || '',
  kind: message.opType,
  of: message,
})

const tensorsIn = (values: readonly (Held | null)[]): Tensor[] =>
  values.flatMap((value) => (value ? [value.tensor] : []))

function lookUp(name: string, scopes: readonly Values[], where: string): Held | null {
  for (const values of scopes) {
    const found = values.get(name)
    if (found !== undefined) return found
  }
  return fail('FORMAT', 'onnx', `${where}: there is no value ${JSON.stringify(name)} yet.`)
}

/** A value that was not left out. */
function present(name: string, scopes: readonly Values[], where: string): Held {
  return lookUp(name, scopes, where) ?? fail('FORMAT', 'onnx', `${where}: ${JSON.stringify(name)} was left out.`)
}

function opsetsOf(imports: readonly OpsetMessage[]): Opsets {
  const found = new Map<string, number>()
  for (const { domain, version } of imports) {
    const number = numberOf(version)
    if (domainOf(domain) === '' && !(number >= 1 && number <= NEWEST_OPSET))
      fail('FORMAT', 'onnx', `the operator set is version ${number}; versions up to ${NEWEST_OPSET} are known.`)
    found.set(domainOf(domain), number)
  }
  return found
}

function entryOf(node: NodeMessage, opsets: Opsets): OpEntry {
  const domain = domainOf(node.domain)
  const found = operators.get(domain)?.get(node.opType)
  if (!found) return fail('FORMAT', 'onnx', `${labelOf(node)} is an operator that is not supported.`)
  if (!opsets.has(domain)) fail('FORMAT', 'onnx', `${labelOf(node)}: the model imports no operator set '${domain}'.`)
  return found
}

function asHeld(result: OpResult, entry: OpEntry, inputs: readonly (Held | null)[]): (Held | null)[] {
  const list = Array.isArray(result) ? (result as readonly (Tensor | Held | null)[]) : [result as Tensor | Held]
  return list.map((one) => {
    if (one === null || 'tensor' in one) return one
    const first = inputs[0]
    const keeps = entry.keepsType && first && first.tensor.dtype === one.dtype
    return keeps ? { tensor: one, type: first.type } : held(one)
  })
}

/** An error that says in which node. */
function inTheNameOf(message: NodeMessage, error: unknown): unknown {
  const label = labelOf(message)
  if (!(error instanceof TenonError) || error.message.includes(`onnx: node `)) return error
  const reason = error.message
  return new TenonError(error.code, 'onnx', `${label}: ${reason}`, { cause: error })
}

/** The node that a run waits for: what DYNAMIC names. */
export const waiting = new WeakMap<Tensor, string>()

/** Steps whose questions are the node's, unless a node inside asked. */
function* named<T>(message: NodeMessage, steps: Steps<T>): Steps<T> {
  for (;;) {
    const next = steps.next()
    if (next.done) return next.value
    if (!waiting.has(next.value)) waiting.set(next.value, labelOf(message))
    yield next.value
  }
}

function* asking(message: NodeMessage, tensor: Tensor): Steps<void> {
  waiting.set(tensor, labelOf(message))
  yield tensor
}

/** A graph's own tensors, by name. */
export function initializersOf(graph: GraphMessage, external: ExternalData): { name: string; value: Held }[] {
  const dense = graph.initializer.map((message) => ({
    name: message.name,
    data: readTensor(message, `the initializer ${JSON.stringify(message.name)}`, external),
  }))
  const sparse = graph.sparseInitializer.map((message) => {
    const name = message.values?.name ?? ''
    return { name, data: readSparse(message, `the initializer ${JSON.stringify(name)}`) }
  })
  return [...dense, ...sparse].map(({ name, data: { type, shape, buffer } }) => ({
    name,
    value: { tensor: fromBuffer(buffer, shape, type.dtype), type },
  }))
}

/** Every tensor message of a model, in subgraphs and attributes too: some have their data elsewhere. */
export function* tensorsOf(model: ModelMessage): Generator<TensorMessage> {
  const nodes: NodeMessage[] = model.functions.flatMap(({ node }) => [...node])
  const graphs: GraphMessage[] = model.graph ? [model.graph] : []
  for (;;) {
    const graph = graphs.pop()
    if (graph) {
      yield* graph.initializer
      for (const { values, indices } of graph.sparseInitializer) yield* [values, indices].filter((t) => !!t)
      for (const node of graph.node) nodes.push(node)
      continue
    }
    const node = nodes.pop()
    if (!node) return
    for (const { t, g } of node.attribute) {
      if (t) yield t
      if (g) graphs.push(g)
    }
  }
}
