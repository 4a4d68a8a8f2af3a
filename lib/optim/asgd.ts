/** @file ASGD: gradient descent with a running average of its parameters. */
import type { Variable } from '../graph/variable.ts'
import { add, mul, sub } from '../ops/elementwise.ts'
import { cast } from '../ops/table.ts'
import { descent, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import type { Slot } from './optimizer.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface ASGDOptions {
  /** Default: 1e-2. */
  lr: number
  /** Decay. Default: 1e-4. */
  lambd: number
  /** Power of the decay of the learning rate. Default: 0.75. */
  alpha: number
  /** The step after which averaging starts. Default: 1e6. */
  t0: number
  /** L2 penalty, added to the gradient. Default: 0. */
  weightDecay: number
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: ASGDOptions = { lr: 1e-2, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false }

/**
 * p = (1 - lambd eta) p - eta g, eta = lr / (1 + lambd lr t)^alpha from the second step on; the average, in the state as `ax`, moves by
 * (p - ax) / max(1, t - t0) (Polyak & Juditsky 1992).
 */
export class ASGD extends FormulaOptimizer<ASGDOptions> {
  constructor(params: Params<ASGDOptions>, options: Partial<ASGDOptions> = {}) {
    super('ASGD', params, options, DEFAULTS)
  }

  protected override check(options: ASGDOptions): void {
    checkNumbers('ASGD', options, {
      lr: Infinity,
      lambd: Infinity,
      alpha: Infinity,
      t0: Infinity,
      weightDecay: Infinity,
    })
  }

  protected override slotsOf(): readonly string[] {
    return ['ax', 'eta']
  }

  protected override slotLike(name: string, param: Variable, options: ASGDOptions): Slot {
    return name === 'eta' ? { shape: [], dtype: 'f64', value: options.lr } : super.slotLike(name, param, options)
  }

  protected override formula(terms: Terms<ASGDOptions>): Next {
    const { p, state, group, live } = terms
    const g = descent(terms)
    const rate = cast(state.eta!, p.dtype)
    const decay = mul(
      rate,
      live(() => group.lambd),
    )
    const next = sub(mul(p, sub(1, decay)), mul(rate, g))
    const share = live((step) => 1 / Math.max(1, step - 1 - group.t0))
    const ax = add(state.ax!, mul(sub(next, state.ax!), share))
    const eta = live((step) => group.lr / (1 + group.lambd * group.lr * step) ** group.alpha, 'f64')
    return { p: next, ax, eta }
  }
}
