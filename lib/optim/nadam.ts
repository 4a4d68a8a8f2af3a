/** @file NAdam: Adam with Nesterov momentum. */
import type { Variable } from '../graph/variable.ts'
import { add, div, mul, sqrt, square, sub } from '../ops/elementwise.ts'
import { cast } from '../ops/table.ts'
import { decayed, descent, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import type { Slot } from './optimizer.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface NAdamOptions {
  /** Default: 2e-3. */
  lr: number
  /** Default: [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Default: 1e-8. */
  eps: number
  /** L2 penalty, added to the gradient. Default: 0. */
  weightDecay: number
  /** How fast the momentum grows towards betas[0]. Default: 4e-3. */
  momentumDecay: number
  /** The product of momenta as PyTorch had it up to 1.13, where this step's counts twice in the next one's: for its checkpoints. Default: false. */
  legacyProduct: boolean
}

const DEFAULTS: NAdamOptions = {
  lr: 2e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  momentumDecay: 4e-3,
  legacyProduct: false,
}

/**
 * With mu_t = beta1 (1 - 0.96^(t momentumDecay) / 2) and M_t the product of mu_1 to mu_t:
 * p -= lr ((1 - mu_t) / (1 - M_t) g + mu_{t+1} / (1 - M_{t+1}) m) / (sqrt(vhat) + eps) (Dozat 2016).
 */
export class NAdam extends FormulaOptimizer<NAdamOptions> {
  constructor(params: Params<NAdamOptions>, options: Partial<NAdamOptions> = {}) {
    super('NAdam', params, options, DEFAULTS)
  }

  protected override check(options: NAdamOptions): void {
    const rest = { lr: Infinity, eps: Infinity, weightDecay: Infinity, momentumDecay: Infinity }
    checkNumbers('NAdam', options, { betas: 1, ...rest })
  }

  protected override slotsOf(): readonly string[] {
    return ['exp_avg', 'exp_avg_sq', 'mu_product']
  }

  protected override slotLike(name: string, param: Variable, options: NAdamOptions): Slot {
    return name === 'mu_product' ? { shape: [], dtype: 'f64', value: 1 } : super.slotLike(name, param, options)
  }

  protected override formula(terms: Terms<NAdamOptions>): Next {
    const { p, state, group, live } = terms
    const g = descent(terms)
    const exp_avg = decayed(terms, state.exp_avg!, g, () => group.betas[0])
    const exp_avg_sq = decayed(terms, state.exp_avg_sq!, square(g), () => group.betas[1])
    const correction = live((step) => 1 - group.betas[1] ** step)
    const denominator = add(
      sqrt(div(exp_avg_sq, correction)),
      live(() => group.eps),
    )
    const momentum = (t: number) => group.betas[0] * (1 - 0.5 * 0.96 ** (t * group.momentumDecay))
    // Numbers of their own precision: f64 whatever the parameter is.
    const number = (value: (step: number) => number) => live(value, 'f64')
    const mu_product = mul(state.mu_product!, number(momentum))
    const next = group.legacyProduct ? (t: number) => momentum(t) * momentum(t + 1) : (t: number) => momentum(t + 1)
    const share = (numerator: (step: number) => number, product: typeof mu_product) =>
      cast(
        div(
          number((step) => group.lr * numerator(step)),
          sub(1, product),
        ),
        p.dtype,
      )
    const ofGradient = share((step) => 1 - momentum(step), mu_product)
    const ofMomentum = share((step) => momentum(step + 1), mul(mu_product, number(next)))
    const moved = div(add(mul(ofGradient, g), mul(ofMomentum, exp_avg)), denominator)
    return { p: sub(p, moved), exp_avg, exp_avg_sq, mu_product }
  }
}
