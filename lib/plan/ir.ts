/** @file The graph as plain data, on which the passes work: nodes by number, inputs before users. */
import type { Row, Spec } from '../graph/row.ts'
import type { Tensor } from '../graph/tensor.ts'
import { variableRow } from '../graph/variable.ts'
import { constantRow, operandRow } from '../ops/table.ts'
import type { Walk } from './walk.ts'

/** Where a leaf's numbers come from. */
export type Leaf =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'operand'; readonly index: number }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'variable'; readonly index: number; readonly isLate: boolean }

export interface IRNode {
  readonly row: Row
  readonly inputs: readonly number[]
  readonly attrs: unknown
  readonly attrsKey: string
  /** One, unless the row has several. */
  readonly outputs: readonly Spec[]
  readonly leaf: Leaf | null
  /** Indices of the variables that an update writes. */
  readonly targets: readonly number[]
  readonly region: number
  /** Creation order. */
  readonly order: number
  /** Where the user made it, with TENON_DEBUG. */
  readonly site: string
}

export interface Graph {
  readonly nodes: readonly IRNode[]
  readonly results: readonly number[]
  readonly updates: readonly number[]
}

export function toGraph(walk: Walk): Graph {
  // Positions in the tensors themselves may be another walk's by now.
  const positions = new Map(walk.nodes.map((t, i) => [t, i]))
  const at = (t: Tensor) => positions.get(t)!
  const inputIds = new Map(walk.inputs.map((t, i) => [t, i]))
  const operandIds = new Map(walk.operands.map((t, i) => [t, i]))
  const variableIds = new Map(walk.variables.map((v, i) => [v, i]))
  const nodes = walk.nodes.map((t): IRNode => {
    let leaf: Leaf | null = null
    if (inputIds.has(t)) leaf = { kind: 'input', index: inputIds.get(t)! }
    else if (t.row === operandRow) leaf = { kind: 'operand', index: operandIds.get(t)! }
    else if (t.row === constantRow) leaf = { kind: 'constant', value: (t.attrs as { value: number }).value }
    else if (t.row === variableRow)
      leaf = { kind: 'variable', index: variableIds.get(t.variables[0]!)!, isLate: t.version < 0 }
    return {
      row: t.row,
      inputs: leaf ? [] : t.inputs.map(at),
      attrs: t.attrs,
      attrsKey: t.attrsKey,
      outputs:
        t.parts && !leaf ? t.parts.map(({ shape, dtype }) => ({ shape, dtype })) : [{ shape: t.shape, dtype: t.dtype }],
      leaf,
      targets: t.row.kind === 'update' && !leaf ? t.variables.map((v) => variableIds.get(v)!) : [],
      region: t.region,
      order: t.id,
      site: t.site,
    }
  })
  return { nodes, results: walk.results.map(at), updates: walk.updates.map(at) }
}

/** A pass: each node becomes what `visit` makes of it (its inputs are already numbers of the new graph). */
export function rewrite(graph: Graph, visit: (node: IRNode, out: Rewriter, old: number) => number): Graph {
  const out = new Rewriter()
  const renumbered = new Array<number>(graph.nodes.length)
  graph.nodes.forEach((node, i) => {
    renumbered[i] = visit({ ...node, inputs: node.inputs.map((input) => renumbered[input]!) }, out, i)
  })
  const map = (i: number) => renumbered[i]!
  return { nodes: out.nodes, results: graph.results.map(map), updates: graph.updates.map(map) }
}

export class Rewriter {
  readonly nodes: IRNode[] = []
  add(node: IRNode): number {
    return this.nodes.push(node) - 1
  }
}

/** For each node, the numbers of those that read it. */
export function usersOf(graph: Graph): number[][] {
  const users: number[][] = graph.nodes.map(() => [])
  graph.nodes.forEach((node, i) => node.inputs.forEach((input) => users[input]!.push(i)))
  return users
}
