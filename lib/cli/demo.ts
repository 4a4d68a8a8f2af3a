/** @file `tenon demo`: trains a network to read digits, tells how well it does, and keeps it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as eventLoop } from 'node:timers/promises'
import { DataLoader } from '../data/data-loader.ts'
import { loadMnist } from '../data/mnist.ts'
import type { Labelled, Mnist } from '../data/mnist.ts'
import { TensorDataset } from '../data/tensor-dataset.ts'
import { saveSafetensors } from '../io/safetensors.ts'
import { crossEntropy, tensor } from '../ops/index.ts'
import { Adam } from '../optim/adam.ts'
import { exponentialLR } from '../optim/schedule.ts'
import { manualSeed } from '../random.ts'
import { accuracy } from '../train/metrics.ts'
import { Trainer } from '../train/trainer.ts'
import { version } from '../version.ts'
import { DigitNet } from '../vision/digit-net.ts'
import { drawDigits } from '../vision/digits.ts'
import { accuracyOf, answersOf, showByDigit, showPictures, SIDE } from './demo-answers.ts'

export interface DemoOptions {
  /** A folder with MNIST; without it, drawn digits. */
  readonly data?: string
  readonly seed: number
  readonly epochs?: number
  /** The folder for the results. */
  readonly out: string
}

const NUM_TRAIN = 20_000
const NUM_TEST = 5_000
const [BATCH, TEST_BATCH] = [64, 500]
/** Everyone draws the same set, so that accuracies can be compared. */
const DRAWING_SEED = 1

/** Runs the demo; the last line is `test accuracy 0.9912 in 41.3 s`. False where Ctrl-C ended the training early. */
export async function demo(options: DemoOptions): Promise<boolean> {
  const start = performance.now()
  const { out, seed, epochs = options.data ? 5 : 3 } = options
  await mkdir(out, { recursive: true }) // now, not when there is something to lose
  const { train, test } = options.data ? await loadMnist(options.data) : await drawnDigits()
  const kind = options.data ? 'handwritten' : 'drawn'
  console.log(`${train.labels.size} ${kind} digits to learn from, ${test.labels.size} to be tested with`)

  manualSeed(seed)
  const model = new DigitNet()
  console.log(`a network of ${model.numParameters} parameters, ${epochs} epoch${epochs === 1 ? '' : 's'}`)
  const trainer = new Trainer(model, {
    optimizer: new Adam(model.parameters(), { lr: 1e-3 }),
    loss: crossEntropy,
    metrics: { accuracy },
    schedule: exponentialLR({ gamma: 0.4 }),
  })
  const validation = new DataLoader(new TensorDataset(test.images, test.labels), { batchSize: TEST_BATCH })
  const batches = new DataLoader(new TensorDataset(train.images, train.labels), { batchSize: BATCH, shuffle: true })
  const { stopped } = await trainer.fit(batches, { epochs, validation })

  const answers = await answersOf(await trainer.predict(validation), test)
  const testAccuracy = accuracyOf(answers)
  console.log(`\n${showByDigit(answers)}\n${showPictures(answers)}`)
  await save(model, out, { data: kind, seed, epochs: trainer.epoch, testAccuracy })
  const command = commandOf(options)
  const report = await trainer.report(out, {
    title: 'A network that reads digits',
    data: validation,
    commands: [command],
  })
  console.log(`the report: ${report}`)
  console.log(`test accuracy ${testAccuracy.toFixed(4)} in ${((performance.now() - start) / 1000).toFixed(1)} s`)
  return stopped === undefined
}

/** A thousand at a time: the event loop is not held for seconds. */
async function drawnDigits(): Promise<Mnist> {
  const part = 1000
  const draw = async (from: number, count: number): Promise<Labelled> => {
    const [images, labels] = [new Uint8Array(count * SIDE * SIDE), new Uint8Array(count)]
    for (let at = 0; at < count; at += part) {
      const drawn = drawDigits({ seed: DRAWING_SEED, first: from + at, count: Math.min(part, count - at) })
      images.set(drawn.images, at * SIDE * SIDE)
      labels.set(drawn.labels, at)
      await eventLoop()
    }
    return { images: tensor(images, { shape: [count, SIDE, SIDE], transfer: true }), labels: tensor(labels) }
  }
  return { train: await draw(0, NUM_TRAIN), test: await draw(NUM_TRAIN, NUM_TEST) }
}

async function save(model: DigitNet, folder: string, about: Readonly<Record<string, unknown>>): Promise<void> {
  const config = { model: 'DigitNet', tenon: version(), input: 'u8 [B, 28, 28], white on black', ...about }
  await saveSafetensors(join(folder, 'model.safetensors'), model.stateDict())
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
  console.log(`the model: ${join(folder, 'model.safetensors')}, config.json beside it`)
}

/** What does the same again. */
function commandOf({ data, seed, epochs }: DemoOptions): string {
  const given = Object.entries({ data, seed, epochs }).filter(([, value]) => value !== undefined)
  return ['npx tenon demo', ...given.map(([name, value]) => `--${name} ${value}`)].join(' ')
}
