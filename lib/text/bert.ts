/** @file BERT, and with other options RoBERTa and DistilBERT: a Transformer that reads a whole text at once (Devlin et al. 2019). */
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { ConfigValues } from '../io/model-config.ts'
import { PretrainedModel } from '../io/pretrained.ts'
import type { WeightNames } from '../io/pretrained.ts'
import { activationByName } from '../nn/activation-by-name.ts'
import type { ActivationName } from '../nn/activation-by-name.ts'
import { Dropout } from '../nn/dropout.ts'
import type { Embedding } from '../nn/embedding.ts'
import { LayerNorm } from '../nn/layer-norm.ts'
import type { Linear } from '../nn/linear.ts'
import { Module } from '../nn/module.ts'
import { normalEmbedding, normalLinear } from '../nn/normal-layers.ts'
import { attention } from '../ops/attention.ts'
import { arange } from '../ops/create.ts'
import { add, mul, ne } from '../ops/elementwise.ts'
import { narrow, permute, reshape } from '../ops/layout.ts'
import { cumsum } from '../ops/cumulative.ts'
import { cast } from '../ops/table.ts'
import { showShape } from '../shape.ts'
import { bertConfigForFile, bertNameInFile, bertWeightNames } from './bert-config.ts'
import type { BERTConfig, BERTSizes } from './bert-config.ts'

const NAMES = ['kind', 'vocabSize', 'numPositions', 'numTypes', 'width', 'numLayers', 'numHeads', 'hiddenWidth']
const MORE = ['activation', 'pooling', 'paddingIdx', 'dropout', 'layerNormEps', 'dtype']

/** A BERT of the published base size, or of one's own: `bert()`, `bert({ width: 128, numLayers: 2, numHeads: 2 })`. Weights are random. */
export function bert(size: 'base' | BERTConfig = 'base', options: BERTConfig = {}): BERT {
  if (typeof size === 'string' && size !== 'base')
    fail('VALUE', 'bert', `there is no size '${String(size)}'. There is: base.`)
  return new BERT({ ...(size === 'base' ? {} : size), ...options })
}

/** @internal */
export const norm = ({ width, layerNormEps, dtype }: BERTSizes) => new LayerNorm(width, { eps: layerNormEps, dtype })

class Embeddings extends Module {
  static override readonly stateNames = {
    words: 'word_embeddings',
    positions: 'position_embeddings',
    types: 'token_type_embeddings',
    norm: 'LayerNorm',
  }
  words: Embedding
  positions: Embedding
  types: Embedding | null
  norm: LayerNorm
  dropout: Dropout
  readonly paddingIdx: number | null

  constructor(all: BERTSizes) {
    super()
    this.paddingIdx = all.paddingIdx
    this.words = normalEmbedding(all.vocabSize, all.width, { dtype: all.dtype })
    this.positions = normalEmbedding(all.numPositions, all.width, { dtype: all.dtype })
    this.types = all.numTypes === 0 ? null : normalEmbedding(all.numTypes, all.width, { dtype: all.dtype })
    this.norm = norm(all)
    this.dropout = new Dropout(all.dropout)
  }

  override forward(ids: Tensor, types: Tensor | null): Tensor {
    const words = add(this.words.forward(ids), this.positions.forward(this.#positionsOf(ids)))
    const kind = this.types && (types ? this.types.forward(types) : narrow(this.types.weight, 0, 0, 1))
    const x = kind ? add(words, kind) : words
    return this.dropout.forward(this.norm.forward(x))
  }

  #positionsOf(ids: Tensor): Tensor {
    if (this.paddingIdx === null) return arange(ids.shape[1]!)
    const counts = cast(ne(ids, this.paddingIdx), 'i64')
    return add(mul(cumsum(counts, 1), counts), this.paddingIdx)
  }
}

class SelfAttention extends Module {
  readonly numHeads: number
  readonly dropout: number
  query: Linear
  key: Linear
  value: Linear

