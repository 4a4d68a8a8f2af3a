/** @file Learning of a unigram model (Kudo 2018): frequent substrings, of which the least useful are dropped again and again. */
// Probabilities are estimated by expectation maximisation before each round of dropping.
import { Trie } from './trie.ts'

export interface UnigramTraining {
  readonly vocabSize: number
  readonly specials: readonly string[]
  /** Units of the longest token. */
  readonly maxPieceLength: number
}

type Scored = [token: string, score: number]

const MAX_SEEDS = 1_000_000
/** Of the tokens, so many stay in a round. */
const SHRINK = 0.75
const EM_STEPS = 2
/** A token expected less often is dropped. */
const MIN_EXPECTED = 0.5
/** More tokens than wanted are learnt, the last cut is by score. */
const SURPLUS = 1.1

/** Tokens and log probabilities; special tokens come first, with 0. */
export function trainUnigram(words: ReadonlyMap<string, number>, options: UnigramTraining): Scored[] {
  const { vocabSize, specials } = options
  const room = Math.max(0, vocabSize - specials.length)
  const list = Array.from(words).filter(([word]) => word.length > 0)
  const required = charactersOf(list)
  let tokens = seeds(list, required, options.maxPieceLength)
  const wanted = Math.max(Math.ceil(room * SURPLUS), 1)
  for (;;) {
    for (let step = 0; step < EM_STEPS; step++) tokens = maximized(tokens, new Lattice(tokens).expectations(list))
    if (tokens.length <= wanted) break
    const kept = pruned(tokens, list, required, wanted)
    if (kept.length >= tokens.length) break
    tokens = kept
  }
  return [...specials.map((token): Scored => [token, 0]), ...finished(tokens, required, room, new Set(specials))]
}

/** Every character and how often it is there. */
function charactersOf(words: readonly Scored[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [word, count] of words) for (const c of word) counts.set(c, (counts.get(c) ?? 0) + count)
  return counts
}

/** All characters, and the substrings seen twice that cover most text; longer ones are grown from those seen twice. */
function seeds(words: readonly Scored[], characters: ReadonlyMap<string, number>, maxLength: number): Scored[] {
  const found: Scored[] = []
  let known: ReadonlySet<string> | null = null
  for (let length = 2; length <= maxLength; length++) {
    const counts = new Map<string, number>()
    for (const [word, count] of words) {
      for (let at = 0; at + length <= word.length; at++) {
        if (splitsCharacter(word, at) || splitsCharacter(word, at + length)) continue
        if (known && !known.has(word.slice(at, at + length - 1)) && !splitsCharacter(word, at + length - 1)) continue
        const piece = word.slice(at, at + length)
        counts.set(piece, (counts.get(piece) ?? 0) + count)
      }
    }
    const frequent = Array.from(counts).filter(([, count]) => count >= 2)
    if (frequent.length === 0 && length > 2) break
    known = new Set(frequent.map(([piece]) => piece))
    for (const [piece, count] of frequent) found.push([piece, count * length])
  }
  found.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  const all = [...characters, ...found.slice(0, Math.max(0, MAX_SEEDS - characters.size))] as Scored[]
  const total = Math.log(all.reduce((sum, [, score]) => sum + score, 0))
  return all.map(([token, score]) => [token, Math.log(score) - total])
}

/** Whether a position lies between the halves of a surrogate pair. */
const splitsCharacter = (text: string, at: number): boolean =>
  at > 0 &&
  at < text.length &&
  (text.charCodeAt(at) & 0xfc00) === 0xdc00 &&
  (text.charCodeAt(at - 1) & 0xfc00) === 0xd800

/** Scores by expected counts, under a prior that prefers few tokens (the digamma of variational Bayes). */
function maximized(tokens: readonly Scored[], expected: Float64Array): Scored[] {
  const kept = tokens.flatMap(([token], i): Scored[] => (expected[i]! >= MIN_EXPECTED ? [[token, expected[i]!]] : []))
  const total = digamma(kept.reduce((sum, [, count]) => sum + count, 0))
  return kept.map(([token, count]) => [token, digamma(count) - total])
}

/** The tokens whose loss would cost the likelihood most, and characters. */
function pruned(
  tokens: readonly Scored[],
  words: readonly Scored[],
  required: ReadonlyMap<string, number>,
  wanted: number,
): Scored[] {
  const lattice = new Lattice(tokens)
  const counts = lattice.bestCounts(words)
  const total = counts.reduce((sum, count) => sum + count, 0)
  const kept: Scored[] = []
  const losses: { row: Scored; loss: number }[] = []
  tokens.forEach((row, i) => {
    if (required.has(row[0])) {
      kept.push(row)
      return
    }
    const instead = lattice.bestPath(row[0], i)
    // What is never used may go; what cannot be written otherwise stays.
    if (instead.length === 0) kept.push(row)
    else if (counts[i]! > 0) {
      const newTotal = Math.log(total + counts[i]! * (instead.length - 1))
      const before = Math.log(counts[i]!) - Math.log(total)
      const after = instead.reduce((sum, id) => sum + Math.log(counts[id]! + counts[i]!) - newTotal, 0)
      losses.push({ row, loss: (counts[i]! / total) * (before - after) })
    }
  })
  const size = Math.max(wanted, Math.floor(tokens.length * SHRINK))
  losses.sort((a, b) => b.loss - a.loss)
  for (const { row } of losses.slice(0, Math.max(0, size - kept.length))) kept.push(row)
  return kept
}

