/** @file Decides what runs as one instruction: chains of elementwise nodes, and such a chain at the end of a product or convolution. */
import { sameShape, sizeOf } from '../../shape.ts'
import { usersOf } from '../ir.ts'
import type { Graph } from '../ir.ts'

/** Limits of the native `map` (docs/plan.md), with room for casts of operands. */
const MAX_STEPS = 48
const MAX_INPUTS = 20

export interface Unit {
  /** Elementwise members, inputs before users; empty for a kernel on its own. */
  readonly chain: readonly number[]
  /** The kernel, update or control node that it begins with, if any. */
  readonly kernel: number | null
  /** The node whose value it leaves behind. */
  readonly root: number
}

export interface Fused {
  readonly graph: Graph
  readonly units: readonly Unit[]
  /** Scalar elementwise nodes on numbers of the call: worked out inside every chain that reads them. */
  readonly inlined: ReadonlySet<number>
}

export interface FuseOptions {
  /** Off: every elementwise node is a unit of its own. */
  readonly chains: boolean
  readonly epilogues: boolean
}

export function fuse(graph: Graph, { chains, epilogues }: FuseOptions = { chains: true, epilogues: true }): Fused {
  const users = usersOf(graph)
  const asked = new Set([...graph.results, ...graph.updates])
  const inlined = chains ? scalarsToInline(graph, users, asked) : new Set<number>()
  const groups = chainsOf(graph, users, asked, inlined, chains)
  const units: Unit[] = []
  const taken = new Set<number>()
  const byRoot = new Map<number, number[]>()
  for (const [root, members] of groups) {
    members.sort((a, b) => a - b)
    byRoot.set(root, members)
    const kernel = epilogues ? kernelBefore(graph, users, asked, members, taken) : null
    if (kernel !== null) taken.add(kernel)
    units.push({ chain: members, kernel, root })
  }
  graph.nodes.forEach((node, i) => {
    const isKernel =
      !node.leaf && (node.row.kind === 'kernel' || node.row.kind === 'update' || node.row.kind === 'control')
    if (isKernel && !taken.has(i)) units.push({ chain: [], kernel: i, root: i })
  })
  return { graph, units, inlined }
}

const isElementwise = (graph: Graph, i: number) => !graph.nodes[i]!.leaf && graph.nodes[i]!.row.kind === 'elementwise'

function scalarsToInline(graph: Graph, users: number[][], asked: ReadonlySet<number>): Set<number> {
  const inlined = new Set<number>()
  graph.nodes.forEach((node, i) => {
    if (!isElementwise(graph, i) || sizeOf(node.outputs[0]!.shape) !== 1 || node.inputs.length === 0 || asked.has(i))
      return
    if (node.row.name.startsWith('random')) return
    const isCheap = node.inputs.every((input) => {
      const kind = graph.nodes[input]!.leaf?.kind
      return kind === 'operand' || kind === 'constant' || inlined.has(input)
    })
    if (isCheap && users[i]!.every((user) => isElementwise(graph, user))) inlined.add(i)
  })
  return inlined
}

/** Chains by the node that each leaves behind: a node joins the chain of its users if all of them are in one, over the same shape. */
function chainsOf(
  graph: Graph,
  users: number[][],
  asked: ReadonlySet<number>,
  inlined: ReadonlySet<number>,
  join: boolean,
) {
  const chainOf = new Map<number, number>()
  const groups = new Map<number, number[]>()
  const inputsOf = new Map<number, Set<number>>()
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    if (!isElementwise(graph, i) || inlined.has(i)) continue
    const node = graph.nodes[i]!
    let root = i
    if (join && !asked.has(i) && users[i]!.length > 0) {
      const target = chainOf.get(users[i]![0]!)
      const fits =
        target !== undefined &&
        users[i]!.every((user) => chainOf.get(user) === target) &&
        sameShape(graph.nodes[target]!.outputs[0]!.shape, node.outputs[0]!.shape) &&
        groups.get(target)!.length < MAX_STEPS &&
        new Set([...inputsOf.get(target)!, ...node.inputs]).size <= MAX_INPUTS
      if (fits) root = target
    }
    chainOf.set(i, root)
    if (root === i) {
      groups.set(i, [i])
      inputsOf.set(i, new Set(node.inputs))
    } else {
      groups.get(root)!.push(i)
      inputsOf.get(root)!.delete(i)
      node.inputs.forEach((input) => inputsOf.get(root)!.add(input))
    }
  }
  return groups
}

/** A kernel that can finish its output with this chain: nothing else reads it. The latest one, if there are several. */
function kernelBefore(
  graph: Graph,
  users: number[][],
  asked: ReadonlySet<number>,
  members: readonly number[],
  taken: ReadonlySet<number>,
) {
  const inside = new Set(members)
  const out = graph.nodes[members[members.length - 1]!]!.outputs[0]!
  const candidates = members
    .flatMap((member) => graph.nodes[member]!.inputs)
    .filter((input) => {
      const node = graph.nodes[input]!
      if (node.leaf || !node.row.epilogue || asked.has(input) || taken.has(input)) return false
      const { shape, dtype } = node.outputs[0]!
      return sameShape(shape, out.shape) && dtype === out.dtype && users[input]!.every((user) => inside.has(user))
    })
  return candidates.length > 0 ? Math.max(...candidates) : null
}
