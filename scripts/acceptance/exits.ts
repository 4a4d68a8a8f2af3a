/**
 * @file Point 9, further: a process that ends by process.exit(), or by an uncaught exception, while it trains, ends at once and with its
 * own exit code. `node --import tsx scripts/acceptance/exits.ts [--count N]`.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SeedCNN } from '../bench/workloads/cnn.ts'
import { report } from './report.ts'
import { adamStep, batchOf, loadImages } from './workload.ts'

const EXIT_CODE = 7
const END_WITHIN_MS = 60_000

const { values } = parseArgs({
  options: { count: { type: 'string', default: '20' }, child: { type: 'boolean', default: false } },
})
if (values.child) await trainAndEnd()
else await startAll(Number(values.count))

async function startAll(count: number): Promise<void> {
  const outcomes: string[] = []
  for (let i = 0; i < count; i++) outcomes.push(await outcomeOf(i % 2 === 0 ? String(EXIT_CODE) : '1'))
  const wrong = outcomes.filter((outcome) => outcome !== '')
  report('exits', [{ name: 'wrongExits', value: wrong.length, most: 0 }], { count, first: wrong.slice(0, 3) })
}

/** What was not as expected, or nothing. */
function outcomeOf(expected: string): Promise<string> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), '--child']
  const env = { ...process.env, TENON_EXIT_BY: expected === '1' ? 'exception' : 'exit', TENON_DATA: 'none' }
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { env, stdio: 'ignore', timeout: END_WITHIN_MS, killSignal: 'SIGKILL' })
    child.on('close', (code, signal) =>
      resolve(String(code) === expected ? '' : `ended with ${signal ?? code}, not ${expected}`),
    )
  })
}

async function trainAndEnd(): Promise<void> {
  const images = await loadImages(640)
  const step = adamStep(new SeedCNN())
  await step(...batchOf(images, 0, 64))
  setTimeout(() => {
    if (process.env.TENON_EXIT_BY === 'exit') process.exit(EXIT_CODE)
    throw new Error('an uncaught exception')
  }, 50 * Math.random())
  for (let i = 0; ; i++) await Promise.all([step(...batchOf(images, i, 64)), step(...batchOf(images, i + 1, 64))])
}
