/** @file Embedding and EmbeddingBag: tables of vectors that are learnt. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { arange } from '../ops/create.ts'
import { eq, where } from '../ops/elementwise.ts'
import { embedding, embeddingBag } from '../ops/embedding.ts'
import type { EmbeddingLookupOptions } from '../ops/embedding.ts'
import { unsqueeze } from '../ops/layout.ts'
import { normal } from '../ops/random.ts'
import type { TensorLike } from '../ops/table.ts'
import { showShape } from '../shape.ts'
import { Module } from './module.ts'

export interface EmbeddingOptions extends EmbeddingLookupOptions {
  /** Default: 'f32'. */
  dtype?: DType
}

export interface PretrainedOptions extends EmbeddingLookupOptions {
  /** Do not train the weight. Default: true. */
  freeze?: boolean
}

const LOOKUP_OPTIONS = ['paddingIdx', 'maxNorm', 'normType', 'scaleGradByFreq']

/** What both have: the table, and how it is looked up. */
abstract class Table extends Module {
  readonly numEmbeddings: number
  readonly embeddingDim: number
  /** In [0, numEmbeddings). */
  readonly paddingIdx: number | null
  readonly maxNorm: number | null
  readonly normType: number
  readonly scaleGradByFreq: boolean
  weight: Variable

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions) {
    super()
    const name = new.target.name
    const { paddingIdx = null, maxNorm = null, normType = 2, scaleGradByFreq = false, dtype = 'f32' } = options
    this.numEmbeddings = checkInteger(name, 'numEmbeddings', numEmbeddings, 1)
    this.embeddingDim = checkInteger(name, 'embeddingDim', embeddingDim, 0)
    if (paddingIdx !== null) checkInteger(name, 'paddingIdx', paddingIdx, -numEmbeddings, numEmbeddings - 1)
    this.paddingIdx = paddingIdx !== null && paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx
    this.maxNorm = maxNorm
    this.normType = normType
    this.scaleGradByFreq = scaleGradByFreq
    const drawn = normal([numEmbeddings, embeddingDim], 0, 1, { dtype })
    const isPadding = this.paddingIdx === null ? null : unsqueeze(eq(arange(numEmbeddings), this.paddingIdx), -1)
    this.weight = new Variable(isPadding ? where(isPadding, 0, drawn) : drawn)
  }

  protected get lookup(): EmbeddingLookupOptions {
    const { paddingIdx, maxNorm, normType, scaleGradByFreq } = this
    return { paddingIdx, maxNorm, normType, scaleGradByFreq }
  }

  override extraRepr(): string {
    const { paddingIdx, maxNorm } = this
    const padding = paddingIdx === null ? '' : `, paddingIdx: ${paddingIdx}`
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}${maxNorm === null ? '' : `, maxNorm: ${maxNorm}`}`
  }
}

/** The variable that a pretrained weight becomes. */
function pretrained(op: string, weight: TensorLike, freeze = true): Variable {
  if (weight.rank !== 2) fail('SHAPE', op, `the weight is [numEmbeddings, dim], got ${showShape(weight.shape)}.`)
  return new Variable(weight instanceof Variable ? weight.read() : weight, { trainable: !freeze })
}

/** ids [...] -> rows of weight [numEmbeddings, embeddingDim], as [..., embeddingDim]. Starts as N(0, 1). */
export class Embedding extends Table {
  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    checkOptions('Embedding', options, [...LOOKUP_OPTIONS, 'dtype'])
    super(numEmbeddings, embeddingDim, options)
  }

  /** An embedding with a given weight [numEmbeddings, embeddingDim]. */
  static fromPretrained(weight: TensorLike, options: PretrainedOptions = {}): Embedding {
    checkOptions('Embedding', options, [...LOOKUP_OPTIONS, 'freeze'])
    const { freeze, ...lookup } = options
    const variable = pretrained('Embedding', weight, freeze)
    const made = new Embedding(variable.shape[0]!, variable.shape[1]!, lookup)
    made.weight = variable
    return made
  }

  override forward(ids: Tensor): Tensor {
    return embedding(ids, this.weight, this.lookup)
  }
}

export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** How the rows of a bag become one. Default: 'mean'. */
  mode?: 'sum' | 'mean' | 'max'
  /** The last offset is where the last bag ends. Default: false. */
  includeLastOffset?: boolean
}

/** Bags of ids ([B, L], or [n] with offsets) -> one vector a bag: embedding and reduction in one. */
export class EmbeddingBag extends Table {
  readonly mode: 'sum' | 'mean' | 'max'
  readonly includeLastOffset: boolean

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagOptions = {}) {
    checkOptions('EmbeddingBag', options, [...LOOKUP_OPTIONS, 'dtype', 'mode', 'includeLastOffset'])
    super(numEmbeddings, embeddingDim, options)
    this.mode = options.mode ?? 'mean'
    this.includeLastOffset = options.includeLastOffset ?? false
  }

  /** A bag of embeddings with a given weight. */
  static fromPretrained(
    weight: TensorLike,
    options: PretrainedOptions & Omit<EmbeddingBagOptions, 'dtype'> = {},
  ): EmbeddingBag {
    checkOptions('EmbeddingBag', options, [...LOOKUP_OPTIONS, 'freeze', 'mode', 'includeLastOffset'])
    const { freeze, ...rest } = options
    const variable = pretrained('EmbeddingBag', weight, freeze)
    const made = new EmbeddingBag(variable.shape[0]!, variable.shape[1]!, rest)
    made.weight = variable
    return made
  }

  override forward(ids: Tensor, offsets?: Tensor | null, perSampleWeights?: Tensor | null): Tensor {
    const { mode, includeLastOffset } = this
    return embeddingBag(ids, this.weight, offsets, { ...this.lookup, mode, includeLastOffset, perSampleWeights })
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, mode: '${this.mode}'`
  }
}
