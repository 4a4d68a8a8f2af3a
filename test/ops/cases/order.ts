/** @file Cases of sorting, searching, and what is read off sorted lines. */
import * as ops from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { distinct, given, integers } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { alongAxis, build, reduction } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = distinct(-2, 2)
const both = ({ values, indices }: { values: Tensor; indices: Tensor }) => [values, indices]

/** Positions in order; NaN last, equal ones as they stand. */
const orderOf = (line: readonly number[], descending = false): number[] => {
  const rank = (x: number) => (Number.isNaN(x) ? Infinity : x)
  return line
    .map((_, i) => i)
    .sort((a, b) => {
      const [x, y] = [rank(line[a]), rank(line[b])]
      return x === y ? a - b : x < y === descending ? 1 : -1
    })
}
const sorted = (line: readonly number[], descending = false) => orderOf(line, descending).map((i) => line[i])

/** The first k of each last-axis line. */
const firsts = (k: number, descending: boolean) => (x: Nd) => {
  const n = x.shape[x.shape.length - 1]
  const cut = (y: Nd): Nd => ({
    shape: [...y.shape.slice(0, -1), k],
    data: y.data.filter((_, i) => i % n < k),
  })
  return [
    cut(alongAxis(-1, (line) => sorted(line, descending))(x)),
    cut(alongAxis(-1, (line) => orderOf(line, descending))(x)),
  ]
}

const sorts: OpCase[] = [
  {
    title: 'sort',
    fn: (x) => both(ops.sort(x)),
    inputs: [input([3, 5], fill)],
    reference: firsts(5, false),
    kind: 'moves',
    isSingle: true,
    shapes: [[[0, 5]], [[40, 5]]],
  },
  {
    title: 'sort: long rows',
    fn: (x) => both(ops.sort(x)),
    inputs: [input([2, 700], integers(-300, 300), 'f32')],
    reference: firsts(700, false),
    kind: 'moves',
  },
  {
    title: 'sort: first axis, descending',
    fn: (x) => both(ops.sort(x, 0, { descending: true })),
    inputs: [input([4, 2, 2], fill)],
    reference: (x) => [alongAxis(0, (line) => sorted(line, true))(x), alongAxis(0, (line) => orderOf(line, true))(x)],
    kind: 'moves',
    isSingle: true,
    shapes: [[[1, 2, 3]], [[300, 2, 1]]],
  },
  {
    title: 'sort: scalar',
    fn: (x) => both(ops.sort(x)),
    inputs: [input([], fill)],
    reference: (x) => [x, { shape: [], data: Float64Array.of(0) }],
    kind: 'moves',
  },
  {
    title: 'argsort: ties and NaN',
    fn: (x) => ops.argsort(x, -1, { descending: true }),
    inputs: [input([2, 6], given(1, NaN, 0, -0, 1, Infinity, NaN, -1), 'f32')],
    reference: alongAxis(-1, (line) => orderOf(line, true)),
    kind: 'moves',
  },
  {
    title: 'msort',
    fn: ops.msort,
    inputs: [input([4, 3], fill)],
    reference: alongAxis(0, (line) => sorted(line)),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'topk',
    fn: (x) => both(ops.topk(x, 3)),
    inputs: [input([2, 7], fill)],
    reference: firsts(3, true),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'topk: smallest, more than a heap holds',
    fn: (x) => both(ops.topk(x, 300, { largest: false })),
    inputs: [input([2, 400], integers(-90, 90), 'f32')],
    reference: firsts(300, false),
    kind: 'moves',
  },
  {
    title: 'kthvalue',
    fn: (x) => both(ops.kthvalue(x, 2, 1, { keepDims: true })),
    inputs: [input([3, 4], fill)],
    reference: (x) => [
      reduction((line) => sorted(line)[1], [1], true)(x),
      reduction((line) => orderOf(line)[1], [1], true)(x),
    ],
    kind: 'moves',
    isSingle: true,
  },
]

const noGradient = 'the result is a position'
const place = (line: ArrayLike<number>, x: number, right: boolean) =>
  Array.from(line).filter((edge) => (right ? edge <= x : edge < x)).length

const searches: OpCase[] = [
  {
    title: 'searchsorted: one sequence',
    fn: (line, x) => ops.searchsorted(line, x),
    inputs: [input([4], given(-1, 0, 0, 2), 'f32'), input([2, 3], given(-2, 0, 0.5, 2, 3, -1), 'f32')],
    reference: (line, x) => build(x.shape, (p) => place(line.data, x.data[p[0] * x.shape[1] + p[1]], false)),
    kind: 'moves',
    noGradient,
  },
  {
    title: 'searchsorted: a sequence a row, behind equal ones',
    fn: (line, x) => ops.searchsorted(line, x, { right: true }),
    inputs: [input([2, 3], given(-1, 0, 1, 0, 0, 2), 'i64'), input([2, 2], given(0, 1, 0, 5), 'i64')],
    reference: (line, x) =>
      build([2, 2], ([i, j]) => place(line.data.slice(i * 3, i * 3 + 3), x.data[i * 2 + j], true)),
    kind: 'moves',
    noGradient,
  },
  {
    title: 'searchsorted: by a sorter',
    fn: (line, x) => ops.searchsorted(line, x, { sorter: ops.argsort(line) }),
    inputs: [input([5], fill, 'f32'), input([3], given(-1, 0, 1.5), 'f32')],
    reference: (line, x) => build([3], ([i]) => place(line.data, x.data[i], false)),
    kind: 'moves',
    noGradient,
  },
  {
    title: 'bucketize',
    fn: (x, edges) => ops.bucketize(x, edges, { right: true }),
    inputs: [input([5], given(-3, 0, 1, 4, 9), 'f32'), input([3], given(0, 1, 4), 'f32')],
    reference: (x, edges) => build([5], ([i]) => place(edges.data, x.data[i], true)),
    kind: 'moves',
    noGradient,
  },
]

