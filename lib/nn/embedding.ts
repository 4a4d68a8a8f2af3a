/** @file Embedding: a table of vectors that are learnt. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions } from '../errors.ts'
import { detach } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { arange } from '../ops/create.ts'
import { eq, where } from '../ops/elementwise.ts'
import { embedding } from '../ops/indexing.ts'
import { unsqueeze } from '../ops/layout.ts'
import { normal } from '../ops/random.ts'
import { Module } from './module.ts'

export interface EmbeddingOptions {
  /** A row that starts as zeros and is not trained; negative counts from the end. Default: null, none. */
  paddingIdx?: number | null
  /** Default: 'f32'. */
  dtype?: DType
}

/** ids [...] -> rows of weight [numEmbeddings, embeddingDim], as [..., embeddingDim]. Starts as N(0, 1). */
export class Embedding extends Module {
  readonly numEmbeddings: number
  readonly embeddingDim: number
  /** In [0, numEmbeddings). */
  readonly paddingIdx: number | null
  weight: Variable

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super()
    checkOptions('Embedding', options, ['paddingIdx', 'dtype'])
    const { paddingIdx = null, dtype = 'f32' } = options
    this.numEmbeddings = checkInteger('Embedding', 'numEmbeddings', numEmbeddings, 1)
    this.embeddingDim = checkInteger('Embedding', 'embeddingDim', embeddingDim, 0)
    if (paddingIdx !== null) checkInteger('Embedding', 'paddingIdx', paddingIdx, -numEmbeddings, numEmbeddings - 1)
    this.paddingIdx = paddingIdx !== null && paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx
    const drawn = normal([numEmbeddings, embeddingDim], 0, 1, { dtype })
    const isPadding = paddingMask(arange(numEmbeddings), this.paddingIdx)
    this.weight = new Variable(isPadding ? where(isPadding, 0, drawn) : drawn)
  }

  override forward(ids: Tensor): Tensor {
    const rows = embedding(ids, this.weight)
    const isPadding = paddingMask(ids, this.paddingIdx)
    return isPadding ? where(isPadding, detach(rows), rows) : rows
  }

  override extraRepr(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}${this.paddingIdx === null ? '' : `, paddingIdx: ${this.paddingIdx}`}`
  }
}

/** Which of the ids are the padding's, beside an axis for the vectors. */
function paddingMask(ids: Tensor, paddingIdx: number | null): Tensor | null {
  return paddingIdx === null ? null : unsqueeze(eq(ids, paddingIdx), -1)
}
