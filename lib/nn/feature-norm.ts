/** @file What batch and instance normalisation have in common: a weight and a bias for each feature, and running statistics. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions } from '../errors.ts'
import { Variable } from '../graph/variable.ts'
import { ones, zeros } from '../ops/create.ts'
import { Module } from './module.ts'

export interface FeatureNormOptions<M extends number | null> {
  eps: number
  momentum: M
  affine: boolean
  trackRunningStats: boolean
  dtype: DType
}

export abstract class FeatureNorm<M extends number | null> extends Module {
  static override readonly stateNames = {
    runningMean: 'running_mean',
    runningVar: 'running_var',
    numBatchesTracked: 'num_batches_tracked',
  }
  readonly numFeatures: number
  readonly eps: number
  readonly momentum: M
  weight: Variable | null
  bias: Variable | null
  runningMean: Variable | null
  runningVar: Variable | null
  /** Stays 0 in instance normalisation, as in PyTorch. */
  numBatchesTracked: Variable | null

  /** `given`: the caller's options; what they leave out is that of `defaults`. */
  constructor(
    op: string,
    numFeatures: number,
    given: Partial<FeatureNormOptions<M>>,
    defaults: Pick<FeatureNormOptions<M>, 'momentum' | 'affine' | 'trackRunningStats'>,
  ) {
    super()
    checkOptions(op, given, ['eps', 'momentum', 'affine', 'trackRunningStats', 'dtype'])
    const { eps = 1e-5, momentum = defaults.momentum, affine = defaults.affine, dtype = 'f32' } = given
    const { trackRunningStats = defaults.trackRunningStats } = given
    this.numFeatures = checkInteger(op, 'numFeatures', numFeatures, 1)
    this.eps = eps
    this.momentum = momentum
    const shape = [numFeatures]
    const frozen = { trainable: false }
    this.weight = affine ? new Variable(ones(shape, { dtype })) : null
    this.bias = affine ? new Variable(zeros(shape, { dtype })) : null
    this.runningMean = trackRunningStats ? new Variable(zeros(shape, { dtype }), frozen) : null
    this.runningVar = trackRunningStats ? new Variable(ones(shape, { dtype }), frozen) : null
    this.numBatchesTracked = trackRunningStats ? new Variable(zeros([], { dtype: 'i64' }), frozen) : null
  }

  override extraRepr(): string {
    return `${this.numFeatures}, eps: ${this.eps}, momentum: ${this.momentum}`
  }
}
