/** @file Integer arithmetic of all widths against BigInt, which wraps where it is told; and casts between all dtypes. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import type { DType, Tensor } from '../../lib/index.ts'
import { randomNumbers } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'

const test = suite('integers')

const types = ['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'i64', 'u64'] as const
type IntegerType = (typeof types)[number]
const bitsOf = (dtype: IntegerType) => Number(dtype.slice(1))
const wrap = (dtype: IntegerType, x: bigint) =>
  dtype[0] === 'u' ? BigInt.asUintN(bitsOf(dtype), x) : BigInt.asIntN(bitsOf(dtype), x)
const low = (dtype: IntegerType) => (dtype[0] === 'u' ? 0n : -(1n << BigInt(bitsOf(dtype) - 1)))
const high = (dtype: IntegerType) => (1n << BigInt(bitsOf(dtype) - (dtype[0] === 'u' ? 0 : 1))) - 1n

/** Extremes, small ones, and some in between. */
function numbers(dtype: IntegerType): bigint[] {
  const random = randomNumbers(bitsOf(dtype))
  const some = Array.from({ length: 20 }, () => wrap(dtype, BigInt(Math.floor(random() * 2 ** 53)) * 2049n))
  return [low(dtype), high(dtype), 0n, 1n, 2n, 3n, 7n, wrap(dtype, -1n), wrap(dtype, -2n), wrap(dtype, -5n), ...some]
}

const toTensor = (values: readonly bigint[], dtype: DType, shape: number[]) => ops.tensor([...values], { dtype, shape })
const fromTensor = (t: Tensor) => Array.from(t.dataSync() as BigInt64Array, BigInt)

const floor = (a: bigint, b: bigint) => (a % b !== 0n && a < 0n !== b < 0n ? a / b - 1n : a / b)
const power = (a: bigint, b: bigint, dtype: IntegerType) => {
  if (b >= 0n) {
    let y = 1n
    let base = a
    for (let left = b; left > 0n; left >>= 1n, base = wrap(dtype, base * base)) if (left & 1n) y = wrap(dtype, y * base)
    return y
  }
  if (a === 1n) return 1n
  return a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n
}

type Binary = (a: bigint, b: bigint, dtype: IntegerType) => bigint
const binary: Record<string, Binary> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  maximum: (a, b) => (a > b ? a : b),
  minimum: (a, b) => (a < b ? a : b),
  floorDivide: (a, b) => (b === 0n ? 0n : floor(a, b)),
  remainder: (a, b) => (b === 0n ? 0n : a - b * floor(a, b)),
  fmod: (a, b) => (b === 0n ? 0n : a % b),
  pow: power,
  bitwiseAnd: (a, b) => a & b,
  bitwiseOr: (a, b) => a | b,
  bitwiseXor: (a, b) => a ^ b,
  shiftLeft: (a, b, dtype) => (b >= 0n && b < BigInt(bitsOf(dtype)) ? a << b : 0n),
  shiftRight: (a, b, dtype) => (b >= 0n && b < BigInt(bitsOf(dtype)) ? a >> b : a < 0n ? -1n : 0n),
  eq: (a, b) => BigInt(a === b),
  ne: (a, b) => BigInt(a !== b),
  lt: (a, b) => BigInt(a < b),
  le: (a, b) => BigInt(a <= b),
  gt: (a, b) => BigInt(a > b),
  ge: (a, b) => BigInt(a >= b),
}

for (const [name, reference] of Object.entries(binary)) {
  test(`${name}: integers of all widths wrap`, () => {
    for (const dtype of types) {
      const x = numbers(dtype)
      const op = ops[name as 'add'] as (a: Tensor, b: Tensor) => Tensor
      const y = op(toTensor(x, dtype, [x.length, 1]), toTensor(x, dtype, [x.length]))
      const got = fromTensor(y)
      x.forEach((a, i) =>
        x.forEach((b, j) => {
          const want = wrap(dtype, reference(a, b, dtype))
          assert.is(
            got[i * x.length + j],
            want,
            `${name}(${a}, ${b}) of ${dtype} is ${got[i * x.length + j]}, wanted ${want}`,
          )
        }),
      )
    }
  })
}

