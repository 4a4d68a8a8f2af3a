/** @file Learning rates that go up and down: cosine annealing, cycles; some of them move a momentum the other way. */
import { check, checkInteger, fail } from '../errors.ts'
import { checkNumber } from './param-groups.ts'
import { read } from './schedule-options.ts'
import type { By } from './schedule-options.ts'
import type { Schedule, Time, Unit } from './scheduler.ts'

const cosine = (from: number, to: number, share: number) => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share))
const linear = (from: number, to: number, share: number) => from + (to - from) * share
const annealings: Readonly<Record<string, typeof linear>> = { cos: cosine, linear }

export interface CosineAnnealingLROptions extends By {
  tMax: number
  /** Default: 0. */
  etaMin?: number
}

/**
 * A cosine wave from base down to etaMin at tMax (Loshchilov & Hutter 2017, without restarts), and up again after that, as in PyTorch: train
 * for tMax.
 */
export function cosineAnnealingLR(options: CosineAnnealingLROptions): Schedule {
  const o = read('cosineAnnealingLR', options, { tMax: 0, etaMin: 0, by: 'epoch' as Unit })
  checkInteger('cosineAnnealingLR', 'tMax', o.tMax, 1)
  checkNumber('cosineAnnealingLR', 'etaMin', o.etaMin)
  return { rate: (base, time) => cosine(base, o.etaMin, time[o.by] / o.tMax) }
}

export interface CosineAnnealingWarmRestartsOptions extends By {
  /** Length of the first fall. */
  t0: number
  /** How many times longer each fall is than the one before. Default: 1. */
  tMult?: number
  /** Default: 0. */
  etaMin?: number
}

/** Half a cosine wave from base to etaMin, again and again (Loshchilov & Hutter 2017). */
export function cosineAnnealingWarmRestarts(options: CosineAnnealingWarmRestartsOptions): Schedule {
  const name = 'cosineAnnealingWarmRestarts'
  const o = read(name, options, { t0: 0, tMult: 1, etaMin: 0, by: 'epoch' as Unit })
  checkInteger(name, 't0', o.t0, 1)
  checkInteger(name, 'tMult', o.tMult, 1)
  checkNumber(name, 'etaMin', o.etaMin)
  const rate = (base: number, time: Time) => {
    let [t, length] = [time[o.by], o.t0]
    if (o.tMult === 1) t %= length
    for (; t >= length; length *= o.tMult) t -= length
    return cosine(base, o.etaMin, t / length)
  }
  return { rate }
}

interface Momenta {
  /** Move the momentum (betas[0] of Adam and its kin) against the learning rate. Default: true. */
  cycleMomentum?: boolean
  /** Where the learning rate is highest. Default: 0.8; of oneCycleLR 0.85. */
  baseMomentum?: number
  /** Where it is lowest. Default: 0.9; of oneCycleLR 0.95. */
  maxMomentum?: number
}

export interface CyclicLROptions extends By, Momenta {
  /** The lowest rate. */
  baseLr: number | readonly number[]
  /** The highest; both also one for each group. */
  maxLr: number | readonly number[]
  /** Length of a rise. Default: 2000. */
  stepSizeUp?: number
  /** Length of a fall. Default: stepSizeUp. */
  stepSizeDown?: number | null
  /** 'triangular': all waves alike; 'triangular2': each half as high as the last; 'exp_range': by gamma^t. Default: 'triangular'. */
  mode?: 'triangular' | 'triangular2' | 'exp_range'
  /** Default: 1. */
  gamma?: number
  /** Height of a wave by its number from 1 on, or by time; instead of `mode`. */
  scaleFn?: ((x: number) => number) | null
  /** What scaleFn is given. Default: 'cycle'. */
  scaleMode?: 'cycle' | 'iterations'
}

