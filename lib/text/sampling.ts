/** @file Which token comes next: penalties, temperature, top-k, top-p, and the draw. Plain arithmetic on the logits of one position. */
import { checkInteger, checkOptions, fail } from '../errors.ts'

export interface SamplingOptions {
  /** Divides the logits; 0 takes the most probable token. Default: 1 where topK or topP is given, else 0. */
  temperature?: number
  /** Draw among so many most probable tokens. */
  topK?: number
  /** Draw among the fewest most probable tokens that have at least this probability together (Holtzman et al. 2020). */
  topP?: number
  /** Divides positive and multiplies negative logits of tokens that are there already (Keskar et al. 2019). Default: 1, none. */
  repetitionPenalty?: number
}

export const samplingNames = ['temperature', 'topK', 'topP', 'repetitionPenalty'] as const

export function checkSampling(op: string, options: SamplingOptions): void {
  const { temperature, topK, topP, repetitionPenalty } = options
  if (temperature !== undefined && !(temperature >= 0 && temperature < Infinity))
    fail('VALUE', op, `temperature must be 0 or more, got ${temperature}.`)
  if (topK !== undefined) checkInteger(op, 'topK', topK, 1)
  if (topP !== undefined && !(topP > 0 && topP <= 1)) fail('VALUE', op, `topP lies in (0, 1], got ${topP}.`)
  if (repetitionPenalty !== undefined && !(repetitionPenalty > 0 && repetitionPenalty < Infinity))
    fail('VALUE', op, `repetitionPenalty must be positive, got ${repetitionPenalty}.`)
}

/** Whether a draw is needed. */
export const isGreedy = ({ temperature, topK, topP }: SamplingOptions): boolean =>
  temperature === undefined ? topK === undefined && topP === undefined : temperature === 0

/** Makes tokens that are there already less probable, in place. */
export function penalize(logits: Float32Array, tokens: Iterable<number>, penalty = 1): void {
  if (penalty === 1) return
  for (const token of new Set(tokens)) {
    const x = logits[token]
    if (x !== undefined) logits[token] = x > 0 ? x / penalty : x * penalty
  }
}

/** The position of the largest; the first of equal ones. */
export function largest(logits: Float32Array): number {
  let best = 0
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i
  return best
}

/** The token that a number in [0, 1) draws. */
export function sample(logits: Float32Array, options: SamplingOptions, uniform: number): number {
  checkOptions('sample', options, samplingNames)
  const { temperature = 1, topK, topP } = options
  if (isGreedy(options)) return largest(logits)
  const top = logits[largest(logits)]!
  const weightOf = (token: number) => Math.exp((logits[token]! - top) / temperature)
  const isCut = topK !== undefined || (topP !== undefined && topP < 1)
  let tokens = isCut ? mostProbable(logits, topK ?? logits.length) : Array.from(logits.keys())
  let weights = tokens.map(weightOf)
  if (topP !== undefined && topP < 1) {
    const kept = countFor(weights, topP)
    tokens = tokens.slice(0, kept)
    weights = weights.slice(0, kept)
  }
  let left = uniform * weights.reduce((a, b) => a + b, 0)
  for (let i = 0; i < tokens.length; i++) if ((left -= weights[i]!) < 0) return tokens[i]!
  // Rounding: the last one that can be drawn.
  return tokens[weights.findLastIndex((weight) => weight > 0)] ?? largest(logits)
}

/** How many of the first weights have a share of p together. */
function countFor(weights: readonly number[], p: number): number {
  const all = weights.reduce((a, b) => a + b, 0)
  let sum = 0
  const at = weights.findIndex((weight) => (sum += weight) >= p * all)
  return at < 0 ? weights.length : at + 1
}

/** Up to n tokens, the most probable first; the smaller one first among equals. */
export function mostProbable(logits: ArrayLike<number>, n: number): number[] {
  const size = Math.min(n, logits.length)
  const before = (a: number, b: number) => logits[b]! - logits[a]! || a - b
  if (size > 256)
    return Array.from(logits as ArrayLike<number>, (_, i) => i)
      .sort(before)
      .slice(0, size)
  // A sorted list that is short: nearly all tokens are turned away at its end.
  const best: number[] = []
  for (let token = 0; token < logits.length; token++) {
    if (best.length === size && !(logits[token]! > logits[best[size - 1]!]!)) continue
    let at = best.length
    while (at > 0 && logits[best[at - 1]!]! < logits[token]!) at--
    best.splice(at, 0, token)
    if (best.length > size) best.pop()
  }
  return best
}
