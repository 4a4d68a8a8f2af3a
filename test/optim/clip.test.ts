/** @file Clipping of gradients, against the formulas in numbers. */
import * as assert from 'uvu/assert'
import { nn, optim, TenonError, tensor, trainStep, Variable } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('clip')

/** Two parameters with gradients [3, -4] and [12]. */
function params(): Variable[] {
  const a = new Variable(tensor([0, 0], { dtype: 'f64' }))
  const b = new Variable(tensor([0], { dtype: 'f32' }))
  a.read()
    .mul(tensor([3, -4], { dtype: 'f64' }))
    .sum()
    .add(b.read().mul(12).sum())
    .backward()
  return [a, b]
}
const gradients = async (list: Variable[]) =>
  (await Promise.all(list.map(async (v) => [...(await v.grad!.data())].map(Number)))).flat()
const near = (got: number[], want: number[]) =>
  assert.ok(
    got.every((x, i) => Math.abs(x - want[i]!) < 1e-6),
    `${got}, wanted ${want}`,
  )

test('clipGradNorm: scales all together by maxNorm / (norm + 1e-6), and gives the norm', async () => {
  const list = params()
  const norm = optim.clipGradNorm(list, 6.5)
  near([await norm.item()], [13])
  near(await gradients(list), [1.5, -2, 6])
})

test('clipGradNorm: leaves smaller ones as they are', async () => {
  const list = params()
  optim.clipGradNorm(list, 100)
  assert.equal(await gradients(list), [3, -4, 12])
})

test('clipGradNorm: normType Infinity is the largest magnitude', async () => {
  const list = params()
  near([await optim.clipGradNorm(list, 6, { normType: Infinity }).item()], [12])
  near(await gradients(list), [1.5, -2, 6])
})

test('clipGradValue: limits each number', async () => {
  const list = params()
  optim.clipGradValue(list, 3.5)
  assert.equal(await gradients(list), [3, -3.5, 3.5])
})

for (const compile of [false, true]) {
  test(`trainStep: gradients is the place to clip, compile: ${compile}`, async () => {
    const model = new (class extends nn.Module {
      w = new Variable(tensor([1, 1]))
      forward(x: Tensor) {
        return this.w.read().mul(x).sum()
      }
    })()
    const optimizer = new optim.SGD(model.parameters(), { lr: 1 })
    const gradients = (list: readonly Variable[]) => void optim.clipGradNorm(list, 1)
    const step = trainStep(model, optimizer, (x: Tensor) => model.forward(x), { compile, gradients })
    await step(tensor([30, 40]))
    near([...(await model.w.data())].map(Number), [0.4, 0.2])
    await step(tensor([0, 0.5]))
    near([...(await model.w.data())].map(Number), [0.4, -0.3])
  })
}

test('refuses limits that are none, and parameters without gradient', () => {
  const code = (work: () => unknown) => {
    try {
      work()
    } catch (error) {
      return (error as TenonError).code
    }
    return 'none'
  }
  assert.is(
    code(() => optim.clipGradNorm(params(), 0)),
    'VALUE',
  )
  assert.is(
    code(() => optim.clipGradNorm(params(), 1, { normType: 0 })),
    'VALUE',
  )
  assert.is(
    code(() => optim.clipGradNorm(params(), 1, { norm: 2 } as never)),
    'OPTION',
  )
  assert.is(
    code(() => optim.clipGradValue([new Variable(tensor([1]))], 1)),
    'GRADIENT',
  )
})

test('clipGradNorm: other norms', async () => {
  for (const [normType, want] of [
    [1, 19],
    [3, (27 + 64 + 1728) ** (1 / 3)],
    [Infinity, 12],
  ] as const) {
    const list = params()
    const norm = optim.clipGradNorm(list, want / 2, { normType })
    assert.ok(Math.abs((await norm.item()) - want) < 1e-5 * want, `${normType}`)
    near(await gradients(list), [1.5, -2, 6])
  }
})
