/** @file Decompositions and functions of matrices: the table of cases, edges, errors. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { linalg, tensor } from '../../lib/index.ts'
import { fromTensors } from '../support/arrays.ts'
import { testCases } from '../support/op-cases.ts'
import { suite } from '../support/suite.ts'
import { decompositionCases } from './cases/decompositions.ts'

const test = suite('decompositions')
testCases(test, decompositionCases)

const throws = (fn: () => unknown, pattern: RegExp) => assert.throws(fn, (e: Error) => pattern.test(e.message))

test('slogdet: a singular matrix has sign 0 and -Infinity', () => {
  const { sign, logabsdet } = linalg.slogdet(tensor([1, 2, 2, 4], { shape: [2, 2] }))
  const [s, l] = fromTensors([sign, logabsdet])
  assert.equal([s.data[0], l.data[0]], [0, -Infinity])
})

test('det: of nothing is 1, of a singular matrix 0', () => {
  const [none, zero] = fromTensors([linalg.det(ops.zeros([0, 0])), linalg.det(tensor([1, 2, 2, 4], { shape: [2, 2] }))])
  assert.equal([none.data[0], zero.data[0]], [1, 0])
})

test('svd: values without vectors are differentiable where they are equal', () => {
  const [d] = fromTensors(ops.grad((a) => linalg.svdvals(a).sum())(ops.eye(2, 2, { dtype: 'f64' })))
  assert.equal([...d.data], [1, 0, 0, 1])
})

test('lstsq and pinv: a matrix that lacks rank has the solution of least norm', () => {
  const a = ops.ones([3, 2], { dtype: 'f64' })
  const [x, rank] = fromTensors([linalg.lstsq(a, a.narrow(1, 0, 1)).solution, linalg.lstsq(a, a).rank])
  assert.ok(x.data.every((value) => Math.abs(value - 0.5) < 1e-14))
  assert.equal(rank.data[0], 1)
})

test('solve: vectors on the right, and a on the right', () => {
  const a = tensor([2, 0, 0, 4], { shape: [2, 2] })
  const [x, y, z] = fromTensors([
    linalg.solve(a, tensor([2, 4])),
    linalg.solve(ops.stack([a, a]), tensor([2, 4, 4, 8], { shape: [2, 2] })),
    linalg.solve(a, tensor([2, 4], { shape: [1, 2] }), { left: false }),
  ])
  assert.equal([x.shape, [...x.data]], [[2], [1, 1]])
  assert.equal(
    [y.shape, [...y.data]],
    [
      [2, 2],
      [1, 1, 2, 2],
    ],
  )
  assert.equal(
    [z.shape, [...z.data]],
    [
      [1, 2],
      [1, 1],
    ],
  )
})

test('decompositions: what is not finite is SINGULAR', () => {
  const bad = ops.eye(2, 2).mul(NaN)
  for (const fn of [linalg.eigvalsh, linalg.svdvals])
    assert.throws(
      () => fn(bad).dataSync(),
      (e: ops.TenonError) => e.code === 'SINGULAR' && /not finite/.test(e.message),
    )
})

test('decompositions: shapes, dtypes and options are checked', () => {
  const [a, wide] = [ops.ones([2, 2]), ops.ones([2, 3])]
  throws(() => linalg.det(wide), /det: needs square matrices, got \[2, 3\]/)
  throws(() => linalg.svd(ops.ones([2])), /svd: needs matrices, got \[2\]/)
  throws(() => linalg.qr(ops.ones([2, 2], { dtype: 'i64' })), /qr: needs floats/)
  throws(() => linalg.qr(a, { mode: 'raw' as never }), /qr: mode is/)
  throws(() => linalg.eigh(a, { uplo: 'X' as never }), /eigh: uplo/)
  throws(() => linalg.solveTriangular(a, a, {} as never), /upper is true or false/)
  throws(() => linalg.solveTriangular(a, ops.ones([3, 1]), { upper: true }), /b must be f32 \[\.\.\., 2, k\]/)
  throws(() => linalg.matrixPower(a, 0.5), /n must be an integer/)
  throws(() => linalg.lstsq(a, ops.ones([3, 1])), /lstsq: b must be/)
  throws(() => linalg.cross(a, a), /axis of size 3/)
  throws(() => ops.grad((x) => linalg.svd(x).u.sum())(ops.ones([3, 2])), /no gradient.*fullMatrices: false/)
  throws(() => ops.grad((x) => linalg.qr(x, { mode: 'complete' }).q.sum())(ops.ones([3, 2])), /mode: 'reduced'/)
})
