/** @file Reading what schedules are given. */
import { check, checkOptions } from '../errors.ts'
import type { Unit } from './scheduler.ts'

/** @internal What the options of schedules have in common. */
export interface By {
  /** Default: 'epoch'. */
  by?: Unit
}

/** @internal Reads options: unknown names are refused, undefined ones take their defaults. */
export function read<O extends object>(op: string, options: Partial<O> | undefined, defaults: O): O {
  checkOptions(op, options, Object.keys(defaults))
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined)
  const all = { ...defaults, ...Object.fromEntries(given) } as O & By
  const { by } = all
  check(
    by === undefined || by === 'step' || by === 'epoch',
    'VALUE',
    op,
    () => `by is 'step' or 'epoch', got ${String(by)}.`,
  )
  return all
}

/** @internal Throws VALUE unless they rise. */
export function checkMilestones(op: string, milestones: readonly number[]): void {
  const isRising = milestones.every((m, i) => Number.isInteger(m) && m > (i === 0 ? 0 : milestones[i - 1]!))
  check(isRising, 'VALUE', op, () => `milestones are integers that rise, from 1 on, got ${milestones.join(', ')}.`)
}
