/** @file Generating tokens with a cache: one plan for the prompt, one for every token after it. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import type { KeyValueCache } from '../nn/key-value-cache.ts'
import { rand } from '../ops/random.ts'
import { showShape } from '../shape.ts'
import { beamSearch } from './beam-search.ts'
import { capacityFor, lastLogits } from './language-model.ts'
import type { LanguageModel } from './language-model.ts'
import { checkSampling, isGreedy, penalize, sample, samplingNames } from './sampling.ts'
import type { SamplingOptions } from './sampling.ts'
import { StopFilter } from './stop.ts'
import type { Stop } from './stop.ts'

export interface GenerateOptions extends SamplingOptions {
  /** Default: as many as there are positions for, at most 256. */
  maxNewTokens?: number
  /** Beams of a beam search, whose tokens all come at its end. Default: 1, no search. */
  numBeams?: number
  /** Beams are compared by log probability / length ** lengthPenalty. Default: 1. */
  lengthPenalty?: number
  /** Tokens, or sequences of tokens, that end the text; they are not part of it. */
  stop?: readonly Stop[]
  /** Ends the generation with ABORTED. */
  signal?: AbortSignal | null
}

/**
 * Yields the tokens that follow `ids`, each as soon as it is known. Greedy, unless temperature, topK or topP say otherwise; draws come from
 * the seeded generator (manualSeed). The model computes as in eval(), whatever its mode. VALUE for arguments that do not fit, at once.
 */
export function generate(
  model: LanguageModel,
  ids: readonly number[] | Tensor,
  options: GenerateOptions = {},
): AsyncGenerator<number, void> {
  const names = ['maxNewTokens', 'numBeams', 'lengthPenalty', 'stop', 'signal']
  checkOptions('generate', options, [...samplingNames, ...names])
  checkSampling('generate', options)
  checkInteger('generate', 'numBeams', options.numBeams ?? 1, 1)
  if ((options.numBeams ?? 1) > 1 && !isGreedy(options))
    fail('VALUE', 'generate', 'a beam search does not draw: leave temperature, topK and topP out.')
  const known = ids instanceof Tensor ? null : ids.length
  const count = known ?? (ids as Tensor).size
  if (ids instanceof Tensor && ids.rank !== 1 && ids.shape[0] !== 1)
    fail('SHAPE', 'generate', `takes one sequence of ids, got ${showShape(ids.shape)}.`)
  if (count === 0) fail('VALUE', 'generate', 'needs at least one token to begin with.')
  const room = model.numPositions - count
  const wanted = options.maxNewTokens ?? Math.min(256, Math.max(room, 0))
  checkInteger('generate', 'maxNewTokens', wanted, 0)
  // The last token is not read.
  if (wanted > room + 1)
    fail('VALUE', 'generate', `${count} tokens and ${wanted} more are too many for ${model.numPositions} positions.`)
  return tokensAfter(model, ids, { ...options, maxNewTokens: wanted })
}

type Wanted = GenerateOptions & { maxNewTokens: number }

async function* tokensAfter(
  model: LanguageModel,
  ids: readonly number[] | Tensor,
  options: Wanted,
): AsyncGenerator<number, void> {
  const tokens = ids instanceof Tensor ? Array.from(await ids.data(), Number) : [...ids]
  if (options.maxNewTokens === 0) return
  if ((options.numBeams ?? 1) > 1) {
    yield* await beamSearch(model, tokens, options)
    return
  }
  const filter = new StopFilter(options.stop ?? [])
  const caches = model.createCaches(1, capacityFor(model, tokens.length + options.maxNewTokens))
  let given: readonly number[] = tokens
  for (let i = 0; i < options.maxNewTokens; i++) {
    const next = await nextToken(model, given, caches, tokens, options)
    tokens.push(next)
    given = [next]
    const { tokens: sure, isEnd } = filter.take(next)
    yield* sure
    if (isEnd) return
  }
  yield* filter.rest()
}

async function nextToken(
  model: LanguageModel,
  given: readonly number[],
  caches: readonly KeyValueCache[],
  all: readonly number[],
  options: Wanted,
): Promise<number> {
  const draw = isGreedy(options) ? null : rand([1])
  const logits = await lastLogits(model, [given], caches, options.signal ?? null, draw ? [draw] : [])
  penalize(logits, all, options.repetitionPenalty)
  const { temperature, topK, topP } = options
  const chosen = Object.fromEntries(Object.entries({ temperature, topK, topP }).filter(([, x]) => x !== undefined))
  return sample(logits, chosen, draw ? await draw.item() : 0)
}
