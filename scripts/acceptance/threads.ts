/**
 * @file Point 5: losses, and every variable after the last step, are equal bit for bit on any number of threads; also with dropout and
 * batch normalisation. `node --import tsx scripts/acceptance/threads.ts [--steps N] [--threads 1,2,4]`.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { manualSeed } from '../../lib/index.ts'
import { SeedCNN } from '../bench/workloads/cnn.ts'
import { report } from './report.ts'
import { adamStep, batchOf, loadImages, NoisyCNN } from './workload.ts'

const BATCH = 64

/** Of one model: each loss as the hex of its float32, and a hash of all variables. */
interface Trace {
  readonly losses: readonly string[]
  readonly variables: string
}

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '30' },
    threads: { type: 'string', default: '1,2,4' },
    child: { type: 'boolean', default: false },
  },
})
const steps = Number(values.steps)
if (values.child) console.log(JSON.stringify(await trainAll()))
else compare(values.threads.split(','))

function compare(counts: readonly string[]): void {
  const runs = counts.map((threads) => inChild(threads))
  const differing = counts.filter((_, i) => JSON.stringify(runs[i]) !== JSON.stringify(runs[0]))
  const figures = {
    steps,
    counts,
    differingCounts: differing,
    lastLosses: runs.map((run) => run.map((t) => t.losses[steps - 1])),
  }
  report('threads', [{ name: 'differing', value: differing.length, most: 0 }], figures)
}

function inChild(threads: string): Trace[] {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), '--child', '--steps', values.steps]
  const env = { ...process.env, TENON_THREADS: threads }
  return JSON.parse(execFileSync(process.execPath, args, { env, encoding: 'utf8' })) as Trace[]
}

async function trainAll(): Promise<Trace[]> {
  const traces: Trace[] = []
  for (const Model of [SeedCNN, NoisyCNN]) {
    manualSeed(7)
    const images = await loadImages(steps * BATCH)
    const model = new Model()
    const step = adamStep(model)
    const losses: string[] = []
    for (let i = 0; i < steps; i++) losses.push(hexOf(await (await step(...batchOf(images, i, BATCH))).data()))
    const hash = createHash('sha256')
    for (const variable of model.stateDict().values()) hash.update(hexOf(await variable.data()))
    traces.push({ losses, variables: hash.digest('hex') })
  }
  return traces
}

function hexOf({ buffer }: { buffer: ArrayBufferLike }): string {
  return Buffer.from(buffer).toString('hex')
}
