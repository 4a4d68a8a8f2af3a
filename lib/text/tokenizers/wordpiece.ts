/** @file WordPiece: the longest token that begins a word, then the longest continuations (Wu et al., 2016); and whole words. */
import type { Json } from './json.ts'
import type { LoadedModel, Model, Tokens } from './model.ts'

export class WordPieceModel implements Model {
  readonly #vocabulary: ReadonlyMap<string, number>
  readonly #unknown: number
  readonly #prefix: string
  readonly #maxCharacters: number
  /** Units of the longest token: no longer ones are looked up. */
  readonly #longest: number

  private constructor(vocabulary: ReadonlyMap<string, number>, unknown: number, prefix: string, maxCharacters: number) {
    this.#vocabulary = vocabulary
    this.#unknown = unknown
    this.#prefix = prefix
    this.#maxCharacters = maxCharacters
    this.#longest = 1
    for (const token of vocabulary.keys()) this.#longest = Math.max(this.#longest, token.length)
  }

  static read(json: Json): LoadedModel {
    const vocabulary = json.field('vocab').vocabulary()
    const unknown = unknownOf(json, vocabulary)
    const prefix = json.field('continuing_subword_prefix').text('##')
    const maxCharacters = json.field('max_input_chars_per_word').index(100)
    return { model: new WordPieceModel(vocabulary, unknown, prefix, maxCharacters), vocabulary }
  }

  tokenize(text: string): Tokens {
    const tokens: Tokens = { ids: [], starts: [], ends: [] }
    const isLong = text.length > this.#maxCharacters && Array.from(text).length > this.#maxCharacters
    for (let begin = 0; begin < text.length && !isLong;) {
      const end = this.#longestAt(text, begin, tokens.ids)
      if (end < 0) break
      tokens.starts.push(begin)
      tokens.ends.push(end)
      begin = end
    }
    if (text.length === 0 || tokens.ends.at(-1) === text.length) return tokens
    return { ids: [this.#unknown], starts: [0], ends: [text.length] }
  }

  /** The end of the longest token at `begin`, whose id is appended; -1 for none. */
  #longestAt(text: string, begin: number, ids: number[]): number {
    const prefix = begin > 0 ? this.#prefix : ''
    for (let end = Math.min(text.length, begin + this.#longest); end > begin; end--) {
      const id = this.#vocabulary.get(prefix + text.slice(begin, end))
      if (id === undefined) continue
      ids.push(id)
      return end
    }
    return -1
  }
}

/** Every piece is a token or unknown. */
export class WordLevelModel implements Model {
  readonly #vocabulary: ReadonlyMap<string, number>
  readonly #unknown: number

  private constructor(vocabulary: ReadonlyMap<string, number>, unknown: number) {
    this.#vocabulary = vocabulary
    this.#unknown = unknown
  }

  static read(json: Json): LoadedModel {
    const vocabulary = json.field('vocab').vocabulary()
    return { model: new WordLevelModel(vocabulary, unknownOf(json, vocabulary)), vocabulary }
  }

  tokenize(text: string): Tokens {
    return { ids: [this.#vocabulary.get(text) ?? this.#unknown], starts: [0], ends: [text.length] }
  }
}

function unknownOf(json: Json, vocabulary: ReadonlyMap<string, number>): number {
  const unknown = json.field('unk_token')
  return vocabulary.get(unknown.text('[UNK]')) ?? unknown.refuse('must be in the vocabulary')
}
