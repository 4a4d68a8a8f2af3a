/** @file Unigram: of all ways to write a piece in tokens the most probable one, found by Viterbi's algorithm (Kudo, 2018). */
import { byteTokens } from './bpe.ts'
import type { Json } from './json.ts'
import type { LoadedModel, Model, Tokens } from './model.ts'
import { Trie } from './trie.ts'

/** An unknown character costs this much more than the worst token. */
const UNKNOWN_PENALTY = 10

export class UnigramModel implements Model {
  readonly #trie: Trie
  readonly #scores: Float64Array
  readonly #unknown: number
  readonly #unknownScore: number
  readonly #bytes: readonly number[] | null

  private constructor(trie: Trie, scores: Float64Array, unknown: number, bytes: readonly number[] | null) {
    this.#trie = trie
    this.#scores = scores
    this.#unknown = unknown
    this.#unknownScore = scores.reduce((low, score) => Math.min(low, score), Infinity) - UNKNOWN_PENALTY
    this.#bytes = bytes
  }

  static read(json: Json): LoadedModel {
    const list = json.field('vocab')
    if (!Array.isArray(list.value)) return list.refuse('must be a list')
    const rows = list.value as unknown[]
    const vocabulary = new Map<string, number>()
    const scores = new Float64Array(rows.length)
    const trie = new Trie()
    rows.forEach((row, id) => {
      if (!Array.isArray(row) || typeof row[0] !== 'string' || !Number.isFinite(row[1]))
        return list.refuse(`entry ${id} must be a token and its score`)
      vocabulary.set(row[0], id)
      scores[id] = row[1] as number
      trie.add(row[0], id)
    })
    const unknown = json.field('unk_id')
    const id = unknown.isNone ? -1 : unknown.index()
    if (id >= rows.length) unknown.refuse(`must be below ${rows.length}`)
    const bytes = json.field('byte_fallback').flag(false) ? byteTokens(vocabulary) : null
    return { model: new UnigramModel(trie, scores, id, bytes), vocabulary }
  }

  tokenize(text: string): Tokens {
    const { from, ids } = this.#bestPath(text)
    const tokens: Tokens = { ids: [], starts: [], ends: [] }
    for (let end = text.length; end > 0;) {
      let start = from[end]!
      const id = ids[end]!
      // Neighbours that are unknown are one token.
      while (id < 0 && start > 0 && ids[start]! < 0) start = from[start]!
      if (id >= 0) prependToken(tokens, id, start, end)
      else this.#prependUnknown(tokens, text, start, end)
      end = start
    }
    tokens.ids.reverse()
    tokens.starts.reverse()
    tokens.ends.reverse()
    return tokens
  }

  /** For each end the start and id of the last token of the best path; id -1 is an unknown character. */
  #bestPath(text: string): { from: Int32Array; ids: Int32Array } {
    const n = text.length
    const best = new Float64Array(n + 1).fill(-Infinity)
    const from = new Int32Array(n + 1)
    const ids = new Int32Array(n + 1)
    best[0] = 0
    for (let at = 0, next = 0; at < n; at = next) {
      next = at + (text.codePointAt(at)! > 0xffff ? 2 : 1)
      let isKnown = false
      for (let end = at, node = 0; end < n;) {
        node = this.#trie.step(node, text.charCodeAt(end++))
        if (node < 0) break
        const id = this.#trie.valueOf(node)
        if (id < 0) continue
        isKnown ||= end === next
        const score = best[at]! + this.#scores[id]!
        if (score > best[end]!) {
          best[end] = score
          from[end] = at
          ids[end] = id === this.#unknown ? -1 : id
        }
      }
      if (!isKnown && best[at]! + this.#unknownScore > best[next]!) {
        best[next] = best[at]! + this.#unknownScore
        from[next] = at
        ids[next] = -1
      }
    }
    return { from, ids }
  }

  #prependUnknown(tokens: Tokens, text: string, start: number, end: number): void {
    const bytes = this.#bytes
    const ids = bytes && Array.from(new TextEncoder().encode(text.slice(start, end)), (byte) => bytes[byte]!)
    if (ids?.every((id) => id >= 0)) for (const id of ids.reverse()) prependToken(tokens, id, start, end)
    else if (this.#unknown >= 0) prependToken(tokens, this.#unknown, start, end)
  }
}

/** Tokens are found from the end; the lists are turned round at last. */
function prependToken(tokens: Tokens, id: number, start: number, end: number): void {
  tokens.ids.push(id)
  tokens.starts.push(start)
  tokens.ends.push(end)
}
