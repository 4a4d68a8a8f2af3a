/** @file modelSummary: rows, costs and flow of models, found without computing. */
import { evaluate, modelSummary, nn, plan, randn, summary, zeros } from 'tenon'
import type { ModelSummary, Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('model-summary')

class CNN extends nn.Module {
  conv = new nn.Conv2d(1, 8, 3, { padding: 'same' })
  fc = new nn.Linear(8 * 7 * 7, 10)
  override forward(x: Tensor): Tensor {
    x = this.conv.forward(x.unsqueeze(1)).relu().maxPool2d(2)
    return this.fc.forward(x.flatten(1))
  }
}

class Residual extends nn.Module {
  norm = new nn.BatchNorm2d(4)
  conv = new nn.Conv2d(4, 4, 3, { padding: 1 })
  override forward(x: Tensor): Tensor {
    return x.add(this.conv.forward(this.norm.forward(x).relu())).relu()
  }
}

class Twice extends nn.Module {
  blocks = [new Residual(), new nn.Identity()] as const
  drop = new nn.Dropout(0.5)
  override forward(x: Tensor): Tensor {
    return this.drop.forward(this.blocks[0].forward(this.blocks[1].forward(this.blocks[0].forward(x.sin()))))
  }
}

const kinds = ({ layers }: ModelSummary) => layers.map(({ depth, field, kind }) => `${depth} ${field} ${kind}`)

test('rows: modules and the functions between them, in order, with their shapes and parameters', () => {
  const found = modelSummary(new CNN(), zeros([2, 14, 14]))
  assert.equal(kinds(found), ['0  CNN', '1  reshape', '1 conv Conv2d', '1  relu, maxPool2d, reshape', '1 fc Linear'])
  const shapes = found.layers.map(({ outputShapes }) => outputShapes)
  assert.equal(shapes, [[[2, 10]], [[2, 1, 14, 14]], [[2, 8, 14, 14]], [[2, 392]], [[2, 10]]])
  assert.equal(
    found.layers.map(({ parameters }) => parameters),
    [4010, 0, 80, 0, 3930],
  )
  assert.equal([found.parameters, found.frozenParameters, found.parameterBytes], [4010, 0, 16040])
  assert.equal([found.inputShapes, found.outputShapes], [[[2, 14, 14]], [[2, 10]]])
  assert.equal(found.edges.length, 5)
  assert.equal(
    [...found.edges].sort((a, b) => a[0] - b[0]),
    [
      [-1, 1],
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
    ],
  )
})

test('costs: a row has those of its plan, the model those of the whole', async () => {
  const [model, x] = [new CNN(), zeros([2, 14, 14])]
  await evaluate(x)
  const found = modelSummary(model, x)
  const fc = found.layers[4]!
  // Multiply and add for each weight, and the bias.
  assert.is(fc.flops, 2 * 2 * 3920 + 2 * 10)
  assert.is(fc.peakBytes >= 4 * (2 * 392 + 3930 + 2 * 10), true)
  const whole = summary(plan(model.eval().forward(x)))
  assert.is(found.flops, whole.flops)
  assert.is(found.peakBytes, whole.peakBytes)
  const leaves = found.layers.filter(({ isLeaf }) => isLeaf).reduce((n, { flops }) => n + flops, 0)
  assert.ok(Math.abs(leaves / found.flops - 1) < 0.05, `${leaves} of ${found.flops}`)
})

test('flow: branches meet again, a repeated module has a row for each call', () => {
  const found = modelSummary(new Twice(), zeros([1, 4, 6, 6]))
  const block = ['1 blocks.0 Residual', '2 norm BatchNorm2d', '2  relu', '2 conv Conv2d', '2  add, relu']
  assert.equal(kinds(found), ['0  Twice', '1  sin', ...block, '1 blocks.1 Identity', ...block, '1 drop Dropout'])
  assert.equal(
    found.layers.filter(({ isRepeated }) => isRepeated).map(({ name }) => name),
    ['blocks.0', 'blocks.0.norm', 'blocks.0.conv'],
  )
  const edges = found.edges.map(([from, to]) => `${from} ${to}`)
  // From sin to the norm and around it to the sum.
  for (const edge of ['-1 1', '1 3', '1 6', '3 4', '4 5', '5 6', '6 9', '6 12', '12 14'])
    assert.ok(edges.includes(edge), edge)
  assert.is(edges.length, 12)
  assert.is(found.frozenParameters, 4 + 4 + 1)
})

test('nothing is left behind: modes, random numbers, forwards, values', async () => {
  const model = new Twice()
  model.blocks[0].eval()
  const before = { names: Object.keys(model.drop), modes: model.modules().map(({ training }) => training) }
  const x = zeros([1, 4, 6, 6])
  modelSummary(model, x)
  assert.equal(Object.keys(model.drop), before.names)
  assert.not.ok(Object.hasOwn(model.drop, 'forward'))
  assert.equal(
    model.modules().map(({ training }) => training),
    before.modes,
  )
  const fails = new nn.Sequential(new nn.Linear(3, 4), new nn.Linear(5, 6))
  assert.throws(() => modelSummary(fails, zeros([1, 3])), /inner sizes must agree/)
  assert.not.ok(Object.hasOwn(fails.layers[0]!, 'forward'))
  assert.is(fails.training, true)
  assert.is((await model.forward(randn([1, 4, 6, 6])).data()).length, 144)
})

test('inputs may be larger than any memory: only shapes count', () => {
  const found = modelSummary(new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU()), zeros([2 ** 30, 4]))
  assert.is(found.layers[1]!.flops, 2 ** 30 * (2 * 4 * 8 + 8))
  assert.ok(found.peakBytes > 30 * 2 ** 30)
})

