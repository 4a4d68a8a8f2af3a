/** @file Embeddings: the table of cases; gradients that are not those of the values; what is written; errors. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { fromTensor } from '../support/arrays.ts'
import { testCases } from '../support/op-cases.ts'
import { suite } from '../support/suite.ts'
import { embeddingCases } from './cases/embedding.ts'

const test = suite('embedding')
testCases(test, embeddingCases)

const ids = ops.tensor([0, 1, 1, 2, 1], { dtype: 'i64' })
const weight = () => ops.tensor([1, 2, 3, 4, 5, 6], { shape: [3, 2], dtype: 'f64' })
const slope = (options: object) => fromTensor(ops.grad((w) => ops.embedding(ids, w, options).sum())(weight())[0]).data

test('embedding: the padding row gets no gradient', () => {
  assert.equal([...slope({ paddingIdx: 1 })], [1, 1, 0, 0, 1, 1])
  assert.equal([...slope({ paddingIdx: -3 })], [0, 0, 3, 3, 1, 1])
})

test('embedding: scaleGradByFreq divides by how often a row was looked up', () => {
  assert.equal([...slope({ scaleGradByFreq: true })], [1, 1, 1, 1, 1, 1])
})

test('embedding: maxNorm gives the gradient of the shortened rows', () => {
  assert.equal([...slope({ maxNorm: 1 })], [1, 1, 3, 3, 1, 1])
})

test('embedding: maxNorm shortens rows of a variable that were looked up, before the optimiser steps', async () => {
  const table = new ops.Variable(ops.tensor([3, 4, 0.3, 0.4, 6, 8], { shape: [3, 2] }))
  const y = ops.embedding(ops.tensor([0, 1, 0], { dtype: 'i64' }), table, { maxNorm: 1 })
  const optimizer = new ops.optim.SGD([table], { lr: 1 })
  y.sum().backward()
  await optimizer.step({ also: [y] })
  const near = (got: ArrayLike<number>, want: number[]) =>
    want.forEach((x, i) => assert.ok(Math.abs(got[i] - x) < 1e-6, `${i}: ${got[i]}, not ${x}`))
  near((await y.data()) as Float32Array, [0.6, 0.8, 0.3, 0.4, 0.6, 0.8])
  near((await table.data()) as Float32Array, [-1.4, -1.2, -0.7, -0.6, 6, 8])
})

test('embedding: without a step, maxNorm shortens the variable with the evaluation', async () => {
  const table = new ops.Variable(ops.tensor([3, 4, 6, 8], { shape: [2, 2] }))
  await ops.embedding(ops.tensor([1n]), table, { maxNorm: 1 }).data()
  const got = Array.from((await table.data()) as Float32Array, (x) => Math.round(x * 1e5) / 1e5)
  assert.equal(got, [3, 4, 0.6, 0.8])
})

const throws = (fn: () => unknown, pattern: RegExp) => assert.throws(fn, (e: Error) => pattern.test(e.message))

test('embeddings: shapes, dtypes, options and ids are checked', () => {
  const w = weight()
  throws(() => ops.embedding(ops.ones([2]), w), /embedding: positions are integers/)
  throws(() => ops.embedding(ids, ops.ones([3])), /the weight is \[numEmbeddings, dim\]/)
  throws(() => ops.embedding(ids, w, { paddingIdx: 3 }), /paddingIdx/)
  throws(() => ops.embedding(ids, w, { padding: 1 } as never), /unknown option 'padding'/)
  throws(() => ops.embedding(ids, ops.ones([3, 2], { dtype: 'i64' }), { maxNorm: 1 }), /needs a float weight/)
  throws(() => ops.embedding(ops.tensor([3n]), w).dataSync(), /\[0, 3\), got 3/)
  throws(() => ops.embeddingBag(ids, w), /ids \[n\] and offsets/)
  throws(() => ops.embeddingBag(ids.reshape([5, 1]), w, ops.tensor([0n])), /ids \[B, L\]/)
  throws(() => ops.embeddingBag(ids, w, ops.tensor([0n]), { mode: 'min' as never }), /mode is/)
  throws(() => ops.embeddingBag(ids, w, ops.tensor([0n]), { perSampleWeights: ops.ones([5]) }), /mode 'sum'/)
  throws(() => ops.embeddingBag(ids, w, ops.ones([1])), /offsets are integers/)
  throws(() => ops.embeddingBag(ids, w, ops.tensor([1n])).dataSync(), /got -1/)
  throws(() => ops.embeddingBag(ids, w, ops.tensor([0n, 9n])).dataSync(), /got 9/)
})
