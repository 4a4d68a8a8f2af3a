/** @file Whisper: speech to text by a Transformer that reads log-mel frames (Radford et al. 2022). Files have the published names. */
import { evaluate } from '../engine/evaluate.ts'
import { check, checkInteger, checkOptions } from '../errors.ts'
import { noGrad } from '../graph/state.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { ConfigValues } from '../io/model-config.ts'
import { PretrainedModel, renamedParts } from '../io/pretrained.ts'
import type { WeightNames } from '../io/pretrained.ts'
import { Conv1d } from '../nn/conv.ts'
import type { Embedding } from '../nn/embedding.ts'
import type { KeysAndValues } from '../nn/head-attention.ts'
import { KeyValueCache } from '../nn/key-value-cache.ts'
import { LayerNorm } from '../nn/layer-norm.ts'
import { Module } from '../nn/module.ts'
import { normalEmbedding } from '../nn/normal-layers.ts'
import { PreNormLayer } from '../nn/pre-norm-layer.ts'
import { linear } from '../ops/contraction.ts'
import { arange, tensor } from '../ops/create.ts'
import { add, gelu, mul } from '../ops/elementwise.ts'
import { narrow, permute, reshape } from '../ops/layout.ts'
import { argMax } from '../ops/reduction.ts'
import { showShape } from '../shape.ts'
import { completed, whisperConfigForFile } from './whisper-config.ts'
import type { WhisperConfig, WhisperSizes } from './whisper-config.ts'

const fileParts = new Map([
  ['encoder', 'model.encoder'],
  ['decoder', 'model.decoder'],
  ['tokens', 'embed_tokens'],
  ['positions', 'embed_positions'],
  ['norm', 'layer_norm'],
  ['norm1', 'self_attn_layer_norm'],
  ['attention', 'self_attn'],
  ['normCross', 'encoder_attn_layer_norm'],
  ['cross', 'encoder_attn'],
  ['norm2', 'final_layer_norm'],
  ['query', 'q_proj'],
  ['key', 'k_proj'],
  ['value', 'v_proj'],
  ['out', 'out_proj'],
])

const EPS = 1e-5

const layersOf = (all: WhisperSizes, hasCross: boolean) => {
  const [n, numHeads] = hasCross ? [all.numDecoderLayers, all.numDecoderHeads] : [all.numLayers, all.numHeads]
  const hiddenWidth = hasCross ? all.decoderHiddenWidth : all.hiddenWidth
  const one = () => new PreNormLayer({ ...all, numHeads, hiddenWidth, layerNormEps: EPS, keyBias: false, hasCross })
  return Array.from({ length: n }, one)
}

class Encoder extends Module {
  readonly sizes: WhisperSizes
  conv1: Conv1d
  conv2: Conv1d
  positions: Embedding
  layers: readonly PreNormLayer[]
  norm: LayerNorm

  constructor(all: WhisperSizes) {
    super()
    const { numMels, width, numAudioPositions, dtype } = all
    this.sizes = all
    this.conv1 = new Conv1d(numMels, width, 3, { padding: 1, dtype })
    this.conv2 = new Conv1d(width, width, 3, { stride: 2, padding: 1, dtype })
    this.positions = normalEmbedding(numAudioPositions, width, { dtype })
    this.layers = layersOf(all, false)
    this.norm = new LayerNorm(width, { eps: EPS, dtype })
  }

  override forward(features: Tensor): Tensor {
    const { numMels, numAudioPositions } = this.sizes
    check(
      features.rank === 3 && features.shape[1] === numMels && features.shape[2] === 2 * numAudioPositions,
      'SHAPE',
      'Whisper',
      () => `needs log-mel frames [B, ${numMels}, ${2 * numAudioPositions}], got ${showShape(features.shape)}.`,
    )
    const y = gelu(this.conv2.forward(gelu(this.conv1.forward(features))))
    const x = add(permute(y, [0, 2, 1]), this.positions.weight)
    return this.norm.forward(this.layers.reduce((z, layer) => layer.forward(z), x))
  }
}

/** What was heard: a vector for each piece of the sound, or what each layer of the decoder makes of them. */
type Heard = Tensor | readonly KeysAndValues[]

interface DecoderForward {
  caches?: readonly KeyValueCache[] | null
  lastOnly?: boolean
}

class Decoder extends Module {
  readonly sizes: WhisperSizes
  tokens: Embedding
  positions: Embedding
  layers: readonly PreNormLayer[]
  norm: LayerNorm

  constructor(all: WhisperSizes) {
    super()
    const { vocabSize, numPositions, width, dtype } = all
    this.sizes = all
    this.tokens = normalEmbedding(vocabSize, width, { dtype })
    this.positions = normalEmbedding(numPositions, width, { dtype })
    this.layers = layersOf(all, true)
    this.norm = new LayerNorm(width, { eps: EPS, dtype })
  }

