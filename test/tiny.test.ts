/** @file Ten checks of the whole path, and a small training run: what to look at first when something is broken. */
import * as assert from 'uvu/assert'
import * as ops from '../lib/index.ts'
import { evaluate, grad, tensor, Variable } from '../lib/index.ts'
import { suite } from './support/suite.ts'

const test = suite('tiny')

const numbers = (t: ops.TensorLike) => Array.from(t.dataSync() as Float32Array)

test('add: numbers come back', async () => {
  assert.equal(await ops.add(tensor([1, 2]), tensor([[3], [4]])).toArray(), [
    [4, 5],
    [5, 6],
  ])
})

test('matmul', () =>
  assert.equal(
    numbers(
      tensor([
        [1, 2],
        [3, 4],
      ]).matmul(tensor([[5], [6]])),
    ),
    [17, 39],
  ))

test('sum: along an axis', () =>
  assert.equal(
    numbers(
      tensor([
        [1, 2],
        [3, 4],
      ]).sum(0),
    ),
    [4, 6],
  ))

test('views: a slice of a permuted tensor', () => {
  assert.equal(
    numbers(
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ])
        .permute([1, 0])
        .slice([[1, null], 1]),
    ),
    [5, 6],
  )
})

test('softmax: adds up to 1', () => assert.ok(Math.abs(tensor([1, 2, 3]).softmax().sum().itemSync() - 1) < 1e-6))

test('conv2d', () => {
  const x = ops.arange(9).cast('f32').reshape([1, 1, 3, 3])
  assert.equal(numbers(ops.conv2d(x, ops.ones([1, 1, 2, 2]))), [8, 12, 20, 24])
})

test('grad: of x^2', () => assert.equal(numbers(grad((x) => x.square().sum())(tensor([1, -3]))[0]), [2, -6]))

test('grad: second order', () => {
  const slope = grad((x) => ops.pow(x, 3).sum())
  assert.equal(numbers(grad((x) => slope(x)[0].sum())(tensor([2]))[0]), [12])
})

test('Variable: assign writes', async () => {
  const v = new Variable(tensor([1]))
  await evaluate(ops.assign(v, v.mul(5)))
  assert.equal(numbers(v), [5])
})

test('errors: say what to do', () => {
  assert.throws(
    () => tensor([1, 2]).reshape([3]),
    (e: ops.TenonError) => e.code === 'SHAPE' && e.op === 'reshape',
  )
})

test('training: a small network learns which points lie in a circle', async () => {
  ops.manualSeed(1)
  const points = ops.uniform([256, 2], -1, 1)
  const labels = ops.lt(points.square().sum(1), 0.5).cast('i64')
  await evaluate(points, labels)
  const parameters = [
    new Variable(ops.randn([2, 16])),
    new Variable(ops.zeros([16])),
    new Variable(ops.randn([16, 2]).mul(0.3)),
    new Variable(ops.zeros([2])),
  ]
  const logits = (w1: ops.Tensor, b1: ops.Tensor, w2: ops.Tensor, b2: ops.Tensor) =>
    points.matmul(w1).add(b1).tanh().matmul(w2).add(b2)
  const losses: number[] = []
  for (let step = 0; step < 300; step++) {
    const { value, grads } = ops.valueAndGrad((...p) =>
      ops.crossEntropy(logits(...(p as [ops.Tensor, ops.Tensor, ops.Tensor, ops.Tensor])), labels),
    )(...parameters)
    await evaluate(value, ...grads.map((d, i) => ops.assign(parameters[i], parameters[i].sub(d.mul(0.5)))))
    losses.push(await value.item())
  }
  const [w1, b1, w2, b2] = parameters.map((p) => p.read())
  const accuracy = logits(w1, b1, w2, b2).argMax(1).eq(labels).cast('f32').mean().itemSync()
  assert.ok(losses[0] > 0.6 && losses[299] < 0.2, `the loss went from ${losses[0]} to ${losses[299]}`)
  assert.ok(accuracy > 0.95, `the accuracy is ${accuracy}`)
})
