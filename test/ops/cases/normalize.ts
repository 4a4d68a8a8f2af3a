/** @file Cases of softmax and the normalisations. What batch norm writes is tested apart. */
import * as ops from '../../../lib/index.ts'
import { Variable } from '../../../lib/index.ts'
import { range, toTensor } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import {
  alongAxis,
  average,
  build,
  elementwise,
  logSoftmaxLine,
  reshaped,
  softmaxLine,
  spread,
  standardizedLine,
  at,
  positionsOf,
} from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = range(-3, 3)

const softmaxes: OpCase[] = (['softmax', 'logSoftmax'] as const).flatMap((name) => {
  const line = name === 'softmax' ? softmaxLine : logSoftmaxLine
  const row = (title: string, shape: number[], axis: number, shapes: number[][][]): OpCase => ({
    title: `${name}: ${title}`,
    fn: (x) => ops[name](x, axis),
    inputs: [input(shape, fill)],
    reference: alongAxis(axis, line),
    kind: 'sums',
    isSingle: true,
    shapes,
  })
  return [
    row('last axis', [2, 3, 4], -1, [[[1]], [[0]], [[3, 0]], [[0, 3]], [[5, 1]], [[7, 100]], [[2, 5000]]]),
    row('first axis', [3, 4], 0, [[[40, 9]]]),
    row('middle axis', [2, 4, 3], 1, []),
  ]
})

const scalars: OpCase[] = [
  {
    title: 'softmax: scalar',
    fn: (x) => ops.softmax(x),
    inputs: [input([], fill)],
    reference: () => build([], () => 1),
    kind: 'moves',
    isSingle: true,
  },
]

const plain = alongAxis(-1, (line) => standardizedLine(line))

const layers: OpCase[] = [
  {
    title: 'layerNorm: weight and bias',
    fn: (x, weight, bias) => ops.layerNorm(x, [4], { weight, bias }),
    inputs: [input([2, 3, 4], fill), input([4], fill), input([4], fill)],
    reference: (x, w, b) => elementwise((y, c, d) => y * c + d)(plain(x), w, b),
    kind: 'sums',
    looser: { factor: 2, because: 'a difference from the mean is divided by a small deviation' },
    shapes: [
      [[4], [4], [4]],
      [[0, 4], [4], [4]],
    ],
  },
  {
    title: 'layerNorm: weight alone, more rows than sums over them',
    fn: (x, weight) => ops.layerNorm(x, [3], { weight }),
    inputs: [input([19, 3], fill), input([3], fill)],
    reference: (x, w) => elementwise((y, c) => y * c)(plain(x), w),
    kind: 'sums',
    looser: { factor: 2, because: 'a difference from the mean is divided by a small deviation' },
  },
  {
    title: 'layerNorm: two axes',
    fn: (x) => ops.layerNorm(x, [3, 4]),
    inputs: [input([2, 3, 4], fill)],
    reference: (x) => reshaped(x.shape)(plain(reshaped([2, 12])(x))),
    kind: 'sums',
  },
  {
    title: 'layerNorm: eps',
    fn: (x) => ops.layerNorm(x, [5], { eps: 0.5 }),
    inputs: [input([3, 5], fill)],
    reference: alongAxis(-1, (line) => standardizedLine(line, 0.5)),
    kind: 'sums',
    shapes: [[[700, 5]]],
  },
]

/** Per channel, over all other axes: what the last argument gives for the channel's numbers. */
function perChannel(x: Nd, of: (numbers: number[]) => number): number[] {
  return Array.from({ length: x.shape[1] }, (_, c) =>
    of(positionsOf(x.shape).flatMap((p) => (p[1] === c ? [at(x, p)] : []))),
  )
}

function normalized(x: Nd, eps = 1e-5): Nd {
  const means = perChannel(x, average)
  const vars = perChannel(x, (numbers) => spread(numbers, 0))
  return build(x.shape, (p) => (at(x, p) - means[p[1]]) / Math.sqrt(vars[p[1]] + eps))
}

const scaled = (y: Nd, w: Nd, b: Nd): Nd => build(y.shape, (p) => at(y, p) * w.data[p[1]] + b.data[p[1]])

const runningMean = new Variable(toTensor({ shape: [3], data: Float64Array.from([0.5, -1, 2]) }, 'f64'), {
  trainable: false,
})
const runningVar = new Variable(toTensor({ shape: [3], data: Float64Array.from([0.5, 1, 2]) }, 'f64'), {
  trainable: false,
})

const batches: OpCase[] = [
  {
    title: 'batchNorm: training',
    fn: (x, weight, bias) => ops.batchNorm(x, { weight, bias, training: true }),
    inputs: [input([4, 2, 3], fill), input([2], fill), input([2], fill)],
    reference: (x, w, b) => scaled(normalized(x), w, b),
    kind: 'solves',
    shapes: [
      [[5, 3], [3], [3]],
      [[2, 2, 3, 4], [2], [2]],
    ],
  },
  {
    title: 'batchNorm: no weight',
    fn: (x) => ops.batchNorm(x, { training: true, eps: 0.1 }),
    inputs: [input([2, 2, 3, 2], fill)],
    reference: (x) => normalized(x, 0.1),
    kind: 'solves',
  },
  {
    title: 'batchNorm: running statistics',
    fn: (x) => ops.batchNorm(x, { runningMean, runningVar }),
    inputs: [input([2, 3, 2], fill)],
    reference: (x) => build(x.shape, (p) => (at(x, p) - [0.5, -1, 2][p[1]]) / Math.sqrt([0.5, 1, 2][p[1]] + 1e-5)),
    kind: 'solves',
    only: { dtypes: [], because: 'the statistics of this case are f64' },
  },
]

export const normalizeCases: readonly OpCase[] = [...softmaxes, ...scalars, ...layers, ...batches]
