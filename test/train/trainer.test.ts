/** @file Trainer: what it computes, against loops by hand; its hooks; and what it does when something goes wrong. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import {
  accuracy,
  auc,
  autocast,
  crossEntropy,
  EarlyStopping,
  manualSeed,
  mseLoss,
  nn,
  optim,
  tensor,
  TenonError,
  Trainer,
  trainStep,
  Variable,
} from '../../lib/index.ts'
import type { Callback, Metric, Tensor } from '../../lib/index.ts'
import { DataLoader } from '../../lib/data/data-loader.ts'
import { curve, SmallModel, smallLoader, smallSet, smallTrainer, weightsOf } from '../support/small-training.ts'
import { suite } from '../support/suite.ts'

const test = suite('trainer')
const quiet = { verbose: 0 } as const
const caught = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: TenonError) => error,
  )

for (const compile of [true, false]) {
  test(`fit: is the loop by hand, bit for bit; compile: ${compile}`, async () => {
    const trainer = smallTrainer({ compile, clip: { norm: 0.5 } })
    const { steps } = await trainer.fit(smallLoader(), { epochs: 2, ...quiet })
    manualSeed(11)
    const model = new SmallModel()
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 })
    const gradients = (params: readonly Variable[]) => void optim.clipGradNorm(params, 0.5)
    const step = trainStep(model, optimizer, (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y), { gradients })
    const losses: number[] = []
    const loader = smallLoader()
    for (let epoch = 0; epoch < 2; epoch++)
      for await (const [x, y] of loader) losses.push(await (await step(x!, y!)).item())
    assert.equal(
      steps.map(({ loss }) => loss),
      losses,
    )
  })
}

test('fit: a history of epochs and steps, counted from 1', async () => {
  const trainer = smallTrainer({ metrics: { accuracy, auc: auc() } })
  const history = await trainer.fit(smallSet(), { epochs: 3, batchSize: 10, validation: smallSet(), ...quiet })
  assert.equal(
    history.epochs.map(({ epoch }) => epoch),
    [1, 2, 3],
  )
  assert.equal(
    history.steps.map(({ step }) => step),
    Array.from({ length: 15 }, (_, i) => i + 1),
  )
  const [first, , last] = history.epochs
  assert.equal(Object.keys(first!.metrics), ['loss', 'accuracy', 'auc', 'val_loss', 'val_accuracy', 'val_auc'])
  assert.ok(last!.metrics.val_loss! < first!.metrics.val_loss!)
  assert.ok(last!.samplesPerSecond > 0 && last!.memoryBytes > 1e6 && last!.waitShare >= 0 && last!.waitShare <= 1)
  await trainer.fit(smallSet(), { epochs: 1, batchSize: 10, ...quiet })
  assert.is(trainer.epoch, 4)
  assert.is(trainer.step, 20)
})

test('fit: the loss of an epoch is the mean over samples', async () => {
  const trainer = smallTrainer()
  const { epochs, steps } = await trainer.fit(smallLoader(), { epochs: 1, ...quiet })
  const sizes = [8, 8, 8, 8, 8, 8, 2]
  const mean = steps.reduce((sum, { loss }, i) => sum + loss * sizes[i]!, 0) / 50
  assert.ok(Math.abs(epochs[0]!.metrics.loss! - mean) < 1e-12)
})

test('accumulate: batches together make the step of a larger one', async () => {
  const steps = async (batchSize: number, accumulate: number) => {
    manualSeed(3)
    const model = new nn.Sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.Linear(8, 3))
    const trainer = new Trainer(model, {
      optimizer: new optim.SGD(model.parameters(), { lr: 0.5 }),
      loss: crossEntropy,
      accumulate,
    })
    const { steps } = await trainer.fit(new DataLoader(smallSet(), { batchSize }), { epochs: 3, ...quiet })
    return steps.map(({ loss }) => loss)
  }
  // 50 samples: 13 batches of 4; groups of 3 with a last one of 1 batch, and of 2 samples at that.
  const [few, many] = [await steps(12, 1), await steps(4, 3)]
  assert.is(few.length, 15)
  assert.is(many.length, 15)
  few.forEach((loss, i) => assert.ok(Math.abs(loss - many[i]!) < 1e-5, `step ${i + 1}: ${many[i]}, wanted ${loss}`))
})

test('autocast: the loop by hand under autocast, bit for bit; evaluation and prediction under it, too', async () => {
  const trainer = smallTrainer({ autocast: 'bf16' })
  const { steps } = await trainer.fit(smallLoader(), { epochs: 2, ...quiet })
  manualSeed(11)
  const model = new SmallModel()
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 })
  const lossOf = (x: Tensor, y: Tensor) => autocast('bf16', () => crossEntropy(model.forward(x), y))
  const losses: number[] = []
  const loader = smallLoader()
  for (const compile of [false, true]) {
    const step = trainStep(model, optimizer, lossOf, { compile })
    for await (const [x, y] of loader) losses.push(await (await step(x!, y!)).item())
  }
  assert.equal(
    steps.map(({ loss }) => loss),
    losses,
  )
  const [x, y] = smallSet().tensors
  model.eval()
  assert.is((await trainer.evaluate(smallSet(), { batchSize: 50 })).loss, await lossOf(x, y).item())
  assert.is((await trainer.predict(x, { batchSize: 50 })).dtype, 'bf16')
})

test("autocast: 'f16' scales the loss; steps with an overflow count as skipped; a resumed fit goes on bit for bit", async () => {
  for (const accumulate of [1, 2]) {
    const make = () => {
      const trainer = smallTrainer({ autocast: 'f16', clip: { norm: 1 }, accumulate })
      const [large] = trainer.model.parameters()
      return { trainer, large: large! }
    }
    const { trainer, large } = make()
    const folder = mkdtempSync(join(tmpdir(), 'tenon-f16-'))
    try {
      await trainer.save(join(folder, 'start'))
      const whole = await trainer.fit(smallLoader(), { epochs: 2, ...quiet })
      assert.is(whole.steps.length + whole.epochs[0]!.skipped + whole.epochs[1]!.skipped, accumulate === 1 ? 14 : 8)
      assert.ok(whole.epochs[1]!.metrics.loss! < whole.epochs[0]!.metrics.loss!)
      const first = make()
      await first.trainer.load(join(folder, 'start'))
      await first.trainer.fit(smallLoader(), { epochs: 1, ...quiet })
      await first.trainer.save(join(folder, 'middle'))
      const second = make()
      await second.trainer.load(join(folder, 'middle'))
      await second.trainer.fit(smallLoader(), { epochs: 2, ...quiet })
      assert.equal(await second.large.data(), await large.data())
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
})

test('schedule: sets the rate of each step', async () => {
  const trainer = smallTrainer({ schedule: optim.warmup({ steps: 4, then: optim.stepLR({ stepSize: 1 }) }) })
  const { steps } = await trainer.fit(smallLoader(), { epochs: 2, ...quiet })
  const rates = steps.map(({ learningRate }) => Number(learningRate.toFixed(9)))
  assert.equal(rates, [0.0025, 0.005, 0.0075, 0.01, 0.01, 0.01, 0.01, ...new Array<number>(7).fill(0.001)])
})

test('evaluate: the model in its mode for use; modes and running sums stay', async () => {
  const trainer = smallTrainer({ metrics: { accuracy } })
  const model = trainer.model as SmallModel
  model.dropout.training = false
  const { loss, accuracy: share } = await trainer.evaluate(smallSet())
  assert.ok(model.training && !model.dropout.training)
  const [x, y] = smallSet().tensors
  model.eval()
  assert.ok(Math.abs(loss! - (await crossEntropy(model.forward(x), y).item())) < 1e-6)
  assert.ok(Math.abs(share! - (await accuracy(model.forward(x), y).item())) < 1e-6)
})

test('evaluate: within an epoch does not disturb its sums', async () => {
  const callback: Callback = { onStepEnd: async (trainer) => void (await trainer.evaluate(smallSet(20))) }
  const plain = await smallTrainer({ metrics: { accuracy } }).fit(smallLoader(), quiet)
  const disturbed = await smallTrainer({ metrics: { accuracy } }).fit(smallLoader(), {
    ...quiet,
    callbacks: [callback],
  })
  assert.equal(curve(disturbed), curve(plain))
})

test('predict: outputs of all samples, from tensors and from batches with targets', async () => {
  const trainer = smallTrainer()
  const set = smallSet()
  const [x] = set.tensors
  const one = await trainer.predict(x, { batchSize: 16 })
  assert.equal([...one.shape], [50, 3])
  trainer.model.eval()
  const whole = await (trainer.model as SmallModel).forward(x).data()
  const differences = [...(await one.data())].map((value, i) => Math.abs(Number(value) - Number(whole[i])))
  assert.ok(Math.max(...differences) < 1e-5)
  assert.equal(await (await trainer.predict(set, { batchSize: 16 })).data(), await one.data())
})

test('forward: batches and models of other forms', async () => {
  const model = new nn.Linear(4, 1)
  const trainer = new Trainer(model, {
    optimizer: new optim.SGD(model.parameters(), { lr: 0.01 }),
    forward: (_, batch: { features: Tensor; value: Tensor }) => ({
      output: { y: model.forward(batch.features) },
      target: batch.value,
    }),
    loss: ({ y }, value) => mseLoss(y, value),
    metrics: { mean: ({ y }) => y.mean() },
  })
  const batches = [{ features: tensor([[1, 2, 3, 4]]), value: tensor([[1]]) }]
  const { epochs } = await trainer.fit(batches, { epochs: 4, ...quiet })
  assert.ok(epochs[3]!.metrics.loss! < epochs[0]!.metrics.loss!)
})

test('compile: traces a few times, not once a batch', async () => {
  let calls = 0
  const forward = (model: nn.Module, [x, y]: [Tensor, Tensor]) => {
    calls++
    return { output: (model as SmallModel).forward(x), target: y }
  }
  await smallTrainer({ forward }).fit(new DataLoader(smallSet(), { batchSize: 2 }), { epochs: 1, ...quiet })
  assert.is(calls, 2)
  calls = 0
  await smallTrainer({ forward, compile: false }).fit(new DataLoader(smallSet(), { batchSize: 2 }), {
    epochs: 1,
    ...quiet,
  })
  assert.is(calls, 25)
})

test('compile: a loss that depends on a number that changes is not frozen', async () => {
  const run = async (compile: boolean) => {
    let calls = 0
    const loss = (output: Tensor, target: Tensor) => crossEntropy(output, target).mul(1 + calls++)
    return curve(await smallTrainer({ compile, loss }).fit(smallLoader(), { epochs: 1, ...quiet }))
  }
  const slow = (await run(false)) as { steps: { loss: number }[] }
  const fast = (await run(true)) as { steps: { loss: number }[] }
  // Tracing calls it as well, so the numbers differ; but each step has one of its own.
  const ratio = (a: { steps: { loss: number }[] }, i: number) => a.steps[i + 1]!.loss / a.steps[i]!.loss
  assert.ok(ratio(slow, 3) > 1.1 && ratio(fast, 3) > 1.1, `${ratio(slow, 3)} ${ratio(fast, 3)}`)
})

test('callbacks: in order, awaited; stop() ends after the running step', async () => {
  const calls: string[] = []
  const log = (text: string) => new Promise<void>((resolve) => setTimeout(() => (calls.push(text), resolve()), 1))
  const callback: Callback = {
    onTrainBegin: () => log('begin'),
    onEpochBegin: (_, epoch) => log(`epoch ${epoch}`),
    onStepEnd: async (trainer, { step }) => {
      await log(`step ${step}`)
      if (step === 9) trainer.stop('enough')
    },
    onValidationBegin: () => log('validation'),
    onValidationEnd: (_, { loss }) => log(`validated ${loss! > 0}`),
    onEpochEnd: (_, { epoch, metrics }) => log(`done ${epoch} ${Object.keys(metrics).join()}`),
    onTrainEnd: (_, { stopped }) => log(`end: ${stopped}`),
  }
  const trainer = smallTrainer()
  await trainer.fit(smallLoader(), { epochs: 3, validation: smallSet(), callbacks: [callback], ...quiet })
  const steps = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `step ${from + i}`)
  const first = ['begin', 'epoch 1', ...steps(1, 7), 'validation', 'validated true', 'done 1 loss,val_loss']
  assert.equal(calls, [...first, 'epoch 2', ...steps(8, 9), 'end: enough'])
  assert.throws(() => trainer.stop(), /no fit is running/)
})

test('EarlyStopping: ends after patience, and brings the best weights back', async () => {
  const results = [3, 1, 2, 2, 2, 2]
  const metric: Metric = { name: 'given', reset: () => {}, update: () => {}, compute: () => results[trainer.epoch]! }
  const trainer = smallTrainer({ metrics: { given_loss: metric } })
  const stopping = new EarlyStopping({ monitor: 'given_loss', patience: 1, restoreBest: true })
  let best = ''
  const watch: Callback = { onEpochEnd: async (t, { epoch }) => void (epoch === 2 && (best = await weightsOf(t))) }
  const { epochs, stopped } = await trainer.fit(smallLoader(), { epochs: 6, callbacks: [stopping, watch], ...quiet })
  assert.is(epochs.length, 4)
  assert.match(stopped!, /no progress since epoch 2/)
  assert.equal(stopping.best, { epoch: 2, value: 1 })
  assert.is(await weightsOf(trainer), best)
})

/** The third batch has a NaN in it. */
const spoiled = () =>
  Array.from(
    { length: 5 },
    (_, i) => [tensor([[1, 2, i === 2 ? NaN : 3, i]]), tensor([BigInt(i % 3)])] as [Tensor, Tensor],
  )

