/** @file GPT-2: a Transformer that predicts the next token (Radford et al. 2019). Parameters have the names and layouts of the published weights. */
import type { DType } from '../dtype.ts'
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import { checkpoint } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { Dropout } from '../nn/dropout.ts'
import { Embedding } from '../nn/embedding.ts'
import { KeyValueCache } from '../nn/key-value-cache.ts'
import { LayerNorm } from '../nn/layer-norm.ts'
import { Module } from '../nn/module.ts'
import { Projection } from '../nn/projection.ts'
import type { GgufForm } from '../io/gguf-model.ts'
import type { ConfigValues, ModelConfig } from '../io/model-config.ts'
import { dtypeForFile, PretrainedModel } from '../io/pretrained.ts'
import { attention, packedAttention } from '../ops/attention.ts'
import { linear } from '../ops/contraction.ts'
import { arange } from '../ops/create.ts'
import { add, gelu } from '../ops/elementwise.ts'
import { flatten, narrow, permute, reshape } from '../ops/layout.ts'
import { crossEntropy } from '../ops/loss.ts'
import { normal } from '../ops/random.ts'
import { showShape } from '../shape.ts'
import { gpt2GgufForm } from './gpt2-gguf.ts'
import { generate } from './generate.ts'
import type { GenerateOptions } from './generate.ts'
import type { LanguageModelForward } from './language-model.ts'

export interface GPT2Config {
  /** Default: 50257. */
  vocabSize?: number
  /** The longest sequence. Default: 1024. */
  numPositions?: number
  /** Default: 768. */
  width?: number
  /** Default: 12. */
  numLayers?: number
  /** Default: 12. */
  numHeads?: number
  /** Of embeddings, attention weights and residual branches. Default: 0.1. */
  dropout?: number
  /** Default: 1e-5. */
  layerNormEps?: number
  /** Compute each block again in the backward pass instead of keeping what is inside. Default: false. */
  isCheckpointed?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

const NAMES = ['vocabSize', 'numPositions', 'width', 'numLayers', 'numHeads', 'dropout', 'layerNormEps']

/** The published sizes, by their numbers of parameters. */
const sizes = {
  '124M': {},
  '350M': { width: 1024, numLayers: 24, numHeads: 16 },
} as const satisfies Record<string, GPT2Config>

/** A GPT-2 of a published size, or of one's own: `gpt2('124M')`, `gpt2({ width: 128, numLayers: 4, ... })`. Weights are random. */
export function gpt2(size: keyof typeof sizes | GPT2Config = '124M', options: GPT2Config = {}): GPT2 {
  if (typeof size !== 'string') return new GPT2({ ...size, ...options })
  if (!Object.hasOwn(sizes, size))
    fail('VALUE', 'gpt2', `there is no size '${String(size)}'. There are: ${Object.keys(sizes).join(', ')}.`)
  return new GPT2({ ...sizes[size], ...options })
}

/** What every part needs to know. */
type Sizes = Required<GPT2Config>

class Attention extends Module {
  static override readonly stateNames = { cAttn: 'c_attn', cProj: 'c_proj' }
  readonly numHeads: number
  readonly dropout: number
  cAttn: Projection
  cProj: Projection
  residDropout: Dropout

  constructor({ width, numLayers, numHeads, dropout, dtype }: Sizes) {
    super()
    this.numHeads = numHeads
    this.dropout = dropout
    this.cAttn = new Projection(width, 3 * width, STD, dtype)
    this.cProj = new Projection(width, width, STD / Math.sqrt(2 * numLayers), dtype)
    this.residDropout = new Dropout(dropout)
  }

  override forward(x: Tensor, cache: KeyValueCache | null): Tensor {
    const [b, t, width] = x.shape as [number, number, number]
    const parts = reshape(this.cAttn.forward(x), [b, t, 3, this.numHeads, width / this.numHeads])
    const options = { isCausal: true, dropoutP: this.training ? this.dropout : 0 }
    const y = cache ? this.#continued(parts, cache) : packedAttention(parts, options)
    return this.residDropout.forward(this.cProj.forward(reshape(y, [b, t, width])))
  }

