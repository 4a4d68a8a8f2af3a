/** @file Adafactor: Adam's second moment of a matrix kept as the means of its rows and of its columns. */
import type { Variable } from '../graph/variable.ts'
import { matmul } from '../ops/contraction.ts'
import { div, maximum, mul, neg, rsqrt, sqrt, square, sub } from '../ops/elementwise.ts'
import { mean } from '../ops/reduction.ts'
import { decayed, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import type { Slot } from './optimizer.ts'
import { checkNumber, checkNumbers } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface AdafactorOptions {
  /** The largest relative step. Default: 1e-2. */
  lr: number
  /** The mean of squares decays by 1 - t^beta2Decay. Default: -0.8. */
  beta2Decay: number
  /** The least of the second moment's root (default: the dtype's rounding), and the least size of the parameter. Default: [null, 1e-3]. */
  eps: readonly [number | null, number]
  /** Updates are scaled to at most this root mean square. Default: 1. */
  d: number
  /** Share by which lr shrinks the parameter. Default: 0. */
  weightDecay: number
  /** Climb instead of descend. Default: false. */
  maximize: boolean
}

const DEFAULTS: AdafactorOptions = {
  lr: 1e-2,
  beta2Decay: -0.8,
  eps: [null, 1e-3],
  d: 1,
  weightDecay: 0,
  maximize: false,
}

/** Distance from 1 to the next number. */
const ROUNDING: Readonly<Record<string, number>> = { f32: 2 ** -23, f64: 2 ** -52 }

/**
 * Steps of a size relative to the parameter's, by the factored second moment (Shazeer & Stern 2018, as PyTorch writes it): memory of a
 * row and a column for a matrix; the whole for vectors.
 */
export class Adafactor extends FormulaOptimizer<AdafactorOptions> {
  constructor(params: Params<AdafactorOptions>, options: Partial<AdafactorOptions> = {}) {
    super('Adafactor', params, options, DEFAULTS)
  }

  protected override check(options: AdafactorOptions): void {
    checkNumbers('Adafactor', options, { lr: Infinity, weightDecay: Infinity, d: Infinity })
    checkNumber('Adafactor', '-beta2Decay', -options.beta2Decay)
    checkNumber('Adafactor', 'eps[0]', options.eps[0] ?? 0)
    checkNumber('Adafactor', 'eps[1]', options.eps[1])
  }

  protected override slotsOf(_: AdafactorOptions, param: Variable): readonly string[] {
    return param.rank > 1 ? ['row_var', 'col_var'] : ['variance']
  }

  protected override slotLike(name: string, param: Variable, options: AdafactorOptions): Slot {
    const like = super.slotLike(name, param, options)
    const shape = [...param.shape]
    if (name !== 'variance') shape[param.rank - (name === 'row_var' ? 1 : 2)] = 1
    return { ...like, shape }
  }

  protected override formula(terms: Terms<AdafactorOptions>): Next {
    const { p, group, live } = terms
    const g = group.maximize ? neg(terms.g) : terms.g
    const least = live(() => group.eps[0] ?? ROUNDING[p.dtype]!)
    const [second, next] = secondMoment(terms, square(g), least)
    const update = mul(g, rsqrt(maximum(second, square(least))))
    const size = sqrt(mean(square(update)))
    const limit = live(() => group.d)
    const scale = maximum(div(size, limit), 1)
    const smallest = live(() => group.eps[1])
    const relative = live((step) => Math.min(group.lr, 1 / Math.sqrt(step)))
    const rate = mul(maximum(sqrt(mean(square(p))), smallest), relative)
    const shrink = live(() => 1 - group.lr * group.weightDecay)
    return { p: sub(mul(p, shrink), mul(div(rate, scale), update)), ...next }
  }
}

/** The second moment, and the state that it is kept as. */
function secondMoment(
  terms: Terms<AdafactorOptions>,
  squares: Next['p'],
  least: Next['p'],
): [Next['p'], Readonly<Record<string, Next['p']>>] {
  const { p, state, group } = terms
  const share = (step: number) => 1 - step ** group.beta2Decay
  const average = (old: Next['p'], now: Next['p']) => decayed(terms, old, now, share)
  if (p.rank < 2) {
    const variance = average(state.variance!, squares)
    return [variance, { variance }]
  }
  const row_var = average(state.row_var!, mean(squares, -1, { keepDims: true }))
  const col_var = average(state.col_var!, mean(squares, -2, { keepDims: true }))
  const total = maximum(mean(row_var, -2, { keepDims: true }), least)
  return [div(matmul(row_var, col_var), total), { row_var, col_var }]
}
