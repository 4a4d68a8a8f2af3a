/** @file Sizes at which work is cut: partial sums, tiles, threads. Results are the same, bit for bit, on any number of threads. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { addon } from '../../lib/engine/addon.ts'
import { filled, fromTensor, fromTensors, randomNumbers, range, toTensor } from '../support/arrays.ts'
import { evaluatePlainly } from '../support/op-cases.ts'
import { total } from '../support/reference.ts'
import { suite } from '../support/suite.ts'
import { checkNear, tolerances } from '../support/tolerance.ts'

const test = suite('large')

const numbers = (shape: number[], low = -1, high = 1) =>
  filled(shape, range(low, high), randomNumbers(shape.length + shape[0]))

/** Sums along axis 0 of [n, inner], with compensation (Neumaier 1974). */
function columnSums(data: Float64Array, inner: number): number[] {
  return Array.from({ length: inner }, (_, j) => {
    let [sum, rest] = [0, 0]
    for (let i = j; i < data.length; i += inner) {
      const next = sum + data[i]
      rest += Math.abs(sum) >= Math.abs(data[i]) ? sum - next + data[i] : data[i] - next + sum
      sum = next
    }
    return sum + rest
  })
}

// Either side of the 65536 elements from which few outputs are reduced in parts.
for (const [n, inner] of [
  [65535, 1],
  [65536, 1],
  [65537, 1],
  [1_000_003, 1],
  [32768, 2],
  [5000, 64],
  [1100, 65],
] as const) {
  for (const dtype of ['f64', 'f32'] as const) {
    test(`sum: ${dtype} [${n}, ${inner}] over the first axis`, () => {
      const x = numbers([n, inner])
      const t = toTensor(x, dtype)
      const want = { shape: [inner], data: Float64Array.from(columnSums(fromTensor(t).data, inner)) }
      const near = dtype === 'f64' ? { relative: 0, scale: 1e-12 } : { relative: 1e-6, scale: 1e-6 }
      checkNear('sum', fromTensor(ops.sum(t, 0)), want, near)
    })
  }
}

test('sum: f32 of many equal numbers keeps its digits', () => {
  assert.is(ops.sum(ops.full([20_000_000], 0.1)).itemSync(), Math.fround(Math.fround(0.1) * 20_000_000))
})

test('prod, max, min, argMax: in parts', () => {
  const x = numbers([200_001], 0.999, 1.001)
  x.data[123_456] = 5
  x.data[77_777] = -5
  const t = toTensor(x)
  const want = x.data.reduce((a, b) => a + Math.log(Math.abs(b)), 0)
  assert.ok(Math.abs(Math.log(-ops.prod(t).itemSync()) - want) < 1e-9)
  assert.is(ops.max(t).itemSync(), 5)
  assert.is(ops.min(t).itemSync(), -5)
  assert.is(ops.argMax(t).itemSync(), 123_456)
  assert.is(ops.argMin(t).itemSync(), 77_777)
  x.data[150_000] = NaN
  assert.ok(Number.isNaN(ops.max(toTensor(x)).itemSync()))
  assert.ok(Number.isNaN(ops.min(toTensor(x, 'f32')).itemSync()))
  assert.is(ops.argMax(toTensor(x)).itemSync(), 150_000)
})

test('sum, any, all: integers and bools in parts', () => {
  const ones = ops.ones([300_000], { dtype: 'u8' })
  assert.is(ops.sum(ones).itemSync(), 300_000)
  assert.is(ops.all(ones).itemSync(), 1)
  assert.is(ops.any(ops.sub(ones, 1)).itemSync(), 0)
  assert.is(ops.max(ops.arange(300_000)).itemSync(), 299_999)
})

test('matmul: larger than every tile', () => {
  const [a, b] = [numbers([193, 517]), numbers([517, 131])]
  for (const dtype of ['f64', 'f32'] as const) {
    const got = fromTensor(ops.matmul(toTensor(a, dtype), toTensor(b, dtype)))
    const [x, y] = [fromTensor(toTensor(a, dtype)).data, fromTensor(toTensor(b, dtype)).data]
    for (const [i, j] of [
      [0, 0],
      [192, 130],
      [64, 65],
      [100, 127],
    ]) {
      const want = total(Array.from({ length: 517 }, (_, k) => x[i * 517 + k] * y[k * 131 + j]))
      assert.ok(Math.abs(got.data[i * 131 + j] - want) < (dtype === 'f64' ? 1e-12 : 1e-4), `${i}, ${j}`)
    }
  }
})

