/** @file Cases of losses with a margin. Scores are spread so that none stands on a kink. */
import * as ops from '../../../lib/index.ts'
import { distinct, given, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { total } from '../../support/reference.ts'
import { pointwise, reductions, rowwise } from '../../support/reference-losses.ts'
import type { Reduction } from '../../support/reference-losses.ts'

const signs = given(1, -1, -1, 1)
const plus = (x: number) => Math.max(0, x)
const length = (x: number[], p = 2) => total(x.map((v) => Math.abs(v) ** p)) ** (1 / p)
const distance = (a: number[], b: number[], p = 2) =>
  length(
    a.map((v, i) => v - b[i] + 1e-6),
    p,
  )
const cosine = (a: number[], b: number[]) => {
  const square = (x: number[]) => total(x.map((v) => v * v)) + 1e-12
  return total(a.map((v, i) => v * b[i])) / Math.sqrt(square(a) * square(b))
}

const triplet = (title: string, options: ops.TripletMarginLossOptions, how: Reduction = 'mean'): OpCase => ({
  title: `tripletMarginLoss: ${title}`,
  fn: (a, b, c) => ops.tripletMarginLoss(a, b, c, { ...options, reduction: how }),
  inputs: [input([4, 3], range(-1, 1)), input([4, 3], range(-1, 1)), input([4, 3], range(-1, 1))],
  reference: rowwise((a, b, c) => {
    const far = distance(a, c, options.p)
    const other = options.swap ? Math.min(far, distance(b, c, options.p)) : far
    return plus((options.margin ?? 1) + distance(a, b, options.p) - other)
  }, how),
  kind: 'sums',
})

const labels = [2, 0, 1, 2]
const multi = (title: string, options: ops.MultiMarginLossOptions, weight?: number[]): OpCase => ({
  title: `multiMarginLoss: ${title}`,
  fn: (x, t) => ops.multiMarginLoss(x, t, { ...options, weight: weight ? ops.tensor(weight).cast(x.dtype) : null }),
  inputs: [input([4, 3], distinct(-1.01, 0.98)), input([4], given(...labels), 'i64')],
  reference: rowwise((x, [y]) => {
    const margins = x.map((v, i) => (i === y ? 0 : plus((options.margin ?? 1) - x[y] + v) ** (options.p ?? 1)))
    return ((weight?.[y] ?? 1) * total(margins)) / x.length
  }, options.reduction),
  kind: 'sums',
})

const targets = [3, 0, -1, 1, 1, -1, 0, 2, 0, 1, 2, 3, -1, 1, 2, 3]
const multilabel = (how: Reduction): OpCase => ({
  title: `multilabelMarginLoss: ${how}`,
  fn: (x, t) => ops.multilabelMarginLoss(x, t, { reduction: how }),
  inputs: [input([4, 4], distinct(-1.01, 0.98)), input([4, 4], given(...targets), 'i64')],
  reference: rowwise((x, t) => {
    const end = t.indexOf(-1)
    const own = end < 0 ? t : t.slice(0, end)
    return total(own.flatMap((j) => x.map((v, i) => (own.includes(i) ? 0 : plus(1 - x[j] + v))))) / x.length
  }, how),
  kind: 'sums',
})

export const marginLossCases: readonly OpCase[] = [
  ...reductions.map((how): OpCase => ({
    title: `hingeEmbeddingLoss: ${how}`,
    fn: (x, t) => ops.hingeEmbeddingLoss(x, t, { margin: 0.7, reduction: how }),
    inputs: [input([3, 4], distinct(-1, 2)), input([3, 4], signs, 'i64')],
    reference: pointwise((x, t) => (t === 1 ? x : plus(0.7 - x)), how),
    kind: 'sums',
  })),
  ...reductions.map((how): OpCase => ({
    title: `marginRankingLoss: ${how}`,
    fn: (a, b, t) => ops.marginRankingLoss(a, b, t, { margin: 0.3, reduction: how }),
    inputs: [input([6], distinct(-1, 1)), input([6], distinct(-1.03, 1.04)), input([6], signs, 'i64')],
    reference: pointwise((a, b, t) => plus(0.3 - t * (a - b)), how),
    kind: 'sums',
  })),
  ...reductions.map((how): OpCase => ({
    title: `cosineEmbeddingLoss: ${how}`,
    fn: (a, b, t) => ops.cosineEmbeddingLoss(a, b, t, { margin: -0.9, reduction: how }),
    inputs: [input([4, 3], range(-1, 1)), input([4, 3], range(-1, 1)), input([4], signs, 'i64')],
    reference: rowwise((a, b, [t]) => (t === 1 ? 1 - cosine(a, b) : plus(cosine(a, b) + 0.9)), how),
    kind: 'sums',
  })),
  ...reductions.map((how) => triplet(how, {}, how)),
  triplet('swap', { swap: true, margin: 2 }),
  triplet('p 3', { p: 3, margin: 1.5 }),
  {
    title: 'tripletMarginWithDistanceLoss',
    fn: (a, b, c) =>
      ops.tripletMarginWithDistanceLoss(a, b, c, {
        distanceFunction: (x, y) => x.sub(y).square().sum(-1),
        swap: true,
        margin: 2,
        reduction: 'sum',
      }),
    inputs: [input([4, 3], range(-1, 1)), input([4, 3], range(-1, 1)), input([4, 3], range(-1, 1))],
    reference: rowwise((a, b, c) => {
      const d = (x: number[], y: number[]) => total(x.map((v, i) => (v - y[i]) ** 2))
      return plus(2 + d(a, b) - Math.min(d(a, c), d(b, c)))
    }, 'sum'),
    kind: 'sums',
  },
  ...reductions.map((how) => multi(how, { reduction: how })),
  multi('p 2, margin, weight', { p: 2, margin: 0.6 }, [0.5, 2, 1.5]),
  ...reductions.map(multilabel),
]
