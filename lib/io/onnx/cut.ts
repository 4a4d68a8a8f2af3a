/** @file A model cut short: only what leads to the values that are wanted stays. */
import { fail } from '../../errors.ts'
import type { GraphMessage, ModelMessage, NodeMessage, ValueInfoMessage } from './schema.ts'

/** At most so many names are listed in an error. */
const LISTED = 12

/** Makes these values the model's outputs, and drops the nodes, tensors and inputs that they do not need. A node's name stands for its first output. */
export function cutAt(model: ModelMessage, wanted: readonly string[]): void {
  const graph = model.graph ?? fail('FORMAT', 'onnx', 'the model has no graph.')
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)))
  const outputs = wanted.map((name) => valueOf(name, graph, makers))
  const needed = new Set(outputs)
  const nodes = new Set<NodeMessage>()
  // A set that grows is walked to its end.
  for (const name of needed) {
    const node = makers.get(name)
    if (!node || nodes.has(node)) continue
    nodes.add(node)
    for (const input of namesRead(node)) needed.add(input)
  }
  const isNeeded = ({ name }: { readonly name: string }) => needed.has(name)
  const described = new Map(graph.output.map((info) => [info.name, info]))
  const cut: Partial<GraphMessage> = {
    node: graph.node.filter((node) => nodes.has(node)),
    initializer: graph.initializer.filter(isNeeded),
    sparseInitializer: graph.sparseInitializer.filter(({ values }) => values && isNeeded(values)),
    input: graph.input.filter(isNeeded),
    output: outputs.map((name): ValueInfoMessage => described.get(name) ?? { name }),
  }
  Object.assign(graph, cut)
}

function valueOf(name: string, graph: GraphMessage, makers: ReadonlyMap<string, NodeMessage>): string {
  if (makers.has(name)) return name
  const made = graph.node.find((node) => node.name === name && name !== '')?.output.find((output) => output !== '')
  if (made !== undefined) return made
  const last = [...makers.keys()].slice(-LISTED).map((one) => JSON.stringify(one))
  return fail(
    'VALUE',
    'onnx',
    `no node makes or is called ${JSON.stringify(name)}. The last values: ${last.join(', ')}.`,
  )
}

/** What a node reads, its branches and loop bodies too: those see the names around them. */
function namesRead(node: NodeMessage): Set<string> {
  const names = new Set<string>()
  const nodes = [node]
  for (let one = nodes.pop(); one; one = nodes.pop()) {
    for (const name of one.input) if (name !== '') names.add(name)
    for (const { g } of one.attribute) {
      if (!g) continue
      nodes.push(...g.node)
      for (const { name } of g.output) names.add(name)
    }
  }
  return names
}
