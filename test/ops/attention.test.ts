/** @file Attention: the table of cases; several tiles against the composite; memory; errors. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import type { AttentionOptions, Tensor } from '../../lib/index.ts'
import { planCache } from '../../lib/engine/evaluate.ts'
import { attentionComposite, attentionWeights } from '../../lib/ops/attention-composite.ts'
import { fromTensors } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { checkNear, tolerances } from '../support/tolerance.ts'
import { attentionCases } from './cases/attention.ts'

const test = suite('attention')
testCases(test, attentionCases)

const drawn = (shapes: readonly number[][]) => shapes.map((shape) => ops.randn(shape, { dtype: 'f64' }))

/** Value and gradients of the fused row and of plain ones; `plain` gets the weights' mask from its caller. */
function compare(shapes: number[][], options: AttentionOptions, plain: (q: Tensor, k: Tensor, v: Tensor) => Tensor) {
  ops.manualSeed(1)
  const inputs = drawn(shapes)
  const [weights] = drawn([[...shapes[0].slice(0, -1), shapes[2][3]]])
  const all = (fn: typeof plain) => {
    const at = (q: Tensor, k: Tensor, v: Tensor) => {
      ops.manualSeed(9)
      return fn(q, k, v)
    }
    const [q, k, v] = inputs as [Tensor, Tensor, Tensor]
    return [at(q, k, v), ...ops.grad((a, b, c) => ops.sum(ops.mul(at(a, b, c), weights)))(q, k, v)]
  }
  const want = fromTensors(all(plain))
  const got = fromTensors(all((q, k, v) => ops.scaledDotProductAttention(q, k, v, options)))
  got.forEach((x, i) => checkNear(`result ${i}`, x, want[i], tolerances.sums.f64))
}

const scores = (q: Tensor, k: Tensor) => ops.matmul(q, k.transpose()).mul(q.shape[3] ** -0.5)
const lowest = (mask: Tensor, s: Tensor) => ops.where(mask, s, -Infinity)

for (const [name, heads] of [
  ['a pass over each head', 4],
  ['passes by keys and by queries', 1],
] as const) {
  test(`several tiles, ${name}: equal to softmax(q k^T) v`, () => {
    const shapes = [
      [1, heads, 130, 8],
      [1, heads, 270, 8],
      [1, heads, 270, 6],
    ]
    compare(shapes, {}, (q, k, v) => ops.matmul(ops.softmax(scores(q, k)), v))
  })

  test(`several tiles, ${name}: causal, with dropout`, () => {
    const shapes = Array.from({ length: 3 }, () => [1, heads, 200, 4])
    const seen = ops.tril(ops.ones([200, 200])).gt(0)
    compare(shapes, { isCausal: true, dropoutP: 0.3 }, (q, k, v) =>
      ops.matmul(ops.dropout(ops.softmax(lowest(seen, scores(q, k))), 0.3), v),
    )
  })
}

test('heads in groups: equal to heads that are repeated', () => {
  const shapes = [
    [2, 6, 70, 4],
    [2, 2, 140, 4],
    [2, 2, 140, 4],
  ]
  const repeated = (t: Tensor) => ops.reshape(ops.expand(ops.unsqueeze(t, 2), [2, 2, 3, 140, 4]), [2, 6, 140, 4])
  compare(shapes, { enableGqa: true }, (q, k, v) => ops.matmul(ops.softmax(scores(q, repeated(k))), repeated(v)))
})

test('large scores: exponentials neither overflow nor are lost', () => {
  const q = ops.full([1, 1, 2, 4], 300)
  const k = ops.tensor([1, 1, 1, 1, 0.9, 0.9, 0.9, 0.9], { shape: [1, 1, 2, 4] })
  const y = ops.scaledDotProductAttention(q, k, ops.tensor([[[[1], [2]]]]))
  assert.equal([...y.dataSync()], [1, 1])
})

test('a NaN among the keys reaches every query that sees it', () => {
  const k = ops.tensor([1, NaN, 1], { shape: [1, 1, 3, 1] })
  const ones = ops.ones([1, 1, 3, 1])
  const y = ops.scaledDotProductAttention(ones, k, ones, { isCausal: true })
  assert.equal([...y.dataSync()], [1, NaN, NaN])
})