for (const accumulate of [1, 2]) {
  test(`a loss that is not finite: names the step, and nothing was written; accumulate: ${accumulate}`, async () => {
    const trainer = smallTrainer({ accumulate })
    const error = await caught(trainer.fit(spoiled(), quiet))
    assert.match(error!.message, /the loss is not finite at step (2|3) \(epoch 1, batch 3\)/)
    assert.is(trainer.step, accumulate === 1 ? 2 : 1)
    const other = smallTrainer({ accumulate })
    await other.fit(spoiled().slice(0, 2), quiet)
    assert.is(await weightsOf(trainer), await weightsOf(other))
  })
}

test("onNaN: 'skip' goes on as if the batch were not there", async () => {
  const trainer = smallTrainer({ onNaN: 'skip' })
  const { epochs, steps } = await trainer.fit(spoiled(), quiet)
  assert.is(steps.length, 4)
  assert.is(epochs[0]!.skipped, 1)
  assert.ok(Number.isFinite(epochs[0]!.metrics.loss!))
  const other = smallTrainer()
  await other.fit(
    spoiled().filter((_, i) => i !== 2),
    quiet,
  )
  assert.is(await weightsOf(trainer), await weightsOf(other))
  const none = await caught(smallTrainer({ onNaN: 'skip' }).fit(spoiled().slice(2, 3), quiet))
  assert.match(none!.message, /none of the 1 batches of epoch 1/)
})

