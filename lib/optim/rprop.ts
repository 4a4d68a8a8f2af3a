/** @file Rprop: steps by the sign of the gradient alone. For whole data sets, not for batches. */
import type { Variable } from '../graph/variable.ts'
import { gt, lt, maximum, minimum, mul, neg, sign, sub, where } from '../ops/elementwise.ts'
import { FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import type { Slot } from './optimizer.ts'
import { checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'
import { check } from '../errors.ts'

export interface RpropOptions {
  /** The first step's size. Default: 1e-2. */
  lr: number
  /** Factors by which a step shrinks and grows. Default: [0.5, 1.2]. */
  etas: readonly [number, number]
  /** The smallest and the largest step. Default: [1e-6, 50]. */
  stepSizes: readonly [number, number]
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: RpropOptions = { lr: 1e-2, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false }

/** Where the gradient kept its sign the step grows; where it changed it shrinks and this step is left out (Riedmiller & Braun 1993). */
export class Rprop extends FormulaOptimizer<RpropOptions> {
  constructor(params: Params<RpropOptions>, options: Partial<RpropOptions> = {}) {
    super('Rprop', params, options, DEFAULTS)
  }

  protected override check(options: RpropOptions): void {
    checkNumbers('Rprop', options, { lr: Infinity, stepSizes: Infinity })
    const [shrink, grow] = options.etas
    check(
      shrink > 0 && shrink < 1 && grow > 1,
      'VALUE',
      'Rprop',
      () => `needs etas of 0 < a < 1 < b, got ${shrink}, ${grow}.`,
    )
  }

  protected override slotsOf(): readonly string[] {
    return ['prev', 'step_size']
  }

  protected override slotLike(name: string, param: Variable, options: RpropOptions): Slot {
    return { ...super.slotLike(name, param, options), value: name === 'step_size' ? options.lr : 0 }
  }

  protected override formula({ p, g, state, group, live }: Terms<RpropOptions>): Next {
    const gradient = group.maximize ? neg(g) : g
    const product = mul(gradient, state.prev!)
    const factor = where(
      gt(product, 0),
      live(() => group.etas[1]),
      where(
        lt(product, 0),
        live(() => group.etas[0]),
        1,
      ),
    )
    const step_size = minimum(
      maximum(
        mul(state.step_size!, factor),
        live(() => group.stepSizes[0]),
      ),
      live(() => group.stepSizes[1]),
    )
    const prev = where(lt(product, 0), 0, gradient)
    return { p: sub(p, mul(sign(prev), step_size)), prev, step_size }
  }
}
