/** @file Initial values: bounds, moments, and that a seed decides them. */
import { manualSeed, nn } from 'tenon'
import type { Tensor, Variable } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('init')

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
  const { init } = nn
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
