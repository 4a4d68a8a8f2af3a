/** @file Multi-head attention, Transformers and the cache: masks against each other, streams against whole sequences, errors. */
import * as assert from 'uvu/assert'
import {
  evaluateSync,
  gt,
  manualSeed,
  narrow,
  nn,
  ones,
  randn,
  slice,
  sum,
  tensor,
  where,
  zeros,
} from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { planCache } from '../../lib/engine/evaluate.ts'
import { fromTensors } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'
import { checkNear } from '../support/tolerance.ts'

const test = suite('nn attention')

const near = { relative: 1e-5, scale: 2e-6 }
function same(what: string, got: Tensor, want: Tensor): void {
  const [x, y] = fromTensors([got, want])
  checkNear(what, x, y, near)
}

const future = (n: number) => nn.Transformer.generateSquareSubsequentMask(n)

test('MultiheadAttention: parameters have their names, and start as PyTorch has them', () => {
  const one = new nn.MultiheadAttention(8, 2)
  assert.equal(
    [...one.namedParameters().keys()],
    ['in_proj_weight', 'in_proj_bias', 'out_proj.weight', 'out_proj.bias'],
  )
  const other = new nn.MultiheadAttention(8, 2, { kdim: 5, vdim: 7, bias: false, addBiasKv: true })
  const names = ['q_proj_weight', 'k_proj_weight', 'v_proj_weight', 'bias_k', 'bias_v', 'out_proj.weight']
  assert.equal([...other.namedParameters().keys()], names)
  assert.is(sum(one.outProj.bias!).itemSync(), 0)
})

test('MultiheadAttention: the same with and without weights, by either layout', () => {
  manualSeed(1)
  const attention = new nn.MultiheadAttention(8, 2, { batchFirst: true })
  const x = randn([2, 5, 8])
  const [whole, weights] = attention.forward(x, x, x, { attnMask: gt(future(5).neg(), 0) })
  const [packed, none] = attention.forward(x, x, x, { isCausal: true, needWeights: false })
  assert.is(none, null)
  same('packed', packed, whole)
  same('rows', sum(weights!, -1), ones([2, 5]))
  const turned = new nn.MultiheadAttention(8, 2)
  turned.inProjWeight = attention.inProjWeight
  turned.outProj = attention.outProj
  same(
    'time first',
    turned.forward(x.transpose(0, 1), undefined, undefined, { attnMask: future(5) })[0].transpose(0, 1),
    whole,
  )
})

test('MultiheadAttention: masks of bools and of floats say the same, alone and together', () => {
  manualSeed(2)
  const attention = new nn.MultiheadAttention(8, 2, { batchFirst: true })
  const x = randn([2, 3, 8])
  const padding = tensor([false, false, true, false, true, true], { shape: [2, 3] })
  const added = where(padding, -Infinity, zeros([2, 3]))
  const of = (keyPaddingMask: Tensor, attnMask: Tensor | null) =>
    attention.forward(x, x, x, { keyPaddingMask, attnMask })[0]
  same('floats', of(added, null), of(padding, null))
  const later = gt(future(3).neg(), 0)
  for (const [mask, other] of [
    [padding, future(3)],
    [added, later],
    [added, future(3)],
  ] as const)
    same('both', of(mask, other), of(padding, later))
})

test('MultiheadAttention: added keys are seen by every query, causal or not', () => {
  manualSeed(3)
  const attention = new nn.MultiheadAttention(4, 1, { addBiasKv: true, addZeroAttn: true, batchFirst: true })
  const x = randn([1, 3, 4])
  const [y, weights] = attention.forward(x, x, x, { isCausal: true })
  same('the mask spelled out', attention.forward(x, x, x, { attnMask: future(3) })[0], y)
  const first = [...slice(weights!, [0, 0]).dataSync()] as number[]
  assert.equal(
    first.map((w) => w > 0),
    [true, false, false, true, true],
  )
})

test('TransformerEncoder: a stream with caches gives what the whole sequence gives, with one plan for a step', () => {
  manualSeed(4)
  const options = { dimFeedforward: 16, batchFirst: true }
  const model = new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2, options), 2).eval()
  const x = randn([2, 7, 8])
  const whole = model.forward(x, { isCausal: true })
  evaluateSync(x, whole)
  const caches = model.layers.map(() => new nn.KeyValueCache({ batch: 2, numHeads: 2, capacity: 9, headDim: 4 }))
  const step = (from: number, length: number) => model.forward(narrow(x, 1, from, length), { caches })
  same('a prompt', step(0, 3), narrow(whole, 1, 0, 3))
  same('one more', step(3, 1), narrow(whole, 1, 3, 1))
  const [given, want] = fromTensors([x, whole])
  let misses = 0
  for (let i = 4; i < 7; i++) {
    const at = (y: typeof want) =>
      Float64Array.from({ length: 16 }, (_, j) => y.data[(Math.floor(j / 8) * 7 + i) * 8 + (j % 8)])
    const [got] = fromTensors([model.forward(tensor(Float32Array.from(at(given)), { shape: [2, 1, 8] }), { caches })])
    checkNear(`position ${i}`, got, { shape: [2, 1, 8], data: at(want) }, near)
    if (i > 4) assert.is(planCache.misses, misses)
    misses = planCache.misses
  }
  assert.is(caches[0].length, 7)
  caches.forEach((cache) => cache.truncate(3))
  same('again after truncate', step(3, 1), narrow(whole, 1, 3, 1))
})

