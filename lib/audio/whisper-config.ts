/** @file The configuration of Whisper: tenon's, and config.json's. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions } from '../errors.ts'
import type { ConfigValues, ModelConfig } from '../io/model-config.ts'
import { dtypeForFile } from '../io/pretrained.ts'
import type { ActivationName } from '../nn/activation-by-name.ts'

export interface WhisperConfig {
  /** Default: 51865. */
  vocabSize?: number
  /** Bands of the log-mel frames. Default: 80. */
  numMels?: number
  /** Half the number of frames. Default: 1500, 30 s. */
  numAudioPositions?: number
  /** The longest text. Default: 448. */
  numPositions?: number
  /** Default: 384. */
  width?: number
  /** Of the encoder, and unless told of the decoder. Default: 4, 6 and 4 width. */
  numLayers?: number
  numHeads?: number
  hiddenWidth?: number
  numDecoderLayers?: number
  numDecoderHeads?: number
  decoderHiddenWidth?: number
  /** Default: 'gelu'. */
  activation?: ActivationName
  /** Whether embeddings are multiplied by sqrt(width). Default: false. */
  isScaled?: boolean
  /** Default: 0. */
  dropout?: number
  /** Default: 'f32'. */
  dtype?: DType
}

export type WhisperSizes = Readonly<Required<WhisperConfig>>

const NAMES = ['vocabSize', 'numMels', 'numAudioPositions', 'numPositions', 'width', 'numLayers', 'numHeads']
const MORE = ['hiddenWidth', 'numDecoderLayers', 'numDecoderHeads', 'decoderHiddenWidth', 'activation']

export function completed(config: WhisperConfig): WhisperSizes {
  checkOptions('Whisper', config, [...NAMES, ...MORE, 'isScaled', 'dropout', 'dtype'])
  const { vocabSize = 51865, numMels = 80, numAudioPositions = 1500, numPositions = 448, width = 384 } = config
  const { numLayers = 4, numHeads = 6, hiddenWidth = 4 * width } = config
  const { numDecoderLayers = numLayers, numDecoderHeads = numHeads, decoderHiddenWidth = hiddenWidth } = config
  const encoder = { numLayers, numHeads, hiddenWidth }
  const decoder = { numDecoderLayers, numDecoderHeads, decoderHiddenWidth }
  const sizes = { vocabSize, numMels, numAudioPositions, numPositions, width, ...encoder, ...decoder }
  for (const [name, n] of Object.entries(sizes)) checkInteger('Whisper', name, n, 1)
  const { activation = 'gelu', isScaled = false, dropout = 0, dtype = 'f32' } = config
  return { ...sizes, activation, isScaled, dropout, dtype }
}

/** From config.json. */
export function whisperConfigFrom(config: ModelConfig, dtype: DType): WhisperConfig {
  return {
    vocabSize: config.integer('vocab_size', 51865),
    numMels: config.integer('num_mel_bins', 80),
    numAudioPositions: config.integer('max_source_positions', 1500),
    numPositions: config.integer('max_target_positions', 448),
    width: config.integer('d_model', 384),
    numLayers: config.layers('encoder_layers', 4),
    numHeads: config.integer('encoder_attention_heads', 6),
    hiddenWidth: config.integer('encoder_ffn_dim', 1536),
    numDecoderLayers: config.layers('decoder_layers', 4),
    numDecoderHeads: config.integer('decoder_attention_heads', 6),
    decoderHiddenWidth: config.integer('decoder_ffn_dim', 1536),
    activation: config.activation('activation_function', 'gelu'),
    isScaled: config.flag('scale_embedding', false),
    dropout: config.number('dropout', 0),
    dtype,
  }
}

export const whisperConfigForFile = (all: WhisperSizes): ConfigValues => ({
  architectures: ['WhisperForConditionalGeneration'],
  model_type: 'whisper',
  is_encoder_decoder: true,
  vocab_size: all.vocabSize,
  num_mel_bins: all.numMels,
  max_source_positions: all.numAudioPositions,
  max_target_positions: all.numPositions,
  d_model: all.width,
  encoder_layers: all.numLayers,
  encoder_attention_heads: all.numHeads,
  encoder_ffn_dim: all.hiddenWidth,
  decoder_layers: all.numDecoderLayers,
  decoder_attention_heads: all.numDecoderHeads,
  decoder_ffn_dim: all.decoderHiddenWidth,
  activation_function: all.activation,
  scale_embedding: all.isScaled,
  dropout: all.dropout,
  ...dtypeForFile(all.dtype),
})
