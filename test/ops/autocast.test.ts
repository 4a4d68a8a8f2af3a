/** @file autocast: which ops give which dtype, that values are those of rounded inputs, and gradients in f32. */
import { autocast, checkpoint, compile, evaluateSync, grad, tensor, Variable } from 'tenon'
import * as tenon from 'tenon'
import type { DType, TenonError, Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { randomNumbers } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'

const test = suite('autocast')

const random = randomNumbers(5)
function filled(...shape: number[]): Tensor {
  const n = shape.reduce((a, b) => a * b, 1)
  return tensor(
    Float32Array.from({ length: n }, () => 2 * random() - 1),
    { shape },
  )
}
const rounded = (t: Tensor, dtype: DType = 'bf16') => t.cast(dtype).cast('f32')
const numbers = (t: Tensor) => [...(t.cast('f32').dataSync() as Float32Array)]

const [x, w, b] = [filled(3, 8), filled(4, 8), filled(4)]
const image = filled(2, 4, 6, 6)
const mask = filled(6, 6)
const [kernel, back, channels] = [filled(5, 4, 3, 3), filled(4, 5, 3, 3), filled(5)]
const [volume, cube, depth] = [filled(1, 2, 4, 4, 4), filled(3, 2, 2, 2, 2), filled(3)]
const [scale, shift] = [filled(8), filled(8)]
/** What gives which dtype; `half` makes what a product would give. */
const rows: [string, DType, (half: (t: Tensor) => Tensor) => Tensor][] = [
  ['matmul', 'bf16', () => tenon.matmul(x, w.transpose(0, 1))],
  ['linear', 'bf16', () => tenon.linear(x, w, b)],
  ['linear of what a product gave', 'bf16', (half) => tenon.linear(half(x), w, b)],
  ['einsum', 'bf16', () => tenon.einsum('ij,kj->ik', x, w)],
  ['conv2d', 'bf16', () => tenon.conv2d(image, kernel, channels)],
  ['conv2d of what a product gave', 'bf16', (half) => tenon.conv2d(half(image), kernel)],
  ['convTranspose2d', 'bf16', () => tenon.convTranspose2d(image, back, channels)],
  ['conv3d', 'bf16', () => tenon.conv3d(volume, cube, depth)],
  ['attention', 'bf16', () => tenon.scaledDotProductAttention(image, image, image, { attnMask: mask })],
  ['relu keeps', 'bf16', (half) => half(x).relu()],
  ['add promotes', 'f32', (half) => half(x).add(x)],
  ['softmax', 'f32', (half) => half(x).softmax(-1)],
  ['layerNorm', 'f32', (half) => tenon.layerNorm(half(x), [8])],
  ['batchNorm', 'f32', (half) => tenon.batchNorm(half(x), { training: true, weight: scale, bias: shift })],
  ['groupNorm', 'f32', (half) => tenon.groupNorm(half(image), 2)],
  ['sum', 'f32', (half) => half(x).sum()],
  ['mean', 'f32', (half) => half(x).mean()],
  ['cumsum', 'f32', (half) => tenon.cumsum(half(x), 0)],
  ['logSumExp', 'f32', (half) => tenon.logSumExp(half(x), 1)],
  ['norm', 'f32', (half) => tenon.norm(half(x))],
  ['exp', 'f32', (half) => half(x).exp()],
  ['pow', 'f32', (half) => half(x).pow(3)],
  ['max keeps', 'bf16', (half) => half(x).max()],
  ['crossEntropy', 'f32', (half) => tenon.crossEntropy(half(x), tensor([1, 2, 3]).cast('i64'))],
  ['mseLoss', 'f32', (half) => tenon.mseLoss(half(x), x)],
  ['f64 stays', 'f64', () => tenon.matmul(x.cast('f64'), w.cast('f64').transpose(0, 1))],
  ['integers stay', 'i64', () => tenon.matmul(x.cast('i64'), w.cast('i64').transpose(0, 1))],
]
for (const [title, dtype, build] of rows) {
  test(`dtypes: ${title}: ${dtype}`, () => {
    const y = autocast('bf16', () => build((t) => t.cast('bf16')))
    assert.is(y.dtype, dtype)
    const [got, want] = [numbers(y), numbers(build((t) => t))]
    got.forEach((v, i) => assert.ok(Math.abs(v - want[i]) <= 0.04 * (1 + Math.abs(want[i])), `${v} for ${want[i]}`))
  })
}

test('recurrent layers: narrow outputs, the gates of all steps in f32', () => {
  for (const layer of [new tenon.nn.LSTM(4, 5, { numLayers: 2 }), new tenon.nn.GRU(4, 5), new tenon.nn.RNN(4, 5)]) {
    const steps = filled(6, 2, 4)
    const run = () => (layer.forward(steps) as unknown as { output: Tensor }).output ?? layer.forward(steps)[0]
    const [want, got] = [run(), autocast('bf16', run)]
    assert.is(got.dtype, 'bf16')
    const [a, c] = [numbers(got), numbers(want)]
    a.forEach((v, i) => assert.ok(Math.abs(v - c[i]) < 0.02))
    got.cast('f32').sum().backward()
    for (const p of layer.parameters()) assert.is(p.grad!.dtype, 'f32')
  }
})

test('a product is that of the rounded inputs, rounded', () => {
  for (const dtype of ['bf16', 'f16'] as const) {
    const y = autocast(dtype, () => tenon.matmul(x, w.transpose(0, 1)))
    const want = rounded(tenon.matmul(rounded(x, dtype), rounded(w, dtype).transpose(0, 1)), dtype)
    assert.equal(numbers(y), numbers(want))
  }
})

test('a larger product, which the processor may have an instruction for: the same but for its order', () => {
  const [a, c] = [filled(37, 301), filled(301, 70)]
  const got = numbers(autocast('bf16', () => tenon.matmul(a, c)))
  const want = numbers(tenon.matmul(rounded(a), rounded(c)))
  got.forEach((v, i) => assert.ok(Math.abs(v - want[i]) <= 2 ** -8 * Math.abs(want[i]) + 1e-4, `${v}, ${want[i]}`))
})

test('gradients: f32, of the rounded operands, the same inside and outside', () => {
  const v = new Variable(w)
  const inside = autocast('bf16', () => grad((t) => tenon.linear(x, t).sum())(v)[0])
  const loss = autocast('bf16', () => tenon.linear(x, v).sum())
  loss.backward()
  const want = rounded(x).sum(0)
  assert.is(v.grad!.dtype, 'f32')
  evaluateSync(inside, v.grad!)
  assert.equal(numbers(inside), numbers(v.grad!))
  numbers(inside).forEach((d, i) => assert.ok(Math.abs(d - numbers(want)[i % 8]) < 0.02))
})

test('checkpoint: the second forward pass is rounded as the first', () => {
  const v = new Variable(w)
  const f = (t: Tensor) => tenon.linear(t, v).tanh()
  const plain = autocast('bf16', () => grad((t) => f(t).sum())(x)[0])
  const again = grad((t) => autocast('bf16', () => checkpoint(f)(t)).sum())(x)[0]
  assert.equal(numbers(again), numbers(plain))
})

test('compile: another plan inside than outside', () => {
  const f = compile((t: Tensor) => tenon.matmul(t, t))
  const square = filled(8, 8)
  const outside = f.sync(square)
  const inside = autocast('bf16', () => f.sync(square))
  assert.is(outside.dtype, 'f32')
  assert.is(inside.dtype, 'bf16')
})

test('a weight that is read as it lies and transposed is rounded once', () => {
  const v = new Variable(w)
  const y = autocast('bf16', () => tenon.matmul(tenon.linear(x, v), v))
  const reads = tenon
    .plan(y)
    .toString()
    .split('\n')
    .filter((line) => line.includes('variable0'))
  assert.is(reads.length, 1)
})

test("nesting: 'f32' switches it off, and the outer one is back afterwards", () => {
  const dtypes = autocast('bf16', () => [
    tenon.matmul(x, w.transpose(0, 1)).dtype,
    autocast('f32', () => tenon.matmul(x, w.transpose(0, 1)).dtype),
    autocast('f16', () => tenon.matmul(x, w.transpose(0, 1)).dtype),
    tenon.matmul(x, w.transpose(0, 1)).dtype,
  ])
  assert.equal(dtypes, ['bf16', 'f32', 'f16', 'bf16'])
  assert.is(tenon.matmul(x, w.transpose(0, 1)).dtype, 'f32')
})

test('errors: unknown dtypes, asynchronous functions; it is off after a throw', () => {
  assert.throws(
    () => autocast('f64' as never, () => x),
    (e: TenonError) => e.code === 'VALUE' && /'bf16'/.test(e.message),
  )
  assert.throws(
    () => autocast('bf16', async () => x),
    (e: TenonError) => e.code === 'VALUE' && /asynchronous/.test(e.message),
  )
  assert.throws(() =>
    autocast('bf16', () => {
      throw new Error('inside')
    }),
  )
  assert.is(tenon.matmul(x, w.transpose(0, 1)).dtype, 'f32')
})
