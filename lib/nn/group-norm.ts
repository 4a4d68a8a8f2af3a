/** @file Normalisations over groups of channels, neighbouring channels, and by the root mean square. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { ones, zeros } from '../ops/create.ts'
import { groupNorm, localResponseNorm, rmsNorm } from '../ops/group-norm.ts'
import type { LocalResponseNormOptions } from '../ops/group-norm.ts'
import { checkShape, showShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { Module } from './module.ts'

export interface GroupNormLayerOptions {
  /** Default: 1e-5. */
  eps?: number
  /** Whether there are weight and bias, one a channel. Default: true. */
  affine?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** Normalises each of `numGroups` groups of channels of [B, C, ...] (Wu & He 2018). */
export class GroupNorm extends Module {
  readonly numGroups: number
  readonly numChannels: number
  readonly eps: number
  weight: Variable | null
  bias: Variable | null

  constructor(numGroups: number, numChannels: number, options: GroupNormLayerOptions = {}) {
    super()
    checkOptions('GroupNorm', options, ['eps', 'affine', 'dtype'])
    const { eps = 1e-5, affine = true, dtype = 'f32' } = options
    this.numGroups = checkInteger('GroupNorm', 'numGroups', numGroups, 1)
    this.numChannels = checkInteger('GroupNorm', 'numChannels', numChannels, 1)
    if (numChannels % numGroups !== 0)
      fail('VALUE', 'GroupNorm', `numGroups must divide the channels, got ${numGroups} and ${numChannels}.`)
    this.eps = eps
    this.weight = affine ? new Variable(ones([numChannels], { dtype })) : null
    this.bias = affine ? new Variable(zeros([numChannels], { dtype })) : null
  }

  override forward(x: Tensor): Tensor {
    if (x.shape[1] !== this.numChannels)
      fail('SHAPE', 'GroupNorm', `needs [B, ${this.numChannels}, ...], got ${showShape(x.shape)}.`)
    const { weight, bias, eps } = this
    return groupNorm(x, this.numGroups, { weight, bias, eps })
  }

  override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps: ${this.eps}`
  }
}

/** Divides by a power of the mean square of `size` neighbouring channels (Krizhevsky et al. 2012). */
export class LocalResponseNorm extends Module {
  readonly size: number
  readonly options: Readonly<LocalResponseNormOptions>

  constructor(size: number, options: LocalResponseNormOptions = {}) {
    super()
    checkOptions('LocalResponseNorm', options, ['alpha', 'beta', 'k'])
    this.size = checkInteger('LocalResponseNorm', 'size', size, 1)
    this.options = { ...options }
  }

  override forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.options)
  }

  override extraRepr(): string {
    return String(this.size)
  }
}

export interface RMSNormLayerOptions {
  /** Default: the distance from 1 to the next number of the dtype. */
  eps?: number | null
  /** Whether there is a weight. Default: true. */
  elementwiseAffine?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** Divides by the root mean square over the last axes, those of `normalizedShape` (Zhang & Sennrich 2019). */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape
  readonly eps: number | null
  weight: Variable | null

  constructor(normalizedShape: number | Shape, options: RMSNormLayerOptions = {}) {
    super()
    checkOptions('RMSNorm', options, ['eps', 'elementwiseAffine', 'dtype'])
    const { eps = null, elementwiseAffine = true, dtype = 'f32' } = options
    this.normalizedShape = checkShape(
      'RMSNorm',
      typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape,
    )
    this.eps = eps
    this.weight = elementwiseAffine ? new Variable(ones(this.normalizedShape, { dtype })) : null
  }

  override forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, { weight: this.weight, eps: this.eps })
  }

  override extraRepr(): string {
    return `${showShape(this.normalizedShape)}, eps: ${this.eps}`
  }
}
