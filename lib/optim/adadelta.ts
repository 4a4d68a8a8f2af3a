/** @file Adadelta. */
import { add, div, mul, sqrt, square, sub } from '../ops/elementwise.ts'
import { decayed, descent, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface AdadeltaOptions {
  /** Default: 1. */
  lr: number
  /** Decay of the means of squares. Default: 0.9. */
  rho: number
  /** Default: 1e-6. */
  eps: number
  /** L2 penalty, added to the gradient. Default: 0. */
  weightDecay: number
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: AdadeltaOptions = { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false }

/** delta = sqrt(d + eps) / sqrt(v + eps) g; p -= lr delta; v and d: means of g^2 and delta^2 (Zeiler 2012). */
export class Adadelta extends FormulaOptimizer<AdadeltaOptions> {
  constructor(params: Params<AdadeltaOptions>, options: Partial<AdadeltaOptions> = {}) {
    super('Adadelta', params, options, DEFAULTS)
  }

  protected override check(options: AdadeltaOptions): void {
    checkNumbers('Adadelta', options, { lr: Infinity, rho: Infinity, eps: Infinity, weightDecay: Infinity })
  }

  protected override slotsOf(): readonly string[] {
    return ['square_avg', 'acc_delta']
  }

  protected override formula(terms: Terms<AdadeltaOptions>): Next {
    const { p, state, group, live } = terms
    const g = descent(terms)
    const eps = live(() => group.eps)
    const share = () => group.rho
    const square_avg = decayed(terms, state.square_avg!, square(g), share)
    const delta = mul(div(sqrt(add(state.acc_delta!, eps)), sqrt(add(square_avg, eps))), g)
    const acc_delta = decayed(terms, state.acc_delta!, square(delta), share)
    const moved = mul(
      delta,
      live(() => group.lr),
    )
    return { p: sub(p, moved), square_avg, acc_delta }
  }
}