test('clip.norm: a gradient that is not finite is found as well', async () => {
  const model = new nn.Linear(1, 1)
  // sqrt has an infinite slope at 0.
  const loss = (y: Tensor, t: Tensor) => y.sub(y.detach()).abs().sqrt().add(t).mean()
  const trainer = new Trainer(model, { optimizer: new optim.SGD(model.parameters()), loss, clip: { norm: 1 } })
  const error = await caught(trainer.fit([[tensor([[1]]), tensor([[1]])]], quiet))
  assert.match(error!.message, /the gradient is not finite at step 1/)
})

const throwing = (when: 'update' | 'compute' | 'reset'): Metric => {
  const act = (what: string) => {
    if (what === when && trainingStep.now === 3) throw new Error('out of luck')
  }
  return {
    name: 'bad',
    reset: () => act('reset'),
    update: async () => act('update'),
    compute: () => (act('compute'), 1),
  }
}
const trainingStep = { now: 0 }
const count: Callback = {
  onTrainBegin: () => void (trainingStep.now = 1),
  onStepEnd: (_, { step }) => void (trainingStep.now = step + 1),
}

test('a metric that throws: the message names it and the step, and the step is not lost', async () => {
  const trainer = smallTrainer({ metrics: { bad: throwing('update') } })
  const error = await caught(trainer.fit(smallLoader(), { callbacks: [count], ...quiet }))
  assert.match(error!.message, /the metric 'bad' failed at step 3 \(epoch 1, batch 3\): out of luck/)
  assert.is(trainer.history.steps.length, 3)
})

