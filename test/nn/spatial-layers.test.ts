/** @file Layers over signals, images and volumes: what they call, their sizes, borders and running statistics. */
import { cast, nn, ones, pad, randn, tensor, zeros } from 'tenon'
import * as ops from 'tenon'
import type { Tensor, Variable } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('spatial layers')

const list = async (t: Tensor | Variable) => Array.from((await t.data()) as Float32Array)
const close = (a: readonly number[], b: readonly number[], tolerance = 1e-6) => {
  assert.is(a.length, b.length)
  a.forEach((x, i) => assert.ok(Math.abs(x - b[i]) <= tolerance, `element ${i}: ${x} and ${b[i]}`))
}

const [signal, image, volume] = [randn([2, 4, 6]), randn([2, 4, 6, 5]), randn([2, 4, 4, 6, 5])]

/** A layer without parameters of its own values, what it is given, and what it should be equal to. */
const same: [layer: nn.Layer, x: Tensor, op: (x: Tensor) => Tensor][] = [
  [new nn.MaxPool1d(2, { stride: 1 }), signal, (x) => ops.maxPool1d(x, 2, { stride: 1 })],
  [new nn.MaxPool2d([2, 3]), image, (x) => ops.maxPool2d(x, [2, 3])],
  [new nn.MaxPool3d(2, { padding: 1 }), volume, (x) => ops.maxPool3d(x, 2, { padding: 1 })],
  [new nn.AvgPool1d(3), signal, (x) => ops.avgPool1d(x, 3)],
  [new nn.AvgPool2d(2, { ceilMode: true }), image, (x) => ops.avgPool2d(x, 2, { ceilMode: true })],
  [new nn.AvgPool3d([1, 2, 2]), volume, (x) => ops.avgPool3d(x, [1, 2, 2])],
  [new nn.LPPool1d(2, 3), signal, (x) => ops.lpPool1d(x, 2, 3)],
  [new nn.LPPool2d(2, 2), image, (x) => ops.lpPool2d(x, 2, 2)],
  [new nn.AdaptiveAvgPool1d(4), signal, (x) => ops.adaptiveAvgPool1d(x, 4)],
  [new nn.AdaptiveAvgPool2d([3, null]), image, (x) => ops.adaptiveAvgPool2d(x, [3, 5])],
  [new nn.AdaptiveAvgPool3d(2), volume, (x) => ops.adaptiveAvgPool3d(x, 2)],
  [new nn.AdaptiveMaxPool1d(4), signal, (x) => ops.adaptiveMaxPool1d(x, 4)],
  [new nn.AdaptiveMaxPool2d([3, null]), image, (x) => ops.adaptiveMaxPool2d(x, [3, 5])],
  [new nn.AdaptiveMaxPool3d(2), volume, (x) => ops.adaptiveMaxPool3d(x, 2)],
  [new nn.LocalResponseNorm(3, { alpha: 0.5 }), image, (x) => ops.localResponseNorm(x, 3, { alpha: 0.5 })],
  [new nn.GroupNorm(2, 4), image, (x) => ops.groupNorm(x, 2)],
  [new nn.RMSNorm([6, 5]), image, (x) => ops.rmsNorm(x, [6, 5])],
  [new nn.InstanceNorm1d(4), signal, (x) => ops.instanceNorm(x)],
  [new nn.InstanceNorm2d(4, { affine: true }), image, (x) => ops.instanceNorm(x)],
  [new nn.InstanceNorm3d(4), volume, (x) => ops.instanceNorm(x)],
  [new nn.InstanceNorm1d(2), randn([2, 6]), (x) => ops.instanceNorm(x.unsqueeze(0)).squeeze(0)],
  [new nn.BatchNorm3d(4, { trackRunningStats: false }), volume, (x) => ops.batchNorm(x, { training: true })],
  [new nn.Upsample({ scaleFactor: 2 }), signal, (x) => ops.interpolate(x, { scaleFactor: 2 })],
  [new nn.PixelShuffle(2), image, (x) => ops.pixelShuffle(x, 2)],
  [new nn.PixelUnshuffle(2), randn([1, 1, 4, 2]), (x) => ops.pixelUnshuffle(x, 2)],
  [new nn.ChannelShuffle(2), image, (x) => ops.channelShuffle(x, 2)],
  [new nn.Unfold([2, 3], { padding: 1 }), image, (x) => ops.unfold(x, [2, 3], { padding: 1 })],
  [new nn.Fold([3, 2], 1), signal, (x) => ops.fold(x, [3, 2], 1)],
  [new nn.ZeroPad1d(1), signal, (x) => pad(x, [1, 1])],
  [new nn.ZeroPad2d([1, 0, 2, 1]), image, (x) => pad(x, [1, 0, 2, 1])],
  [new nn.ZeroPad3d(1), volume, (x) => pad(x, [1, 1, 1, 1, 1, 1])],
  [new nn.ConstantPad1d([1, 2], 3), signal, (x) => pad(x, [1, 2], { value: 3 })],
  [new nn.ConstantPad2d(1, 3), image, (x) => pad(x, [1, 1, 1, 1], { value: 3 })],
  [new nn.ConstantPad3d(1, 3), volume, (x) => pad(x, [1, 1, 1, 1, 1, 1], { value: 3 })],
  [new nn.ReflectionPad1d(2), signal, (x) => pad(x, [2, 2], { mode: 'reflect' })],
  [new nn.ReflectionPad2d(1), image, (x) => pad(x, [1, 1, 1, 1], { mode: 'reflect' })],
  [new nn.ReflectionPad3d(1), volume, (x) => pad(x, [1, 1, 1, 1, 1, 1], { mode: 'reflect' })],
  [new nn.ReplicationPad1d(2), signal, (x) => pad(x, [2, 2], { mode: 'replicate' })],
  [new nn.ReplicationPad2d(1), image, (x) => pad(x, [1, 1, 1, 1], { mode: 'replicate' })],
  [new nn.ReplicationPad3d(1), volume, (x) => pad(x, [1, 1, 1, 1, 1, 1], { mode: 'replicate' })],
  [new nn.CircularPad1d(2), signal, (x) => pad(x, [2, 2], { mode: 'circular' })],
  [new nn.CircularPad2d(1), image, (x) => pad(x, [1, 1, 1, 1], { mode: 'circular' })],
  [new nn.CircularPad3d(1), volume, (x) => pad(x, [1, 1, 1, 1, 1, 1], { mode: 'circular' })],
  [new nn.Softmax2d(), image, (x) => ops.softmax(x, 1)],
  [new nn.Unflatten(1, [2, -1]), signal, (x) => x.reshape([2, 2, 2, 6])],
  ...[nn.Dropout1d, nn.AlphaDropout, nn.FeatureAlphaDropout].map((Layer): (typeof same)[number] => [
    new Layer(0.3).eval(),
    signal,
    (x) => x,
  ]),
]

