/** @file Cases of decompositions and functions of matrices. Vectors of unknown sign are compared by their squares. */
import * as ops from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { given, range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, build, elementwise, matmul, solve, total, transposed } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'
import {
  determinant,
  eachMatrix,
  eigen,
  exponential,
  factorised,
  gramSchmidt,
  identity,
  singular,
  turned,
} from '../../support/reference-matrices.ts'

const fill = range(-1, 1)
const scalar = (value: number): Nd => ({ shape: [], data: Float64Array.of(value) })
const vector = (values: readonly number[]): Nd => ({ shape: [values.length], data: Float64Array.from(values) })
const symmetric = (x: Tensor) => x.add(x.transpose())
const lastTwo = (x: Nd) =>
  x.shape.map((_, i) => i).map((i) => (i < x.shape.length - 2 ? i : 2 * x.shape.length - 3 - i))
const symmetricNd = (x: Nd) => elementwise((a, b) => a + b)(x, transposed(x, lastTwo(x)))
const squared = (x: Nd) => elementwise((a) => a * a)(x)
/** Spread on the diagonal, so that nothing is singular and no two values meet. */
const spread = (m: number, n: number) => (count: number, random: () => number) =>
  Array.from({ length: count }, (_, i) => {
    const [row, column] = [Math.floor(i / n) % m, i % n]
    return (row === column ? 1.5 + row * 1.25 : 0) + 0.8 * (random() - 0.5)
  })

const one = (
  title: string,
  fn: OpCase['fn'],
  shapes: number[][],
  reference: OpCase['reference'],
  more: Partial<OpCase> = {},
): OpCase => ({
  title,
  fn,
  inputs: shapes.map((shape) =>
    input(shape, shape.length > 1 ? spread(shape[shape.length - 2], shape[shape.length - 1]) : fill),
  ),
  reference,
  kind: 'solves',
  ...more,
})

const singularCase = (title: string, shape: number[]) =>
  one(
    `svd: ${title}`,
    (a) => {
      const { u, s, vh } = ops.svd(a, { fullMatrices: false })
      return [u.square(), s, vh.square()]
    },
    [shape],
    singular,
  )

const orthogonal = (title: string, shape: number[]) =>
  one(
    `qr: ${title}`,
    (a) => {
      const { q, r } = ops.qr(a)
      return [q.square(), r.square()]
    },
    [shape],
    (x) => {
      const { q, r } = gramSchmidt(x)
      return [squared(q), squared(r)]
    },
  )

const pivoted = (title: string, shape: number[]) =>
  one(
    `lu: ${title}`,
    (a) => {
      const { l, u, p } = ops.lu(a.flip(0))
      return [l, u, p.detach()]
    },
    [shape],
    (x) => {
      const { l, u, p } = factorised(build(x.shape, ([i, j]) => at(x, [x.shape[0] - 1 - i, j])))
      return [l, u, p]
    },
  )

const triangle = (title: string, o: ops.SolveTriangularOptions, b = [3, 2]) =>
  one(
    `solveTriangular: ${title}`,
    (a, y) => ops.solveTriangular(a, y, o),
    [[3, 3], b],
    (a, y) => {
      const unit = o.unitriangular
      const own = build([3, 3], ([i, j]) =>
        i === j ? (unit ? 1 : at(a, [i, i])) : i < j === o.upper ? at(a, [i, j]) : 0,
      )
      return o.left === false ? turned(solve(turned(own), turned(y))) : solve(own, y)
    },
  )

