/** @file Schedules made of other schedules. */
import { check, checkInteger } from '../errors.ts'
import { checkNumber } from './param-groups.ts'
import { checkMilestones, read } from './schedule-options.ts'
import type { By } from './schedule-options.ts'
import type { Schedule, Time, Unit } from './scheduler.ts'

export interface WarmupOptions extends By {
  /** How long it rises. */
  steps: number
  /** Where it begins, as a share. Default: 0. */
  startFactor?: number
  /** What it leads to; runs from the start, not from the end of the rise. Default: the base itself. */
  then?: Schedule | null
}

/**
 * Multiplies the first `steps` of another schedule by a line from startFactor to 1 (Goyal et al. 2017). The first step is
 * a step already: its factor is startFactor + (1 - startFactor) / steps. by: default 'step', whatever the other counts.
 */
export function warmup(options: WarmupOptions): Schedule {
  const o = read('warmup', options, { steps: 0, startFactor: 0, then: null as Schedule | null, by: 'step' as Unit })
  checkInteger('warmup', 'steps', o.steps, 1)
  checkNumber('warmup', 'startFactor', o.startFactor)
  const factor = (t: number) => o.startFactor + (1 - o.startFactor) * Math.min(1, (t + 1) / o.steps)
  const rate = (base: number, time: Time, group = 0) =>
    (o.then ? o.then.rate(base, time, group) : base) * factor(time[o.by])
  const { then } = o
  return { rate, ...(then?.momentum && { momentum: (time) => then.momentum!(time) }), ...memoryOf(then ? [then] : []) }
}

export interface SequentialLROptions extends By {
  /** When the second, third, ... schedule begins. */
  milestones: readonly number[]
}

/** One schedule after the other; each counts from its own beginning. */
export function sequentialLR(schedules: readonly Schedule[], options: SequentialLROptions): Schedule {
  const o = read('sequentialLR', options, { milestones: [] as readonly number[], by: 'epoch' as Unit })
  checkMilestones('sequentialLR', o.milestones)
  check(
    schedules.length === o.milestones.length + 1,
    'VALUE',
    'sequentialLR',
    () => `needs a milestone between each two schedules, got ${o.milestones.length} for ${schedules.length} schedules.`,
  )
  const rate = (base: number, time: Time, group = 0) => {
    const i = o.milestones.filter((milestone) => milestone <= time[o.by]).length
    const start = i === 0 ? 0 : o.milestones[i - 1]!
    return schedules[i]!.rate(base, { ...time, [o.by]: time[o.by] - start }, group)
  }
  return { rate, ...memoryOf(schedules) }
}

/** Schedules at the same time: each changes the rate that the one before gives. */
export function chainedScheduler(schedules: readonly Schedule[]): Schedule {
  check(schedules.length > 0, 'VALUE', 'chainedScheduler', () => 'needs schedules.')
  const rate = (base: number, time: Time, group = 0) =>
    schedules.reduce((lr, schedule) => schedule.rate(lr, time, group), base)
  const cycling = schedules.findLast(({ momentum }) => momentum)
  return { rate, ...(cycling && { momentum: (time) => cycling.momentum!(time) }), ...memoryOf(schedules) }
}

/** What a schedule made of others remembers: what they do. */
function memoryOf(parts: readonly Schedule[]): Omit<Schedule, 'rate'> {
  if (parts.every((part) => !part.state)) return {}
  return {
    observe: (metrics) => parts.forEach((part) => part.observe?.(metrics)),
    state: () => parts.map((part) => part.state?.() ?? null),
    load: (state) => parts.forEach((part, i) => part.load?.((state as readonly unknown[])[i])),
  }
}
