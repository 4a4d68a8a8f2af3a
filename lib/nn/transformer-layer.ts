/** @file The layers of a Transformer: of an encoder, and of a decoder. */
import type { DType } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { add, gelu, relu } from '../ops/elementwise.ts'
import { Dropout } from './dropout.ts'
import type { KeyValueCache } from './key-value-cache.ts'
import { LayerNorm } from './layer-norm.ts'
import { Linear } from './linear.ts'
import { Module } from './module.ts'
import { MultiheadAttention } from './multihead-attention.ts'
import type { MultiheadAttentionForward } from './multihead-attention.ts'

export interface TransformerLayerOptions {
  /** Width between the two layers of the feed-forward part. Default: 2048. */
  dimFeedforward?: number
  /** Default: 0.1. */
  dropout?: number
  /** Default: 'relu'. */
  activation?: 'relu' | 'gelu' | ((x: Tensor) => Tensor)
  /** Default: 1e-5. */
  layerNormEps?: number
  /** Sequences are [B, T, C]. Default: false, [T, B, C], as in PyTorch. */
  batchFirst?: boolean
  /** Normalise before attention and feed-forward, not after (Xiong et al. 2020). Default: false. */
  normFirst?: boolean
  /** Whether projections and norms have a bias. Default: true. */
  bias?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

const NAMES = ['dimFeedforward', 'dropout', 'activation', 'layerNormEps', 'batchFirst', 'normFirst', 'bias', 'dtype']

export interface EncoderLayerForward {
  /** As attnMask of MultiheadAttention. */
  srcMask?: Tensor | null
  srcKeyPaddingMask?: Tensor | null
  isCausal?: boolean
  /** Of the sequence with itself: makes a decoder without a memory. */
  cache?: KeyValueCache | null
}

export interface DecoderLayerForward {
  tgtMask?: Tensor | null
  memoryMask?: Tensor | null
  tgtKeyPaddingMask?: Tensor | null
  memoryKeyPaddingMask?: Tensor | null
  tgtIsCausal?: boolean
  memoryIsCausal?: boolean
  /** Of the sequence with itself. */
  cache?: KeyValueCache | null
}

/** What the two have in common: the feed-forward part, and where the norms stand. */
abstract class TransformerLayer extends Module {
  static override readonly stateNames: Readonly<Record<string, string>> = {
    selfAttn: 'self_attn',
    multiheadAttn: 'multihead_attn',
  }
  readonly dModel: number
  readonly nhead: number
  readonly options: TransformerLayerOptions
  selfAttn: MultiheadAttention
  linear1: Linear
  dropout: Dropout
  linear2: Linear
  norm1: LayerNorm
  norm2: LayerNorm
  dropout1: Dropout
  dropout2: Dropout

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions) {
    super()
    const { name } = this.constructor
    checkOptions(name, options, NAMES)
    const { activation = 'relu' } = options
    if (typeof activation !== 'function' && activation !== 'relu' && activation !== 'gelu')
      fail('VALUE', name, `activation is 'relu', 'gelu' or a function, got ${String(activation satisfies never)}.`)
    this.dModel = dModel
    this.nhead = nhead
    this.options = { ...options }
    const { dimFeedforward = 2048, dropout = 0.1, bias = true, dtype = 'f32' } = options
    this.selfAttn = this.attention()
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, dtype })
    this.dropout = new Dropout(dropout)
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, dtype })
    this.norm1 = this.norm()
    this.norm2 = this.norm()
    this.dropout1 = new Dropout(dropout)
    this.dropout2 = new Dropout(dropout)
  }

  /** A layer of the same sizes, with values of its own. */
  abstract another(): TransformerLayer

  protected norm(): LayerNorm {
    const { layerNormEps: eps = 1e-5, bias = true, dtype = 'f32' } = this.options
    return new LayerNorm(this.dModel, { eps, bias, dtype })
  }

  protected attention(): MultiheadAttention {
    const { dropout = 0.1, bias = true, batchFirst = false, dtype = 'f32' } = this.options
    return new MultiheadAttention(this.dModel, this.nhead, { dropout, bias, batchFirst, dtype })
  }

  /** x + part(norm(x)), or norm(x + part(x)). */
  protected around(x: Tensor, norm: LayerNorm, part: (x: Tensor) => Tensor): Tensor {
    return this.options.normFirst ? add(x, part(norm.forward(x))) : norm.forward(add(x, part(x)))
  }

  protected attend(
    attention: MultiheadAttention,
    dropout: Dropout,
    x: Tensor,
    memory: Tensor,
    options: MultiheadAttentionForward,
  ): Tensor {
    return dropout.forward(attention.forward(x, memory, memory, { ...options, needWeights: false })[0])
  }

  protected feedForward(x: Tensor, last: Dropout): Tensor {
    const { activation = 'relu' } = this.options
    const activate = typeof activation === 'function' ? activation : activation === 'gelu' ? gelu : relu
    return last.forward(this.linear2.forward(this.dropout.forward(activate(this.linear1.forward(x)))))
  }
}