  /** As [B, T, H, width of a head], with what came before. */
  #continued(parts: Tensor, cache: KeyValueCache): Tensor {
    const [b, t, , h, d] = parts.shape as [number, number, number, number, number]
    const part = (i: number) => permute(reshape(narrow(parts, 2, i, 1), [b, t, h, d]), [0, 2, 1, 3])
    const { keys, values, length } = cache.append(part(1), part(2))
    return attention(part(0), keys, values, { isCausal: true, kvLength: length, timeFirst: true })
  }
}

class FeedForward extends Module {
  static override readonly stateNames = { cFc: 'c_fc', cProj: 'c_proj' }
  cFc: Projection
  cProj: Projection
  dropout: Dropout

  constructor({ width, numLayers, dropout, dtype }: Sizes) {
    super()
    this.cFc = new Projection(width, 4 * width, STD, dtype)
    this.cProj = new Projection(4 * width, width, STD / Math.sqrt(2 * numLayers), dtype)
    this.dropout = new Dropout(dropout)
  }

  override forward(x: Tensor): Tensor {
    return this.dropout.forward(this.cProj.forward(gelu(this.cFc.forward(x), { approximate: 'tanh' })))
  }
}

class Block extends Module {
  static override readonly stateNames = { ln1: 'ln_1', ln2: 'ln_2' }
  ln1: LayerNorm
  attn: Attention
  ln2: LayerNorm
  mlp: FeedForward

  constructor(all: Sizes) {
    super()
    const norm = () => new LayerNorm(all.width, { eps: all.layerNormEps, dtype: all.dtype })
    this.ln1 = norm()
    this.attn = new Attention(all)
    this.ln2 = norm()
    this.mlp = new FeedForward(all)
  }

  override forward(x: Tensor, cache: KeyValueCache | null = null): Tensor {
    const y = add(x, this.attn.forward(this.ln1.forward(x), cache))
    return add(y, this.mlp.forward(this.ln2.forward(y)))
  }
}

/** Spread of the initial weights; those that end a residual branch start smaller, by 1 / sqrt(their number). */
const STD = 0.02

/** Token ids [B, T] -> logits [B, T, vocabSize]; the head is the table of embeddings. */
export class GPT2 extends PretrainedModel {
  static override readonly stateNames = { lnF: 'ln_f' }
  readonly config: Readonly<Sizes>
  wte: Embedding
  wpe: Embedding
  drop: Dropout
  h: readonly Block[]
  lnF: LayerNorm

  constructor(config: GPT2Config = {}) {
    super()
    checkOptions('GPT2', config, [...NAMES, 'isCheckpointed', 'dtype'])
    const { vocabSize = 50257, numPositions = 1024, width = 768, numLayers = 12, numHeads = 12 } = config
    const { dropout = 0.1, layerNormEps = 1e-5, isCheckpointed = false, dtype = 'f32' } = config
    for (const [name, n] of Object.entries({ vocabSize, numPositions, width, numLayers, numHeads }))
      checkInteger('GPT2', name, n, 1)
    check(
      width % numHeads === 0,
      'VALUE',
      'GPT2',
      () => `width must be a multiple of numHeads, got ${width} and ${numHeads}.`,
    )
    const all = { vocabSize, numPositions, width, numLayers, numHeads, dropout, layerNormEps, isCheckpointed, dtype }
    this.config = all
    const table = (rows: number) => {
      const made = new Embedding(rows, width, { dtype })
      made.weight = new Variable(normal([rows, width], 0, STD, { dtype }))
      return made
    }
    this.wte = table(vocabSize)
    this.wpe = table(numPositions)
    this.drop = new Dropout(dropout)
    this.h = Array.from({ length: numLayers }, () => new Block(all))
    this.lnF = new LayerNorm(width, { eps: layerNormEps, dtype })
  }

