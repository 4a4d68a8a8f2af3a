/** @file T5: a Transformer from text to text whose attention knows distances, not positions (Raffel et al. 2020). Files have the published names. */
import { evaluate } from '../engine/evaluate.ts'
import { check } from '../errors.ts'
import { noGrad } from '../graph/state.ts'
import { Tensor } from '../graph/tensor.ts'
import type { ConfigValues } from '../io/model-config.ts'
import { PretrainedModel, renamedParts } from '../io/pretrained.ts'
import type { WeightNames } from '../io/pretrained.ts'
import { activationByName } from '../nn/activation-by-name.ts'
import { Dropout } from '../nn/dropout.ts'
import type { Embedding } from '../nn/embedding.ts'
import { RMSNorm } from '../nn/group-norm.ts'
import { HeadAttention } from '../nn/head-attention.ts'
import type { HeadAttentionForward, KeysAndValues } from '../nn/head-attention.ts'
import { KeyValueCache } from '../nn/key-value-cache.ts'
import type { Linear } from '../nn/linear.ts'
import { Module } from '../nn/module.ts'
import { normalEmbedding, normalLinear } from '../nn/normal-layers.ts'
import { linear } from '../ops/contraction.ts'
import { arange, tensor } from '../ops/create.ts'
import { add, clamp, mul, ne, sub, where } from '../ops/elementwise.ts'
import { take } from '../ops/indexing.ts'
import { narrow, permute, reshape } from '../ops/layout.ts'
import { constant } from '../ops/table.ts'
import { showShape } from '../shape.ts'
import { generate } from './generate.ts'
import type { GenerateOptions } from './generate.ts'
import type { LanguageModel, LanguageModelForward } from './language-model.ts'
import { completed, distanceBuckets, t5ConfigForFile } from './t5-config.ts'
import type { T5Config, T5Sizes } from './t5-config.ts'

const fileParts = new Map([
  ['tokens', 'shared'],
  ['head', 'lm_head'],
  ['distances', 'block.0.layer.0.SelfAttention.relative_attention_bias'],
  ['layers', 'block'],
  ['norm', 'final_layer_norm'],
  ['norm1', 'layer.0.layer_norm'],
  ['attention', 'layer.0.SelfAttention'],
  ['normCross', 'layer.1.layer_norm'],
  ['cross', 'layer.1.EncDecAttention'],
  ['query', 'q'],
  ['key', 'k'],
  ['value', 'v'],
  ['out', 'o'],
])

class FeedForward extends Module {
  static override readonly stateNames = { gate: 'wi_0', up: 'wi_1', wide: 'wi', narrow: 'wo' }
  readonly sizes: T5Sizes
  wide: Linear | null
  gate: Linear | null
  up: Linear | null
  narrow: Linear
  dropout: Dropout

  constructor(all: T5Sizes) {
    super()
    const { width, hiddenWidth, isGated, dtype } = all
    const wider = () => normalLinear(width, hiddenWidth, { bias: false, dtype })
    this.sizes = all
    this.wide = isGated ? null : wider()
    this.gate = isGated ? wider() : null
    this.up = isGated ? wider() : null
    this.narrow = normalLinear(hiddenWidth, width, { bias: false, dtype })
    this.dropout = new Dropout(all.dropout)
  }

  override forward(x: Tensor): Tensor {
    const y = activationByName(this.sizes.activation)((this.wide ?? this.gate!).forward(x))
    return this.narrow.forward(this.dropout.forward(this.up ? mul(y, this.up.forward(x)) : y))
  }
}

class Layer extends Module {
  norm1: RMSNorm
  attention: HeadAttention
  normCross: RMSNorm | null
  cross: HeadAttention | null
  norm2: RMSNorm
  feedForward: FeedForward
  dropout: Dropout

