/** @file Losses and layers of two inputs as modules: each gives what its function gives; options, names, state. */
import * as assert from 'uvu/assert'
import * as tenon from '../../lib/index.ts'
import { nn } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { fromTensors } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'

const test = suite('losses')

const x = tenon.tensor([0.1, 0.7, 0.4, 0.9, 0.2, 0.3], { shape: [2, 3] })
const y = tenon.tensor([0.3, 0.6, 0.8, 0.1, 0.5, 0.2], { shape: [2, 3] })
const z = tenon.tensor([0.5, 0.4, 0.1, 0.7, 0.6, 0.9], { shape: [2, 3] })
const labels = tenon.tensor([2n, 0n])
const signs = tenon.tensor([1, -1])
const several = tenon.tensor([2, -1, 0, 1, 0, -1], { shape: [2, 3], dtype: 'i64' })
const probabilities = (t: Tensor) => t.reshape([2, 1, 3])

const pairs: [string, Tensor, Tensor][] = [
  ['SmoothL1Loss', new nn.SmoothL1Loss({ beta: 0.2 }).forward(x, y), tenon.smoothL1Loss(x, y, { beta: 0.2 })],
  ['L1Loss', new nn.L1Loss({ reduction: 'sum' }).forward(x, y), tenon.l1Loss(x, y, { reduction: 'sum' })],
  ['MSELoss', new nn.MSELoss().forward(x, y), tenon.mseLoss(x, y)],
  ['HuberLoss', new nn.HuberLoss({ delta: 0.2 }).forward(x, y), tenon.huberLoss(x, y, { delta: 0.2 })],
  ['PoissonNLLLoss', new nn.PoissonNLLLoss().forward(x, y), tenon.poissonNllLoss(x, y)],
  ['GaussianNLLLoss', new nn.GaussianNLLLoss().forward(x, y, z), tenon.gaussianNllLoss(x, y, z)],
  ['SoftMarginLoss', new nn.SoftMarginLoss().forward(x, y), tenon.softMarginLoss(x, y)],
  ['BCELoss', new nn.BCELoss({ weight: z }).forward(x, y), tenon.binaryCrossEntropy(x, y, { weight: z })],
  [
    'BCEWithLogitsLoss',
    new nn.BCEWithLogitsLoss({ posWeight: z }).forward(x, y),
    tenon.binaryCrossEntropyWithLogits(x, y, { posWeight: z }),
  ],
  ['MultiLabelSoftMarginLoss', new nn.MultiLabelSoftMarginLoss().forward(x, y), tenon.multilabelSoftMarginLoss(x, y)],
  [
    'KLDivLoss',
    new nn.KLDivLoss({ reduction: 'batchmean' }).forward(x, y),
    tenon.klDiv(x, y, { reduction: 'batchmean' }),
  ],
  ['FocalLoss', new nn.FocalLoss({ gamma: 1 }).forward(x, y), tenon.focalLoss(x, y, { gamma: 1 })],
  [
    'DiceLoss',
    new nn.DiceLoss().forward(probabilities(x), probabilities(y)),
    tenon.diceLoss(probabilities(x), probabilities(y)),
  ],
  ['HingeEmbeddingLoss', new nn.HingeEmbeddingLoss().forward(x, several), tenon.hingeEmbeddingLoss(x, several)],
  ['MultiMarginLoss', new nn.MultiMarginLoss({ p: 2 }).forward(x, labels), tenon.multiMarginLoss(x, labels, { p: 2 })],
  ['MultiLabelMarginLoss', new nn.MultiLabelMarginLoss().forward(x, several), tenon.multilabelMarginLoss(x, several)],
  ['NLLLoss', new nn.NLLLoss({ ignoreIndex: 0 }).forward(x, labels), tenon.nllLoss(x, labels, { ignoreIndex: 0 })],
  [
    'CrossEntropyLoss',
    new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }).forward(x, labels),
    tenon.crossEntropy(x, labels, { labelSmoothing: 0.1 }),
  ],
  [
    'MarginRankingLoss',
    new nn.MarginRankingLoss({ margin: 1 }).forward(x, y, x),
    tenon.marginRankingLoss(x, y, x, { margin: 1 }),
  ],
  ['CosineEmbeddingLoss', new nn.CosineEmbeddingLoss().forward(x, y, signs), tenon.cosineEmbeddingLoss(x, y, signs)],
  [
    'TripletMarginLoss',
    new nn.TripletMarginLoss({ swap: true }).forward(x, y, z),
    tenon.tripletMarginLoss(x, y, z, { swap: true }),
  ],
  [
    'TripletMarginWithDistanceLoss',
    new nn.TripletMarginWithDistanceLoss().forward(x, y, z),
    tenon.tripletMarginWithDistanceLoss(x, y, z),
  ],
  [
    'CTCLoss',
    new nn.CTCLoss().forward(x.unsqueeze(1), tenon.tensor([1n]), 2, 1),
    tenon.ctcLoss(x.unsqueeze(1), tenon.tensor([1n]), 2, 1),
  ],
  ['CosineSimilarity', new nn.CosineSimilarity({ axis: 0 }).forward(x, y), tenon.cosineSimilarity(x, y, { axis: 0 })],
  ['PairwiseDistance', new nn.PairwiseDistance({ p: 1 }).forward(x, y), tenon.pairwiseDistance(x, y, { p: 1 })],
]

