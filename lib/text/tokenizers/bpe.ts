/** @file Byte pair encoding: the pair of neighbours that was learnt first is joined until none is left (Sennrich et al. 2016). */
// A heap of pairs keeps long pieces at n log n.
import { CuttingModel } from './model.ts'
import type { LoadedModel, Model, Tokens } from './model.ts'
import type { Json } from './json.ts'
import { PairTable } from './pair-table.ts'

interface Options {
  readonly unknown: number
  readonly fuses: boolean
  readonly byteFallback: boolean
  /** Before every character but the first of a piece. */
  readonly prefix: string
  /** Behind the last character of a piece. */
  readonly suffix: string
  /** A piece that is a token needs no merges. */
  readonly wholeFirst: boolean
}

/** Positions lie below this in the keys of the heap, ranks above. */
const RANK_UNIT = 2 ** 31
const MARK = '▁'

export class BpeModel implements Model {
  readonly #vocabulary: ReadonlyMap<string, number>
  readonly #options: Options
  /** Merge number by pair of ids, and what each merge gives. */
  readonly #ranks = new PairTable()
  readonly #results: number[] = []
  readonly #bytes: readonly number[] | null
  /** Ids of the characters of one unit. */
  readonly #singles: Int32Array | null
  #symbols = new Symbols(64)

  constructor(
    vocabulary: ReadonlyMap<string, number>,
    merges: Iterable<readonly [number, number, number]>,
    options: Options,
  ) {
    this.#vocabulary = vocabulary
    this.#options = options
    for (const [a, b, result] of merges) this.#ranks.set(a, b, this.#results.push(result) - 1)
    this.#bytes = options.byteFallback ? byteTokens(vocabulary) : null
    this.#singles = options.prefix || options.suffix ? null : new Int32Array(0x10000).fill(-1)
    if (this.#singles) {
      for (const [token, id] of vocabulary) if (token.length === 1) this.#singles[token.charCodeAt(0)] = id
    }
  }

  static read(json: Json): LoadedModel {
    const vocabulary = json.field('vocab').vocabulary()
    const unknown = json.field('unk_token')
    const prefix = json.field('continuing_subword_prefix').text('')
    const options: Options = {
      unknown: unknown.isNone ? -1 : (vocabulary.get(unknown.text()) ?? unknown.refuse('must be in the vocabulary')),
      fuses: json.field('fuse_unk').flag(false),
      byteFallback: json.field('byte_fallback').flag(false),
      prefix,
      suffix: json.field('end_of_word_suffix').text(''),
      wholeFirst: json.field('ignore_merges').flag(false),
    }
    if (json.field('dropout').number(0) !== 0) json.field('dropout').refuse('is not supported, must be null')
    const bpe = new BpeModel(vocabulary, mergesOf(json.field('merges'), vocabulary, prefix.length), options)
    const isCut = vocabulary.has(MARK) && !prefix && !options.suffix && !options.wholeFirst && isNeverInside(vocabulary)
    return { model: isCut ? new CuttingModel(bpe, MARK) : bpe, vocabulary }
  }

