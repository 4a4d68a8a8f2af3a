/** @file Where the arena's buffers lie: a pure function from lifetimes to offsets. Buffers that live at the same time never overlap. */
import type { Operand } from '../../graph/row.ts'
import { bufferBytes } from '../program.ts'
import type { Buffer, Instr, Program } from '../program.ts'

const ALIGNMENT = 64

export interface Placement {
  /** Byte offset of each buffer in the arena; -1 for buffers elsewhere. */
  readonly offsets: readonly number[]
  readonly arenaBytes: number
}

export interface Lifetime {
  /** Positions of the first and last instruction that touch it. */
  readonly first: number
  readonly last: number
  readonly bytes: number
}

export interface PlaceOptions {
  /** Let an elementwise result take the place of an input that dies there. */
  readonly inPlace: boolean
}

export function place(program: Program, { inPlace }: PlaceOptions = { inPlace: true }): Placement {
  const ranges = lifetimes(program)
  const owner = inPlace ? merge(program, ranges) : program.buffers.map((_, i) => i)
  const classes = new Map<number, Lifetime>()
  ranges.forEach((range, i) => {
    if (!range) return
    const whole = classes.get(owner[i]!)
    classes.set(
      owner[i]!,
      whole
        ? { first: Math.min(whole.first, range.first), last: Math.max(whole.last, range.last), bytes: range.bytes }
        : range,
    )
  })
  const ids = [...classes.keys()]
  const { offsets, total } = pack(ids.map((id) => classes.get(id)!))
  const offsetOf = new Map(ids.map((id, k) => [id, offsets[k]!]))
  return { offsets: program.buffers.map((_, i) => (ranges[i] ? offsetOf.get(owner[i]!)! : -1)), arenaBytes: total }
}

/** Largest first, each at the lowest offset where nothing lies that lives at the same time. */
export function pack(lifetimes: readonly Lifetime[]): { offsets: number[]; total: number } {
  const offsets = new Array<number>(lifetimes.length).fill(0)
  const placed: number[] = []
  let total = 0
  const bySize = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b)
  for (const i of bySize) {
    const { first, last, bytes } = lifetimes[i]!
    const size = align(bytes)
    let at = 0
    // `placed` is kept in order of offset.
    for (const j of placed) {
      const other = lifetimes[j]!
      if (other.last < first || other.first > last) continue
      if (offsets[j]! >= at + size) break
      at = Math.max(at, offsets[j]! + align(other.bytes))
    }
    offsets[i] = at
    total = Math.max(total, at + size)
    const position = placed.findIndex((j) => offsets[j]! > at)
    if (position < 0) placed.push(i)
    else placed.splice(position, 0, i)
  }
  return { offsets, total }
}

const align = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

const touched = (instr: Instr): Operand[] => [...instr.outs, ...instr.ins, ...instr.epilogueIns]

/** Of each arena buffer. What a block touches lives as long as the control instruction. */
function lifetimes(program: Program): (Lifetime | null)[] {
  const found: (Lifetime | null)[] = program.buffers.map(() => null)
  const visit = (instr: Instr, position: number) => {
    for (const { buffer } of touched(instr)) {
      if (program.buffers[buffer]!.space !== 'arena') continue
      const known = found[buffer]
      found[buffer] = { first: known?.first ?? position, last: position, bytes: bufferBytes(program.buffers[buffer]!) }
    }
    for (const block of instr.blocks) program.blocks[block]!.forEach((inner) => visit(inner, position))
  }
  program.blocks[0]!.forEach(visit)
  return found
}

/** For each buffer, the one whose room it takes: itself, or an input of the instruction that writes it. */
function merge(program: Program, ranges: readonly (Lifetime | null)[]): number[] {
  const owner = program.buffers.map((_, i) => i)
  const lastOf = ranges.map((range) => range?.last ?? -1)
  program.blocks[0]!.forEach((instr, position) => {
    if (instr.inPlace.length === 0 || instr.outs.length !== 1) return
    const out = instr.outs[0]!
    if (!isWhole(program.buffers, out) || ranges[out.buffer]!.first !== position) return
    const dying = instr.ins.find((input, i) => {
      if (!instr.inPlace.includes(i)) return false
      if (!isWhole(program.buffers, input) || lastOf[owner[input.buffer]!]! !== position) return false
      const readsOtherwise = instr.ins.some((other) => other.buffer === input.buffer && !sameWindow(other, input))
      const sharesRoom = instr.ins.some(
        (other) => other.buffer !== input.buffer && owner[other.buffer] === owner[input.buffer],
      )
      return (
        !readsOtherwise &&
        !sharesRoom &&
        sameWindow({ ...out, buffer: input.buffer }, input) &&
        bufferBytes(program.buffers[out.buffer]!) === bufferBytes(program.buffers[input.buffer]!)
      )
    })
    if (!dying) return
    owner[out.buffer] = owner[dying.buffer]!
    lastOf[owner[dying.buffer]!] = ranges[out.buffer]!.last
  })
  return owner
}

function isWhole(buffers: readonly Buffer[], { buffer, offset, dims, strides }: Operand): boolean {
  if (buffers[buffer]!.space !== 'arena' || offset !== 0) return false
  let n = 1
  for (let i = dims.length - 1; i >= 0; i--) {
    if (dims[i] !== 1 && strides[i] !== n) return false
    n *= dims[i]!
  }
  return n === buffers[buffer]!.elements
}

function sameWindow(a: Operand, b: Operand): boolean {
  return (
    a.buffer === b.buffer &&
    a.offset === b.offset &&
    a.dims.join() === b.dims.join() &&
    a.strides.every((s, i) => s === b.strides[i] || a.dims[i] === 1)
  )
}
