/** @file Learning of byte pair encoding: the most frequent pair of neighbours becomes a token, again and again (Sennrich et al., 2016). */

export interface BpeTraining {
  readonly vocabSize: number
  readonly minFrequency: number
  readonly specials: readonly string[]
  /** Before every character of a word but its first. */
  readonly prefix: string
  readonly limitAlphabet: number
  /** Characters that are tokens whether they were seen or not. */
  readonly alphabet: readonly string[]
}

export interface LearntBpe {
  readonly vocab: Map<string, number>
  readonly merges: (readonly [string, string])[]
}

/** Ids of a pair as one number. */
const PAIR = 2 ** 26

interface Word {
  ids: number[]
  readonly count: number
}

/** Pairs of equal count are joined in the order of their ids. */
export function trainBpe(words: ReadonlyMap<string, number>, options: BpeTraining): LearntBpe {
  const { vocabSize, minFrequency, specials, prefix } = options
  const tokens: string[] = []
  const vocab = new Map<string, number>()
  const idOf = (token: string): number => {
    let id = vocab.get(token)
    if (id === undefined) {
      id = tokens.push(token) - 1
      vocab.set(token, id)
    }
    return id
  }
  specials.forEach(idOf)
  const alphabet = alphabetOf(words, options)
  alphabet.forEach(idOf)
  const pairs = new Pairs(spelled(words, new Set(alphabet), prefix, idOf))
  const merges: (readonly [string, string])[] = []
  while (tokens.length < vocabSize) {
    const best = pairs.best()
    if (!best || best.count < Math.max(1, minFrequency)) break
    const [a, b] = [tokens[best.a]!, tokens[best.b]!]
    const joined = idOf(a + b.slice(prefix.length))
    merges.push([a, b])
    pairs.join(best.a, best.b, joined)
  }
  return { vocab, merges }
}

/** The characters that become tokens, by code point. */
function alphabetOf(words: ReadonlyMap<string, number>, { limitAlphabet, alphabet }: BpeTraining): string[] {
  const counts = new Map<string, number>()
  for (const [word, count] of words) for (const c of word) counts.set(c, (counts.get(c) ?? 0) + count)
  for (const c of alphabet) counts.set(c, Infinity)
  const kept = Array.from(counts)
    .sort(([c, m], [d, n]) => n - m || c.codePointAt(0)! - d.codePointAt(0)!)
    .slice(0, Math.max(limitAlphabet, alphabet.length))
  return kept.map(([c]) => c).sort((c, d) => c.codePointAt(0)! - d.codePointAt(0)!)
}

/** Words as ids; characters that are not in the alphabet are left out. */
function spelled(
  words: ReadonlyMap<string, number>,
  alphabet: ReadonlySet<string>,
  prefix: string,
  idOf: (token: string) => number,
): Word[] {
  const list: Word[] = []
  for (const [word, count] of words) {
    const ids: number[] = []
    let at = 0
    for (const c of word) {
      if (alphabet.has(c)) ids.push(idOf(at > 0 ? prefix + c : c))
      at += c.length
    }
    list.push({ ids, count })
  }
  return list
}

interface Candidate {
  readonly key: number
  readonly count: number
}

/** All pairs of neighbours, their counts, and the words in which they may be. */
class Pairs {
  readonly #words: readonly Word[]
  readonly #counts = new Map<number, number>()
  /** Words that had the pair at some time. */
  readonly #places = new Map<number, Set<number>>()
  /** A heap whose counts may be outdated, but never too low. */
  readonly #heap: Candidate[] = []

  constructor(words: readonly Word[]) {
    this.#words = words
    words.forEach((word, i) => this.#count(word, i, 1))
    for (const [key, count] of this.#counts) push(this.#heap, { key, count })
  }

  best(): { a: number; b: number; count: number } | null {
    while (this.#heap.length > 0) {
      const { key, count } = pop(this.#heap)
      const now = this.#counts.get(key) ?? 0
      if (now === count && count > 0) return { a: Math.floor(key / PAIR), b: key % PAIR, count }
      if (now > 0) push(this.#heap, { key, count: now })
    }
    return null
  }

  join(a: number, b: number, joined: number): void {
    const key = a * PAIR + b
    const places = this.#places.get(key) ?? new Set()
    const changed = new Set<number>()
    for (const i of places) {
      const word = this.#words[i]!
      this.#count(word, i, -1)
      word.ids = replaced(word.ids, a, b, joined)
      this.#count(word, i, 1)
      for (let k = 0; k + 1 < word.ids.length; k++) {
        if (word.ids[k] === joined || word.ids[k + 1] === joined) changed.add(word.ids[k]! * PAIR + word.ids[k + 1]!)
      }
    }
    this.#counts.delete(key)
    this.#places.delete(key)
    for (const other of changed) push(this.#heap, { key: other, count: this.#counts.get(other) ?? 0 })
  }

  #count({ ids, count }: Word, place: number, sign: 1 | -1): void {
    for (let k = 0; k + 1 < ids.length; k++) {
      const key = ids[k]! * PAIR + ids[k + 1]!
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + sign * count)
      if (sign < 0) continue
      const places = this.#places.get(key)
      if (places) places.add(place)
      else this.#places.set(key, new Set([place]))
    }
  }
}

function replaced(ids: readonly number[], a: number, b: number, joined: number): number[] {
  const out: number[] = []
  for (let k = 0; k < ids.length; k++) {
    if (ids[k] === a && ids[k + 1] === b) {
      out.push(joined)
      k++
    } else out.push(ids[k]!)
  }
  return out
}

/** Whether x comes out of the heap before y. */
const isBefore = (x: Candidate, y: Candidate): boolean => x.count > y.count || (x.count === y.count && x.key < y.key)

function push(heap: Candidate[], item: Candidate): void {
  let at = heap.push(item) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(item, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = item
}

function pop(heap: Candidate[]): Candidate {
  const top = heap[0]!
  const item = heap.pop()!
  const { length } = heap
  if (length === 0) return top
  let at = 0
  for (let child = 1; child < length; child = 2 * at + 1) {
    if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child++
    if (!isBefore(heap[child]!, item)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = item
  return top
}