const unary: Record<string, (a: bigint) => bigint> = {
  neg: (a) => -a,
  abs: (a) => (a < 0n ? -a : a),
  sign: (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n),
  square: (a) => a * a,
  relu: (a) => (a > 0n ? a : 0n),
  bitwiseNot: (a) => ~a,
  logicalNot: (a) => BigInt(a === 0n),
}

for (const [name, reference] of Object.entries(unary)) {
  test(`${name}: integers of all widths wrap`, () => {
    for (const dtype of types) {
      const x = numbers(dtype)
      const op = ops[name as 'neg'] as (a: Tensor) => Tensor
      assert.equal(
        fromTensor(op(toTensor(x, dtype, [x.length]))),
        x.map((a) => wrap(dtype, reference(a))),
        dtype,
      )
    }
  })
}

test('sum and prod: integers become i64 and wrap', () => {
  for (const dtype of types) {
    const x = numbers(dtype)
    const t = toTensor(x, dtype, [x.length])
    assert.is(ops.sum(t).dtype, 'i64')
    assert.equal(
      fromTensor(ops.sum(t)),
      [
        BigInt.asIntN(
          64,
          x.reduce((a, b) => a + b),
        ),
      ],
      dtype,
    )
    const odd = x.map((a) => a | 1n)
    const y = ops.prod(toTensor(odd, dtype, [odd.length]))
    assert.equal(
      fromTensor(y),
      [
        BigInt.asIntN(
          64,
          odd.reduce((a, b) => a * b),
        ),
      ],
      dtype,
    )
  }
})

test('sum: bools are counted', () => {
  const t = ops.sum(ops.tensor([true, false, true]))
  assert.is(t.dtype, 'i64')
  assert.is(t.itemSync(), 2)
})

test('max, min, argMax, argMin: integers keep their dtype', () => {
  for (const dtype of types) {
    const x = numbers(dtype)
    const t = toTensor(x, dtype, [x.length])
    assert.is(ops.max(t).dtype, dtype)
    assert.equal(fromTensor(ops.max(t)), [high(dtype)])
    assert.equal(fromTensor(ops.min(t)), [low(dtype)])
    assert.equal(fromTensor(ops.argMax(t)), [BigInt(x.indexOf(high(dtype)))])
    assert.equal(fromTensor(ops.argMin(t)), [BigInt(x.indexOf(low(dtype)))])
  }
})

test('clamp, where: integers keep their dtype', () => {
  for (const dtype of types) {
    const t = toTensor([0n, 5n, 9n], dtype, [3])
    assert.equal(fromTensor(ops.clamp(t, 1, 7)), [1n, 5n, 7n])
    assert.is(ops.clamp(t, 1, 7).dtype, dtype)
    assert.equal(fromTensor(ops.where(ops.gt(t, 4), t, 2)), [2n, 5n, 9n])
  }
})

test('layout ops: pass every dtype as it is', () => {
  for (const dtype of types) {
    const x = numbers(dtype).slice(0, 6)
    const t = toTensor(x, dtype, [2, 3])
    const y = ops.concat([
      ops.flip(ops.permute(t, [1, 0]), 0),
      ops.pad(
        ops.slice(t, [null, [0, 2]]).reshape([2, 2]),
        [
          [1, 0],
          [0, 0],
        ],
        { value: 1 },
      ),
    ])
    assert.equal(fromTensor(y), [x[2], x[5], x[1], x[4], x[0], x[3], 1n, 1n, x[0], x[1], x[3], x[4]], dtype)
    assert.is(y.dtype, dtype)
  }
})