const decompositions: OpCase[] = [
  one(
    'eigh',
    (a) => {
      const { eigenvalues, eigenvectors } = ops.eigh(symmetric(a))
      return [eigenvalues, eigenvectors.square()]
    },
    [[3, 3]],
    (x) => {
      const { values, vectors } = eigen(symmetricNd(x))
      return [vector(values), squared(vectors)]
    },
  ),
  one(
    'eigh: a function of the matrix',
    (a) => {
      const { eigenvalues: w, eigenvectors: v } = ops.eigh(symmetric(a), { uplo: 'U' })
      return v.mul(w.mul(0.3).exp()).matmul(v.transpose())
    },
    [[3, 3]],
    (x) => exponential(elementwise((a) => 0.3 * a)(symmetricNd(x))),
  ),
  one(
    'eigvalsh',
    (a) => ops.eigvalsh(symmetric(a)),
    [[2, 3, 3]],
    (x) => eachMatrix((y) => vector(eigen(y).values))(symmetricNd(x)),
  ),
  singularCase('square', [3, 3]),
  singularCase('tall', [4, 2]),
  singularCase('wide', [2, 3]),
  one(
    'svd: full matrices',
    (a) => {
      const { u, s, vh } = ops.svd(a)
      return [u.square().sum(-1), s, vh.square()]
    },
    [[3, 2]],
    (x) => [vector([1, 1, 1]), ...singular(x).slice(1)],
    { noGradient: 'vectors beyond the rank have none' },
  ),
  one(
    'svdvals',
    ops.svdvals,
    [[2, 3, 2]],
    eachMatrix((x) => singular(x)[1]),
  ),
  orthogonal('square', [3, 3]),
  orthogonal('tall', [4, 2]),
  orthogonal('wide', [2, 4]),
  one(
    'qr: complete',
    (a) => ops.qr(a, { mode: 'complete' }).r.square(),
    [[3, 2]],
    (x) => {
      const { r } = gramSchmidt(x)
      return build([3, 2], ([i, j]) => (i < 2 ? at(r, [i, j]) ** 2 : 0))
    },
    { noGradient: 'columns beyond the rank have none' },
  ),
  pivoted('square', [3, 3]),
  pivoted('tall', [4, 2]),
  pivoted('wide', [2, 4]),
  triangle('upper', { upper: true }),
  triangle('lower', { upper: false }),
  triangle('ones on the diagonal', { upper: true, unitriangular: true }),
  triangle('lower, ones', { upper: false, unitriangular: true }),
  triangle('from the right', { upper: true, left: false }, [2, 3]),
]

const inverseNd = (x: Nd) => solve(x, identity(x.shape[0]))
const pseudo = (x: Nd): Nd =>
  x.shape[0] >= x.shape[1] ? solve(matmul(turned(x), x), turned(x)) : turned(solve(matmul(x, turned(x)), x))

