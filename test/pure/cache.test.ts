import * as assert from 'uvu/assert'
import { rand, tensor, Variable, zeros } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { PlanCache } from '../../lib/plan/cache.ts'
import { sameKey, walk } from '../../lib/plan/walk.ts'
import { planOf } from '../support/plans.ts'
import { suite } from '../support/suite.ts'

const test = suite('plan cache')
const keyOf = (...results: Tensor[]) => walk({ results, updates: [] }).key
const x = tensor([1, 2])
const y = tensor([3, 4])
const v = new Variable(zeros([2]))
const w = new Variable(zeros([2]))

const same: [string, Tensor, Tensor][] = [
  ['other numbers as operands', x.mul(2), x.mul(3)],
  ['other tensors of the same shape', x.add(x), y.add(y)],
  ['other random positions', rand([4]), rand([4])],
  ['other variables of the same shape', v.add(1), w.add(1)],
]
for (const [title, a, b] of same) test(`shares a plan: ${title}`, () => assert.ok(sameKey(keyOf(a), keyOf(b))))

const different: [string, Tensor, Tensor][] = [
  ['x + x and x + y', x.add(x), x.add(y)],
  ['tied and untied weights', v.add(v), v.add(w)],
  ['exponents, which are structure', x.pow(2), x.pow(3)],
  ['attributes', x.sum(0), x.sum(0, { keepDims: true })],
  ['dtypes', x.cast('f64').exp(), x.cast('i64').exp()],
  ['shapes', x.exp(), tensor([1, 2, 3]).exp()],
  ['a constant -0 and 0', x.sub(zeros([])), x.add(zeros([]))],
  ['order of operands', x.exp().sub(y), y.exp().sub(x).neg()],
]
for (const [title, a, b] of different) test(`keeps apart: ${title}`, () => assert.not.ok(sameKey(keyOf(a), keyOf(b))))

test('the set of what is asked for is part of the key', () => {
  const h = x.exp()
  assert.not.ok(sameKey(keyOf(h, h.sum()), keyOf(h.sum())))
  assert.not.ok(sameKey(keyOf(h, h.sum()), keyOf(h.sum(), h)))
})

test('drops the plans that were not used for longest when it is full', () => {
  const cache = new PlanCache(60_000)
  const ask = (n: number) => {
    const t = tensor(new Float32Array(n)).exp()
    return cache.get(keyOf(t), () => planOf([t]))
  }
  const first = ask(1)
  for (let n = 2; n < 60; n++) {
    ask(n)
    assert.is(ask(1), first, 'kept as long as it is used')
  }
  assert.ok(cache.bytes <= cache.maxBytes)
  const misses = cache.misses
  ask(59)
  assert.is(cache.misses, misses, 'the last one is there')
  ask(2)
  assert.is(cache.misses, misses + 1, 'the oldest is gone')
})