const middle = (x: readonly number[]) => (x.some(Number.isNaN) ? NaN : sorted(x)[Math.floor((x.length - 1) / 2)])
const nanMiddle = (x: readonly number[]) =>
  middle(x.some((a) => !Number.isNaN(a)) ? x.filter((a) => !Number.isNaN(a)) : x)
const holes = given(1, NaN, 3, 0.5, NaN, NaN, -1, 2, NaN, 4, 5, 6)
const positionOf = (pick: (x: readonly number[]) => number) => (x: readonly number[]) =>
  x.findIndex((a) => Object.is(a, pick(x)))
const nans = { noGradient: 'differences of NaN' }

const medians: OpCase[] = (
  [
    ['median', 'medianWithIndices', middle],
    ['nanmedian', 'nanmedianWithIndices', nanMiddle],
  ] as const
).flatMap(([name, withIndices, pick]): OpCase[] => [
  {
    title: `${name}: all`,
    fn: (x) => ops[name](x),
    inputs: [input([2, 5], fill)],
    reference: reduction((x) => pick(x)),
    kind: 'moves',
    isSingle: true,
    shapes: [[[1]], [[2, 2]], [[]]],
  },
  {
    title: `${name}: axis`,
    fn: (x) => ops[name](x, 0, { keepDims: true }),
    inputs: [input([4, 3], fill)],
    reference: reduction((x) => pick(x), [0], true),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: `${withIndices}`,
    fn: (x) => both(ops[withIndices](x, 1)),
    inputs: [input([3, 4], holes)],
    reference: (x) => [reduction(pick, [1])(x), reduction(positionOf(pick), [1])(x)],
    kind: 'moves',
    ...nans,
  },
])

const at = (x: readonly number[], position: number) => {
  const y = sorted(x)
  const [low, high] = [y[Math.floor(position)], y[Math.ceil(position)]]
  return low + (high - low) * (position - Math.floor(position))
}
const quantileOf = (q: number, rule: (position: number) => number) => (x: number[]) => {
  const numbers = x.filter((a) => !Number.isNaN(a))
  return at(numbers, rule(q * (numbers.length - 1)))
}
const rules: [ops.QuantileOptions['interpolation'], (position: number) => number][] = [
  ['linear', (p) => p],
  ['lower', Math.floor],
  ['higher', Math.ceil],
  ['midpoint', (p) => (Math.floor(p) + Math.ceil(p)) / 2],
  ['nearest', Math.round],
]

const quantiles: OpCase[] = [
  ...rules.map(([interpolation, rule]): OpCase => ({
    title: `quantile: ${interpolation}`,
    fn: (x) => ops.quantile(x, 0.3, 1, { interpolation }),
    inputs: [input([2, 7], fill)],
    reference: reduction(quantileOf(0.3, rule), [1]),
    kind: 'sums',
  })),
  {
    title: 'quantile: several, kept',
    fn: (x) => ops.quantile(x, [0, 0.5, 0.8], 0, { keepDims: true }),
    inputs: [input([4, 2], fill)],
    reference: (x) => ({
      shape: [3, 1, 2],
      data: Float64Array.from(
        [0, 0.5, 0.8].flatMap((q) => [
          ...reduction(
            quantileOf(q, (p) => p),
            [0],
          )(x).data,
        ]),
      ),
    }),
    kind: 'sums',
  },
  {
    title: 'nanquantile: all, q a tensor',
    fn: (x, q) => ops.nanquantile(x, q),
    inputs: [input([3, 4], holes), input([], given(0.4), 'f64')],
    reference: reduction(quantileOf(0.4, (p) => p)),
    kind: 'sums',
    ...nans,
  },
  {
    title: 'mode',
    fn: (x) => both(ops.mode(x, 1)),
    inputs: [input([3, 7], integers(0, 3), 'f32')],
    reference: (x) => {
      const count = (line: readonly number[], a: number) => line.filter((b) => b === a).length
      const best = (line: readonly number[]) =>
        sorted(line).reduce((top, a) => (count(line, a) > count(line, top) ? a : top))
      return [reduction(best, [1])(x), reduction((line) => line.lastIndexOf(best(line)), [1])(x)]
    },
    kind: 'moves',
    shapes: [[[2, 1]]],
  },
]

export const orderCases: readonly OpCase[] = [...sorts, ...searches, ...medians, ...quantiles]
