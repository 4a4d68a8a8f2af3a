/** @file Muon: momentum made orthogonal, for the matrices of a network. */
import { check } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { matmul } from '../ops/contraction.ts'
import { add, div, maximum, mul, sqrt, square, sub } from '../ops/elementwise.ts'
import { transpose } from '../ops/layout.ts'
import { sum } from '../ops/reduction.ts'
import { constant } from '../ops/table.ts'
import { decayed, FormulaOptimizer } from './formula.ts'
import type { Next, Terms } from './formula.ts'
import { checkNumbers, describe } from './param-groups.ts'
import type { Params } from './param-groups.ts'

export interface MuonOptions {
  /** Default: 1e-3. */
  lr: number
  /** Share by which lr shrinks the parameter. Default: 0.1. */
  weightDecay: number
  /** Default: 0.95. */
  momentum: number
  /** Default: true. */
  nesterov: boolean
  /** Iterations that make the update orthogonal. Default: 5. */
  nsSteps: number
  /** Added to the norm that the update is divided by first. Default: 1e-7. */
  eps: number
  /**
   * How lr depends on the shape [A, B]: 'original': sqrt(max(1, A / B)); 'match_rms_adamw': 0.2 sqrt(max(A, B)), for learning rates
   * of AdamW (Liu et al. 2025). Default: 'original'.
   */
  adjustLr: 'original' | 'match_rms_adamw'
}

const DEFAULTS: MuonOptions = {
  lr: 1e-3,
  weightDecay: 0.1,
  momentum: 0.95,
  nesterov: true,
  nsSteps: 5,
  eps: 1e-7,
  adjustLr: 'original',
}

/** Of the quintic iteration whose singular values go near 1 fast. */
const [A, B, C] = [3.4445, -4.775, 2.0315] as const

/**
 * p = (1 - lr weightDecay) p - lr' orthogonal(momentum) (Jordan et al. 2024). Takes matrices only: give embeddings, heads, vectors and kernels of
 * convolutions to AdamW.
 */
export class Muon extends FormulaOptimizer<MuonOptions> {
  constructor(params: Params<MuonOptions>, options: Partial<MuonOptions> = {}) {
    super('Muon', params, options, DEFAULTS)
    for (const { params: list } of this.paramGroups)
      for (const param of list)
        check(param.rank === 2, 'SHAPE', 'Muon', () => `takes matrices, got ${describe(param)}. Give others to AdamW.`)
  }

  protected override check(options: MuonOptions): void {
    checkNumbers('Muon', options, { lr: Infinity, weightDecay: Infinity, momentum: 1, eps: Infinity, nsSteps: 100 })
    const { adjustLr } = options
    const isKnown = adjustLr === 'original' || adjustLr === 'match_rms_adamw'
    check(isKnown, 'VALUE', 'Muon', () => `adjustLr is 'original' or 'match_rms_adamw', got ${String(adjustLr)}.`)
  }

  protected override slotsOf(): readonly string[] {
    return ['momentum_buffer']
  }

  protected override formula(terms: Terms<MuonOptions>): Next {
    const { p, g, state, group, live } = terms
    const share = () => group.momentum
    const momentum_buffer = decayed(terms, state.momentum_buffer!, g, share)
    const direction = group.nesterov ? decayed(terms, momentum_buffer, g, share) : momentum_buffer
    const update = orthogonal(direction, group)
    const [rows, columns] = p.shape as [number, number]
    const scale =
      group.adjustLr === 'original' ? Math.sqrt(Math.max(1, rows / columns)) : 0.2 * Math.sqrt(Math.max(rows, columns))
    const shrink = live(() => 1 - group.lr * group.weightDecay)
    const rate = live(() => group.lr * scale)
    return { p: sub(mul(p, shrink), mul(update, rate)), momentum_buffer }
  }
}

/** Near U V^T of the singular value decomposition U S V^T, by Newton and Schulz. */
function orthogonal(x: Tensor, { nsSteps, eps }: MuonOptions): Tensor {
  const isTall = x.shape[0]! > x.shape[1]!
  const number = (value: number) => constant(value, x.dtype)
  let y = isTall ? transpose(x, 0, 1) : x
  y = div(y, maximum(sqrt(sum(square(y))), number(eps)))
  for (let i = 0; i < nsSteps; i++) {
    const gram = matmul(y, transpose(y, 0, 1))
    const mixed = add(mul(gram, number(B)), mul(matmul(gram, gram), number(C)))
    y = add(mul(y, number(A)), matmul(mixed, y))
  }
  return isTall ? transpose(y, 0, 1) : y
}