test('the weights of the composite add up to one, or to zero without keys', () => {
  const [q, k] = drawn([
    [1, 1, 2, 3],
    [1, 1, 4, 3],
  ])
  const mask = ops.tensor([1, 0, 1, 1, 0, 0, 0, 0], { shape: [1, 1, 2, 4] }).gt(0)
  const attrs = {
    scale: 1,
    isCausal: false,
    hasMask: true,
    hasLength: false,
    hasDropout: false,
    timeFirst: false,
    isPacked: false,
  }
  const weights = attentionWeights([q, k, k, mask], attrs)
  const sums = ops.sum(weights, -1).dataSync()
  assert.ok(Math.abs((sums[0] as number) - 1) < 1e-12)
  assert.is(sums[1], 0)
  assert.equal(attentionComposite([q, k, k, mask], attrs).shape, [1, 1, 2, 3])
})

test('memory is linear in the length: 8192 positions, 8 heads of 64, forward and backward under 200 MB', () => {
  const like = () => ops.tensor(new Float32Array(8 * 8192 * 64), { shape: [1, 8, 8192, 64], transfer: true })
  const inputs = [like(), like(), like()]
  const dy = like()
  const grads = ops.grad((q, k, v) => ops.sum(ops.scaledDotProductAttention(q, k, v, { isCausal: true }).mul(dy)))(
    ...inputs,
  )
  const y = ops.scaledDotProductAttention(inputs[0], inputs[1], inputs[2], { isCausal: true })
  const { peakBytes } = ops.summary(ops.plan(y, ...grads))
  assert.ok(peakBytes < 200e6, `${peakBytes} bytes`)
})

test('another kvLength and another dropout compile nothing', () => {
  const [q, k] = drawn([
    [1, 1, 1, 4],
    [1, 1, 8, 4],
  ])
  const run = (kvLength: number, dropoutP: number) =>
    ops.evaluateSync(ops.scaledDotProductAttention(q, k, k, { kvLength, dropoutP }))
  run(3, 0.1)
  const { misses } = planCache
  run(5, 0.2)
  assert.is(planCache.misses, misses)
})

for (const [what, fn, code, phrase] of [
  ['widths', () => sdpa([2, 3], [4, 2], [4, 2]), 'SHAPE', /q and k must be equally wide, got \[2, 3\]/],
  ['lengths', () => sdpa([2, 3], [4, 3], [5, 3]), 'SHAPE', /k and v must be equally long/],
  ['a vector', () => sdpa([3], [4, 3], [4, 3]), 'SHAPE', /needs \[..., T, width\]/],
  ['heads', () => sdpa([4, 2, 3], [3, 2, 3], [3, 2, 3]), 'SHAPE', /shapes must broadcast/],
  ['a mask', () => sdpa([2, 3], [4, 3], [4, 3], { attnMask: ops.ones([3, 4]) }), 'SHAPE', /must broadcast to/],
  [
    'a whole mask',
    () => sdpa([2, 3], [4, 3], [4, 3], { attnMask: ops.ones([2, 4], { dtype: 'i32' }) }),
    'DTYPE',
    /bool/,
  ],
  ['a probability', () => sdpa([2, 3], [4, 3], [4, 3], { dropoutP: 2 }), 'VALUE', /lies in \[0, 1\], got 2/],
  ['kvLength', () => sdpa([2, 3], [4, 3], [4, 3], { kvLength: 5 }), 'VALUE', /kvLength must be an integer in \[0, 4\]/],
  ['a typo', () => sdpa([2, 3], [4, 3], [4, 3], { causal: true } as never), 'OPTION', /unknown option 'causal'/],
] as const) {
  test(`scaledDotProductAttention: error for ${what}`, () => {
    try {
      fn()
    } catch (error) {
      assert.is((error as ops.TenonError).code, code)
      return assert.match((error as Error).message, phrase)
    }
    assert.unreachable('no error')
  })
}

function sdpa(q: number[], k: number[], v: number[], options: AttentionOptions = {}): Tensor {
  return ops.scaledDotProductAttention(ops.ones(q), ops.ones(k), ops.ones(v), options)
}
