/** @file tensor() and what reads tensors back. Its errors are in errors.test.ts. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('create')

test('tensor: numbers are f32, bigints i64, booleans bool', async () => {
  assert.is(ops.tensor(1.5).dtype, 'f32')
  assert.is(ops.tensor([1n, -2n]).dtype, 'i64')
  assert.is(ops.tensor([[true], [false]]).dtype, 'bool')
  assert.equal(
    await ops
      .tensor([
        [1, 2],
        [3, 4],
      ])
      .toArray(),
    [
      [1, 2],
      [3, 4],
    ],
  )
  assert.equal(await ops.tensor([[true], [false]]).toArray(), [[true], [false]])
  assert.equal(await ops.tensor([1n, -2n]).toArray(), [1n, -2n])
})

test('tensor: shapes of lists', () => {
  assert.equal(ops.tensor(3).shape, [])
  assert.equal(ops.tensor([]).shape, [0])
  assert.equal(ops.tensor([[], []]).shape, [2, 0])
  assert.equal(ops.tensor([[[1], [2]]]).shape, [1, 2, 1])
  assert.equal(ops.tensor([1, 2, 3, 4], { shape: [2, 2] }).shape, [2, 2])
})

test('tensor: typed arrays keep their type', () => {
  const rows = [
    [new Float64Array(2), 'f64'],
    [new Float32Array(2), 'f32'],
    [new BigInt64Array(2), 'i64'],
    [new Int32Array(2), 'i32'],
    [new Int16Array(2), 'i16'],
    [new Int8Array(2), 'i8'],
    [new BigUint64Array(2), 'u64'],
    [new Uint32Array(2), 'u32'],
    [new Uint16Array(2), 'u16'],
    [new Uint8Array(2), 'u8'],
    [new Uint8ClampedArray(2), 'u8'],
  ] as const
  for (const [array, dtype] of rows) assert.is(ops.tensor(array).dtype, dtype)
})

test('tensor: a typed array of another dtype is cast', () => {
  const t = ops.tensor(Float64Array.of(1.9, -300), { dtype: 'i8' })
  assert.equal([...(t.dataSync() as Int8Array)], [1, -128])
})

test('tensor: every dtype holds its extremes', () => {
  const rows = [
    ['i8', [-128, 127]],
    ['u8', [0, 255]],
    ['i16', [-32768, 32767]],
    ['u16', [0, 65535]],
    ['i32', [-2147483648, 2147483647]],
    ['u32', [0, 4294967295]],
  ] as const
  for (const [dtype, values] of rows)
    assert.equal([...(ops.tensor([...values], { dtype }).dataSync() as Int8Array)], [...values])
  const wide = ops.tensor([-(2n ** 63n), 2n ** 63n - 1n]).dataSync() as BigInt64Array
  assert.equal([...wide], [-(2n ** 63n), 2n ** 63n - 1n])
  assert.is((ops.tensor([2n ** 64n - 1n], { dtype: 'u64' }).dataSync() as BigUint64Array)[0], 2n ** 64n - 1n)
})

test('tensor: copies', () => {
  const array = Float32Array.of(1, 2)
  const t = ops.tensor(array)
  array[0] = 9
  assert.is((t.dataSync() as Float32Array)[0], 1)
})

test('tensor: a window on a larger buffer', () => {
  const all = Float32Array.of(0, 1, 2, 3)
  assert.equal([...(ops.tensor(all.subarray(1, 3)).dataSync() as Float32Array)], [1, 2])
})

test('tensor: transfer takes the array over', () => {
  const array = Float32Array.of(1, 2)
  const t = ops.tensor(array, { transfer: true })
  assert.is(array.length, 0)
  assert.equal([...(t.dataSync() as Float32Array)], [1, 2])
})

test('tensor: transfer of a window copies', () => {
  const all = Float32Array.of(0, 1, 2, 3)
  const t = ops.tensor(all.subarray(1, 3), { transfer: true })
  assert.is(all.length, 4)
  assert.equal([...(t.dataSync() as Float32Array)], [1, 2])
})

test('data: f16 and bf16 come as Float32Array, bool as Uint8Array', async () => {
  assert.instance(await ops.tensor([1.5], { dtype: 'f16' }).data(), Float32Array)
  assert.instance(await ops.tensor([1.5], { dtype: 'bf16' }).data(), Float32Array)
  assert.instance(await ops.tensor([true]).data(), Uint8Array)
  assert.instance(await ops.tensor([1n]).data(), BigInt64Array)
})

test('data: an array of its own at each call', async () => {
  const t = ops.tensor([1, 2]).add(1)
  const first = await t.data()
  first[0] = 99
  assert.equal([...((await t.data()) as Float32Array)], [2, 3])
})

test('data: transfer gives the buffer away', async () => {
  const t = ops.tensor([1, 2]).add(1)
  assert.equal([...((await t.data({ transfer: true })) as Float32Array)], [2, 3])
  await t.data().then(
    () => assert.unreachable('has no value any more'),
    (error: ops.TenonError) => assert.is(error.code, 'VALUE'),
  )
})

test('item: every dtype gives a number', async () => {
  for (const dtype of ops.dtypes) assert.is(await ops.ones([1, 1], { dtype }).item(), 1, dtype)
  assert.is(await ops.tensor([2n ** 52n]).item(), 2 ** 52)
})

test('arange: bounds that no fraction holds exactly', () => {
  assert.equal(ops.arange(0, 0.3, 0.1, { dtype: 'f64' }).shape, [3])
  assert.equal(ops.arange(5, 0).shape, [0])
})

test('toString: shows values once there are any, and computes nothing', () => {
  const t = ops.add(ops.tensor([1, 2]), 1)
  assert.match(String(t), /f32 \[2\] \(not evaluated\)/)
  t.dataSync()
  assert.match(String(t), /f32 \[2\] \[2, 3\]/)
})

test('zeros, ones, full: may be evaluated and written like any other', () => {
  assert.equal([...(ops.zeros([2]).dataSync() as Float32Array)], [0, 0])
  assert.equal([...(ops.full([2], -1, { dtype: 'i32' }).dataSync() as Int32Array)], [-1, -1])
  assert.equal([...(ops.full([2], true, { dtype: 'bool' }).dataSync() as Uint8Array)], [1, 1])
})

test('tensor: a Buffer lies in a pool, and its own bytes are taken', () => {
  assert.equal([...(ops.tensor(Buffer.from([5, 6, 7])).dataSync() as Uint8Array)], [5, 6, 7])
  const part = new Float32Array([1, 2, 3, 4]).subarray(1, 3)
  assert.equal([...(ops.tensor(part, { transfer: true }).dataSync() as Float32Array)], [2, 3])
  assert.is(part.length, 2, 'a view of a larger buffer is copied')
})
