/** @file Cases of kind `sched`: learning rates (and momenta, where they are cycled) over 50 steps. */
import { optim, Variable, zeros } from '../../../../lib/index.ts'
import type { Case } from '../../cases.ts'
import { compare } from '../../compare.ts'
import { entryOf } from '../adapter.ts'
import { optimizers } from '../optimizers.ts'
import type { Results } from '../results.ts'
import { scheduleOf } from '../schedules.ts'
import type { ScheduleSpec } from '../schedules.ts'

export interface SchedCase extends Case {
  readonly optimizer: { readonly cls: string; readonly kwargs: Readonly<Record<string, unknown>> }
  readonly group_lrs: readonly number[]
  readonly scheduler: ScheduleSpec
  readonly steps: number
  /** What ReduceLROnPlateau is given at each step. */
  readonly metrics?: readonly number[]
  readonly expected: { readonly lrs: readonly (readonly number[])[]; readonly momenta?: readonly (readonly number[])[] }
  readonly tolerance: { readonly rtol: number; readonly atol: number }
}

export function runSched({ optimizer: { cls, kwargs }, ...one }: SchedCase): Results {
  const groups = one.group_lrs.map((lr) => ({ params: [new Variable(zeros([1]))], options: { lr } }))
  const optimizer = entryOf(optimizers, cls)(groups, kwargs)
  const scheduler = new optim.Scheduler(optimizer, scheduleOf(one.scheduler))
  const lrs: number[][] = []
  const momenta: number[][] = []
  const record = () => {
    lrs.push(optimizer.paramGroups.map(({ lr }) => lr))
    momenta.push(optimizer.paramGroups.map((group) => (group as { momentum?: number }).momentum ?? NaN))
  }
  record()
  for (let step = 0; step < one.steps; step++) {
    advance(scheduler, one.metrics?.[step])
    record()
  }
  const check = (name: string, got: readonly number[][], want: readonly (readonly number[])[]) =>
    [name, compare(name, table(got), table(want), one.tolerance)] as const
  const { lrs: wantedLrs, momenta: wantedMomenta } = one.expected
  return new Map([check('lrs', lrs, wantedLrs), ...(wantedMomenta ? [check('momenta', momenta, wantedMomenta)] : [])])
}

/** PyTorch's scheduler.step(), whatever the schedule counts. */
export function advance(scheduler: optim.Scheduler, metric?: number): void {
  scheduler.step()
  scheduler.epoch(metric === undefined ? {} : { loss: metric })
}

const table = (rows: readonly (readonly number[])[]) => ({
  shape: [rows.length, rows[0]!.length],
  dtype: 'f64',
  data: rows.flat(),
})
