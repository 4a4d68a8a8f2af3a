/** @file Random numbers by keys, and the samplers that use them. */
import { data } from 'tenon'
import type { TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('random numbers and samplers')

const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'none'
  } catch (error) {
    return (error as TenonError).code
  }
}

test('RandomNumbers: the same keys give the same numbers, any other key others', () => {
  const draw = (...keys: number[]) =>
    Array.from(
      { length: 4 },
      (
        (r) => () =>
          r.uint32()
      )(new data.RandomNumbers(...keys)),
    )
  assert.equal(draw(1, 2), draw(1, 2))
  const others = [
    draw(1, 2),
    draw(2, 1),
    draw(1, 3),
    draw(1, 2, 0),
    draw(1),
    draw(1, 2 + 2 ** 32),
    draw(1, 2 ** 32 + 1),
  ]
  assert.is(new Set(others.map(String)).size, others.length)
  assert.is(
    codeOf(() => new data.RandomNumbers(-1)),
    'VALUE',
  )
  assert.is(
    codeOf(() => new data.RandomNumbers(1.5)),
    'VALUE',
  )
})

test('RandomNumbers: uniform, below and normal have the moments that they should', () => {
  const r = new data.RandomNumbers(7)
  const n = 20000
  const mean = (fn: () => number) => Array.from({ length: n }, fn).reduce((a, b) => a + b, 0) / n
  assert.ok(Math.abs(mean(() => r.uniform()) - 0.5) < 0.01)
  assert.ok(Math.abs(mean(() => r.normal())) < 0.03)
  assert.ok(Math.abs(mean(() => r.normal() ** 2) - 1) < 0.05)
  const counts = [0, 0, 0]
  for (let i = 0; i < 3000; i++) counts[r.below(3)]!++
  assert.ok(
    counts.every((count) => Math.abs(count - 1000) < 120),
    String(counts),
  )
  assert.is(
    codeOf(() => r.below(0)),
    'VALUE',
  )
})

test('RandomNumbers: neighbouring keys give orders that have nothing in common', () => {
  const firsts = new Set<number>()
  for (let epoch = 0; epoch < 200; epoch++) firsts.add(new data.RandomNumbers(0, epoch).below(10 ** 6))
  assert.ok(firsts.size > 195)
})

const context = (epoch: number, batchSize = 4) => ({ seed: 3, epoch, batchSize })
const sorted = (order: ArrayLike<number>) => Array.from(order).sort((a, b) => a - b)

test('randomSampler: each index once, a new order in each epoch, the same again for the same epoch', () => {
  const sampler = data.randomSampler(50)
  const first = Array.from(sampler.order(context(0)))
  assert.equal(
    sorted(first),
    Array.from({ length: 50 }, (_, i) => i),
  )
  assert.equal(Array.from(sampler.order(context(0))), first)
  assert.not.equal(Array.from(sampler.order(context(1))), first)
  assert.not.equal(Array.from(sampler.order({ ...context(0), seed: 4 })), first)
})

test('weightedSampler: draws in proportion, never what weighs nothing', () => {
  const sampler = data.weightedSampler([1, 0, 3], { length: 4000 })
  const counts = [0, 0, 0]
  for (const i of Array.from(sampler.order(context(0)))) counts[i]!++
  assert.is(counts[1], 0)
  assert.ok(Math.abs(counts[2]! / counts[0]! - 3) < 0.4, String(counts))
})

test('weightedSampler: without replacement nothing comes twice, heavy ones come first', () => {
  const sampler = data.weightedSampler([1, 1, 0, 1000, 1], { length: 4, replacement: false })
  let first = 0
  for (let epoch = 0; epoch < 100; epoch++) {
    const order = Array.from(sampler.order(context(epoch)))
    assert.equal(sorted(order), [0, 1, 3, 4])
    if (order[0] === 3) first++
  }
  assert.ok(first > 90)
})

test('weightedSampler: refuses weights that are no chances', () => {
  for (const weights of [[0, 0], [-1, 2], [NaN, 1], [Infinity, 1], []])
    assert.is(
      codeOf(() => data.weightedSampler(weights)),
      'VALUE',
      String(weights),
    )
  assert.is(
    codeOf(() => data.weightedSampler([1, 0], { replacement: false })),
    'VALUE',
  )
  assert.is(
    codeOf(() => data.weightedSampler([1], { replace: false } as object)),
    'OPTION',
  )
})

test('lengthSampler: batches hold samples of about one length, all samples come, the short batch is last', () => {
  const r = new data.RandomNumbers(1)
  const lengths = Array.from({ length: 402 }, () => r.below(100))
  const order = Array.from(data.lengthSampler(lengths).order(context(0)))
  assert.equal(
    sorted(order),
    Array.from({ length: 402 }, (_, i) => i),
  )
  let spread = 0
  for (let i = 0; i < 400; i += 4) {
    const batch = order.slice(i, i + 4).map((index) => lengths[index]!)
    spread += Math.max(...batch) - Math.min(...batch)
  }
  assert.ok(spread / 100 < 5, `mean spread ${spread / 100}; 60 without sorting`)
  const heads = order.filter((_, i) => i % 4 === 0).map((index) => lengths[index]!)
  assert.not.equal(
    heads,
    [...heads].sort((a, b) => a - b),
    'the batches themselves are shuffled',
  )
  assert.equal(Array.from(data.lengthSampler([3, 1, 2], { shuffle: false }).order(context(0))), [1, 2, 0])
})
