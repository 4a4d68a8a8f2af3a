/** @file Initial values: bounds, moments, and that a seed decides them. */
import { conv2d, manualSeed, nn, randn, stack } from 'tenon'
import type { TenonError, Tensor, Variable } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('init')
const { init } = nn

const list = async (t: Tensor | Variable) => Array.from((await t.data()) as Float64Array)

async function moments(t: Tensor | Variable) {
  const x = await list(t)
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  const std = Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length)
  return { mean, std, low: Math.min(...x), high: Math.max(...x) }
}

/** Uniform in (-bound, bound): never outside, and nearly reached by thousands of draws. */
async function checkUniform(t: Tensor | Variable, bound: number) {
  const { mean, std, low, high } = await moments(t)
  assert.ok(low >= -bound && high <= bound, `[${low}, ${high}] leaves ${bound}`)
  assert.ok(low < -0.98 * bound && high > 0.98 * bound, `[${low}, ${high}] falls short of ${bound}`)
  assert.ok(Math.abs(mean) < 0.05 * bound)
  assert.ok(Math.abs(std / (bound / Math.sqrt(3)) - 1) < 0.05)
}

async function checkNormal(t: Tensor | Variable, expected: number) {
  const { mean, std } = await moments(t)
  assert.ok(Math.abs(mean) < 0.05 * expected)
  assert.ok(Math.abs(std / expected - 1) < 0.05)
}

for (const [title, make, fanIn] of [
  ['Linear', () => new nn.Linear(50, 400), 50],
  ['Conv2d', () => new nn.Conv2d(8, 400, 3), 72],
  ['Conv2d with groups', () => new nn.Conv2d(8, 400, [3, 5], { groups: 2 }), 60],
] as const) {
  test(`${title}: weight and bias start as U(-b, b), b = 1 / sqrt(fanIn)`, async () => {
    const { weight, bias } = make()
    await checkUniform(weight, 1 / Math.sqrt(fanIn))
    const { low, high } = await moments(bias!)
    assert.ok(low >= -1 / Math.sqrt(fanIn) && high <= 1 / Math.sqrt(fanIn))
  })
}

test('Embedding: starts as N(0, 1), its padding as zeros', async () => {
  await checkNormal(new nn.Embedding(100, 80).weight, 1)
  const weight = await list(new nn.Embedding(4, 3, { paddingIdx: -2 }).weight)
  assert.equal(weight.slice(6, 9), [0, 0, 0])
  assert.is(weight.filter((x) => x !== 0).length, 9)
})

test('normalisation: weight 1, bias 0, mean 0, variance 1', async () => {
  const { weight, bias, runningMean, runningVar, numBatchesTracked } = new nn.BatchNorm2d(3)
  const all = await Promise.all([weight!, bias!, runningMean!, runningVar!].map(list))
  assert.equal(all, [
    [1, 1, 1],
    [0, 0, 0],
    [0, 0, 0],
    [1, 1, 1],
  ])
  assert.is(await numBatchesTracked!.item(), 0)
  assert.is(new nn.LayerNorm([2, 3]).weight!.size, 6)
})

test('init: Kaiming and Xavier have their spread', async () => {
  await checkUniform(init.kaimingUniform([100, 60], { nonlinearity: 'relu' }), Math.sqrt(6 / 60))
  await checkUniform(init.kaimingUniform([100, 60], { a: Math.sqrt(5) }), 1 / Math.sqrt(60))
  await checkNormal(init.kaimingNormal([100, 6, 5, 2], { mode: 'fanOut' }), Math.sqrt(2 / 1000))
  await checkUniform(init.xavierUniform([90, 60]), Math.sqrt(6 / 150))
  await checkNormal(init.xavierNormal([90, 60], { gain: 2, dtype: 'f64' }), 2 * Math.sqrt(2 / 150))
  assert.is(init.xavierNormal([2, 3], { dtype: 'f64' }).dtype, 'f64')
  assert.equal(await list(init.constant([2], 7)), [7, 7])
  assert.throws(() => init.kaimingUniform([3]), /2 or more axes/)
})

test('manualSeed: the same seed makes the same model, also when it is evaluated late', async () => {
  const contents = async () => {
    manualSeed(7)
    const model = new nn.Sequential(new nn.Linear(4, 3), new nn.Embedding(3, 2) as never)
    return Promise.all([...model.stateDict().values()].reverse().map(list))
  }
  assert.equal(await contents(), await contents())
  const [first] = await contents()
  manualSeed(8)
  assert.not.equal(await list(new nn.Embedding(3, 2).weight), first)
})

