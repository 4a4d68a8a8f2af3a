/** @file Hooks of modules, freezing, and Checkpoint. */
import { grad, manualSeed, nn, ones, optim, plan, rand, randn, summary, tensor, TenonError, trainStep } from 'tenon'
import type { Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('hooks')

const numbers = async (t: Tensor) => [...(await t.data())].map(Number)
function linear(): nn.Linear {
  manualSeed(1)
  return new nn.Linear(2, 3)
}

test('forward hooks: see arguments and output, may change them, and can be removed', async () => {
  const layer = linear()
  const x = tensor([[1, 2]])
  const plain = await numbers(layer.forward(x))
  const seen: unknown[] = []
  const pre = layer.registerForwardPreHook((module, [input]) => {
    seen.push(module)
    return [(input as Tensor).mul(2)]
  })
  const post = layer.registerForwardHook((_, [input], output) => {
    seen.push((input as Tensor).shape)
    return (output as Tensor).neg()
  })
  const twice = await numbers(linear().forward(tensor([[2, 4]])))
  assert.equal(
    await numbers(layer.forward(x)),
    twice.map((y) => -y),
  )
  assert.is(seen[0], layer)
  assert.equal(seen[1], [1, 2])
  pre.remove()
  post.remove()
  assert.equal(await numbers(layer.forward(x)), plain)
})

test('hooks do not count as parameters or state', () => {
  const layer = linear()
  layer.registerForwardHook(() => undefined)
  assert.equal([...layer.stateDict().keys()], ['weight', 'bias'])
})

test('backward hooks: get both gradients, and may change those by the inputs', async () => {
  const layer = linear()
  const seen: [number, number][] = []
  const handle = layer.registerFullBackwardHook((_, gradInputs, gradOutputs) => {
    seen.push([gradInputs.length, gradOutputs.length])
    assert.equal(gradOutputs[0]!.shape, [1, 3])
    return gradInputs.map((d) => d && d.mul(10))
  })
  const slope = () => grad((x: Tensor) => layer.forward(x).sum())(ones([1, 2]))[0]!
  const changed = await numbers(slope())
  assert.equal(seen, [[1, 1]])
  handle.remove()
  const plain = await numbers(slope())
  changed.forEach((d, i) => assert.ok(Math.abs(d - 10 * plain[i]!) < 1e-5))
  assert.is(seen.length, 1)
})

test('backward hooks: are called where no input needs a gradient', async () => {
  const layer = linear()
  let gradOutput: Tensor | null = null
  layer.registerFullBackwardHook((_, gradInputs, [dy]) => {
    assert.equal(gradInputs, [])
    gradOutput = dy!
  })
  layer
    .forward(ones([1, 2]))
    .sum()
    .backward()
  assert.equal(await numbers(gradOutput!), [1, 1, 1])
  assert.equal(await numbers(layer.bias!.grad!), [1, 1, 1])
})

test('backward hooks: a wrong number of gradients is refused', () => {
  const layer = linear()
  layer.registerFullBackwardHook(() => [])
  assert.throws(
    () => grad((x: Tensor) => layer.forward(x).sum())(ones([1, 2])),
    (error: TenonError) => error.code === 'VALUE' && error.message.includes('must give 1 gradients, got 0'),
  )
})

test('requiresGrad: freezes parameters and thaws them, but not running statistics', async () => {
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2))
  const names = [...model.namedParameters().keys()]
  model.requiresGrad(false)
  assert.equal(model.parameters(), [])
  model.requiresGrad()
  assert.equal([...model.namedParameters().keys()], names)
})

test('requiresGrad: a step leaves frozen layers as they are', async () => {
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1))
  model.layers[0]!.requiresGrad(false)
  const before = await numbers((model.layers[0] as nn.Linear).weight.read())
  const last = await numbers((model.layers[1] as nn.Linear).weight.read())
  const step = trainStep(model, new optim.SGD(model.parameters(), { lr: 1 }), (x: Tensor) => model.forward(x).sum())
  await step(ones([4, 2]))
  assert.equal(await numbers((model.layers[0] as nn.Linear).weight.read()), before)
  assert.not.equal(await numbers((model.layers[1] as nn.Linear).weight.read()), last)
})

/** Wide inside, narrow outside. */
const block = () => new nn.Sequential(new nn.Linear(8, 512), new nn.Tanh(), new nn.Dropout(0.3), new nn.Linear(512, 8))

test('Checkpoint: the same names, values and gradients, with less memory', async () => {
  const build = (wrap: (layer: nn.Layer) => nn.Layer) => {
    manualSeed(3)
    return new nn.Sequential(...Array.from({ length: 4 }, () => wrap(block())))
  }
  const [kept, again] = [build((layer) => layer), build((layer) => new nn.Checkpoint(layer))]
  assert.equal([...again.stateDict().keys()], [...kept.stateDict().keys()])
  const x = rand([256, 8])
  await x.data()
  const found = [kept, again].map((model) => {
    manualSeed(7)
    const loss = model.forward(x).square().sum()
    loss.backward()
    const grads = model.parameters().map((p) => p.grad!)
    return { loss, grads, peak: summary(plan(loss, ...grads)).peakBytes }
  })
  assert.is(await found[1]!.loss.item(), await found[0]!.loss.item())
  for (const [i, d] of found[0]!.grads.entries()) assert.equal(await numbers(found[1]!.grads[i]!), await numbers(d))
  assert.ok(found[1]!.peak < 0.6 * found[0]!.peak, `${found[1]!.peak} of ${found[0]!.peak}`)
})

test('Checkpoint: training steps are those without it', async () => {
  const losses = async (wrap: (layer: nn.Layer) => nn.Layer) => {
    manualSeed(5)
    const model = new nn.Sequential(wrap(block()), new nn.Linear(8, 1))
    const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 })
    const step = trainStep(model, optimizer, (x: Tensor) => model.forward(x).square().mean(), { compile: true })
    const x = randn([16, 8])
    const found: number[] = []
    for (let i = 0; i < 5; i++) found.push(await (await step(x)).item())
    return found
  }
  const plain = await losses((layer) => layer)
  assert.is(new Set(plain).size, 5)
  assert.equal(await losses((layer) => new nn.Checkpoint(layer)), plain)
})