/** Straight up and down between two rates, again and again (Smith 2017). by: default 'step'. What the optimiser was made with does not count. */
export function cyclicLR(options: CyclicLROptions): Schedule {
  const o = read('cyclicLR', options, {
    baseLr: 0 as number | readonly number[],
    maxLr: 0 as number | readonly number[],
    stepSizeUp: 2000,
    stepSizeDown: null as number | null,
    mode: 'triangular' as NonNullable<CyclicLROptions['mode']>,
    gamma: 1,
    scaleFn: null as ((x: number) => number) | null,
    scaleMode: 'cycle' as 'cycle' | 'iterations',
    ...{ cycleMomentum: true, baseMomentum: 0.8, maxMomentum: 0.9 },
    by: 'step' as Unit,
  })
  checkInteger('cyclicLR', 'stepSizeUp', o.stepSizeUp, 1)
  const down = o.stepSizeDown ?? o.stepSizeUp
  checkInteger('cyclicLR', 'stepSizeDown', down, 1)
  const shapes = { triangular: () => 1, triangular2: (cycle: number) => 0.5 ** (cycle - 1) }
  const byTime = o.scaleFn ? o.scaleMode === 'iterations' : o.mode === 'exp_range'
  const height = o.scaleFn ?? (o.mode === 'exp_range' ? (t: number) => o.gamma ** t : shapes[o.mode])
  if (!height) fail('VALUE', 'cyclicLR', `mode is 'triangular', 'triangular2' or 'exp_range', got ${String(o.mode)}.`)
  /** From 0 at the bottom to 1 at the top of the first wave. */
  const wave = (t: number) => {
    const total = o.stepSizeUp + down
    const cycle = Math.floor(1 + t / total)
    const x = 1 + t / total - cycle
    const top = o.stepSizeUp / total
    return (x <= top ? x / top : (x - 1) / (top - 1)) * height(byTime ? t : cycle)
  }
  const rate = (_: number, time: Time, group = 0) => {
    const [low, high] = [ofGroup('cyclicLR', o.baseLr, group), ofGroup('cyclicLR', o.maxLr, group)]
    return low + (high - low) * wave(time[o.by])
  }
  const momentum = (time: Time) => o.maxMomentum - (o.maxMomentum - o.baseMomentum) * wave(time[o.by])
  return { rate, ...(o.cycleMomentum && { momentum }) }
}

function ofGroup(op: string, value: number | readonly number[], group: number): number {
  if (typeof value === 'number') return value
  return value[group] ?? fail('VALUE', op, `has numbers for ${value.length} groups, and none for group ${group}.`)
}

export interface OneCycleLROptions extends By, Momenta {
  /** Length of the cycle; or epochs and stepsPerEpoch. */
  totalSteps?: number | null
  epochs?: number | null
  stepsPerEpoch?: number | null
  /** The peak, also one for each group. Default: the optimiser's lr. */
  maxLr?: number | readonly number[] | null
  /** Share of the cycle that rises. Default: 0.3. */
  pctStart?: number
  /** It begins at the peak divided by this. Default: 25. */
  divFactor?: number
  /** It ends at its beginning divided by this. Default: 1e4. */
  finalDivFactor?: number
  /** Default: 'cos'. */
  annealStrategy?: 'cos' | 'linear'
  /** Falls as long as it rose, to where it began, and then to the end. Default: false. */
  threePhase?: boolean
}

/** Up to a peak and far down, in one cycle of steps (Smith & Topin 2018); afterwards it stays. by: default 'step'. */
export function oneCycleLR(options: OneCycleLROptions): Schedule {
  const o = read('oneCycleLR', options, {
    ...{ totalSteps: null as number | null, epochs: null as number | null, stepsPerEpoch: null as number | null },
    maxLr: null as number | readonly number[] | null,
    ...{ pctStart: 0.3, divFactor: 25, finalDivFactor: 1e4, threePhase: false },
    annealStrategy: 'cos' as 'cos' | 'linear',
    ...{ cycleMomentum: true, baseMomentum: 0.85, maxMomentum: 0.95 },
    by: 'step' as Unit,
  })
  const total = checkInteger('oneCycleLR', 'totalSteps', o.totalSteps ?? (o.epochs ?? 0) * (o.stepsPerEpoch ?? 0), 2)
  check(o.pctStart >= 0 && o.pctStart <= 1, 'VALUE', 'oneCycleLR', () => `pctStart lies in [0, 1], got ${o.pctStart}.`)
  check(o.divFactor > 0 && o.finalDivFactor > 0, 'VALUE', 'oneCycleLR', () => 'divFactor and finalDivFactor are > 0.')
  const anneal = annealings[o.annealStrategy]
  if (!anneal) fail('VALUE', 'oneCycleLR', `annealStrategy is 'cos' or 'linear', got ${String(o.annealStrategy)}.`)
  const [last, top] = [total - 1, o.pctStart * total - 1]
  const ends = o.threePhase ? [top, 2 * o.pctStart * total - 2, last] : [top, last]
  /** Between the values at the ends of the phases. */
  const along = (time: Time, values: readonly number[]) => {
    const t = Math.min(time[o.by], last)
    const phase = Math.max(
      0,
      ends.findIndex((end) => t <= end),
    )
    const [start, end] = [phase === 0 ? 0 : ends[phase - 1]!, ends[phase]!]
    return anneal(values[phase]!, values[phase + 1]!, end > start ? (t - start) / (end - start) : 1)
  }
  const rate = (base: number, time: Time, group = 0) => {
    const peak = o.maxLr === null ? base : ofGroup('oneCycleLR', o.maxLr, group)
    const start = peak / o.divFactor
    return along(time, [start, peak, ...(o.threePhase ? [start] : []), start / o.finalDivFactor])
  }
  const [low, high] = [o.baseMomentum, o.maxMomentum]
  const momentum = (time: Time) => along(time, [high, low, ...(o.threePhase ? [high] : []), high])
  return { rate, ...(o.cycleMomentum && { momentum }) }
}
