/** @file RAdam: Adam whose step is plain momentum while the second moment is not to be trusted yet. */
import { add, div, mul, sqrt, square, sub } from '../ops/elementwise.ts'
import { decayed, descent, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface RAdamOptions {
  /** Default: 1e-3. */
  lr: number
  /** Default: [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Default: 1e-8. */
  eps: number
  /** L2 penalty, added to the gradient. Default: 0. */
  weightDecay: number
}

const DEFAULTS: RAdamOptions = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 }

/** Variance rectification (Liu et al. 2020): with rho_t <= 5, p -= lr mhat; else p -= lr r_t mhat sqrt(1 - beta2^t) / (sqrt(v) + eps). */
export class RAdam extends FormulaOptimizer<RAdamOptions> {
  constructor(params: Params<RAdamOptions>, options: Partial<RAdamOptions> = {}) {
    super('RAdam', params, options, DEFAULTS)
  }

  protected override check(options: RAdamOptions): void {
    checkNumbers('RAdam', options, { lr: Infinity, betas: 1, eps: Infinity, weightDecay: Infinity })
  }

  protected override slotsOf(): readonly string[] {
    return ['exp_avg', 'exp_avg_sq']
  }

  protected override formula(terms: Terms<RAdamOptions>): Next {
    const { p, state, group, live } = terms
    const g = descent(terms)
    const exp_avg = decayed(terms, state.exp_avg!, g, () => group.betas[0])
    const exp_avg_sq = decayed(terms, state.exp_avg_sq!, square(g), () => group.betas[1])
    const rate = (step: number) => group.lr / (1 - group.betas[0] ** step)
    const adaptive = div(
      live((step) => rate(step) * rectification(step, group.betas[1])),
      add(
        sqrt(exp_avg_sq),
        live(() => group.eps),
      ),
    )
    // One of the two is 0: which one depends on the number of the step alone, so the plan stays the same.
    const plain = live((step) => (rectification(step, group.betas[1]) === 0 ? rate(step) : 0))
    return { p: sub(p, mul(exp_avg, add(adaptive, plain))), exp_avg, exp_avg_sq }
  }
}

/** r_t sqrt(1 - beta2^t); 0 while rho_t <= 5. */
function rectification(step: number, beta2: number): number {
  const correction = 1 - beta2 ** step
  const most = 2 / (1 - beta2) - 1
  const rho = most - (2 * step * beta2 ** step) / correction
  if (rho <= 5) return 0
  return Math.sqrt((((rho - 4) * (rho - 2) * most) / ((most - 4) * (most - 2) * rho)) * correction)
}