class Several extends nn.Module {
  left = new nn.Linear(2, 3)
  right = new nn.Linear(2, 3)
  override forward(a: Tensor, { b }: { b: Tensor }): { sum: Tensor; parts: Tensor[] } {
    const parts = [this.left.forward(a), this.right.forward(b)] as const
    return { sum: parts[0].add(parts[1]), parts: [...parts] }
  }
}

class Late extends nn.Module {
  inner = new nn.Linear(2, 2)
  override async forward(x: Tensor): Promise<Tensor> {
    return this.inner.forward(x)
  }
}

test('inputs and results in objects and lists are found; an asynchronous forward is refused', () => {
  const found = modelSummary(new Several(), zeros([5, 2]), { b: zeros([4, 5, 2]) })
  assert.equal(found.inputShapes, [
    [5, 2],
    [4, 5, 2],
  ])
  assert.equal(found.outputShapes, [
    [4, 5, 3],
    [5, 3],
    [4, 5, 3],
  ])
  const edges = found.edges.map(([from, to]) => `${from} ${to}`).sort()
  assert.equal(edges, ['-1 1', '-1 2', '1 3', '1 4', '2 3', '2 4', '3 4'])
  assert.throws(() => modelSummary(new Late(), zeros([1, 2])), /asynchronous forward/)
  assert.throws(() => modelSummary({} as never), /takes a module/)
})

test('toString: a table with totals', () => {
  const text = String(modelSummary(new CNN(), zeros([2, 14, 14])))
  assert.match(text, /layer +output shape +parameters +FLOPs +peak memory/)
  assert.match(text, / {2}fc: Linear +\[2, 10\] +3,930 +15\.7 k/)
  assert.match(text, /parameters {3}4,010 trainable, 0 not/)
})

test('model.summary: the same, and shapes stand for inputs', () => {
  const [a, b] = [new CNN().summary([2, 14, 14]), modelSummary(new CNN(), zeros([2, 14, 14]))]
  assert.is(String(a), String(b))
  assert.match(String(a), /fc: Linear .*3,930/)
})
