/** @file The graph of a traced forward pass, cut into layers and the functions between them, and how values flow between those. */
import type { Tensor } from '../graph/tensor.ts'
import { walk } from '../plan/walk.ts'
import type { ModuleCall } from './trace-calls.ts'

/** A call, or functions of one module that follow each other. */
export interface Unit {
  readonly call: ModuleCall | null
  readonly depth: number
  /** Where it stands among the others. */
  readonly start: number
  readonly nodes: Tensor[]
  /** Of functions: the module whose forward applies them. */
  readonly owner: ModuleCall
}

/** The traced graph, cut into leaves: calls that call no other module, and runs of functions between them. */
export class FlowGraph {
  readonly functions: Unit[]
  readonly #inputs: ReadonlySet<Tensor>
  readonly #outputs: ReadonlySet<Tensor>
  /** Users of each tensor that comes from the inputs. */
  readonly #users = new Map<Tensor, Tensor[]>()
  /** For each such tensor the innermost call that made it. */
  readonly #owners = new Map<Tensor, ModuleCall>()
  readonly #unitOf = new Map<Tensor, Unit>()

  constructor(calls: readonly ModuleCall[]) {
    const whole = calls[0]!
    this.#inputs = new Set(whole.inputs)
    this.#outputs = new Set(whole.outputs)
    const nodes = this.#flowing(whole)
    const ownerOf = innermost(calls)
    for (const node of nodes) this.#owners.set(node, ownerOf(node.id))
    this.functions = this.#group(nodes)
  }

  isInput(t: Tensor): boolean {
    return this.#inputs.has(t)
  }

  /** Whether something outside of the set uses it. */
  leaves(t: Tensor, isInside: (t: Tensor) => boolean): boolean {
    return this.#outputs.has(t) || (this.#users.get(t) ?? []).some((user) => !isInside(user))
  }

  edges(units: readonly Unit[]): (readonly [number, number])[] {
    const found = new Map<string, readonly [number, number]>()
    const leafOf = new Map(units.flatMap((unit, i) => (unit.call ? [[unit.call, i] as const] : [])))
    const placeOf = new Map(units.map((unit, i) => [unit, i]))
    const place = (t: Tensor): number => {
      if (this.#inputs.has(t)) return -1
      const unit = this.#unitOf.get(t)
      return unit ? placeOf.get(unit)! : leafOf.get(this.#owners.get(t)!)!
    }
    const add = (from: number, to: number) => from !== to && found.set(`${from} ${to}`, [from, to])
    for (const [from, users] of this.#users) for (const user of users) add(place(from), place(user))
    for (const output of this.#outputs) if (this.#users.has(output)) add(place(output), units.length)
    return [...found.values()]
  }

  /** What is computed from the inputs, inputs before users; the rest (weights, constants) is nobody's flow. */
  #flowing(whole: ModuleCall): Tensor[] {
    const nodes: Tensor[] = []
    for (const input of this.#inputs) this.#users.set(input, [])
    for (const node of walk({ results: whole.outputs, updates: [], args: whole.inputs }).nodes) {
      const from = node.inputs.filter((input) => this.#users.has(input))
      if (this.#inputs.has(node) || from.length === 0) continue
      this.#users.set(node, [])
      for (const input of new Set(from)) this.#users.get(input)!.push(node)
      nodes.push(node)
    }
    return nodes
  }

  /**
   * Functions of one module that feed each other go together where no layer lies between them: at an equal depth, which is the
   * number of layers on the longest way from the input.
   */
  #group(nodes: readonly Tensor[]): Unit[] {
    const depths = new Map<Tensor, number>()
    for (const node of nodes) {
      const owner = this.#owners.get(node)!
      const from = node.inputs.filter((input) => this.#users.has(input))
      const steps = from.map(
        (input) => (depths.get(input) ?? 0) + Number(!owner.hasCalls && this.#owners.get(input) !== owner),
      )
      depths.set(node, Math.max(...steps))
    }
    const groups = new Groups<Tensor>()
    const loose = nodes.filter((node) => this.#owners.get(node)!.hasCalls)
    for (const node of loose) {
      const isNear = (t: Tensor) => this.#owners.get(t) === this.#owners.get(node) && depths.get(t) === depths.get(node)
      groups.add(node, node.inputs.filter(isNear))
    }
    return groups.all().map((members) => {
      const sorted = members.sort((a, b) => a.id - b.id)
      const owner = this.#owners.get(sorted[0]!)!
      const unit: Unit = { call: null, depth: owner.depth + 1, start: sorted[0]!.id, nodes: sorted, owner }
      for (const member of members) this.#unitOf.set(member, unit)
      return unit
    })
  }
}

/** Finds the innermost call that made the tensor of an id. */
function innermost(calls: readonly ModuleCall[]): (id: number) => ModuleCall {
  const whole = calls[0]!
  const owners = new Array<ModuleCall>(whole.end - whole.start).fill(whole)
  // Inner calls come after the ones around them.
  for (const call of calls) owners.fill(call, call.start - whole.start, call.end - whole.start)
  return (id) => owners[id - whole.start] ?? whole
}

/** Sets that grow together: union-find. */
class Groups<T> {
  readonly #parents = new Map<T, T>()

  /** Puts an item where these are. */
  add(item: T, near: readonly T[]): void {
    if (!this.#parents.has(item)) this.#parents.set(item, item)
    for (const other of near) this.#parents.set(this.#find(other), this.#find(item))
  }

  all(): T[][] {
    const groups = new Map<T, T[]>()
    for (const item of this.#parents.keys()) {
      const root = this.#find(item)
      groups.set(root, [...(groups.get(root) ?? []), item])
    }
    return [...groups.values()]
  }

  #find(item: T): T {
    let root = item
    while (this.#parents.get(root) !== root) root = this.#parents.get(root)!
    for (let at = item; at !== root;) {
      const next = this.#parents.get(at)!
      this.#parents.set(at, root)
      at = next
    }
    return root
  }
}
