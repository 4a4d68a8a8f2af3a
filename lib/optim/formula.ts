/** @file FormulaOptimizer: optimisers that are a formula in elementwise ops, fused into one pass over parameter and state by the plan. */
import type { DType } from '../dtype.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Variable } from '../graph/variable.ts'
import { add, mul, neg } from '../ops/elementwise.ts'
import { operand } from '../ops/table.ts'
import { assign } from '../ops/update.ts'
import { Optimizer } from './optimizer.ts'
import type { ParamState } from './optimizer.ts'
import type { ParamGroup } from './param-groups.ts'
import { rowView } from './touched-rows.ts'
import type { RowView } from './touched-rows.ts'

/** What a formula is made of. */
export interface Terms<O> {
  /** The parameter. */
  readonly p: Tensor
  /** Its gradient, as backward() gave it. */
  readonly g: Tensor
  /** State variables by name. */
  readonly state: Readonly<Record<string, Tensor>>
  readonly group: ParamGroup<O>
  /** A number that may change from step to step, worked out anew for each; `step` counts from 1. By default of the parameter's dtype. */
  live(value: (step: number) => number, dtype?: DType): Tensor
}

/** The next parameter, and the next state by name. */
export type Next = { readonly p: Tensor } & Readonly<Record<string, Tensor>>

export abstract class FormulaOptimizer<O extends { lr: number }> extends Optimizer<O> {
  protected abstract formula(terms: Terms<O>): Next

  /** Whether only rows that were read are updated, with their state: time and memory do not depend on how many there are. Default: no. */
  protected isSparse(group: O): boolean {
    void group
    return false
  }

  protected override update(
    param: Variable,
    g: Tensor,
    slots: readonly Variable[],
    group: ParamGroup<O>,
    own: ParamState,
  ): readonly Tensor[] {
    const names = this.slotsOf(group, param)
    const { grad, read, write } = this.isSparse(group) ? rowView(this.constructor.name, param, g) : whole(g)
    const state = Object.fromEntries(names.map((name, i) => [name, read(slots[i]!)]))
    const live = (value: (step: number) => number, dtype = param.dtype) => operand(() => value(own.step + 1), dtype)
    const next = this.formula({ p: read(param), g: grad, state, group, live })
    return [write(param, next.p), ...names.map((name, i) => write(slots[i]!, next[name]!))]
  }
}

const whole = (grad: Tensor): RowView => ({ grad, read: (variable) => variable.read(), write: assign })

/** The direction of descent: the gradient, turned round where the group climbs, with its L2 penalty. */
export function descent<O extends { weightDecay: number; maximize?: boolean }>({
  p,
  g,
  group,
  live,
}: Terms<O>): Tensor {
  return add(
    group.maximize ? neg(g) : g,
    mul(
      p,
      live(() => group.weightDecay),
    ),
  )
}

/** share * old + (1 - share) * now: an exponential average. */
export function decayed<O>({ live }: Terms<O>, old: Tensor, now: Tensor, share: (step: number) => number): Tensor {
  return add(
    mul(old, live(share)),
    mul(
      now,
      live((step) => 1 - share(step)),
    ),
  )
}
