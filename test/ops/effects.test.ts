/** @file What batch norm writes: running statistics, once, with the first evaluation that needs the result. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { Variable } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('effects')

const numbers = (t: ops.TensorLike) => Array.from(t.dataSync() as Float32Array, (x) => Number(x.toPrecision(6)))

function statistics() {
  const runningMean = new Variable(ops.zeros([2]), { trainable: false })
  const runningVar = new Variable(ops.ones([2]), { trainable: false })
  return { runningMean, runningVar }
}

// Means 2 and 10; variances, divided by n - 1, 4 / 3 and 0.
const x = ops.tensor([
  [1, 10],
  [1, 10],
  [3, 10],
  [3, 10],
])
const once = { mean: [0.2, 1], variance: [1.03333, 0.9] }

test('batchNorm: the running statistics move by the momentum', () => {
  const s = statistics()
  ops.batchNorm(x, { ...s, training: true }).dataSync()
  assert.equal(numbers(s.runningMean), once.mean)
  assert.equal(numbers(s.runningVar), once.variance)
})

test('batchNorm: another momentum', () => {
  const s = statistics()
  ops.batchNorm(x, { ...s, training: true, momentum: 1 }).dataSync()
  assert.equal(numbers(s.runningMean), [2, 10])
  assert.equal(numbers(s.runningVar), [1.33333, 0])
})

test('batchNorm: nothing is written before the result is needed', () => {
  const s = statistics()
  ops.batchNorm(x, { ...s, training: true })
  assert.equal(numbers(s.runningMean), [0, 0])
})

test('batchNorm: once, however often the result is computed', () => {
  const s = statistics()
  const y = ops.batchNorm(x, { ...s, training: true })
  ops.sum(y).itemSync()
  ops.mean(y).itemSync()
  y.dataSync()
  assert.equal(numbers(s.runningMean), once.mean)
})

test('batchNorm: two results in one evaluation, in the order they were built', () => {
  const s = statistics()
  const first = ops.batchNorm(x, { ...s, training: true })
  const second = ops.batchNorm(ops.neg(x), { ...s, training: true })
  ops.evaluateSync(second, first)
  // 0.9 (0.1 * 2) - 0.1 * 2
  assert.equal(numbers(s.runningMean), [-0.02, -0.1])
})

test('batchNorm: the gradient does not write again', () => {
  const s = statistics()
  const [dx] = ops.grad((t) => ops.sum(ops.square(ops.batchNorm(t, { ...s, training: true }))))(x)
  dx.dataSync()
  dx.add(1).dataSync()
  assert.equal(numbers(s.runningMean), once.mean)
})

test('batchNorm: a checkpointed forward pass writes once', () => {
  const s = statistics()
  const fn = ops.checkpoint((t: ops.Tensor) => ops.sum(ops.square(ops.batchNorm(t, { ...s, training: true }))))
  const { value, grads } = ops.valueAndGrad((t) => fn(t))(x)
  ops.evaluateSync(value, grads[0])
  assert.equal(numbers(s.runningMean), once.mean)
})

test('batchNorm: not training reads them and writes nothing', () => {
  const s = statistics()
  const y = ops.batchNorm(x, { ...s, eps: 0 })
  assert.equal(numbers(y), [1, 10, 1, 10, 3, 10, 3, 10])
  assert.equal(numbers(s.runningMean), [0, 0])
})

test('batchNorm: a graph that read the old statistics is stale after the write', () => {
  const s = statistics()
  const reader = ops.mul(s.runningMean, 2)
  ops.batchNorm(x, { ...s, training: true }).dataSync()
  assert.throws(
    () => reader.dataSync(),
    (e: ops.TenonError) => e.code === 'STALE',
  )
})
