/** @file HeadAttention: multi-head attention with a projection for each of query, key, value and result, as published Transformers have it. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { attention } from '../ops/attention.ts'
import { expand, permute, reshape } from '../ops/layout.ts'
import type { KeyValueCache } from './key-value-cache.ts'
import type { Linear } from './linear.ts'
import { Module } from './module.ts'
import { normalLinear } from './normal-layers.ts'

export interface HeadAttentionOptions {
  /** Default: width / numHeads. */
  headDim?: number
  /** Of query, value and result. Default: true. */
  bias?: boolean
  /** Of the keys. Default: as `bias`. */
  keyBias?: boolean
  /** Of the result. Default: as `bias`. */
  outBias?: boolean
  /** What scores are multiplied by. Default: 1 / sqrt(headDim). */
  scale?: number | null
  /** Probability with which a weight is dropped while training. Default: 0. */
  dropout?: number
  /** Default: 'f32'. */
  dtype?: DType
}

/** Keys and values [B, H, T, headDim] of what is attended to, computed once. */
export interface KeysAndValues {
  readonly keys: Tensor
  readonly values: Tensor
}

export interface HeadAttentionForward {
  /** What is attended to, where it is not x itself: [B, T, width], or its keys and values. */
  source?: Tensor | KeysAndValues | null
  /** What broadcasts to [B, H, Tq, Tk]: bool (true: the key takes part) or floats that are added to the scores. */
  attnMask?: Tensor | null
  /** Default: false. */
  isCausal?: boolean
  /** Of x with itself: what came before, to which these positions are added. */
  cache?: KeyValueCache | null
}

/** x [B, T, width] -> [B, T, width]. */
export class HeadAttention extends Module {
  readonly numHeads: number
  readonly scale: number | null
  readonly dropout: number
  query: Linear
  key: Linear
  value: Linear
  out: Linear

  constructor(width: number, numHeads: number, options: HeadAttentionOptions = {}) {
    super()
    const names = ['headDim', 'bias', 'keyBias', 'outBias', 'scale', 'dropout', 'dtype']
    checkOptions('HeadAttention', options, names)
    const { headDim = width / numHeads, bias = true, keyBias = bias, outBias = bias, dtype = 'f32' } = options
    checkInteger('HeadAttention', 'numHeads', numHeads, 1)
    checkInteger('HeadAttention', 'headDim', headDim, 1)
    const inner = numHeads * headDim
    this.numHeads = numHeads
    this.scale = options.scale ?? null
    this.dropout = options.dropout ?? 0
    this.query = normalLinear(width, inner, { bias, dtype })
    this.key = normalLinear(width, inner, { bias: keyBias, dtype })
    this.value = normalLinear(width, inner, { bias, dtype })
    this.out = normalLinear(inner, width, { bias: outBias, dtype })
  }

  override forward(x: Tensor, options: HeadAttentionForward = {}): Tensor {
    checkOptions('HeadAttention', options, ['source', 'attnMask', 'isCausal', 'cache'])
    const { source = x, attnMask = null, isCausal = false, cache = null } = options
    const [b, t] = x.shape as [number, number]
    const given = source === null ? x : source
    let { keys, values } = 'keys' in given ? given : this.keysAndValues(given)
    let kvLength: number | null = null
    if (cache) ({ keys, values, length: kvLength } = cache.append(keys, values))
    const wide = (y: Tensor) => (y.shape[0] === b ? y : expand(y, [b, ...y.shape.slice(1)]))
    const y = attention(this.#heads(this.query, x), wide(keys), wide(values), {
      attnMask,
      isCausal,
      kvLength,
      scale: this.scale,
      dropoutP: this.training ? this.dropout : 0,
      timeFirst: true,
    })
    return this.out.forward(reshape(y, [b, t, -1]))
  }

  /** Of a source [B, T, width]. */
  keysAndValues(source: Tensor): KeysAndValues {
    return { keys: this.#heads(this.key, source), values: this.#heads(this.value, source) }
  }

  #heads(layer: Linear, x: Tensor): Tensor {
    const [b, t] = x.shape as [number, number]
    return permute(reshape(layer.forward(x), [b, t, this.numHeads, -1]), [0, 2, 1, 3])
  }
}
