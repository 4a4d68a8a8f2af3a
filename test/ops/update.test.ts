/** @file Writes to variables: assign, slices of them, and the fused steps of the optimisers against plain formulas. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { evaluate, tensor, Variable } from '../../lib/index.ts'
import { perform } from '../../lib/engine/evaluate.ts'
import { range, filled, fromTensor, randomNumbers, toTensor } from '../support/arrays.ts'
import type { Nd } from '../support/reference.ts'
import { adam, sgd } from '../../lib/ops/update.ts'
import { suite } from '../support/suite.ts'
import { checkNear, tolerances } from '../support/tolerance.ts'

const test = suite('update')

const numbers = (v: ops.TensorLike) => Array.from(v.dataSync() as Float32Array, Number)

test('assign: overwrites when it is evaluated, not before', async () => {
  const v = new Variable(tensor([1, 2]))
  const write = ops.assign(v, tensor([3, 4]))
  assert.equal(numbers(v), [1, 2])
  await evaluate(write)
  assert.equal(numbers(v), [3, 4])
  assert.equal(numbers(write), [3, 4])
})

test('assign: casts to the dtype of the variable', async () => {
  const v = new Variable(tensor([1, 2], { dtype: 'bf16' }))
  await evaluate(ops.assign(v, tensor(Float64Array.of(1 / 3, 2))))
  assert.equal(numbers(v), [0.333984375, 2])
})

test('assign: of a function of the old content', async () => {
  const v = new Variable(tensor([1, 2]))
  for (let i = 0; i < 3; i++) await evaluate(ops.assign(v, ops.mul(v, 2)))
  assert.equal(numbers(v), [8, 16])
  assert.is(v.version, 3)
})

test('assign: two variables exchange', async () => {
  const [a, b] = [new Variable(tensor([1])), new Variable(tensor([2]))]
  const [oldA, oldB] = [a.read(), b.read()]
  await evaluate(ops.assign(a, oldB), ops.assign(b, oldA))
  assert.equal([...numbers(a), ...numbers(b)], [2, 1])
})

test('assign: what reads the update sees the new content', async () => {
  const v = new Variable(tensor([1]))
  const write = ops.assign(v, tensor([2]))
  const later = ops.add(write, 1)
  await evaluate(write)
  assert.equal(numbers(later), [3])
})

test('assign: a graph that read the old content is stale', async () => {
  const v = new Variable(tensor([1]), { name: 'w' })
  const reader = ops.add(v, 1)
  await evaluate(ops.assign(v, tensor([2])))
  assert.throws(
    () => reader.dataSync(),
    (e: ops.TenonError) => e.code === 'STALE' && e.message.includes("'w'"),
  )
})

test('assignSlice: a window, the rest stays', async () => {
  const v = new Variable(ops.zeros([4, 2]))
  await evaluate(
    ops.assignSlice(
      v,
      tensor([
        [1, 2],
        [3, 4],
      ]),
      1,
    ),
  )
  assert.equal(numbers(v), [0, 0, 1, 2, 3, 4, 0, 0])
  await evaluate(ops.assignSlice(v, tensor([[5], [6], [7], [8]]), 1, 1))
  assert.equal(numbers(v), [0, 5, 1, 6, 3, 7, 0, 8])
})

test('assignSlice: the place may be data', async () => {
  const v = new Variable(ops.zeros([4]))
  await evaluate(ops.assignSlice(v, tensor([1]), tensor([3n])))
  assert.equal(numbers(v), [0, 0, 0, 1])
})

test('assignSlice: a place out of range is INDEX, and nothing is written', async () => {
  const v = new Variable(ops.zeros([4]))
  for (const start of [4n, -1n]) {
    await evaluate(ops.assignSlice(v, tensor([1]), tensor([start]))).then(
      () => assert.unreachable(),
      (e: ops.TenonError) => assert.is(e.code, 'INDEX'),
    )
  }
  assert.equal(numbers(v), [0, 0, 0, 0])
})

test('assignRows: rows by number; of equal ones the last, and what is no row is passed over', async () => {
  const v = new Variable(ops.zeros([4, 2]))
  const ids = tensor([3n, -1n, 1n, 3n, 4n])
  const rows = ops.arange(10).reshape([5, 2])
  await evaluate(ops.assignRows(v, ids, rows))
  assert.equal(numbers(v), [0, 0, 4, 5, 0, 0, 6, 7])
  for (const wrong of [() => ops.assignRows(v, ops.ones([5]), rows), () => ops.assignRows(v, ids, ops.zeros([5, 3]))])
    assert.throws(wrong, (e: ops.TenonError) => e.code === 'SHAPE')
})

const steps = 5
const random = () => randomNumbers(5)
const start = filled([7, 3], range(-1, 1), random())

/** Gradients, one a step, the same for every rule. */
const gradients = (): Nd[] => {
  const next = randomNumbers(6)
  return Array.from({ length: steps }, () => filled([7, 3], range(-1, 1), next))
}

