/** @file Instance normalisation, over sequences, images and volumes. */
import type { DType } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { instanceNorm } from '../ops/group-norm.ts'
import { reshape } from '../ops/layout.ts'
import { axisNames } from '../ops/spatial.ts'
import { showShape } from '../shape.ts'
import { FeatureNorm } from './feature-norm.ts'

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
abstract class InstanceNorm extends FeatureNorm<number> {
  constructor(numFeatures: number, options: InstanceNormLayerOptions = {}) {
    super('InstanceNorm', numFeatures, options, { momentum: 0.1, affine: false, trackRunningStats: false })
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
