/** @file Cases of normalisations over parts of one example. What instance norm writes is tested with its modules. */
import * as ops from '../../../lib/index.ts'
import { range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { alongAxis, at, average, build, elementwise, reshaped, standardizedLine } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = range(-3, 3)
const because = 'a difference from the mean is divided by a small deviation'

/** Each of `groups` runs of channels of each example on its own. */
const standardized =
  (groups: number, eps?: number) =>
  (x: Nd): Nd => {
    const lines = reshaped([x.shape[0], groups, x.data.length / (x.shape[0] * groups)])(x)
    return reshaped(x.shape)(alongAxis(2, (line) => standardizedLine(line, eps))(lines))
  }

const scaled = (y: Nd, w: Nd, b: Nd): Nd => build(y.shape, (p) => at(y, p) * w.data[p[1]] + b.data[p[1]])

const rms = (eps: number) => (line: number[]) => line.map((x) => x / Math.sqrt(average(line.map((v) => v * v)) + eps))

const neighbours = (x: Nd, size: number, alpha: number, beta: number, k: number): Nd =>
  build(x.shape, ([b, c, ...rest]) => {
    let sum = 0
    for (let i = c - Math.floor(size / 2); i < c - Math.floor(size / 2) + size; i++)
      if (i >= 0 && i < x.shape[1]) sum += at(x, [b, i, ...rest]) ** 2
    return at(x, [b, c, ...rest]) / (k + (alpha * sum) / size) ** beta
  })

const [mean, spread] = [
  { shape: [2], data: Float64Array.of(0.5, -1) },
  { shape: [2], data: Float64Array.of(0.25, 4) },
]

export const groupNormCases: readonly OpCase[] = [
  {
    title: 'groupNorm: weight and bias',
    fn: (x, weight, bias) => ops.groupNorm(x, 2, { weight, bias }),
    inputs: [input([2, 4, 3], fill), input([4], fill), input([4], fill)],
    reference: (x, w, b) => scaled(standardized(2)(x), w, b),
    kind: 'sums',
    looser: { factor: 4, because },
    shapes: [
      [[0, 4, 3], [4], [4]],
      [[2, 6, 5, 7], [6], [6]],
    ],
  },
  {
    title: 'groupNorm: one group, no more axes',
    fn: (x) => ops.groupNorm(x, 1, { eps: 0.1 }),
    inputs: [input([3, 4], fill)],
    reference: standardized(1, 0.1),
    kind: 'sums',
  },
  {
    title: 'instanceNorm: weight and bias',
    fn: (x, weight, bias) => ops.instanceNorm(x, { weight, bias }),
    inputs: [input([2, 2, 3, 2], fill), input([2], fill), input([2], fill)],
    reference: (x, w, b) => scaled(standardized(2)(x), w, b),
    kind: 'sums',
    looser: { factor: 4, because },
  },
  {
    title: 'instanceNorm: running statistics',
    fn: (x, runningMean, runningVar) => ops.instanceNorm(x, { runningMean, runningVar, useInputStats: false }),
    inputs: [input([2, 2, 3], fill), input([2], () => [...mean.data]), input([2], () => [...spread.data])],
    reference: (x, m, v) => build(x.shape, (p) => (at(x, p) - m.data[p[1]]) / Math.sqrt(v.data[p[1]] + 1e-5)),
    kind: 'solves',
  },
  {
    title: 'localResponseNorm: odd size',
    fn: (x) => ops.localResponseNorm(x, 3, { alpha: 0.5, k: 2 }),
    inputs: [input([2, 4, 3], fill)],
    reference: (x) => neighbours(x, 3, 0.5, 0.75, 2),
    kind: 'sums',
  },
  {
    title: 'localResponseNorm: even size',
    fn: (x) => ops.localResponseNorm(x, 4, { alpha: 0.5, beta: 0.5 }),
    inputs: [input([1, 3, 2, 2], fill)],
    reference: (x) => neighbours(x, 4, 0.5, 0.5, 1),
    kind: 'sums',
  },
  {
    title: 'rmsNorm: weight',
    fn: (x, weight) => ops.rmsNorm(x, [4], { weight, eps: 1e-6 }),
    inputs: [input([2, 3, 4], fill), input([4], fill)],
    reference: (x, w) => elementwise((y, v) => y * v)(alongAxis(-1, rms(1e-6))(x), w),
    kind: 'sums',
    looser: { factor: 2, because: 'the root of a sum is taken before the products' },
  },
  {
    title: 'rmsNorm: two axes, default eps',
    fn: (x) => ops.rmsNorm(x, [3, 4]),
    inputs: [input([2, 3, 4], fill)],
    reference: (x) => reshaped(x.shape)(alongAxis(-1, rms(2 ** -52))(reshaped([2, 12])(x))),
    kind: 'sums',
  },
]
