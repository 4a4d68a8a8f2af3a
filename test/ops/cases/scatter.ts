/** @file Cases of subscripts, of writing at positions and under masks. */
import * as ops from '../../../lib/index.ts'
import { away, distinct, given, integers } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, build, moved, positionsOf } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'
import type { Kind } from '../../support/tolerance.ts'

const fill = distinct(-2, 2)
const ids = (shape: number[], ...numbers: number[]) => input(shape, given(...numbers), 'i64')

/** What the sources that meet at each position of axis 1 make, x first. */
const reduced =
  (fn: (numbers: number[]) => number, includeSelf = true) =>
  (x: Nd, index: Nd, source: Nd): Nd =>
    build(x.shape, (p) => {
      const its = positionsOf(index.shape).filter((q) => q[0] === p[0] && at(index, q) === p[1])
      if (its.length === 0) return at(x, p)
      return fn([...(includeSelf ? [at(x, p)] : []), ...its.map((q) => at(source, q))])
    })

const reduction = (
  reduce: ops.ScatterReduction,
  fn: (numbers: number[]) => number,
  kind: Kind,
  includeSelf = true,
): OpCase => ({
  title: `scatterReduce: ${reduce}${includeSelf ? '' : ', without self'}`,
  fn: (x, i, s) => ops.scatterReduce(x, 1, i, s, reduce, { includeSelf }),
  inputs: [
    input([2, 4], away(-2, 2, [0], 0.3)),
    ids([2, 5], 3, 0, 3, 2, 3, 1, 1, 0, 2, 0),
    input([2, 5], away(-2.1, 2.2, [0], 0.3)),
  ],
  reference: reduced(fn, includeSelf),
  kind,
})

const sum = (x: number[]) => x.reduce((a, b) => a + b, 0)
const product = (x: number[]) => x.reduce((a, b) => a * b, 1)
const mean = (x: number[]) => sum(x) / x.length

const reductions: OpCase[] = [true, false].flatMap((includeSelf) => [
  reduction('sum', sum, 'sums', includeSelf),
  reduction('prod', product, 'sums', includeSelf),
  reduction('mean', mean, 'sums', includeSelf),
  reduction('amax', (x) => Math.max(...x), 'moves', includeSelf),
  reduction('amin', (x) => Math.min(...x), 'moves', includeSelf),
])

/** x with slices of `source` at positions of axis 0. */
const written =
  (combine: (old: number, source: number) => number) =>
  (x: Nd, index: Nd, source: Nd): Nd => {
    const data = Float64Array.from(x.data)
    const inner = x.shape.slice(1).reduce((a, b) => a * b, 1)
    index.data.forEach((row, i) => {
      for (let j = 0; j < inner; j++) data[row * inner + j] = combine(data[row * inner + j], source.data[i * inner + j])
    })
    return { shape: x.shape, data }
  }

const writes: OpCase[] = [
  {
    title: 'scatter: a number',
    fn: (x, i) => ops.scatter(x, 1, i, 2.5),
    inputs: [input([2, 4], fill), ids([2, 2], 3, 0, 2, 2)],
    reference: (x, i) => build(x.shape, (p) => ([0, 1].some((k) => at(i, [p[0], k]) === p[1]) ? 2.5 : at(x, p))),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'scatterAdd: a source larger than the index',
    fn: (x, i, s) => ops.scatterAdd(x, 1, i, s),
    inputs: [input([2, 4], fill), ids([2, 2], 3, 0, 2, 2), input([3, 3], fill)],
    reference: (x, i, s) =>
      build(
        x.shape,
        (p) => at(x, p) + sum([0, 1].filter((k) => at(i, [p[0], k]) === p[1]).map((k) => at(s, [p[0], k]))),
      ),
    kind: 'sums',
    isSingle: true,
  },
  {
    title: 'indexAdd',
    fn: (x, i, s) => ops.indexAdd(x, 0, i, s, { alpha: 2 }),
    inputs: [input([3, 2], fill), ids([4], 2, 0, 2, 1), input([4, 2], fill)],
    reference: written((old, source) => old + 2 * source),
    kind: 'sums',
  },
  {
    title: 'indexCopy',
    fn: (x, i, s) => ops.indexCopy(x, 0, i, s),
    inputs: [input([3, 2], fill), ids([2], 2, 0), input([2, 2], fill)],
    reference: written((_, source) => source),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'indexFill',
    fn: (x, i) => ops.indexFill(x, 1, i, 3.5),
    inputs: [input([2, 4], fill), ids([2], 3, 1)],
    reference: (x, i) => build(x.shape, (p) => (i.data.includes(p[1]) ? 3.5 : at(x, p))),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'takeAlongDim: broadcast',
    fn: (x, i) => ops.takeAlongDim(x, i, 1),
    inputs: [input([1, 3], fill), ids([2, 2], 2, 0, 1, 2)],
    reference: (x, i) => build([2, 2], (p) => at(x, [0, at(i, p)])),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'take: of the flattened tensor, negative positions',
    fn: (x, i) => ops.take(x, i),
    inputs: [input([2, 3], fill), ids([2, 2], 5, -1, 0, -6)],
    reference: (x, i) => build([2, 2], (p) => x.data[(at(i, p) + 6) % 6]),
    kind: 'moves',
    isSingle: true,
  },
]

