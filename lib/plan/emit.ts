/** @file From scheduled units to instructions on buffers. */
import type { DType } from '../dtype.ts'
import { assert } from '../errors.ts'
import type { Block, ControlEmitter, Operand } from '../graph/row.ts'
import { broadcastOperand } from '../ops/layout.ts'
import { sizeOf, stridesOf } from '../shape.ts'
import type { Graph, IRNode } from './ir.ts'
import type { Fused, Unit } from './passes/fuse.ts'
import type { Schedule } from './passes/order.ts'
import type { Buffer, Instr, MapProgram, MapStep, Program, Space } from './program.ts'

export interface Sizes {
  readonly inputs: readonly { readonly dtype: DType; readonly elements: number }[]
  readonly numOperands: number
  readonly variables: readonly { readonly dtype: DType; readonly elements: number }[]
}

/** Makes units and their order of a block's graph. */
export type Scheduler = (block: Block) => { fused: Fused; schedule: Schedule }

export function emit(fused: Fused, schedule: Schedule, sizes: Sizes, scheduler: Scheduler): Program {
  return new ProgramEmitter(sizes, scheduler).program(fused, schedule)
}

const NO_MAP = { map: null, epilogueIns: [], epilogue: null, blocks: [], inPlace: [] }

export function isPacked({ dims, strides }: Operand): boolean {
  const packed = stridesOf(dims)
  return dims.every((size, i) => size === 1 || strides[i] === packed[i])
}

/** Buffers and blocks, shared by the emission of the main graph and of the blocks of control nodes. */
class ProgramEmitter {
  readonly buffers: Buffer[] = []
  readonly blocks: Instr[][] = [[]]
  readonly #constants: { value: number; dtype: DType }[] = []
  readonly #constantIds = new Map<string, number>()
  readonly #fixed = new Map<string, number>()
  readonly #sizes: Sizes
  readonly scheduler: Scheduler
  #numOutputs = 0

  constructor(sizes: Sizes, scheduler: Scheduler) {
    this.#sizes = sizes
    this.scheduler = scheduler
  }

  /** Opens a block and gives its number. */
  openBlock(): number {
    return this.blocks.push([]) - 1
  }

  program(fused: Fused, schedule: Schedule): Program {
    const block = new BlockEmitter(this, fused, 0, null)
    block.runUnits(schedule.before)
    const isWriting = schedule.after.length > 0
    if (isWriting) {
      schedule.snapshots.forEach((index) => block.snapshot(index))
      block.results((i) => !block.isLate(i))
      block.push({ ...NO_MAP, kernel: 'commit', outs: [], ins: [], attrs: [], op: 'commit', site: '' })
      block.runUnits(schedule.after)
    }
    block.results(() => true)
    const { inputs, numOperands, variables } = this.#sizes
    const counts = { input: inputs.length, output: this.#numOutputs, variable: variables.length, operand: numOperands }
    return { buffers: this.buffers, blocks: this.blocks, constants: this.#constants, counts }
  }

  arena(dtype: DType, dims: readonly number[]): Operand {
    return this.#whole({ space: 'arena', index: 0, dtype, elements: sizeOf(dims) }, dims)
  }

  /** The `position`-th result lies in this buffer of its own. */
  output(position: number, dtype: DType, dims: readonly number[]): Operand {
    this.#numOutputs = Math.max(this.#numOutputs, position + 1)
    return this.#whole({ space: 'output', index: position, dtype, elements: sizeOf(dims) }, dims)
  }

  /** A buffer that is bound from outside: made once, however often it is read. */
  fixed(space: Space, index: number, dims: readonly number[], dtype: DType): Operand {
    const key = `${space}${index}`
    let buffer = this.#fixed.get(key)
    if (buffer === undefined) {
      buffer = this.buffers.push({ space, index, dtype, elements: sizeOf(dims) }) - 1
      this.#fixed.set(key, buffer)
    }
    return { buffer, dtype, offset: 0, dims, strides: stridesOf(dims) }
  }

  constant(value: number, dtype: DType): Operand {
    const key = `${dtype}${Object.is(value, -0) ? '-0' : value}`
    let id = this.#constantIds.get(key)
    if (id === undefined) {
      id = this.#constants.push({ value, dtype }) - 1
      this.#constantIds.set(key, id)
    }
    return this.fixed('constant', id, [], dtype)
  }

  #whole(buffer: Buffer, dims: readonly number[]): Operand {
    return { buffer: this.buffers.push(buffer) - 1, dtype: buffer.dtype, offset: 0, dims, strides: stridesOf(dims) }
  }
}

/** Emits one block: knows where each of its nodes' values lies. */
class BlockEmitter {
  readonly #program: ProgramEmitter
  readonly #fused: Fused
  readonly #graph: Graph
  /** Where instructions go: the number of a block. */
  #block: number
  /** Of a block's graph: where its params and captures lie. */
  readonly #args: readonly Operand[] | null
  readonly #values = new Map<number, Operand[]>()
  readonly #packed = new Map<string, Operand>()
  readonly #snapshots = new Map<number, Operand>()
  readonly #firstResult = new Map<number, number>()
  readonly #doneResults = new Set<number>()
  #isAfterCommit = false

