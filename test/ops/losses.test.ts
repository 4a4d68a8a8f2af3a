/** @file The losses beside those of labels: the tables of cases, errors, slopes at the edges. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { fromTensors } from '../support/arrays.ts'
import { testCases } from '../support/op-cases.ts'
import { suite } from '../support/suite.ts'
import { binaryLossCases } from './cases/loss-binary.ts'
import { contrastiveLossCases } from './cases/loss-contrastive.ts'
import { marginLossCases } from './cases/loss-margin.ts'
import { regressionLossCases } from './cases/loss-regression.ts'

const test = suite('losses')
testCases(test, regressionLossCases)
testCases(test, binaryLossCases)
testCases(test, marginLossCases)
testCases(test, contrastiveLossCases)

const throws = (fn: () => unknown, pattern: RegExp) => assert.throws(fn, (e: Error) => pattern.test(e.message))

test('binaryCrossEntropy: the slope at 0 and 1 is finite', () => {
  const x = ops.tensor([0, 1, 0, 1], { dtype: 'f64' })
  const t = ops.tensor([0, 1, 1, 0], { dtype: 'f64' })
  const [d] = fromTensors(ops.grad((a) => ops.binaryCrossEntropy(a, t, { reduction: 'sum' }))(x))
  assert.equal([...d.data], [0, 0, -1e12, 1e12])
})

test('gaussianNllLoss: the gradient passes the limit of the variance', () => {
  const v = ops.tensor([0.01], { dtype: 'f64' })
  const x = ops.tensor([1], { dtype: 'f64' })
  const [d] = fromTensors(ops.grad((a) => ops.gaussianNllLoss(x, ops.zerosLike(x), a, { eps: 1 }))(v))
  assert.equal([...d.data], [0])
})

test('losses of one sample have no axis', () => {
  const x = ops.tensor([0.1, 0.4, 0.2])
  assert.equal(ops.multiMarginLoss(x, ops.tensor(1n), { reduction: 'none' }).shape, [])
  assert.equal(ops.multilabelMarginLoss(x, ops.tensor([1n, -1n, 0n]), { reduction: 'none' }).shape, [])
  assert.equal(ops.cosineEmbeddingLoss(x, x, ops.tensor(1), { reduction: 'none' }).shape, [])
})

test('losses: shapes, dtypes and options are checked', () => {
  const x = ops.ones([2, 3])
  throws(() => ops.l1Loss(x, ops.ones([3])), /l1Loss: input and target must have one shape/)
  throws(() => ops.mseLoss(ops.ones([2], { dtype: 'i64' }), ops.ones([2])), /mseLoss: needs floats/)
  throws(() => ops.huberLoss(x, x, { delta: 0 }), /huberLoss: delta is a number > 0/)
  throws(() => ops.smoothL1Loss(x, x, { beta: -1 }), /smoothL1Loss: beta/)
  throws(() => ops.klDiv(x, x, { reduction: 'all' as never }), /klDiv: reduction/)
  throws(() => ops.binaryCrossEntropy(x, x, { weight: ops.ones([2]) }), /broadcast/)
  throws(() => ops.gaussianNllLoss(x, x, ops.ones([3])), /gaussianNllLoss: var must be/)
  throws(() => ops.multiMarginLoss(x, ops.ones([2])), /labels are integers/)
  throws(() => ops.multiMarginLoss(x, ops.tensor([0n, 1n]), { p: 3 as never }), /p is 1 or 2/)
  throws(() => ops.multilabelMarginLoss(x, ops.tensor([0n, 1n])), /as many targets/)
  throws(() => ops.tripletMarginLoss(x, x, x, { margins: 1 } as never), /unknown option 'margins'/)
  throws(() => ops.iouLoss(x, x), /boxes are \[\.\.\., 4\], got \[2, 3\]/)
  throws(() => ops.infoNce(x, x, { temperature: 0 }), /temperature is a number > 0/)
  throws(() => ops.infoNce(x, x, { negatives: ops.ones([2, 2]) }), /negatives must be \[M, 3\]/)
  throws(() => ops.contrastiveLoss(x, x, ops.ones([3])), /targets \[B\]/)
  throws(() => ops.diceLoss(x, x), /diceLoss: needs \[B, C/)
})
