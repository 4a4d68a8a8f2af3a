/** @file Cases of reading and writing at positions that are data. */
import * as ops from '../../../lib/index.ts'
import { distinct, given, integers } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, build, positionsOf } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = distinct(-2, 2)
const ids = (shape: number[], n: number, dtype: 'i64' | 'i32' | 'u8' = 'i64') => input(shape, integers(0, n), dtype)

/** Slices of x along an axis. */
const taken =
  (axis: number) =>
  (x: Nd, index: Nd): Nd => {
    const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)]
    return build(shape, (p) =>
      at(x, [
        ...p.slice(0, axis),
        at(index, p.slice(axis, axis + index.shape.length)),
        ...p.slice(axis + index.shape.length),
      ]),
    )
  }

const takes: OpCase[] = [
  {
    title: 'take: rows',
    fn: (x, i) => ops.take(x, i, 0),
    inputs: [input([4, 3], fill), ids([5], 4)],
    reference: taken(0),
    kind: 'moves',
    isSingle: true,
    shapes: [
      [[4, 3], [0]],
      [[4, 0], [2]],
      [[4], []],
      [[4, 700], [60]],
    ],
  },
  {
    title: 'take: middle axis, matrix of positions',
    fn: (x, i) => ops.take(x, i, 1),
    inputs: [input([2, 4, 3], fill), ids([2, 2], 4, 'i32')],
    reference: taken(1),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'take: positions out of range, clipped',
    fn: (x) => ops.take(x, ops.tensor(BigInt64Array.of(-9n, -4n, -1n, 2n, 3n, 4n, 9n)), 0, { mode: 'clip' }),
    inputs: [input([4, 3], fill)],
    reference: (x) => build([7, 3], ([row, k]) => at(x, [[0, 0, 3, 2, 3, 3, 3][row!]!, k!])),
    kind: 'moves',
    isSingle: true,
  },
  {
    title: 'indexSelect',
    fn: (x, i) => ops.indexSelect(x, -1, i),
    inputs: [input([2, 3], fill), ids([4], 3, 'u8')],
    reference: taken(1),
    kind: 'moves',
    isSingle: true,
  },
]

const replaced = (p: readonly number[], axis: number, i: number) => p.map((k, a) => (a === axis ? i : k))

const gathers: OpCase[] = [
  {
    title: 'gather: first axis',
    fn: (x, i) => ops.gather(x, 0, i),
    inputs: [input([4, 3], fill), ids([2, 3], 4)],
    reference: (x, i) => build(i.shape, (p) => at(x, replaced(p, 0, at(i, p)))),
    kind: 'moves',
    isSingle: true,
    shapes: [
      [
        [4, 3],
        [0, 3],
      ],
      [
        [4, 3],
        [5, 2],
      ],
    ],
  },
  {
    title: 'gather: last axis',
    fn: (x, i) => ops.gather(x, -1, i),
    inputs: [input([2, 3, 4], fill), ids([2, 2, 5], 4)],
    reference: (x, i) => build(i.shape, (p) => at(x, replaced(p, 2, at(i, p)))),
    kind: 'moves',
    isSingle: true,
  },
]

/** What `combine` makes of the old element and the source's, in the order of the source. */
const scattered =
  (axis: number, combine: (old: number, source: number) => number) =>
  (x: Nd, i: Nd, source: Nd): Nd => {
    const data = Float64Array.from(x.data)
    for (const p of positionsOf(i.shape)) {
      const to = replaced(p, axis, at(i, p))
      const offset = to.reduce((n, k, a) => n * x.shape[a] + k, 0)
      data[offset] = combine(data[offset], at(source, p))
    }
    return { shape: x.shape, data }
  }

const scatters: OpCase[] = [
  {
    title: 'scatterAdd: first axis',
    fn: (x, i, s) => ops.scatterAdd(x, 0, i, s),
    inputs: [input([3, 4], fill), ids([5, 4], 3), input([5, 4], fill)],
    reference: scattered(0, (a, b) => a + b),
    kind: 'sums',
    isSingle: true,
    shapes: [
      [
        [3, 4],
        [0, 4],
        [0, 4],
      ],
      [
        [3, 4],
        [2, 3],
        [2, 3],
      ],
      [
        [3, 100],
        [99, 100],
        [99, 100],
      ],
    ],
  },
  {
    title: 'scatterAdd: last axis',
    fn: (x, i, s) => ops.scatterAdd(x, 1, i, s),
    inputs: [input([2, 4], fill), ids([2, 6], 4), input([2, 6], fill)],
    reference: scattered(1, (a, b) => a + b),
    kind: 'sums',
    isSingle: true,
  },
  {
    title: 'scatter',
    fn: (x, i, s) => ops.scatter(x, 1, i, s),
    inputs: [input([2, 4], fill), input([2, 3], given(3, 0, 2, 1, 3, 0), 'i64'), input([2, 3], fill)],
    reference: scattered(1, (_, b) => b),
    kind: 'moves',
    isSingle: true,
    shapes: [
      [
        [3, 4],
        [2, 0],
        [2, 0],
      ],
    ],
  },
  {
    title: 'oneHot',
    fn: (i) => ops.oneHot(i, 4),
    inputs: [ids([2, 3], 4)],
    reference: (i) => build([...i.shape, 4], (p) => Number(p[p.length - 1] === at(i, p.slice(0, -1)))),
    kind: 'moves',
  },
]

export const indexingCases: readonly OpCase[] = [...takes, ...gathers, ...scatters]
