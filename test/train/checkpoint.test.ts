/** @file Checkpoints: going on from any moment is bit for bit; what is on the disk is whole at every moment; old ones are read. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import {
  accuracy,
  auc,
  bestCheckpoint,
  crossEntropy,
  EarlyStopping,
  latestCheckpoint,
  listCheckpoints,
  nn,
  optim,
  rand,
  tensor,
  TenonError,
  Trainer,
} from '../../lib/index.ts'
import type { Callback, TrainerOptions } from '../../lib/index.ts'
import { readCheckpoint, writeCheckpoint } from '../../lib/train/checkpoint.ts'
import { curve, newFolder, smallLoader, smallSet, smallTrainer, weightsOf } from '../support/small-training.ts'
import { suite } from '../support/suite.ts'

// timeout: 240
const test = suite('checkpoint')
const quiet = { verbose: 0 } as const
const caught = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: TenonError) => error,
  )
const folders: string[] = []
const folder = () => {
  const made = newFolder()
  folders.push(made)
  return made
}
test.after(() => folders.forEach((path) => rmSync(path, { recursive: true, force: true })))

const options = (dir: string | null): Partial<TrainerOptions> => ({
  metrics: { accuracy, auc: auc() },
  schedule: optim.warmup({ steps: 5, then: optim.reduceLROnPlateau({ patience: 0, factor: 0.5 }) }),
  clip: { norm: 1 },
  ...(dir ? { checkpoints: { dir, everySteps: 1, keepLast: 100 } } : {}),
})
const fitOptions = () => ({
  epochs: 3,
  validation: smallSet(20),
  callbacks: [new EarlyStopping({ patience: 9, restoreBest: true })],
  ...quiet,
})

for (const accumulate of [1, 3]) {
  test(`resume: from every step the curve goes on bit for bit; accumulate: ${accumulate}`, async () => {
    const plain = smallTrainer({ ...options(null), accumulate })
    const whole = curve(await plain.fit(smallLoader(), fitOptions()))
    const dir = folder()
    const saving = smallTrainer({ ...options(dir), accumulate })
    assert.equal(curve(await saving.fit(smallLoader(), fitOptions())), whole)
    const all = await listCheckpoints(dir)
    assert.is(all.length, accumulate === 1 ? 21 : 9)
    for (const { path, step } of all) {
      const trainer = smallTrainer({ ...options(null), accumulate })
      // Whatever was drawn before does not count.
      await rand([3]).data()
      const history = await trainer.fit(smallLoader(), { ...fitOptions(), resume: path })
      assert.equal(curve(history), whole, `from step ${step}`)
      assert.is(await weightsOf(trainer), await weightsOf(plain), `from step ${step}`)
    }
  })
}

test('resume: sources without a position are read over', async () => {
  const batches = Array.from({ length: 6 }, (_, i) => [tensor([[i, 1, 2, 3]]), tensor([BigInt(i % 3)])])
  const whole = curve(await smallTrainer().fit(batches, { epochs: 2, ...quiet }))
  const dir = folder()
  const saving: Callback = { onStepEnd: (trainer, { step }) => (step === 8 ? trainer.save(join(dir, 'a')) : undefined) }
  await smallTrainer().fit(batches, { epochs: 2, callbacks: [saving], ...quiet })
  const history = await smallTrainer().fit(batches, { epochs: 2, resume: join(dir, 'a'), ...quiet })
  assert.equal(curve(history), whole)
})

test('resume: true begins where there is nothing, and finds nothing to do where all is done', async () => {
  const dir = folder()
  const make = () => smallTrainer({ checkpoints: dir })
  const first = await make().fit(smallLoader(), { epochs: 2, resume: true, ...quiet })
  const again = await make().fit(smallLoader(), { epochs: 2, resume: true, ...quiet })
  assert.equal(curve(again), curve(first))
  assert.is((await make().fit(smallLoader(), { epochs: 3, resume: true, ...quiet })).epochs.length, 3)
})

test('stop() by a callback is final, an AbortSignal is not', async () => {
  const dir = folder()
  const make = () => smallTrainer({ checkpoints: dir })
  const abort = new AbortController()
  const aborting: Callback = { onStepEnd: (_, { step }) => void (step === 3 && abort.abort()) }
  const stopped = await make().fit(smallLoader(), { epochs: 2, callbacks: [aborting], signal: abort.signal, ...quiet })
  assert.is(stopped.stopped, 'aborted')
  assert.is(stopped.steps.length, 3)
  const stopping: Callback = { onStepEnd: (trainer, { step }) => void (step === 5 && trainer.stop()) }
  assert.is(
    (await make().fit(smallLoader(), { epochs: 2, resume: true, callbacks: [stopping], ...quiet })).steps.length,
    5,
  )
  assert.is((await make().fit(smallLoader(), { epochs: 2, resume: true, ...quiet })).steps.length, 5)
})

test('keeps the last k and the best; best by what is monitored', async () => {
  const dir = folder()
  const values = [5, 1, 4, 3, 6]
  const metric = { name: 'given', reset: () => {}, update: () => {}, compute: () => values[trainer.epoch]! }
  const checkpoints = { dir, keepLast: 2, monitor: 'given', mode: 'min' as const }
  const trainer: Trainer = smallTrainer({ metrics: [metric], checkpoints })
  await trainer.fit(smallLoader(), { epochs: 5, ...quiet })
  assert.equal(
    (await listCheckpoints(dir)).map(({ step }) => step),
    [14, 28, 35],
  )
  assert.match((await bestCheckpoint(dir))!, /step-00000014$/)
  assert.match((await bestCheckpoint(dir, { mode: 'max' }))!, /step-00000035$/)
  assert.match((await latestCheckpoint(dir))!, /step-00000035$/)
})

test('refuses to mix with checkpoints of another training, and cleans up what was left', async () => {
  const dir = folder()
  await smallTrainer({ checkpoints: dir }).fit(smallLoader(), quiet)
  const left = ['.step-00000001.0123456789ab.tmp', '.step-00000002.0123456789ab.del', '.step-00000007.0123456789ab.old']
  left.forEach((name) => mkdirSync(join(dir, name)))
  // Its successor never came: it is all there is.
  mkdirSync(join(dir, '.step-00000003.0123456789ab.old'))
  const error = await caught(smallTrainer({ checkpoints: dir }).fit(smallLoader(), quiet))
  assert.is(error?.code, 'STATE')
  assert.match(error!.message, /holds 1 checkpoints of another training, up to step 7.*resume: true/)
  assert.equal(readdirSync(dir).sort(), ['step-00000003', 'step-00000007'])
})

test('save: replaces what was there; load finds the old one when it was interrupted in between', async () => {
  const dir = folder()
  const path = join(dir, 'mine')
  const trainer = smallTrainer()
  await trainer.save(path)
  await trainer.fit(smallLoader(), quiet)
  await trainer.save(path)
  assert.equal(readdirSync(dir), ['mine'])
  renameSync(path, join(dir, '.mine.0123456789ab.old'))
  const other = smallTrainer()
  await other.load(path)
  assert.is(other.step, 7)
  assert.is(await weightsOf(other), await weightsOf(trainer))
})

test('an error in the training saves what was trained', async () => {
  const dir = folder()
  const failing: Callback = {
    onStepEnd: (_, { step }) => (step === 4 ? Promise.reject(new Error('no luck')) : undefined),
  }
  const error = await caught(
    smallTrainer({ checkpoints: dir }).fit(smallLoader(), { epochs: 2, callbacks: [failing], ...quiet }),
  )
  assert.match(error!.message, /no luck \(saved before that: .*step-00000004\)/)
  const history = await smallTrainer({ checkpoints: dir }).fit(smallLoader(), { epochs: 2, resume: true, ...quiet })
  assert.equal(curve(history), curve(await smallTrainer().fit(smallLoader(), { epochs: 2, ...quiet })))
})

test('a full disk: an error that says so, the earlier ones stay, nothing is left aside', async () => {
  const dir = folder()
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96k', 'tmpfs', dir]).status !== 0) return
  try {
    const trainer = smallTrainer({ checkpoints: { dir, everySteps: 1, keepLast: 1000 } })
    const error = await caught(trainer.fit(smallLoader(), { epochs: 50, ...quiet }))
    assert.match(error!.message, /cannot be written: ENOSPC.*Earlier ones are as they were/)
    const all = await listCheckpoints(dir)
    assert.ok(all.length > 0)
    for (const { path } of all) await readCheckpoint(path)
    assert.is(readdirSync(dir).length, all.length)
    const other = join(folder(), 'elsewhere')
    await trainer.save(other)
    const [kept, resumed] = [smallTrainer(), smallTrainer()]
    await kept.load(dir)
    await resumed.load(other)
    assert.is(kept.step, all.at(-1)!.step)
    assert.is(resumed.step, kept.step + 1)
  } finally {
    spawnSync('umount', [dir])
  }
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal}: ends after the running step, saves, and can go on`, async () => {
    const dir = folder()
    const program = `
      import { smallLoader, smallTrainer } from './test/support/small-training.ts'
      const begun = { onStepEnd: (_, { step }) => step === 5 && console.log('running') }
      const { stopped } = await smallTrainer({ checkpoints: ${JSON.stringify(dir)} }).fit(smallLoader(), { epochs: 1e6, verbose: 0, callbacks: [begun] })
      console.log('stopped by ' + stopped)`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program])
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (chunk.toString().includes('running')) child.kill(signal)
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    assert.is(code, signal === 'SIGINT' ? 130 : 143)
    assert.match(output, new RegExp(`stopped by ${signal}`))
    const { step, epoch } = (await readCheckpoint((await latestCheckpoint(dir))!)).data as {
      step: number
      epoch: number
    }
    const epochs = epoch + 1
    const history = await smallTrainer({ checkpoints: dir }).fit(smallLoader(), { epochs, resume: true, ...quiet })
    assert.ok(step >= 5 && history.steps.length === 7 * epochs)
    assert.equal(curve(history), curve(await smallTrainer().fit(smallLoader(), { epochs, ...quiet })))
  })
}

test('an old checkpoint, of format version 1, is read', async () => {
  const model = new nn.Sequential(new nn.Linear(2, 4), new nn.Tanh(), new nn.Linear(4, 2))
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 })
  const trainer = new Trainer(model, {
    optimizer,
    loss: crossEntropy,
    metrics: { accuracy },
    schedule: optim.exponentialLR({ gamma: 0.5 }),
  })
  await trainer.load('test/fixtures/checkpoint-v1')
  assert.is(trainer.step, 9)
  assert.is(trainer.history.steps.length, 9)
  assert.equal(
    trainer.history.epochs.map(({ epoch }) => epoch),
    [1, 2, 3],
  )
  assert.is(optimizer.paramGroups[0]!.lr, 0.0125)
  const corners = tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])
  const logits = await model.forward(corners).data()
  const want = [-0.09364796, -0.39361167, -0.03049451, -0.43041188, -0.94896698, -0.23775418, -0.27716351, -0.38028365]
  want.forEach((value, i) => assert.ok(Math.abs(Number(logits[i]) - value) < 1e-5))
  const callbacks = [new EarlyStopping({ restoreBest: true })]
  const { epochs } = await trainer.fit([[corners, tensor([0n, 1n, 1n, 0n])]], { epochs: 4, callbacks, ...quiet })
  assert.is(epochs.length, 4)
})

/** What is done to a checkpoint, and what is said of it. */
const damages: [title: string, spoil: (path: string) => void, code: string, phrase: RegExp][] = [
  ['a folder that is not there', (path) => rmSync(path, { recursive: true }), 'FORMAT', /there is no such folder/],
  [
    'a missing file',
    (path) => rmSync(join(path, 'model.safetensors')),
    'FORMAT',
    /model.safetensors: cannot be opened/,
  ],
  [
    'a cut file',
    (path) =>
      writeFileSync(join(path, 'model.safetensors'), readFileSync(join(path, 'model.safetensors')).subarray(0, 99)),
    'FORMAT',
    /model.safetensors/,
  ],
  [
    'JSON that is none',
    (path) => writeFileSync(join(path, 'checkpoint.json'), '{'),
    'FORMAT',
    /checkpoint.json: is not JSON/,
  ],
  ['another format', (path) => edit(path, (data) => (data.format = 'x')), 'FORMAT', /no checkpoint of tenon/],
  [
    'a newer version',
    (path) => edit(path, (data) => (data.version = 2)),
    'FORMAT',
    /has format version 2, this tenon reads up to 1/,
  ],
  [
    'a path among its files',
    (path) => edit(path, (data) => (data.files = ['../../x'])),
    'FORMAT',
    /'files' must be a list of names/,
  ],
  [
    'a step that is none',
    (path) => edit(path, (data) => (data.step = -1)),
    'FORMAT',
    /'step' is not as it should be: -1/,
  ],
  ['no random state', (path) => edit(path, (data) => delete data.random), 'FORMAT', /'random' is not as it should be/],
  [
    'another optimiser',
    (path) => edit(path, (data) => ((data.optimizer as { name: string }).name = 'SGD')),
    'STATE',
    /is of the optimiser SGD, not Adam/,
  ],
  [
    'a schedule',
    (path) => edit(path, (data) => (data.schedule = { bases: [1], time: { step: 0, epoch: 0 }, memory: null })),
    'STATE',
    /was written with a schedule/,
  ],
]
for (const [title, spoil, code, phrase] of damages) {
  test(`load: refuses ${title}`, async () => {
    const path = join(folder(), 'a')
    await smallTrainer().save(path)
    spoil(path)
    const error = await caught(smallTrainer().load(path))
    assert.is(error?.code, code)
    assert.match(error!.message, phrase)
  })
}

test('numbers that JSON does not know come back', async () => {
  const path = join(folder(), 'a')
  const numbers = [NaN, Infinity, -Infinity, -0, 0.1]
  await writeCheckpoint(path, { tensors: {}, data: { numbers } })
  assert.equal((await readCheckpoint(path)).data.numbers, numbers)
})

test('kill -9 at random moments, a few times: the curve is the same, nothing is lost', () => {
  const script = fileURLToPath(new URL('../../scripts/acceptance/kill-resume.ts', import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, '--kills', '3'], {
    encoding: 'utf8',
  })
  assert.is(status, 0, stdout + stderr)
})

function edit(path: string, change: (data: Record<string, unknown>) => void): void {
  const file = join(path, 'checkpoint.json')
  const data = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  change(data)
  writeFileSync(file, JSON.stringify(data))
}
