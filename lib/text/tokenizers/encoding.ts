/** @file The tokens of a text with all that is known of them, and how two texts and special tokens become one. */

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
  /** Which piece of its text it is of, or which of the words that were given; null for none. */
  readonly wordIds: (number | null)[]
  /** 0 for tokens of the first text, 1 for those of the second, null for others. */
  readonly sequenceIds: (0 | 1 | null)[]
  /** With `returnOverflowing`: the further parts of a text that was too long. */
  readonly overflowing?: readonly Encoding[]
}

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
    ...{ typeIds: [], specialTokensMask: [], wordIds: [], sequenceIds: [] },
  }
  const put = (id: number, range: [number, number], { type }: Slot, word: number | null, text: 0 | 1 | null): void => {
    encoding.ids.push(id)
    encoding.tokens.push(name(id))
    encoding.offsets.push(range)
    encoding.attentionMask.push(1)
    encoding.typeIds.push(type)
    encoding.specialTokensMask.push(text === null ? 1 : 0)
    encoding.wordIds.push(word)
    encoding.sequenceIds.push(text)
  }
  for (const slot of slots) {
    if (slot.kind === 'special') {
      for (const id of slot.ids) put(id, [0, 0], slot, null, null)
      continue
    }
    const { ids, starts, ends, words } = runs[slot.index]!
    for (let i = 0; i < ids.length; i++) put(ids[i]!, [starts[i]!, ends[i]!], slot, words[i]!, slot.index)
  }
  return encoding
}