/** Self-attention and a feed-forward part, each with a residual connection and a norm (Vaswani et al. 2017). src [T, B, C]. */
export class TransformerEncoderLayer extends TransformerLayer {
  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options)
  }

  override forward(src: Tensor, options: EncoderLayerForward = {}): Tensor {
    checkOptions('TransformerEncoderLayer', options, ['srcMask', 'srcKeyPaddingMask', 'isCausal', 'cache'])
    const { srcMask = null, srcKeyPaddingMask = null, isCausal = false, cache = null } = options
    const masks = { attnMask: srcMask, keyPaddingMask: srcKeyPaddingMask, isCausal, cache }
    const x = this.around(src, this.norm1, (y) => this.attend(this.selfAttn, this.dropout1, y, y, masks))
    return this.around(x, this.norm2, (y) => this.feedForward(y, this.dropout2))
  }

  override another(): TransformerEncoderLayer {
    return new TransformerEncoderLayer(this.dModel, this.nhead, this.options)
  }
}

/** Self-attention, attention to the encoder's result, and a feed-forward part. tgt [T, B, C], memory [S, B, C]. */
export class TransformerDecoderLayer extends TransformerLayer {
  multiheadAttn: MultiheadAttention
  norm3: LayerNorm
  dropout3: Dropout

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options)
    this.multiheadAttn = this.attention()
    this.norm3 = this.norm()
    this.dropout3 = new Dropout(options.dropout ?? 0.1)
  }

  override forward(tgt: Tensor, memory: Tensor, options: DecoderLayerForward = {}): Tensor {
    const names = [
      'tgtMask',
      'memoryMask',
      'tgtKeyPaddingMask',
      'memoryKeyPaddingMask',
      'tgtIsCausal',
      'memoryIsCausal',
    ]
    checkOptions('TransformerDecoderLayer', options, [...names, 'cache'])
    const { tgtMask = null, tgtKeyPaddingMask = null, tgtIsCausal = false, cache = null } = options
    const { memoryMask = null, memoryKeyPaddingMask = null, memoryIsCausal = false } = options
    const own = { attnMask: tgtMask, keyPaddingMask: tgtKeyPaddingMask, isCausal: tgtIsCausal, cache }
    const other = { attnMask: memoryMask, keyPaddingMask: memoryKeyPaddingMask, isCausal: memoryIsCausal }
    let x = this.around(tgt, this.norm1, (y) => this.attend(this.selfAttn, this.dropout1, y, y, own))
    x = this.around(x, this.norm2, (y) => this.attend(this.multiheadAttn, this.dropout2, y, memory, other))
    return this.around(x, this.norm3, (y) => this.feedForward(y, this.dropout3))
  }

  override another(): TransformerDecoderLayer {
    return new TransformerDecoderLayer(this.dModel, this.nhead, this.options)
  }
}
