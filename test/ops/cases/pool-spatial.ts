/** @file Cases of pooling over one and three axes, to a given size, by powers, and back. */
import * as ops from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { distinct, given, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { adaptiveAverages, adaptiveGreatest, averages, greatest, unpooled } from '../../support/reference-spatial.ts'
import type { Averages, Windows } from '../../support/reference-spatial.ts'
import { elementwise, reshaped } from '../../support/reference.ts'

type Pool = (x: Tensor, kernel: number | number[], options: object) => Tensor
type Indexed = (x: Tensor, kernel: number | number[], options: object) => ops.ValuesAndIndices

function max(
  n: 1 | 3,
  title: string,
  x: number[],
  kernel: number[],
  options: object = {},
  windows: Windows = options as Windows,
): OpCase {
  return {
    title: `maxPool${n}d: ${title}`,
    fn: (a) => {
      const { values, indices } = (ops[`maxPool${n}dWithIndices`] as Indexed)(a, kernel, options)
      return [values, indices]
    },
    inputs: [input(x, distinct(-2, 2))],
    reference: (a) => greatest(a, kernel, windows),
    kind: 'moves',
    isSingle: true,
  }
}

function mean(
  n: 1 | 3,
  title: string,
  x: number[],
  kernel: number[],
  options: object = {},
  windows: Averages = options as Averages,
): OpCase {
  return {
    title: `avgPool${n}d: ${title}`,
    fn: (a) => (ops[`avgPool${n}d`] as Pool)(a, kernel, options),
    inputs: [input(x, range(-2, 2))],
    reference: (a) => averages(a, kernel, windows),
    kind: 'sums',
  }
}

const adaptiveMax = (n: 1 | 2 | 3, title: string, x: number[], size: number[], shapes: number[][][] = []): OpCase => ({
  title: `adaptiveMaxPool${n}d: ${title}`,
  fn: (a) => {
    const { values, indices } = ops[`adaptiveMaxPool${n}dWithIndices`](a, size)
    return [values, indices]
  },
  inputs: [input(x, distinct(-2, 2))],
  reference: (a) => adaptiveGreatest(a, size),
  kind: 'moves',
  isSingle: true,
  shapes,
})

const adaptiveMean = (n: 1 | 2 | 3, title: string, x: number[], size: number[], shapes: number[][][] = []): OpCase => ({
  title: `adaptiveAvgPool${n}d: ${title}`,
  fn: (a) => ops[`adaptiveAvgPool${n}d`](a, size),
  inputs: [input(x, range(-2, 2))],
  reference: (a) => adaptiveAverages(a, size),
  kind: 'sums',
  shapes,
})

const padded3 = { stride: [3, 2, 1], padding: [0, 1, 1], ceilMode: true }

export const poolSpatialCases: readonly OpCase[] = [
  max(1, 'plain', [2, 2, 7], [2]),
  max(
    1,
    'all together',
    [2, 1, 8],
    [3],
    { stride: 2, padding: 1, dilation: 2, ceilMode: true },
    {
      stride: 2,
      padding: 1,
      dilation: 2,
      size: [4],
    },
  ),
  {
    ...max(1, 'one signal', [2, 5], [2]),
    fn: (x) => ops.maxPool1d(x, 2),
    reference: (x) => reshaped([2, 2])(greatest(reshaped([1, 2, 5])(x), [2])[0]),
  },
  max(
    1,
    'ceilMode keeps a window that is wider than the signal',
    [1, 2, 4],
    [4],
    { dilation: 2, ceilMode: true },
    { dilation: 2, size: [1] },
  ),
  max(3, 'plain', [2, 1, 4, 3, 5], [2, 2, 2]),
  max(3, 'padding and ceilMode', [1, 2, 4, 5, 3], [3, 3, 2], padded3, { ...padded3, size: [2, 3, 4] }),
  max(3, 'dilation', [1, 1, 4, 4, 3], [2, 2, 2], { stride: 1, dilation: [3, 2, 1] }),
  {
    ...max(3, 'one volume', [2, 2, 4, 3], [2, 2, 2]),
    fn: (x) => ops.maxPool3d(x, 2),
    reference: (x) => reshaped([2, 1, 2, 1])(greatest(reshaped([1, 2, 2, 4, 3])(x), [2, 2, 2])[0]),
  },
  mean(1, 'plain', [2, 2, 7], [2]),
  mean(1, 'padding does not count', [2, 1, 6], [2], { stride: 1, padding: 1, countIncludePad: false }),
  mean(3, 'plain', [2, 1, 4, 3, 5], [2, 2, 2]),
  mean(3, 'padding and ceilMode', [1, 2, 4, 5, 3], [3, 3, 2], padded3, { ...padded3, size: [2, 3, 4] }),
  mean(
    3,
    'padding does not count',
    [1, 1, 4, 5, 3],
    [3, 3, 2],
    { ...padded3, countIncludePad: false },
    { ...padded3, countIncludePad: false, size: [2, 3, 4] },
  ),
  mean(3, 'divisorOverride', [1, 1, 3, 3, 2], [2, 2, 2], { divisorOverride: 3, padding: [0, 1, 1] }),
  adaptiveMean(1, 'overlapping windows', [2, 2, 7], [5]),
  adaptiveMean(1, 'more than there are', [1, 2, 2], [5]),
  adaptiveMean(2, 'two sizes', [2, 2, 5, 7], [3, 2], [[[1, 1, 1, 1]], [[0, 2, 5, 7]], [[2, 3, 40, 33]]]),
  adaptiveMean(2, 'one element', [2, 2, 3, 4], [1, 1], [[[2, 2, 30, 41]]]),
  adaptiveMean(3, 'three sizes', [1, 2, 3, 4, 2], [2, 4, 1]),
  adaptiveMax(1, 'overlapping windows', [2, 2, 7], [5]),
  adaptiveMax(2, 'two sizes', [2, 2, 5, 7], [3, 2], [[[1, 1, 1, 1]], [[2, 3, 12, 9]]]),
  adaptiveMax(2, 'the size of the image', [1, 2, 2, 3], [2, 3]),
  adaptiveMax(3, 'three sizes', [1, 2, 3, 4, 2], [2, 4, 1]),
  {
    title: 'lpPool1d: p 3 of positive numbers',
    fn: (x) => ops.lpPool1d(x, 3, 3, { stride: 2 }),
    inputs: [input([2, 2, 7], range(0.2, 2))],
    reference: (x) => elementwise((y) => Math.cbrt(3 * y))(averages(elementwise((v) => v ** 3)(x), [3], { stride: 2 })),
    kind: 'sums',
    only: { dtypes: ['f32'], because: 'a narrow dtype rounds between the steps' },
  },
  {
    title: 'lpPool2d: p 2',
    fn: (x) => ops.lpPool2d(x, 2, 2),
    inputs: [input([1, 2, 4, 5], range(0.2, 2))],
    reference: (x) => elementwise((y) => Math.sqrt(4 * y))(averages(elementwise((v) => v ** 2)(x), [2, 2])),
    kind: 'sums',
    only: { dtypes: ['f32'], because: 'a narrow dtype rounds between the steps' },
  },
  {
    title: 'maxUnpool1d: plain',
    fn: (x, indices) => ops.maxUnpool1d(x, indices, 2),
    inputs: [input([1, 2, 3], range(-2, 2)), input([1, 2, 3], given(1, 2, 4), 'i64')],
    reference: (x, indices) => unpooled(x, indices, [6]),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'maxUnpool2d: stride, padding, outputSize',
    fn: (x, indices) => ops.maxUnpool2d(x, indices, 3, { stride: 2, padding: 1, outputSize: [4, 5] }),
    inputs: [input([2, 1, 2, 2], range(-2, 2)), input([2, 1, 2, 2], given(1, 19, 4, 7), 'i64')],
    reference: (x, indices) => unpooled(x, indices, [4, 5]),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'maxUnpool3d: plain',
    fn: (x, indices) => ops.maxUnpool3d(x, indices, [2, 2, 1]),
    inputs: [input([1, 2, 1, 2, 1], range(-2, 2)), input([1, 2, 1, 2, 1], given(3, 6), 'i64')],
    reference: (x, indices) => unpooled(x, indices, [2, 4, 1]),
    kind: 'moves',
    isSingle: true,
  },
]
