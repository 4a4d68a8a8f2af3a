/** @file Llama, Mistral and Qwen2: decoders with rotary positions, gated feed-forward parts and shared keys. Parameters have the published names. */
import type { DType } from '../dtype.ts'
import { check, checkInteger, checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { PretrainedModel } from '../io/pretrained.ts'
import type { GgufForm } from '../io/gguf-model.ts'
import type { ConfigValues } from '../io/model-config.ts'
import type { Embedding } from '../nn/embedding.ts'
import { SwiGLU } from '../nn/gated.ts'
import { RMSNorm } from '../nn/group-norm.ts'
import { KeyValueCache } from '../nn/key-value-cache.ts'
import type { Linear } from '../nn/linear.ts'
import { Module } from '../nn/module.ts'
import { normalEmbedding, normalLinear } from '../nn/normal-layers.ts'
import { attention } from '../ops/attention.ts'
import { linear } from '../ops/contraction.ts'
import { arange } from '../ops/create.ts'
import { add, gt, sub } from '../ops/elementwise.ts'
import { flatten, narrow, permute, reshape } from '../ops/layout.ts'
import { crossEntropy } from '../ops/loss.ts'
import { rotaryEmbedding } from '../ops/positional.ts'
import { normal } from '../ops/random.ts'
import { showShape } from '../shape.ts'
import { generate } from './generate.ts'
import type { GenerateOptions } from './generate.ts'
import type { LanguageModelForward } from './language-model.ts'
import { llamaGgufForm } from './llama-gguf.ts'
import { llamaConfigForFile, rotaryFrequencies } from './llama-config.ts'
import type { LlamaConfig, LlamaSizes } from './llama-config.ts'

const NAMES = ['kind', 'vocabSize', 'numPositions', 'width', 'hiddenWidth', 'numLayers', 'numHeads', 'numKeyHeads']
const MORE = ['headDim', 'normEps', 'ropeBase', 'ropeScaling', 'qkvBias', 'outBias', 'feedForwardBias']
const REST = ['slidingWindow', 'firstWindowed', 'isTied', 'dtype']

/** What all layers of one call share. */
interface Call {
  /** Position of the first token: an operand of the plan. */
  readonly start: number
  readonly frequencies: readonly number[]
  /** [1, 1, Tq, Tk]: which keys are near enough; null: all. */
  readonly window: Tensor | null
}

class Attention extends Module {
  static override readonly stateNames = { query: 'q_proj', key: 'k_proj', value: 'v_proj', out: 'o_proj' }
  readonly numHeads: number
  readonly numKeyHeads: number
  readonly isWindowed: boolean
  query: Linear
  key: Linear
  value: Linear
  out: Linear

  constructor(all: LlamaSizes, isWindowed: boolean) {
    super()
    const { width, numHeads, numKeyHeads, headDim, qkvBias, outBias, dtype } = all
    this.numHeads = numHeads
    this.numKeyHeads = numKeyHeads
    this.isWindowed = isWindowed
    const part = (heads: number) => normalLinear(width, heads * headDim, { bias: qkvBias, dtype })
    this.query = part(numHeads)
    this.key = part(numKeyHeads)
    this.value = part(numKeyHeads)
    this.out = normalLinear(numHeads * headDim, width, { bias: outBias, dtype })
  }

  override forward(x: Tensor, { start, frequencies, window }: Call, cache: KeyValueCache | null): Tensor {
    const [b, t] = x.shape as [number, number]
    const heads = (layer: Linear, n: number) => permute(reshape(layer.forward(x), [b, t, n, -1]), [0, 2, 1, 3])
    const turned = (y: Tensor) => rotaryEmbedding(y, { offset: start, frequencies })
    const query = turned(heads(this.query, this.numHeads))
    let keys = turned(heads(this.key, this.numKeyHeads))
    let values = heads(this.value, this.numKeyHeads)
    let kvLength: number | null = null
    if (cache) ({ keys, values, length: kvLength } = cache.append(keys, values))
    const attnMask = this.isWindowed ? window : null
    const y = attention(query, keys, values, { isCausal: true, attnMask, kvLength, timeFirst: true })
    return this.out.forward(reshape(y, [b, t, -1]))
  }
}

class FeedForward extends SwiGLU {
  static override readonly stateNames = { w1: 'gate_proj', w2: 'down_proj', w3: 'up_proj' }

  constructor({ width, hiddenWidth, feedForwardBias, dtype }: LlamaSizes) {
    super(width, hiddenWidth, { bias: feedForwardBias, dtype })
    const drawn = ({ weight }: Linear) => new Variable(normal(weight.shape, 0, 0.02, { dtype }))
    for (const layer of [this.w1, this.w2, this.w3]) layer.weight = drawn(layer)
  }
}

class Layer extends Module {
  static override readonly stateNames = {
    norm1: 'input_layernorm',
    attention: 'self_attn',
    norm2: 'post_attention_layernorm',
  }
  norm1: RMSNorm
  attention: Attention
  norm2: RMSNorm
  mlp: FeedForward

  constructor(all: LlamaSizes, index: number) {
    super()
    this.norm1 = norm(all)
    this.attention = new Attention(all, all.slidingWindow !== null && index >= all.firstWindowed)
    this.norm2 = norm(all)
    this.mlp = new FeedForward(all)
  }

  override forward(x: Tensor, call: Call, cache: KeyValueCache | null): Tensor {
    const y = add(x, this.attention.forward(this.norm1.forward(x), call, cache))
    return add(y, this.mlp.forward(this.norm2.forward(y)))
  }
}

const norm = ({ width, normEps, dtype }: LlamaSizes) => new RMSNorm(width, { eps: normEps, dtype })

/** Token ids [B, T] -> logits [B, T, vocabSize] of the next tokens. Sequences of a batch begin at position 0; pad them at their ends. */
export class Llama extends PretrainedModel {
  static override readonly stateNames = {
    tokens: 'model.embed_tokens',
    layers: 'model.layers',
    norm: 'model.norm',
    head: 'lm_head',
  }
  readonly config: Readonly<LlamaSizes>
  readonly frequencies: readonly number[]
  tokens: Embedding
  layers: readonly Layer[]
  norm: RMSNorm
  /** Null where the table of embeddings is the head, too. */
  head: Linear | null

  constructor(config: LlamaConfig) {
    super()
    checkOptions('Llama', config, [...NAMES, ...MORE, ...REST])
    const all = completed(config)
    const { vocabSize, width, numLayers, dtype } = all
    this.config = all
    this.frequencies = rotaryFrequencies(all)
    this.tokens = normalEmbedding(vocabSize, width, { dtype })
    this.layers = Array.from({ length: numLayers }, (_, i) => new Layer(all, i))
    this.norm = norm(all)
    this.head = all.isTied ? null : normalLinear(width, vocabSize, { bias: false, dtype })
  }

  override forward(ids: Tensor, options: LanguageModelForward = {}): Tensor {
    checkOptions('Llama', options, ['caches', 'lastOnly'])
    const { caches, lastOnly = false } = options
    const { numPositions } = this.config
    const start = caches?.[0]?.length ?? 0
    const [, length = 0] = ids.shape
    check(ids.rank === 2, 'SHAPE', 'Llama', () => `needs token ids [B, T], got ${showShape(ids.shape)}.`)
    check(
      start + length <= numPositions,
      'SHAPE',
      'Llama',
      () => `${start + length} tokens are more than its ${numPositions} positions.`,
    )
    const numKeys = caches?.[0]?.capacity ?? length
    const call = { start, frequencies: this.frequencies, window: this.#window(start, length, numKeys) }
    let x = this.tokens.forward(ids)
    this.layers.forEach((layer, i) => (x = layer.forward(x, call, caches?.[i] ?? null)))
    if (lastOnly) x = narrow(x, 1, length - 1, 1)
    return linear(this.norm.forward(x), (this.head ?? this.tokens).weight)
  }

  /** Query i sees keys i - slidingWindow + 1 to i. */
  #window(start: number, numQueries: number, numKeys: number): Tensor | null {
    const { slidingWindow } = this.config
    if (slidingWindow === null || numKeys <= slidingWindow) return null
    const first = sub(add(arange(numQueries), start), slidingWindow)
    return reshape(gt(arange(numKeys), reshape(first, [numQueries, 1])), [1, 1, numQueries, numKeys])
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
    const { numKeyHeads, headDim, dtype } = this.config
    return this.layers.map(() => new KeyValueCache({ batch, numHeads: numKeyHeads, capacity, headDim, dtype }))
  }

  /** The tokens that follow, one after the other: see generate(). */
  generate(ids: readonly number[] | Tensor, options: GenerateOptions = {}): AsyncGenerator<number, void> {
    return generate(this, ids, options)
  }

  override get weightNames() {
    const buffers = 'rotary_emb\\.inv_freq$'
    return { prefix: 'model.', unread: new RegExp(this.head ? buffers : `${buffers}|^lm_head\\.weight$`), head: null }
  }

  override get ggufForm(): GgufForm {
    return llamaGgufForm(this.config)
  }

  override configForFile(): ConfigValues {
    return llamaConfigForFile(this.config)
  }
}

function completed(config: LlamaConfig): LlamaSizes {
  const { vocabSize, width, hiddenWidth, numLayers, numHeads } = config
  const { kind = 'llama', numPositions = 2048, numKeyHeads = numHeads, headDim = width / numHeads } = config
  const { slidingWindow = null, firstWindowed = 0 } = config
  const sizes = { vocabSize, numPositions, width, hiddenWidth, numLayers, numHeads, numKeyHeads, headDim }
  for (const [name, n] of Object.entries(sizes)) checkInteger('Llama', name, n, 1)
  if (slidingWindow !== null) checkInteger('Llama', 'slidingWindow', slidingWindow, 1)
  checkInteger('Llama', 'firstWindowed', firstWindowed, 0)
  check(
    numHeads % numKeyHeads === 0,
    'VALUE',
    'Llama',
    () => `numHeads must be a multiple of numKeyHeads, got ${numHeads} and ${numKeyHeads}.`,
  )
  const { normEps = 1e-6, ropeBase = 10000, ropeScaling = null, isTied = false, dtype = 'f32' as DType } = config
  const { qkvBias = kind === 'qwen2', outBias = false, feedForwardBias = false } = config
  const numbers = { normEps, ropeBase, ropeScaling, slidingWindow, firstWindowed, isTied, dtype }
  return { kind, ...sizes, ...numbers, qkvBias, outBias, feedForwardBias }
}
