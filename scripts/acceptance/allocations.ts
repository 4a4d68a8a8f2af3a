/**
 * @file Point 6: a steady training step takes no memory on the engine's threads: no malloc and its kin, no mmap, no brk. Counted by a
 * small library that is compiled here and loaded before everything else (Linux with glibc).
 * `node --import tsx scripts/acceptance/allocations.ts [--steps N]`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SeedCNN } from '../bench/workloads/cnn.ts'
import { report, skip } from './report.ts'
import { adamStep, batchOf, loadImages, NoisyCNN } from './workload.ts'

const BATCH = 64
const WARM_UP = 10

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '500' }, counted: { type: 'boolean', default: false } },
})
if (values.counted) await count(Number(values.steps))
else preload()

/** Starts this script again below the library. */
function preload(): void {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  if (!report.header.glibcVersionRuntime) return skip('allocations', 'calls can be counted on Linux with glibc only')
  const folder = mkdtempSync(join(tmpdir(), 'tenon-allocations-'))
  try {
    const library = join(folder, 'count-allocations.so')
    const source = fileURLToPath(new URL('count-allocations.c', import.meta.url))
    const compiler = spawnSync(process.env.CC ?? 'cc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl'], {
      encoding: 'utf8',
    })
    if (compiler.status !== 0) throw new Error(`${source}: ${compiler.error?.message ?? compiler.stderr}`)
    const args = [...process.execArgv, fileURLToPath(import.meta.url), '--counted', '--steps', values.steps]
    const env = { ...process.env, LD_PRELOAD: library }
    process.exitCode = spawnSync(process.execPath, args, { env, stdio: 'inherit' }).status ?? 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function count(steps: number): Promise<void> {
  const images = await loadImages((WARM_UP + steps) * BATCH)
  const found: Record<string, { engine: number; others: number; from: string }> = {}
  for (const model of [new SeedCNN(), new NoisyCNN()]) {
    const step = adamStep(model)
    for (let i = 0; i < WARM_UP; i++) await step(...batchOf(images, i, BATCH))
    if (process.env.TENON_COUNT_START !== 'counting') throw new Error('the counting library is not loaded')
    for (let i = 0; i < steps; i++) await step(...batchOf(images, WARM_UP + i, BATCH))
    const [engine, others, ...from] = process.env.TENON_COUNT_STOP!.split(' ')
    found[model.constructor.name] = { engine: Number(engine), others: Number(others), from: from.join(' ') }
  }
  const bounds = Object.entries(found).map(([name, { engine }]) => ({
    name: `engineCalls${name}`,
    value: engine,
    most: 0,
  }))
  // Those of the JavaScript thread and of V8's own threads, to see that the count works.
  report('allocations', bounds, { steps, counts: found, data: images.source })
}
