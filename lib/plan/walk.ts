/** @file From the tensors that were asked for to the structure a plan is made for, and what it is bound to this time. */
import { codeOf } from '../dtype.ts'
import { assert, fail } from '../errors.ts'
import { staleVariable } from '../graph/gradient.ts'
import type { Block } from '../graph/row.ts'
import type { Tensor } from '../graph/tensor.ts'
import { variableRow } from '../graph/variable.ts'
import type { Variable } from '../graph/variable.ts'
import { constantRow, operandRow } from '../ops/table.ts'
import { showShape } from '../shape.ts'

export interface Request {
  /** What is asked for. */
  readonly results: readonly Tensor[]
  /** Updates to perform whose results nobody asks for. */
  readonly updates: readonly Tensor[]
  /** What stands for values that come from outside: arguments of a compiled function, params and captures of a block. */
  readonly args?: readonly Tensor[]
}

/** A graph in the order inputs before users; `position` of a tensor is its place in `nodes`. */
export interface Walk {
  readonly nodes: Tensor[]
  readonly results: readonly Tensor[]
  /** In the order in which they happen. */
  readonly updates: Tensor[]
  /** Tensors with values, or arguments. */
  readonly inputs: Tensor[]
  readonly operands: Tensor[]
  readonly variables: Variable[]
  /** The structure: equal keys may share a plan. */
  readonly key: Key
}

export interface Key {
  readonly hash: number
  readonly numbers: ArrayLike<number>
  readonly texts: readonly string[]
}

const NO_TENSORS: ReadonlySet<Tensor> = new Set()
let walks = 0
const rowIds = new Map<string, number>()

/** Walks everything that the request needs. Throws STALE when it read a variable that was written since. */
export function walk(request: Request): Walk {
  return new Walker().run(request)
}

const blockWalks = new WeakMap<Block, Walk>()

/** The walk of a block: its arguments are its params, then its captures. */
export function walkBlock(block: Block): Walk {
  const known = blockWalks.get(block)
  if (known) return known
  const args = [...block.params, ...block.captures]
  // What is captured is part of the walk that is under way.
  const scratch = block.captures.map(({ mark, position }) => ({ mark, position }))
  const found = new Walker().run({ results: block.results, updates: [], args })
  block.captures.forEach((t, i) => Object.assign(t, scratch[i]))
  blockWalks.set(block, found)
  return found
}

class Walker {
  readonly #id = ++walks
  readonly #nodes: Tensor[] = []
  readonly #updates: Tensor[] = []
  readonly #inputs: Tensor[] = []
  readonly #operands: Tensor[] = []
  readonly #variables: Variable[] = []
  readonly #variableIds = new Map<Variable, number>()
  readonly #regions = new Map<number, number>([[0, 0]])
  readonly #numbers: number[] = []
  readonly #texts: string[] = []
  readonly #pending: Tensor[] = []

  #args: ReadonlySet<Tensor> = NO_TENSORS

