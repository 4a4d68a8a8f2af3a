/** @file Adam and AdamW. */
import type { Tensor } from '../graph/tensor.ts'
import type { Variable } from '../graph/variable.ts'
import { adam } from '../ops/update.ts'
import { Optimizer } from './optimizer.ts'
import type { ParamState } from './optimizer.ts'
import { checkNumber } from './param-groups.ts'
import type { ParamGroup, Params } from './param-groups.ts'

export interface AdamOptions {
  /** Default: 1e-3. */
  lr: number
  /** Decay of the mean of gradients and of their squares. Default: [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Default: 1e-8. */
  eps: number
  /** Adam: L2 penalty, added to the gradient; default 0. AdamW: share by which lr shrinks the parameter; default 0.01. */
  weightDecay: number
  /** Divide by the largest second moment so far (Reddi et al. 2018). Default: false. */
  amsgrad: boolean
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: AdamOptions = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
}

abstract class AdamFamily extends Optimizer<AdamOptions> {
  protected override check({ lr, betas, eps, weightDecay }: AdamOptions): void {
    const name = this.constructor.name
    checkNumber(name, 'lr', lr)
    checkNumber(name, 'betas[0]', betas[0], 1)
    checkNumber(name, 'betas[1]', betas[1], 1)
    checkNumber(name, 'eps', eps)
    checkNumber(name, 'weightDecay', weightDecay)
  }

  /** Whether weight decay acts on the parameter and not on the gradient. */
  protected abstract get decoupled(): boolean

  protected override slotsOf({ amsgrad }: AdamOptions): readonly string[] {
    return ['exp_avg', 'exp_avg_sq', ...(amsgrad ? ['max_exp_avg_sq'] : [])]
  }

  protected override update(
    param: Variable,
    grad: Tensor,
    slots: readonly Variable[],
    group: ParamGroup<AdamOptions>,
    state: ParamState,
  ): Tensor {
    return adam(param, grad, slots, {
      lr: () => group.lr,
      beta1: () => group.betas[0],
      beta2: () => group.betas[1],
      eps: () => group.eps,
      weightDecay: () => group.weightDecay,
      // Of the step that is being made.
      correction1: () => 1 - group.betas[0] ** (state.step + 1),
      correction2: () => 1 - group.betas[1] ** (state.step + 1),
      decoupled: this.decoupled,
      maximize: group.maximize,
    })
  }
}

/** Adaptive moments (Kingma & Ba 2015): p -= lr mhat / (sqrt(vhat) + eps). */
export class Adam extends AdamFamily {
  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super('Adam', params, options, DEFAULTS)
  }

  protected override get decoupled(): boolean {
    return false
  }
}

/** Adam with weight decay that does not pass through the moments (Loshchilov & Hutter 2019). */
export class AdamW extends AdamFamily {
  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super('AdamW', params, options, { ...DEFAULTS, weightDecay: 0.01 })
  }

  protected override get decoupled(): boolean {
    return true
  }
}
