/** @file Quantised blocks: their numbers against a plain reading of ggml's formats; products and look-ups that use them as they are. */
import {
  dequantize,
  embedding,
  evaluateSync,
  linear,
  matmul,
  plan,
  quantizeBlocks,
  sum,
  take,
  tensor,
  transpose,
  Variable,
} from 'tenon'
import type { BlockEncoding, Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { randomNumbers } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'

const test = suite('blocks')

const SIZES: Record<BlockEncoding, [elements: number, bytes: number]> = {
  q8_0: [32, 34],
  q4_0: [32, 18],
  q4_K: [256, 144],
  q6_K: [256, 210],
}
const encodings = Object.keys(SIZES) as BlockEncoding[]

function half(low: number, high: number): number {
  const bits = low | (high << 8)
  const [sign, exponent, rest] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  return sign * (exponent === 0 ? rest * 2 ** -24 : (1 + rest / 1024) * 2 ** (exponent - 15))
}

/** A number of a block, from the formats' descriptions, one at a time. */
const NUMBER: Record<BlockEncoding, (b: Uint8Array, i: number) => number> = {
  q8_0: (b, i) => half(b[0]!, b[1]!) * ((b[2 + i]! << 24) >> 24),
  q4_0: (b, i) => half(b[0]!, b[1]!) * ((i < 16 ? b[2 + i]! & 15 : b[2 + i - 16]! >> 4) - 8),
  q4_K: (b, i) => {
    const group = i >> 5
    const s = b.subarray(4, 16)
    const scale = group < 4 ? s[group]! & 63 : (s[group + 4]! & 15) | ((s[group - 4]! >> 6) << 4)
    const min = group < 4 ? s[group + 4]! & 63 : (s[group + 4]! >> 4) | ((s[group]! >> 6) << 4)
    const byte = b[16 + (group >> 1) * 32 + (i & 31)]!
    return half(b[0]!, b[1]!) * scale * (group % 2 ? byte >> 4 : byte & 15) - half(b[2]!, b[3]!) * min
  },
  q6_K: (b, i) => {
    const [side, part, at] = [i >> 7, (i >> 5) & 3, i & 31]
    const low = b[side * 64 + (part % 2) * 32 + at]! >> (part < 2 ? 0 : 4)
    const high = b[128 + side * 32 + at]! >> (2 * part)
    const scale = (b[192 + (i >> 4)]! << 24) >> 24
    return half(b[208]!, b[209]!) * scale * (((low & 15) | ((high & 3) << 4)) - 32)
  },
}

/** Random blocks whose f16 scales are small numbers, and what they stand for. */
function blocks(encoding: BlockEncoding, rows: number, blocksPerRow: number, seed = 1) {
  const [elements, size] = SIZES[encoding]
  const next = randomNumbers(seed)
  const bytes = Uint8Array.from({ length: rows * blocksPerRow * size }, () => next() * 256)
  const values: number[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const block = bytes.subarray(at, at + size)
    const scales = encoding === 'q6_K' ? [208] : encoding === 'q4_K' ? [0, 2] : [0]
    for (const scale of scales) block[scale + 1] = (block[scale + 1]! & 0x80) | 0x1c | (block[scale + 1]! & 3)
    for (let i = 0; i < elements; i++) values.push(NUMBER[encoding](block, i))
  }
  return { w: tensor(bytes, { shape: [rows, blocksPerRow * size] }), values, columns: blocksPerRow * elements }
}

const list = (t: Tensor) => Array.from(t.dataSync() as Float32Array)
const near = (found: readonly number[], wanted: readonly number[], tolerance: number) => {
  assert.is(found.length, wanted.length)
  const scale = Math.max(...wanted.map(Math.abs))
  found.forEach((x, i) => assert.ok(Math.abs(x - wanted[i]!) <= tolerance * scale, `${i}: ${x} for ${wanted[i]}`))
}

for (const encoding of encodings) {
  test(`dequantize: ${encoding}`, () => {
    const { w, values, columns } = blocks(encoding, 67, 3)
    const y = dequantize(w, encoding)
    assert.equal(y.shape, [67, columns])
    near(list(y), values, 1e-6)
    const cube = dequantize(w.narrow(0, 0, 66).reshape([2, 33, w.shape[1]!]), encoding)
    assert.equal(cube.shape, [2, 33, columns])
    near(list(cube), values.slice(0, 66 * columns), 1e-6)
  })

  test(`dequantize: products and look-ups use ${encoding} as it is`, () => {
    const { w, columns } = blocks(encoding, 150, 2, 2)
    const [kept, made] = [dequantize(w, encoding), dequantize(w, encoding)]
    evaluateSync(made)
    const next = randomNumbers(3)
    const numbers = (...shape: number[]) =>
      tensor(
        Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => next() - 0.5),
        { shape },
      )
    const bias = numbers(150)
    for (const x of [numbers(1, columns), numbers(7, columns), numbers(2, 3, columns), numbers(columns)]) {
      assert.match(String(plan(linear(x, kept, bias))), 'matmulBlocks')
      assert.not.match(String(plan(linear(x, kept, bias))), 'dequantize')
      near(list(linear(x, kept, bias)), list(linear(x, made, bias)), 1e-5)
    }
    const x = numbers(4, columns)
    near(list(matmul(x, transpose(kept))), list(matmul(x, transpose(made))), 1e-5)
    near(list(matmul(numbers(3, 150).mul(0).add(1), kept)), list(matmul(numbers(3, 150).mul(0).add(1), made)), 1e-5)
    const ids = tensor(
      [
        [3, 149],
        [0, 3],
      ],
      { dtype: 'i64' },
    )
    assert.equal(list(embedding(ids, kept)), list(embedding(ids, made)))
    assert.equal(list(take(kept, tensor([5n, 0n]), 1)), list(take(made, tensor([5n, 0n]), 1)))
  })
}

