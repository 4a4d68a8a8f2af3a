/** @file Ops whose output shape depends on data: what they find, their gradients, and what they refuse. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { TenonError, tensor } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { randomNumbers } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'

const test = suite('dynamic')

const i64 = (...numbers: number[]) => tensor(BigInt64Array.from(numbers, BigInt))
const bool = (...rows: number[][]) => tensor(rows.map((row) => row.map(Boolean)))
/** Nested lists, with numbers for i64. */
const plain = async (t: Tensor): Promise<unknown> => await (t.dtype === 'i64' ? ops.cast(t, 'f64') : t).toArray()
const equal = async (t: Tensor, want: unknown) => assert.equal(await plain(t), want)

const x = tensor([
  [0, 2, 0],
  [3, 0, -4],
])

test('nonzero: positions row by row', async () => {
  await equal(await ops.nonzero(x), [
    [0, 1],
    [1, 0],
    [1, 2],
  ])
  await equal(await ops.nonzero(i64(0, 5)), [[1]])
  await equal(await ops.nonzero(bool([0, 0])), [])
  assert.equal((await ops.nonzero(ops.zeros([0, 3]))).shape, [0, 2])
  assert.equal((await ops.nonzero(ops.ones([]))).shape, [1, 0])
  assert.equal((await ops.nonzero(ops.zeros([]))).shape, [0, 0])
})

test('nonzero: many', async () => {
  const random = randomNumbers(1)
  const numbers = Float32Array.from({ length: 30000 }, () => Number(random() < 0.3))
  const want = [...numbers.keys()].filter((i) => numbers[i])
  await equal(ops.reshape(await ops.nonzero(tensor(numbers)), [-1]), want)
})

test('maskedSelect: elements in order, both broadcast; the gradient goes to them', async () => {
  await equal(await ops.maskedSelect(x, ops.gt(x, 0)), [2, 3])
  await equal(await ops.maskedSelect(x, bool([1], [0])), [0, 2, 0])
  await equal(await ops.maskedSelect(tensor([1, 2]), bool([1, 0], [1, 1])), [1, 1, 2])
  const v = new ops.Variable(x)
  ops.sum(ops.square(await ops.maskedSelect(v, ops.ne(x, 0)))).backward()
  await equal(v.grad!, [
    [0, 4, 0],
    [6, 0, -8],
  ])
})

test('indexAsync: masks stand for the positions where they hold', async () => {
  await equal(await ops.indexAsync(x, [bool([0, 1, 0], [1, 0, 1])]), [2, 3, -4])
  await equal(await ops.indexAsync(x, [tensor([false, true])]), [[3, 0, -4]])
  await equal(await ops.indexAsync(x, [[], tensor([true, false, true])]), [
    [0, 0],
    [3, -4],
  ])
  await equal(await ops.indexAsync(x, [i64(1, 0), tensor([true, false, true])]), [3, 0])
  await equal(await ops.indexAsync(x, [0, tensor([true, false, true])]), [0, 0])
  await equal(await ops.indexAsync(x, [1, 2]), -4)
})

test('indexPutAsync: writes where a mask holds', async () => {
  await equal(await ops.indexPutAsync(x, [ops.lt(x, 0)], 9), [
    [0, 2, 0],
    [3, 0, 9],
  ])
  await equal(await ops.indexPutAsync(x, [ops.gt(x, 0)], tensor([5, 6]), { accumulate: true }), [
    [0, 7, 0],
    [9, 0, -4],
  ])
})

test('repeatInterleaveAsync: each slice its own number of times', async () => {
  await equal(await ops.repeatInterleaveAsync(x, i64(0, 2), 0), [
    [3, 0, -4],
    [3, 0, -4],
  ])
  await equal(await ops.repeatInterleaveAsync(x, i64(2, 0, 1), 1), [
    [0, 0, 0],
    [3, 3, -4],
  ])
  await equal(await ops.repeatInterleaveAsync(tensor([1, 2]), i64(2)), [1, 1, 2, 2])
})

