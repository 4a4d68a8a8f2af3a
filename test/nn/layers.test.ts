/** @file Layers compute what their ops do: modes, padding, running statistics. */
import { evaluate, manualSeed, nn, ones, randn, tensor } from 'tenon'
import type { Tensor, Variable } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('layers')

const list = async (t: Tensor | Variable) => Array.from((await t.data()) as Float64Array)
const close = (a: readonly number[], b: readonly number[], tolerance = 1e-6) => {
  assert.is(a.length, b.length)
  a.forEach((x, i) => assert.ok(Math.abs(x - b[i]!) <= tolerance, `element ${i}: ${x} and ${b[i]}`))
}

test('Linear: x weight^T + bias, over any leading axes', async () => {
  const layer = new nn.Linear(2, 3)
  await layer.loadStateDict({
    weight: tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    bias: tensor([10, 20, 30]),
  })
  assert.equal(await list(layer.forward(tensor([[[1, 1]], [[0, 2]]]))), [13, 27, 41, 14, 28, 42])
})

test('Conv2d: keeps the image with padding same, shrinks it with a stride', () => {
  assert.equal(new nn.Conv2d(1, 4, 3, { padding: 'same' }).forward(ones([2, 1, 7, 9])).shape, [2, 4, 7, 9])
  assert.equal(
    new nn.Conv2d(2, 4, [3, 1], { stride: 2, padding: [1, 0], groups: 2, bias: false }).forward(ones([2, 2, 7, 9]))
      .shape,
    [2, 4, 4, 5],
  )
})

test('pools and Flatten: in a Sequential', () => {
  const model = new nn.Sequential(
    new nn.MaxPool2d(2),
    new nn.AvgPool2d(2, { stride: 1 }),
    new nn.Flatten(),
    new nn.Identity(),
  )
  assert.equal(model.forward(ones([3, 2, 8, 8])).shape, [3, 2 * 3 * 3])
})

test('activations: at known points', async () => {
  const x = tensor([-2, 0, 3])
  const at = (layer: nn.Layer) => list(layer.forward(x))
  close(await at(new nn.ReLU()), [0, 0, 3])
  close(await at(new nn.LeakyReLU(0.1)), [-0.2, 0, 3])
  close(await at(new nn.Sigmoid()), [1 / (1 + Math.exp(2)), 0.5, 1 / (1 + Math.exp(-3))])
  close(await at(new nn.Tanh()), [Math.tanh(-2), 0, Math.tanh(3)])
  close(await at(new nn.SiLU()), [-2 / (1 + Math.exp(2)), 0, 3 / (1 + Math.exp(-3))])
  close(await at(new nn.GELU()), [-0.0455003, 0, 2.9959502], 1e-5)
  close(await at(new nn.GELU({ approximate: 'tanh' })), [-0.0454023, 0, 2.9963627], 1e-5)
  const total = Math.exp(-2) + 1 + Math.exp(3)
  close(await at(new nn.Softmax()), [Math.exp(-2) / total, 1 / total, Math.exp(3) / total])
  close(await at(new nn.LogSoftmax(0)), [-2 - Math.log(total), -Math.log(total), 3 - Math.log(total)])
})

test('Dropout: drops while training only', async () => {
  manualSeed(1)
  const layer = new nn.Dropout(0.25)
  const dropped = await list(layer.forward(ones([4000])))
  const zeros = dropped.filter((x) => x === 0).length
  assert.ok(Math.abs(zeros / 4000 - 0.25) < 0.03)
  close(dropped.filter((x) => x !== 0).slice(0, 5), [4 / 3, 4 / 3, 4 / 3, 4 / 3, 4 / 3])
  assert.equal(new Set(await list(layer.eval().forward(ones([100])))), new Set([1]))
})

test('Embedding: looks up rows; the padding row gets no gradient', async () => {
  const layer = new nn.Embedding(3, 2, { paddingIdx: 1 })
  await layer.loadStateDict({
    weight: tensor([
      [1, 2],
      [0, 0],
      [5, 6],
    ]),
  })
  const y = layer.forward(
    tensor([
      [2n, 1n],
      [0n, 2n],
    ]),
  )
  y.sum().backward()
  assert.equal(await list(y), [5, 6, 0, 0, 1, 2, 5, 6])
  assert.equal(await list(layer.weight.grad!), [1, 1, 0, 0, 2, 2])
})

test('LayerNorm: mean 0 and variance 1 over the last axes', async () => {
  close(
    await list(
      new nn.LayerNorm(2).forward(
        tensor([
          [1, 3],
          [10, 30],
        ]),
      ),
    ),
    [-1, 1, -1, 1],
    1e-4,
  )
  close(
    await list(
      new nn.LayerNorm([2, 2], { elementwiseAffine: false }).forward(
        tensor([
          [1, 1],
          [3, 3],
        ]),
      ),
    ),
    [-1, -1, 1, 1],
    1e-4,
  )
})

test('BatchNorm: training updates the running statistics once, also when the result is asked for again', async () => {
  const layer = new nn.BatchNorm1d(2)
  const y = layer.forward(
    tensor([
      [1, 10],
      [3, 30],
    ]),
  )
  close(await list(y), [-1, -1, 1, 1], 1e-4)
  await y.sum().item()
  close(await list(layer.runningMean!), [0.2, 2])
  close(await list(layer.runningVar!), [0.9 + 0.2, 0.9 + 20], 1e-5)
  assert.is(await layer.numBatchesTracked!.item(), 1)
})

test('BatchNorm: what is built but not asked for does not count; what is asked for together counts in order', async () => {
  const layer = new nn.BatchNorm1d(1)
  layer.forward(tensor([[100], [300]]))
  const [a, b] = [layer.forward(tensor([[1], [3]])), layer.forward(tensor([[5], [7]]))]
  await evaluate(b, a)
  close(await list(layer.runningMean!), [0.1 * 6 + 0.9 * 0.2])
  assert.is(await layer.numBatchesTracked!.item(), 2)
})

test('BatchNorm: eval uses the running statistics and leaves them alone', async () => {
  const layer = new nn.BatchNorm2d(1, { eps: 0 })
  await layer.loadStateDict({ running_mean: tensor([2]), running_var: tensor([4]) }, { strict: false })
  assert.equal(await list(layer.eval().forward(tensor([[[[4, 0]]]]))), [1, -1])
  assert.is(await layer.numBatchesTracked!.item(), 0)
})

test('BatchNorm: without running statistics eval uses those of the batch', async () => {
  const layer = new nn.BatchNorm1d(1, { trackRunningStats: false, affine: false }).eval()
  assert.is(layer.stateDict().size, 0)
  close(await list(layer.forward(tensor([[1], [3]]))), [-1, 1], 1e-4)
})

test("a model of one's own: an MLP learns from its gradients", async () => {
  class MLP extends nn.Module {
    layers = [new nn.Linear(3, 4, { dtype: 'f64' }), new nn.Linear(4, 1, { dtype: 'f64' })]
    override forward(x: Tensor): Tensor {
      return this.layers.reduce((y, layer) => layer.forward(y).tanh(), x)
    }
  }
  const model = new MLP()
  model
    .forward(randn([5, 3], { dtype: 'f64' }))
    .sum()
    .backward()
  const grads = [...model.parameters()].map((p) => p.grad!)
  await evaluate(...grads)
  assert.equal(
    grads.map((g) => g.shape),
    model.parameters().map((p) => p.shape),
  )
  model.zeroGrad()
  assert.ok(model.parameters().every((p) => p.grad === null))
})
