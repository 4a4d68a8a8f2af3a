/** @file Losses as plain formulas of numbers: each pairs numbers of broadcast inputs, and reduces. Nothing shared with lib/. */
import { atBroadcast, average, build, total } from './reference.ts'
import type { Nd } from './reference.ts'

export type Reduction = 'mean' | 'sum' | 'none'
export const reductions: readonly Reduction[] = ['mean', 'sum', 'none']

export function reduced(each: Nd, how: Reduction): Nd {
  return how === 'none' ? each : build([], () => (how === 'mean' ? average : total)([...each.data]))
}

/** A formula at every position of the first input, to which the others broadcast. */
export const pointwise =
  (formula: (...numbers: number[]) => number, how: Reduction = 'mean') =>
  (...inputs: Nd[]): Nd =>
    reduced(
      build(inputs[0].shape, (p) => formula(...inputs.map((x) => atBroadcast(x, p)))),
      how,
    )

/** A formula of the rows of the inputs: [B, D] each, or [B] for numbers that belong to a row. */
export const rowwise =
  (formula: (...rows: number[][]) => number, how: Reduction = 'mean') =>
  (...inputs: Nd[]): Nd => {
    const rowOf = (x: Nd, i: number) => {
      const d = x.data.length / inputs[0].shape[0]
      return [...x.data.slice(i * d, (i + 1) * d)]
    }
    return reduced(
      build([inputs[0].shape[0]], ([i]) => formula(...inputs.map((x) => rowOf(x, i)))),
      how,
    )
  }