  override forward(ids: Tensor, heard: Heard, { caches = null, lastOnly = false }: DecoderForward = {}): Tensor {
    const { numPositions, width, isScaled } = this.sizes
    const start = caches?.[0]?.length ?? 0
    const [, length = 0] = ids.shape
    check(
      ids.rank === 2 && start + length <= numPositions,
      'SHAPE',
      'Whisper',
      () => `needs token ids [B, T] with T <= ${numPositions - start}, got ${showShape(ids.shape)}.`,
    )
    const words = this.tokens.forward(ids)
    const positions = caches ? add(arange(length), start) : arange(length)
    let x = add(isScaled ? mul(words, Math.sqrt(width)) : words, this.positions.forward(positions))
    this.layers.forEach((layer, i) => {
      const source = 'shape' in heard ? heard : heard[i]!
      x = layer.forward(x, { isCausal: true, cache: caches?.[i] ?? null }, source)
    })
    if (lastOnly) x = narrow(x, 1, length - 1, 1)
    return linear(this.norm.forward(x), this.tokens.weight)
  }
}

export interface TranscribeOptions {
  /** Default: as many as there are positions for. */
  maxNewTokens?: number
  /** The token that ends a text; it is not part of it. Default: null, none. */
  endToken?: number | null
  /** Ends the generation with ABORTED. */
  signal?: AbortSignal | null
}

/** Log-mel frames [B, numMels, 2 numAudioPositions] and token ids [B, T] -> logits [B, T, vocabSize] of the next tokens. */
export class Whisper extends PretrainedModel {
  readonly config: WhisperSizes
  encoder: Encoder
  decoder: Decoder

  constructor(config: WhisperConfig) {
    super()
    const all = completed(config)
    this.config = all
    this.encoder = new Encoder(all)
    this.decoder = new Decoder(all)
  }

  override forward(features: Tensor, ids: Tensor): Tensor {
    return this.decoder.forward(ids, this.encoder.forward(features))
  }

  /**
   * The likeliest tokens that follow `ids` (the start, language and task), one after the other, for one sound: features
   * [1, numMels, 2 numAudioPositions]. The sound is read once; what came before is cached. Computes as in eval().
   */
  async *generate(
    features: Tensor,
    ids: readonly number[],
    options: TranscribeOptions = {},
  ): AsyncGenerator<number, void> {
    checkOptions('generate', options, ['maxNewTokens', 'endToken', 'signal'])
    const { numPositions } = this.config
    checkInteger('generate', 'the number of ids', ids.length, 1, numPositions)
    const { maxNewTokens = numPositions - ids.length, endToken = null, signal = null } = options
    checkInteger('generate', 'maxNewTokens', maxNewTokens, 0, numPositions - ids.length + 1)
    const heard = await this.#hear(features, signal)
    const caches = this.createCaches(1, Math.min(numPositions, ids.length + maxNewTokens))
    let given = ids
    for (let i = 0; i < maxNewTokens; i++) {
      const known = tensor(BigInt64Array.from(given, BigInt), { shape: [1, given.length] })
      const best = this.#asEval(() =>
        argMax(reshape(this.decoder.forward(known, heard, { caches, lastOnly: true }), [-1])),
      )
      await evaluate(best, signal ? { signal } : {})
      const next = await best.item()
      if (next === endToken) return
      yield next
      given = [next]
    }
  }

  /** One cache a layer of the decoder. */
  createCaches(batch: number, capacity: number): KeyValueCache[] {
    const { numDecoderHeads: numHeads, width, dtype } = this.config
    const each = { batch, numHeads, capacity, headDim: width / numHeads, dtype }
    return this.decoder.layers.map(() => new KeyValueCache(each))
  }

  async #hear(features: Tensor, signal: AbortSignal | null): Promise<readonly KeysAndValues[]> {
    const heard = this.#asEval(() => {
      const source = this.encoder.forward(features)
      return this.decoder.layers.map(({ cross }) => cross!.keysAndValues(source))
    })
    await evaluate(...heard.flatMap(({ keys, values }) => [keys, values]), signal ? { signal } : {})
    return heard
  }

  #asEval<T>(body: () => T): T {
    const { training } = this
    this.train(false)
    try {
      return noGrad(body)
    } finally {
      if (training) this.train(true)
    }
  }

  override get weightNames(): WeightNames {
    return { prefix: 'model.', unread: /^proj_out\.weight$/, head: null }
  }

  override nameInFile(name: string): string {
    return renamedParts(name, fileParts)
  }

  override configForFile(): ConfigValues {
    return whisperConfigForFile(this.config)
  }
}
