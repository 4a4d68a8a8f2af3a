/**
 * @file Point 9, first half: worker threads that train are ended at random moments of their lives, by terminate() or by their own
 * process.exit(): no crash, no hang, and those that stay compute on.
 * `node --import tsx scripts/acceptance/workers.ts [--count N] [--at-once N] [--seed N]`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { ones } from '../../lib/index.ts'
import { addon } from '../../lib/engine/addon.ts'
import { startWorker } from '../../test/support/worker.ts'
import { Memory, report, round } from './report.ts'

const END_WITHIN_MS = 20_000

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000' },
    'at-once': { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
  },
})
const count = Number(values.count)

const ended = { early: 0, running: 0, byItself: 0 }
const errors: string[] = []
const memory = new Memory()
const random = randomFrom(Number(values.seed))
let hangs = 0
let wrongSums = 0
let started = 0
let slowest = 0
await Promise.all(Array.from({ length: Number(values['at-once']) }, startAndEnd))
report(
  'workers',
  [
    { name: 'hangs', value: hangs, most: 0 },
    { name: 'errors', value: errors.length, most: 0 },
    { name: 'wrongSums', value: wrongSums, most: 0 },
    { name: 'stillInFlight', value: addon().stats().inFlight, most: 0 },
  ],
  { count, ended, slowestEndMs: round(slowest), growthMb: round(memory.growthMb), firstErrors: errors.slice(0, 3) },
)
process.exit()

/** One worker after the other. */
async function startAndEnd(): Promise<void> {
  while (started < count) {
    const scale = ++started
    memory.sample(scale / count)
    const kind = random()
    const exitAfter = kind < 0.15 ? 30 * random() : null
    const worker = startWorker(new URL('./worker-run.ts', import.meta.url), { workerData: { exitAfter } })
    worker.on('error', (error) => errors.push(String(error)))
    const exit = new Promise<true>((resolve) => worker.once('exit', () => resolve(true)))
    const slept = kind < 0.3 ? sleep(400 * random()) : isRunning(worker).then(() => sleep(20 * random()))
    if (exitAfter !== null) ended.byItself++
    else {
      await slept
      ended[kind < 0.3 ? 'early' : 'running']++
      void worker.terminate()
    }
    const start = performance.now()
    const timeout = new AbortController()
    const late = sleep(END_WITHIN_MS, false, { signal: timeout.signal }).catch(() => false)
    if (!(await Promise.race([exit, late]))) hangs++
    timeout.abort()
    if (exitAfter === null) slowest = Math.max(slowest, performance.now() - start)
    // The main thread shares the engine's threads with them.
    if ((await ones([1000]).mul(scale).sum().item()) !== 1000 * scale) wrongSums++
  }
}

/** Once its first step is done; or when it ends before that. */
function isRunning(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('message', () => resolve())
    worker.once('exit', () => resolve())
  })
}

/** In [0, 1): the same again for the same seed (Park & Miller 1988). */
function randomFrom(seed: number): () => number {
  let x = seed
  return () => (x = (x * 48271) % 2147483647) / 2147483647
}
