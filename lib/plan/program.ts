/** @file The flat program before it is placed and encoded: buffers, and instructions on windows of them. Plain data that prints. */
import { bytesOf } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import type { Operand } from '../graph/row.ts'
import { showShape } from '../shape.ts'

/** In the order of the plan format. */
export const spaces = ['arena', 'input', 'output', 'variable', 'operand', 'constant'] as const
export type Space = (typeof spaces)[number]

export interface Buffer {
  readonly space: Space
  /** Index in its space; for constants the slot. The arena's offsets are given by the pass `place`. */
  readonly index: number
  readonly dtype: DType
  readonly elements: number
}

/** One step of a map program; args are value numbers, the instruction's ins first. */
export interface MapStep {
  readonly fn: string
  readonly dtype: DType
  readonly args: readonly number[]
}

export interface MapProgram {
  readonly steps: readonly MapStep[]
  readonly results: readonly number[]
}

export interface Instr {
  readonly kernel: string
  readonly outs: readonly Operand[]
  readonly ins: readonly Operand[]
  readonly attrs: readonly number[]
  /** Of kernel 'map'. */
  readonly map: MapProgram | null
  readonly epilogueIns: readonly Operand[]
  readonly epilogue: MapProgram | null
  /** Blocks of control instructions, by number. */
  readonly blocks: readonly number[]
  /** Positions of the ins whose room outs[0] may take. */
  readonly inPlace: readonly number[]
  /** The op that it came from, and where the user called it (TENON_DEBUG). */
  readonly op: string
  readonly site: string
}

export interface Program {
  readonly buffers: readonly Buffer[]
  /** Block 0 is the program. */
  readonly blocks: readonly (readonly Instr[])[]
  readonly constants: readonly { readonly value: number; readonly dtype: DType }[]
  /** How many of each space. */
  readonly counts: {
    readonly input: number
    readonly output: number
    readonly variable: number
    readonly operand: number
  }
}

export const CONSTANT_SLOT = 64
export const bufferBytes = ({ dtype, elements }: Buffer): number => bytesOf(dtype) * elements

/** All instructions in the order in which the native decoder counts them. */
export const flatten = (program: Program): Instr[] => program.blocks.flat()

export function showProgram(program: Program, offsets: readonly number[]): string {
  const name = (operand: Operand) => {
    const { space, index } = program.buffers[operand.buffer]!
    const at = space === 'arena' ? `@${offsets[operand.buffer]}` : `${index}`
    return `${space}${at} ${operand.dtype}${showShape(operand.dims)}`
  }
  const map = (m: MapProgram, n: number) =>
    m.steps
      .map((step, k) => `v${n + k} = ${step.fn}:${step.dtype}(${step.args.map((a) => `v${a}`).join(', ')})`)
      .join('; ')
  return program.blocks
    .map((block, b) => {
      const lines = block.map((instr, i) => {
        const head = `${String(i).padStart(4)}  ${instr.kernel}${instr.attrs.length > 0 ? `(${instr.attrs.join(', ')})` : ''}`
        const parts = [`${head} ${instr.outs.map(name).join(', ')} <- ${instr.ins.map(name).join(', ')}`]
        if (instr.map) parts.push(`        { ${map(instr.map, instr.ins.length)} }`)
        if (instr.epilogue)
          parts.push(
            `        then ${instr.epilogueIns.map(name).join(', ')} { ${map(instr.epilogue, 1 + instr.epilogueIns.length)} }`,
          )
        if (instr.blocks.length > 0) parts.push(`        blocks ${instr.blocks.join(', ')}`)
        if (instr.site) parts.push(`        ${instr.site}`)
        return parts.join('\n')
      })
      return `${b === 0 ? 'program' : `block ${b}`}:\n${lines.join('\n')}`
    })
    .join('\n')
}
