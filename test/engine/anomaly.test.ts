/** @file detectAnomaly: names the op and the line of the first NaN, in forward, backward and compiled functions, before anything is written. */
import * as assert from 'uvu/assert'
import { compile, detectAnomaly, nn, optim, tensor, TenonError, trainStep, Variable } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('anomaly')

async function message(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    assert.instance(error, TenonError)
    return (error as TenonError).message
  }
  return 'none'
}

test('detectAnomaly: names the first op of a forward pass, and its line', async () => {
  const x = tensor([1, -1])
  const said = await message(() => detectAnomaly(() => x.mul(2).log().exp().sum().item()))
  assert.match(said, /detectAnomaly: log made the first NaN: f32 \[2\].*anomaly\.test/)
  assert.is(await x.square().sum().item(), 2)
})

test('detectAnomaly: a NaN that was given is not an op made', async () => {
  assert.match(
    await message(() => detectAnomaly(() => tensor([NaN]).add(1).item())),
    /input of the evaluation has a NaN/,
  )
})

test('detectAnomaly: infinities are no anomaly, and results come through', async () => {
  assert.equal([...(await detectAnomaly(() => tensor([0, 1]).log().data()))], [-Infinity, 0])
  assert.is(
    detectAnomaly(() => tensor([2]).add(1).itemSync()),
    3,
  )
})

class Root extends nn.Module {
  w = new Variable(tensor([0, 4]), { name: 'w', trainable: true })
  override forward(x: Tensor): Tensor {
    return this.w.mul(x).sqrt()
  }
}

test('detectAnomaly: a gradient that is NaN stops a step before it writes; the same step goes on without it', async () => {
  for (const compiled of [false, true]) {
    const model = new Root()
    const step = trainStep(
      model,
      new optim.SGD(model.parameters(), { lr: 0.1 }),
      (x: Tensor) =>
        model
          .forward(x)
          .mul(tensor([0, 1]))
          .sum(),
      { compile: compiled },
    )
    // d sqrt at 0 is infinite, times 0.
    assert.match(await message(() => detectAnomaly(() => step(tensor([1, 1])))), /made the first NaN/)
    assert.equal([...(await model.w.data())], [0, 4])
    await step(tensor([1, 1]))
    assert.ok(Number.isNaN((await model.w.data())[0] as number))
  }
})

test('detectAnomaly: compiled functions are looked into', async () => {
  const fn = compile((x: Tensor) => x.log().sum())
  await fn(tensor([1]))
  assert.match(await message(() => detectAnomaly(() => fn(tensor([-1])))), /log made/)
  assert.match(await message(() => detectAnomaly(() => fn.sync(tensor([-1])))), /log made/)
})

test('detectAnomaly: running statistics are written once', async () => {
  const norm = new nn.BatchNorm2d(1)
  const x = tensor([1, 3], { shape: [2, 1, 1, 1] })
  await detectAnomaly(() => norm.forward(x).data())
  const watched = [...(await norm.stateDict().get('running_mean')!.data())]
  assert.ok(Math.abs((watched[0] as number) - 0.2) < 1e-6, String(watched))
})
