/** @file GradScaler: changes nothing where nothing overflows; an overflow changes nothing but the scale. */
import { autocast, crossEntropy, manualSeed, mseLoss, nn, optim, tensor, trainStep } from 'tenon'
import type { TenonError, Tensor, Variable } from 'tenon'
import * as assert from 'uvu/assert'
import { randomNumbers } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'

const test = suite('GradScaler')

type Batch = readonly [Tensor, Tensor]
const random = randomNumbers(7)
const numbers = (n: number, size = 1) => Float32Array.from({ length: n }, () => size * (2 * random() - 1))
const batches: Batch[] = Array.from({ length: 6 }, () => [
  tensor(numbers(24), { shape: [6, 4] }),
  tensor(numbers(12), { shape: [6, 2] }),
])
const broken: Batch = [tensor(numbers(24, Infinity), { shape: [6, 4] }), batches[0]![1]]

async function copyOf(scaler: optim.GradScaler): Promise<Map<string, Tensor>> {
  const copies = new Map<string, Tensor>()
  for (const [name, v] of scaler.stateDict()) copies.set(name, tensor((await v.data()) as Float32Array, { shape: [] }))
  return copies
}

const makeModel = () => {
  manualSeed(4)
  return new nn.Sequential(new nn.Linear(4, 5), new nn.Tanh(), new nn.Linear(5, 2, { bias: false }))
}
const variables = (model: nn.Module, optimizer: optim.Optimizer<{ lr: number }>) => [
  ...model.parameters(),
  ...([...optimizer.stateDict().tensors.values()] as Variable[]),
]
const contents = async (list: readonly Variable[]) =>
  Promise.all(list.map(async (v) => [...((await v.data()) as Float32Array)]))

const makers: Record<string, (params: Iterable<Variable>) => optim.Optimizer<{ lr: number }>> = {
  SGD: (params) => new optim.SGD(params, { lr: 0.1, momentum: 0.9 }),
  Adam: (params) => new optim.Adam(params, { lr: 0.01 }),
  NAdam: (params) => new optim.NAdam(params, { lr: 0.01 }),
  RMSprop: (params) => new optim.RMSprop(params, { lr: 0.01, momentum: 0.5 }),
}

async function train(
  make: (typeof makers)[string],
  data: readonly Batch[],
  { scaler = null as optim.GradScaler | null, compile = false, sync = false, clip = false } = {},
) {
  const model = makeModel()
  const optimizer = make(model.parameters())
  const gradients = clip ? (params: readonly Variable[]) => void optim.clipGradNorm(params, 0.1) : undefined
  const step = trainStep(model, optimizer, (x: Tensor, y: Tensor) => mseLoss(model.forward(x), y), {
    scaler,
    compile,
    gradients,
  })
  if (sync) for (const [x, y] of data) step.sync(x, y)
  // All at once: each waits for the one before.
  else await Promise.all(data.map(([x, y]) => step(x, y)))
  return { state: await contents(variables(model, optimizer)), steps: optimizer.stateDict().steps }
}

for (const [name, make] of Object.entries(makers)) {
  for (const compile of [false, true]) {
    test(`${name}, compile: ${compile}: the same numbers without an overflow, and those without the batch that has one`, async () => {
      const plain = await train(make, batches, { compile })
      const scaled = await train(make, batches, { compile, scaler: new optim.GradScaler() })
      assert.equal(scaled, plain)
      for (const at of [0, 3]) {
        const scaler = new optim.GradScaler()
        const data = [...batches.slice(0, at), broken, ...batches.slice(at)]
        assert.equal(await train(make, data, { compile, scaler, sync: compile }), plain)
        assert.is(await scaler.getScale(), 32768)
      }
    })
  }
}

test('gradients are scaled back before they are clipped', async () => {
  const plain = await train(makers.Adam!, batches, { clip: true })
  const data = [batches[0]!, broken, ...batches.slice(1)]
  assert.equal(await train(makers.Adam!, data, { clip: true, scaler: new optim.GradScaler() }), plain)
})