test('dequantize: gradients go to the other factor', () => {
  const { w, values, columns } = blocks('q4_0', 5, 2)
  const x = new Variable(tensor(new Float32Array(3 * columns), { shape: [3, columns] }))
  sum(linear(x, dequantize(w, 'q4_0'))).backward()
  const wanted = Array.from({ length: columns }, (_, j) =>
    [0, 1, 2, 3, 4].reduce((s, i) => s + values[i * columns + j]!, 0),
  )
  near(list(x.grad!), [...wanted, ...wanted, ...wanted], 1e-5)
})

for (const encoding of encodings) {
  test(`quantizeBlocks: ${encoding} comes near to the numbers, and keeps zeros`, () => {
    const next = randomNumbers(4)
    const columns = 2 * SIZES[encoding][0]
    const x = Float32Array.from({ length: 5 * columns }, () => next() + next() + next() - 1.5)
    x.fill(0, 0, SIZES[encoding][0])
    const given = tensor(x, { shape: [5, columns] })
    const w = quantizeBlocks(given, encoding)
    assert.equal(w.shape, [5, 2 * SIZES[encoding][1]])
    const y = list(dequantize(w, encoding))
    const [error, size] = y.reduce(([e, s], v, i) => [e! + (v - x[i]!) ** 2, s! + x[i]! ** 2], [0, 0])
    // Relative errors of normal-like numbers: a step is 1/127 of the largest, 1/8, 1/15 of the range, 1/32.
    const most = { q8_0: 0.006, q4_0: 0.09, q4_K: 0.075, q6_K: 0.02 }[encoding]
    assert.ok(Math.sqrt(error! / size!) < most, String(Math.sqrt(error! / size!)))
    assert.ok(y.slice(0, SIZES[encoding][0]).every((v) => v === 0))
  })
}

test('quantizeBlocks: q8_0 and q4_0 round as their definition does', () => {
  const x = Float32Array.from({ length: 32 }, (_, i) => (i === 5 ? -127 : i - 15.5))
  const q8 = quantizeBlocks(tensor(x, { shape: [1, 32] }), 'q8_0').dataSync() as Uint8Array
  assert.equal([...q8.slice(0, 2)], [0x00, 0x3c])
  // Half away from zero.
  assert.equal(
    [...q8.slice(2, 8)].map((b) => (b << 24) >> 24),
    [-16, -15, -14, -13, -12, -127],
  )
  assert.is(q8[2 + 16], 1)
  const q4 = quantizeBlocks(
    tensor(
      Float32Array.from(x, (v) => (v === -127 ? -16 : v)),
      { shape: [1, 32] },
    ),
    'q4_0',
  )
  const bytes = q4.dataSync() as Uint8Array
  assert.equal([...bytes.slice(0, 2)], [0x00, 0x40])
  assert.equal(
    [...bytes.slice(2)].map((b) => b & 15),
    Array.from({ length: 16 }, (_, i) => (i === 5 ? 0 : Math.floor((i - 15.5) / 2 + 8.5))),
  )
  assert.equal(
    [...bytes.slice(2)].map((b) => b >> 4),
    Array.from({ length: 16 }, (_, i) => Math.min(15, Math.floor((i + 0.5) / 2 + 8.5))),
  )
})

test('quantizeBlocks: numbers that are none do not break it', () => {
  for (const encoding of encodings) {
    const n = SIZES[encoding][0]
    const odd = [NaN, Infinity, -Infinity, 3e38, -3e38, 1e-45]
    const x = Float32Array.from({ length: 6 * n }, (_, i) => odd[Math.floor(i / n)]! * (i % 3 ? 1 : 0.5))
    assert.is(
      (quantizeBlocks(tensor(x, { shape: [6, n] }), encoding).dataSync() as Uint8Array).length,
      6 * SIZES[encoding][1],
    )
  }
})

test('quantizeBlocks: what does not fit is refused', () => {
  assert.throws(() => quantizeBlocks(tensor(new Float32Array(33)), 'q8_0'), /\[\.\.\., k \* 32\] for q8_0, got \[33\]/)
  assert.throws(() => quantizeBlocks(tensor([1n]), 'q8_0'), 'needs floats, got i64')
  assert.throws(() => quantizeBlocks(tensor([1]), 'q5_0' as 'q4_0'), "got 'q5_0'")
})

test('dequantize: what is no blocks is refused', () => {
  const bytes = tensor(new Uint8Array(35), { shape: [1, 35] })
  assert.throws(() => dequantize(bytes, 'q8_0'), /u8 \[\.\.\., k \* 34\] for q8_0, got u8 \[1, 35\]/)
  assert.throws(() => dequantize(tensor([1]), 'q8_0'), 'got f32')
  assert.throws(() => dequantize(bytes, 'q5_0' as 'q4_0'), "got 'q5_0'")
  assert.throws(() => dequantize(tensor(new Uint8Array(0), { shape: [1, 0] }), 'q8_0'), 'got u8')
})