/** Characters first, then the best, sorted by score. */
function finished(
  tokens: readonly Scored[],
  required: ReadonlyMap<string, number>,
  room: number,
  taken: ReadonlySet<string>,
) {
  const scores = new Map(tokens)
  const lowest = tokens.reduce((low, [, score]) => Math.min(low, score), 0)
  const characters = Array.from(required)
    .sort((a, b) => b[1] - a[1])
    .map(([c], i): Scored => [c, scores.get(c) ?? lowest - 1e-4 * (i + 1)])
  const others = tokens.filter(([token]) => !required.has(token)).sort((a, b) => b[1] - a[1])
  const free = [...characters, ...others].filter(([token]) => !taken.has(token))
  return free.slice(0, room).sort((a, b) => b[1] - a[1])
}

/** All ways to write words in tokens. */
class Lattice {
  readonly #trie = new Trie()
  readonly #scores: Float64Array

  constructor(tokens: readonly Scored[]) {
    this.#scores = Float64Array.from(tokens, ([, score]) => score)
    tokens.forEach(([token], i) => this.#trie.add(token, i))
  }

  /** How often each token is expected when words are written at random by the model: forward and backward sums. */
  expectations(words: readonly Scored[]): Float64Array {
    const expected = new Float64Array(this.#scores.length)
    for (const [word, count] of words) {
      const edges = this.#edges(word)
      const forward = new Float64Array(word.length + 1).fill(-Infinity)
      const backward = new Float64Array(word.length + 1).fill(-Infinity)
      forward[0] = 0
      backward[word.length] = 0
      for (const { from, to, id } of edges) forward[to] = logAdd(forward[to]!, forward[from]! + this.#scores[id]!)
      for (const { from, to, id } of edges.toReversed())
        backward[from] = logAdd(backward[from]!, backward[to]! + this.#scores[id]!)
      const all = forward[word.length]!
      if (all === -Infinity) continue
      for (const { from, to, id } of edges)
        expected[id]! += count * Math.exp(forward[from]! + this.#scores[id]! + backward[to]! - all)
    }
    return expected
  }

  /** How often each token is in the best writing of all words. */
  bestCounts(words: readonly Scored[]): Float64Array {
    const counts = new Float64Array(this.#scores.length)
    for (const [word, count] of words) for (const id of this.bestPath(word)) counts[id]! += count
    return counts
  }

  /** The most probable writing of a word, without one token; empty for none. */
  bestPath(word: string, without = -1): number[] {
    const best = new Float64Array(word.length + 1).fill(-Infinity)
    const last = new Array<Edge | null>(word.length + 1).fill(null)
    best[0] = 0
    for (const edge of this.#edges(word)) {
      const score = best[edge.from]! + this.#scores[edge.id]!
      if (edge.id === without || score <= best[edge.to]!) continue
      best[edge.to] = score
      last[edge.to] = edge
    }
    const path: number[] = []
    for (let edge = last[word.length]; edge; edge = last[edge.from]) path.push(edge.id)
    return path.reverse()
  }

  /** All tokens in a word, by where they begin. */
  #edges(word: string): Edge[] {
    const edges: Edge[] = []
    for (let from = 0; from < word.length; from++) {
      let node = 0
      for (let to = from; to < word.length;) {
        node = this.#trie.step(node, word.charCodeAt(to++))
        if (node < 0) break
        const id = this.#trie.valueOf(node)
        if (id >= 0) edges.push({ from, to, id })
      }
    }
    return edges
  }
}

interface Edge {
  readonly from: number
  readonly to: number
  readonly id: number
}

function logAdd(a: number, b: number): number {
  const high = Math.max(a, b)
  return high === -Infinity ? high : high + Math.log1p(Math.exp(Math.min(a, b) - high))
}

/** The derivative of log gamma: recurrence up to 7, then Bernoulli's series. */
function digamma(x: number): number {
  let shift = 0
  let y = x
  for (; y < 7; y++) shift += 1 / y
  const z = 1 / (y - 0.5) ** 2
  const series = z * (1 / 24 - z * (7 / 960 - z * (31 / 8064 - z * (127 / 30720))))
  return Math.log(y - 0.5) + series - shift
}