  constructor(program: ProgramEmitter, fused: Fused, block: number, args: readonly Operand[] | null) {
    this.#args = args
    this.#program = program
    this.#fused = fused
    this.#graph = fused.graph
    this.#block = block
    fused.graph.results.forEach((i, position) => {
      const from = this.#reshaped(i)
      if (!this.#firstResult.has(from)) this.#firstResult.set(from, position)
    })
  }

  /** A result under another shape is computed where the result is wanted. */
  #reshaped(result: number): number {
    let i = result
    for (let node = this.#graph.nodes[i]!; node.row.name === 'reshape' && !node.leaf; node = this.#graph.nodes[i]!)
      i = node.inputs[0]!
    const { leaf, row } = this.#graph.nodes[i]!
    return leaf || row.kind === 'view' ? result : i
  }

  push(instr: Instr): void {
    if (instr.kernel === 'commit') this.#isAfterCommit = true
    this.#program.blocks[this.#block]!.push(instr)
  }

  /** Whether a node's value is only there after the commit. */
  isLate(i: number): boolean {
    const node = this.#graph.nodes[i]!
    if (node.leaf) return false
    if (node.row.kind === 'view') return node.inputs.some((input) => this.isLate(input))
    return !this.#values.has(i)
  }

  runUnits(units: readonly Unit[]): void {
    for (const unit of units) this.#runUnit(unit)
  }

  /** Results that are views, leaves or asked for twice are copied to where they are wanted. */
  results(when: (i: number) => boolean): void {
    this.#graph.results.forEach((i, position) => {
      if (this.#doneResults.has(position) || !when(i)) return
      this.#doneResults.add(position)
      const { shape, dtype } = this.#graph.nodes[i]!.outputs[0]!
      const from = this.operandOf(i)
      const buffer = this.#program.buffers[from.buffer]!
      if (buffer.space === 'output' && buffer.index === position) return
      this.copy(this.#program.output(position, dtype, shape), from, this.#graph.nodes[i]!)
    })
  }

  snapshot(index: number): void {
    const node = this.#graph.nodes.find(({ leaf }) => leaf?.kind === 'variable' && leaf.index === index)!
    const { dtype, shape } = node.outputs[0]!
    const room = this.#program.arena(dtype, shape)
    this.copy(room, this.#program.fixed('variable', index, shape, dtype), node)
    this.#snapshots.set(index, room)
  }

  /** Where the value of a node lies. */
  operandOf(i: number): Operand {
    const node = this.#graph.nodes[i]!
    if (node.leaf) return this.#leaf(node)
    if (node.row.name === 'part') return this.#values.get(node.inputs[0]!)![(node.attrs as { index: number }).index]!
    if (node.row.kind !== 'view') {
      const values = this.#values.get(i)
      assert(values, `internal: ${node.row.name} is read before it is computed`)
      return values[0]!
    }
    const input = this.operandOf(node.inputs[0]!)
    const shape = node.outputs[0]!.shape
    return node.row.view!(input, shape, node.attrs) ?? node.row.view!(this.packed(input, node), shape, node.attrs)!
  }

  #leaf(node: IRNode): Operand {
    const { leaf } = node
    const { shape, dtype } = node.outputs[0]!
    switch (leaf!.kind) {
      case 'input':
        if (this.#args) return this.#args[leaf!.index]!
        return this.#program.fixed('input', leaf!.index, shape, dtype)
      case 'variable':
        if (this.#isAfterCommit && !leaf!.isLate && this.#snapshots.has(leaf!.index))
          return this.#snapshots.get(leaf!.index)!
        return this.#program.fixed('variable', leaf!.index, shape, dtype)
      case 'constant':
        return this.#program.constant(leaf!.value, dtype)
      case 'operand': {
        const number = this.#number(leaf!.index)
        return dtype === 'f64' ? number : this.#typed(number, dtype, node)
      }
      default:
        return leaf satisfies never
    }
  }

  #number(index: number): Operand {
    return this.#program.fixed('operand', index, [], 'f64')
  }

  /** A number of the call in another dtype, for kernels and views. */
  #typed(number: Operand, dtype: DType, near: IRNode): Operand {
    const key = `${number.buffer}|${dtype}`
    const known = this.#packed.get(key)
    if (known) return known
    const room = this.#program.arena(dtype, [])
    this.copy(room, number, near)
    this.#packed.set(key, room)
    return room
  }

  #runUnit(unit: Unit): void {
    if (unit.kernel === null) {
      const { program, ins } = this.#mapOf(unit, null)
      const out = this.#room(unit.root, 0)
      this.#values.set(unit.root, [out])
      this.push({
        ...NO_MAP,
        ...this.#origin(unit.root),
        kernel: 'map',
        outs: [out],
        ins,
        attrs: [],
        map: program,
        inPlace: ins.map((_, i) => i),
      })
      return
    }
    const node = this.#graph.nodes[unit.kernel]!
    const outs = node.outputs.map((_, k) =>
      node.targets.length > 0 ? this.#target(node, k) : this.#room(unit.root, k),
    )
    this.#values.set(unit.kernel, outs)
    const start = this.#program.blocks[this.#block]!.length
    const inputs = node.inputs.map((input) => this.#graph.nodes[input]!.outputs[0]!)
    node.row.emit!(
      new NodeEmitter(this, node, outs),
      { attrs: node.attrs, inputs, outputs: node.outputs },
      node.targets.length > 0 ? outs : [],
    )
    if (unit.chain.length > 0) {
      // What the epilogue reads may have to be packed first, so the kernel comes after that.
      const block = this.#program.blocks[this.#block]!
      const last = block.pop()!
      assert(
        block.length >= start && last.outs[0]!.buffer === outs[0]!.buffer,
        `internal: ${node.row.name} cannot be finished in place`,
      )
      const { program, ins } = this.#mapOf(unit, unit.kernel)
      block.push({ ...last, epilogue: program, epilogueIns: ins.slice(1) })
      this.#values.set(unit.root, outs)
    }
  }

  #origin(i: number): { op: string; site: string } {
    return { op: this.#graph.nodes[i]!.row.name, site: this.#graph.nodes[i]!.site }
  }

  #target(node: IRNode, k: number): Operand {
    const { shape, dtype } = node.outputs[k]!
    return this.#program.fixed('variable', node.targets[k]!, shape, dtype)
  }

