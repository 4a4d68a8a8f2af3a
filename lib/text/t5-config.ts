/** @file The configuration of T5: tenon's, and config.json's; and its buckets of distances. */
import type { DType } from '../dtype.ts'
import { check, checkInteger, checkOptions } from '../errors.ts'
import { isActivationName } from '../nn/activation-by-name.ts'
import type { ActivationName } from '../nn/activation-by-name.ts'
import type { ConfigValues, ModelConfig } from '../io/model-config.ts'
import { dtypeForFile } from '../io/pretrained.ts'

export interface T5Config {
  /** Default: 32128. */
  vocabSize?: number
  /** Default: 512. */
  width?: number
  /** Default: 2048. */
  hiddenWidth?: number
  /** Of the encoder. Default: 6. */
  numLayers?: number
  /** Default: numLayers. */
  numDecoderLayers?: number
  /** Default: 8. */
  numHeads?: number
  /** Default: 64. */
  headDim?: number
  /** Kinds of distances that attention tells apart. Default: 32. */
  numBuckets?: number
  /** From here on distances are one kind. Default: 128. */
  maxDistance?: number
  /** Whether the feed-forward part is act(wi_0 x) * wi_1 x. Default: false. */
  isGated?: boolean
  /** Default: 'relu'. */
  activation?: ActivationName
  /** Default: 0.1. */
  dropout?: number
  /** Default: 1e-6. */
  normEps?: number
  /** Whether the table of embeddings is the head, too. Default: true. */
  isTied?: boolean
  /** Whether what the head reads is divided by the square root of the width. Default: isTied. */
  isScaled?: boolean
  /** What writing begins with. Default: 0. */
  startToken?: number
  /** Default: 'f32'. */
  dtype?: DType
}

export type T5Sizes = Readonly<Required<T5Config>>

const NAMES = ['vocabSize', 'width', 'hiddenWidth', 'numLayers', 'numDecoderLayers', 'numHeads', 'headDim']
const MORE = [
  'numBuckets',
  'maxDistance',
  'isGated',
  'activation',
  'dropout',
  'normEps',
  'isTied',
  'isScaled',
  'startToken',
]

export function completed(config: T5Config): T5Sizes {
  checkOptions('T5', config, [...NAMES, ...MORE, 'dtype'])
  const { vocabSize = 32128, width = 512, hiddenWidth = 2048, numLayers = 6 } = config
  const { numDecoderLayers = numLayers, numHeads = 8, headDim = 64, numBuckets = 32, maxDistance = 128 } = config
  const sizes = { vocabSize, width, hiddenWidth, numLayers, numDecoderLayers, numHeads, headDim, maxDistance }
  for (const [name, n] of Object.entries(sizes)) checkInteger('T5', name, n, 1)
  checkInteger('T5', 'numBuckets', numBuckets, 4)
  check(
    numBuckets % 4 === 0 && maxDistance > numBuckets / 2 && maxDistance < 2 ** 20,
    'VALUE',
    'T5',
    () => `numBuckets must be a multiple of 4, maxDistance above its half, got ${numBuckets} and ${maxDistance}.`,
  )
  const { isGated = false, activation = 'relu', dropout = 0.1, normEps = 1e-6, isTied = true } = config
  const { isScaled = isTied, startToken = 0 } = config
  checkInteger('T5', 'startToken', startToken, 0, vocabSize - 1)
  const { dtype = 'f32' } = config
  return { ...sizes, numBuckets, isGated, activation, dropout, normEps, isTied, isScaled, startToken, dtype }
}

/**
 * The bucket of each distance from -maxDistance to maxDistance (key minus query). Half of the buckets hold one distance each, the others
 * grow with its logarithm. An encoder tells the two directions apart; a decoder never looks ahead. In f32, as the weights were trained.
 */
export function distanceBuckets({ numBuckets, maxDistance }: T5Sizes, isDecoder: boolean): number[] {
  const each = isDecoder ? numBuckets : numBuckets / 2
  const exact = each / 2
  const ofLength = (n: number) => {
    if (n < exact) return n
    const log = Math.fround(Math.log(Math.fround(n / exact)))
    const part = Math.fround(log / Math.fround(Math.log(maxDistance / exact)))
    return Math.min(exact + Math.trunc(Math.fround(part * (each - exact))), each - 1)
  }
  return Array.from({ length: 2 * maxDistance + 1 }, (_, i) => {
    const distance = i - maxDistance
    if (distance <= 0) return ofLength(-distance)
    return isDecoder ? 0 : each + ofLength(distance)
  })
}

/**
 * From config.json. FORMAT for what tenon does not compute. transformers 5 says `tie_word_embeddings` of every T5, and keeps a head of its own
 * (T5 1.1) in the file: `hasHead`.
 */
export function t5ConfigFrom(config: ModelConfig, dtype: DType, hasHead: boolean): T5Config {
  const kind = config.text('feed_forward_proj', 'relu')
  const isGated = kind.startsWith('gated-')
  const named = isGated ? kind.slice('gated-'.length) : kind
  // transformers means the approximation here.
  const activation = isGated && named === 'gelu' ? 'gelu_new' : named
  if (!isActivationName(activation)) return config.refuse(`feed_forward_proj '${kind}' is not one that tenon computes.`)
  const numLayers = config.layers('num_layers', 6)
  const saysTied = config.flag('tie_word_embeddings', true)
  const isScaled = config.flag('scale_decoder_outputs', saysTied)
  return {
    vocabSize: config.integer('vocab_size', 32128),
    width: config.integer('d_model', 512),
    hiddenWidth: config.integer('d_ff', 2048),
    numLayers,
    numDecoderLayers: config.layers('num_decoder_layers', numLayers),
    numHeads: config.integer('num_heads', 8),
    headDim: config.integer('d_kv', 64),
    numBuckets: config.integer('relative_attention_num_buckets', 32),
    maxDistance: config.integer('relative_attention_max_distance', 128),
    isGated,
    activation,
    dropout: config.number('dropout_rate', 0.1),
    normEps: config.number('layer_norm_epsilon', 1e-6),
    isTied: saysTied && (isScaled || !hasHead),
    isScaled,
    startToken: config.integer('decoder_start_token_id', 0, 0),
    dtype,
  }
}

export function t5ConfigForFile(all: T5Sizes): ConfigValues {
  const { activation, isGated } = all
  return {
    architectures: ['T5ForConditionalGeneration'],
    model_type: 't5',
    is_encoder_decoder: true,
    vocab_size: all.vocabSize,
    d_model: all.width,
    d_ff: all.hiddenWidth,
    num_layers: all.numLayers,
    num_decoder_layers: all.numDecoderLayers,
    num_heads: all.numHeads,
    d_kv: all.headDim,
    relative_attention_num_buckets: all.numBuckets,
    relative_attention_max_distance: all.maxDistance,
    feed_forward_proj: isGated ? `gated-${activation === 'gelu_new' ? 'gelu' : activation}` : activation,
    dropout_rate: all.dropout,
    layer_norm_epsilon: all.normEps,
    tie_word_embeddings: all.isTied,
    scale_decoder_outputs: all.isScaled,
    decoder_start_token_id: all.startToken,
    ...dtypeForFile(all.dtype),
  }
}