  constructor({ width, numHeads, dropout, dtype }: BERTSizes) {
    super()
    this.numHeads = numHeads
    this.dropout = dropout
    this.query = normalLinear(width, width, { dtype })
    this.key = normalLinear(width, width, { dtype })
    this.value = normalLinear(width, width, { dtype })
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

  constructor(inputs: number, all: BERTSizes) {
    super()
    this.dense = normalLinear(inputs, all.width, { dtype: all.dtype })
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
  readonly activation: ActivationName

  constructor(all: BERTSizes) {
    super()
    this.activation = all.activation
    this.attention = { self: new SelfAttention(all), output: new Output(all.width, all) }
    this.intermediate = { dense: normalLinear(all.width, all.hiddenWidth, { dtype: all.dtype }) }
    this.output = new Output(all.hiddenWidth, all)
  }

  override forward(x: Tensor, mask: Tensor | null): Tensor {
    const y = this.attention.output.forward(this.attention.self.forward(x, mask), x)
    const activation = activationByName(this.activation)
    return this.output.forward(activation(this.intermediate.dense.forward(y)), y)
  }
}

export interface BERTForward {
  /** [B, T]: which tokens are text (not 0) and which padding (0). Default: all are text. */
  attentionMask?: Tensor | null
  /** [B, T]: the segment of each token. Default: 0. */
  tokenTypeIds?: Tensor | null
}

/**
 * Token ids [B, T] -> what each token means here [B, T, width], and the whole text [B, width]: a layer of the first token's vector, or that
 * vector itself where there is no such layer.
 */
export class BERT extends PretrainedModel {
  readonly config: Readonly<BERTSizes>
  embeddings: Embeddings
  encoder: { layer: readonly Layer[] }
  pooler: { dense: Linear } | null

  constructor(config: BERTConfig = {}) {
    super()
    checkOptions('BERT', config, [...NAMES, ...MORE])
    const all = completed(config)
    const { width, numLayers, dtype } = all
    this.config = all
    this.embeddings = new Embeddings(all)
    this.encoder = { layer: Array.from({ length: numLayers }, () => new Layer(all)) }
    this.pooler = all.pooling === null ? null : { dense: normalLinear(width, width, { dtype }) }
  }

  override forward(ids: Tensor, options: BERTForward = {}): { hidden: Tensor; pooled: Tensor } {
    checkOptions('BERT', options, ['attentionMask', 'tokenTypeIds'])
    const { attentionMask = null, tokenTypeIds = null } = options
    const { numPositions, paddingIdx, pooling } = this.config
    const longest = numPositions - (paddingIdx === null ? 0 : paddingIdx + 1)
    if (ids.rank !== 2 || ids.shape[1]! > longest)
      fail('SHAPE', 'BERT', `needs token ids [B, T] with T <= ${longest}, got ${showShape(ids.shape)}.`)
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
    const pooled = this.pooler && activationByName(pooling!)(this.pooler.dense.forward(first))
    return { hidden, pooled: pooled ?? first }
  }

  override get weightNames(): WeightNames {
    return bertWeightNames(this.config.kind)
  }

  override nameInFile(name: string): string {
    return bertNameInFile(this.config.kind, name)
  }

  override configForFile(): ConfigValues {
    return bertConfigForFile(this.config, 'base')
  }
}

function completed(config: BERTConfig): BERTSizes {
  const { vocabSize = 30522, numPositions = 512, numTypes = 2, width = 768, numLayers = 12 } = config
  const { kind = 'bert', numHeads = 12, hiddenWidth = 4 * width, paddingIdx = null } = config
  const whole = { vocabSize, numPositions, width, numLayers, numHeads, hiddenWidth }
  for (const [name, n] of Object.entries(whole)) checkInteger('BERT', name, n, 1)
  checkInteger('BERT', 'numTypes', numTypes, 0)
  if (paddingIdx !== null) checkInteger('BERT', 'paddingIdx', paddingIdx, 0, vocabSize - 1)
  check(
    width % numHeads === 0,
    'VALUE',
    'BERT',
    () => `width must be a multiple of numHeads, got ${width} and ${numHeads}.`,
  )
  const { activation = 'gelu', pooling = 'tanh', dropout = 0.1, layerNormEps = 1e-12, dtype = 'f32' } = config
  return { kind, ...whole, numTypes, paddingIdx, activation, pooling, dropout, layerNormEps, dtype }
}
