/** @file Dropout. */
import type { Tensor } from '../graph/tensor.ts'
import { alphaDropout, dropout1d, dropout2d, dropout3d, featureAlphaDropout } from '../ops/dropout.ts'
import { checkProbability, dropout } from '../ops/random.ts'
import { Module } from './module.ts'

abstract class Dropping extends Module {
  readonly p: number

  constructor(p = 0.5) {
    super()
    checkProbability(this.constructor.name, p)
    this.p = p
  }

  override extraRepr(): string {
    return `p: ${this.p}`
  }
}

/** While training, zeroes elements with probability p and scales the others by 1 / (1 - p) (Srivastava et al. 2014). */
export class Dropout extends Dropping {
  override forward(x: Tensor): Tensor {
    return dropout(x, this.p, this.training)
  }
}

/** The same of whole channels of [B, C, L] or [C, L]. */
export class Dropout1d extends Dropping {
  override forward(x: Tensor): Tensor {
    return dropout1d(x, this.p, this.training)
  }
}

/** The same of whole channels of [B, C, H, W] or [C, H, W]. */
export class Dropout2d extends Dropping {
  override forward(x: Tensor): Tensor {
    return dropout2d(x, this.p, this.training)
  }
}

/** The same of whole channels of [B, C, D, H, W] or [C, D, H, W]. */
export class Dropout3d extends Dropping {
  override forward(x: Tensor): Tensor {
    return dropout3d(x, this.p, this.training)
  }
}

/** While training, puts SELU's lower end where it drops, keeping mean and variance (Klambauer et al. 2017). */
export class AlphaDropout extends Dropping {
  override forward(x: Tensor): Tensor {
    return alphaDropout(x, this.p, this.training)
  }
}

/** The same of whole channels of [B, C, ...]. */
export class FeatureAlphaDropout extends Dropping {
  override forward(x: Tensor): Tensor {
    return featureAlphaDropout(x, this.p, this.training)
  }
}
