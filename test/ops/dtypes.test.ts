/** @file Which dtype comes of which: promotion of tensors and of numbers, results of the ops. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { dtypes } from '../../lib/index.ts'
import type { DType, Tensor } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('dtypes')

/** PyTorch's promote_types. It has no rule for u16, u32, u64 beside integers: those meet in the next wider signed one, u64 in f32. */
const promotion: Record<string, string> = {
  //     f64 f32 f16 bf16 i64 i32 i16 i8 u64 u32 u16 u8 bool
  f64: 'f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64',
  f32: 'f64 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32',
  f16: 'f64 f32 f16 f32 f16 f16 f16 f16 f16 f16 f16 f16 f16',
  bf16: 'f64 f32 f32 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16',
  i64: 'f64 f32 f16 bf16 i64 i64 i64 i64 f32 i64 i64 i64 i64',
  i32: 'f64 f32 f16 bf16 i64 i32 i32 i32 f32 i64 i32 i32 i32',
  i16: 'f64 f32 f16 bf16 i64 i32 i16 i16 f32 i64 i32 i16 i16',
  i8: 'f64 f32 f16 bf16 i64 i32 i16 i8 f32 i64 i32 i16 i8',
  u64: 'f64 f32 f16 bf16 f32 f32 f32 f32 u64 u64 u64 u64 u64',
  u32: 'f64 f32 f16 bf16 i64 i64 i64 i64 u64 u32 u32 u32 u32',
  u16: 'f64 f32 f16 bf16 i64 i32 i32 i32 u64 u32 u16 u16 u16',
  u8: 'f64 f32 f16 bf16 i64 i32 i16 i16 u64 u32 u16 u8 u8',
  bool: 'f64 f32 f16 bf16 i64 i32 i16 i8 u64 u32 u16 u8 bool',
}

test('promotion: every pair, both ways', () => {
  for (const a of dtypes) {
    promotion[a].split(' ').forEach((want, j) => {
      const [x, y] = [ops.ones([1], { dtype: a }), ops.ones([1], { dtype: dtypes[j] })]
      const got = a === 'bool' && dtypes[j] === 'bool' ? ops.maximum(x, y).dtype : ops.maximum(x, y).dtype
      assert.is(got, want, `${a} with ${dtypes[j]}`)
    })
  }
})

test('promotion: the values come along', () => {
  const y = ops.add(ops.tensor([1n, -2n]), ops.tensor([0.5, 0.25]))
  assert.equal([...(y.dataSync() as Float32Array)], [1.5, -1.75])
  const z = ops.mul(ops.tensor([200], { dtype: 'u8' }), ops.tensor([-2], { dtype: 'i8' }))
  assert.is(z.dtype, 'i16')
  assert.is(z.itemSync(), -400)
  assert.is(ops.sub(ops.tensor([true]), ops.tensor([3], { dtype: 'i32' })).itemSync(), -2)
})

test('promotion: numbers are weak', () => {
  const rows: [DType, number | bigint | boolean, DType][] = [
    ['f16', 2.5, 'f16'],
    ['bf16', 2, 'bf16'],
    ['f32', 2.5, 'f32'],
    ['f64', 2.5, 'f64'],
    ['u8', 2, 'u8'],
    ['i64', 2, 'i64'],
    ['i32', 2.5, 'f32'],
    ['i8', true, 'i8'],
    ['i8', 3n, 'i8'],
    ['bool', 2, 'i64'],
    ['bool', 2.5, 'f32'],
  ]
  for (const [dtype, number, want] of rows) {
    assert.is(ops.add(ops.ones([1], { dtype }), number).dtype, want, `${dtype} + ${number}`)
    assert.is(ops.mul(number, ops.ones([1], { dtype })).dtype, want, `${number} * ${dtype}`)
  }
})

test('numbers beside f16 are not rounded to f16', () => {
  const x = ops.tensor([1], { dtype: 'f16' })
  assert.is(ops.mul(x, 1e-9).mul(1e9).itemSync(), 0)
  assert.is(ops.mul(ops.add(x, 1e-3).sub(1), 1).dtype, 'f16')
  const y = ops.tensor([1000], { dtype: 'bf16' })
  assert.is(ops.mul(y, 0.1).itemSync(), 100)
})

test('results: floats where only floats make sense', () => {
  const i = ops.tensor([1, 4], { dtype: 'i32' })
  const float: ((x: Tensor) => Tensor)[] = [
    ops.exp,
    ops.sqrt,
    ops.sigmoid,
    ops.sin,
    (x) => ops.div(x, x),
    (x) => ops.atan2(x, 2),
  ]
  for (const op of float) assert.is(op(i).dtype, 'f32', op.name)
  assert.equal([...(ops.div(i, 2).dataSync() as Float32Array)], [0.5, 2])
  assert.is(ops.eq(i, 1).dtype, 'bool')
  assert.is(ops.argMax(i).dtype, 'i64')
  assert.is(ops.pow(i, 2).dtype, 'i32')
  assert.is(ops.square(i).dtype, 'i32')
})

test('floor, ceil, round, trunc: integers stay integers', () => {
  const i = ops.tensor([1, -4], { dtype: 'i32' })
  for (const op of [ops.floor, ops.ceil, ops.round, ops.trunc]) {
    assert.is(op(i).dtype, 'i32', op.name)
    assert.equal([...(op(i).dataSync() as Int32Array)], [1, -4])
  }
})

test('results: makers', () => {
  assert.is(ops.zeros([1]).dtype, 'f32')
  assert.is(ops.arange(3).dtype, 'i64')
  assert.is(ops.arange(0, 1, 0.5).dtype, 'f32')
  assert.is(ops.oneHot(ops.tensor([0n]), 2).dtype, 'i64')
  assert.is(ops.randint(0, 9, [2]).dtype, 'i64')
  assert.is(ops.bernoulli([2], 0.5).dtype, 'bool')
  assert.is(ops.concat([ops.tensor([1n]), ops.tensor([0.5])]).dtype, 'f32')
})
