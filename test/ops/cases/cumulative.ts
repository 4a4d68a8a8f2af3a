/** @file Cases of running results along an axis, and of differences and integrals. */
import * as ops from '../../../lib/index.ts'
import { away, distinct, given, integers, range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { alongAxis, average, product, reduction, total } from '../../support/reference.ts'
import type { Kind } from '../../support/tolerance.ts'

const wide = range(-2, 2)
type Line = (line: number[]) => number[]

/** Each element from all up to it. */
const running =
  (fn: (numbers: number[]) => number): Line =>
  (line) =>
    line.map((_, i) => fn(line.slice(0, i + 1)))

const latest = (better: (a: number, b: number) => boolean): Line =>
  running((x) => x.reduce((best, a, i) => (better(a, x[best]) ? i : best), 0))

const op = (
  title: string,
  fn: OpCase['fn'],
  fill: Fill,
  reference: OpCase['reference'],
  kind: Kind,
  more: Partial<OpCase> = {},
): OpCase => ({ title, fn, inputs: [input([2, 4, 3], fill)], reference, kind, ...more })

const scan = (name: 'cumsum' | 'cumprod' | 'logcumsumexp', fn: (numbers: number[]) => number, fill: Fill): OpCase[] => [
  op(`${name}: middle axis`, (x) => ops[name](x, 1), fill, alongAxis(1, running(fn)), 'sums', {
    isSingle: true,
    shapes: [[[2, 1, 130]], [[2, 0, 3]], [[0, 2, 3]]],
  }),
  op(`${name}: last axis`, (x) => ops[name](x, -1), fill, alongAxis(2, running(fn)), 'sums', { isSingle: true }),
]

const extreme = (name: 'cummax' | 'cummin', better: (a: number, b: number) => boolean): OpCase => {
  const at = latest(better)
  return op(
    name,
    (x) => {
      const { values, indices } = ops[name](x, 1)
      return [values, indices]
    },
    distinct(-2, 2),
    (x) => [alongAxis(1, (line) => at(line).map((i) => line[i]))(x), alongAxis(1, at)(x)],
    'moves',
    { isSingle: true, shapes: [[[1, 40, 2]]] },
  )
}

const trapezoids = (y: readonly number[], x = y.map((_, i) => i)) =>
  y.slice(1).map((value, i) => ((value + y[i]) * (x[i + 1] - x[i])) / 2)

const ties = { noGradient: 'equal elements: see kinks.test.ts' }

export const cumulativeCases: readonly OpCase[] = [
  ...scan('cumsum', total, wide),
  ...scan('cumprod', product, away(-1.5, 1.5, [0], 0.3)),
  ...scan('logcumsumexp', (x) => Math.log(total(x.map(Math.exp))), wide),
  op(
    'cumprod: with zeros',
    (x) => ops.cumprod(x, 0),
    given(2, 0, 3, -1, 0, 2, 0.5, 1, 0),
    alongAxis(0, running(product)),
    'moves',
    {
      inputs: [input([5, 2], given(2, 0, 3, -1, 0, 2, 0.5, 1, 0, 3))],
    },
  ),
  op(
    'cumsum: scalar',
    (x) => ops.cumsum(x, 0),
    wide,
    (x) => x,
    'moves',
    { inputs: [input([], wide)] },
  ),
  extreme('cummax', (a, b) => a >= b),
  extreme('cummin', (a, b) => a <= b),
  op(
    'cummax: of equal ones the latest',
    (x) => ops.cummax(x, 0).indices,
    integers(0, 3),
    alongAxis(
      0,
      latest((a, b) => a >= b),
    ),
    'moves',
    ties,
  ),
  op('diff', (x) => ops.diff(x), wide, diffs(2, 1), 'elementwise'),
  op('diff: twice, first axis', (x) => ops.diff(x, { n: 2, axis: 0 }), wide, diffs(0, 2), 'sums', {
    inputs: [input([4, 3], wide)],
    shapes: [[[2, 3]], [[1, 3]]],
  }),
  {
    title: 'diff: prepend and append',
    fn: (x, a) => ops.diff(x, { axis: 1, prepend: a, append: a }),
    inputs: [input([2, 3], wide), input([2, 1], wide)],
    reference: (x, a) => ({
      shape: [2, 4],
      data: Float64Array.from(
        [0, 1].flatMap((row) => {
          const line = [a.data[row], ...x.data.slice(row * 3, row * 3 + 3), a.data[row]]
          return line.slice(1).map((value, i) => value - line[i])
        }),
      ),
    }),
    kind: 'elementwise',
  },
  op(
    'trapezoid: even steps',
    (y) => ops.trapezoid(y, { dx: 0.5, axis: 1 }),
    wide,
    reduction((y) => total(trapezoids(y)) * 0.5, [1]),
    'sums',
  ),
  {
    title: 'trapezoid: positions',
    fn: (y, x) => ops.trapezoid(y, { x, axis: 0 }),
    inputs: [input([4, 2], wide), input([4], wide)],
    reference: (y, x) => reduction((line) => total(trapezoids(line, [...x.data])), [0])(y),
    kind: 'sums',
  },
  op(
    'cumulativeTrapezoid',
    (y) => ops.cumulativeTrapezoid(y),
    wide,
    (y) => {
      const all = alongAxis(2, (line) => [...running(total)(trapezoids(line)), average(line)])(y)
      return { shape: [2, 4, 2], data: all.data.filter((_, i) => i % 3 < 2) }
    },
    'sums',
  ),
]

function diffs(axis: number, n: number): OpCase['reference'] {
  return (x) => {
    let y = x
    for (let k = 0; k < n; k++) {
      const size = y.shape[axis]
      const shape = y.shape.map((length, i) => (i === axis ? Math.max(0, length - 1) : length))
      const inner = y.shape.slice(axis + 1).reduce((a, b) => a * b, 1)
      const next = alongAxis(axis, (line) => line.map((value, i) => (line[i + 1] ?? NaN) - value))(y)
      const isKept = (i: number) => Math.floor(i / inner) % size < size - 1
      y = { shape, data: next.data.filter((_, i) => isKept(i)) }
    }
    return y
  }
}
