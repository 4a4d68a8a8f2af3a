/** @file Metrics: numbers by hand, several batches, and what they say to wrong shapes. */
import * as assert from 'uvu/assert'
import * as tenon from '../../lib/index.ts'
import { TenonError, tensor } from '../../lib/index.ts'
import type { Metric, Tensor } from '../../lib/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('metrics')

/** Predicts 0, 1, 2, 1, 0 for 0, 1, 1, 1, 2. */
const logits = tensor([
  [2, 1, 0],
  [0, 3, 1],
  [0, 1, 2],
  [1, 2, 0],
  [5, 4, 3],
])
const labels = tensor([0n, 1n, 1n, 1n, 2n])
/** One logit a sample: predicts 1, 0, 1, 1, 0 for 1, 0, 0, 1, 1. */
const scores = tensor([2, -1, 0.5, 0.5, -3])
const truth = tensor([1n, 0n, 0n, 1n, 1n])

const cases: [title: string, metric: Metric, output: Tensor, target: Tensor, want: number][] = [
  ['accuracy', tenon.accuracy(), logits, labels, 3 / 5],
  ['accuracy of one logit', tenon.accuracy(), scores, truth, 3 / 5],
  ['accuracy of one logit [B, 1]', tenon.accuracy(), scores.reshape([5, 1]), truth, 3 / 5],
  ['accuracy leaves out ignoreIndex', tenon.accuracy({ ignoreIndex: 2 }), logits, labels, 3 / 4],
  [
    'accuracy of one-hot targets',
    tenon.accuracy(),
    logits,
    tensor([
      [1, 0, 0],
      [0, 1, 0],
      [0, 1, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]),
    3 / 5,
  ],
  ['top 2', tenon.topK(2), logits, labels, 4 / 5],
  ['top 3', tenon.topK(3), logits, labels, 1],
  ['confusion matrix: its diagonal', tenon.confusionMatrix(), logits, labels, 3 / 5],
  ['precision: macro for three classes', tenon.precision(), logits, labels, (1 / 2 + 1 + 0) / 3],
  ['recall: macro', tenon.recall(), logits, labels, (1 + 2 / 3 + 0) / 3],
  ['f1: macro', tenon.f1(), logits, labels, (2 / 3 + 4 / 5 + 0) / 3],
  ['f1: weighted', tenon.f1({ average: 'weighted' }), logits, labels, (2 / 3 + (3 * 4) / 5) / 5],
  ['f1: micro', tenon.f1({ average: 'micro' }), logits, labels, 3 / 5],
  ['precision: binary for two', tenon.precision(), scores, truth, 2 / 3],
  ['recall: binary', tenon.recall(), scores, truth, 2 / 3],
  ['recall: of the other class', tenon.recall({ positive: 0 }), scores, truth, 1 / 2],
  // Of 3 x 2 pairs: 2 beats both, 0.5 beats -1 and ties with 0.5, -3 beats none.
  ['auc', tenon.auc(), scores, truth, 3.5 / 6],
  ['auc of two logits', tenon.auc(), tenon.stack([scores.mul(-0.5), scores.mul(0.5)], 1), truth, 3.5 / 6],
  ['mae', tenon.mae(), tensor([1, 2, 4]), tensor([1, 4, 1]), 5 / 3],
  ['mse', tenon.mse(), tensor([1, 2, 4]), tensor([1, 4, 1]), 13 / 3],
  ['rmse', tenon.rmse(), tensor([[1], [2], [4]]), tensor([1, 4, 1]), Math.sqrt(13 / 3)],
  ['perplexity of a uniform guess', tenon.perplexity(), tenon.zeros([4, 7]), tensor([0n, 1n, 2n, -100n]), 7],
]
for (const [title, metric, output, target, want] of cases) {
  test(title, async () => {
    const check = (got: number) => assert.ok(Math.abs(got - want) < 1e-6, `${got}, wanted ${want}`)
    await metric.update(output, target)
    check(metric.compute())
    metric.reset()
    // In two batches, with a stop between them.
    const n = output.shape[0]!
    await metric.update(output.narrow(0, 0, 2), target.narrow(0, 0, 2))
    const state: unknown = JSON.parse(JSON.stringify(metric.state!()))
    metric.reset()
    metric.load!(state)
    await metric.update(output.narrow(0, 2, n - 2), target.narrow(0, 2, n - 2))
    check(metric.compute())
  })
}

test('confusionMatrix: counts true classes in rows', async () => {
  const metric = tenon.confusionMatrix()
  await metric.update(logits, labels)
  assert.equal(metric.counts(), [
    [1, 0, 0],
    [0, 2, 1],
    [1, 0, 0],
  ])
})

test('auc: of three classes is the mean of each against the rest', async () => {
  const metric = tenon.auc()
  await metric.update(
    tensor([
      [9, 0, 0],
      [0, 9, 0],
      [0, 0, 9],
    ]),
    tensor([0n, 1n, 2n]),
  )
  assert.is(metric.compute(), 1)
})

test('auc: NaN where only one class is there', async () => {
  const metric = tenon.auc()
  await metric.update(tensor([1, 2]), tensor([1n, 1n]))
  assert.ok(Number.isNaN(metric.compute()))
})

test('accuracy: a function of a batch gives a tensor', async () => {
  assert.ok(Math.abs((await tenon.accuracy(logits, labels).item()) - 0.6) < 1e-6)
})

const refused: [title: string, work: () => unknown, code: string, phrase: RegExp][] = [
  [
    'labels of another number',
    () => tenon.accuracy(logits, truth.narrow(0, 0, 3)),
    'SHAPE',
    /labels must be \[5\] for logits \[5, 3\]/,
  ],
  ['an unknown average', () => tenon.f1({ average: 'mean' as never }), 'VALUE', /average is/],
  ['an unknown option', () => tenon.f1({ averge: 'macro' } as never), 'OPTION', /Did you mean 'average'/],
  [
    'a label beyond the classes',
    () => tenon.confusionMatrix().update(logits, tensor([0n, 1n, 1n, 1n, 3n])),
    'INDEX',
    /label must lie in \[0, 3\)/,
  ],
  ['k = 0', () => tenon.topK(0), 'VALUE', /k must be/],
]
for (const [title, work, code, phrase] of refused) {
  test(`refuses ${title}`, async () => {
    const error = await Promise.resolve()
      .then(work)
      .then(
        () => null,
        (e: TenonError) => e,
      )
    assert.is(error?.code, code)
    assert.match(error!.message, phrase)
  })
}
