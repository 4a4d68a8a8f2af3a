/** @file Cases of pooling. */
import * as ops from '../../../lib/index.ts'
import type { AvgPoolOptions, MaxPoolOptions, Pair } from '../../../lib/index.ts'
import { distinct, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { avgPool2d, maxPool2d } from '../../support/reference-windows.ts'
import type { AverageWindow, Window } from '../../support/reference-windows.ts'
import { reshaped } from '../../support/reference.ts'

function greatest(
  title: string,
  x: number[],
  kernel: Pair,
  options: MaxPoolOptions = {},
  window: Window = options as Window,
  shapes: number[][][] = [],
): OpCase {
  return {
    title: `maxPool2d: ${title}`,
    fn: (a) => {
      const { values, indices } = ops.maxPool2dWithIndices(a, kernel, options)
      return [values, indices]
    },
    inputs: [input(x, distinct(-2, 2))],
    reference: (a) => maxPool2d(a, kernel, window),
    kind: 'moves',
    isSingle: true,
    shapes,
  }
}

function mean(
  title: string,
  x: number[],
  kernel: Pair,
  options: AvgPoolOptions = {},
  window: AverageWindow = options as AverageWindow,
  shapes: number[][][] = [],
): OpCase {
  return {
    title: `avgPool2d: ${title}`,
    fn: (a) => ops.avgPool2d(a, kernel, options),
    inputs: [input(x, range(-2, 2))],
    reference: (a) => avgPool2d(a, kernel, window),
    kind: 'sums',
    isSingle: true,
    shapes,
  }
}

export const poolCases: readonly OpCase[] = [
  greatest('plain', [2, 2, 4, 4], 2, {}, {}, [[[1, 1, 2, 2]], [[0, 2, 4, 4]], [[3, 5, 32, 30]]]),
  greatest('rest is left out', [1, 1, 5, 7], [2, 3]),
  greatest('overlapping', [1, 2, 5, 5], 3, { stride: 1 }, undefined, [[[2, 3, 20, 37]]]),
  greatest('padding', [1, 1, 4, 5], 3, { stride: 2, padding: 1 }, undefined, [[[2, 3, 21, 34]]]),
  greatest('ceilMode', [1, 1, 5, 6], 2, { ceilMode: true }, { size: [3, 3] }),
  greatest(
    'ceilMode, a window that begins outside is dropped',
    [1, 1, 4, 4],
    2,
    { stride: 3, padding: 1, ceilMode: true },
    { stride: 3, padding: 1, size: [2, 2] },
  ),
  greatest('dilation', [1, 1, 6, 6], 2, { stride: 1, dilation: [2, 3] }),
  {
    ...greatest('one image', [2, 4, 4], 2),
    fn: (x) => ops.maxPool2d(x, 2),
    reference: (x) => reshaped([2, 2, 2])(maxPool2d(reshaped([1, 2, 4, 4])(x), 2)[0]),
  },
  mean('plain', [2, 2, 4, 4], 2, {}, {}, [[[1, 1, 2, 2]], [[0, 2, 4, 4]], [[3, 5, 32, 30]]]),
  mean('overlapping', [1, 2, 5, 4], [3, 2], { stride: 1 }),
  mean('padding counts', [1, 1, 4, 5], 3, { stride: 2, padding: 1 }),
  mean('padding does not count', [1, 1, 4, 5], 3, { stride: 2, padding: 1, countIncludePad: false }),
  mean('ceilMode', [1, 1, 5, 6], 2, { ceilMode: true }, { size: [3, 3] }),
  mean(
    'ceilMode and padding',
    [1, 1, 5, 6],
    3,
    { stride: 2, padding: 1, ceilMode: true },
    { stride: 2, padding: 1, size: [3, 4] },
  ),
  mean(
    'ceilMode, padding does not count',
    [1, 1, 5, 6],
    3,
    { stride: 2, padding: 1, ceilMode: true, countIncludePad: false },
    { stride: 2, padding: 1, countIncludePad: false, size: [3, 4] },
  ),
  mean('divisorOverride', [1, 1, 4, 4], 2, { divisorOverride: 3 }),
  {
    ...mean('one image', [2, 4, 4], 2),
    reference: (x) => reshaped([2, 2, 2])(avgPool2d(reshaped([1, 2, 4, 4])(x), 2)),
  },
]
