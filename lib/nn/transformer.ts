/** @file Stacks of Transformer layers: encoder, decoder, and the two together. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { full, triu } from '../ops/create.ts'
import { xavierUniform } from './init.ts'
import type { KeyValueCache } from './key-value-cache.ts'
import { LayerNorm } from './layer-norm.ts'
import { Module } from './module.ts'
import type { Layer } from './module.ts'
import { TransformerDecoderLayer, TransformerEncoderLayer } from './transformer-layer.ts'
import type { DecoderLayerForward, EncoderLayerForward, TransformerLayerOptions } from './transformer-layer.ts'

export interface StackOptions {
  /** What follows the last layer. Default: null. */
  norm?: Layer | null
}

/** Options of a layer's forward, for each layer: `caches` holds one for each. */
type Stacked<O> = Omit<O, 'cache'> & { caches?: readonly KeyValueCache[] | null }

function stack<L extends { another(): L }>(op: string, layer: L, numLayers: number): L[] {
  checkInteger(op, 'numLayers', numLayers, 1)
  return Array.from({ length: numLayers }, (_, i) => (i === 0 ? layer : layer.another()))
}

/**
 * Encoder layers one after the other. The first is `encoderLayer` itself, the others have its sizes and initial values of their own
 * (PyTorch copies the first one's).
 */
export class TransformerEncoder extends Module {
  readonly layers: readonly TransformerEncoderLayer[]
  readonly norm: Layer | null

  constructor(encoderLayer: TransformerEncoderLayer, numLayers: number, options: StackOptions = {}) {
    super()
    checkOptions('TransformerEncoder', options, ['norm'])
    this.layers = stack('TransformerEncoder', encoderLayer, numLayers)
    this.norm = options.norm ?? null
  }

  override forward(
    src: Tensor,
    options: Stacked<Omit<EncoderLayerForward, 'srcMask'>> & { mask?: Tensor | null } = {},
  ): Tensor {
    checkOptions('TransformerEncoder', options, ['mask', 'srcKeyPaddingMask', 'isCausal', 'caches'])
    const { mask = null, caches, ...rest } = options
    const x = this.layers.reduce(
      (y, layer, i) => layer.forward(y, { ...rest, srcMask: mask, cache: caches?.[i] ?? null }),
      src,
    )
    return this.norm ? this.norm.forward(x) : x
  }
}

/** Decoder layers one after the other, as TransformerEncoder. */
export class TransformerDecoder extends Module {
  readonly layers: readonly TransformerDecoderLayer[]
  readonly norm: Layer | null

  constructor(decoderLayer: TransformerDecoderLayer, numLayers: number, options: StackOptions = {}) {
    super()
    checkOptions('TransformerDecoder', options, ['norm'])
    this.layers = stack('TransformerDecoder', decoderLayer, numLayers)
    this.norm = options.norm ?? null
  }

  override forward(tgt: Tensor, memory: Tensor, options: Stacked<DecoderLayerForward> = {}): Tensor {
    const { caches, ...rest } = options
    const x = this.layers.reduce(
      (y, layer, i) => layer.forward(y, memory, { ...rest, cache: caches?.[i] ?? null }),
      tgt,
    )
    return this.norm ? this.norm.forward(x) : x
  }
}

export interface TransformerOptions extends TransformerLayerOptions {
  /** Default: 6. */
  numEncoderLayers?: number
  /** Default: 6. */
  numDecoderLayers?: number
  /** Instead of those made here. */
  customEncoder?: Module | null
  customDecoder?: Module | null
}

export interface TransformerForward {
  srcMask?: Tensor | null
  tgtMask?: Tensor | null
  memoryMask?: Tensor | null
  srcKeyPaddingMask?: Tensor | null
  tgtKeyPaddingMask?: Tensor | null
  memoryKeyPaddingMask?: Tensor | null
  srcIsCausal?: boolean
  tgtIsCausal?: boolean
  memoryIsCausal?: boolean
}

type Encodes = Module & { forward(src: Tensor, options: object): Tensor }
type Decodes = Module & { forward(tgt: Tensor, memory: Tensor, options: object): Tensor }

/** Encoder and decoder (Vaswani et al. 2017): src [S, B, C], tgt [T, B, C] -> [T, B, C]. Weights start as xavierUniform. */
export class Transformer extends Module {
  readonly encoder: Encodes
  readonly decoder: Decodes

  constructor(dModel = 512, nhead = 8, options: TransformerOptions = {}) {
    super()
    const { numEncoderLayers = 6, numDecoderLayers = 6, customEncoder, customDecoder, ...layer } = options
    const { layerNormEps: eps = 1e-5, bias = true, dtype = 'f32' } = layer
    const norm = () => new LayerNorm(dModel, { eps, bias, dtype })
    const encoderLayer = () => new TransformerEncoderLayer(dModel, nhead, layer)
    const decoderLayer = () => new TransformerDecoderLayer(dModel, nhead, layer)
    this.encoder = (customEncoder ??
      new TransformerEncoder(encoderLayer(), numEncoderLayers, { norm: norm() })) as Encodes
    this.decoder = (customDecoder ??
      new TransformerDecoder(decoderLayer(), numDecoderLayers, { norm: norm() })) as Decodes
    for (const module of this.modules()) drawMatrices(module, dtype)
  }

  override forward(src: Tensor, tgt: Tensor, options: TransformerForward = {}): Tensor {
    const names = ['srcMask', 'tgtMask', 'memoryMask', 'srcKeyPaddingMask', 'tgtKeyPaddingMask', 'memoryKeyPaddingMask']
    checkOptions('Transformer', options, [...names, 'srcIsCausal', 'tgtIsCausal', 'memoryIsCausal'])
    const { srcMask = null, srcKeyPaddingMask = null, srcIsCausal = false, ...rest } = options
    const memory = this.encoder.forward(src, { mask: srcMask, srcKeyPaddingMask, isCausal: srcIsCausal })
    return this.decoder.forward(tgt, memory, rest)
  }

  /** What is added to scores so that query i sees keys 0 to i only: 0, and -infinity above the diagonal. */
  static generateSquareSubsequentMask(size: number, { dtype = 'f32' }: { dtype?: DType } = {}): Tensor {
    checkInteger('generateSquareSubsequentMask', 'size', size, 0)
    return triu(full([size, size], -Infinity, { dtype }), 1)
  }
}

/** Replaces a module's own matrices. */
function drawMatrices(module: Module, dtype: DType): void {
  for (const [name, value] of Object.entries(module)) {
    if (!(value instanceof Variable) || value.rank < 2) continue
    ;(module as unknown as Record<string, Variable>)[name] = new Variable(xavierUniform(value.shape, { dtype }))
  }
}
