/** @file reduceLROnPlateau: a schedule that looks at results. */
import { check, checkInteger, fail } from '../errors.ts'
import { checkNumber } from './param-groups.ts'
import { read } from './schedule-options.ts'
import type { Schedule } from './scheduler.ts'

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
  /** The lowest rate, also one for each group. Default: 0. */
  minLr?: number | readonly number[]
  /** Smaller changes are not made. Default: 1e-8. */
  eps?: number
}

/** Multiplies by factor n times, not below minLr; n grows when an epoch's result has made no progress for more than `patience` epochs. One for each optimiser. */
export function reduceLROnPlateau(options?: ReduceLROnPlateauOptions): Schedule {
  const o = read('reduceLROnPlateau', options, {
    monitor: null as string | null,
    mode: 'min' as 'min' | 'max',
    factor: 0.1,
    patience: 10,
    threshold: 1e-4,
    thresholdMode: 'rel' as 'rel' | 'abs',
    cooldown: 0,
    minLr: 0 as number | readonly number[],
    eps: 1e-8,
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
    rate(base, _, group = 0) {
      const least = typeof o.minLr === 'number' ? o.minLr : (o.minLr[group] ?? 0)
      let lr = base
      for (let n = 0; n < memory.reductions; n++) {
        const next = Math.max(lr * o.factor, least)
        if (lr - next <= o.eps) break
        lr = next
      }
      return lr
    },
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
