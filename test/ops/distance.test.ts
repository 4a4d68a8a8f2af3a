/** @file Distances and similarities: the table of cases, and gradients at equal points. */
import { cdist, grad, pdist, sum, tensor } from '../../lib/index.ts'
import { fromTensors } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'
import { testCases } from '../support/op-cases.ts'
import * as assert from 'uvu/assert'
import { distanceCases } from './cases/distance.ts'

const test = suite('distance')
testCases(test, distanceCases)

test('cdist and pdist: the gradient of two equal rows is 0', () => {
  for (const p of [0.5, 1, 1.5, 2, 3, Infinity]) {
    const x = tensor([[1, 2]], { dtype: 'f64' })
    const [dx, dy] = grad((a, b) => sum(cdist(a, b, { p })))(x, tensor([[1, 2]], { dtype: 'f64' }))
    const [dz] = grad((a) => sum(pdist(a, { p })))(tensor([1, 2, 1, 2], { shape: [2, 2], dtype: 'f64' }))
    for (const { data } of fromTensors([dx, dy, dz]))
      assert.ok(
        data.every((d) => d === 0),
        `p ${p}`,
      )
  }
})

test('cdist: rows must be of one length, p not negative', () => {
  const a = tensor([[1, 2]])
  assert.throws(
    () => cdist(a, tensor([[1, 2, 3]])),
    (e: Error) => /cdist: needs \[\.\.\., P, M\]/.test(e.message),
  )
  assert.throws(
    () => cdist(a, a, { p: -1 }),
    (e: Error) => /p is a number >= 0/.test(e.message),
  )
})
