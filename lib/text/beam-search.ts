/** @file Beam search: the likeliest continuations side by side, one row of the batch each. */
import { evaluate } from '../engine/evaluate.ts'
import { tensor } from '../ops/create.ts'
import type { GenerateOptions } from './generate.ts'
import { capacityFor, lastLogits } from './language-model.ts'
import type { LanguageModel } from './language-model.ts'
import { mostProbable, penalize } from './sampling.ts'
import { textBefore } from './stop.ts'

interface Beam {
  /** After the prompt. */
  readonly tokens: readonly number[]
  readonly logProbability: number
  /** The row that it goes on from. */
  readonly row: number
}

/** The best continuation that was found. */
export async function beamSearch(
  model: LanguageModel,
  prompt: readonly number[],
  options: GenerateOptions & { maxNewTokens: number },
): Promise<readonly number[]> {
  const { maxNewTokens, numBeams = 1, lengthPenalty = 1, stop = [], signal = null } = options
  const score = ({ tokens, logProbability }: Beam) => logProbability / tokens.length ** lengthPenalty
  const caches = model.createCaches(numBeams, capacityFor(model, prompt.length + maxNewTokens))
  const finished: { tokens: readonly number[]; score: number }[] = []
  let beams: Beam[] = [{ tokens: [], logProbability: 0, row: 0 }]
  for (let step = 0; step < maxNewTokens; step++) {
    if (step > 0) {
      const order = rowsOf(beams, numBeams).map(({ row }) => BigInt(row))
      const ids = tensor(BigInt64Array.from(order))
      await evaluate(...caches.flatMap((cache) => cache.reordered(ids)))
    }
    const rows = rowsOf(beams, numBeams).map(({ tokens }) => (step === 0 ? prompt : tokens.slice(-1)))
    const logits = await lastLogits(model, rows, caches, signal)
    const size = logits.length / numBeams
    const candidates = beams.flatMap((beam, row) => {
      const line = logits.subarray(row * size, (row + 1) * size)
      penalize(line, [...prompt, ...beam.tokens], options.repetitionPenalty)
      return extended(beam, row, line, 2 * numBeams)
    })
    candidates.sort((a, b) => b.logProbability - a.logProbability)
    beams = []
    for (const candidate of candidates) {
      if (beams.length === numBeams) break
      const text = textBefore(candidate.tokens, stop)
      if (text) finished.push({ tokens: text, score: score(candidate) })
      else beams.push(candidate)
    }
    finished.sort((a, b) => b.score - a.score)
    finished.length = Math.min(finished.length, numBeams)
    // No beam can overtake: its log probability only falls.
    const longest = maxNewTokens ** lengthPenalty
    const best = Math.max(...beams.map(({ logProbability }) => logProbability / (lengthPenalty > 0 ? longest : 1)))
    if (beams.length === 0 || (finished.length === numBeams && finished[numBeams - 1]!.score >= best)) break
  }
  const all = [...finished, ...beams.map((beam) => ({ tokens: beam.tokens, score: score(beam) }))]
  return all.reduce((a, b) => (b.score > a.score ? b : a)).tokens
}

/** A beam for each row: missing ones repeat the first, and are not looked at. */
const rowsOf = (beams: readonly Beam[], n: number): Beam[] => Array.from({ length: n }, (_, i) => beams[i] ?? beams[0]!)

function extended({ tokens, logProbability }: Beam, row: number, logits: Float32Array, n: number): Beam[] {
  const best = mostProbable(logits, n)
  const top = logits[best[0]!]!
  let sum = 0
  for (const x of logits) sum += Math.exp(x - top)
  const log = Math.log(sum) + top
  return best.map((token) => ({
    tokens: [...tokens, token],
    logProbability: logProbability + logits[token]! - log,
    row,
  }))
}
