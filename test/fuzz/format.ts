/** @file What a format is to the fuzzer: how its mutants are made, opened and read. */
import type { ErrorCode } from '../../lib/index.ts'
import type { Random } from './mutate.ts'

/** A link to another path, from the folder that it lies in. */
export class Link {
  readonly to: string
  constructor(to: string) {
    this.to = to
  }
}

/** By name; a mutant of a format that reads bytes has one. */
export type Files = Readonly<Record<string, Uint8Array | Link>>

/** Where a mutant lies: its bytes, or its folder. */
export interface Place {
  readonly bytes: Uint8Array
  readonly folder: string
  readonly files: Files
}

export interface Format<Opened = unknown> {
  readonly name: string
  /** Bytes, files of a folder that is pretended, or files on a disk: where they are mapped, or are links. Default: 'bytes'. */
  readonly lies?: 'bytes' | 'folder' | 'disk'
  /** Decoded in WebAssembly: each time in a memory that reserves gigabytes of addresses, until garbage is collected. So fewer are read. */
  readonly isWasm?: boolean
  /** All of them load. */
  readonly good: readonly Files[]
  /** A mutant of one of them, or of one that it makes. */
  readonly mutate: (good: Files, random: Random) => Files
  /** Reads what comes before the numbers: FORMAT, with the name of the file, or it is past the header. */
  readonly open: (place: Place) => Promise<Opened>
  /** Reads all the rest, and computes with it. */
  readonly use: (opened: Opened, place: Place) => Promise<void>
  /** Refusals besides FORMAT: of files that are right but do not fit (open), of graphs that cannot run (use). */
  readonly codes?: { readonly open?: readonly ErrorCode[]; readonly use?: readonly ErrorCode[] }
}

/** Types of one format are its own affair. */
export const format = <Opened>(described: Format<Opened>): Format => described as Format

/** What bytes in memory are called. */
export const NAME = 'mutant'

/** How many mutants are read where so many are asked for. */
export const runsOf = ({ isWasm }: Format, runs: number): number => (isWasm ? Math.ceil(runs / 100) : runs)

/** The only file of a mutant. */
export const one = (bytes: Uint8Array, name = NAME): Files => ({ [name]: bytes })

/** The bytes of a file that is one. */
export function bytesOf(files: Files, name = NAME): Uint8Array {
  const found = files[name]
  if (found instanceof Uint8Array) return found
  throw new Error(`a mutant has no bytes '${name}'`)
}
