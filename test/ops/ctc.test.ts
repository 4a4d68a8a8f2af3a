/** @file ctcLoss: the table of cases, the composite, infinite losses, errors. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { ctcComposite } from '../../lib/ops/ctc.ts'
import { fromTensors } from '../support/arrays.ts'
import { testCases } from '../support/op-cases.ts'
import { suite } from '../support/suite.ts'
import { checkNear, tolerances } from '../support/tolerance.ts'
import { ctcCases } from './cases/ctc.ts'

const test = suite('ctc')
testCases(test, ctcCases)

const whole = (list: number[], shape = [list.length]) => ops.tensor(list, { shape, dtype: 'i64' })

test('ctcLoss: equals its composite, with lengths of 0 and labels that do not fit', () => {
  ops.manualSeed(3)
  const x = ops.logSoftmax(ops.randn([6, 5, 4], { dtype: 'f64' }), -1)
  const steps = whole([6, 0, 0, 2, 5])
  const labels = whole([3, 0, 2, 3, 0])
  const padded = whole([1, 1, 2, 9, 9, 9, 3, 1, 9, 1, 2, 3, 9, 9, 9], [5, 3])
  const joined = whole([1, 1, 2, 3, 1, 1, 2, 3])
  for (const [targets, pitch] of [
    [padded, 3],
    [joined, -1],
  ] as const) {
    const flat = targets.reshape([targets.size])
    const [got, want] = fromTensors([
      ops.ctcLoss(x, targets, steps, labels, { reduction: 'none' }),
      ctcComposite(x, pitch < 0 ? flat : targets, steps, labels, { blank: 0, pitch }),
    ])
    checkNear(`pitch ${pitch}`, got, want, tolerances.sums.f64)
  }
})

test('ctcLoss: where the loss is infinite, the gradient is NaN, or 0 with zeroInfinity', () => {
  const x = ops.zeros([1, 1, 3])
  const loss = (zeroInfinity: boolean) => (a: ops.Tensor) =>
    ops.ctcLoss(a, whole([1, 2], [1, 2]), 1, 2, { zeroInfinity })
  const [bad, good] = fromTensors([ops.grad(loss(false))(x)[0], ops.grad(loss(true))(x)[0]])
  assert.ok(bad.data.every(Number.isNaN))
  assert.equal([...good.data], [0, 0, 0])
})

test('ctcLoss: long sequences neither overflow nor vanish', () => {
  const x = ops.logSoftmax(ops.zeros([600, 2, 30]), -1)
  const targets = ops.ones([2, 40], { dtype: 'i64' })
  const [loss] = fromTensors([ops.ctcLoss(x, targets, [600, 600], [40, 40], { reduction: 'sum' })])
  assert.ok(Number.isFinite(loss.data[0]) && loss.data[0] > 2000 && loss.data[0] < 2 * 600 * Math.log(30))
})

const throws = (fn: () => unknown, pattern: RegExp) => assert.throws(fn, (e: Error) => pattern.test(e.message))

test('ctcLoss: shapes, dtypes, lengths and labels are checked', () => {
  const x = ops.zeros([3, 2, 4])
  const t = whole([1, 2], [2, 1])
  throws(() => ops.ctcLoss(ops.zeros([3]), t, 3, 1), /needs log-probabilities/)
  throws(() => ops.ctcLoss(x, whole([1, 2, 3], [3, 1]), [3, 3], [1, 1]), /targets must be \[2, S\]/)
  throws(() => ops.ctcLoss(x, ops.ones([2, 1]), [3, 3], [1, 1]), /targets are integers/)
  throws(() => ops.ctcLoss(x, t, [3], [1, 1]), /lengths must be \[2\], got \[1\]/)
  throws(() => ops.ctcLoss(x, t, [3, -1], [1, 1]), /a length must be an integer/)
  throws(() => ops.ctcLoss(x, t, [3, 3], [1, 1], { blank: 4 }), /blank/)
  throws(() => ops.ctcLoss(x, t, [3, 3], [1, 1], { zeroInf: true } as never), /unknown option/)
  throws(() => ops.ctcLoss(x, t, [3, 4], [1, 1]).itemSync(), /ctcLoss: an index .* must lie in \[0, 4\), got 4/)
  throws(() => ops.ctcLoss(x, whole([1, 7], [2, 1]), [3, 3], [1, 1]).itemSync(), /\[0, 4\), got 7/)
})
