/** @file Drops what no result and no update needs. */
import { rewrite } from '../ir.ts'
import type { Graph } from '../ir.ts'

export function prune(graph: Graph): Graph {
  const needed = new Uint8Array(graph.nodes.length)
  for (const i of [...graph.results, ...graph.updates]) needed[i] = 1
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    if (needed[i]) for (const input of graph.nodes[i]!.inputs) needed[input] = 1
  }
  return rewrite(graph, (node, out, old) => (needed[old] ? out.add(node) : -1))
}
