/** @file The tokens of a text with all that is known of them, and how two texts and special tokens become one. */
import { fail } from '../../errors.ts'

/** Token i is `ids[i]`; all lists have the same length. */
export interface Encoding {
  readonly ids: number[]
  readonly tokens: string[]
  /** The range of UTF-16 units of the text (that is, of `text.slice`) that a token stands for; [0, 0] for special tokens and padding. */
  readonly offsets: [number, number][]
  /** 0 for padding. */
  readonly attentionMask: number[]
  /** Which of two texts it belongs to, as the model wants it. */
  readonly typeIds: number[]
  /** 1 for tokens that belong to no text. */
  readonly specialTokensMask: number[]
  /** Which piece of its text it is of, null for none. */
  readonly wordIds: (number | null)[]
}

export const TRUNCATIONS = ['longestFirst', 'onlyFirst', 'onlySecond'] as const
/** What is shortened: token by token the longer of two texts, or always the same one. */
export type Truncation = (typeof TRUNCATIONS)[number]
export const SIDES = ['left', 'right'] as const
export type Side = (typeof SIDES)[number]

/** The tokens of one text. */
export interface Run {
  readonly ids: number[]
  readonly starts: number[]
  readonly ends: number[]
  readonly words: number[]
}

/** A text or a token between texts, in the order of a template. */
export type Slot =
  | { readonly kind: 'text'; readonly index: 0 | 1; readonly type: number }
  | { readonly kind: 'special'; readonly ids: readonly number[]; readonly type: number }

/** Puts texts and special tokens together. `name` gives the token of an id. */
export function assemble(slots: readonly Slot[], runs: readonly Run[], name: (id: number) => string): Encoding {
  const encoding: Encoding = {
    ...{ ids: [], tokens: [], offsets: [], attentionMask: [] },
    ...{ typeIds: [], specialTokensMask: [], wordIds: [] },
  }
  const put = (id: number, start: number, end: number, type: number, word: number | null): void => {
    encoding.ids.push(id)
    encoding.tokens.push(name(id))
    encoding.offsets.push([start, end])
    encoding.attentionMask.push(1)
    encoding.typeIds.push(type)
    encoding.specialTokensMask.push(word === null ? 1 : 0)
    encoding.wordIds.push(word)
  }
  for (const slot of slots) {
    if (slot.kind === 'special') {
      for (const id of slot.ids) put(id, 0, 0, slot.type, null)
      continue
    }
    const { ids, starts, ends, words } = runs[slot.index]!
    for (let i = 0; i < ids.length; i++) put(ids[i]!, starts[i]!, ends[i]!, slot.type, words[i]!)
  }
  return encoding
}

/** The texts cut to `room` tokens together. */
export function truncate(op: string, runs: readonly Run[], room: number, how: Truncation, side: Side): Run[] {
  const [first = 0, second = 0] = runs.map(({ ids }) => ids.length)
  const excess = first + second - room
  if (excess <= 0) return [...runs]
  if (how === 'longestFirst') {
    const lengths = runs.length > 1 ? balanced(first, second, room) : [room]
    return runs.map((run, i) => cut(run, lengths[i]!, side))
  }
  const index = how === 'onlyFirst' ? 0 : 1
  const length = runs[index]?.ids.length ?? 0
  if (length <= excess)
    fail('VALUE', op, `truncation '${how}' needs a text of more than ${excess} tokens, got ${length}.`)
  return runs.map((run, i) => (i === index ? cut(run, length - excess, side) : run))
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

function cut({ ids, starts, ends, words }: Run, length: number, side: Side): Run {
  const [begin, end] = side === 'right' ? [0, length] : [ids.length - length, ids.length]
  return {
    ids: ids.slice(begin, end),
    starts: starts.slice(begin, end),
    ends: ends.slice(begin, end),
    words: words.slice(begin, end),
  }
}

export interface Padding {
  readonly id: number
  readonly token: string
  readonly typeId: number
  readonly side: Side
}

/** An encoding filled up to a length. */
export function pad(encoding: Encoding, length: number, { id, token, typeId, side }: Padding): Encoding {
  const missing = Math.max(0, length - encoding.ids.length)
  const fill = <T>(list: readonly T[], value: T): T[] => {
    const filling = new Array<T>(missing).fill(value)
    return side === 'right' ? [...list, ...filling] : [...filling, ...list]
  }
  return {
    ids: fill(encoding.ids, id),
    tokens: fill(encoding.tokens, token),
    offsets: fill<[number, number]>(encoding.offsets, [0, 0]),
    attentionMask: fill(encoding.attentionMask, 0),
    typeIds: fill(encoding.typeIds, typeId),
    specialTokensMask: fill(encoding.specialTokensMask, 1),
    wordIds: fill<number | null>(encoding.wordIds, null),
  }
}
