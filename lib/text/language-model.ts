/** @file What generating needs of a model: logits after a sequence of tokens, and caches for what came before. */
import { evaluate } from '../engine/evaluate.ts'
import { noGrad } from '../graph/state.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { KeyValueCache } from '../nn/key-value-cache.ts'
import { tensor } from '../ops/create.ts'
import { reshape } from '../ops/layout.ts'
import { cast } from '../ops/table.ts'

export interface LanguageModelForward {
  /** What was computed for the tokens before: one for each layer. */
  caches?: readonly KeyValueCache[] | null
  /** Logits of the last position only. Default: false. */
  lastOnly?: boolean
}

/** What generate() takes. */
export interface LanguageModel {
  readonly training: boolean
  readonly numPositions: number
  train(training?: boolean): unknown
  /** Ids [B, T] -> logits [B, T, V]. */
  forward(ids: Tensor, options: LanguageModelForward): Tensor
  createCaches(batch: number, capacity: number): KeyValueCache[]
}

/** Caches of few different sizes, so that plans are found again. */
const GRAIN = 256

/** @internal */
export const capacityFor = (model: LanguageModel, count: number): number =>
  Math.min(model.numPositions, Math.ceil(count / GRAIN) * GRAIN)

/** @internal Logits [rows, V] after the last token of each row, flat; `also` is evaluated with them. */
export async function lastLogits(
  model: LanguageModel,
  rows: readonly (readonly number[])[],
  caches: readonly KeyValueCache[],
  signal: AbortSignal | null,
  also: readonly Tensor[] = [],
): Promise<Float32Array> {
  const ids = tensor(BigInt64Array.from(rows.flat(), BigInt), { shape: [rows.length, rows[0]!.length] })
  const { training } = model
  model.train(false)
  let logits: Tensor
  try {
    logits = noGrad(() => cast(reshape(model.forward(ids, { caches, lastOnly: true }), [-1]), 'f32'))
  } finally {
    if (training) model.train(true)
  }
  await evaluate(logits, ...also, signal ? { signal } : {})
  return (await logits.data({ transfer: true })) as Float32Array
}
