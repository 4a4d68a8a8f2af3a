/** @file Attention out of plain rows: what the fused row equals, what its second derivatives are made of, and its weights. */
import type { Tensor } from '../graph/tensor.ts'
import { arange } from './create.ts'
import { add, le, logicalAnd, lt, mul, ne, reciprocal, sub, where } from './elementwise.ts'
import { matmul } from './contraction.ts'
import { narrow, permute, reshape, transpose } from './layout.ts'
import { softmax } from './normalize.ts'
import { randAt } from './random.ts'
import { max } from './reduction.ts'
import { cast, constant } from './table.ts'

/** Which of the inputs after q, k and v are there, and the numbers of the structure. */
export interface AttentionAttrs {
  readonly scale: number
  readonly isCausal: boolean
  readonly hasMask: boolean
  readonly hasLength: boolean
  readonly hasDropout: boolean
  /** Results lie in memory as [B, T, H, width]. */
  readonly timeFirst: boolean
  /** q, k and v are one input [B, T, 3, H, D], and so are their gradients; `timeFirst` as well. */
  readonly isPacked: boolean
}

/** The inputs of the row: q, k, v (or the one), then mask, length, and (seed, stream, counter, keep), those that there are. */
export interface AttentionInputs {
  readonly q: Tensor
  readonly k: Tensor
  readonly v: Tensor
  readonly mask: Tensor | null
  readonly length: Tensor | null
  readonly dropout: readonly Tensor[] | null
}

export function readInputs(inputs: readonly Tensor[], attrs: AttentionAttrs): AttentionInputs {
  let at = numSources(attrs)
  const mask = attrs.hasMask ? inputs[at++]! : null
  const length = attrs.hasLength ? inputs[at++]! : null
  const dropout = attrs.hasDropout ? inputs.slice(at, at + 4) : null
  const [q, k, v] = (attrs.isPacked ? unpacked(inputs[0]!) : inputs) as [Tensor, Tensor, Tensor]
  return { q, k, v, mask, length, dropout }
}

/** How many inputs hold q, k and v. */
export const numSources = ({ isPacked }: AttentionAttrs): number => (isPacked ? 1 : 3)

function unpacked(x: Tensor): Tensor[] {
  const [b, t, , h, d] = x.shape as [number, number, number, number, number]
  return [0, 1, 2].map((i) => swapHeads(reshape(narrow(x, 2, i, 1), [b, t, h, d])))
}

/** softmax(scale q k^T + mask) v, as [B, H, Tq, E]. The mask comes before the softmax, so that the weights of a row add up to 1. */
export function attentionComposite(inputs: readonly Tensor[], attrs: AttentionAttrs): Tensor {
  const { q, v } = readInputs(inputs, attrs)
  const [b, g, tk, e] = v.shape as [number, number, number, number]
  const [, h, tq] = q.shape as [number, number, number]
  const weights = reshape(attentionWeights(inputs, attrs), [b, g, h / Math.max(g, 1), tq, tk])
  return reshape(matmul(weights, reshape(v, [b, g, 1, tk, e])), [b, h, tq, e])
}

/** The weights [B, H, Tq, Tk], after dropout; 0 in rows without a key. */
export function attentionWeights(inputs: readonly Tensor[], attrs: AttentionAttrs): Tensor {
  const { q, k, mask, length, dropout } = readInputs(inputs, attrs)
  const [b, h, tq, d] = q.shape as [number, number, number, number]
  const [, g, tk] = k.shape as [number, number, number]
  const grouped = reshape(q, [b, g, h / Math.max(g, 1), tq, d])
  const products = matmul(grouped, transpose(reshape(k, [b, g, 1, tk, d])))
  let scores = mul(reshape(products, [b, h, tq, tk]), constant(attrs.scale, q.dtype))
  const lowest = constant(-Infinity, q.dtype)
  if (mask) scores = mask.dtype === 'bool' ? where(mask, scores, lowest) : add(scores, cast(mask, q.dtype))
  const seen = visible(attrs.isCausal, length && reshape(length, [b, 1, 1, 1]), tq, tk)
  if (seen) scores = where(seen, scores, lowest)
  if (tk === 0) return scores
  const hasKey = ne(max(scores, -1, { keepDims: true }), lowest)
  const zero = constant(0, q.dtype)
  const weights = where(hasKey, softmax(where(hasKey, scores, zero)), zero)
  if (!dropout) return weights
  const [seed, stream, counter, keep] = dropout as [Tensor, Tensor, Tensor, Tensor]
  const kept = lt(randAt([seed, stream, counter], [b, h, tq, tk]), cast(keep, 'f32'))
  return mul(weights, where(kept, keptFactor(keep, q), zero))
}

/** 1 / keep; 0 where nothing is kept. */
function keptFactor(keep: Tensor, like: Tensor): Tensor {
  const one = constant(1, 'f64')
  const isKept = ne(keep, constant(0, 'f64'))
  return cast(where(isKept, reciprocal(where(isKept, keep, one)), constant(0, 'f64')), like.dtype)
}

/** Which keys a query sees by position: [.., Tq, Tk], or null where it sees all. */
function visible(isCausal: boolean, length: Tensor | null, tq: number, tk: number): Tensor | null {
  const keys = reshape(arange(tk), [1, tk])
  const queries = reshape(arange(tq), [tq, 1])
  if (!length) return isCausal ? le(keys, queries) : null
  const within = lt(keys, length)
  if (!isCausal) return within
  return logicalAnd(within, le(keys, add(queries, sub(length, constant(tq, 'i64')))))
}

/** [B, H, T, width] as [B, T, H, width], or back. */
export const swapHeads = (t: Tensor): Tensor => permute(t, [0, 2, 1, 3])