  /** Room for output k of a node: in the result's own buffer if it is asked for. */
  #room(i: number, k: number): Operand {
    const { shape, dtype } = this.#graph.nodes[i]!.outputs[k]!
    const position = this.#resultOf(i, k)
    if (position === undefined) return this.#program.arena(dtype, shape)
    return this.#program.output(position, dtype, shape)
  }

  #resultOf(i: number, k: number): number | undefined {
    if (this.#args) return undefined
    if (this.#graph.nodes[i]!.outputs.length === 1) return this.#firstResult.get(i)
    for (const [result, position] of this.#firstResult) {
      const { row, inputs, attrs, leaf } = this.#graph.nodes[result]!
      if (!leaf && row.name === 'part' && inputs[0] === i && (attrs as { index: number }).index === k) return position
    }
    return undefined
  }

  /** The map program of a unit's chain; `kernel`: value 0 is its output. */
  #mapOf(unit: Unit, kernel: number | null): { program: MapProgram; ins: Operand[] } {
    const shape = this.#graph.nodes[unit.root]!.outputs[0]!.shape
    const members = new Set(unit.chain)
    const ins: Operand[] = []
    const inputIds = new Map<string, number>()
    const read = (i: number): string => {
      const leaf = this.#graph.nodes[i]!.leaf
      // Numbers of the call are cast by a step of the program.
      const isNumber = leaf?.kind === 'operand'
      const operand =
        i === kernel ? this.#values.get(kernel)![0]! : isNumber ? this.#number(leaf.index) : this.operandOf(i)
      const wide = broadcastOperand(operand, shape)
      const key = `${wide.buffer}|${wide.offset}|${wide.strides.join()}`
      if (!inputIds.has(key)) inputIds.set(key, ins.push(wide) - 1)
      return key
    }
    if (kernel !== null) read(kernel)
    // First all inputs get their numbers, then steps count on from there.
    const keys = new Map<number, string>()
    const collect = (i: number) => {
      for (const input of this.#graph.nodes[i]!.inputs) {
        if (members.has(input) || keys.has(input)) continue
        if (this.#fused.inlined.has(input)) collect(input)
        else keys.set(input, read(input))
      }
    }
    unit.chain.forEach(collect)
    const steps: MapStep[] = []
    const values = new Map<number, number>()
    const step = (fn: string, dtype: DType, args: number[]) => ins.length + steps.push({ fn, dtype, args }) - 1
    const valueOf = (i: number): number => {
      const known = values.get(i)
      if (known !== undefined) return known
      const node = this.#graph.nodes[i]!
      let value: number
      if (keys.has(i)) {
        value = inputIds.get(keys.get(i)!)!
        const dtype = node.outputs[0]!.dtype
        // Operands arrive as f64.
        if (node.leaf?.kind === 'operand' && dtype !== 'f64') value = step('cast', dtype, [value])
      } else value = step(node.row.map ?? node.row.name, node.outputs[0]!.dtype, node.inputs.map(valueOf))
      values.set(i, value)
      return value
    }
    if (kernel !== null) values.set(kernel, 0)
    unit.chain.forEach(valueOf)
    return { program: { steps, results: [valueOf(unit.root)] }, ins }
  }

  packed(operand: Operand, near: IRNode): Operand {
    if (isPacked(operand)) return operand
    const key = `${operand.buffer}|${operand.offset}|${operand.dims.join()}|${operand.strides.join()}`
    const known = this.#packed.get(key)
    // A variable may have changed in between.
    if (known && this.#program.buffers[operand.buffer]!.space !== 'variable') return known
    const room = this.#program.arena(operand.dtype, operand.dims)
    this.copy(room, operand, near)
    this.#packed.set(key, room)
    return room
  }

  copy(out: Operand, from: Operand, near: IRNode): void {
    const ins = [broadcastOperand(from, out.dims)]
    const map = {
      steps: [{ fn: from.dtype === out.dtype ? 'copy' : 'cast', dtype: out.dtype, args: [0] }],
      results: [1],
    }
    this.push({
      ...NO_MAP,
      kernel: 'map',
      outs: [out],
      ins,
      attrs: [],
      map,
      inPlace: [0],
      op: near.row.name,
      site: near.site,
    })
  }

  temp(dtype: DType, dims: readonly number[]): Operand {
    return this.#program.arena(dtype, dims)
  }

  /** Emits a block's graph here. */
  inline(block: Block, args: readonly Operand[]): readonly Operand[] {
    const { fused, schedule } = this.#program.scheduler(block)
    const inner = new BlockEmitter(this.#program, fused, this.#block, args)
    inner.runUnits(schedule.before)
    return fused.graph.results.map((i) => inner.operandOf(i))
  }

  /** Instructions of `build` go to a block of their own. */
  inBlock(build: () => void): number {
    const outer = this.#block
    const known = new Map(this.#packed)
    this.#block = this.#program.openBlock()
    try {
      build()
      return this.#block
    } finally {
      this.#block = outer
      // What was copied inside may never have run.
      this.#packed.clear()
      known.forEach((operand, key) => this.#packed.set(key, operand))
    }
  }

  constant(value: number, dtype: DType): Operand {
    return this.#program.constant(value, dtype)
  }
}

/** What a row's `emit` sees. */
class NodeEmitter implements ControlEmitter {
  readonly #block: BlockEmitter
  readonly #node: IRNode
  readonly #outs: readonly Operand[]

  constructor(block: BlockEmitter, node: IRNode, outs: readonly Operand[]) {
    this.#block = block
    this.#node = node
    this.#outs = outs
  }

  input(i: number): Operand {
    const operand = this.#block.operandOf(this.#node.inputs[i]!)
    return operand
  }

  packed(operand: Operand): Operand {
    return this.#block.packed(operand, this.#node)
  }

  output(i = 0): Operand {
    return this.#outs[i]!
  }

  temp(dtype: DType, dims: readonly number[]): Operand {
    return this.#block.temp(dtype, dims)
  }

  copy(out: Operand, from: Operand): void {
    this.#block.copy(out, from, this.#node)
  }

  fill(out: Operand, value: number): void {
    this.copy(out, this.#block.constant(value, out.dtype))
  }

  instr(kernel: string, outs: readonly Operand[], ins: readonly Operand[], attrs: readonly number[] = []): void {
    const { name: op, inPlace = [] } = this.#node.row
    this.#block.push({ ...NO_MAP, kernel, outs, ins, attrs, inPlace, op, site: this.#node.site })
  }

  inline(block: Block, args: readonly Operand[]): readonly Operand[] {
    return this.#block.inline(block, args)
  }

  block(build: (emitter: ControlEmitter) => void): number {
    return this.#block.inBlock(() => build(this))
  }

  prepareInputs(): void {
    this.#node.inputs.forEach((input) => this.#block.operandOf(input))
  }

  control(
    kernel: string,
    blocks: readonly number[],
    outs: readonly Operand[],
    ins: readonly Operand[],
    attrs: readonly number[],
  ): void {
    this.#block.push({ ...NO_MAP, kernel, outs, ins, attrs, blocks, op: this.#node.row.name, site: this.#node.site })
  }
}
