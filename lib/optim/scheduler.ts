/** @file What a schedule is; Scheduler, which applies one to an optimiser. */
import { check } from '../errors.ts'
import type { Optimizer } from './optimizer.ts'

/** Steps and epochs that are complete: both 0 at the first step. */
export interface Time {
  readonly step: number
  readonly epoch: number
}

/** What a schedule counts. */
export type Unit = 'step' | 'epoch'

export interface Schedule {
  /** The learning rate of a group whose optimiser was made with `base`; `group` is its number. */
  rate(base: number, time: Time, group?: number): number
  /** The momentum (of Adam and its kin betas[0]) of every group at that time, where it is cycled as well. */
  momentum?(time: Time): number
  /** Looks at an epoch's results. */
  observe?(metrics: Readonly<Record<string, number>>): void
  /** What it remembers, as JSON, and the same back. */
  state?(): unknown
  load?(state: unknown): void
}

/** What it takes to go on later, as JSON. */
export interface SchedulerState {
  readonly bases: readonly number[]
  readonly time: Time
  readonly memory: unknown
}

interface Group {
  lr: number
  betas?: readonly [number, number]
  momentum?: number
}

/**
 * Sets an optimiser's learning rates by a schedule. For training loops written by hand (Trainer has its own): `step()` after each step,
 * `epoch(metrics)` after each epoch. What was set by hand is overwritten.
 */
export class Scheduler {
  readonly schedule: Schedule
  readonly #groups: readonly Group[]
  #bases: readonly number[]
  #time: Time = { step: 0, epoch: 0 }

  constructor(optimizer: Optimizer<{ lr: number }>, schedule: Schedule) {
    check(
      typeof schedule?.rate === 'function',
      'VALUE',
      'Scheduler',
      () => 'needs a schedule, such as stepLR({ stepSize: 10 }).',
    )
    this.schedule = schedule
    this.#groups = optimizer.paramGroups
    check(
      !schedule.momentum || this.#groups.every(({ betas, momentum }) => betas ?? momentum !== undefined),
      'VALUE',
      'Scheduler',
      () => 'this schedule cycles a momentum, and the optimiser has none. Pass { cycleMomentum: false }.',
    )
    this.#bases = this.#groups.map(({ lr }) => lr)
    this.set(this.#time)
  }

  get time(): Time {
    return this.#time
  }

  /** Goes to a time. */
  set(time: Time): void {
    this.#time = { ...time }
    this.#groups.forEach((group, i) => {
      group.lr = this.schedule.rate(this.#bases[i]!, time, i)
      if (!this.schedule.momentum) return
      const momentum = this.schedule.momentum(time)
      if (group.betas) group.betas = [momentum, group.betas[1]]
      else group.momentum = momentum
    })
  }

  /** A step is complete. */
  step(): void {
    this.set({ ...this.#time, step: this.#time.step + 1 })
  }

  /** An epoch is complete; its results are for schedules that look at them. */
  epoch(metrics: Readonly<Record<string, number>> = {}): void {
    this.schedule.observe?.(metrics)
    this.set({ ...this.#time, epoch: this.#time.epoch + 1 })
  }

  state(): SchedulerState {
    return { bases: this.#bases, time: this.#time, memory: this.schedule.state?.() ?? null }
  }

  /** STATE if it is of an optimiser with another number of groups. */
  load(state: SchedulerState): void {
    const n = this.#groups.length
    check(
      state.bases.length === n,
      'STATE',
      'Scheduler',
      () => `the state has ${state.bases.length} groups, the optimiser ${n}.`,
    )
    this.#bases = [...state.bases]
    if (state.memory !== null) this.schedule.load?.(state.memory)
    this.set(state.time)
  }
}
