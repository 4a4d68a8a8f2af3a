/** @file Cases of further reductions, norms and histograms. */
import * as ops from '../../../lib/index.ts'
import { away, distinct, given, integers, range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, average, build, reduction, spread, total } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'
import type { Kind } from '../../support/tolerance.ts'

const wide = range(-2, 2)
const holes = given(1, NaN, 3, 0.5, NaN, NaN, -1, 2, NaN, 4, 5, 6)
const numbers = (x: readonly number[]) => x.filter((a) => !Number.isNaN(a))
const nans = { noGradient: 'differences of NaN: see kinks.test.ts' }

const row = (
  title: string,
  fn: OpCase['fn'],
  fill: Fill,
  reference: OpCase['reference'],
  kind: Kind,
  more: Partial<OpCase> = {},
): OpCase => ({ title, fn, inputs: [input([3, 4], fill)], reference, kind, ...more })

const reductions: OpCase[] = [
  row(
    'nansum',
    (x) => ops.nansum(x, 1),
    holes,
    reduction((x) => total(numbers(x)), [1]),
    'sums',
    nans,
  ),
  row(
    'nanmean',
    (x) => ops.nanmean(x, 0),
    holes,
    reduction((x) => average(numbers(x)), [0]),
    'sums',
    nans,
  ),
  row('nanmean: without NaN', (x) => ops.nanmean(x), wide, reduction(average), 'sums'),
  row(
    'countNonzero',
    (x) => ops.countNonzero(x, 1),
    integers(-1, 2),
    reduction((x) => x.filter(Boolean).length, [1]),
    'moves',
    {
      noGradient: 'the result is a number of elements',
    },
  ),
  row(
    'aminmax',
    (x) => Object.values(ops.aminmax(x, 1)),
    distinct(-2, 2),
    (x) => [reduction((a) => Math.min(...a), [1])(x), reduction((a) => Math.max(...a), [1])(x)],
    'moves',
  ),
  ...(['max', 'min'] as const).map((name) =>
    row(
      `${name}WithIndices`,
      (x) => Object.values(ops[`${name}WithIndices`](x, 1, { keepDims: true })),
      distinct(-2, 2),
      (x) => [
        reduction((a) => Math[name](...a), [1], true)(x),
        reduction((a) => a.indexOf(Math[name](...a)), [1], true)(x),
      ],
      'moves',
      { isSingle: true },
    ),
  ),
  row(
    'varMean',
    (x) => Object.values(ops.varMean(x, 1, { correction: 0 })),
    wide,
    (x) => [reduction((a) => spread(a, 0), [1])(x), reduction(average, [1])(x)],
    'solves',
  ),
  row(
    'stdMean',
    (x) => Object.values(ops.stdMean(x, [0, 1], { keepDims: true })),
    wide,
    (x) => [reduction((a) => Math.sqrt(spread(a)), [0, 1], true)(x), reduction(average, [0, 1], true)(x)],
    'solves',
  ),
]

const covariance = (x: Nd, weights: (i: number) => number, divisor: (sum: number) => number): Nd => {
  const [size, n] = x.shape
  const w = Array.from({ length: n }, (_, i) => weights(i))
  const center = (k: number) => total(w.map((a, i) => a * at(x, [k, i]))) / total(w)
  return build([size, size], ([j, k]) => {
    const products = w.map((a, i) => a * (at(x, [j, i]) - center(j)) * (at(x, [k, i]) - center(k)))
    return total(products) / divisor(total(w))
  })
}
const plain = (x: Nd) =>
  covariance(
    x,
    () => 1,
    (n) => n - 1,
  )

const relations: OpCase[] = [
  row('cov', (x) => ops.cov(x), wide, plain, 'solves'),
  row(
    'cov: of one variable',
    (x) => ops.cov(x),
    wide,
    reduction((x) => spread(x)),
    'solves',
    { inputs: [input([5], wide)] },
  ),
  {
    title: 'cov: weights',
    fn: (x, f, a) => ops.cov(x, { fweights: f, aweights: a }),
    inputs: [input([2, 4], wide), input([4], given(1, 2, 1, 3), 'i64'), input([4], range(0.5, 1))],
    reference: (x, f, a) => {
      const w = (i: number) => f.data[i] * a.data[i]
      const lost = total([0, 1, 2, 3].map((i) => w(i) * a.data[i]))
      return covariance(x, w, (sum) => sum - lost / sum)
    },
    kind: 'solves',
  },
  row(
    'corrcoef',
    (x) => ops.corrcoef(x),
    wide,
    (x) => {
      const c = plain(x)
      return build(c.shape, ([i, j]) => at(c, [i, j]) / Math.sqrt(at(c, [i, i]) * at(c, [j, j])))
    },
    'solves',
    {
      // Where rounding puts the diagonal beyond 1, the limits cut the gradient, as in PyTorch.
      fn: (x) => ops.mul(ops.corrcoef(x), ops.sub(1, ops.eye(3, 3, { dtype: x.dtype }))),
      reference: (x) => {
        const c = plain(x)
        return build(c.shape, ([i, j]) => (i === j ? 0 : at(c, [i, j]) / Math.sqrt(at(c, [i, i]) * at(c, [j, j]))))
      },
    },
  ),
]

