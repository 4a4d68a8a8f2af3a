/** @file Encodings of positions: the table of cases, and what makes them useful. */
import * as assert from 'uvu/assert'
import { matmul, ones, rotaryEmbedding } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import { positionalCases } from './cases/positional.ts'

const test = suite('positional')
testCases(test, positionalCases)

test('rotaryEmbedding: a product of query and key depends on their distance only', () => {
  const x = rotaryEmbedding(ones([6, 8], { dtype: 'f64' }), { offset: 3 })
  const products = matmul(x, x.transpose()).dataSync() as Float64Array
  for (let i = 0; i < 5; i++) assert.ok(Math.abs(products[i * 6 + i + 1] - products[1]) < 1e-12)
})

test('rotaryEmbedding: errors name the width and the positions', () => {
  assert.throws(() => rotaryEmbedding(ones([2, 3])), /an even width is needed, got 3/)
  assert.throws(() => rotaryEmbedding(ones([2, 4]), { positions: ones([3]) }), /positions must be \[2\], got \[3\]/)
  assert.throws(() => rotaryEmbedding(ones([2, 4]), { rotaryDim: 6 }), /rotaryDim must be an integer in \[2, 4\]/)
})
