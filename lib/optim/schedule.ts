/** @file Learning rates that follow time alone, by a factor. Waves are in cycle.ts, what is made of other schedules in compose.ts. */
import { check, checkInteger, fail } from '../errors.ts'
import { checkNumber } from './param-groups.ts'
import { checkMilestones, read } from './schedule-options.ts'
import type { By } from './schedule-options.ts'
import type { Schedule, Time, Unit } from './scheduler.ts'

/** A schedule that multiplies by a factor. */
const scaled = (by: Unit, factor: (t: number) => number): Schedule => ({
  rate: (base, time) => base * factor(time[by]),
})

type Factor = (t: number) => number

/** One function for every group, or one for each. */
function factorsOf(op: string, factor: Factor | readonly Factor[]): (group: number) => Factor {
  const list = typeof factor === 'function' ? [factor] : factor
  const areFunctions = Array.isArray(list) && list.length > 0 && list.every((fn) => typeof fn === 'function')
  check(areFunctions, 'VALUE', op, () => `needs a function, or one for each group, got ${typeof factor}.`)
  return (group) => {
    const own = list.length === 1 ? list[0] : list[group]
    return own ?? fail('VALUE', op, `has functions for ${list.length} groups, and none for group ${group}.`)
  }
}

/** base * factor(t). */
export function lambdaLR(factor: Factor | readonly Factor[], options?: By): Schedule {
  const { by } = read<Required<By>>('lambdaLR', options, { by: 'epoch' })
  const factors = factorsOf('lambdaLR', factor)
  return { rate: (base, time, group = 0) => base * factors(group)(time[by]) }
}

/** base * factor(1) * ... * factor(t). */
export function multiplicativeLR(factor: Factor | readonly Factor[], options?: By): Schedule {
  const { by } = read<Required<By>>('multiplicativeLR', options, { by: 'epoch' })
  const factors = factorsOf('multiplicativeLR', factor)
  // Products so far, by group.
  const products: number[][] = []
  const rate = (base: number, time: Time, group = 0) => {
    const known = (products[group] ??= [1])
    while (known.length <= time[by]) known.push(known[known.length - 1]! * factors(group)(known.length))
    return base * known[time[by]]!
  }
  return { rate }
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