/** Builds the same results anew, for each way to compute them. */
const networks: Record<string, () => Tensor[]> = {
  'elementwise chain': () => [ops.gelu(ops.mul(ops.sin(f([300_001])), ops.exp(f([300_001])))).sum()],
  'linear and softmax': () => {
    const [x, w, b] = [f([257, 300]), f([129, 300]), f([129])]
    return losses((wi, bi) => ops.crossEntropy(ops.linear(x, wi, bi).relu(), ops.arange(257).remainder(129)), w, b)
  },
  convolution: () => {
    const x = f([9, 8, 20, 20])
    return losses(
      (w, b) => ops.mean(ops.square(ops.maxPool2d(ops.conv2d(x, w, b, { padding: 1 }).relu(), 2))),
      f([16, 8, 3, 3]),
      f([16]),
    )
  },
  'depthwise, layer norm': () => {
    const x = f([4, 33, 16, 15])
    return losses(
      (w, g) =>
        ops.mean(ops.layerNorm(ops.conv2d(x, w, null, { groups: 33, padding: 'same' }), [15], { weight: g }).tanh()),
      f([33, 1, 3, 3]),
      f([15]),
    )
  },
  'embedding, batch norm': () => {
    const ids = ops.arange(5000).remainder(97).reshape([50, 100])
    return losses(
      (w) =>
        ops.mean(ops.square(ops.batchNorm(ops.embedding(ids, w).reshape([5000, 40]), { training: true }).sub(0.1))),
      f([97, 40]),
    )
  },
  'sums over every axis': () => {
    const x = f([64, 70, 65])
    return [
      ops.sum(x),
      ops.sum(x, 0),
      ops.sum(x, 1),
      ops.mean(x, [0, 2]),
      ops.variance(x, 2),
      ops.max(x, 0),
      ops.logSumExp(x, [1, 2]),
    ]
  },
}

const f = (shape: number[]) => toTensor(numbers(shape), 'f32')

function losses(fn: (...xs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor[] {
  const { value, grads } = ops.valueAndGrad(fn)(...inputs)
  return [value, ...grads]
}

for (const [name, build] of Object.entries(networks)) {
  test(`${name}: 1, 2 and 5 threads give the same bits`, () => {
    const before = addon().threads()
    try {
      const [one, ...others] = [1, 2, 5].map((n) => {
        addon().setThreads(n)
        return fromTensors(build())
      })
      for (const other of others)
        one.forEach((x, i) =>
          assert.equal(Buffer.from(other[i].data.buffer), Buffer.from(x.data.buffer), `result ${i}`),
        )
    } finally {
      addon().setThreads(before)
    }
  })

  test(`${name}: passes change no bit`, () => {
    const usual = fromTensors(build())
    for (const off of [['fuse'], ['epilogue'], ['place'], ['share'], ['simplify'], undefined]) {
      const plain = evaluatePlainly(build(), off)
      usual.forEach((x, i) =>
        assert.equal(
          Buffer.from(plain[i].data.buffer),
          Buffer.from(x.data.buffer),
          `result ${i} without ${off ?? 'any'}`,
        ),
      )
    }
  })
}

test('tolerances: f64 is held tighter than f32', () => {
  for (const row of Object.values(tolerances))
    assert.ok(row.f64.relative <= row.f32.relative && row.f32.relative <= row.bf16.relative)
})

test('conv2d: a weight too large for partial sums, and an empty batch, have gradients', async () => {
  const x = ops.rand([2, 64, 3, 3])
  const w = ops.rand([512, 64, 3, 3])
  const slope = (input: Tensor) => ops.grad((weight) => ops.conv2d(input, weight, null, { padding: 1 }).sum())(w)[0]
  // All ones as cotangent: each kernel element sees the sum of the inputs that it slides over.
  const [dw, inputs] = [
    await slope(x).data(),
    await x
      .pad([
        [1, 1],
        [1, 1],
      ])
      .data(),
  ]
  const expected = [0, 1].map((ky) =>
    total(
      [0, 1].flatMap((b) =>
        [0, 1, 2].flatMap((r) => [0, 1, 2].map((c) => Number(inputs[(b * 64 * 5 + r + ky) * 5 + c]))),
      ),
    ),
  )
  expected.forEach((sum, ky) =>
    assert.ok(Math.abs(Number(dw[ky * 3]) - sum) < 1e-5, `row ${ky}: ${dw[ky * 3]} and ${sum}`),
  )
  const nothing = await slope(ops.zeros([0, 64, 3, 3])).data()
  assert.ok(nothing.every((d) => d === 0))
})