test('truncNormal: moments and ends of what is left of the distribution', async () => {
  const cases: [object, number, number, number, number][] = [
    [{}, 0, 0.8796, -2, 2],
    [{ mean: 1, std: 2, a: 0, b: 4, dtype: 'f64' }, 1.7127, 1.0587, 0, 4],
    [{ std: 0.02, a: -2, b: 2 }, 0, 0.02, -0.12, 0.12],
    // Far out, where the distribution is all but 0 or 1.
    [{ a: 4, b: 5, dtype: 'f64' }, 4.2173, 0.192, 4, 5],
  ]
  for (const [options, mean, std, low, high] of cases) {
    manualSeed(3)
    const found = await moments(init.truncNormal([80, 100], options))
    assert.ok(Math.abs(found.mean - mean) < 0.03 * (Math.abs(mean) + std), `mean ${found.mean}`)
    assert.ok(Math.abs(found.std / std - 1) < 0.05, `std ${found.std}`)
    assert.ok(found.low >= low && found.high <= high, `[${found.low}, ${found.high}]`)
  }
})

test('orthogonal: rows, or columns, of length gain at right angles', async () => {
  for (const [shape, gain] of [
    [[5, 5], 1],
    [[3, 7], 2],
    [[7, 3], 0.5],
    [[4, 2, 3, 3], 1],
  ] as const) {
    const n = shape[0]
    const m = shape.slice(1).reduce((a, b) => a * b, 1)
    const x = await list(init.orthogonal(shape, { gain, dtype: 'f64' }))
    const isWide = n <= m
    const size = Math.min(n, m)
    const at = (i: number, k: number) => (isWide ? x[i * m + k]! : x[k * m + i]!)
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        let inner = 0
        for (let k = 0; k < Math.max(n, m); k++) inner += at(i, k) * at(j, k)
        assert.ok(Math.abs(inner - (i === j ? gain * gain : 0)) < 1e-12, `${shape}: ${i} ${j} ${inner}`)
      }
    }
  }
  // Signs of QR's own would make the mean of the first element negative.
  const first = await list(stack(Array.from({ length: 200 }, () => init.orthogonal([2, 2]).reshape([4]))))
  const mean = first.filter((_, i) => i % 4 === 0).reduce((a, b) => a + b, 0) / 200
  assert.ok(Math.abs(mean) < 0.2, String(mean))
})

test('eye, dirac: as PyTorch has them', async () => {
  assert.equal(await list(init.eye([2, 3])), [1, 0, 0, 0, 1, 0])
  const ones = async (t: Tensor) => (await list(t)).flatMap((x, i) => (x === 1 ? [i] : x === 0 ? [] : [NaN]))
  // [out, in, kernel]: 1 at (i, i, middle).
  assert.equal(await ones(init.dirac([3, 2, 3])), [1, 10])
  assert.equal(await ones(init.dirac([2, 2, 3, 4])), [1 * 4 + 2, 3 * 12 + 6])
  assert.equal(await ones(init.dirac([4, 2, 3], { groups: 2 })), [1, 10, 13, 22])
  const x = randn([1, 3, 4, 5])
  const y = conv2d(x, init.dirac([3, 3, 3, 3]), null, { padding: 1 })
  assert.equal(await list(y), await list(x))
})

test('sparse: so many zeros in each column, normal elsewhere', async () => {
  const x = await list(init.sparse([50, 40], { sparsity: 0.31, std: 2 }))
  for (let j = 0; j < 40; j++) assert.is(x.filter((v, i) => i % 40 === j && v === 0).length, 16)
  const rest = x.filter((v) => v !== 0)
  const std = Math.sqrt(rest.reduce((a, b) => a + b * b, 0) / rest.length)
  assert.ok(Math.abs(std / 2 - 1) < 0.08, String(std))
})

test('gain: all nonlinearities of PyTorch', () => {
  for (const name of ['linear', 'conv1d', 'conv2d', 'conv3d', 'convTranspose2d', 'sigmoid'] as const)
    assert.is(init.gain(name), 1)
  assert.is(init.gain('tanh'), 5 / 3)
  assert.is(init.gain('relu'), Math.SQRT2)
  assert.is(init.gain('leakyRelu'), Math.sqrt(2 / (1 + 1e-4)))
  assert.is(init.gain('selu'), 0.75)
})

test('errors: shapes and numbers that do not fit', () => {
  const wrong: [() => Tensor, string, RegExp][] = [
    [() => init.eye([2]), 'SHAPE', /matrix/],
    [() => init.dirac([2, 2]), 'SHAPE', /spatial/],
    [() => init.dirac([3, 2, 3], { groups: 2 }), 'VALUE', /divide/],
    [() => init.orthogonal([4]), 'SHAPE', /2 or more/],
    [() => init.sparse([4, 4], { sparsity: 2 }), 'VALUE', /sparsity/],
    [() => init.truncNormal([4], { a: 1, b: 1 }), 'VALUE', /a < b/],
  ]
  for (const [make, code, phrase] of wrong)
    assert.throws(make, (e: TenonError) => e.code === code && phrase.test(e.message))
})
