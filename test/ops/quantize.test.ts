/** @file quantizeLinear and dequantizeLinear: composites, against numbers worked out by hand. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('quantize')

test('quantizeLinear: half to even, moved, kept within the range', async () => {
  const x = ops.tensor([-1000, -1.5, -0.5, 0.5, 1.5, 2.5, 1000])
  const scale = ops.tensor([1])
  const unsigned = ops.quantizeLinear(x, scale, ops.tensor([10], { dtype: 'u8' }))
  assert.is(unsigned.dtype, 'u8')
  assert.equal(await unsigned.toArray(), [0, 8, 10, 10, 12, 12, 255])
  const signed = ops.quantizeLinear(x, scale, ops.tensor([1]), { dtype: 'i8' })
  assert.is(signed.dtype, 'i8')
  assert.equal(await signed.toArray(), [-128, -1, 1, 1, 3, 3, 127])
})

test('quantizeLinear: scales of rows and of blocks', async () => {
  const x = ops.tensor([
    [2, 4, 6, 8],
    [2, 4, 6, 8],
  ])
  const zero = ops.tensor([0], { dtype: 'i8' })
  const rows = [
    [2, 4, 6, 8],
    [1, 2, 3, 4],
  ]
  assert.equal(await ops.quantizeLinear(x, ops.tensor([[1], [2]]), zero).toArray(), rows)
  const blocks = [
    [2, 4, 3, 4],
    [2, 4, 3, 4],
  ]
  assert.equal(await ops.quantizeLinear(x, ops.tensor([[1, 2]]), zero).toArray(), blocks)
})

test('dequantizeLinear: the other way, exact for i32', async () => {
  const x = ops.tensor([0, 10, 255], { dtype: 'u8' })
  const y = ops.dequantizeLinear(x, ops.tensor([0.5]), ops.tensor([10], { dtype: 'u8' }))
  assert.is(y.dtype, 'f32')
  assert.equal(await y.toArray(), [-5, 0, 122.5])
  const large = ops.tensor([2 ** 30 + 1], { dtype: 'i32' })
  const near = ops.dequantizeLinear(large, ops.tensor([1]), ops.tensor([2 ** 30], { dtype: 'i32' }))
  assert.equal(await near.toArray(), [1])
})

test('errors: shapes that do not divide, dtypes', () => {
  const x = ops.zeros([2, 4])
  const zero = ops.zeros([1], { dtype: 'u8' })
  assert.throws(() => ops.quantizeLinear(x, ops.ones([3]), zero), /must divide \[2, 4\], got \[3\]/)
  assert.throws(() => ops.quantizeLinear(zero, ops.ones([1]), zero), /needs floats, got u8/)
  assert.throws(() => ops.quantizeLinear(x, ops.ones([1]), ops.zeros([1])), /gives u8, i8, u32 or i32, got f32/)
  assert.throws(() => ops.dequantizeLinear(x, zero, zero), /needs a scale of floats, got u8/)
})
