/** @file Modules: how parameters are found and named, modes, and how a model prints. */
import { nn, ones, Variable, zeros } from 'tenon'
import type { Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('module')

class CNN extends nn.Module {
  conv1 = new nn.Conv2d(1, 32, 3, { padding: 'same' })
  conv2 = new nn.Conv2d(32, 64, 3, { padding: 'same' })
  fc1 = new nn.Linear(64 * 7 * 7, 128)
  fc2 = new nn.Linear(128, 10)
  override forward(x: Tensor): Tensor {
    return x
  }
}

class Mixed extends nn.Module {
  label = 'not a parameter'
  scale = new Variable(ones([2]))
  layers = [new nn.Linear(2, 3, { bias: false }), new nn.Linear(3, 2)]
  heads = { main: new nn.Linear(2, 1), extra: [new Variable(zeros([4]))] }
  hidden = new Map([['lost', new nn.Linear(9, 9)]])
  override forward(): void {}
}

class Child extends nn.Module {
  weight = new Variable(ones([1]))
  parent: nn.Module | null = null
  override forward(): void {}
}

class Tied extends nn.Module {
  embedding = new nn.Embedding(5, 3)
  output = new nn.Linear(3, 5, { bias: false })
  constructor() {
    super()
    this.output.weight = this.embedding.weight
  }
  override forward(): void {}
}

test('stateDict: names of a CNN are those of PyTorch', () => {
  const names = [
    'conv1.weight',
    'conv1.bias',
    'conv2.weight',
    'conv2.bias',
    'fc1.weight',
    'fc1.bias',
    'fc2.weight',
    'fc2.bias',
  ]
  assert.equal([...new CNN().stateDict().keys()], names)
  assert.is(new CNN().numParameters, 421642)
})

test('stateDict: names of batch normalisation in a Sequential are those of PyTorch', () => {
  const model = new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.BatchNorm2d(2), new nn.ReLU())
  const statistics = ['1.running_mean', '1.running_var', '1.num_batches_tracked']
  assert.equal([...model.stateDict().keys()], ['0.weight', '0.bias', '1.weight', '1.bias', ...statistics])
  assert.equal([...model.namedParameters().keys()], ['0.weight', '0.bias', '1.weight', '1.bias'])
  assert.equal([...model.namedBuffers().keys()], statistics)
  assert.is(model.stateDict().get('1.num_batches_tracked')!.dtype, 'i64')
})

test('parameters: are found in lists and objects, own ones first, not in Maps', () => {
  const names = [
    'scale',
    'heads.extra.0',
    'layers.0.weight',
    'layers.1.weight',
    'layers.1.bias',
    'heads.main.weight',
    'heads.main.bias',
  ]
  assert.equal([...new Mixed().namedParameters().keys()], names)
  assert.equal([...new Mixed().namedChildren().keys()], ['layers.0', 'layers.1', 'heads.main'])
})

test('parameters: a shared variable is listed once and has all names in the state dict', () => {
  const model = new Tied()
  assert.equal([...model.namedParameters().keys()], ['embedding.weight'])
  assert.is(model.numParameters, 15)
  assert.equal([...model.stateDict().keys()], ['embedding.weight', 'output.weight'])
})

test('parameters: a frozen variable is a buffer', () => {
  const layer = new nn.Linear(2, 2)
  layer.weight.trainable = false
  assert.equal([...layer.namedParameters().keys()], ['bias'])
  assert.equal([...layer.namedBuffers().keys()], ['weight'])
})

test('parameters: variables get the names of the whole model', () => {
  const model = new Mixed()
  model.layers[1]!.parameters()
  assert.is(model.layers[1]!.weight.name, 'weight')
  model.parameters()
  assert.is(model.layers[1]!.weight.name, 'layers.1.weight')
  model.layers[1]!.parameters()
  assert.is(model.layers[1]!.weight.name, 'layers.1.weight')
})

test('modules: a child may know its parent', () => {
  const [parent, child] = [new Child(), new Child()]
  parent.parent = child
  child.parent = parent
  assert.equal(parent.modules(), [parent, child])
  assert.equal([...parent.stateDict().keys()], ['weight', 'parent.weight'])
  assert.match(String(parent), 'Child(')
})

test('train and eval: reach all modules', () => {
  const model = new nn.Sequential(new nn.Sequential(new nn.Dropout()), new nn.BatchNorm1d(3))
  assert.ok(model.modules().every((module) => module.training))
  assert.is(model.eval(), model)
  assert.ok(model.modules().every((module) => !module.training))
  model.train()
  assert.ok(model.modules().every((module) => module.training))
})

test('toString: nests children as PyTorch does', () => {
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Sequential(new nn.ReLU(), new nn.Dropout(0.1)))
  const lines = [
    'Sequential(',
    '  (0): Linear(2, 3)',
    '  (1): Sequential(',
    '    (0): ReLU()',
    '    (1): Dropout(p: 0.1)',
    '  )',
    ')',
  ]
  assert.is(String(model), lines.join('\n'))
  assert.is(String(new nn.Conv2d(1, 2, 3, { padding: 'same' })), "Conv2d(1, 2, [3, 3], padding: 'same')")
})

test('layers: options that do not exist and sizes that make no sense are refused', () => {
  assert.throws(() => new nn.Linear(2, 2, { bais: true } as object), /unknown option 'bais'. Did you mean 'bias'/)
  assert.throws(() => new nn.Conv2d(3, 4, 3, { groups: 2 }), /groups must divide/)
  assert.throws(() => new nn.Dropout(1.5), /probability/)
  assert.throws(() => new nn.Embedding(3, 2, { paddingIdx: 3 }), /paddingIdx/)
  assert.throws(() => new nn.Sequential((() => {}) as never), /takes modules/)
  assert.throws(() => new nn.BatchNorm2d(3).forward(zeros([2, 3])), /needs \[B, 3, L, W\], got \[2, 3\]/)
})
