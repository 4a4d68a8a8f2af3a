/** @file BERT: a Transformer that reads a whole text at once (Devlin et al. 2019). Parameters have the names of the published weights. */
import type { DType } from '../dtype.ts'
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { Dropout } from '../nn/dropout.ts'
import { Embedding } from '../nn/embedding.ts'
import { LayerNorm } from '../nn/layer-norm.ts'
import { Linear } from '../nn/linear.ts'
import { Module } from '../nn/module.ts'
import { attention } from '../ops/attention.ts'
import { linear } from '../ops/contraction.ts'
import { arange, zeros } from '../ops/create.ts'
import { add, gelu, ne, tanh } from '../ops/elementwise.ts'
import { narrow, permute, reshape } from '../ops/layout.ts'
import { normal } from '../ops/random.ts'
import { showShape } from '../shape.ts'

export interface BERTConfig {
  /** Default: 30522. */
  vocabSize?: number
  /** The longest text. Default: 512. */
  numPositions?: number
  /** Kinds of segments. Default: 2. */
  numTypes?: number
  /** Default: 768. */
  width?: number
  /** Default: 12. */
  numLayers?: number
  /** Default: 12. */
  numHeads?: number
  /** Between the layers of the feed-forward part. Default: 4 width. */
  hiddenWidth?: number
  /** Default: 0.1. */
  dropout?: number
  /** Default: 1e-12. */
  layerNormEps?: number
  /** Default: 'f32'. */
  dtype?: DType
}

const NAMES = ['vocabSize', 'numPositions', 'numTypes', 'width', 'numLayers', 'numHeads', 'hiddenWidth']

/** A BERT of the published base size, or of one's own: `bert()`, `bert({ width: 128, numLayers: 2, numHeads: 2 })`. Weights are random. */
export function bert(size: 'base' | BERTConfig = 'base', options: BERTConfig = {}): BERT {
  if (typeof size === 'string' && size !== 'base')
    fail('VALUE', 'bert', `there is no size '${String(size)}'. There is: base.`)
  return new BERT({ ...(size === 'base' ? {} : size), ...options })
}

const STD = 0.02

type Sizes = Required<BERTConfig>

function dense(inputs: number, outputs: number, dtype: DType): Linear {
  const layer = new Linear(inputs, outputs, { dtype })
  layer.weight = new Variable(normal([outputs, inputs], 0, STD, { dtype }))
  layer.bias = new Variable(zeros([outputs], { dtype }))
  return layer
}

function table(rows: number, width: number, dtype: DType): Embedding {
  const layer = new Embedding(rows, width, { dtype })
  layer.weight = new Variable(normal([rows, width], 0, STD, { dtype }))
  return layer
}

const norm = ({ width, layerNormEps, dtype }: Sizes) => new LayerNorm(width, { eps: layerNormEps, dtype })

class Embeddings extends Module {
  static override readonly stateNames = {
    words: 'word_embeddings',
    positions: 'position_embeddings',
    types: 'token_type_embeddings',
    norm: 'LayerNorm',
  }
  words: Embedding
  positions: Embedding
  types: Embedding
  norm: LayerNorm
  dropout: Dropout

  constructor(all: Sizes) {
    super()
    this.words = table(all.vocabSize, all.width, all.dtype)
    this.positions = table(all.numPositions, all.width, all.dtype)
    this.types = table(all.numTypes, all.width, all.dtype)
    this.norm = norm(all)
    this.dropout = new Dropout(all.dropout)
  }

  override forward(ids: Tensor, types: Tensor | null): Tensor {
    const kind = types ? this.types.forward(types) : narrow(this.types.weight, 0, 0, 1)
    const x = add(add(this.words.forward(ids), kind), this.positions.forward(arange(ids.shape[1]!)))
    return this.dropout.forward(this.norm.forward(x))
  }
}

class SelfAttention extends Module {
  readonly numHeads: number
  readonly dropout: number
  query: Linear
  key: Linear
  value: Linear

  constructor({ width, numHeads, dropout, dtype }: Sizes) {
    super()
    this.numHeads = numHeads
    this.dropout = dropout
    this.query = dense(width, width, dtype)
    this.key = dense(width, width, dtype)
    this.value = dense(width, width, dtype)
  }

  override forward(x: Tensor, attnMask: Tensor | null): Tensor {
    const [b, t, width] = x.shape as [number, number, number]
    const heads = (layer: Linear) =>
      permute(reshape(layer.forward(x), [b, t, this.numHeads, width / this.numHeads]), [0, 2, 1, 3])
    const options = { attnMask, dropoutP: this.training ? this.dropout : 0, timeFirst: true }
    return reshape(attention(heads(this.query), heads(this.key), heads(this.value), options), [b, t, width])
  }
}

/** Ends a residual branch: norm(x + dropout(dense(y))). */
class Output extends Module {
  static override readonly stateNames = { norm: 'LayerNorm' }
  dense: Linear
  norm: LayerNorm
  dropout: Dropout

  constructor(inputs: number, all: Sizes) {
    super()
    this.dense = dense(inputs, all.width, all.dtype)
    this.norm = norm(all)
    this.dropout = new Dropout(all.dropout)
  }

