/** @file Which part of one or two texts fits a length, and the further parts, which may overlap. */
import { check, fail } from '../../errors.ts'
import type { Run } from './encoding.ts'

export const TRUNCATIONS = ['longestFirst', 'onlyFirst', 'onlySecond'] as const
/** What is shortened: token by token the longer of two texts, or always the same one. */
export type Truncation = (typeof TRUNCATIONS)[number]
export const SIDES = ['left', 'right'] as const
export type Side = (typeof SIDES)[number]

export interface Cutting {
  readonly truncation: Truncation
  /** Where tokens are dropped. */
  readonly side: Side
  /** Tokens that a part shares with the one before it. */
  readonly stride: number
  /** Whether there is more than the first part. */
  readonly keepsRest: boolean
}

/** The texts cut to `room` tokens together: what is kept, then, if asked for, what is left over in parts of the same length. */
export function truncate(op: string, runs: readonly Run[], room: number, cutting: Cutting): Run[][] {
  const lengths = lengthsOf(op, runs, room, cutting.truncation)
  const parts = runs.map((run, i) => partsOf(op, run, lengths[i]!, cutting))
  const [first, second] = parts as [Run[], Run[]?]
  if (!second) return first.map((run) => [run])
  // The order of the reference: what is left of the first text with all of the second, then the beginning of the first with the rest.
  const [head, ...rest] = first
  return [
    [head!, second[0]!],
    ...rest.flatMap((run) => second.map((other) => [run, other])),
    ...second.slice(1).map((other) => [head!, other]),
  ]
}

function lengthsOf(op: string, runs: readonly Run[], room: number, truncation: Truncation): number[] {
  const lengths = runs.map(({ ids }) => ids.length)
  const [first = 0, second = 0] = lengths
  const excess = first + second - room
  if (excess <= 0) return lengths
  if (truncation === 'longestFirst') return runs.length > 1 ? balanced(first, second, room) : [room]
  const index = truncation === 'onlyFirst' ? 0 : 1
  const length = lengths[index] ?? 0
  if (length <= excess)
    fail('VALUE', op, `truncation '${truncation}' needs a text of more than ${excess} tokens, got ${length}.`)
  return lengths.map((n, i) => (i === index ? n - excess : n))
}

/** What is left of each of two lengths when the longer one loses tokens until both fit. */
function balanced(first: number, second: number, room: number): [number, number] {
  const short = Math.min(first, second)
  let [a, b] = [short, Math.max(short, room - short)]
  if (a + b > room) {
    a = Math.floor(room / 2)
    b = a + (room % 2)
  }
  return first > second ? [b, a] : [a, b]
}

/** A text in parts of `length` tokens, from the side that is kept. */
function partsOf(op: string, run: Run, length: number, { side, stride, keepsRest }: Cutting): Run[] {
  const total = run.ids.length
  if (length >= total) return [run]
  const part = (from: number): Run => {
    const begin = side === 'right' ? from : Math.max(0, total - from - length)
    return slice(run, begin, side === 'right' ? Math.min(total, from + length) : total - from)
  }
  if (!keepsRest) return [part(0)]
  if (length === 0) return [part(0), run]
  check(stride < length, 'VALUE', op, () => `stride must be less than the ${length} tokens of a part, got ${stride}.`)
  const parts = [part(0)]
  for (let from = length - stride; from + stride < total; from += length - stride) parts.push(part(from))
  return parts
}

const slice = ({ ids, starts, ends, words }: Run, begin: number, end: number): Run => ({
  ids: ids.slice(begin, end),
  starts: starts.slice(begin, end),
  ends: ends.slice(begin, end),
  words: words.slice(begin, end),
})
