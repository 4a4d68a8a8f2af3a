/** @file The order in which units run: as they were built, and every write of a variable after all that may fail or reads it. */
import { fail } from '../../errors.ts'
import type { Fused, Unit } from './fuse.ts'

export interface Schedule {
  /** Before the commit: writes nothing but results. */
  readonly before: readonly Unit[]
  /** After it: updates, and what depends on them. Cannot fail. */
  readonly after: readonly Unit[]
  /** Variables of which the old content is needed after a write: they are copied before the commit. */
  readonly snapshots: readonly number[]
}

export function order(fused: Fused): Schedule {
  const { graph } = fused
  const late = lateNodes(fused)
  const sorted = [...fused.units].sort((a, b) => position(fused, a) - position(fused, b))
  const before = sorted.filter((unit) => !late[unit.root] && !isUpdate(fused, unit))
  const pending = new Set(sorted.filter((unit) => late[unit.root] && !isUpdate(fused, unit)))
  const after: Unit[] = []
  // Updates happen in the order in which they were built; what they need of each other's results comes just before.
  for (const update of graph.updates) {
    const unit = sorted.find(({ root }) => root === update)!
    const needed = ancestors(fused, update)
    for (const other of pending) {
      if (!needed.has(other.root)) continue
      after.push(other)
      pending.delete(other)
    }
    after.push(unit)
  }
  after.push(...pending)
  for (const unit of after) checkCannotFail(fused, unit)
  return { before, after, snapshots: snapshotsOf(fused, after) }
}

const isUpdate = ({ graph }: Fused, unit: Unit) =>
  graph.nodes[unit.root]!.row.kind === 'update' && !graph.nodes[unit.root]!.leaf

/** A chain runs when its last member was built; the sort is stable, and inputs are built before users. */
function position({ graph }: Fused, unit: Unit): number {
  return unit.root + graph.nodes[unit.root]!.order * graph.nodes.length
}

/** Nodes that depend on the content of a variable after or at a write. */
function lateNodes({ graph }: Fused): Uint8Array {
  const late = new Uint8Array(graph.nodes.length)
  graph.nodes.forEach((node, i) => {
    const leaf = node.leaf
    if (leaf?.kind === 'variable' && leaf.isLate) late[i] = 1
    for (const input of node.inputs) {
      const from = graph.nodes[input]!
      if (late[input] || (from.row.kind === 'update' && !from.leaf)) late[i] = 1
    }
  })
  return late
}

function ancestors({ graph }: Fused, of: number): Set<number> {
  const found = new Set<number>()
  const stack = [of]
  while (stack.length > 0) {
    for (const input of graph.nodes[stack.pop()!]!.inputs) {
      if (found.has(input)) continue
      found.add(input)
      stack.push(input)
    }
  }
  return found
}

function checkCannotFail({ graph }: Fused, unit: Unit): void {
  const node = unit.kernel === null ? null : graph.nodes[unit.kernel]!
  if (!node?.row.canFail) return
  fail(
    'VALUE',
    node.row.name,
    'can fail, so it may not depend on a variable that is written in the same evaluation. Evaluate the write first.',
  )
}

/** Versioned reads by units that run when the variable may have been written already. */
function snapshotsOf({ graph, inlined }: Fused, after: readonly Unit[]): number[] {
  const written = new Set<number>()
  const found = new Set<number>()
  const reads = (i: number) => {
    const { leaf, inputs, row } = graph.nodes[i]!
    if (leaf?.kind === 'variable' && !leaf.isLate && written.has(leaf.index)) found.add(leaf.index)
    if (!leaf && (row.kind === 'view' || inlined.has(i))) inputs.forEach(reads)
  }
  for (const unit of after) {
    const members = unit.kernel === null ? unit.chain : [unit.kernel, ...unit.chain]
    for (const member of members) graph.nodes[member]!.inputs.forEach(reads)
    for (const member of members) graph.nodes[member]!.targets.forEach((target) => written.add(target))
  }
  return [...found]
}