  override forward(y: Tensor, x: Tensor): Tensor {
    return this.norm.forward(add(x, this.dropout.forward(this.dense.forward(y))))
  }
}

class Layer extends Module {
  attention: { self: SelfAttention; output: Output }
  intermediate: { dense: Linear }
  output: Output

  constructor(all: Sizes) {
    super()
    this.attention = { self: new SelfAttention(all), output: new Output(all.width, all) }
    this.intermediate = { dense: dense(all.width, all.hiddenWidth, all.dtype) }
    this.output = new Output(all.hiddenWidth, all)
  }

  override forward(x: Tensor, mask: Tensor | null): Tensor {
    const y = this.attention.output.forward(this.attention.self.forward(x, mask), x)
    return this.output.forward(gelu(this.intermediate.dense.forward(y)), y)
  }
}

export interface BERTForward {
  /** [B, T]: which tokens are text (not 0) and which padding (0). Default: all are text. */
  attentionMask?: Tensor | null
  /** [B, T]: the segment of each token. Default: 0. */
  tokenTypeIds?: Tensor | null
}

/** Token ids [B, T] -> what each token means here [B, T, width], and the whole text [B, width]. */
export class BERT extends Module {
  readonly config: Readonly<Sizes>
  embeddings: Embeddings
  encoder: { layer: readonly Layer[] }
  pooler: { dense: Linear }

  constructor(config: BERTConfig = {}) {
    super()
    checkOptions('BERT', config, [...NAMES, 'dropout', 'layerNormEps', 'dtype'])
    const { vocabSize = 30522, numPositions = 512, numTypes = 2, width = 768, numLayers = 12 } = config
    const { numHeads = 12, hiddenWidth = 4 * width } = config
    const { dropout = 0.1, layerNormEps = 1e-12, dtype = 'f32' } = config
    const whole = { vocabSize, numPositions, numTypes, width, numLayers, numHeads, hiddenWidth }
    for (const [name, n] of Object.entries(whole)) checkInteger('BERT', name, n, 1)
    check(
      width % numHeads === 0,
      'VALUE',
      'BERT',
      () => `width must be a multiple of numHeads, got ${width} and ${numHeads}.`,
    )
    const all = { ...whole, dropout, layerNormEps, dtype }
    this.config = all
    this.embeddings = new Embeddings(all)
    this.encoder = { layer: Array.from({ length: numLayers }, () => new Layer(all)) }
    this.pooler = { dense: dense(width, width, dtype) }
  }

  override forward(ids: Tensor, options: BERTForward = {}): { hidden: Tensor; pooled: Tensor } {
    checkOptions('BERT', options, ['attentionMask', 'tokenTypeIds'])
    const { attentionMask = null, tokenTypeIds = null } = options
    const { numPositions } = this.config
    if (ids.rank !== 2 || ids.shape[1]! > numPositions)
      fail('SHAPE', 'BERT', `needs token ids [B, T] with T <= ${numPositions}, got ${showShape(ids.shape)}.`)
    const [b, t] = ids.shape as [number, number]
    for (const [name, given] of Object.entries({ attentionMask, tokenTypeIds }))
      check(
        !given || given.size === b * t,
        'SHAPE',
        'BERT',
        () => `${name} must be [${b}, ${t}], got ${showShape(given!.shape)}.`,
      )
    const mask = attentionMask && reshape(ne(attentionMask, 0), [b, 1, 1, t])
    const start = this.embeddings.forward(ids, tokenTypeIds)
    const hidden = this.encoder.layer.reduce((x, layer) => layer.forward(x, mask), start)
    const first = reshape(narrow(hidden, 1, 0, 1), [b, this.config.width])
    return { hidden, pooled: tanh(this.pooler.dense.forward(first)) }
  }
}

/** What comes between BERT and the table of embeddings: norm(gelu(dense)). */
class Transform extends Module {
  static override readonly stateNames = { norm: 'LayerNorm' }
  dense: Linear
  norm: LayerNorm

  constructor(all: Sizes) {
    super()
    this.dense = dense(all.width, all.width, all.dtype)
    this.norm = norm(all)
  }

  override forward(x: Tensor): Tensor {
    return this.norm.forward(gelu(this.dense.forward(x)))
  }
}

/** BERT as it is trained: token ids [B, T], some of them masked out, -> logits [B, T, vocabSize] of what they were. */
export class BERTMaskedLM extends Module {
  bert: BERT
  cls: { predictions: { transform: Transform; bias: Variable } }

  constructor(model: BERT) {
    super()
    const { vocabSize, dtype } = model.config
    this.bert = model
    const bias = new Variable(zeros([vocabSize], { dtype }))
    this.cls = { predictions: { transform: new Transform(model.config), bias } }
  }

  override forward(ids: Tensor, options: BERTForward = {}): Tensor {
    const { transform, bias } = this.cls.predictions
    const { hidden } = this.bert.forward(ids, options)
    return linear(transform.forward(hidden), this.bert.embeddings.words.weight, bias)
  }
}
