/** @file What turns a piece of text into tokens: the interface, and layers that make any model faster. */

/** Token i is `ids[i]` and reaches over the units [starts[i], ends[i]) of the piece. */
export interface Tokens {
  readonly ids: number[]
  readonly starts: number[]
  readonly ends: number[]
}

export interface Model {
  tokenize(text: string): Tokens
}

export interface LoadedModel {
  readonly model: Model
  readonly vocabulary: ReadonlyMap<string, number>
}

const MAX_WORDS = 50_000
const MAX_WORD_LENGTH = 40

/** Remembers the tokens of short pieces. */
export class RememberingModel implements Model {
  readonly #inner: Model
  readonly #known = new Map<string, Tokens>()

  constructor(inner: Model) {
    this.#inner = inner
  }

  tokenize(text: string): Tokens {
    const known = this.#known.get(text)
    if (known) return known
    const tokens = this.#inner.tokenize(text)
    if (text.length <= MAX_WORD_LENGTH) {
      if (this.#known.size >= MAX_WORDS) this.#known.clear()
      // A slice would keep the whole text that it was cut from.
      this.#known.set(` ${text}`.slice(1), tokens)
    }
    return tokens
  }
}

/** Pieces that are long because nothing splits them, cut before marks that no token has inside of it. */
export class CuttingModel implements Model {
  readonly #inner: Model
  readonly #mark: string

  constructor(inner: Model, mark: string) {
    this.#inner = inner
    this.#mark = mark
  }

  tokenize(text: string): Tokens {
    let end = this.#nextCut(text, 0)
    if (end === text.length) return this.#inner.tokenize(text)
    const all: Tokens = { ids: [], starts: [], ends: [] }
    for (let begin = 0; begin < text.length; begin = end, end = this.#nextCut(text, begin)) {
      const { ids, starts, ends } = this.#inner.tokenize(text.slice(begin, end))
      for (let i = 0; i < ids.length; i++) {
        all.ids.push(ids[i]!)
        all.starts.push(begin + starts[i]!)
        all.ends.push(begin + ends[i]!)
      }
    }
    return all
  }

  /** The first mark after another character, behind `from`. */
  #nextCut(text: string, from: number): number {
    let at = text.indexOf(this.#mark, from + 1)
    while (at > 0 && text[at - 1] === this.#mark) at = text.indexOf(this.#mark, at + 1)
    return at < 0 ? text.length : at
  }
}
