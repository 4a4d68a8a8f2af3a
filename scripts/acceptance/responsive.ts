/**
 * @file Point 4, first half: while a model trains on every core, a 5 ms timer of the same process is not late, and memory
 * does not grow. `node --import tsx scripts/acceptance/responsive.ts [--seconds S] [--p99 MS] [--worst MS]`.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { collectGarbage } from '../process-memory.ts'
import { SeedCNN } from '../bench/workloads/cnn.ts'
import { Memory, report, round } from './report.ts'
import { at, watchTimer } from './timer.ts'
import { adamStep, batchOf, loadImages } from './workload.ts'

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

  await collectGarbage()

  // What the timer does on this machine at this time, without us.
  const idle = watchTimer()
  await sleep(1000 * Math.min(5, seconds / 4))
  const idleLate = await idle.stop()

  const memory = new Memory()
  const [ranBefore, waitedBefore] = javascriptThread()
  const timer = watchTimer()
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  let steps = 0
  for (; elapsed() < seconds; steps++) {
    await step(...batchOf(images, steps, BATCH))
    memory.sample(elapsed() / seconds)
  }
  const late = await timer.stop()
  const [ran, waited] = javascriptThread()
  report(
    'responsive',
    [
      { name: 'p99LateMs', value: at(late, 0.99), most: Number(values.p99) },
      { name: 'worstLateMs', value: at(late, 1), most: Number(values.worst) },
      { name: 'growthMb', value: memory.growthMb, most: GROWTH_MB },
    ],
    {
      idle: { p99LateMs: at(idleLate, 0.99), worstLateMs: at(idleLate, 1) },
      javascriptThread: { ranMs: round(ran - ranBefore), waitedForProcessorMs: round(waited - waitedBefore) },
      medianLateMs: at(late, 0.5),
      seconds,
      ticks: late.length,
      steps,
      stepMs: round((1000 * seconds) / steps),
      memoryMb: memory.lateMb,
      data: images.source,
    },
  )
}

/** Time that the kernel gave to this thread, and that it let it wait for a processor, in ms; zeros elsewhere than on Linux. */
function javascriptThread(): [ran: number, waited: number] {
  if (process.platform !== 'linux') return [0, 0]
  const [ran, waited] = readFileSync('/proc/self/schedstat', 'utf8').split(' ')
  return [Number(ran) / 1e6, Number(waited) / 1e6]
}