for (const [layer, x, op] of same) {
  test(`${layer.toString()} on ${x.rank - 2} axes is its op`, async () => {
    const [y, want] = [layer.forward(x), op(x)]
    assert.equal(y.shape, want.shape)
    assert.equal(await list(y), await list(want))
  })
}

const sizes: [layer: nn.Layer, x: readonly number[], y: readonly number[], weight: readonly number[]][] = [
  [new nn.Conv1d(2, 3, 4, { padding: 'same' }), [1, 2, 5], [1, 3, 5], [3, 2, 4]],
  [new nn.Conv3d(2, 4, [1, 2, 3], { groups: 2 }), [1, 2, 3, 3, 3], [1, 4, 3, 2, 1], [4, 1, 1, 2, 3]],
  [new nn.ConvTranspose1d(2, 3, 3, { stride: 2 }), [1, 2, 4], [1, 3, 9], [2, 3, 3]],
  [new nn.ConvTranspose2d(2, 4, 3, { groups: 2, padding: 1 }), [1, 2, 4, 5], [1, 4, 4, 5], [2, 2, 3, 3]],
  [new nn.ConvTranspose3d(1, 2, 2, { bias: false }), [1, 1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 2, 2, 2]],
]

for (const [layer, x, y, weight] of sizes) {
  test(`${layer.toString()}: sizes`, () => {
    assert.equal(layer.forward(zeros(x)).shape, y)
    assert.equal(layer.namedParameters().get('weight')!.shape, weight)
  })
}

for (const paddingMode of ['reflect', 'replicate', 'circular'] as const) {
  test(`Conv2d: border '${paddingMode}' is that of pad`, async () => {
    const layer = new nn.Conv2d(4, 2, [3, 2], { padding: 'same', dilation: [1, 2], paddingMode })
    const want = ops.conv2d(pad(image, [1, 1, 1, 1], { mode: paddingMode }), layer.weight, layer.bias, {
      dilation: [1, 2],
    })
    assert.equal(await list(layer.forward(image)), await list(want))
  })
}