  constructor(all: T5Sizes, hasCross: boolean) {
    super()
    const { width, numHeads, headDim, dropout, dtype } = all
    // Scores are not divided: the published weights were drawn smaller instead.
    const attention = () => new HeadAttention(width, numHeads, { headDim, bias: false, scale: 1, dropout, dtype })
    this.norm1 = normOf(all)
    this.attention = attention()
    this.normCross = hasCross ? normOf(all) : null
    this.cross = hasCross ? attention() : null
    this.norm2 = normOf(all)
    this.feedForward = new FeedForward(all)
    this.dropout = new Dropout(dropout)
  }

  override forward(x: Tensor, how: HeadAttentionForward, across: HeadAttentionForward = {}): Tensor {
    let y = add(x, this.dropout.forward(this.attention.forward(this.norm1.forward(x), how)))
    if (this.cross) y = add(y, this.dropout.forward(this.cross.forward(this.normCross!.forward(y), across)))
    return add(y, this.dropout.forward(this.feedForward.forward(this.norm2.forward(y))))
  }
}

const normOf = ({ width, normEps, dtype }: T5Sizes) => new RMSNorm(width, { eps: normEps, dtype })

/** Encoder or decoder. */
class Stack extends Module {
  readonly sizes: T5Sizes
  readonly isDecoder: boolean
  /** What heads add to scores, by bucket of distance. */
  distances: Embedding
  layers: readonly Layer[]
  norm: RMSNorm
  dropout: Dropout

  constructor(all: T5Sizes, isDecoder: boolean) {
    super()
    this.sizes = all
    this.isDecoder = isDecoder
    this.distances = normalEmbedding(all.numBuckets, all.numHeads, { dtype: all.dtype })
    const n = isDecoder ? all.numDecoderLayers : all.numLayers
    this.layers = Array.from({ length: n }, () => new Layer(all, isDecoder))
    this.norm = normOf(all)
    this.dropout = new Dropout(all.dropout)
  }

  /** x [B, T, width]; `mask` bool [B, 1, 1, keys]: which keys take part; `across`: what each layer attends to besides. */
  override forward(
    x: Tensor,
    { mask = null, across = [], crossMask = null, caches = null, lastOnly = false }: StackForward = {},
  ): Tensor {
    const start = caches?.[0]?.length ?? 0
    const t = x.shape[1]!
    const bias = this.#bias(start, t, caches?.[0]?.capacity ?? t, caches !== null)
    const attnMask = mask ? where(mask, bias, constant(-Infinity, bias.dtype)) : bias
    let y = this.dropout.forward(x)
    this.layers.forEach((layer, i) => {
      const how = { attnMask, isCausal: this.isDecoder, cache: caches?.[i] ?? null }
      y = layer.forward(y, how, { source: across[i] ?? null, attnMask: crossMask })
    })
    if (lastOnly) y = narrow(y, 1, t - 1, 1)
    return this.dropout.forward(this.norm.forward(y))
  }

  /** [1, H, queries, keys]: by the distance from query start + i to key j. */
  #bias(start: number, numQueries: number, numKeys: number, isCached: boolean): Tensor {
    const { maxDistance } = this.sizes
    const own = reshape(arange(numQueries), [numQueries, 1])
    const distance = sub(arange(numKeys), isCached ? add(own, start) : own)
    const buckets = tensor(BigInt64Array.from(distanceBuckets(this.sizes, this.isDecoder), BigInt))
    const found = take(buckets, add(clamp(distance, -maxDistance, maxDistance), maxDistance))
    return reshape(permute(this.distances.forward(found), [2, 0, 1]), [1, -1, numQueries, numKeys])
  }
}

interface StackForward {
  mask?: Tensor | null
  across?: readonly (Tensor | KeysAndValues)[]
  crossMask?: Tensor | null
  caches?: readonly KeyValueCache[] | null
  lastOnly?: boolean
}

export interface T5Forward {
  /** [B, T]: which tokens of the text that is read are text (not 0) and which padding (0). Default: all are text. */
  attentionMask?: Tensor | null
}

/** Token ids [B, T] that are read and ids [B, U] that are written -> logits [B, U, vocabSize] of the next ones to be written. */
export class T5 extends PretrainedModel {
  readonly config: T5Sizes
  tokens: Embedding
  encoder: Stack
  decoder: Stack
  /** Null where the table of embeddings is the head, too. */
  head: Linear | null

