/** @file Layer normalisation. */
import type { DType } from '../dtype.ts'
import { checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { ones, zeros } from '../ops/create.ts'
import { layerNorm } from '../ops/layer-norm.ts'
import { checkShape, showShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { Module } from './module.ts'

export interface LayerNormLayerOptions {
  /** Default: 1e-5. */
  eps?: number
  /** Whether there are weight and bias. Default: true. */
  elementwiseAffine?: boolean
  /** Whether there is a bias beside the weight. Default: true. */
  bias?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** Normalises over the last axes, those of `normalizedShape` (Ba et al. 2016). */
export class LayerNorm extends Module {
  readonly normalizedShape: Shape
  readonly eps: number
  weight: Variable | null
  bias: Variable | null

  constructor(normalizedShape: number | Shape, options: LayerNormLayerOptions = {}) {
    super()
    checkOptions('LayerNorm', options, ['eps', 'elementwiseAffine', 'bias', 'dtype'])
    const { eps = 1e-5, elementwiseAffine = true, bias = true, dtype = 'f32' } = options
    this.normalizedShape = checkShape(
      'LayerNorm',
      typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape,
    )
    this.eps = eps
    this.weight = elementwiseAffine ? new Variable(ones(this.normalizedShape, { dtype })) : null
    this.bias = elementwiseAffine && bias ? new Variable(zeros(this.normalizedShape, { dtype })) : null
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, eps } = this
    return layerNorm(x, this.normalizedShape, { weight, bias, eps })
  }

  override extraRepr(): string {
    return `${showShape(this.normalizedShape)}, eps: ${this.eps}`
  }
}
