/** @file Cases of distances and similarities. */
import * as ops from '../../../lib/index.ts'
import { given, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, atBroadcast, broadcastShape, build, total } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = range(-2, 2)

function length(numbers: readonly number[], p: number): number {
  const sizes = numbers.map(Math.abs)
  if (p === 0) return sizes.filter((x) => x !== 0).length
  if (p === Infinity) return Math.max(...sizes)
  return total(sizes.map((x) => x ** p)) ** (1 / p)
}

const row = (x: Nd, lead: readonly number[]) =>
  Array.from({ length: x.shape[x.shape.length - 1] }, (_, k) => at(x, [...lead, k]))

function distances(a: Nd, b: Nd, p: number): Nd {
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const [P, M] = a.shape.slice(-2)
  const R = b.shape[b.shape.length - 2]
  const element = (x: Nd, lead: readonly number[], i: number, k: number) =>
    at(x, [...lead.slice(lead.length - x.shape.length + 2).map((q, axis) => (x.shape[axis] === 1 ? 0 : q)), i, k])
  return build([...batch, P, R], (q) => {
    const lead = q.slice(0, -2)
    const [i, j] = q.slice(-2)
    return length(
      Array.from({ length: M }, (_, k) => element(a, lead, i, k) - element(b, lead, j, k)),
      p,
    )
  })
}

const all = (title: string, p: number, a: number[], b: number[]): OpCase => ({
  title: `cdist: ${title}`,
  fn: (x, y) => ops.cdist(x, y, { p }),
  inputs: [input(a, fill), input(b, fill)],
  reference: (x, y) => distances(x, y, p),
  kind: 'sums',
})

const within = (p: number): OpCase => ({
  title: `pdist: p ${p}`,
  fn: (x) => ops.pdist(x, { p }),
  inputs: [input([4, 3], fill)],
  reference: (x) => {
    const pairs = [0, 1, 2, 3].flatMap((i) => [0, 1, 2, 3].filter((j) => j > i).map((j) => [row(x, [i]), row(x, [j])]))
    return build([6], ([k]) =>
      length(
        pairs[k][0].map((value, m) => value - pairs[k][1][m]),
        p,
      ),
    )
  },
  kind: 'sums',
})

const pairs = (title: string, options: ops.PairwiseDistanceOptions, b = [3, 4]): OpCase => ({
  title: `pairwiseDistance: ${title}`,
  fn: (x, y) => ops.pairwiseDistance(x, y, options),
  inputs: [input([3, 4], fill), input(b, fill)],
  reference: (x, y) =>
    build(options.keepDims ? [3, 1] : [3], ([i]) =>
      length(
        [0, 1, 2, 3].map((k) => at(x, [i, k]) - atBroadcast(y, [i, k]) + (options.eps ?? 1e-6)),
        options.p ?? 2,
      ),
    ),
  kind: 'sums',
})

const cosine = (title: string, options: ops.CosineSimilarityOptions, a: number[], b: number[]): OpCase => ({
  title: `cosineSimilarity: ${title}`,
  fn: (x, y) => ops.cosineSimilarity(x, y, options),
  inputs: [input(a, fill), input(b, fill)],
  reference: (x, y) => {
    const shape = broadcastShape(x.shape, y.shape)
    const axis = ((options.axis ?? 1) + shape.length) % shape.length
    return build(
      shape.filter((_, i) => i !== axis),
      (p) => {
        const line = (t: Nd) =>
          Array.from({ length: shape[axis] }, (_, k) => atBroadcast(t, [...p.slice(0, axis), k, ...p.slice(axis)]))
        const [u, v] = [line(x), line(y)]
        const limit = (w: number[]) => Math.max(length(w, 2), options.eps ?? 1e-8)
        return total(u.map((value, k) => value * v[k])) / (limit(u) * limit(v))
      },
    )
  },
  kind: 'sums',
})

export const distanceCases: readonly OpCase[] = [
  all('p 2', 2, [2, 3, 4], [2, 5, 4]),
  all('p 1, broadcast batches', 1, [2, 1, 3, 2], [3, 2, 2]),
  all('p Infinity', Infinity, [3, 4], [2, 4]),
  all('p 3', 3, [3, 2], [2, 2]),
  all('p 1.5', 1.5, [2, 3], [2, 3]),
  { ...all('p 0', 0, [2, 3], [2, 3]), noGradient: 'it counts' },
  {
    ...all('by a product of matrices', 2, [26, 2], [2, 2]),
    kind: 'solves',
    looser: { factor: 10, because: 'squares cancel' },
  },
  within(2),
  within(1),
  pairs('plain', {}),
  pairs('p 1, keepDims, broadcast', { p: 1, keepDims: true }, [4]),
  pairs('p 4, eps', { p: 4, eps: 0.1 }),
  cosine('axis 1', {}, [2, 3], [2, 3]),
  cosine('last axis, broadcast', { axis: -1 }, [2, 1, 3], [4, 3]),
  {
    ...cosine('a limit', { eps: 3 }, [2, 2], [2, 2]),
    noGradient: 'below the limit the gradient is that of the length',
  },
  {
    ...cosine('nothing of a vector of zeros', {}, [1, 3], [1, 3]),
    inputs: [input([1, 3], given(0)), input([1, 3], fill)],
    noGradient: 'it is steep: 1 / eps',
    only: { dtypes: ['f32'], because: 'eps is 0 in f16' },
  },
]
