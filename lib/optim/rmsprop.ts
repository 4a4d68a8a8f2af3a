/** @file RMSprop. */
import { add, div, mul, sqrt, square, sub } from '../ops/elementwise.ts'
import { decayed, descent, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface RMSpropOptions {
  /** Default: 1e-2. */
  lr: number
  /** Decay of the mean of squares. Default: 0.99. */
  alpha: number
  /** Default: 1e-8. */
  eps: number
  /** L2 penalty, added to the gradient. Default: 0. */
  weightDecay: number
  /** Default: 0. */
  momentum: number
  /** Divide by the standard deviation instead (Graves 2013). Default: false. */
  centered: boolean
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: RMSpropOptions = {
  lr: 1e-2,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
  maximize: false,
}

/** v = alpha v + (1 - alpha) g^2; p -= lr g / (sqrt(v) + eps), through a momentum buffer if there is one (Tieleman & Hinton 2012). */
export class RMSprop extends FormulaOptimizer<RMSpropOptions> {
  constructor(params: Params<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    super('RMSprop', params, options, DEFAULTS)
  }

  protected override check(options: RMSpropOptions): void {
    const limits = { lr: Infinity, alpha: Infinity, eps: Infinity, weightDecay: Infinity, momentum: Infinity }
    checkNumbers('RMSprop', options, limits)
  }

  protected override slotsOf({ momentum, centered }: RMSpropOptions): readonly string[] {
    return ['square_avg', ...(centered ? ['grad_avg'] : []), ...(momentum > 0 ? ['momentum_buffer'] : [])]
  }

  protected override formula(terms: Terms<RMSpropOptions>): Next {
    const { p, state, group, live } = terms
    const g = descent(terms)
    const share = () => group.alpha
    const square_avg = decayed(terms, state.square_avg!, square(g), share)
    const grad_avg = state.grad_avg && decayed(terms, state.grad_avg, g, share)
    const second = grad_avg ? sub(square_avg, square(grad_avg)) : square_avg
    const direction = div(
      g,
      add(
        sqrt(second),
        live(() => group.eps),
      ),
    )
    const momentum_buffer =
      state.momentum_buffer &&
      add(
        mul(
          state.momentum_buffer,
          live(() => group.momentum),
        ),
        direction,
      )
    const moved = mul(
      momentum_buffer ?? direction,
      live(() => group.lr),
    )
    return {
      p: sub(p, moved),
      square_avg,
      ...(grad_avg && { grad_avg }),
      ...(momentum_buffer && { momentum_buffer }),
    }
  }
}