test('a metric function that throws while the graph is built is named, too', async () => {
  const trainer = smallTrainer({ metrics: { wrong: (output) => output.matmul(output) } })
  assert.match(
    (await caught(trainer.fit(smallLoader(), quiet)))!.message,
    /the metric 'wrong' failed at step 1 \(epoch 1, batch 1\): matmul/,
  )
  assert.match(
    (await caught(trainer.evaluate(smallSet())))!.message,
    /the metric 'wrong' failed in the evaluation, at batch 1/,
  )
})

test("onMetricError: 'skip' makes it NaN and goes on", async () => {
  const trainer = smallTrainer({ metrics: { bad: throwing('update'), accuracy }, onMetricError: 'skip' })
  const { epochs } = await trainer.fit(smallLoader(), { callbacks: [count], ...quiet })
  assert.ok(Number.isNaN(epochs[0]!.metrics.bad!) && epochs[0]!.metrics.accuracy! >= 0)
})

test('a label out of range: the message names the step', async () => {
  const error = await caught(smallTrainer().fit([[tensor([[1, 2, 3, 4]]), tensor([5n])]], quiet))
  assert.is(error!.code, 'INDEX')
  assert.match(error!.message, /failed at step 1 \(epoch 1, batch 1\).*\[0, 3\), got 5/)
})