test('oneHotAsync: as many classes as the largest label needs', async () => {
  await equal(await ops.oneHotAsync(i64(2, 0)), [
    [0, 0, 1],
    [1, 0, 0],
  ])
})

test('unique: in order, with inverse and counts', async () => {
  const { values, inverse, counts } = await ops.unique(
    tensor([
      [3, 1],
      [3, -2],
    ]),
  )
  await equal(values, [-2, 1, 3])
  await equal(inverse, [
    [2, 1],
    [2, 0],
  ])
  await equal(counts, [1, 1, 2])
  await equal((await ops.unique(i64(5, 5, 5))).counts, [3])
  await equal((await ops.unique(ops.zeros([0]))).values, [])
})

test('unique: slices along an axis', async () => {
  const rows = tensor([
    [1, 2],
    [0, 5],
    [1, 2],
    [1, 0],
  ])
  const { values, inverse, counts } = await ops.unique(rows, { axis: 0 })
  await equal(values, [
    [0, 5],
    [1, 0],
    [1, 2],
  ])
  await equal(inverse, [2, 0, 2, 1])
  await equal(counts, [1, 1, 2])
  await equal((await ops.unique(ops.t(rows), { axis: 1 })).values, [
    [0, 1, 1],
    [5, 0, 2],
  ])
})

test('uniqueConsecutive: runs', async () => {
  const { values, inverse, counts } = await ops.uniqueConsecutive(i64(1, 1, 2, 1))
  await equal(values, [1, 2, 1])
  await equal(inverse, [0, 0, 1, 2])
  await equal(counts, [2, 1, 1])
  const rows = tensor([
    [1, 2],
    [1, 2],
    [0, 2],
  ])
  await equal((await ops.uniqueConsecutive(rows, { axis: 0 })).values, [
    [1, 2],
    [0, 2],
  ])
  await equal((await ops.uniqueConsecutive(rows, { axis: 0 })).counts, [2, 1])
})

test('bincount: counts and weights', async () => {
  await equal(await ops.bincount(i64(1, 3, 1)), [0, 2, 0, 1])
  await equal(await ops.bincount(i64(1, 1), { minLength: 4 }), [0, 2, 0, 0])
  await equal(await ops.bincount(i64(1, 0, 1), { weights: tensor([0.5, 2, 1]) }), [2, 1.5])
  await equal(await ops.bincount(tensor(new BigInt64Array(0)), { minLength: 2 }), [0, 0])
})

const bad = (value: unknown) => value as never
const refused: [title: string, fn: () => Promise<unknown>, code: string, says: RegExp][] = [
  ['maskedSelect: a mask of numbers', () => ops.maskedSelect(x, x), 'DTYPE', /must be bool, got f32/],
  [
    'indexAsync: a mask of another size',
    () => ops.indexAsync(x, [tensor([true])]),
    'SHAPE',
    /sizes of its axes, got \[1\]/,
  ],
  ['repeatInterleaveAsync: sizes', () => ops.repeatInterleaveAsync(x, i64(1, 2, 3), 0), 'SHAPE', /1 or 2 repeats/],
  ['repeatInterleaveAsync: negative', () => ops.repeatInterleaveAsync(x, i64(3, -1), 0), 'VALUE', /negative/],
  ['oneHotAsync: nothing', () => ops.oneHotAsync(tensor(new BigInt64Array(0))), 'VALUE', /numClasses/],
  ['unique: option', () => ops.unique(x, bad({ axes: 1 })), 'OPTION', /Did you mean 'axis'/],
  ['bincount: negative', () => ops.bincount(i64(-1)), 'VALUE', /negative/],
  ['bincount: a matrix', () => ops.bincount(ops.cast(x, 'i64')), 'SHAPE', /a vector, got \[2, 3\]/],
]
for (const [title, fn, code, says] of refused) {
  test(`${title} is refused`, async () => {
    try {
      await fn()
    } catch (error) {
      assert.instance(error, TenonError)
      assert.is((error as TenonError).code, code)
      assert.match((error as TenonError).message, says)
      return
    }
    assert.unreachable('no error')
  })
}
