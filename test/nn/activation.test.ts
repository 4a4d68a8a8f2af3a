/** @file Activation modules compute what their ops do, with the options they were made with. */
import { manualSeed, nn, ones, tensor } from 'tenon'
import * as tenon from 'tenon'
import type { Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('activation modules')

const x = tensor([[-4, -1, -0.2, 0.4, 2, 7]])
const numbers = (t: Tensor) => Array.from(t.dataSync() as Float32Array)

const pairs: [nn.Layer, Tensor][] = [
  [new nn.ReLU(), tenon.relu(x)],
  [new nn.ReLU6(), tenon.relu6(x)],
  [new nn.LeakyReLU(0.2), tenon.leakyRelu(x, { negativeSlope: 0.2 })],
  [new nn.PReLU({ init: 0.4 }), tenon.leakyRelu(x, { negativeSlope: 0.4 })],
  [new nn.RReLU({ lower: 0.1, upper: 0.3 }).eval() as nn.RReLU, tenon.leakyRelu(x, { negativeSlope: 0.2 })],
  [new nn.ELU(0.7), tenon.elu(x, { alpha: 0.7 })],
  [new nn.CELU(1.3), tenon.celu(x, { alpha: 1.3 })],
  [new nn.SELU(), tenon.selu(x)],
  [new nn.Mish(), tenon.mish(x)],
  [new nn.LogSigmoid(), tenon.logSigmoid(x)],
  [new nn.Softsign(), tenon.softsign(x)],
  [new nn.Tanhshrink(), tenon.tanhshrink(x)],
  [new nn.Softplus({ beta: 2 }), tenon.softplus(x, { beta: 2 })],
  [new nn.Hardtanh({ maxVal: 3 }), tenon.hardtanh(x, { maxVal: 3 })],
  [new nn.Hardswish(), tenon.hardswish(x)],
  [new nn.Hardsigmoid(), tenon.hardsigmoid(x)],
  [new nn.Hardshrink(0.3), tenon.hardshrink(x, { lambd: 0.3 })],
  [new nn.Softshrink(0.3), tenon.softshrink(x, { lambd: 0.3 })],
  [new nn.Threshold(0.5, -3), tenon.threshold(x, 0.5, -3)],
  [new nn.GLU(), tenon.glu(x)],
  [new nn.Softmin(), tenon.softmin(x)],
]

for (const [layer, want] of pairs)
  test(`${layer.toString()}: what the function gives`, () => assert.equal(numbers(layer.forward(x)), numbers(want)))

test('Softmax2d: over channels, with and without a batch', () => {
  assert.equal(numbers(new nn.Softmax2d().forward(ones([4, 1, 2]))), Array(8).fill(0.25))
  assert.equal(numbers(new nn.Softmax2d().forward(ones([1, 2, 1, 1]))), [0.5, 0.5])
  assert.throws(() => new nn.Softmax2d().forward(ones([2, 2])), 'Softmax2d: needs [B, C, H, W]')
})

test('PReLU: its slopes are parameters', () => {
  const layer = new nn.PReLU({ numParameters: 3 })
  assert.equal([...layer.namedParameters().keys()], ['weight'])
  assert.equal(numbers(layer.forward(tensor([[-1, 2, -4]]))), [-0.25, 2, -1])
})

test('RReLU: draws slopes in training', () => {
  manualSeed(1)
  const y = numbers(new nn.RReLU({ lower: 0.1, upper: 0.3 }).forward(ones([1000]).mul(-1)))
  assert.ok(y.every((value) => value <= -0.1 && value > -0.3))
  assert.ok(new Set(y).size > 900)
})

test('errors: unknown and impossible options', () => {
  assert.throws(() => new nn.Softplus({ betta: 1 } as never), "Softplus: unknown option 'betta'. Did you mean 'beta'?")
  assert.throws(() => new nn.RReLU({ lower: 1, upper: 0 }), 'RReLU: lower must be at most upper')
})
