/** @file Bilinear: a layer of two inputs; and the layers of two inputs that have no weights. */
import { checkInteger, checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { cosineSimilarity, pairwiseDistance } from '../ops/distance.ts'
import type { CosineSimilarityOptions, PairwiseDistanceOptions } from '../ops/distance.ts'
import { bilinear } from '../ops/products.ts'
import { fanInUniform } from './init.ts'
import type { LinearOptions } from './linear.ts'
import { Module } from './module.ts'

/** sum of x1[..., i] weight[o, i, j] x2[..., j] + bias[o]. Starts as U(-b, b), b = 1 / sqrt(in1Features). */
export class Bilinear extends Module {
  readonly in1Features: number
  readonly in2Features: number
  readonly outFeatures: number
  weight: Variable
  bias: Variable | null

  constructor(in1Features: number, in2Features: number, outFeatures: number, options: LinearOptions = {}) {
    super()
    checkOptions('Bilinear', options, ['bias', 'dtype'])
    const { bias = true, dtype = 'f32' } = options
    this.in1Features = checkInteger('Bilinear', 'in1Features', in1Features, 1)
    this.in2Features = checkInteger('Bilinear', 'in2Features', in2Features, 1)
    this.outFeatures = checkInteger('Bilinear', 'outFeatures', outFeatures, 1)
    this.weight = new Variable(fanInUniform([outFeatures, in1Features, in2Features], in1Features, { dtype }))
    this.bias = bias ? new Variable(fanInUniform([outFeatures], in1Features, { dtype })) : null
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return bilinear(x1, x2, this.weight, this.bias)
  }

  override extraRepr(): string {
    return `${this.in1Features}, ${this.in2Features}, ${this.outFeatures}${this.bias ? '' : ', bias: false'}`
  }
}

/** The cosine of the angle between vectors. */
export class CosineSimilarity extends Module {
  readonly options: Readonly<CosineSimilarityOptions>

  constructor(options: CosineSimilarityOptions = {}) {
    super()
    checkOptions('CosineSimilarity', options, ['axis', 'eps'])
    this.options = { ...options }
  }

  override forward(a: Tensor, b: Tensor): Tensor {
    return cosineSimilarity(a, b, this.options)
  }
}

/** The p-norm of the differences of rows. */
export class PairwiseDistance extends Module {
  readonly options: Readonly<PairwiseDistanceOptions>

  constructor(options: PairwiseDistanceOptions = {}) {
    super()
    checkOptions('PairwiseDistance', options, ['p', 'eps', 'keepDims'])
    this.options = { ...options }
  }

  override forward(a: Tensor, b: Tensor): Tensor {
    return pairwiseDistance(a, b, this.options)
  }
}