test('findLearningRate: grows the rate, suggests one, and leaves no trace', async () => {
  const trainer = smallTrainer()
  const before = await weightsOf(trainer)
  const { rates, losses, suggestion } = await trainer.findLearningRate(smallSet(), {
    from: 1e-5,
    to: 10,
    steps: 40,
    batchSize: 10,
  })
  assert.is(rates.length, losses.length)
  assert.ok(suggestion! > 1e-5 && suggestion! < 10)
  assert.is(await weightsOf(trainer), before)
  assert.equal(curve(await trainer.fit(smallLoader(), quiet)), curve(await smallTrainer().fit(smallLoader(), quiet)))
})

test('verbose: 0 prints nothing, 1 a line an epoch where there is no terminal', () => {
  const program = (verbose: number) => `
    import { smallLoader, smallTrainer } from './test/support/small-training.ts'
    await smallTrainer().fit(smallLoader(), { epochs: 2, verbose: ${verbose} })`
  const run = (verbose: number) =>
    spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program(verbose)], {
      encoding: 'utf8',
    }).stdout
  assert.is(run(0), '')
  const lines = run(1).trim().split('\n')
  assert.is(lines.length, 2)
  assert.match(lines[0]!, /^epoch 1\/2 {2}loss \d.* {2}lr 0.01 {2}.* s {2}.* samples\/s {2}.* MiB {2}waited .* %/)
})

const refused: [title: string, work: () => unknown, code: string, phrase: RegExp][] = [
  ['unknown options', () => smallTrainer({ metric: {} } as never), 'OPTION', /Did you mean 'metrics'/],
  [
    'unknown options of fit',
    () => smallTrainer().fit(smallSet(), { epoch: 3 } as never),
    'OPTION',
    /Did you mean 'epochs'/,
  ],
  ['a metric named loss', () => smallTrainer({ metrics: { loss: accuracy } }), 'VALUE', /cannot be named 'loss'/],
  [
    'a metric that is none',
    () => smallTrainer({ metrics: { a: 3 as never } }),
    'VALUE',
    /must be a function or a Metric/,
  ],
  ['clip with another name', () => smallTrainer({ clip: { maxNorm: 1 } as never }), 'OPTION', /It takes: norm, value/],
  ['no data', () => smallTrainer().fit(null as never), 'VALUE', /needs data, got null/],
  ['data without batches', () => smallTrainer().fit([], quiet), 'VALUE', /gave no batch in epoch 1/],
  [
    'batches without target',
    () => smallTrainer().fit([[tensor([[1, 2, 3, 4]])]] as never, quiet),
    'VALUE',
    /needs batches \[x, target\]/,
  ],
  [
    'resume: true without a folder',
    () => smallTrainer().fit(smallSet(), { resume: true }),
    'VALUE',
    /needs the option checkpoints/,
  ],
]
for (const [title, work, code, phrase] of refused) {
  test(`refuses ${title}`, async () => {
    const error = await caught(Promise.resolve().then(work))
    assert.is(error?.code, code)
    assert.match(error!.message, phrase)
  })
}