  run({ results, updates, args = [] }: Request): Walk {
    if (args.length > 0) this.#args = new Set(args)
    for (const arg of args) this.#visit(arg)
    for (const result of results) this.#visit(result)
    this.#pending.push(...updates)
    for (let batch = this.#takePending(); batch.length > 0; batch = this.#takePending()) {
      for (const update of batch) this.#visit(update.parts === null ? update.inputs[0]! : update)
    }
    this.#updates.sort((a, b) => a.id - b.id)
    this.#numbers.push(-1)
    for (const result of results) this.#numbers.push(result.position)
    this.#numbers.push(-2)
    for (const update of this.#updates) this.#numbers.push(update.position)
    return {
      nodes: this.#nodes,
      results,
      updates: this.#updates,
      inputs: this.#inputs,
      operands: this.#operands,
      variables: this.#variables,
      key: { hash: hashOf(this.#numbers, this.#texts), numbers: this.#numbers, texts: this.#texts },
    }
  }

  #takePending(): Tensor[] {
    return this.#pending.splice(0).sort((a, b) => a.id - b.id)
  }

  #visit(root: Tensor): void {
    if (root.mark === this.#id) return
    const stack = [root]
    const next = [0]
    root.mark = this.#id
    while (stack.length > 0) {
      const top = stack.length - 1
      const node = stack[top]!
      const i = next[top]!
      // An evaluated tensor is a leaf, whatever its recipe was.
      if (node.value === null && i < node.inputs.length && !this.#args.has(node)) {
        next[top] = i + 1
        const input = node.inputs[i]!
        if (input.mark !== this.#id) {
          input.mark = this.#id
          stack.push(input)
          next.push(0)
        }
        continue
      }
      stack.pop()
      next.pop()
      node.position = this.#nodes.length
      this.#nodes.push(node)
      this.#describe(node)
    }
  }

  #describe(node: Tensor): void {
    const numbers = this.#numbers
    const dtype = codeOf(node.dtype)
    if (node.value !== null || this.#args.has(node)) {
      numbers.push(0, dtype, node.rank, ...node.shape)
      this.#inputs.push(node)
    } else if (node.row === operandRow) {
      numbers.push(1, dtype)
      this.#operands.push(node)
    } else if (node.row === constantRow) {
      numbers.push(2, dtype)
      this.#texts.push(node.attrsKey)
    } else if (node.row === variableRow) {
      this.#describeVariable(node)
    } else this.#describeOp(node)
  }

  #describeVariable(node: Tensor): void {
    const variable = node.variables[0]!
    const isLate = node.version < 0
    if (!isLate && node.version !== variable.version) staleVariable('evaluate', variable)
    this.#numbers.push(3, this.#variableId(variable), Number(isLate))
  }

  #variableId(variable: Variable): number {
    let id = this.#variableIds.get(variable)
    if (id === undefined) {
      id = this.#variables.length
      this.#variableIds.set(variable, id)
      this.#variables.push(variable)
      this.#numbers.push(codeOf(variable.dtype), variable.rank, ...variable.shape)
    }
    return id
  }

  #describeOp(node: Tensor): void {
    const { row, inputs } = node
    const numbers = this.#numbers
    if (row.kind === 'leaf')
      fail(
        'VALUE',
        'evaluate',
        `a tensor ${showShape(node.shape)} belongs to the tracing of a function and has no value outside.`,
      )
    let id = rowIds.get(row.name)
    if (id === undefined) rowIds.set(row.name, (id = rowIds.size + 4))
    let region = this.#regions.get(node.region)
    if (region === undefined) this.#regions.set(node.region, (region = this.#regions.size))
    numbers.push(id, region)
    for (let i = 0; i < inputs.length; i++) numbers.push(inputs[i]!.position)
    if (node.attrsKey !== '') {
      numbers.push(-3)
      this.#texts.push(node.attrsKey)
    }
    if (row.kind === 'control') {
      for (const block of (node.attrs as { blocks: readonly Block[] }).blocks) {
        const { key } = walkBlock(block)
        numbers.push(-4, ...(key.numbers as number[]))
        this.#texts.push(...key.texts)
      }
    }
    if (row.kind === 'update') {
      if (node.version !== 0) {
        fail(
          'STALE',
          row.name,
          `this update of '${node.variables[0]!.name || 'a variable'}' has been performed. Read the variable instead.`,
        )
      }
      for (const target of node.variables) numbers.push(this.#variableId(target))
      this.#updates.push(node)
    }
    if (node.effects) for (const effect of node.effects) if (!effect.done) this.#pending.push(effect.update)
  }
}

function hashOf(numbers: readonly number[], texts: readonly string[]): number {
  let h = 0x811c9dc5
  for (let i = 0; i < numbers.length; i++) h = Math.imul(h ^ numbers[i]!, 0x01000193)
  for (const text of texts) for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

export function sameKey(a: Key, b: Key): boolean {
  if (a.hash !== b.hash || a.numbers.length !== b.numbers.length || a.texts.length !== b.texts.length) return false
  for (let i = 0; i < a.numbers.length; i++) if (a.numbers[i] !== b.numbers[i]) return false
  for (let i = 0; i < a.texts.length; i++) if (a.texts[i] !== b.texts[i]) return false
  return true
}

/** The number of a scalar leaf for this evaluation. */
export function scalarOf(leaf: Tensor): number {
  const value = typeof leaf.scalar === 'function' ? leaf.scalar() : leaf.scalar
  assert(typeof value === 'number', 'internal: an operand is not a number')
  return value
}
