/** @file trainStep, plain and compiled: the same numbers as the loop by hand, and its checks. */
import {
  crossEntropy,
  manualSeed,
  mseLoss,
  mul,
  nn,
  ones,
  optim,
  randn,
  sum,
  summary,
  tensor,
  trainStep,
  Variable,
} from 'tenon'
import type { TenonError, Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { planCache } from '../../lib/engine/evaluate.ts'
import { suite } from '../support/suite.ts'

const test = suite('trainStep')

function makeModel() {
  manualSeed(3)
  return new nn.Sequential(
    new nn.Linear(4, 8),
    new nn.BatchNorm1d(8),
    new nn.Tanh(),
    new nn.Dropout(0.2),
    new nn.Linear(8, 3),
  )
}

const batch = (t: number, n = 6) => {
  const inputs = Float32Array.from({ length: n * 4 }, (_, i) => Math.sin(i * 1.3 + t))
  return [tensor(inputs, { shape: [n, 4] }), tensor(Int32Array.from({ length: n }, (_, i) => (i + t) % 3))] as const
}

async function byHand(sizes: readonly number[]) {
  const model = makeModel()
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.05, weightDecay: 0.01 })
  manualSeed(11)
  const losses: number[] = []
  for (const [t, n] of sizes.entries()) {
    optimizer.paramGroups[0]!.lr = 0.05 / (t + 1)
    const [x, y] = batch(t, n)
    const loss = crossEntropy(model.forward(x), y)
    loss.backward()
    await optimizer.step()
    losses.push(await loss.item())
  }
  return { losses, state: await contents(model) }
}

async function contents(model: nn.Module) {
  const all = [...model.stateDict()].map(
    async ([name, v]) => [name, Array.from((await v.data()) as Float64Array, Number)] as const,
  )
  return Object.fromEntries(await Promise.all(all))
}

const ways = [false, true].flatMap((compile) => [false, true].map((blocking) => ({ compile, blocking })))
for (const { compile, blocking } of ways) {
  const title = `compile: ${compile}, blocking: ${blocking}`
  test(`${title}: the same numbers as by hand, with two batch sizes and a schedule`, async () => {
    const sizes = [6, 6, 4, 6, 4, 6]
    const expected = await byHand(sizes)
    const model = makeModel()
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.05, weightDecay: 0.01 })
    manualSeed(11)
    const step = trainStep(
      model,
      optimizer,
      (x: Tensor, y: Tensor) => {
        const logits = model.forward(x)
        return { loss: crossEntropy(logits, y), total: sum(logits) }
      },
      { compile },
    )
    const losses: number[] = []
    for (const [t, n] of sizes.entries()) {
      optimizer.paramGroups[0]!.lr = 0.05 / (t + 1)
      const { loss, total } = blocking ? step.sync(...batch(t, n)) : await step(...batch(t, n))
      losses.push(loss.itemSync())
      assert.ok(Number.isFinite(total.itemSync()))
    }
    assert.equal(losses, expected.losses)
    assert.equal(await contents(model), expected.state)
    assert.equal(new Set(optimizer.stateDict().steps), new Set([6]))
    assert.ok(model.parameters().every((p) => p.grad === null && p.gradRoots.size === 0))
  })
}