  override forward(ids: Tensor, options: LanguageModelForward = {}): Tensor {
    checkOptions('GPT2', options, ['caches', 'lastOnly'])
    const { caches, lastOnly = false } = options
    const start = caches?.[0]?.length ?? 0
    const [, length = 0] = ids.shape
    check(ids.rank === 2, 'SHAPE', 'GPT2', () => `needs token ids [B, T], got ${showShape(ids.shape)}.`)
    check(
      start + length <= this.numPositions,
      'SHAPE',
      'GPT2',
      () => `${start + length} tokens are more than its ${this.numPositions} positions.`,
    )
    const positions = start > 0 || caches ? add(arange(length), start) : arange(length)
    let x = this.drop.forward(add(this.wte.forward(ids), this.wpe.forward(positions)))
    const again = this.config.isCheckpointed && this.training && !caches
    this.h.forEach((block, i) => {
      x = again ? checkpoint((y: Tensor) => block.forward(y))(x) : block.forward(x, caches?.[i] ?? null)
    })
    if (lastOnly) x = narrow(x, 1, length - 1, 1)
    return linear(this.lnF.forward(x), this.wte.weight)
  }

  /** Mean cross-entropy of the next tokens: ids and targets [B, T]. */
  loss(ids: Tensor, targets: Tensor): Tensor {
    return crossEntropy(flatten(this.forward(ids), 0, 1), flatten(targets))
  }

  get numPositions(): number {
    return this.config.numPositions
  }

  /** One cache a layer, for generate(). */
  createCaches(batch: number, capacity: number): KeyValueCache[] {
    const { numHeads, width, dtype } = this.config
    const each = { batch, numHeads, capacity, headDim: width / numHeads, dtype }
    return this.h.map(() => new KeyValueCache(each))
  }

  /** The tokens that follow, one after the other: see generate(). */
  generate(ids: readonly number[] | Tensor, options: GenerateOptions = {}): AsyncGenerator<number, void> {
    return generate(this, ids, options)
  }

  override get weightNames() {
    return { prefix: 'transformer.', unread: /\.attn\.(bias|masked_bias)$|^lm_head\.weight$/, head: null }
  }

  override nameInFile(name: string): string {
    return `transformer.${name}`
  }

  override get ggufForm(): GgufForm {
    return gpt2GgufForm(this.config)
  }

  override configForFile(): ConfigValues {
    const { config } = this
    return {
      architectures: ['GPT2LMHeadModel'],
      model_type: 'gpt2',
      vocab_size: config.vocabSize,
      n_positions: config.numPositions,
      n_embd: config.width,
      n_layer: config.numLayers,
      n_head: config.numHeads,
      activation_function: 'gelu_new',
      resid_pdrop: config.dropout,
      embd_pdrop: config.dropout,
      attn_pdrop: config.dropout,
      layer_norm_epsilon: config.layerNormEps,
      ...dtypeForFile(config.dtype),
    }
  }
}

/** From config.json. FORMAT for what tenon does not compute. */
export function gpt2ConfigFrom(config: ModelConfig, dtype: DType): GPT2Config {
  const width = config.integer('n_embd', 768)
  config.only('activation_function', 'gelu_new', 'gelu_pytorch_tanh')
  config.only('n_inner', 4 * width)
  config.only('scale_attn_weights', true)
  config.only('scale_attn_by_inverse_layer_idx', false)
  config.only('tie_word_embeddings', true)
  return {
    vocabSize: config.integer('vocab_size', 50257),
    numPositions: config.integer('n_positions', 1024),
    width,
    numLayers: config.layers('n_layer', 12),
    numHeads: config.integer('n_head', 12),
    dropout: config.number('resid_pdrop', 0.1),
    layerNormEps: config.number('layer_norm_epsilon', 1e-5),
    dtype,
  }
}
