/** @file Plans without an engine: kernels and functions get made-up numbers. */
import type { Tensor } from '../../lib/index.ts'
import { compilePlan } from '../../lib/plan/plan.ts'
import type { Plan } from '../../lib/plan/plan.ts'
import { walk } from '../../lib/plan/walk.ts'

/** Gives every name a number as it is met. */
class Numbers extends Map<string, number> {
  override get(name: string): number {
    const known = super.get(name)
    if (known !== undefined) return known
    this.set(name, this.size)
    return this.size - 1
  }
}

export interface PlanOptions {
  updates?: readonly Tensor[]
  off?: readonly string[]
}

export function planOf(results: readonly Tensor[], { updates = [], off = [] }: PlanOptions = {}): Plan {
  return compilePlan(walk({ results, updates }), { kernels: new Numbers(), functions: new Numbers() }, new Set(off))
}

/** Names of the kernels of the main block, in order. */
export const kernelsOf = (plan: Plan): string[] => plan.program.blocks[0]!.map((instr) => instr.kernel)
