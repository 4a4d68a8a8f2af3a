/** @file Computes a transposed product as it is wanted: (a b)^T = b^T a^T. BLAS may round the two differently in the last place. */
import type { Graph, IRNode, Rewriter } from '../ir.ts'
import { rewrite, usersOf } from '../ir.ts'
import { composed, noop } from './simplify.ts'

export function orient(graph: Graph): Graph {
  const users = usersOf(graph)
  const asked = new Set(graph.results)
  return rewrite(graph, (node, out, old) => {
    const input = graph.nodes[old]!.inputs[0]
    const isOnlyUser = input !== undefined && users[input]!.length === 1 && !asked.has(input)
    return (isOnlyUser ? turned(node, out) : null) ?? out.add(node)
  })
}

/** BLAS reads transposed operands as they lie, so only the copy of the result is saved. */
function turned(node: IRNode, out: Rewriter): number | null {
  const product = node.inputs.length === 1 ? out.nodes[node.inputs[0]!]! : null
  if (node.leaf || node.row.name !== 'permute' || !product || product.leaf || product.row.name !== 'matmul') return null
  const { axes } = node.attrs as { axes: readonly number[] }
  const rank = axes.length
  const swapsLast = axes.every((axis, i) => axis === (i < rank - 2 ? i : rank - 1 - (i - (rank - 2))))
  if (!swapsLast) return null
  const transposed = (i: number) => {
    const { shape, dtype } = out.nodes[i]!.outputs[0]!
    const outputs = [{ shape: axes.map((axis) => shape[axis]!), dtype }]
    const view = composed({ ...node, inputs: [i], outputs }, out)
    return noop(view, out) ?? out.add(view)
  }
  const [a, b] = product.inputs as [number, number]
  return out.add({ ...product, inputs: [transposed(b), transposed(a)], outputs: node.outputs, order: node.order })
}
