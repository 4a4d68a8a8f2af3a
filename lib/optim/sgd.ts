/** @file SGD: stochastic gradient descent, with momentum. */
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Variable } from '../graph/variable.ts'
import { mul, sub } from '../ops/elementwise.ts'
import { operand } from '../ops/table.ts'
import { sgd } from '../ops/update.ts'
import { Optimizer } from './optimizer.ts'
import type { ParamState } from './optimizer.ts'
import { checkNumber } from './param-groups.ts'
import type { ParamGroup, Params } from './param-groups.ts'
import { rowView } from './touched-rows.ts'

export interface SGDOptions {
  /** Default: 1e-3. */
  lr: number
  /** Default: 0. */
  momentum: number
  /** Share of the gradient that does not enter the momentum. Default: 0. */
  dampening: number
  /** L2 penalty, added to the gradient. Default: 0. */
  weightDecay: number
  /** Default: false. */
  nesterov: boolean
  /** Climb instead of descend. Default: false. */
  maximize: boolean
  /** Update only the rows of a table that were read; equal to the whole. Needs momentum 0 and weightDecay 0. Default: false. */
  sparse: boolean
}

const DEFAULTS: SGDOptions = {
  lr: 1e-3,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
  sparse: false,
}

/** buffer = momentum buffer + (1 - dampening) g, the first time g; p -= lr buffer, or with nesterov lr (g + momentum buffer). */
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: Params<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super('SGD', params, options, DEFAULTS)
  }

  protected override check({ lr, momentum, weightDecay, dampening, nesterov, sparse }: SGDOptions): void {
    checkNumber('SGD', 'lr', lr)
    checkNumber('SGD', 'momentum', momentum)
    checkNumber('SGD', 'weightDecay', weightDecay)
    if (nesterov && !(momentum > 0 && dampening === 0))
      fail('VALUE', 'SGD', 'nesterov needs a momentum and no dampening.')
    if (sparse && (momentum !== 0 || weightDecay !== 0))
      fail('VALUE', 'SGD', 'sparse needs momentum 0 and weightDecay 0.')
  }

  protected override slotsOf({ momentum }: SGDOptions): readonly string[] {
    return momentum === 0 ? [] : ['momentum_buffer']
  }

  protected override update(
    param: Variable,
    grad: Tensor,
    slots: readonly Variable[],
    group: ParamGroup<SGDOptions>,
    state: ParamState,
  ): Tensor {
    if (group.sparse) return sparseStep(param, grad, group)
    return sgd(param, grad, slots[0] ?? null, {
      lr: () => group.lr,
      momentum: () => group.momentum,
      dampening: () => group.dampening,
      weightDecay: () => group.weightDecay,
      nesterov: group.nesterov,
      maximize: group.maximize,
      first: () => Number(state.step === state.since),
    })
  }
}

function sparseStep(param: Variable, grad: Tensor, group: ParamGroup<SGDOptions>): Tensor {
  const rows = rowView('SGD', param, grad)
  const rate = operand(() => (group.maximize ? -group.lr : group.lr), param.dtype)
  return rows.write(param, sub(rows.read(param), mul(rate, rows.grad)))
}
