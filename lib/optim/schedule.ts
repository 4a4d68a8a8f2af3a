/** @file Learning rates over time, as functions of time alone; reduceLROnPlateau, which also looks at results; Scheduler, which applies them. */
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import type { Optimizer } from './optimizer.ts'
import { checkNumber } from './param-groups.ts'

/** Steps and epochs that are complete: both 0 at the first step. */
export interface Time {
  readonly step: number
  readonly epoch: number
}

/** What a schedule counts. */
export type Unit = 'step' | 'epoch'

export interface Schedule {
  /** The learning rate of a group whose optimiser was made with `base`. */
  rate(base: number, time: Time): number
  /** Looks at an epoch's results. */
  observe?(metrics: Readonly<Record<string, number>>): void
  /** What it remembers, as JSON, and the same back. */
  state?(): unknown
  load?(state: unknown): void
}

interface By {
  /** Default: 'epoch'. */
  by?: Unit
}

/** Reads options: unknown names are refused, undefined ones take their defaults. */
function read<O extends object>(op: string, options: Partial<O> | undefined, defaults: O): O {
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

/** A schedule that multiplies by a factor. */
const scaled = (by: Unit, factor: (t: number) => number): Schedule => ({
  rate: (base, time) => base * factor(time[by]),
})

/** base * factor(t). */
export function lambdaLR(factor: (t: number) => number, options?: By): Schedule {
  const { by } = read<Required<By>>('lambdaLR', options, { by: 'epoch' })
  check(typeof factor === 'function', 'VALUE', 'lambdaLR', () => `needs a function, got ${typeof factor}.`)
  return scaled(by, factor)
}

export interface ConstantLROptions extends By {
  /** Default: 1 / 3. */
  factor?: number
  /** Default: 5. */
  totalIters?: number
}

/** base * factor for the first totalIters, then base. */
export function constantLR(options?: ConstantLROptions): Schedule {
  const o = read('constantLR', options, { factor: 1 / 3, totalIters: 5, by: 'epoch' as Unit })
  checkNumber('constantLR', 'factor', o.factor)
  return scaled(o.by, (t) => (t < o.totalIters ? o.factor : 1))
}

export interface StepLROptions extends By {
  stepSize: number
  /** Default: 0.1. */
  gamma?: number
}

/** base * gamma^floor(t / stepSize). */
export function stepLR(options: StepLROptions): Schedule {
  const o = read('stepLR', options, { stepSize: 0, gamma: 0.1, by: 'epoch' as Unit })
  checkInteger('stepLR', 'stepSize', o.stepSize, 1)
  checkNumber('stepLR', 'gamma', o.gamma)
  return scaled(o.by, (t) => o.gamma ** Math.floor(t / o.stepSize))
}

export interface MultiStepLROptions extends By {
  milestones: readonly number[]
  /** Default: 0.1. */
  gamma?: number
}

/** base * gamma^(number of milestones <= t). */
export function multiStepLR(options: MultiStepLROptions): Schedule {
  const o = read('multiStepLR', options, { milestones: [] as readonly number[], gamma: 0.1, by: 'epoch' as Unit })
  checkMilestones('multiStepLR', o.milestones)
  checkNumber('multiStepLR', 'gamma', o.gamma)
  return scaled(o.by, (t) => o.gamma ** o.milestones.filter((milestone) => milestone <= t).length)
}

export interface ExponentialLROptions extends By {
  gamma: number
}

/** base * gamma^t. */
export function exponentialLR(options: ExponentialLROptions): Schedule {
  const o = read('exponentialLR', options, { gamma: NaN, by: 'epoch' as Unit })
  checkNumber('exponentialLR', 'gamma', o.gamma)
  return scaled(o.by, (t) => o.gamma ** t)
}

export interface LinearLROptions extends By {
  /** Default: 1 / 3. */
  startFactor?: number
  /** Default: 1. */
  endFactor?: number
  /** Default: 5. */
  totalIters?: number
}

/** From base * startFactor straight to base * endFactor at totalIters, and on with that. */
export function linearLR(options?: LinearLROptions): Schedule {
  const o = read('linearLR', options, { startFactor: 1 / 3, endFactor: 1, totalIters: 5, by: 'epoch' as Unit })
  checkNumber('linearLR', 'startFactor', o.startFactor)
  checkNumber('linearLR', 'endFactor', o.endFactor)
  checkInteger('linearLR', 'totalIters', o.totalIters, 1)
  return scaled(o.by, (t) => o.startFactor + (o.endFactor - o.startFactor) * Math.min(1, t / o.totalIters))
}

export interface PolynomialLROptions extends By {
  /** Default: 5. */
  totalIters?: number
  /** Default: 1. */
  power?: number
}

/** base * (1 - t / totalIters)^power, 0 from totalIters on. */
export function polynomialLR(options?: PolynomialLROptions): Schedule {
  const o = read('polynomialLR', options, { totalIters: 5, power: 1, by: 'epoch' as Unit })
  checkInteger('polynomialLR', 'totalIters', o.totalIters, 1)
  checkNumber('polynomialLR', 'power', o.power)
  return scaled(o.by, (t) => (1 - Math.min(1, t / o.totalIters)) ** o.power)
}

export interface CosineAnnealingLROptions extends By {
  tMax: number
  /** Default: 0. */
  etaMin?: number
}

/**
 * Half a cosine wave from base to etaMin at tMax (Loshchilov & Hutter 2017, without restarts). It stays there afterwards, where
 * PyTorch's rises again.
 */
export function cosineAnnealingLR(options: CosineAnnealingLROptions): Schedule {
  const o = read('cosineAnnealingLR', options, { tMax: 0, etaMin: 0, by: 'epoch' as Unit })
  checkInteger('cosineAnnealingLR', 'tMax', o.tMax, 1)
  checkNumber('cosineAnnealingLR', 'etaMin', o.etaMin)
  return { rate: (base, time) => cosine(base, o.etaMin, Math.min(1, time[o.by] / o.tMax)) }
}

export interface OneCycleLROptions extends By {
  /** Length of the cycle. */
  totalSteps: number
  /** The peak. Default: the optimiser's lr. */
  maxLr?: number | null
  /** Share of the cycle that rises. Default: 0.3. */
  pctStart?: number
  /** It begins at the peak divided by this. Default: 25. */
  divFactor?: number
  /** It ends at its beginning divided by this. Default: 1e4. */
  finalDivFactor?: number
  /** Default: 'cos'. */
  annealStrategy?: 'cos' | 'linear'
}

/** Up to a peak and far down, in one cycle of steps (Smith & Topin 2018). Learning rate only: momentum stays. by: default 'step'. */
export function oneCycleLR(options: OneCycleLROptions): Schedule {
  const o = read('oneCycleLR', options, {
    totalSteps: 0,
    maxLr: null as number | null,
    pctStart: 0.3,
    divFactor: 25,
    finalDivFactor: 1e4,
    annealStrategy: 'cos' as 'cos' | 'linear',
    by: 'step' as Unit,
  })
  checkInteger('oneCycleLR', 'totalSteps', o.totalSteps, 2)
  check(o.pctStart >= 0 && o.pctStart <= 1, 'VALUE', 'oneCycleLR', () => `pctStart lies in [0, 1], got ${o.pctStart}.`)
  check(o.divFactor > 0 && o.finalDivFactor > 0, 'VALUE', 'oneCycleLR', () => 'divFactor and finalDivFactor are > 0.')
  const anneal = annealings[o.annealStrategy]
  if (!anneal) fail('VALUE', 'oneCycleLR', `annealStrategy is 'cos' or 'linear', got ${String(o.annealStrategy)}.`)
  const last = o.totalSteps - 1
  const top = o.pctStart * o.totalSteps - 1
  const rate = (base: number, time: Time) => {
    const peak = o.maxLr ?? base
    const start = peak / o.divFactor
    const t = Math.min(time[o.by], last)
    if (t <= top && top > 0) return anneal(start, peak, t / top)
    return anneal(peak, start / o.finalDivFactor, last > top ? (t - Math.max(top, 0)) / (last - Math.max(top, 0)) : 1)
  }
  return { rate }
}

const cosine = (from: number, to: number, share: number) => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share))
const linear = (from: number, to: number, share: number) => from + (to - from) * share
const annealings: Readonly<Record<string, typeof linear>> = { cos: cosine, linear }

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
  const rate = (base: number, time: Time) => (o.then ? o.then.rate(base, time) : base) * factor(time[o.by])
  return { rate, ...memoryOf(o.then ? [o.then] : []) }
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
  const rate = (base: number, time: Time) => {
    const i = o.milestones.filter((milestone) => milestone <= time[o.by]).length
    const start = i === 0 ? 0 : o.milestones[i - 1]!
    return schedules[i]!.rate(base, { ...time, [o.by]: time[o.by] - start })
  }
  return { rate, ...memoryOf(schedules) }
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

