/** @file Instance normalisation, over sequences, images and volumes. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { ones, zeros } from '../ops/create.ts'
import { instanceNorm } from '../ops/group-norm.ts'
import { reshape } from '../ops/layout.ts'
import { axisNames } from '../ops/spatial.ts'
import { showShape } from '../shape.ts'
import { Module } from './module.ts'

export interface InstanceNormLayerOptions {
  /** Default: 1e-5. */
  eps?: number
  /** Share of the new statistic in the running one. Default: 0.1. */
  momentum?: number
  /** Whether there are weight and bias. Default: false. */
  affine?: boolean
  /** Whether eval() uses running statistics, not those of each instance. Default: false. */
  trackRunningStats?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** What they have in common: they differ in what they take. */
abstract class InstanceNorm extends Module {
  static override readonly stateNames = {
    runningMean: 'running_mean',
    runningVar: 'running_var',
    numBatchesTracked: 'num_batches_tracked',
  }
  readonly numFeatures: number
  readonly eps: number
  readonly momentum: number
  weight: Variable | null
  bias: Variable | null
  runningMean: Variable | null
  runningVar: Variable | null
  /** Stays 0, as in PyTorch, where only batch normalisation counts. */
  numBatchesTracked: Variable | null

  constructor(numFeatures: number, options: InstanceNormLayerOptions = {}) {
    super()
    checkOptions('InstanceNorm', options, ['eps', 'momentum', 'affine', 'trackRunningStats', 'dtype'])
    const { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false, dtype = 'f32' } = options
    this.numFeatures = checkInteger('InstanceNorm', 'numFeatures', numFeatures, 1)
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

  /** Number of spatial axes. */
  protected abstract get axes(): number

  override forward(x: Tensor): Tensor {
    const { axes, weight, bias, runningMean, runningVar, momentum, eps } = this
    const channelAxis = x.rank - axes - 1
    if (channelAxis < 0 || channelAxis > 1 || x.shape[channelAxis] !== this.numFeatures) {
      const channels = `${this.numFeatures}, ${axisNames(axes)}`
      fail('SHAPE', this.constructor.name, `needs [B, ${channels}] or [${channels}], got ${showShape(x.shape)}.`)
    }
    const useInputStats = this.training || !runningMean
    const batch = channelAxis === 0 ? reshape(x, [1, ...x.shape]) : x
    const y = instanceNorm(batch, { weight, bias, runningMean, runningVar, useInputStats, momentum, eps })
    return channelAxis === 0 ? reshape(y, x.shape) : y
  }

  override extraRepr(): string {
    return `${this.numFeatures}, eps: ${this.eps}, momentum: ${this.momentum}`
  }
}

/** Normalises each channel of each sequence [B, C, L] (Ulyanov et al. 2016). */
export class InstanceNorm1d extends InstanceNorm {
  protected override get axes(): number {
    return 1
  }
}

/** Normalises each channel of each image [B, C, H, W] (Ulyanov et al. 2016). */
export class InstanceNorm2d extends InstanceNorm {
  protected override get axes(): number {
    return 2
  }
}

/** Normalises each channel of each volume [B, C, D, H, W] (Ulyanov et al. 2016). */
export class InstanceNorm3d extends InstanceNorm {
  protected override get axes(): number {
    return 3
  }
}
