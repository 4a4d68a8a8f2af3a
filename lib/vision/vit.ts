/** @file ViT: a Transformer that reads an image as a sequence of patches (Dosovitskiy et al. 2021). Files have the published names. */
import type { DType } from '../dtype.ts'
import { check, checkInteger, checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import type { ConfigValues, ModelConfig } from '../io/model-config.ts'
import { dtypeForFile, labelsForFile, PretrainedModel, renamedParts } from '../io/pretrained.ts'
import type { WeightNames } from '../io/pretrained.ts'
import type { ActivationName } from '../nn/activation-by-name.ts'
import { Conv2d } from '../nn/conv.ts'
import { Dropout } from '../nn/dropout.ts'
import { LayerNorm } from '../nn/layer-norm.ts'
import type { Linear } from '../nn/linear.ts'
import { normalLinear } from '../nn/normal-layers.ts'
import { PreNormLayer } from '../nn/pre-norm-layer.ts'
import { add } from '../ops/elementwise.ts'
import { concat, expand, flatten, narrow, permute, reshape } from '../ops/layout.ts'
import { normal } from '../ops/random.ts'
import { showShape } from '../shape.ts'

export interface ViTConfig {
  /** Pixels on a side. Default: 224. */
  imageSize?: number
  /** Default: 16. */
  patchSize?: number
  /** Default: 3. */
  numChannels?: number
  /** Default: 768. */
  width?: number
  /** Default: 12. */
  numLayers?: number
  /** Default: 12. */
  numHeads?: number
  /** Default: 4 width. */
  hiddenWidth?: number
  /** Default: 'gelu'. */
  activation?: ActivationName
  /** Of query, key and value. Default: true. */
  qkvBias?: boolean
  /** Default: 0. */
  dropout?: number
  /** Default: 1e-12. */
  layerNormEps?: number
  /** Default: 'f32'. */
  dtype?: DType
}

const NAMES = ['imageSize', 'patchSize', 'numChannels', 'width', 'numLayers', 'numHeads', 'hiddenWidth', 'activation']
const MORE = ['qkvBias', 'dropout', 'layerNormEps', 'dtype']

const fileParts = new Map([
  ['clsToken', 'embeddings.cls_token'],
  ['positions', 'embeddings.position_embeddings'],
  ['patches', 'embeddings.patch_embeddings.projection'],
  ['layers', 'encoder.layer'],
  ['norm1', 'layernorm_before'],
  ['norm2', 'layernorm_after'],
  ['norm', 'layernorm'],
  ['query', 'attention.query'],
  ['key', 'attention.key'],
  ['value', 'attention.value'],
  ['out', 'output.dense'],
  ['fc1', 'intermediate.dense'],
  ['fc2', 'output.dense'],
])

const weightNames: WeightNames = { prefix: 'vit.', unread: /pooler\.dense|^classifier\./, head: /^classifier\./ }

/** Images [B, C, H, W] -> [B, 1 + patches, width]; the first vector stands for the whole image. */
export class ViT extends PretrainedModel {
  readonly config: Readonly<Required<ViTConfig>>
  /** [1, 1, width] and [1, 1 + patches, width]. */
  clsToken: Variable
  positions: Variable
  patches: Conv2d
  dropout: Dropout
  layers: readonly PreNormLayer[]
  norm: LayerNorm

  constructor(config: ViTConfig = {}) {
    super()
    checkOptions('ViT', config, [...NAMES, ...MORE])
    const all = completed(config)
    const { imageSize, patchSize, numChannels, width, numLayers, dropout, layerNormEps, dtype } = all
    this.config = all
    const length = 1 + (imageSize / patchSize) ** 2
    const drawn = (n: number) => new Variable(normal([1, n, width], 0, 0.02, { dtype }))
    this.clsToken = drawn(1)
    this.positions = drawn(length)
    this.patches = new Conv2d(numChannels, width, patchSize, { stride: patchSize, dtype })
    this.dropout = new Dropout(dropout)
    this.layers = Array.from({ length: numLayers }, () => new PreNormLayer(all))
    this.norm = new LayerNorm(width, { eps: layerNormEps, dtype })
  }

  override forward(images: Tensor): Tensor {
    const { imageSize, numChannels, width } = this.config
    const wanted = [numChannels, imageSize, imageSize]
    check(
      images.rank === 4 && wanted.every((n, i) => images.shape[i + 1] === n),
      'SHAPE',
      'ViT',
      () => `needs images [B, ${wanted.join(', ')}], got ${showShape(images.shape)}.`,
    )
    const patches = permute(flatten(this.patches.forward(images), 2, 3), [0, 2, 1])
    const first = expand(this.clsToken.read(), [images.shape[0]!, 1, width])
    const x = this.dropout.forward(add(concat([first, patches], 1), this.positions))
    return this.norm.forward(this.layers.reduce((y, layer) => layer.forward(y), x))
  }

  override get weightNames(): WeightNames {
    return weightNames
  }

  override nameInFile(name: string): string {
    return renamedParts(name, fileParts)
  }

  override configForFile(): ConfigValues {
    const { config } = this
    return {
      architectures: ['ViTModel'],
      model_type: 'vit',
      image_size: config.imageSize,
      patch_size: config.patchSize,
      num_channels: config.numChannels,
      hidden_size: config.width,
      num_hidden_layers: config.numLayers,
      num_attention_heads: config.numHeads,
      intermediate_size: config.hiddenWidth,
      hidden_act: config.activation,
      qkv_bias: config.qkvBias,
      hidden_dropout_prob: config.dropout,
      layer_norm_eps: config.layerNormEps,
      ...dtypeForFile(config.dtype),
    }
  }
}

/** Images [B, C, H, W] -> logits [B, numLabels]. */
export class ViTClassifier extends PretrainedModel {
  readonly numLabels: number
  vit: ViT
  classifier: Linear

  constructor(model: ViT, numLabels: number) {
    super()
    const { width, dtype } = model.config
    this.numLabels = checkInteger('ViTClassifier', 'numLabels', numLabels, 1)
    this.vit = model
    this.classifier = normalLinear(width, numLabels, { dtype })
  }

  override forward(images: Tensor): Tensor {
    const hidden = this.vit.forward(images)
    return this.classifier.forward(reshape(narrow(hidden, 1, 0, 1), [hidden.shape[0]!, -1]))
  }

  override get weightNames(): WeightNames {
    return weightNames
  }

  override nameInFile(name: string): string {
    return this.vit.nameInFile(name)
  }

  override configForFile(): ConfigValues {
    const own = { architectures: ['ViTForImageClassification'], ...labelsForFile(this.numLabels, this.savedConfig) }
    return { ...this.vit.configForFile(), ...own }
  }
}

function completed(config: ViTConfig): Required<ViTConfig> {
  const { imageSize = 224, patchSize = 16, numChannels = 3, width = 768, numLayers = 12, numHeads = 12 } = config
  const { hiddenWidth = 4 * width } = config
  const sizes = { imageSize, patchSize, numChannels, width, numLayers, numHeads, hiddenWidth }
  for (const [name, n] of Object.entries(sizes)) checkInteger('ViT', name, n, 1)
  check(
    imageSize % patchSize === 0,
    'VALUE',
    'ViT',
    () => `imageSize must be a multiple of patchSize, got ${imageSize} and ${patchSize}.`,
  )
  const { activation = 'gelu', qkvBias = true, dropout = 0, layerNormEps = 1e-12, dtype = 'f32' } = config
  return { ...sizes, activation, qkvBias, dropout, layerNormEps, dtype }
}

/** From config.json. */
export function vitConfigFrom(config: ModelConfig, dtype: DType): ViTConfig {
  return {
    imageSize: config.integer('image_size', 224),
    patchSize: config.integer('patch_size', 16),
    numChannels: config.integer('num_channels', 3),
    width: config.integer('hidden_size', 768),
    numLayers: config.layers('num_hidden_layers', 12),
    numHeads: config.integer('num_attention_heads', 12),
    hiddenWidth: config.integer('intermediate_size', 3072),
    activation: config.activation('hidden_act', 'gelu'),
    qkvBias: config.flag('qkv_bias', true),
    dropout: config.number('hidden_dropout_prob', 0),
    layerNormEps: config.number('layer_norm_eps', 1e-12),
    dtype,
  }
}
