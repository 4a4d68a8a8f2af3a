/** @file Computes once what is written twice. Nodes of different checkpointed regions are never shared. */
import type { Graph, IRNode } from '../ir.ts'
import { rewrite } from '../ir.ts'

export function share(graph: Graph): Graph {
  const seen = new Map<string, number>()
  return rewrite(graph, (node, out) => {
    const key = keyOf(node)
    const earlier = key === null ? undefined : seen.get(key)
    if (earlier !== undefined) {
      // Whoever was built after one of them may run after it: the first one built counts.
      const kept = out.nodes[earlier]!
      if (node.order < kept.order) out.nodes[earlier] = { ...kept, order: node.order }
      return earlier
    }
    const added = out.add(node)
    if (key !== null) seen.set(key, added)
    return added
  })
}

function keyOf(node: IRNode): string | null {
  const { leaf, outputs } = node
  if (leaf?.kind === 'constant') return `c${outputs[0]!.dtype}${Object.is(leaf.value, -0) ? '-0' : leaf.value}`
  if (leaf?.kind === 'variable') return leaf.isLate ? null : `v${leaf.index}`
  if (leaf || node.row.kind === 'update' || node.row.kind === 'control') return null
  return `${node.row.name}|${node.region}|${node.inputs.join()}|${node.attrsKey}`
}
