/** @file Linear: the fully connected layer. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { linear } from '../ops/contraction.ts'
import { fanInUniform } from './init.ts'
import { Module } from './module.ts'

export interface LinearOptions {
  /** Default: true. */
  bias?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** x weight^T + bias: x [..., inFeatures], weight [outFeatures, inFeatures]. Starts as U(-b, b), b = 1 / sqrt(inFeatures). */
export class Linear extends Module {
  readonly inFeatures: number
  readonly outFeatures: number
  weight: Variable
  bias: Variable | null

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super()
    checkOptions('Linear', options, ['bias', 'dtype'])
    const { bias = true, dtype = 'f32' } = options
    this.inFeatures = checkInteger('Linear', 'inFeatures', inFeatures, 0)
    this.outFeatures = checkInteger('Linear', 'outFeatures', outFeatures, 0)
    this.weight = new Variable(fanInUniform([outFeatures, inFeatures], inFeatures, { dtype }))
    this.bias = bias ? new Variable(fanInUniform([outFeatures], inFeatures, { dtype })) : null
  }

  override forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias)
  }

  override extraRepr(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias ? '' : ', bias: false'}`
  }
}
