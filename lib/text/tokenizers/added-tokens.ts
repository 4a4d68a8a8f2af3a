/** @file Tokens beside the model's: found as they are in a text, before anything splits it. */
import { fail } from '../../errors.ts'
import type { Json } from './json.ts'
import type { Normalizer } from './normalizers.ts'
import { Piece } from './piece.ts'
import { Trie } from './trie.ts'

/** As tokenizer.json has it. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** Never found inside of a word. */
  readonly singleWord: boolean
  /** Swallows the spaces before it. */
  readonly lstrip: boolean
  /** Swallows the spaces behind it. */
  readonly rstrip: boolean
  /** Looked for in the normalised text. */
  readonly normalized: boolean
  /** Left out by `decode`, if that is asked for. */
  readonly special: boolean
}

/** Text, or a token with what of the text it stands for. */
export interface Part {
  readonly piece: Piece
  /** -1 for text. */
  readonly id: number
}

/** An entry of added_tokens. */
export const addedToken = (id: number, content: string, special = true, lstrip = false) => ({
  ...{ id, content, single_word: false, lstrip, rstrip: false, normalized: false, special },
})

export function addedTokensOf(json: Json, vocabulary: ReadonlyMap<string, number>): AddedToken[] {
  if (json.isNone) return []
  return json.list().map((item) => {
    const content = item.field('content').text()
    const special = item.field('special').flag(false)
    return {
      content,
      id: vocabulary.get(content) ?? item.field('id').index(),
      singleWord: item.field('single_word').flag(false),
      lstrip: item.field('lstrip').flag(false),
      rstrip: item.field('rstrip').flag(false),
      normalized: item.field('normalized').flag(!special),
      special,
    }
  })
}

/** Cuts texts at added tokens, those of the raw text first, and normalises what is between. */
export class AddedTokens {
  readonly #raw: Finder
  readonly #normalized: Finder
  readonly #normalizer: Normalizer | null

  constructor(tokens: readonly AddedToken[], normalizer: Normalizer | null) {
    this.#normalizer = normalizer
    this.#raw = new Finder(
      tokens.filter(({ normalized }) => !normalized),
      (content) => content,
    )
    this.#normalized = new Finder(
      tokens.filter(({ normalized }) => normalized),
      (content) => (normalizer ? normalizer(new Piece(content)).text : content),
    )
  }

  cut(text: string): Part[] {
    const parts: Part[] = []
    for (const part of this.#raw.cut(new Piece(text))) {
      if (part.id >= 0) parts.push(part)
      else parts.push(...this.#normalized.cut(this.#normalizer ? this.#normalizer(part.piece) : part.piece))
    }
    return parts
  }
}

/** Finds the leftmost and then longest tokens. */
class Finder {
  readonly #tokens: readonly AddedToken[]
  readonly #trie = new Trie()

  constructor(tokens: readonly AddedToken[], rewrite: (content: string) => string) {
    this.#tokens = tokens
    tokens.forEach(({ content }, i) => this.#trie.add(rewrite(content), i))
  }

  cut(piece: Piece): Part[] {
    const { text } = piece
    if (text.length === 0) return []
    if (this.#tokens.length === 0) return [{ piece, id: -1 }]
    const parts: Part[] = []
    let done = 0
    for (let at = 0; at < text.length;) {
      const found = this.#trie.longestAt(text, at)
      if (!found) {
        at++
        continue
      }
      const token = this.#tokens[found.value]!
      const range = reach(token, text, at, found.end, done)
      at = found.end
      if (!range) continue
      if (range.begin > done) parts.push({ piece: piece.slice(done, range.begin), id: -1 })
      parts.push({ piece: piece.slice(range.begin, range.end), id: token.id })
      done = range.end
      at = Math.max(at, done)
    }
    if (done < text.length) parts.push({ piece: piece.slice(done, text.length), id: -1 })
    return parts
  }
}

const WORD_BEFORE = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u
const WORD_BEHIND = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u
const SPACE = /\p{White_Space}/u

/** What a token found at [begin, end) takes of the text behind `done`; null if it may not stand there. */
function reach(token: AddedToken, text: string, begin: number, end: number, done: number) {
  const isInside =
    WORD_BEFORE.test(text.slice(Math.max(0, begin - 2), begin)) || WORD_BEHIND.test(text.slice(end, end + 2))
  if (token.singleWord && isInside) return null
  let from = begin
  let to = end
  while (token.lstrip && from > done && SPACE.test(text[from - 1]!)) from--
  while (token.rstrip && to < text.length && SPACE.test(text[to]!)) to++
  return { begin: from, end: to }
}

/** Refuses two tokens of one id. */
export function checkIds(where: string, tokens: readonly AddedToken[], names: ReadonlyMap<number, string>): void {
  for (const { id, content } of tokens) {
    const other = names.get(id)
    if (other !== undefined && other !== content)
      fail('FORMAT', 'Tokenizer', `${where}: id ${id} must be of one token, got '${other}' and '${content}'.`)
  }
}
