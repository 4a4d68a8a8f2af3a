/** @file Adamax: Adam by the infinity norm. */
import { abs, add, div, maximum, mul, sub } from '../ops/elementwise.ts'
import { decayed, descent, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface AdamaxOptions {
  /** Default: 2e-3. */
  lr: number
  /** Decay of the mean and of the largest magnitude. Default: [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Default: 1e-8. */
  eps: number
  /** L2 penalty, added to the gradient. Default: 0. */
  weightDecay: number
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: AdamaxOptions = { lr: 2e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false }

/** m = beta1 m + (1 - beta1) g; u = max(beta2 u, |g| + eps); p -= lr / (1 - beta1^t) m / u (Kingma & Ba 2015, section 7.1). */
export class Adamax extends FormulaOptimizer<AdamaxOptions> {
  constructor(params: Params<AdamaxOptions>, options: Partial<AdamaxOptions> = {}) {
    super('Adamax', params, options, DEFAULTS)
  }

  protected override check(options: AdamaxOptions): void {
    checkNumbers('Adamax', options, { lr: Infinity, betas: 1, eps: Infinity, weightDecay: Infinity })
  }

  protected override slotsOf(): readonly string[] {
    return ['exp_avg', 'exp_inf']
  }

  protected override formula(terms: Terms<AdamaxOptions>): Next {
    const { p, state, group, live } = terms
    const g = descent(terms)
    const exp_avg = decayed(terms, state.exp_avg!, g, () => group.betas[0])
    const exp_inf = maximum(
      mul(
        state.exp_inf!,
        live(() => group.betas[1]),
      ),
      add(
        abs(g),
        live(() => group.eps),
      ),
    )
    const rate = live((step) => group.lr / (1 - group.betas[0] ** step))
    return { p: sub(p, mul(rate, div(exp_avg, exp_inf))), exp_avg, exp_inf }
  }
}