for (const dtype of ['f64', 'f32'] as const) {
  for (const [nesterov, maximize] of [
    [false, false],
    [true, false],
    [false, true],
  ] as const) {
    test(`sgd: ${dtype}${nesterov ? ', nesterov' : ''}${maximize ? ', maximize' : ''}`, async () => {
      const [lr, momentum, dampening, weightDecay] = [0.1, 0.9, nesterov ? 0 : 0.2, 0.01]
      const param = new Variable(toTensor(start, dtype))
      const buffer = new Variable(toTensor({ shape: start.shape, data: new Float64Array(21) }, dtype), {
        trainable: false,
      })
      const want = Float64Array.from(fromTensor(toTensor(start, dtype)).data)
      const b = new Float64Array(21)
      let first = 1
      for (const g of gradients()) {
        const gradient = toTensor(g, dtype)
        await perform(
          [
            sgd(param, gradient, buffer, {
              lr,
              momentum,
              dampening,
              weightDecay,
              nesterov,
              maximize,
              first: () => first,
            }),
          ],
          [],
        )
        g.data.forEach((x, i) => {
          let d = (maximize ? -x : x) + weightDecay * want[i]
          b[i] = first ? d : momentum * b[i] + (1 - dampening) * d
          d = nesterov ? d + momentum * b[i] : b[i]
          want[i] -= lr * d
        })
        first = 0
      }
      checkNear('parameter', fromTensor(param.read()), { shape: start.shape, data: want }, tolerances.sums[dtype])
    })
  }

  for (const [decoupled, amsgrad] of [
    [false, false],
    [true, false],
    [false, true],
  ] as const) {
    test(`adam: ${dtype}${decoupled ? ', decoupled' : ''}${amsgrad ? ', vMax' : ''}`, async () => {
      const [lr, beta1, beta2, eps, weightDecay] = [0.1, 0.9, 0.99, 1e-8, 0.01]
      const zero = () =>
        new Variable(toTensor({ shape: start.shape, data: new Float64Array(21) }, dtype), { trainable: false })
      const param = new Variable(toTensor(start, dtype))
      const moments = [zero(), zero(), ...(amsgrad ? [zero()] : [])]
      const want = Float64Array.from(fromTensor(toTensor(start, dtype)).data)
      const [m, v, vMax] = [new Float64Array(21), new Float64Array(21), new Float64Array(21)]
      let t = 0
      for (const g of gradients()) {
        t++
        const [correction1, correction2] = [1 - beta1 ** t, 1 - beta2 ** t]
        await perform(
          [
            adam(param, toTensor(g, dtype), moments, {
              lr,
              beta1,
              beta2,
              eps,
              weightDecay,
              correction1,
              correction2,
              decoupled,
              maximize: false,
            }),
          ],
          [],
        )
        g.data.forEach((x, i) => {
          if (decoupled) want[i] *= 1 - lr * weightDecay
          const d = decoupled ? x : x + weightDecay * want[i]
          m[i] = beta1 * m[i] + (1 - beta1) * d
          v[i] = beta2 * v[i] + (1 - beta2) * d * d
          vMax[i] = Math.max(vMax[i], v[i])
          want[i] -= ((lr / correction1) * m[i]) / (Math.sqrt((amsgrad ? vMax : v)[i] / correction2) + eps)
        })
      }
      checkNear('parameter', fromTensor(param.read()), { shape: start.shape, data: want }, tolerances.sums[dtype])
    })
  }
}