const functions: OpCase[] = [
  one('det', ops.det, [[3, 3]], (x) => scalar(determinant(x)), { shapes: [[[1, 1]], [[4, 4]]] }),
  one(
    'det: batch',
    ops.det,
    [[2, 2, 2]],
    eachMatrix((x) => scalar(determinant(x))),
  ),
  one(
    'slogdet',
    (a) => {
      const { sign, logabsdet } = ops.slogdet(a.neg())
      return [sign, logabsdet]
    },
    [[3, 3]],
    (x) => [scalar(-Math.sign(determinant(x))), scalar(Math.log(Math.abs(determinant(x))))],
  ),
  one(
    'matrixPower',
    (a) => ops.matrixPower(a, 3),
    [[2, 2]],
    (x) => matmul(x, matmul(x, x)),
  ),
  one(
    'matrixPower: 5',
    (a) => ops.matrixPower(a, 5),
    [[2, 2]],
    (x) => [x, x, x, x, x].reduce(matmul),
  ),
  one(
    'matrixPower: -2',
    (a) => ops.matrixPower(a, -2),
    [[2, 2]],
    (x) => matmul(inverseNd(x), inverseNd(x)),
  ),
  one(
    'matrixPower: 0',
    (a) => ops.matrixPower(a, 0),
    [[2, 2]],
    () => identity(2),
  ),
  one('matrixExp', ops.matrixExp, [[3, 3]], exponential, { shapes: [[[1, 1]], [[5, 5]]] }),
  one(
    'matrixExp: batch',
    (a) => ops.matrixExp(a.mul(0.1)),
    [[2, 2, 2]],
    (x) => eachMatrix(exponential)(elementwise((a) => a * 0.1)(x)),
  ),
  one('pinv: tall', (a) => ops.pinv(a), [[3, 2]], pseudo),
  one('pinv: wide', (a) => ops.pinv(a), [[2, 3]], pseudo),
  one(
    'pinv: symmetric',
    (a) => ops.pinv(a.add(a.transpose()), { hermitian: true }),
    [[2, 2]],
    (x) => inverseNd(symmetricNd(x)),
  ),
  one('pinv: equal singular values', (a) => ops.pinv(a), [[2, 2]], inverseNd, {
    inputs: [input([2, 2], given(2, 0, 0, 2))],
  }),
  one(
    'lstsq',
    (a, b) => ops.lstsq(a, b).solution,
    [
      [4, 2],
      [4, 1],
    ],
    (a, b) => matmul(pseudo(a), b),
  ),
  one(
    'lstsq: residuals, rank, singular values',
    (a, b) => {
      const { residuals, rank, singularValues } = ops.lstsq(a, b)
      return [residuals, rank, singularValues]
    },
    [
      [4, 2],
      [4, 1],
    ],
    (a, b) => {
      const off = elementwise((x, y) => x - y)(matmul(a, matmul(pseudo(a), b)), b)
      return [vector([total([...squared(off).data])]), scalar(2), singular(a)[1]]
    },
  ),
  one(
    'matrixRank',
    (a) => ops.matrixRank(a.matmul(a.transpose())),
    [[3, 2]],
    () => scalar(2),
    {
      noGradient: 'it counts',
    },
  ),
  one(
    'matrixRank: limits',
    (a) => ops.matrixRank(a, { atol: 3 }),
    [[3, 3]],
    () => scalar(1),
    { noGradient: 'it counts' },
  ),
  ...(['nuc', 2, -2] as const).map((ord) =>
    one(
      `matrixNorm: ${ord}, singular values`,
      (a) => ops.matrixNorm(a, ord, { axes: [0, 2], keepDims: true }),
      [[2, 2, 3]],
      (x) => {
        const norms = eachMatrix((y) => {
          const s = [...singular(y)[1].data]
          return scalar(ord === 'nuc' ? total(s) : s[ord === 2 ? 0 : s.length - 1])
        })(transposed(x, [1, 0, 2]))
        return { shape: [1, 2, 1], data: norms.data }
      },
    ),
  ),
  one(
    'cross',
    (a, b) => ops.cross(a, b),
    [[3], [2, 3]],
    (a, b) =>
      build([2, 3], ([i, j]) => {
        const [u, v] = [(k: number) => a.data[k % 3], (k: number) => at(b, [i, k % 3])]
        return u(j + 1) * v(j + 2) - u(j + 2) * v(j + 1)
      }),
  ),
  one(
    'cross: first axis',
    (a, b) => ops.cross(a, b, { axis: 0 }),
    [
      [3, 2],
      [3, 2],
    ],
    (a, b) =>
      build([3, 2], ([j, i]) => {
        const [u, v] = [(k: number) => at(a, [k % 3, i]), (k: number) => at(b, [k % 3, i])]
        return u(j + 1) * v(j + 2) - u(j + 2) * v(j + 1)
      }),
  ),
  one(
    'vecdot',
    (a, b) => ops.vecdot(a, b),
    [
      [2, 3],
      [2, 3],
    ],
    (a, b) => build([2], ([i]) => total([0, 1, 2].map((k) => at(a, [i, k]) * at(b, [i, k])))),
  ),
]

const narrow = { dtypes: ['f32'] as const, because: 'a factorisation in 11 or 8 bits says nothing' }
export const decompositionCases: readonly OpCase[] = [...decompositions, ...functions].map((c) => ({
  ...c,
  only: narrow,
}))
