/** @file Random tensors: their distribution, that they repeat, and dropout. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { addon } from '../../lib/engine/addon.ts'
import { suite } from '../support/suite.ts'

const test = suite('random')

const N = 1_000_000

/** Mean, variance, and the third and fourth standardised moment. */
function moments(t: Tensor): [number, number, number, number] {
  const x = ops.cast(t, 'f64')
  const center = ops.mean(x)
  const deviation = ops.sub(x, center)
  const variance = ops.mean(ops.square(deviation))
  const z = ops.div(deviation, ops.sqrt(variance))
  const all = [center, variance, ops.mean(ops.pow(z, 3)), ops.mean(ops.pow(z, 4))]
  ops.evaluateSync(...all)
  return all.map((y) => y.itemSync()) as [number, number, number, number]
}

function near(got: number, want: number, error: number, what: string) {
  assert.ok(Math.abs(got - want) < error, `${what} is ${got}, wanted ${want} within ${error}`)
}

for (const dtype of ['f64', 'f32'] as const) {
  test(`rand: ${dtype} is uniform in [0, 1)`, () => {
    ops.manualSeed(1)
    const t = ops.rand([N], { dtype })
    const [mean, variance, skew, kurtosis] = moments(t)
    near(mean, 0.5, 0.0015, 'the mean')
    near(variance, 1 / 12, 0.0005, 'the variance')
    near(skew, 0, 0.01, 'the skewness')
    near(kurtosis, 1.8, 0.01, 'the kurtosis')
    assert.ok(ops.min(t).itemSync() >= 0)
    assert.ok(ops.max(t).itemSync() < 1)
  })

  test(`randn: ${dtype} is standard normal`, () => {
    ops.manualSeed(2)
    const t = ops.randn([N], { dtype })
    const [mean, variance, skew, kurtosis] = moments(t)
    near(mean, 0, 0.005, 'the mean')
    near(variance, 1, 0.007, 'the variance')
    near(skew, 0, 0.012, 'the skewness')
    near(kurtosis, 3, 0.03, 'the kurtosis')
    // 1e6 numbers reach beyond 4.4 and hardly beyond 6.
    const top = ops.max(ops.abs(t)).itemSync()
    assert.ok(top > 4.2 && top < 6.5, `the largest is ${top}`)
  })
}

test('rand: neighbours are independent', () => {
  ops.manualSeed(3)
  const t = ops.rand([1000, 1000], { dtype: 'f64' }).sub(0.5)
  for (const [axis, size] of [
    [0, 1000],
    [1, 1000],
  ] as const) {
    const [a, b] = [ops.narrow(t, axis, 0, size - 1), ops.narrow(t, axis, 1, size - 1)]
    near(ops.mean(ops.mul(a, b)).itemSync() * 12, 0, 0.005, `correlation along axis ${axis}`)
  }
  const other = ops.rand([1000, 1000], { dtype: 'f64' }).sub(0.5)
  near(ops.mean(ops.mul(t, other)).itemSync() * 12, 0, 0.005, 'correlation of two tensors')
})

test('uniform, normal: scaled', () => {
  ops.manualSeed(4)
  const [mean, variance] = moments(ops.uniform([N], -1, 3))
  near(mean, 1, 0.006, 'the mean')
  near(variance, 16 / 12, 0.008, 'the variance')
  const [center, spread] = moments(ops.normal([N], 5, 2))
  near(center, 5, 0.01, 'the mean')
  near(spread, 4, 0.03, 'the variance')
})

test('randint: every number equally often', () => {
  ops.manualSeed(5)
  const data = ops.randint(-2, 3, [100000]).dataSync() as BigInt64Array
  const counts = new Map<bigint, number>()
  for (const x of data) counts.set(x, (counts.get(x) ?? 0) + 1)
  assert.equal(
    [...counts.keys()].sort((a, b) => Number(a - b)),
    [-2n, -1n, 0n, 1n, 2n],
  )
  for (const n of counts.values()) near(n, 20000, 600, 'a count')
})

