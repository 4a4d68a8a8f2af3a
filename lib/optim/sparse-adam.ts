/** @file SparseAdam: Adam for tables of which a step reads few rows. */
import type { Tensor } from '../graph/tensor.ts'
import { add, div, mul, neg, sqrt, square, sub } from '../ops/elementwise.ts'
import { FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import { checkNumber } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface SparseAdamOptions {
  /** Default: 1e-3. */
  lr: number
  /** Decay of the mean of gradients and of their squares. Default: [0.9, 0.999]. */
  betas: readonly [number, number]
  /** Default: 1e-8. */
  eps: number
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: SparseAdamOptions = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, maximize: false }

/**
 * Adam that updates only rows that were read, and only their moments, as PyTorch's: p -= lr sqrt(1 - beta2^t) / (1 - beta1^t)
 * m / (sqrt(v) + eps), t counting the steps of the whole table. For parameters that are read by rows and nothing else (nn.Embedding, take):
 * else GRADIENT. A step takes time by the rows that it reads; the gradient as a whole never exists.
 */
export class SparseAdam extends FormulaOptimizer<SparseAdamOptions> {
  constructor(params: Params<SparseAdamOptions>, options: Partial<SparseAdamOptions> = {}) {
    super('SparseAdam', params, options, DEFAULTS)
  }

  protected override check({ lr, betas, eps }: SparseAdamOptions): void {
    checkNumber('SparseAdam', 'lr', lr)
    checkNumber('SparseAdam', 'betas[0]', betas[0], 1)
    checkNumber('SparseAdam', 'betas[1]', betas[1], 1)
    checkNumber('SparseAdam', 'eps', eps)
  }

  protected override slotsOf(): readonly string[] {
    return ['exp_avg', 'exp_avg_sq']
  }

  protected override isSparse(): boolean {
    return true
  }

  protected override formula({ p, g: given, state, group, live }: Terms<SparseAdamOptions>): Next {
    const g = group.maximize ? neg(given) : given
    const moved = (old: Tensor, to: Tensor, i: 0 | 1) =>
      add(
        old,
        mul(
          sub(to, old),
          live(() => 1 - group.betas[i]),
        ),
      )
    const m = moved(state.exp_avg!, g, 0)
    const v = moved(state.exp_avg_sq!, square(g), 1)
    const rate = live((step) => (group.lr * Math.sqrt(1 - group.betas[1] ** step)) / (1 - group.betas[0] ** step))
    const eps = live(() => group.eps)
    return { p: sub(p, mul(rate, div(m, add(sqrt(v), eps)))), exp_avg: m, exp_avg_sq: v }
  }
}
