/**
 * @file A training of 20 epochs on a folder of picture files, decoded and kept by a worker thread: memory stays flat, the event loop free, and the
 * engine hardly ever waits for a batch. `node --import tsx scripts/acceptance/epochs.ts [--epochs N] [--pictures N] [--workers N]
 * [--p99 MS] [--worst MS] [--wait SHARE] [--growth MB]`
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { accuracy, crossEntropy, data, optim, Trainer } from '../../lib/index.ts'
import type { Callback } from '../../lib/index.ts'
import { drawDigits } from '../../lib/vision/digits.ts'
import { collectGarbage } from '../process-memory.ts'
import { SeedCNN } from '../bench/workloads/cnn.ts'
import { Memory, report, round } from './report.ts'
import { at, watchTimer } from './timer.ts'

const SIDE = 28
const BATCH = 64

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '20' },
    pictures: { type: 'string', default: '6400' },
    workers: { type: 'string', default: '1' },
    p99: { type: 'string', default: '10' },
    worst: { type: 'string', default: '50' },
    wait: { type: 'string', default: '0.05' },
    growth: { type: 'string', default: '16' },
  },
})
const [epochs, pictures, workers] = [Number(values.epochs), Number(values.pictures), Number(values.workers)]
const folder = await mkdtemp(join(tmpdir(), 'tenon-epochs-'))
try {
  await main()
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  await writePictures()
  const pictureSet = data.cached(await data.imageFolder(folder, { colour: 'grey' }))
  const loader = new data.DataLoader(pictureSet, {
    batchSize: BATCH,
    shuffle: true,
    seed: 1,
    workers,
  })
  const idle = watchTimer()
  await sleep(3000)
  const idleLate = await idle.stop()

  const model = new SeedCNN()
  const memory = new Memory()
  const numSteps = epochs * Math.ceil(pictures / BATCH)
  let timer: ReturnType<typeof watchTimer> | null = null
  // The first epoch starts the worker, compiles and warms up; the rest is measured.
  const watch: Callback = {
    async onEpochBegin(_, epoch) {
      if (epoch !== 2) return
      await collectGarbage()
      timer = watchTimer()
    },
    onStepEnd: (_, { step }) => memory.sample(step / numSteps),
  }
  const trainer = new Trainer(model, {
    optimizer: new optim.Adam(model.parameters(), { lr: 1e-3 }),
    loss: crossEntropy,
    metrics: { accuracy },
  })
  const history = await trainer.fit(loader, { epochs, verbose: 0, callbacks: [watch] })
  const late = await timer!.stop()
  const waits = history.epochs.slice(1).map(({ waitShare }) => waitShare)
  report(
    'epochs',
    [
      { name: 'p99LateMs', value: at(late, 0.99), most: Number(values.p99) },
      { name: 'worstLateMs', value: at(late, 1), most: Number(values.worst) },
      { name: 'growthMb', value: memory.growthMb, most: Number(values.growth) },
      { name: 'waitShare', value: waits.reduce((a, b) => a + b) / waits.length, most: Number(values.wait) },
    ],
    {
      idle: { p99LateMs: at(idleLate, 0.99), worstLateMs: at(idleLate, 1) },
      worstWaitShare: round(Math.max(...waits)),
      accuracy: round(history.epochs.at(-1)!.metrics.accuracy!),
      samplesPerSecond: Math.round(history.epochs.at(-1)!.samplesPerSecond),
      steps: trainer.step,
      memoryMb: memory.lateMb,
      ticks: late.length,
    },
  )
}

/** Drawn digits as PNG files, a folder for each class. */
async function writePictures(): Promise<void> {
  const { images, labels } = drawDigits({ seed: 1, first: 0, count: pictures })
  for (let digit = 0; digit < 10; digit++) await mkdir(join(folder, String(digit)))
  for (let i = 0; i < pictures; i++) {
    const pixels = images.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE)
    const picture = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    await picture.png().toFile(join(folder, String(labels[i]), `${i}.png`))
  }
}
