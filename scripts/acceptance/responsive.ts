/**
 * @file Point 4, first half: while a model trains on every core, a 5 ms timer of the same process is not late, and memory
 * does not grow. `node --import tsx scripts/acceptance/responsive.ts [--seconds S] [--p99 MS] [--worst MS]`.
 */
import { parseArgs } from 'node:util'
import { megabytes, report, residentBytes } from './report.ts'
import { adamStep, batchOf, loadImages, SeedCNN } from './workload.ts'

const TICK_MS = 5
const BATCH = 64
const GROWTH_MB = 16

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    p99: { type: 'string', default: '10' },
    worst: { type: 'string', default: '50' },
  },
})
const seconds = Number(values.seconds)
await main()

async function main(): Promise<void> {
  const images = await loadImages(100 * BATCH)
  const step = adamStep(new SeedCNN())
  // The first steps compile and warm up; what they cost is paid once.
  for (let i = 0; i < 10; i++) await step(...batchOf(images, i, BATCH))

  const stop = { now: false }
  const timer = watchTimer(stop)
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  let steps = 0
  let early = 0
  for (; elapsed() < seconds; steps++) {
    await step(...batchOf(images, steps, BATCH))
    if (!early && elapsed() > 0.2 * seconds) early = residentBytes()
  }
  const growth = residentBytes() - early
  stop.now = true
  const late = (await timer).sort((a, b) => a - b)
  const at = (share: number) => late[Math.min(late.length - 1, Math.floor(share * late.length))] ?? NaN
  report(
    'responsive',
    [
      { name: 'p99LateMs', value: at(0.99), most: Number(values.p99) },
      { name: 'worstLateMs', value: at(1), most: Number(values.worst) },
      { name: 'growthMb', value: megabytes(growth), most: GROWTH_MB },
    ],
    { seconds, steps, ticks: late.length, medianLateMs: at(0.5), stepMs: (1000 * seconds) / steps, data: images.source },
  )
}

/** How late each tick was, in ms. */
function watchTimer(stop: { now: boolean }): Promise<number[]> {
  const late: number[] = []
  return new Promise((resolve) => {
    let due = performance.now() + TICK_MS
    const tick = () => {
      late.push(Math.max(0, performance.now() - due))
      if (stop.now) return resolve(late)
      due = performance.now() + TICK_MS
      setTimeout(tick, TICK_MS)
    }
    setTimeout(tick, TICK_MS)
  })
}
