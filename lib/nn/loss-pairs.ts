/** @file Losses of an input and a target, as modules. */
import type { Tensor } from '../graph/tensor.ts'
import { crossEntropy, nllLoss } from '../ops/loss.ts'
import type { CrossEntropyOptions, NllLossOptions } from '../ops/loss.ts'
import {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  diceLoss,
  focalLoss,
  klDiv,
  multilabelSoftMarginLoss,
  softMarginLoss,
} from '../ops/loss-binary.ts'
import type {
  BinaryCrossEntropyWithLogitsOptions,
  DiceLossOptions,
  FocalLossOptions,
  KlDivOptions,
  WeightedLossOptions,
} from '../ops/loss-binary.ts'
import { hingeEmbeddingLoss, multiMarginLoss, multilabelMarginLoss } from '../ops/loss-margin.ts'
import type { MarginLossOptions, MultiMarginLossOptions } from '../ops/loss-margin.ts'
import type { LossOptions } from '../ops/loss-reduction.ts'
import { huberLoss, l1Loss, mseLoss, poissonNllLoss, smoothL1Loss } from '../ops/loss-regression.ts'
import type { HuberLossOptions, PoissonNllLossOptions, SmoothL1LossOptions } from '../ops/loss-regression.ts'
import { Loss } from './loss.ts'

/** Mean absolute difference. */
export class L1Loss extends Loss<LossOptions> {
  static override readonly optionNames = ['reduction']

  override forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, this.options)
  }
}

/** Mean squared difference. */
export class MSELoss extends Loss<LossOptions> {
  static override readonly optionNames = ['reduction']

  override forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, this.options)
  }
}

/** Squared near 0, absolute further out; `beta` is where it changes. */
export class SmoothL1Loss extends Loss<SmoothL1LossOptions> {
  static override readonly optionNames = ['reduction', 'beta']

  override forward(input: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(input, target, this.options)
  }
}

/** Squared up to `delta`, linear further out. */
export class HuberLoss extends Loss<HuberLossOptions> {
  static override readonly optionNames = ['reduction', 'delta']

  override forward(input: Tensor, target: Tensor): Tensor {
    return huberLoss(input, target, this.options)
  }
}

/** Likelihood of counts. */
export class PoissonNLLLoss extends Loss<PoissonNllLossOptions> {
  static override readonly optionNames = ['reduction', 'logInput', 'full', 'eps']

  override forward(input: Tensor, target: Tensor): Tensor {
    return poissonNllLoss(input, target, this.options)
  }
}

/** log(1 + exp(-t x)) for targets 1 and -1. */
export class SoftMarginLoss extends Loss<LossOptions> {
  static override readonly optionNames = ['reduction']

  override forward(input: Tensor, target: Tensor): Tensor {
    return softMarginLoss(input, target, this.options)
  }
}

/** Cross entropy of bits, of probabilities. */
export class BCELoss extends Loss<WeightedLossOptions> {
  static override readonly optionNames = ['reduction', 'weight']

  override forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropy(input, target, this.options)
  }
}

/** Cross entropy of bits, of logits. */
export class BCEWithLogitsLoss extends Loss<BinaryCrossEntropyWithLogitsOptions> {
  static override readonly optionNames = ['reduction', 'weight', 'posWeight']

  override forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropyWithLogits(input, target, this.options)
  }
}

/** Mean over classes of the cross entropy of each bit. */
export class MultiLabelSoftMarginLoss extends Loss<WeightedLossOptions> {
  static override readonly optionNames = ['reduction', 'weight']

  override forward(input: Tensor, target: Tensor): Tensor {
    return multilabelSoftMarginLoss(input, target, this.options)
  }
}

/** Divergence of a target from log-probabilities. */
export class KLDivLoss extends Loss<KlDivOptions> {
  static override readonly optionNames = ['reduction', 'logTarget']

  override forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, this.options)
  }
}

/** Cross entropy of bits in which easy examples count less. */
export class FocalLoss extends Loss<FocalLossOptions> {
  static override readonly optionNames = ['reduction', 'alpha', 'gamma']

  override forward(input: Tensor, target: Tensor): Tensor {
    return focalLoss(input, target, this.options)
  }
}

/** One less the overlap of masks. */
export class DiceLoss extends Loss<DiceLossOptions> {
  static override readonly optionNames = ['reduction', 'smooth']

  override forward(input: Tensor, target: Tensor): Tensor {
    return diceLoss(input, target, this.options)
  }
}

/** Distances: small for targets 1, beyond the margin for -1. */
export class HingeEmbeddingLoss extends Loss<MarginLossOptions> {
  static override readonly optionNames = ['reduction', 'margin']

  override forward(input: Tensor, target: Tensor): Tensor {
    return hingeEmbeddingLoss(input, target, this.options)
  }
}

/** The right class leads all others by a margin. */
export class MultiMarginLoss extends Loss<MultiMarginLossOptions> {
  static override readonly optionNames = ['reduction', 'p', 'margin', 'weight']

  override forward(input: Tensor, target: Tensor): Tensor {
    return multiMarginLoss(input, target, this.options)
  }
}

/** The right classes lead all others by a margin. */
export class MultiLabelMarginLoss extends Loss<LossOptions> {
  static override readonly optionNames = ['reduction']

  override forward(input: Tensor, target: Tensor): Tensor {
    return multilabelMarginLoss(input, target, this.options)
  }
}

/** Negative log-likelihood of labels. */
export class NLLLoss extends Loss<NllLossOptions> {
  static override readonly optionNames = ['weight', 'ignoreIndex', 'reduction']

  override forward(input: Tensor, target: Tensor): Tensor {
    return nllLoss(input, target, this.options)
  }
}

/** Cross entropy of labels or of probabilities, of logits. */
export class CrossEntropyLoss extends Loss<CrossEntropyOptions> {
  static override readonly optionNames = ['weight', 'ignoreIndex', 'labelSmoothing', 'reduction']

  override forward(input: Tensor, target: Tensor): Tensor {
    return crossEntropy(input, target, this.options)
  }
}