for (const [name, got, want] of pairs)
  test(`${name}: is its function`, () => {
    const [a, b] = fromTensors([got, want])
    assert.equal(a, b)
    assert.ok(a.data.every(Number.isFinite))
  })

test('losses: options are checked when they are made; a variable as weight is in the state', () => {
  assert.throws(
    () => new nn.CrossEntropyLoss({ labelsmoothing: 1 } as never),
    /CrossEntropyLoss: unknown option.*labelSmoothing/,
  )
  const weight = new tenon.Variable(tenon.ones([3]), { trainable: false })
  assert.equal([...new nn.CrossEntropyLoss({ weight }).stateDict().keys()], ['weight'])
  assert.is(String(new nn.HuberLoss({ delta: 2 })), 'HuberLoss(delta: 2)')
})

test('Bilinear: names and shapes of PyTorch', () => {
  const layer = new nn.Bilinear(2, 3, 4)
  assert.equal(
    [...layer.namedParameters()].map(([name, { shape }]) => [name, [...shape]]),
    [
      ['weight', [4, 2, 3]],
      ['bias', [4]],
    ],
  )
  assert.equal(layer.forward(tenon.ones([5, 2]), tenon.ones([5, 3])).shape, [5, 4])
  assert.is(new nn.Bilinear(2, 3, 4, { bias: false }).bias, null)
})

test('EmbeddingBag and Embedding: pretrained weights are frozen unless asked', () => {
  const frozen = nn.Embedding.fromPretrained(x, { paddingIdx: 1 })
  assert.equal([frozen.parameters().length, frozen.paddingIdx, frozen.numEmbeddings], [0, 1, 2])
  const bag = nn.EmbeddingBag.fromPretrained(x, { freeze: false, mode: 'sum' })
  assert.is(bag.parameters().length, 1)
  const [got] = fromTensors([bag.forward(tenon.tensor([0, 1], { shape: [1, 2], dtype: 'i64' }))])
  assert.ok(Math.abs(got.data[1] - 0.9) < 1e-6)
  assert.is(String(new nn.EmbeddingBag(3, 2, { maxNorm: 1 })), "EmbeddingBag(3, 2, maxNorm: 1, mode: 'mean')")
})

test('AdaptiveLogSoftmaxWithLoss: probabilities add up to 1, the output is that of the target', () => {
  tenon.manualSeed(1)
  const model = new nn.AdaptiveLogSoftmaxWithLoss(8, 10, [3, 6], { divValue: 2, headBias: true })
  const input = tenon.randn([4, 8])
  const target = tenon.tensor([0n, 2n, 5n, 9n])
  const all = model.logProb(input)
  const { output, loss } = model.forward(input, target)
  const own = all.gather(1, target.unsqueeze(1)).squeeze(1)
  const [sums, got, want, mean, best] = fromTensors([all.exp().sum(1), output, own, loss, model.predict(input)])
  assert.ok(sums.data.every((s) => Math.abs(s - 1) < 1e-5))
  got.data.forEach((value, i) => assert.ok(Math.abs(value - want.data[i]) < 1e-5))
  assert.ok(Math.abs(mean.data[0] + got.data.reduce((a, b) => a + b) / 4) < 1e-6)
  assert.equal(best.shape, [4])
  assert.equal(
    [...model.stateDict().keys()],
    ['head.weight', 'head.bias', 'tail.0.0.weight', 'tail.0.1.weight', 'tail.1.0.weight', 'tail.1.1.weight'],
  )
  for (const bad of [10n, -1n])
    assert.throws(() => model.forward(input, tenon.tensor([0n, 1n, bad, 2n])).loss.itemSync(), /INDEX|must lie in/)
  assert.throws(() => new nn.AdaptiveLogSoftmaxWithLoss(8, 10, [3, 3]), /a cutoff/)
  assert.throws(() => model.forward(input, tenon.tensor([1n])), /targets \[N\]/)
})