test('KeyValueCache: reorder follows the sequences', async () => {
  const cache = new nn.KeyValueCache({ batch: 2, numHeads: 1, capacity: 2, headDim: 1 })
  const keys = tensor([1, 2], { shape: [2, 1, 1, 1] })
  const content = cache.append(keys, keys)
  evaluateSync(content.keys, content.values)
  await cache.reorder(tensor([1n, 1n]))
  assert.equal([...cache.values.dataSync()], [2, 0, 2, 0])
})

test('Transformer: layers of a stack start with values of their own', () => {
  const layer = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 8 })
  const { layers } = new nn.TransformerEncoder(layer, 2)
  assert.is(layers[0], layer)
  assert.ok(sum(layers[0].linear1.weight.sub(layers[1].linear1.weight).abs()).itemSync() > 0)
  const model = new nn.Transformer(8, 2, { numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 8 })
  assert.is(model.namedParameters().has('decoder.layers.0.multihead_attn.in_proj_weight'), true)
  assert.equal(model.forward(randn([3, 1, 8]), randn([2, 1, 8])).shape, [2, 1, 8])
})

test('encodings of positions: either layout, and from an offset', () => {
  manualSeed(6)
  const learned = new nn.LearnedPositionalEncoding(5, 4, { batchFirst: true })
  const zero = zeros([2, 3, 4])
  same('learned', slice(learned.forward(zero, { offset: 2 }), [1]), narrow(learned.weight, 0, 2, 3))
  const waves = new nn.SinusoidalPositionalEncoding(4)
  same(
    'waves',
    waves.forward(zeros([3, 2, 4])).transpose(0, 1),
    new nn.SinusoidalPositionalEncoding(4, { batchFirst: true }).forward(zero),
  )
  assert.equal(new nn.ALiBi(2).forward(3).shape, [2, 3, 3])
  const turn = new nn.RotaryEmbedding({ isInterleaved: true })
  same('rotary', turn.forward(ones([1, 4])), ones([1, 4]))
  assert.throws(() => waves.forward(ones([2, 3])), /needs \[T, B, 4\], got \[2, 3\]/)
})

test('SwiGLU and GeGLU: one layer gates the other', () => {
  manualSeed(7)
  const x = randn([2, 3])
  for (const [layer, gate] of [
    [new nn.SwiGLU(3, 5), (y: Tensor) => y.silu()],
    [new nn.GeGLU(3, 5, { bias: true, outFeatures: 2 }), (y: Tensor) => y.gelu()],
  ] as const) {
    const { w1, w2, w3 } = layer
    same('gated', layer.forward(x), w2.forward(gate(w1.forward(x)).mul(w3.forward(x))))
  }
})

const attention = new nn.MultiheadAttention(4, 2)
const x = ones([3, 2, 4])
for (const [what, fn, code, phrase] of [
  ['heads', () => new nn.MultiheadAttention(5, 2), 'VALUE', /a multiple of numHeads, got 5 and 2/],
  ['a width', () => attention.forward(ones([3, 2, 5])), 'SHAPE', /must be \[T, B, width\], 4, 4, 4 wide/],
  ['batches', () => attention.forward(x, ones([3, 1, 4])), 'SHAPE', /batches differ/],
  ['a mask', () => attention.forward(x, x, x, { attnMask: ones([2, 2]) }), 'SHAPE', /must be \[3, 3\] or \[4, 3, 3\]/],
  ['a padding', () => attention.forward(x, x, x, { keyPaddingMask: ones([3, 2]) }), 'SHAPE', /must be \[2, 3\]/],
  [
    'an activation',
    () => new nn.TransformerEncoderLayer(4, 2, { activation: 'x' as never }),
    'VALUE',
    /'relu', 'gelu'/,
  ],
  ['a full cache', () => full(), 'VALUE', /room for 1 of 1 positions/],
] as const) {
  test(`attention modules: error for ${what}`, () => {
    try {
      fn()
    } catch (error) {
      assert.is((error as { code: string }).code, code)
      return assert.match((error as Error).message, phrase)
    }
    assert.unreachable('no error')
  })
}

function full(): void {
  new nn.KeyValueCache({ numHeads: 1, capacity: 1, headDim: 1 }).append(zeros([1, 1, 2, 1]), zeros([1, 1, 2, 1]))
}