test('MaxUnpool: puts back what was taken', async () => {
  const { values, indices } = ops.maxPool2dWithIndices(tensor([[[1, 2, 0, 4]]]), [1, 2])
  assert.equal(await list(new nn.MaxUnpool2d([1, 2]).forward(values, indices)), [0, 2, 0, 4])
  assert.equal(new nn.MaxUnpool1d(2).forward(ones([1, 1, 2]), zeros([1, 1, 2]).cast('i64'), [5]).shape, [1, 1, 5])
  assert.equal(new nn.MaxUnpool3d(2).forward(ones([1, 1, 1, 1]), zeros([1, 1, 1, 1]).cast('i64')).shape, [1, 2, 2, 2])
})

test('BatchNorm: without momentum the running statistics are the mean of all so far', async () => {
  const layer = new nn.BatchNorm1d(1, { momentum: null })
  await layer.forward(tensor([[1], [3]])).data()
  await layer.forward(tensor([[4], [10]])).data()
  close(await list(layer.runningMean!), [(2 + 7) / 2])
  close(await list(layer.runningVar!), [(2 + 18) / 2])
  assert.is(await layer.numBatchesTracked!.item(), 2)
})

test('InstanceNorm: running statistics are means over the batch, which eval uses', async () => {
  const layer = new nn.InstanceNorm1d(1, { trackRunningStats: true, momentum: 0.5, eps: 0 })
  await layer.forward(tensor([[[1, 3]], [[4, 10]]])).data()
  close(await list(layer.runningMean!), [0.5 * 4.5])
  close(await list(layer.runningVar!), [0.5 + 0.5 * 10])
  close(await list(layer.eval().forward(tensor([[[2.25, 2.25 + Math.sqrt(5.5)]]]))), [0, 1])
})

test('dropout of channels: a channel is dropped as a whole, the others are scaled', async () => {
  for (const [op, shape] of [
    [ops.dropout1d, [20, 50, 3]],
    [ops.dropout2d, [20, 50, 2, 2]],
    [ops.dropout3d, [1000, 1, 2, 1]],
  ] as const) {
    const y = op(ones(shape), 0.25)
    const channels = await list(y.reshape([1000, -1]).mean(1))
    assert.ok(channels.every((mean) => mean === 0 || Math.abs(mean - 4 / 3) < 1e-6))
    const kept = channels.filter((mean) => mean > 0).length
    assert.ok(kept > 690 && kept < 810, `${kept} of 1000 kept`)
  }
})

test('alphaDropout: keeps mean and variance, drops to one number', async () => {
  for (const op of [ops.alphaDropout, ops.featureAlphaDropout]) {
    const y = cast(op(randn([200, 500, 1]), 0.3), 'f64')
    assert.ok(Math.abs(await y.mean().item()) < 0.03)
    assert.ok(Math.abs((await y.variance().item()) - 1) < 0.05)
    const counts = new Map<number, number>()
    for (const value of await list(y)) counts.set(value, (counts.get(value) ?? 0) + 1)
    assert.ok(Math.abs(Math.max(...counts.values()) / 100000 - 0.3) < 0.02)
  }
})

const wrong: [what: string, make: () => unknown, message: RegExp][] = [
  ['kernel', () => new nn.Conv1d(1, 1, 0), /kernelSize must be/],
  ['border', () => new nn.Conv2d(1, 1, 1, { paddingMode: 'mirror' as never }), /paddingMode is 'zeros'/],
  ['groups', () => new nn.ConvTranspose2d(3, 4, 1, { groups: 2 }), /groups must divide/],
  ['channels', () => new nn.GroupNorm(2, 4).forward(zeros([1, 3, 2])), /needs \[B, 4, ...\], got \[1, 3, 2\]/],
  ['rank', () => new nn.InstanceNorm2d(2).forward(zeros([2, 2])), /needs \[B, 2, H, W\] or \[2, H, W\]/],
  ['sides', () => new nn.ZeroPad2d([1, 2]), /padding must be one number or 4/],
  ['split', () => new nn.Unflatten(1, [4, -1]).forward(zeros([2, 6])), /does not split into \[4, -1\]/],
  ['volume', () => new nn.BatchNorm3d(2).forward(zeros([2, 2])), /needs \[B, 2, D, H, W\]/],
]

for (const [what, make, message] of wrong) test(`errors: ${what}`, () => assert.throws(make, message))
