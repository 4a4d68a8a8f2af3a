/** @file Progress: a bar on a terminal, lines elsewhere, nothing when asked for nothing. */
import { PassThrough } from 'node:stream'
import * as assert from 'uvu/assert'
import { Progress } from '../../lib/train/progress.ts'
import type { Status, Verbose } from '../../lib/train/progress.ts'
import { suite } from '../support/suite.ts'

const test = suite('progress')

const status: Status = {
  epoch: 1,
  epochs: 2,
  batch: 5,
  batches: 10,
  loss: 0.25,
  samplesPerSecond: 1234,
  secondsLeft: 61,
}
const record = {
  ...{ epoch: 1, seconds: 2, metrics: { loss: 0.125, accuracy: 0.5 }, learningRate: 1e-4, samplesPerSecond: 1234.5 },
  ...{ memoryBytes: 2 ** 27, waitShare: 0.012, skipped: 3 },
}

/** What an epoch writes. */
async function written(verbose: Verbose, isTTY: boolean, shown: Status = status): Promise<string> {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 200 })
  const progress = new Progress(verbose, stream as unknown as NodeJS.WriteStream)
  await progress.begin({ ...shown, batch: 0 })
  progress.step(shown)
  progress.end(record, 2, 30)
  return ((stream.read() as Buffer | null) ?? '').toString()
}

const LINE =
  'epoch 1/2  loss 0.125  accuracy 0.5  lr 1.00e-4  2.00 s  1235 samples/s  128 MiB  waited 1.2 %  skipped 3 batches  left 30.0 s\n'

test('a line an epoch where there is no terminal', async () => assert.is(await written(1, false), LINE))
test('verbose: 2 is lines on a terminal, too', async () => assert.is(await written(2, true), LINE))
test('verbose: 0 is nothing', async () => assert.is(await written(0, true), ''))
test('a bar on a terminal, with loss, throughput, memory and time left', async () => {
  const text = await written(1, true)
  assert.match(text, /epoch 1\/2 \[\u2588+\u2591+\] 5\/10 {2}loss 0.25 {2}1234 samples\/s {2}.* MiB {2}left 1 min 01 s/)
  assert.ok(text.endsWith(LINE))
})
test('a count where the number of batches is not known', async () => {
  assert.match(
    await written(1, true, { ...status, batches: null, secondsLeft: null }),
    /epoch 1\/2 {2}5 batches {2}loss 0.25/,
  )
})
