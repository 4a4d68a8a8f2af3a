/**
 * @file A short training that saves often, for kill-resume.ts: goes on from the last checkpoint of a folder and leaves its curve there
 * when it is complete. `node --import tsx scripts/acceptance/kill-resume-run.ts FOLDER`; prints `training` when it begins.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accuracy, auc, crossEntropy, EarlyStopping, manualSeed, nn, optim, tensor, Trainer } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { DataLoader } from '../../lib/data/data-loader.ts'
import { TensorDataset } from '../../lib/data/tensor-dataset.ts'

const SAMPLES = 250
const FEATURES = 12

class Model extends nn.Module {
  first = new nn.Linear(FEATURES, 24)
  norm = new nn.BatchNorm2d(6)
  dropout = new nn.Dropout(0.2)
  second = new nn.Linear(24, 2)
  override forward(x: Tensor): Tensor {
    const hidden = this.norm.forward(this.first.forward(x).reshape([-1, 6, 2, 2])).flatten(1)
    return this.second.forward(this.dropout.forward(hidden.relu()))
  }
}

const folder = process.argv[2]!
mkdirSync(folder, { recursive: true })
manualSeed(7)
const model = new Model()
const trainer = new Trainer(model, {
  optimizer: new optim.AdamW(model.parameters(), { lr: 3e-3 }),
  loss: crossEntropy,
  metrics: { accuracy, auc: auc() },
  schedule: optim.warmup({ steps: 10, then: optim.reduceLROnPlateau({ patience: 1, factor: 0.5 }) }),
  clip: { norm: 1 },
  accumulate: 2,
  checkpoints: { dir: join(folder, 'checkpoints'), everySteps: 3 },
})
const samples = new TensorDataset(...made())
const train = new DataLoader(samples, { batchSize: 8, shuffle: true, seed: 3 })
const validation = new DataLoader(samples, { batchSize: 100 })
const callbacks = [
  new EarlyStopping({ patience: 100, restoreBest: true }),
  { onTrainBegin: () => console.log('training') },
]
const { steps, epochs } = await trainer.fit(train, { epochs: 12, validation, callbacks, verbose: 0, resume: true })

const hash = createHash('sha256')
for (const variable of model.stateDict().values()) hash.update(new Uint8Array((await variable.data()).buffer))
const curve = {
  steps: steps.map(({ step, epoch, loss, learningRate }) => ({ step, epoch, loss, learningRate })),
  epochs: epochs.map(({ epoch, metrics, learningRate, skipped }) => ({ epoch, metrics, learningRate, skipped })),
  weights: hash.digest('hex'),
}
writeFileSync(join(folder, 'curve.part'), JSON.stringify(curve))
renameSync(join(folder, 'curve.part'), join(folder, 'curve.json'))

/** Two clouds that overlap. */
function made(): [Tensor, Tensor] {
  const wave = (i: number) => Math.sin(i * 12.9898) * 43758.5453
  const noise = (i: number) => 2 * (wave(i) - Math.floor(wave(i))) - 1
  const labels = BigInt64Array.from({ length: SAMPLES }, (_, i) => BigInt(i % 2))
  const x = Float32Array.from({ length: SAMPLES * FEATURES }, (_, i) => noise(i) + 0.2 * (Math.floor(i / FEATURES) % 2))
  return [tensor(x, { shape: [SAMPLES, FEATURES] }), tensor(labels)]
}