  tokenize(text: string): Tokens {
    const whole = this.#options.wholeFirst ? this.#vocabulary.get(text) : undefined
    if (whole !== undefined) return { ids: [whole], starts: [0], ends: [text.length] }
    if (text.length > this.#symbols.capacity) this.#symbols = new Symbols(text.length * 2)
    const symbols = this.#symbols
    symbols.clear()
    this.#begin(text)
    symbols.mergeAll(this.#ranks, this.#results)
    const tokens = symbols.tokens()
    // A long text's scratch is not kept.
    if (symbols.capacity > 2 ** 16) this.#symbols = new Symbols(64)
    return tokens
  }

  /** The characters of a text. */
  #begin(text: string): void {
    const { prefix, suffix, fuses, unknown } = this.#options
    let wasUnknown = false
    let end = 0
    for (let at = 0; at < text.length; at = end) {
      end = at + (text.codePointAt(at)! > 0xffff ? 2 : 1)
      const id = this.#idOf(text, at, end, prefix, suffix)
      if (id >= 0) this.#symbols.add(id, at, end)
      else if (this.#addBytes(text, at, end)) {
        wasUnknown = false
        continue
      } else if (unknown >= 0) {
        if (wasUnknown && fuses) this.#symbols.widen(end)
        else this.#symbols.add(unknown, at, end)
      }
      wasUnknown = id < 0
    }
  }

  #idOf(text: string, at: number, end: number, prefix: string, suffix: string): number {
    if (this.#singles && end === at + 1) return this.#singles[text.charCodeAt(at)]!
    const before = at > 0 ? prefix : ''
    const behind = end === text.length ? suffix : ''
    return this.#vocabulary.get(before + text.slice(at, end) + behind) ?? -1
  }

  #addBytes(text: string, at: number, end: number): boolean {
    if (!this.#bytes) return false
    const ids = Array.from(new TextEncoder().encode(text.slice(at, end)), (byte) => this.#bytes![byte]!)
    if (ids.some((id) => id < 0)) return false
    for (const id of ids) this.#symbols.add(id, at, end)
    return true
  }
}

/** The ids of '<0x00>' to '<0xFF>', -1 for those that are not there. */
export function byteTokens(vocabulary: ReadonlyMap<string, number>): number[] {
  return Array.from({ length: 256 }, (_, byte) => vocabulary.get(byteToken(byte)) ?? -1)
}

export const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`

/** Whether no token has a mark behind another character. */
function isNeverInside(vocabulary: ReadonlyMap<string, number>): boolean {
  for (const token of vocabulary.keys()) if (/[^▁]▁/.test(token)) return false
  return true
}

/** Pairs and their results, from 'a b' or ['a', 'b']. */
function* mergesOf(
  json: Json,
  vocabulary: ReadonlyMap<string, number>,
  prefixLength: number,
): Generator<readonly [number, number, number]> {
  if (!Array.isArray(json.value)) return json.refuse('must be a list')
  for (const [i, merge] of (json.value as unknown[]).entries()) {
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string' || typeof pair[1] !== 'string')
      return json.refuse(`entry ${i} must be two tokens`)
    const [a, b] = pair as [string, string]
    const ids = [vocabulary.get(a), vocabulary.get(b), vocabulary.get(a + b.slice(prefixLength))] as const
    if (ids.includes(undefined)) return json.refuse(`entry ${i} must be tokens of the vocabulary that give one`)
    yield ids as readonly [number, number, number]
  }
}

/** The symbols of one piece as a linked list, and the heap of pairs that may be joined. */
class Symbols {
  readonly capacity: number
  readonly #ids: Int32Array
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  readonly #next: Int32Array
  readonly #previous: Int32Array
  /** rank * 2^31 + position of the left symbol: lowest rank first, then leftmost. */
  #heap: number[] = []
  #count = 0

  constructor(capacity: number) {
    // A character may become four bytes.
    this.capacity = capacity
    this.#ids = new Int32Array(capacity * 4)
    this.#starts = new Int32Array(capacity * 4)
    this.#ends = new Int32Array(capacity * 4)
    this.#next = new Int32Array(capacity * 4)
    this.#previous = new Int32Array(capacity * 4)
  }

  clear(): void {
    this.#count = 0
    this.#heap = []
  }

  add(id: number, start: number, end: number): void {
    const i = this.#count++
    this.#ids[i] = id
    this.#starts[i] = start
    this.#ends[i] = end
  }

  /** Lets the last symbol reach farther. */
  widen(end: number): void {
    this.#ends[this.#count - 1] = end
  }

  mergeAll(ranks: PairTable, results: readonly number[]): void {
    const count = this.#count
    for (let i = 0; i < count; i++) {
      this.#next[i] = i + 1 < count ? i + 1 : -1
      this.#previous[i] = i - 1
    }
    for (let i = 0; i + 1 < count; i++) this.#offer(i, ranks)
    while (this.#heap.length > 0) {
      const key = pop(this.#heap)
      const rank = Math.floor(key / RANK_UNIT)
      const left = key - rank * RANK_UNIT
      const right = this.#ids[left]! < 0 ? -1 : this.#next[left]!
      // What was offered may have been joined otherwise since.
      if (right < 0 || ranks.get(this.#ids[left]!, this.#ids[right]!) !== rank) continue
      this.#join(left, right, results[rank]!)
      if (this.#previous[left]! >= 0) this.#offer(this.#previous[left]!, ranks)
      if (this.#next[left]! >= 0) this.#offer(left, ranks)
    }
  }

  tokens(): Tokens {
    const tokens: Tokens = { ids: [], starts: [], ends: [] }
    for (let i = this.#count > 0 ? 0 : -1; i >= 0; i = this.#next[i]!) {
      tokens.ids.push(this.#ids[i]!)
      tokens.starts.push(this.#starts[i]!)
      tokens.ends.push(this.#ends[i]!)
    }
    return tokens
  }

  #offer(left: number, ranks: PairTable): void {
    const rank = ranks.get(this.#ids[left]!, this.#ids[this.#next[left]!]!)
    if (rank >= 0) push(this.#heap, rank * RANK_UNIT + left)
  }

  #join(left: number, right: number, id: number): void {
    this.#ids[left] = id
    this.#ends[left] = this.#ends[right]!
    this.#ids[right] = -1
    const after = this.#next[right]!
    this.#next[left] = after
    if (after >= 0) this.#previous[after] = left
  }
}

/** Onto a binary heap, smallest first. */
function push(heap: number[], key: number): void {
  let at = heap.push(key) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (heap[parent]! <= key) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = key
}

function pop(heap: number[]): number {
  const top = heap[0]!
  const key = heap.pop()!
  const { length } = heap
  if (length === 0) return top
  let at = 0
  for (let child = 1; child < length; child = 2 * at + 1) {
    if (child + 1 < length && heap[child + 1]! < heap[child]!) child++
    if (heap[child]! >= key) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = key
  return top
}
