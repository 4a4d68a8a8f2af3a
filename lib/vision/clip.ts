/** @file CLIP: images and texts as vectors of one space (Radford et al. 2021). Files have the published names. */
import { check, checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import type { ConfigValues } from '../io/model-config.ts'
import { PretrainedModel, renamedParts } from '../io/pretrained.ts'
import type { WeightNames } from '../io/pretrained.ts'
import { Conv2d } from '../nn/conv.ts'
import type { Embedding } from '../nn/embedding.ts'
import { LayerNorm } from '../nn/layer-norm.ts'
import type { Linear } from '../nn/linear.ts'
import { Module } from '../nn/module.ts'
import { normalEmbedding, normalLinear } from '../nn/normal-layers.ts'
import { PreNormLayer } from '../nn/pre-norm-layer.ts'
import { arange, full } from '../ops/create.ts'
import { add, div, eq, exp, mul, sqrt } from '../ops/elementwise.ts'
import { indexSelect } from '../ops/indexing.ts'
import { concat, expand, flatten, narrow, permute, reshape, transpose } from '../ops/layout.ts'
import { normal } from '../ops/random.ts'
import { argMax, sum } from '../ops/reduction.ts'
import { matmul } from '../ops/contraction.ts'
import { cast } from '../ops/table.ts'
import { showShape } from '../shape.ts'
import { clipConfigForFile, completedText, completedVision } from './clip-config.ts'
import type { CLIPConfig, CLIPSizes, CLIPTextSizes, CLIPVisionSizes } from './clip-config.ts'

const fileParts = new Map([
  ['text', 'text_model'],
  ['vision', 'vision_model'],
  ['tokens', 'embeddings.token_embedding'],
  ['positions', 'embeddings.position_embedding'],
  ['classToken', 'embeddings.class_embedding'],
  ['patches', 'embeddings.patch_embedding'],
  // The published files have it so.
  ['preNorm', 'pre_layrnorm'],
  ['postNorm', 'post_layernorm'],
  ['finalNorm', 'final_layer_norm'],
  ['layers', 'encoder.layers'],
  ['norm1', 'layer_norm1'],
  ['norm2', 'layer_norm2'],
  ['attention', 'self_attn'],
  ['query', 'q_proj'],
  ['key', 'k_proj'],
  ['value', 'v_proj'],
  ['out', 'out_proj'],
  ['fc1', 'mlp.fc1'],
  ['fc2', 'mlp.fc2'],
  ['textProjection', 'text_projection'],
  ['visionProjection', 'visual_projection'],
  ['logitScale', 'logit_scale'],
])

const layersOf = (all: CLIPTextSizes | CLIPVisionSizes) =>
  Array.from({ length: all.numLayers }, () => new PreNormLayer({ ...all, dropout: 0 }))
const normOf = ({ width, layerNormEps, dtype }: CLIPTextSizes | CLIPVisionSizes) =>
  new LayerNorm(width, { eps: layerNormEps, dtype })

class TextModel extends Module {
  readonly sizes: CLIPTextSizes
  tokens: Embedding
  positions: Embedding
  layers: readonly PreNormLayer[]
  finalNorm: LayerNorm

  constructor(all: CLIPTextSizes) {
    super()
    const { vocabSize, numPositions, width, dtype } = all
    this.sizes = all
    this.tokens = normalEmbedding(vocabSize, width, { dtype })
    this.positions = normalEmbedding(numPositions, width, { std: 0.01, dtype })
    this.layers = layersOf(all)
    this.finalNorm = normOf(all)
  }

  /** ids [B, T] -> the vector at the text's end [B, width]. */
  override forward(ids: Tensor): Tensor {
    const { numPositions, width, endToken } = this.sizes
    const [b, t] = ids.shape as [number, number]
    check(
      ids.rank === 2 && t <= numPositions,
      'SHAPE',
      'CLIP',
      () => `needs token ids [B, T] with T <= ${numPositions}, got ${showShape(ids.shape)}.`,
    )
    const x = add(this.tokens.forward(ids), this.positions.forward(arange(t)))
    const hidden = this.finalNorm.forward(this.layers.reduce((y, layer) => layer.forward(y, { isCausal: true }), x))
    // The first published models take the highest token for the end.
    const ends = argMax(endToken === null ? ids : cast(eq(ids, endToken), 'i32'), 1)
    const rows = add(cast(ends, 'i64'), mul(arange(b), t))
    return indexSelect(reshape(hidden, [b * t, width]), 0, rows)
  }
}

class VisionModel extends Module {
  readonly sizes: CLIPVisionSizes
  /** [width]. */
  classToken: Variable
  patches: Conv2d
  positions: Embedding
  preNorm: LayerNorm
  layers: readonly PreNormLayer[]
  postNorm: LayerNorm

  constructor(all: CLIPVisionSizes) {
    super()
    const { imageSize, patchSize, numChannels, width, dtype } = all
    this.sizes = all
    this.classToken = new Variable(normal([width], 0, 0.02, { dtype }))
    this.patches = new Conv2d(numChannels, width, patchSize, { stride: patchSize, bias: false, dtype })
    this.positions = normalEmbedding(1 + (imageSize / patchSize) ** 2, width, { dtype })
    this.preNorm = normOf(all)
    this.layers = layersOf(all)
    this.postNorm = normOf(all)
  }

  /** Images [B, C, H, W] -> [B, width]. */
  override forward(images: Tensor): Tensor {
    const { imageSize, numChannels, width } = this.sizes
    const wanted = [numChannels, imageSize, imageSize]
    check(
      images.rank === 4 && wanted.every((n, i) => images.shape[i + 1] === n),
      'SHAPE',
      'CLIP',
      () => `needs images [B, ${wanted.join(', ')}], got ${showShape(images.shape)}.`,
    )
    const b = images.shape[0]!
    const patches = permute(flatten(this.patches.forward(images), 2, 3), [0, 2, 1])
    const first = expand(reshape(this.classToken, [1, 1, width]), [b, 1, width])
    const x = this.preNorm.forward(add(concat([first, patches], 1), this.positions.weight))
    const hidden = this.layers.reduce((y, layer) => layer.forward(y), x)
    return this.postNorm.forward(reshape(narrow(hidden, 1, 0, 1), [b, width]))
  }
}

/** What CLIP tells of texts and images. */
export interface CLIPOutput {
  /** [images, texts]: how well each fits each, exp(logitScale) times the cosine. */
  readonly logits: Tensor
  /** [images, projectionDim] and [texts, projectionDim], of length 1. */
  readonly imageVectors: Tensor
  readonly textVectors: Tensor
}

/** Images [N, C, H, W] and token ids [M, T] -> how well they fit. */
export class CLIP extends PretrainedModel {
  readonly config: CLIPSizes
  text: TextModel
  vision: VisionModel
  textProjection: Linear
  visionProjection: Linear
  /** A scalar. */
  logitScale: Variable

  constructor(config: CLIPConfig = {}) {
    super()
    checkOptions('CLIP', config, ['text', 'vision', 'projectionDim', 'dtype'])
    const { projectionDim = 512, dtype = 'f32' } = config
    const all = { text: completedText(config.text, dtype), vision: completedVision(config.vision, dtype) }
    this.config = { ...all, projectionDim, dtype }
    this.text = new TextModel(all.text)
    this.vision = new VisionModel(all.vision)
    this.textProjection = normalLinear(all.text.width, projectionDim, { bias: false, dtype })
    this.visionProjection = normalLinear(all.vision.width, projectionDim, { bias: false, dtype })
    this.logitScale = new Variable(full([], Math.log(1 / 0.07), { dtype }))
  }

  override forward(images: Tensor, ids: Tensor): CLIPOutput {
    const imageVectors = this.encodeImages(images)
    const textVectors = this.encodeTexts(ids)
    const logits = mul(matmul(imageVectors, transpose(textVectors)), exp(this.logitScale))
    return { logits, imageVectors, textVectors }
  }

  /** Images [B, C, H, W] -> vectors [B, projectionDim] of length 1. */
  encodeImages(images: Tensor): Tensor {
    return ofLengthOne(this.visionProjection.forward(this.vision.forward(images)))
  }

  /** Token ids [B, T], each with its end -> vectors [B, projectionDim] of length 1. */
  encodeTexts(ids: Tensor): Tensor {
    return ofLengthOne(this.textProjection.forward(this.text.forward(ids)))
  }

  override get weightNames(): WeightNames {
    return { prefix: 'clip.', unread: /position_ids$/, head: null }
  }

  override nameInFile(name: string): string {
    return renamedParts(name, fileParts)
  }

  override configForFile(): ConfigValues {
    return clipConfigForFile(this.config, this.savedConfig)
  }
}

const ofLengthOne = (x: Tensor): Tensor => div(x, sqrt(sum(mul(x, x), -1, { keepDims: true })))
