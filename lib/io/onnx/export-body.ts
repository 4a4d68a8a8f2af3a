/** @file Writing graphs: the whole one, and the bodies of control flow, which see the names around them. */
import type { Block } from '../../graph/row.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { isFixed } from './export-sizes.ts'
import { blocksOf } from './export-trace.ts'
import type { Graph } from './export-trace.ts'
import { unified, Value } from './export-value.ts'
import type { Described, GraphWriter, SubGraph } from './export-writer.ts'
import { fused } from './to/fused.ts'
import { mappings, reasons } from './to/index.ts'

/** An argument of a graph, or what stands for one: a value with a name. */
export function argument(of: readonly Tensor[], name: string): Value {
  const value = new Value(of, [], true)
  value.names = [name]
  return value
}

/** Writes a graph, the same in every trace; gives the names of its results. `enter` is told of each node before it is written. */
export function writeGraph(
  graphs: readonly Graph[],
  given: ReadonlyMap<Tensor, Value>,
  writer: GraphWriter,
  enter: (node: Tensor) => void = () => {},
): string[] {
  const values = unified(graphs, given)
  const places = new Map(graphs[0]!.nodes.map((node, i) => [node, values[i]!]))
  for (const value of values) {
    if (value.names.length > 0 || value.isConstant) continue
    enter(value.of[0]!)
    const written = write(value, writer)
    value.names = typeof written === 'string' ? [written] : written
    if (typeof written === 'string') writer.remember(written, value.sizes)
  }
  return graphs[0]!.results.map((t) => writer.name(places.get(t)!))
}

function write(value: Value, writer: GraphWriter): string | readonly string[] {
  const [node] = value.of as [Tensor]
  const { row } = value
  if (node.effects?.some((effect) => !effect.done))
    value.refuse('updates variables when it is evaluated. Export in eval mode')
  if (row === 'variable') return writer.variable(node.variables[0]!)
  if (row === 'part') return value.inputs[0]!.names[(node.attrs as { index: number }).index]!
  // Runtimes do not agree on what becomes of empty tensors.
  if (node.size === 0 && node.parts === null && value.sizes.every(isFixed))
    return writer.numbers([], node.shape, node.dtype)
  const found = fused(value, writer)
  if (found !== null) return found
  if (Object.hasOwn(mappings, row)) return mappings[row]!(value, writer)
  return value.refuse(Object.hasOwn(reasons, row) ? reasons[row]! : 'has no ONNX form')
}

const blockOf = (t: Tensor, index: number): Block => (t.attrs as { blocks: readonly Block[] }).blocks[index]!

/** How many tensors from outside a control node's function reads; they are inputs of the node. */
export const numCaptures = (value: Value, index: number): number => blockOf(value.of[0]!, index).captures.length

/** Writes a control node's function here, on values with these names; gives the names of its results. */
export function inlined(
  value: Value,
  writer: GraphWriter,
  index: number,
  params: readonly string[],
  captures: readonly string[],
): string[] {
  const blocks = value.of.map((t) => blockOf(t, index))
  const given = new Map<Tensor, Value>()
  const give = (pick: (block: Block) => readonly Tensor[], names: readonly string[]) =>
    pick(blocks[0]!).forEach((t, i) =>
      given.set(
        t,
        argument(
          blocks.map((block) => pick(block)[i]!),
          names[i]!,
        ),
      ),
    )
  give((block) => block.captures, captures)
  give((block) => block.params, params)
  return writeGraph(
    value.of.map((t) => blocksOf(t)[index]!),
    given,
    writer,
  )
}

/** The parameters of a control node's function under new names, as inputs of a body. */
export function paramsOf(value: Value, writer: GraphWriter, index: number): Described[] {
  return blockOf(value.of[0]!, index).params.map(({ dtype, shape }, i) => {
    const name = writer.free(`${writer.path}/${value.row}_input_${i}`)
    const params = value.of.map((t) => blockOf(t, index).params[i]!)
    return {
      name,
      dtype,
      shape: shape.map((n, axis) => (params.every((t) => t.shape[axis] === n) ? n : `${name}_${axis}`)),
    }
  })
}

/** A body: what `build` writes, with the results that it names. */
export function bodyOf(
  value: Value,
  writer: GraphWriter,
  inputs: readonly Described[],
  build: () => readonly string[],
): SubGraph {
  // Results are nodes of the body's own, even where it hands something on.
  const { nodes, result } = writer.subGraph(() => build().map((name) => writer.add('Identity', [name])))
  return { name: writer.free(`${writer.path}/${value.row}`), nodes, inputs, outputs: result }
}
