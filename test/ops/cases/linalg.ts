/** @file Cases of linear systems and factorisations. */
import * as ops from '../../../lib/index.ts'
import { range } from '../../support/arrays.ts'
import type { Fill } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { build, cholesky, elementwise, matmul, solve, transposed } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'

const fill = range(-1, 1)
/** Far from singular: the diagonal outweighs the rest of [..., n, n]. */
const dominant =
  (n: number): Fill =>
  (count, random) =>
    Array.from({ length: count }, (_, i) => (Math.floor(i / n) % n === i % n ? (i % 2 ? 3 : -2.5) : 2 * random() - 1))

const identity = (n: number): Nd => build([n, n], ([i, j]) => Number(i === j))

const system = (title: string, a: number[], b: number[], shapes: number[][][] = []): OpCase => ({
  title: `solve: ${title}`,
  fn: (x, y) => ops.solve(x, y),
  inputs: [input(a, dominant(a[a.length - 1])), input(b, fill)],
  reference: solve,
  kind: 'solves',
  shapes,
})

/** x x^T + I, so that every perturbation of x stays positive definite. */
const definite = (x: ops.Tensor, n: number) => x.matmul(x.transpose()).add(ops.eye(n, n, { dtype: x.dtype }))
const definiteNd = (x: Nd) => {
  const axes = x.shape.map((_, i) => i)
  const product = matmul(x, transposed(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]))
  return elementwise((a, b) => a + b)(product, identity(x.shape[x.shape.length - 1]))
}

const wide = { dtypes: ['f32'] as const, because: 'a factorisation in 11 or 8 bits says nothing' }

const factors: OpCase[] = [
  {
    title: 'cholesky',
    fn: (x) => ops.cholesky(definite(x, 3)),
    inputs: [input([3, 3], fill)],
    reference: (x) => cholesky(definiteNd(x)),
    kind: 'solves',
  },
  {
    title: 'cholesky: batch',
    fn: (x) => ops.cholesky(definite(x, 2)),
    inputs: [input([3, 2, 2], fill)],
    reference: (x) => cholesky(definiteNd(x)),
    kind: 'solves',
    shapes: [[[0, 2, 2]]],
  },
  {
    title: 'inverse',
    fn: (x) => ops.inverse(x),
    inputs: [input([3, 3], dominant(3))],
    reference: (x) => solve(x, identity(3)),
    kind: 'solves',
    shapes: [[[4, 3, 3]]],
  },
]

export const linalgCases: readonly OpCase[] = [
  system(
    'matrix',
    [3, 3],
    [3, 2],
    [
      [
        [1, 1],
        [1, 1],
      ],
      [
        [3, 3],
        [3, 0],
      ],
    ],
  ),
  system(
    'batches',
    [2, 2, 2],
    [2, 2, 3],
    [
      [
        [0, 2, 2],
        [0, 2, 3],
      ],
    ],
  ),
  system('broadcast batches', [2, 1, 2, 2], [3, 2, 1]),
  ...factors,
].map((one) => ({ ...one, only: wide }))