test('by hand: scale, unscale, step, in any order that makes sense', async () => {
  const runs = await Promise.all(
    [false, true].map(async (isScaled) => {
      const model = makeModel()
      const optimizer = makers.SGD!(model.parameters())
      const scaler = new optim.GradScaler({ initScale: 1024 })
      for (const [i, [x, y]] of batches.entries()) {
        const loss = mseLoss(model.forward(x), y)
        if (!isScaled) loss.backward()
        else scaler.scale(loss).backward()
        if (isScaled && i % 2 === 0) scaler.unscale(model.parameters())
        if (i % 2 === 0) optim.clipGradNorm(model.parameters(), 0.5)
        if (!isScaled) await optimizer.step()
        else if (i === 1) optimizer.stepSync({ scaler })
        else await scaler.step(optimizer, { also: [loss] })
      }
      return contents(variables(model, optimizer))
    }),
  )
  assert.equal(runs[1], runs[0])
})

test('the scale: grows after growthInterval good steps in a row, shrinks at an overflow, never becomes infinite', async () => {
  const options = { initScale: 4, growthFactor: 3, backoffFactor: 0.25, growthInterval: 2 }
  const scaler = new optim.GradScaler(options)
  const [good] = batches as [Batch]
  const model = makeModel()
  const step = trainStep(
    model,
    makers.SGD!(model.parameters()),
    (x: Tensor, y: Tensor) => mseLoss(model.forward(x), y),
    {
      scaler,
    },
  )
  const scales: number[] = []
  for (const [x, y] of [good, good, good, broken, good, good, good, good]) {
    await step(x, y)
    scales.push(await scaler.getScale())
  }
  assert.equal(scales, [4, 12, 12, 3, 3, 9, 9, 27])
  const state = await copyOf(scaler)
  const other = new optim.GradScaler(options)
  await other.loadStateDict(state)
  assert.is(await other.getScale(), 27)
  const large = new optim.GradScaler({ initScale: 2 ** 127, growthInterval: 1 })
  const still = makeModel()
  const zero = trainStep(still, makers.SGD!(still.parameters()), (x: Tensor) => still.forward(x).mul(0).sum(), {
    scaler: large,
  })
  await zero(good[0])
  assert.is(await large.getScale(), 2 ** 127)
})

test('f16: a loss scale that is too large is found within a few steps, and the loss falls', async () => {
  manualSeed(2)
  const model = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 3))
  const optimizer = new optim.AdamW(model.parameters(), { lr: 0.02 })
  const scaler = new optim.GradScaler({ initScale: 2 ** 28 })
  const [x] = batches[0]!
  const y = tensor([0, 1, 2, 0, 1, 2]).cast('i64')
  const step = trainStep(model, optimizer, (t: Tensor) => autocast('f16', () => crossEntropy(model.forward(t), y)), {
    compile: true,
    scaler,
  })
  const losses: number[] = []
  for (let t = 0; t < 80; t++) losses.push(await (await step(x)).item())
  const [made] = optimizer.stateDict().steps
  assert.ok(made! < 80 && made! > 60, `${made} steps`)
  assert.ok((await scaler.getScale()) < 2 ** 28)
  assert.ok(losses.at(-1)! < 0.3 * losses[0]!, `${losses[0]} -> ${losses.at(-1)}`)
})

test('errors: options and states', async () => {
  const wrong: [object, RegExp][] = [
    [{ initScale: 0 }, /initScale/],
    [{ initScale: 1e39 }, /initScale/],
    [{ growthFactor: 1 }, /growthFactor/],
    [{ backoffFactor: 1 }, /backoffFactor/],
    [{ growthInterval: 0 }, /growthInterval/],
    [{ growthInteval: 5 }, /growthInterval/],
  ]
  for (const [options, phrase] of wrong)
    assert.throws(
      () => new optim.GradScaler(options),
      (e: TenonError) => phrase.test(e.message),
    )
  const error = await new optim.GradScaler().loadStateDict(new Map()).catch((e: TenonError) => e)
  assert.is((error as TenonError).code, 'STATE')
})
