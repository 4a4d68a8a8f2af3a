/** @file The configuration of CLIP: tenon's, and config.json's. */
import type { DType } from '../dtype.ts'
import { check, checkInteger, checkOptions } from '../errors.ts'
import { isObject } from '../io/model-config.ts'
import type { ConfigValues, ModelConfig } from '../io/model-config.ts'
import { dtypeForFile } from '../io/pretrained.ts'
import type { ActivationName } from '../nn/activation-by-name.ts'

interface CLIPPart {
  width?: number
  /** Default: 12. */
  numLayers?: number
  numHeads?: number
  /** Default: 4 width. */
  hiddenWidth?: number
  /** Default: 'quick_gelu'. */
  activation?: ActivationName
  /** Default: 1e-5. */
  layerNormEps?: number
}

/** The reader of texts: by default 512 wide, with 8 heads. */
export interface CLIPTextConfig extends CLIPPart {
  /** Default: 49408. */
  vocabSize?: number
  /** Default: 77. */
  numPositions?: number
  /** The token at a text's end; null: the highest one in it. Default: null. */
  endToken?: number | null
}

/** The reader of images: by default 768 wide, with 12 heads. */
export interface CLIPVisionConfig extends CLIPPart {
  /** Default: 224. */
  imageSize?: number
  /** Default: 32. */
  patchSize?: number
  /** Default: 3. */
  numChannels?: number
}

export interface CLIPConfig {
  text?: CLIPTextConfig
  vision?: CLIPVisionConfig
  /** Width of the common space. Default: 512. */
  projectionDim?: number
  /** Default: 'f32'. */
  dtype?: DType
}

export type CLIPTextSizes = Readonly<Required<CLIPTextConfig> & { dtype: DType }>
export type CLIPVisionSizes = Readonly<Required<CLIPVisionConfig> & { dtype: DType }>
export interface CLIPSizes {
  readonly text: CLIPTextSizes
  readonly vision: CLIPVisionSizes
  readonly projectionDim: number
  readonly dtype: DType
}

const PART = ['width', 'numLayers', 'numHeads', 'hiddenWidth', 'activation', 'layerNormEps']

export function completedText(config: CLIPTextConfig = {}, dtype: DType): CLIPTextSizes {
  checkOptions('CLIP', config, [...PART, 'vocabSize', 'numPositions', 'endToken'])
  const { vocabSize = 49408, numPositions = 77, endToken = null, width = 512, numHeads = 8 } = config
  for (const [name, n] of Object.entries({ vocabSize, numPositions })) checkInteger('CLIP', name, n, 1)
  return { vocabSize, numPositions, endToken, ...completedPart(config, width, numHeads), dtype }
}

export function completedVision(config: CLIPVisionConfig = {}, dtype: DType): CLIPVisionSizes {
  checkOptions('CLIP', config, [...PART, 'imageSize', 'patchSize', 'numChannels'])
  const { imageSize = 224, patchSize = 32, numChannels = 3, width = 768, numHeads = 12 } = config
  for (const [name, n] of Object.entries({ imageSize, patchSize, numChannels })) checkInteger('CLIP', name, n, 1)
  check(
    imageSize % patchSize === 0,
    'VALUE',
    'CLIP',
    () => `imageSize must be a multiple of patchSize, got ${imageSize} and ${patchSize}.`,
  )
  return { imageSize, patchSize, numChannels, ...completedPart(config, width, numHeads), dtype }
}

function completedPart(config: CLIPPart, width: number, numHeads: number): Required<CLIPPart> {
  const { numLayers = 12, hiddenWidth = 4 * width, activation = 'quick_gelu', layerNormEps = 1e-5 } = config
  const sizes = { width, numLayers, numHeads, hiddenWidth }
  for (const [name, n] of Object.entries(sizes)) checkInteger('CLIP', name, n, 1)
  return { ...sizes, activation, layerNormEps }
}

/** From config.json. Its default end, 2, stands for the highest token, as in the first published models. */
export function clipConfigFrom(config: ModelConfig, dtype: DType): CLIPConfig {
  const [text, vision] = [config.part('text_config'), config.part('vision_config')]
  const part = (of: ModelConfig, width: number, numHeads: number) => ({
    width: of.integer('hidden_size', width),
    numLayers: of.layers('num_hidden_layers', 12),
    numHeads: of.integer('num_attention_heads', numHeads),
    hiddenWidth: of.integer('intermediate_size', 4 * width),
    activation: of.activation('hidden_act', 'quick_gelu'),
    layerNormEps: of.number('layer_norm_eps', 1e-5),
  })
  const endToken = text.integer('eos_token_id', 49407, 0)
  return {
    text: {
      vocabSize: text.integer('vocab_size', 49408),
      numPositions: text.integer('max_position_embeddings', 77),
      endToken: endToken === 2 ? null : endToken,
      ...part(text, 512, 8),
    },
    vision: {
      imageSize: vision.integer('image_size', 224),
      patchSize: vision.integer('patch_size', 32),
      numChannels: vision.integer('num_channels', 3),
      ...part(vision, 768, 12),
    },
    projectionDim: config.integer('projection_dim', 512),
    dtype,
  }
}

/** With what `saved` said besides. */
export function clipConfigForFile(
  { text, vision, projectionDim, dtype }: CLIPSizes,
  saved: ConfigValues,
): ConfigValues {
  const part = (all: CLIPTextSizes | CLIPVisionSizes) => ({
    hidden_size: all.width,
    num_hidden_layers: all.numLayers,
    num_attention_heads: all.numHeads,
    intermediate_size: all.hiddenWidth,
    hidden_act: all.activation,
    layer_norm_eps: all.layerNormEps,
    projection_dim: projectionDim,
  })
  const before = (name: string) => (isObject(saved[name]) ? saved[name] : {})
  return {
    architectures: ['CLIPModel'],
    model_type: 'clip',
    projection_dim: projectionDim,
    text_config: {
      ...before('text_config'),
      model_type: 'clip_text_model',
      vocab_size: text.vocabSize,
      max_position_embeddings: text.numPositions,
      eos_token_id: text.endToken ?? 2,
      ...part(text),
    },
    vision_config: {
      ...before('vision_config'),
      model_type: 'clip_vision_model',
      image_size: vision.imageSize,
      patch_size: vision.patchSize,
      num_channels: vision.numChannels,
      ...part(vision),
    },
    ...dtypeForFile(dtype),
  }
}