test('bernoulli: true as often as told', () => {
  ops.manualSeed(6)
  near(ops.mean(ops.cast(ops.bernoulli([N], 0.3), 'f32')).itemSync(), 0.3, 0.002, 'the share')
  assert.is(ops.sum(ops.bernoulli([1000], 0)).itemSync(), 0)
  assert.is(ops.sum(ops.bernoulli([1000], 1)).itemSync(), 1000)
})

const numbers = (t: Tensor) => Array.from(t.dataSync() as Float32Array)

test('manualSeed: the same seed gives the same numbers, another one others', () => {
  const draw = (seed: number) => {
    ops.manualSeed(seed)
    return [numbers(ops.rand([5])), numbers(ops.randn([5]))]
  }
  assert.equal(draw(7), draw(7))
  assert.not.equal(draw(7), draw(8))
})

test('random tensors differ from each other', () => {
  assert.not.equal(numbers(ops.rand([5])), numbers(ops.rand([5])))
})

test('random tensors: computed again they are the same, in every shape of plan', () => {
  const x = ops.randn([300])
  // x is not asked for here, so it is computed inside of both plans.
  const doubled = numbers(ops.mul(x, 2))
  const negative = numbers(ops.neg(x))
  const own = numbers(x)
  assert.equal(
    doubled,
    own.map((v) => 2 * v),
  )
  assert.equal(
    negative,
    own.map((v) => -v),
  )
})

test('random tensors: the same on any number of threads', () => {
  const before = addon().threads()
  const draw = (threads: number) => {
    addon().setThreads(threads)
    ops.manualSeed(9)
    return ops.randn([200_000]).dataSync()
  }
  try {
    assert.equal(draw(1), draw(2))
  } finally {
    addon().setThreads(before)
  }
})

test('rand: narrow floats are rounded draws', () => {
  ops.manualSeed(10)
  const wide = ops.rand([50])
  ops.manualSeed(10)
  const narrow = ops.rand([50], { dtype: 'bf16' })
  assert.is(narrow.dtype, 'bf16')
  assert.equal(numbers(narrow), numbers(ops.cast(wide, 'bf16')))
})

test('dropout: zeroes with p, scales the rest, keeps the mean', () => {
  ops.manualSeed(11)
  const y = ops.dropout(ops.ones([N]), 0.25)
  const data = y.dataSync() as Float32Array
  assert.equal([...new Set(data)].sort(), [0, Math.fround(1 / 0.75)])
  near(ops.mean(y).itemSync(), 1, 0.003, 'the mean')
})

test('dropout: p of 0 and 1, and not training', () => {
  const x = ops.tensor([1, -2, NaN])
  assert.is(ops.dropout(x, 0), x)
  assert.is(ops.dropout(x, 0.5, false), x)
  assert.equal(numbers(ops.dropout(ops.tensor([1, -2]), 1)).map(Math.abs), [0, 0])
})

test('dropout: the gradient has the mask of the value', () => {
  ops.manualSeed(12)
  const x = ops.ones([100])
  const { value, grads } = ops.valueAndGrad((t) => ops.sum(ops.mul(ops.dropout(t, 0.5), 3)))(x)
  ops.evaluateSync(value, grads[0])
  const slope = numbers(grads[0])
  assert.equal([...new Set(slope)].sort(), [0, 6])
  assert.is(
    slope.reduce((a, b) => a + b),
    value.itemSync(),
  )
})

test('checkpoint: the second computing draws the same numbers', () => {
  ops.manualSeed(13)
  const fn = (x: Tensor) => ops.sum(ops.square(ops.dropout(ops.exp(x), 0.5)))
  const x = ops.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
  const plain = ops.grad(fn)(x)[0]
  ops.manualSeed(13)
  const again = ops.grad((t) => ops.checkpoint(fn)(t))(x)[0]
  assert.equal(numbers(again), numbers(plain))
})
