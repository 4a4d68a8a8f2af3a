/** @file What fails while it runs: positions and labels out of range, singular matrices. Nothing is written, and the next run works. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { evaluate, evaluateSync, tensor, Variable } from '../../lib/index.ts'
import type { ErrorCode, Tensor, TenonError } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('failures')

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
])
const at = (...positions: bigint[]) => tensor(positions)
const square = (...rows: number[][]) => tensor(rows)

const rows: [title: string, fn: () => Tensor, code: ErrorCode, op: string, says: RegExp][] = [
  ['take: too large', () => ops.take(x, at(0n, 2n), 0), 'INDEX', 'take', /in \[0, 2\), got 2/],
  ['take: negative', () => ops.take(x, at(-1n), 1), 'INDEX', 'take', /in \[0, 3\), got -1/],
  ['embedding', () => ops.embedding(at(9n), x), 'INDEX', 'take', /got 9/],
  ['gather', () => ops.gather(x, 1, tensor([[3n]])), 'INDEX', 'gather', /in \[0, 3\), got 3/],
  ['scatter', () => ops.scatter(x, 0, tensor([[2n]]), tensor([[9]])), 'INDEX', 'scatter', /in \[0, 2\), got 2/],
  ['scatterAdd', () => ops.scatterAdd(x, 0, tensor([[-5n]]), tensor([[9]])), 'INDEX', 'scatterAdd', /got -5/],
  ['take: the gradient', () => ops.grad((t) => ops.sum(ops.take(t, at(7n), 0)))(x)[0], 'INDEX', 'takeAdd', /got 7/],
  ['crossEntropy: a label', () => ops.crossEntropy(x, at(0n, 3n)), 'INDEX', 'gather', /in \[0, 3\), got 3/],
  ['nllLoss: a negative label that is not ignoreIndex', () => ops.nllLoss(x, at(-1n, 0n)), 'INDEX', 'gather', /got -1/],
  [
    'solve: singular',
    () => ops.solve(square([1, 2], [2, 4]), square([1], [1])),
    'SINGULAR',
    'solve',
    /matrix 0 .* pivot 1/,
  ],
  ['solve: zeros', () => ops.solve(ops.zeros([2, 2]), square([1], [1])), 'SINGULAR', 'solve', /pivot 0/],
  [
    'solve: second of a batch',
    () =>
      ops.solve(
        tensor([
          [
            [1, 0],
            [0, 1],
          ],
          [
            [1, 1],
            [1, 1],
          ],
        ]),
        ops.ones([2, 2, 1]),
      ),
    'SINGULAR',
    'solve',
    /matrix 1/,
  ],
  ['inverse: NaN', () => ops.inverse(square([NaN, 1], [1, 1])), 'SINGULAR', 'solve', /cannot be factorised/],
  ['cholesky: indefinite', () => ops.cholesky(square([1, 2], [2, 1])), 'SINGULAR', 'cholesky', /not positive/],
  ['cholesky: negative', () => ops.cholesky(square([-1, 0], [0, 1])), 'SINGULAR', 'cholesky', /pivot 0/],
]

const check = (error: unknown, code: ErrorCode, op: string, says: RegExp) => {
  const { code: got, op: where, message } = error as TenonError
  assert.is(got, code, message)
  assert.is(where, op)
  assert.match(message, says)
}

for (const [title, fn, code, op, says] of rows) {
  test(`${title}: ${code}, awaited and blocking, and nothing is written`, async () => {
    const variable = new Variable(tensor([1, 2]))
    variable.dataSync()
    const bad = fn()
    const write = ops.assign(variable, tensor([3, 4]))
    await evaluate(bad, write).then(
      () => assert.unreachable('it must fail'),
      (error: unknown) => check(error, code, op, says),
    )
    assert.equal([...(variable.dataSync() as Float32Array)], [1, 2])
    let thrown: unknown
    try {
      evaluateSync(fn())
    } catch (error) {
      thrown = error
    }
    check(thrown, code, op, says)
    assert.equal([...(ops.add(x, 1).sum(1).dataSync() as Float32Array)], [9, 18])
  })
}

test('a failed tensor can be asked for again, and fails again', async () => {
  const bad = ops.take(x, at(5n), 0)
  for (let i = 0; i < 2; i++) {
    await bad.data().then(
      () => assert.unreachable('it must fail'),
      (error: TenonError) => assert.is(error.code, 'INDEX'),
    )
  }
})

test('what depends on a failed tensor fails, the rest of the queue proceeds', async () => {
  const bad = ops.take(x, at(5n), 0)
  const first = evaluate(bad)
  const second = ops.add(x, 1).data()
  const outcomes = await Promise.allSettled([first, second])
  assert.equal(
    outcomes.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  )
})

test('oneHot: a label out of range is a row of zeros', () => {
  assert.equal(Array.from(ops.oneHot(at(0n, 9n, -1n), 2).dataSync() as BigInt64Array, Number), [1, 0, 0, 0, 0, 0])
})

test('take: an empty axis with no positions is fine, with one it fails', () => {
  assert.equal(ops.take(ops.zeros([0, 2]), ops.zeros([0], { dtype: 'i64' }), 0).dataSync().length, 0)
  assert.throws(
    () => ops.take(ops.zeros([0, 2]), at(0n), 0).dataSync(),
    (e: TenonError) => e.code === 'INDEX',
  )
})
