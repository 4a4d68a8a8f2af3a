/** @file Lion. */
import { mul, neg, sign, sub } from '../ops/elementwise.ts'
import { decayed, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface LionOptions {
  /** Three to ten times smaller than Adam's. Default: 1e-4. */
  lr: number
  /** Of the update, and of the mean that is kept. Default: [0.9, 0.99]. */
  betas: readonly [number, number]
  /** Share by which lr shrinks the parameter. Default: 0. */
  weightDecay: number
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: LionOptions = { lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0, maximize: false }

/** p -= lr (sign(beta1 m + (1 - beta1) g) + weightDecay p); m = beta2 m + (1 - beta2) g (Chen et al. 2023). */
export class Lion extends FormulaOptimizer<LionOptions> {
  constructor(params: Params<LionOptions>, options: Partial<LionOptions> = {}) {
    super('Lion', params, options, DEFAULTS)
  }

  protected override check(options: LionOptions): void {
    checkNumbers('Lion', options, { lr: Infinity, betas: 1, weightDecay: Infinity })
  }

  protected override slotsOf(): readonly string[] {
    return ['exp_avg']
  }

  protected override formula(terms: Terms<LionOptions>): Next {
    const { p, state, group, live } = terms
    const g = group.maximize ? neg(terms.g) : terms.g
    const direction = sign(decayed(terms, state.exp_avg!, g, () => group.betas[0]))
    const exp_avg = decayed(terms, state.exp_avg!, g, () => group.betas[1])
    const shrunk = mul(
      p,
      live(() => 1 - group.lr * group.weightDecay),
    )
    const moved = mul(
      direction,
      live(() => group.lr),
    )
    return { p: sub(shrunk, moved), exp_avg }
  }
}
