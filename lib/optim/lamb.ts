/** @file LAMB: Adam with a step of the size of the parameter, for large batches. */
import { add, div, gt, logicalAnd, mul, neg, sqrt, square, sub, where } from '../ops/elementwise.ts'
import { sum } from '../ops/reduction.ts'
import { decayed, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface LAMBOptions {
  /** Default: 1e-3. */
  lr: number
  /** Default: [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Default: 1e-6. */
  eps: number
  /** Share of the parameter in its update. Default: 0. */
  weightDecay: number
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: LAMBOptions = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-6, weightDecay: 0, maximize: false }

/** r = mhat / (sqrt(vhat) + eps) + weightDecay p; p -= lr |p| / |r| r, with the quotient 1 where a norm is 0 (You et al. 2020). */
export class LAMB extends FormulaOptimizer<LAMBOptions> {
  constructor(params: Params<LAMBOptions>, options: Partial<LAMBOptions> = {}) {
    super('LAMB', params, options, DEFAULTS)
  }

  protected override check(options: LAMBOptions): void {
    checkNumbers('LAMB', options, { lr: Infinity, betas: 1, eps: Infinity, weightDecay: Infinity })
  }

  protected override slotsOf(): readonly string[] {
    return ['exp_avg', 'exp_avg_sq']
  }

  protected override formula(terms: Terms<LAMBOptions>): Next {
    const { p, state, group, live } = terms
    const g = group.maximize ? neg(terms.g) : terms.g
    const exp_avg = decayed(terms, state.exp_avg!, g, () => group.betas[0])
    const exp_avg_sq = decayed(terms, state.exp_avg_sq!, square(g), () => group.betas[1])
    const first = live((step) => 1 - group.betas[0] ** step)
    const second = live((step) => 1 - group.betas[1] ** step)
    const eps = live(() => group.eps)
    const adapted = div(div(exp_avg, first), add(sqrt(div(exp_avg_sq, second)), eps))
    const decay = live(() => group.weightDecay)
    const r = add(adapted, mul(p, decay))
    const [length, move] = [sqrt(sum(square(p))), sqrt(sum(square(r)))]
    const trust = where(logicalAnd(gt(length, 0), gt(move, 0)), div(length, move), 1)
    const rate = live(() => group.lr)
    return { p: sub(p, mul(mul(rate, trust), r)), exp_avg, exp_avg_sq }
  }
}