  constructor(config: T5Config) {
    super()
    const all = completed(config)
    const { vocabSize, width, dtype } = all
    this.config = all
    this.tokens = normalEmbedding(vocabSize, width, { std: 1, dtype })
    this.encoder = new Stack(all, false)
    this.decoder = new Stack(all, true)
    this.head = all.isTied ? null : normalLinear(width, vocabSize, { bias: false, dtype })
  }

  override forward(ids: Tensor, decoderIds: Tensor, { attentionMask = null }: T5Forward = {}): Tensor {
    for (const given of [ids, decoderIds])
      check(given.rank === 2, 'SHAPE', 'T5', () => `needs token ids [B, T], got ${showShape(given.shape)}.`)
    const [b, t] = ids.shape as [number, number]
    check(
      !attentionMask || attentionMask.size === b * t,
      'SHAPE',
      'T5',
      () => `attentionMask must be [${b}, ${t}], got ${showShape(attentionMask!.shape)}.`,
    )
    const mask = attentionMask && reshape(ne(attentionMask, 0), [b, 1, 1, t])
    const source = this.encoder.forward(this.tokens.forward(ids), { mask })
    return this.#decoded(decoderIds, { across: this.decoder.layers.map(() => source), crossMask: mask })
  }

  /**
   * The tokens that are written for the text `ids`, one after the other: see generate(). The text is read once; writing begins with the
   * configuration's start token, and ends where `stop` says.
   */
  async *generate(ids: readonly number[] | Tensor, options: GenerateOptions = {}): AsyncGenerator<number, void> {
    yield* generate(await this.reader(ids), [this.config.startToken], options)
  }

  /** What writes about one text, as generate() takes it; the text's keys and values are computed here, once. */
  async reader(ids: readonly number[] | Tensor): Promise<LanguageModel> {
    const given = ids instanceof Tensor ? ids : tensor(BigInt64Array.from(ids, BigInt))
    const { training } = this
    this.eval()
    const across = noGrad(() => {
      const source = this.encoder.forward(this.tokens.forward(reshape(given, [1, given.size])))
      return this.decoder.layers.map(({ cross }) => cross!.keysAndValues(source))
    })
    if (training) this.train()
    await evaluate(...across.flatMap(({ keys, values }) => [keys, values]))
    const { numHeads, headDim, dtype } = this.config
    const isTraining = () => this.training
    return {
      get training() {
        return isTraining()
      },
      // Distances have no end.
      numPositions: Number.MAX_SAFE_INTEGER,
      train: (mode) => this.train(mode),
      forward: (written: Tensor, options: LanguageModelForward) => this.#decoded(written, { across, ...options }),
      createCaches: (batch, capacity) =>
        this.decoder.layers.map(() => new KeyValueCache({ batch, numHeads, capacity, headDim, dtype })),
    }
  }

  #decoded(ids: Tensor, options: StackForward): Tensor {
    const hidden = this.decoder.forward(this.tokens.forward(ids), options)
    const scaled = this.config.isScaled ? mul(hidden, this.config.width ** -0.5) : hidden
    return this.head ? this.head.forward(scaled) : linear(scaled, this.tokens.weight)
  }

  override get weightNames(): WeightNames {
    const copies = '^(encoder|decoder)\\.embed_tokens\\.weight$|EncDecAttention\\.relative_attention_bias'
    return { prefix: '', unread: new RegExp(this.head ? copies : `${copies}|^lm_head\\.weight$`), head: null }
  }

  override nameInFile(name: string): string {
    const last = name.startsWith('decoder.') ? 'layer.2' : 'layer.1'
    const own = name.replace('.norm2.', `.${last}.layer_norm.`).replace('.feedForward.', `.${last}.DenseReluDense.`)
    return renamedParts(own, fileParts)
  }

  override configForFile(): ConfigValues {
    return t5ConfigForFile(this.config)
  }
}