const mask = (shape: number[]) => input(shape, given(1, 0, 0, 1, 1), 'bool')
const masks: OpCase[] = [
  {
    title: 'maskedFill',
    fn: (x, m) => ops.maskedFill(x, m, -2.5),
    inputs: [input([2, 3], fill), mask([3])],
    reference: (x, m) => build([2, 3], (p) => (m.data[p[1]] ? -2.5 : at(x, p))),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'maskedScatter',
    fn: (x, m, s) => ops.maskedScatter(x, m, s),
    inputs: [input([2, 3], fill), mask([2, 3]), input([6], fill)],
    reference: (x, m, s) => {
      let next = 0
      return { shape: x.shape, data: x.data.map((old, i) => (m.data[i] ? s.data[next++] : old)) }
    },
    kind: 'moves',
    isSingle: true,
  },
]

/** A subscript of positions and ranges. */
const read = (
  title: string,
  fn: OpCase['fn'],
  shape: readonly number[],
  from: (p: readonly number[]) => readonly number[],
): OpCase => ({
  title,
  fn,
  inputs: [input([3, 4, 2], fill)],
  reference: moved(shape, from),
  kind: 'moves',
  isSingle: true,
})

/** A subscript with two tensors of positions. */
const readAt = (
  title: string,
  fn: OpCase['fn'],
  shape: readonly number[],
  from: (p: readonly number[], i: Nd, j: Nd) => readonly number[],
): OpCase => ({
  title,
  fn,
  inputs: [input([3, 4, 2], fill), ids([2, 1], 2, -3), ids([3], 1, 0, 1)],
  reference: (x, i, j) => build(shape, (p) => at(x, from(p, i, j))),
  kind: 'moves',
  isSingle: true,
})

const [I, J] = [
  [2, 0],
  [1, 0, 1],
]
const subscripts: OpCase[] = [
  read(
    'index: positions',
    (x) => ops.index(x, [-1, '...', 0]),
    [4],
    ([j]) => [2, j, 0],
  ),
  read(
    'index: ranges and a new axis',
    (x) => ops.index(x, [[1], null, [null, null, 2]]),
    [2, 1, 2, 2],
    ([i, , j, k]) => [i + 1, 2 * j, k],
  ),
  readAt(
    'index: tensors side by side',
    (x, i, j) => ops.index(x, [[], i, j]),
    [3, 2, 3],
    ([k, a, b]) => [k, I[a] + (a ? 1 : 0), J[b]],
  ),
  readAt(
    'index: tensors apart',
    (x, i, j) => ops.index(x, [i, [1, 3], j]),
    [2, 3, 2],
    ([a, b, k]) => [I[a], k + 1, J[b]],
  ),
  readAt(
    'index: a position between',
    (x, i, j) => ops.index(x, [i, 3, j]),
    [2, 3],
    ([a, b]) => [I[a], 3, J[b]],
  ),
  {
    title: 'index: equal positions, the gradient adds up',
    fn: (x, i) => ops.index(x, [i]),
    inputs: [input([3, 2], fill), ids([4], 1, 1, -1, 1)],
    reference: (x, i) => build([4, 2], (p) => at(x, [(i.data[p[0]] + 3) % 3, p[1]])),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'indexPut: the last stays',
    fn: (x, i, j, v) => ops.indexPut(x, [i, [], j], v),
    inputs: [input([3, 2, 4], fill), ids([2], 2, 0), ids([2], 1, 3), input([2, 2], fill)],
    reference: (x, i, j, v) =>
      build(x.shape, (p) => {
        const k = [0, 1].find((n) => i.data[n] === p[0] && j.data[n] === p[2])
        return k === undefined ? at(x, p) : at(v, [k, p[1]])
      }),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'indexPut: accumulates',
    fn: (x, i, j, v) => ops.indexPut(x, [i, j], v, { accumulate: true }),
    inputs: [input([3, 4], fill), ids([3], 2, 0, 2), ids([3], 1, 3, 1), input([3], fill)],
    reference: (x, i, j, v) =>
      build(
        x.shape,
        (p) => at(x, p) + sum([0, 1, 2].filter((n) => i.data[n] === p[0] && j.data[n] === p[1]).map((n) => v.data[n])),
      ),
    kind: 'sums',
  },
]

/** Whole numbers, in which nothing is rounded. */
const whole: OpCase[] = (['amax', 'amin', 'mean', 'prod'] as const).map((reduce) => ({
  title: `scatterReduce: ${reduce} of integers, without self`,
  fn: (x, i, s) => ops.scatterReduce(x, 1, i, s, reduce, { includeSelf: false }),
  inputs: [
    input([2, 4], integers(-9, 9), 'i64'),
    ids([2, 5], 3, 0, 3, 2, 3, 1, 1, 0, 2, 0),
    input([2, 5], integers(-9, 9), 'i64'),
  ],
  reference: reduced(
    {
      amax: (x: number[]) => Math.max(...x),
      amin: (x: number[]) => Math.min(...x),
      mean: (x: number[]) => Math.floor(mean(x)),
      prod: product,
    }[reduce],
    false,
  ),
  kind: 'moves',
}))

export const scatterCases: readonly OpCase[] = [...reductions, ...whole, ...writes, ...masks, ...subscripts]