// Casts. Truncate, then the nearest that fits; NaN is 0; bool is != 0.
const reals = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  0.5,
  -0.5,
  1.9,
  -1.9,
  127.9,
  128,
  -128.9,
  -129,
  255.5,
  256,
  32767,
  32768,
  65535,
  65536,
  2147483647,
  2147483648,
  -2147483648,
  4294967295,
  4294967296,
  9.3e18,
  -9.3e18,
  1.9e19,
  1e30,
]

function saturated(x: number, dtype: IntegerType): bigint {
  if (Number.isNaN(x)) return 0n
  if (x >= Number(high(dtype))) return high(dtype)
  if (x <= Number(low(dtype))) return low(dtype)
  return BigInt(Math.trunc(x))
}

for (const from of ['f64', 'f32'] as const) {
  test(`cast: ${from} to integers truncates and saturates`, () => {
    const x = from === 'f64' ? reals : reals.map(Math.fround)
    const t = ops.tensor(Float64Array.from(x), { dtype: from })
    for (const dtype of types)
      assert.equal(
        fromTensor(ops.cast(t, dtype)),
        x.map((a) => saturated(a, dtype)),
        dtype,
      )
    assert.equal(
      fromTensor(ops.cast(t, 'bool')),
      x.map((a) => BigInt(a !== 0)),
    )
  })
}

test('cast: between integers keeps the low bits', () => {
  for (const from of types) {
    const x = numbers(from)
    const t = toTensor(x, from, [x.length])
    for (const to of types)
      assert.equal(
        fromTensor(ops.cast(t, to)),
        x.map((a) => wrap(to, a)),
        `${from} to ${to}`,
      )
    assert.equal(
      fromTensor(ops.cast(t, 'bool')),
      x.map((a) => BigInt(a !== 0n)),
    )
    assert.equal(Array.from(ops.cast(t, 'f64').dataSync() as Float64Array), x.map(Number), `${from} to f64`)
    assert.equal(
      Array.from(ops.cast(t, 'f32').dataSync() as Float32Array),
      Array.from(Float32Array.from(x, roundOnce)),
      `${from} to f32`,
    )
  }
})

/** To 24 bits, halves to even: Number() of a bigint would round to 53 first. */
function roundOnce(x: bigint): number {
  const size = x < 0n ? -x : x
  const extra = BigInt(Math.max(0, size.toString(2).length - 24))
  const half = extra > 0n ? 1n << (extra - 1n) : 0n
  let kept = size >> extra
  const rest = size - (kept << extra)
  if (extra > 0n && (rest > half || (rest === half && kept % 2n === 1n))) kept += 1n
  return Number(kept << extra) * (x < 0n ? -1 : 1)
}

test('cast: bool to everything is 0 and 1', () => {
  const t = ops.tensor([false, true])
  for (const dtype of ops.dtypes)
    assert.equal(Array.from(ops.cast(t, dtype).dataSync() as Float32Array, Number), [0, 1], dtype)
})

test('cast: f16 and bf16 round to nearest even, overflow to infinity, keep denormals', () => {
  const through = (x: number[], dtype: DType) =>
    Array.from(ops.tensor(Float64Array.from(x), { dtype }).dataSync() as Float32Array)
  assert.equal(
    through([1 + 2 ** -11, 1 + 3 * 2 ** -11, 65504, 65519.9, 65520, -1e9, 2 ** -24, 2 ** -25, -0, NaN], 'f16'),
    [1, 1 + 2 ** -9, 65504, 65504, Infinity, -Infinity, 2 ** -24, 0, -0, NaN],
  )
  assert.equal(through([1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.3895313892515355e38, 3.4e38, -1e39, NaN], 'bf16'), [
    1,
    1 + 2 ** -6,
    3.3895313892515355e38,
    Infinity,
    -Infinity,
    NaN,
  ])
})

test('cast: f64 to f16 rounds once', () => {
  // A little more than half way: through f32 it would look like half way, and go down to even.
  const x = 1 + 2 ** -11 + 2 ** -40
  assert.is((ops.tensor(Float64Array.from([x]), { dtype: 'f16' }).dataSync() as Float32Array)[0], 1 + 2 ** -10)
})
