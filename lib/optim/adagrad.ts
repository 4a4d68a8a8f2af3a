/** @file Adagrad. */
import { fail } from '../errors.ts'
import type { Variable } from '../graph/variable.ts'
import { add, div, mul, sqrt, square, sub } from '../ops/elementwise.ts'
import { descent, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import type { Slot } from './optimizer.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface AdagradOptions {
  /** Default: 1e-2. */
  lr: number
  /** The learning rate of step t is lr / (1 + (t - 1) lrDecay). Default: 0. */
  lrDecay: number
  /** L2 penalty, added to the gradient. Default: 0. */
  weightDecay: number
  /** What the sum of squares starts with. Default: 0. */
  initialAccumulatorValue: number
  /** Default: 1e-10. */
  eps: number
  /** Climb instead of descend. Default: false. */
  maximize: boolean
  /** Update only the rows of a table that were read; equal to the whole, as the others' gradient is 0. Needs weightDecay 0. Default: false. */
  sparse: boolean
}

const DEFAULTS: AdagradOptions = {
  lr: 1e-2,
  lrDecay: 0,
  weightDecay: 0,
  initialAccumulatorValue: 0,
  eps: 1e-10,
  maximize: false,
  sparse: false,
}

/** s += g^2; p -= lr g / (sqrt(s) + eps) (Duchi et al. 2011). */
export class Adagrad extends FormulaOptimizer<AdagradOptions> {
  constructor(params: Params<AdagradOptions>, options: Partial<AdagradOptions> = {}) {
    super('Adagrad', params, options, DEFAULTS)
  }

  protected override check(options: AdagradOptions): void {
    const limits = { lr: Infinity, lrDecay: Infinity, weightDecay: Infinity, eps: Infinity }
    checkNumbers('Adagrad', options, { ...limits, initialAccumulatorValue: Infinity })
    if (options.sparse && options.weightDecay !== 0) fail('VALUE', 'Adagrad', 'sparse needs weightDecay 0.')
  }

  protected override slotsOf(): readonly string[] {
    return ['sum']
  }

  protected override slotLike(name: string, param: Variable, options: AdagradOptions): Slot {
    return { ...super.slotLike(name, param, options), value: options.initialAccumulatorValue }
  }

  protected override isSparse({ sparse }: AdagradOptions): boolean {
    return sparse
  }

  protected override formula(terms: Terms<AdagradOptions>): Next {
    const { p, state, group, live } = terms
    const g = descent(terms)
    const sum = add(state.sum!, square(g))
    const rate = live((step) => group.lr / (1 + (step - 1) * group.lrDecay))
    const root = add(
      sqrt(sum),
      live(() => group.eps),
    )
    return { p: sub(p, mul(rate, div(g, root))), sum }
  }
}