const pNorm = (p: number) => (x: readonly number[]) =>
  p === 0
    ? x.filter(Boolean).length
    : Number.isFinite(p)
      ? total(x.map((a) => Math.abs(a) ** p)) ** (1 / p)
      : Math[p > 0 ? 'max' : 'min'](...x.map(Math.abs))
const off0 = away(-2, 2, [0], 0.3)

const norms: OpCase[] = [
  ...[3, 0.5, -2, 2, 1].map((p) =>
    row(
      `vectorNorm: ${p}`,
      (x) => ops.vectorNorm(x, p, 1, { keepDims: true }),
      off0,
      reduction(pNorm(p), [1], true),
      'solves',
    ),
  ),
  ...[Infinity, -Infinity].map((p) =>
    row(`vectorNorm: ${p}`, (x) => ops.vectorNorm(x, p, 1), distinct(-2, 2.1), reduction(pNorm(p), [1]), 'moves'),
  ),
  row('vectorNorm: 0', (x) => ops.vectorNorm(x, 0), integers(-1, 2), reduction(pNorm(0)), 'moves', {
    noGradient: 'the result is a number of elements',
  }),
  row('norm: fro', (x) => ops.norm(x, 'fro'), off0, reduction(pNorm(2)), 'sums'),
  row(
    'norm: nuc of a 2 x 2 matrix',
    (x) => ops.norm(x, 'nuc'),
    off0,
    ({ data: [a, b, c, d] }) => ({
      shape: [],
      data: Float64Array.of(Math.sqrt(a * a + b * b + c * c + d * d + 2 * Math.abs(a * d - b * c))),
    }),
    'solves',
    { inputs: [input([2, 2], off0)] },
  ),
  row('matrixNorm: fro', (x) => ops.matrixNorm(x), off0, reduction(pNorm(2)), 'sums'),
  ...[1, -1, Infinity, -Infinity].map((ord) =>
    row(
      `matrixNorm: ${ord}`,
      (x) => ops.matrixNorm(x, ord, { keepDims: true }),
      off0,
      (x) => {
        const sums = reduction((a) => total(a.map(Math.abs)), [Math.abs(ord) === 1 ? 1 : 2], true)(x)
        return reduction(pNorm(ord * Infinity), [1, 2], true)(sums)
      },
      'sums',
      { inputs: [input([2, 3, 4], off0)] },
    ),
  ),
  {
    title: 'dist',
    fn: (x, y) => ops.dist(x, y, 3),
    inputs: [input([2, 3], wide), input([3], range(3, 4))],
    reference: (x, y) => ({
      shape: [],
      data: Float64Array.of(total([...x.data].map((a, i) => Math.abs(a - y.data[i % 3]) ** 3)) ** (1 / 3)),
    }),
    kind: 'sums',
  },
]

const counts = (edges: readonly number[], x: Nd, weight: (i: number) => number): number[] =>
  edges
    .slice(1)
    .map((high, bin) =>
      total(
        [...x.data].map((a, i) =>
          a >= edges[bin] && (a < high || (bin === edges.length - 2 && a === high)) ? weight(i) : 0,
        ),
      ),
    )
const spots = given(-2, -1.2, 0, 0.5, 0.5, 2, 3, NaN, 1.9, -5)
const isCount = { noGradient: 'the result is a number of elements' }
const list = (numbers: readonly number[]): Nd => ({ shape: [numbers.length], data: Float64Array.from(numbers) })

const histograms: OpCase[] = [
  row(
    'histc',
    (x) => ops.histc(x, { bins: 4, min: -2, max: 2 }),
    spots,
    (x) => list(counts([-2, -1, 0, 1, 2], x, () => 1)),
    'moves',
    isCount,
  ),
  row(
    'histc: between the extremes',
    (x) => ops.histc(x, { bins: 2 }),
    integers(0, 5),
    (x) => {
      const [low, high] = [Math.min(...x.data), Math.max(...x.data)]
      return list(counts([low, (low + high) / 2, high], x, () => 1))
    },
    'moves',
    isCount,
  ),
  {
    title: 'histogram: edges, weights',
    fn: (x, edges, w) => Object.values(ops.histogram(x, edges, { weight: w })),
    inputs: [input([10], spots, 'f32'), input([4], given(-2, 0, 0.5, 2), 'f32'), input([10], integers(1, 5), 'f32')],
    reference: (x, edges, w) => [list(counts([...edges.data], x, (i) => w.data[i])), edges],
    kind: 'moves',
  },
  {
    title: 'histogram: density',
    fn: (x) => Object.values(ops.histogram(x, 4, { range: [-2, 2], density: true })),
    inputs: [input([10], spots, 'f64')],
    reference: (x) => {
      const all = counts([-2, -1, 0, 1, 2], x, () => 1)
      return [list(all.map((n) => n / total(all))), list([-2, -1, 0, 1, 2])]
    },
    kind: 'elementwise',
  },
]

export const statisticsCases: readonly OpCase[] = [...reductions, ...relations, ...norms, ...histograms]