for (const compile of [false, true]) {
  test(`compile: ${compile}: the plan of a step is known before it runs, and changes nothing`, async () => {
    const model = makeModel()
    const optimizer = new optim.Adam(model.parameters())
    const step = trainStep(model, optimizer, (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y), { compile })
    const before = await contents(model)
    assert.ok(summary(step.plan(...batch(0))).flops > 0)
    assert.equal(await contents(model), before)
    assert.equal(new Set(optimizer.stateDict().steps), new Set([0]))
  })

  test(`compile: ${compile}: steady steps compile nothing and learn`, async () => {
    const model = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 3))
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.3, momentum: 0.9 })
    const step = trainStep(model, optimizer, (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y), { compile })
    const first = (await step(...batch(0))).itemSync()
    await step(...batch(0))
    const misses = planCache.misses
    let last = first
    for (let t = 0; t < 60; t++) last = (await step(...batch(0))).itemSync()
    assert.is(planCache.misses, misses)
    assert.ok(last < 0.1 * first, `${first} to ${last}`)
  })

  test(`compile: ${compile}: a variable that parameters() does not list is an error`, async () => {
    const model = new nn.Linear(2, 1)
    const lost = new Variable(ones([1]), { name: 'lost' })
    const step = trainStep(model, new optim.SGD(model.parameters()), (x: Tensor) => sum(mul(model.forward(x), lost)), {
      compile,
    })
    const error = await step(randn([3, 2])).then(
      () => null,
      (e: TenonError) => e,
    )
    assert.is(error?.code, 'STATE')
    assert.match(error!.message, "'lost' [1]")
    assert.ok(model.parameters().every((p) => p.grad === null))
  })

  test(`compile: ${compile}: a parameter that the optimizer does not hold stays, and gathers nothing`, async () => {
    const model = new nn.Linear(2, 1)
    const step = trainStep(model, new optim.SGD([model.weight]), (x: Tensor) => sum(model.forward(x)), { compile })
    const before = await model.bias!.item()
    for (let t = 0; t < 3; t++) await step(ones([1, 2]))
    assert.is(await model.bias!.item(), before)
    assert.is(model.bias!.grad, null)
  })

  test(`compile: ${compile}: a failed step does not count`, async () => {
    const model = new nn.Linear(2, 3)
    const optimizer = new optim.Adam(model.parameters())
    const step = trainStep(model, optimizer, (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y), { compile })
    const before = await contents(model)
    const error = await step(ones([1, 2]), tensor([7n])).then(
      () => null,
      (e: TenonError) => e,
    )
    assert.is(error?.code, 'INDEX')
    assert.throws(() => step.sync(ones([1, 2]), tensor([7n])), /label/)
    assert.equal(await contents(model), before)
    assert.equal(optimizer.stateDict().steps, [0, 0])
    await step(ones([1, 2]), tensor([1n]))
    assert.equal(optimizer.stateDict().steps, [1, 1])
  })

  test(`compile: ${compile}: looking at a variable before the first step does not freeze it`, async () => {
    const model = new nn.Linear(1, 1, { bias: false })
    await model.loadStateDict({ weight: tensor([[1]]) })
    await model.weight.data()
    const zero = tensor([[0]])
    const step = trainStep(
      model,
      new optim.SGD(model.parameters(), { lr: 0.5 }),
      (x: Tensor) => mseLoss(model.forward(x), zero),
      { compile },
    )
    const losses: number[] = []
    for (let t = 0; t < 3; t++) {
      losses.push((await step(tensor([[0.5]]))).itemSync())
      await model.weight.data()
    }
    assert.ok(losses[0]! > losses[1]! && losses[1]! > losses[2]!, String(losses))
  })
}

test('compile: true: a state that is loaded later counts', async () => {
  const train = async (resume: boolean) => {
    const model = makeModel().eval()
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 })
    const step = trainStep(model, optimizer, (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y), {
      compile: true,
    })
    const begin = optimizer.stateDict()
    const first = new Map([...model.stateDict()].map(([name, v]) => [name, v.dataSync()] as const))
    if (resume) {
      for (let t = 0; t < 3; t++) await step(...batch(t))
      await model.loadStateDict(Object.fromEntries(first) as never)
      await optimizer.loadStateDict(begin)
    }
    for (let t = 0; t < 3; t++) await step(...batch(t + 5))
    return contents(model)
  }
  assert.equal(await train(true), await train(false))
})

test('trainStep: refuses what is no loss, and unknown options', async () => {
  const model = new nn.Linear(1, 1)
  const optimizer = new optim.SGD(model.parameters())
  const step = trainStep(model, optimizer, (() => ({ accuracy: ones([]) })) as never)
  assert.is(await step().catch((e: TenonError) => e.code), 'VALUE')
  assert.throws(
    () => trainStep(model, optimizer, () => ones([]), { compiled: true } as object),
    /Did you mean 'compile'/,
  )
})
