/** @file The order in which units run: as they were built, and every write of a variable after all that may fail or reads it. */
import { bytesOf } from '../../dtype.ts'
import { fail } from '../../errors.ts'
import { sizeOf } from '../../shape.ts'
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
  const early = sorted.filter((unit) => !late[unit.root] && !isUpdate(fused, unit))
  const pending = new Set(sorted.filter((unit) => late[unit.root] && !isUpdate(fused, unit)))
  const units = new Map(sorted.map((unit) => [unit.root, unit]))
  const soon = writesSoon(fused, early, late, units)
  const before = soon ? early.slice(0, soon.commit) : early
  const after: Unit[] = soon ? interleaved(early, soon) : []
  // Other updates happen in the order in which they were built; what they need of each other's results comes just before.
  for (const update of graph.updates) {
    if (soon?.places.has(update)) continue
    const unit = units.get(update)!
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

/** Writes that wait for the end hold on to the gradients: with fewer bytes than this they may. */
const WAITING_BYTES = 64 << 20

interface Soon {
  /** How many units come before the commit. */
  readonly commit: number
  /** Updates, and how many units come before each. */
  readonly places: ReadonlyMap<number, number>
  readonly units: ReadonlyMap<number, Unit>
}

/**
 * Where what is to be written is large, each variable is written as soon as its new content is there and its old one has been read, so that
 * gradients do not pile up until the end. The price: from the last unit that can fail on, the run is not cancelled any more.
 * Null where it is not worth that.
 */
function writesSoon(
  fused: Fused,
  early: readonly Unit[],
  late: Uint8Array,
  units: ReadonlyMap<number, Unit>,
): Soon | null {
  const { graph } = fused
  const free = freeUpdates(fused, late, units)
  const bytes = free.reduce((sum, update) => sum + waitingBytes(fused, update), 0)
  if (bytes < WAITING_BYTES) return null
  const commit = early.findLastIndex(({ kernel }) => kernel !== null && graph.nodes[kernel]!.row.canFail) + 1
  const doneAt = new Map<number, number>()
  const readAt = new Map<number, number>()
  early.forEach((unit, i) => {
    for (const member of membersOf(unit)) doneAt.set(member, i + 1)
    for (const variable of variablesRead(fused, unit)) readAt.set(variable, i + 1)
  })
  const places = new Map<number, number>()
  for (const update of free) {
    const computed = [...basesOf(fused, membersOf(units.get(update)!))].map((node) => doneAt.get(node) ?? 0)
    const read = graph.nodes[update]!.targets.map((target) => readAt.get(target) ?? 0)
    places.set(update, Math.max(commit, ...computed, ...read))
  }
  return { commit, places, units }
}

/** The units after the commit, with each update in its place. */
function interleaved(early: readonly Unit[], { commit, places, units }: Soon): Unit[] {
  const writes = new Map<number, Unit[]>()
  for (const [update, place] of places) {
    const list = writes.get(place) ?? []
    list.push(units.get(update)!)
    writes.set(place, list)
  }
  const order: Unit[] = [...(writes.get(commit) ?? [])]
  for (let i = commit; i < early.length; i++) order.push(early[i]!, ...(writes.get(i + 1) ?? []))
  return order
}

/** Updates that depend on no other one, by what they read or write. */
function freeUpdates(fused: Fused, late: Uint8Array, units: ReadonlyMap<number, Unit>): number[] {
  const { nodes, updates } = fused.graph
  const writers = new Map<number, number>()
  const readers = new Map<number, number>()
  const count = (map: Map<number, number>, key: number) => map.set(key, (map.get(key) ?? 0) + 1)
  for (const update of updates) {
    const own = nodes[update]!.targets
    own.forEach((target) => count(writers, target))
    for (const variable of variablesRead(fused, units.get(update)!))
      if (!own.includes(variable)) count(readers, variable)
  }
  return updates.filter(
    (update) =>
      !late[update] && nodes[update]!.targets.every((target) => writers.get(target) === 1 && !readers.has(target)),
  )
}

/** What an update keeps alive until it runs. */
function waitingBytes(fused: Fused, update: number): number {
  const { nodes } = fused.graph
  let bytes = 0
  for (const node of basesOf(fused, [update]))
    for (const { shape, dtype } of nodes[node]!.outputs) bytes += sizeOf(shape) * bytesOf(dtype)
  return bytes
}

const membersOf = ({ kernel, chain }: Unit): readonly number[] => (kernel === null ? chain : [kernel, ...chain])

/** Nodes with a value of their own that some nodes read, directly or through views and numbers. */
function basesOf({ graph, inlined }: Fused, members: readonly number[]): Set<number> {
  const found = new Set<number>()
  const own = new Set(members)
  const look = (i: number) => {
    const { leaf, inputs, row } = graph.nodes[i]!
    if (leaf || own.has(i)) return
    if (row.kind === 'view' || inlined.has(i)) inputs.forEach(look)
    else found.add(i)
  }
  for (const member of members) graph.nodes[member]!.inputs.forEach(look)
  return found
}

/** Variables whose present content a unit reads. */
function variablesRead({ graph, inlined }: Fused, unit: Unit): Set<number> {
  const found = new Set<number>()
  const look = (i: number) => {
    const { leaf, inputs, row } = graph.nodes[i]!
    if (leaf?.kind === 'variable') found.add(leaf.index)
    else if (!leaf && (row.kind === 'view' || inlined.has(i))) inputs.forEach(look)
  }
  for (const member of membersOf(unit)) graph.nodes[member]!.inputs.forEach(look)
  return found
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
    const members = membersOf(unit)
    for (const member of members) graph.nodes[member]!.inputs.forEach(reads)
    for (const member of members) graph.nodes[member]!.targets.forEach((target) => written.add(target))
  }
  return [...found]
}
