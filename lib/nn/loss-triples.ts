/** @file Losses of three tensors, as modules. */
import type { Tensor } from '../graph/tensor.ts'
import {
  cosineEmbeddingLoss,
  marginRankingLoss,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from '../ops/loss-margin.ts'
import type {
  MarginLossOptions,
  TripletMarginLossOptions,
  TripletMarginWithDistanceLossOptions,
} from '../ops/loss-margin.ts'
import { gaussianNllLoss } from '../ops/loss-regression.ts'
import type { GaussianNllLossOptions } from '../ops/loss-regression.ts'
import { Loss } from './loss.ts'

/** Likelihood of a normal distribution with a variance of its own. */
export class GaussianNLLLoss extends Loss<GaussianNllLossOptions> {
  static override readonly optionNames = ['reduction', 'full', 'eps']

  override forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    return gaussianNllLoss(input, target, variance, this.options)
  }
}

/** One of two is ranked above the other. */
export class MarginRankingLoss extends Loss<MarginLossOptions> {
  static override readonly optionNames = ['reduction', 'margin']

  override forward(first: Tensor, second: Tensor, target: Tensor): Tensor {
    return marginRankingLoss(first, second, target, this.options)
  }
}

/** Angles: small for targets 1, large for -1. */
export class CosineEmbeddingLoss extends Loss<MarginLossOptions> {
  static override readonly optionNames = ['reduction', 'margin']

  override forward(first: Tensor, second: Tensor, target: Tensor): Tensor {
    return cosineEmbeddingLoss(first, second, target, this.options)
  }
}

/** The positive is nearer than the negative. */
export class TripletMarginLoss extends Loss<TripletMarginLossOptions> {
  static override readonly optionNames = ['reduction', 'margin', 'p', 'eps', 'swap']

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginLoss(anchor, positive, negative, this.options)
  }
}

/** The positive is nearer than the negative, with any distance. */
export class TripletMarginWithDistanceLoss extends Loss<TripletMarginWithDistanceLossOptions> {
  static override readonly optionNames = ['reduction', 'margin', 'swap', 'distanceFunction']

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginWithDistanceLoss(anchor, positive, negative, this.options)
  }
}