function checkMilestones(op: string, milestones: readonly number[]): void {
  const isRising = milestones.every((m, i) => Number.isInteger(m) && m > (i === 0 ? 0 : milestones[i - 1]!))
  check(isRising, 'VALUE', op, () => `milestones are integers that rise, from 1 on, got ${milestones.join(', ')}.`)
}

export interface ReduceLROnPlateauOptions {
  /** Which of an epoch's results. Default: 'val_loss', or 'loss' where there is none. */
  monitor?: string | null
  /** Whether less or more of it is better. Default: 'min'. */
  mode?: 'min' | 'max'
  /** Default: 0.1. */
  factor?: number
  /** Epochs without progress that are put up with. Default: 10. */
  patience?: number
  /** Progress is more than this share (or, 'abs', amount). Default: 1e-4. */
  threshold?: number
  /** Default: 'rel'. */
  thresholdMode?: 'rel' | 'abs'
  /** Epochs after a reduction that are not counted. Default: 0. */
  cooldown?: number
  /** Default: 0. */
  minLr?: number
}

/** base * factor^n, not below minLr; n grows when an epoch's result has made no progress for more than `patience` epochs. One for each optimiser. */
export function reduceLROnPlateau(options?: ReduceLROnPlateauOptions): Schedule {
  const o = read('reduceLROnPlateau', options, {
    monitor: null as string | null,
    mode: 'min' as 'min' | 'max',
    factor: 0.1,
    patience: 10,
    threshold: 1e-4,
    thresholdMode: 'rel' as 'rel' | 'abs',
    cooldown: 0,
    minLr: 0,
  })
  check(
    o.mode === 'min' || o.mode === 'max',
    'VALUE',
    'reduceLROnPlateau',
    () => `mode is 'min' or 'max', got ${String(o.mode)}.`,
  )
  checkNumber('reduceLROnPlateau', 'factor', o.factor, 1)
  checkInteger('reduceLROnPlateau', 'patience', o.patience, 0)
  const sign = o.mode === 'min' ? 1 : -1
  const memory = { best: null as number | null, bad: 0, cooling: 0, reductions: 0 }
  const isBetter = (value: number) => {
    if (memory.best === null) return !Number.isNaN(value)
    const margin = o.thresholdMode === 'rel' ? Math.abs(memory.best) * o.threshold : o.threshold
    return sign * value < sign * memory.best - margin
  }
  return {
    rate: (base) => Math.max(base * o.factor ** memory.reductions, Math.min(base, o.minLr)),
    observe(metrics) {
      const name = o.monitor ?? ('val_loss' in metrics ? 'val_loss' : 'loss')
      const value = metrics[name]
      if (value === undefined)
        fail(
          'VALUE',
          'reduceLROnPlateau',
          `there is no '${name}' to look at. There are: ${Object.keys(metrics).join(', ')}.`,
        )
      if (isBetter(value)) Object.assign(memory, { best: value, bad: 0 })
      else memory.bad++
      if (memory.cooling > 0) Object.assign(memory, { cooling: memory.cooling - 1, bad: 0 })
      if (memory.bad > o.patience)
        Object.assign(memory, { bad: 0, cooling: o.cooldown, reductions: memory.reductions + 1 })
    },
    state: () => ({ ...memory }),
    load: (state) => void Object.assign(memory, state),
  }
}

/** What it takes to go on later, as JSON. */
export interface SchedulerState {
  readonly bases: readonly number[]
  readonly time: Time
  readonly memory: unknown
}

/**
 * Sets an optimiser's learning rates by a schedule. For training loops written by hand (Trainer has its own): `step()` after each step,
 * `epoch(metrics)` after each epoch. What was set by hand is overwritten.
 */
export class Scheduler {
  readonly schedule: Schedule
  readonly #groups: readonly { lr: number }[]
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
    this.#bases = this.#groups.map(({ lr }) => lr)
    this.set(this.#time)
  }

  get time(): Time {
    return this.#time
  }

  /** Goes to a time. */
  set(time: Time): void {
    this.#time = { ...time }
    this.#groups.forEach((group, i) => (group.lr = this.schedule.rate(this.#bases[i]!, time)))
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
