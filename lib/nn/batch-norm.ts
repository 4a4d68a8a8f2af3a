/** @file Batch normalisation, over vectors, sequences, images and volumes. */
import type { DType } from '../dtype.ts'
import { fail } from '../errors.ts'
import { state } from '../graph/state.ts'
import type { Tensor } from '../graph/tensor.ts'
import { add, reciprocal } from '../ops/elementwise.ts'
import { addEffect, batchNorm } from '../ops/normalize.ts'
import { cast } from '../ops/table.ts'
import { assign } from '../ops/update.ts'
import { showShape } from '../shape.ts'
import { FeatureNorm } from './feature-norm.ts'

export interface BatchNormLayerOptions {
  /** Default: 1e-5. */
  eps?: number
  /** Share of the new statistic in the running one; null: the running one is the mean of all so far. Default: 0.1. */
  momentum?: number | null
  /** Whether there are weight and bias. Default: true. */
  affine?: boolean
  /** Without running statistics eval() uses the batch's too. Default: true. */
  trackRunningStats?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** What they have in common: they differ in what they take. */
abstract class BatchNorm extends FeatureNorm<number | null> {
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super('BatchNorm', numFeatures, options, { momentum: 0.1, affine: true, trackRunningStats: true })
  }

  /** Numbers of axes that it takes. */
  protected abstract get ranks(): readonly number[]

  override forward(x: Tensor): Tensor {
    const { weight, bias, runningMean, runningVar, numBatchesTracked, training, eps } = this
    if (!this.ranks.includes(x.rank) || x.shape[1] !== this.numFeatures) {
      const expected = this.ranks.map((rank) =>
        showShape(['B', this.numFeatures, ...(rank > 4 ? ['D', 'H', 'W'] : ['L', 'W'])].slice(0, rank) as number[]),
      )
      fail('SHAPE', this.constructor.name, `needs ${expected.join(' or ')}, got ${showShape(x.shape)}.`)
    }
    const count = this.momentum === null && training && numBatchesTracked ? add(numBatchesTracked.readLate(), 1) : null
    const momentum = count ? reciprocal(cast(count, 'f64')) : (this.momentum ?? 0)
    const y = batchNorm(x, { weight, bias, runningMean, runningVar, training, momentum, eps })
    if (training && numBatchesTracked && state.effectsEnabled) {
      addEffect(y, assign(numBatchesTracked, add(numBatchesTracked.readLate(), 1)))
    }
    return y
  }
}

/** Normalises the features of [B, C] or [B, C, L] (Ioffe & Szegedy 2015). */
export class BatchNorm1d extends BatchNorm {
  protected override get ranks(): readonly number[] {
    return [2, 3]
  }
}

/** Normalises the channels of [B, C, H, W] (Ioffe & Szegedy 2015). */
export class BatchNorm2d extends BatchNorm {
  protected override get ranks(): readonly number[] {
    return [4]
  }
}

/** Normalises the channels of [B, C, D, H, W] (Ioffe & Szegedy 2015). */
export class BatchNorm3d extends BatchNorm {
  protected override get ranks(): readonly number[] {
    return [5]
  }
}
