/** @file `npm run bench -- --profile NAME`: where the time of a workload's step goes, op by op; random numbers, no peer. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { evaluate } from '../../lib/index.ts'
import type { TraceEvent } from '../../lib/index.ts'
import { NEUTRAL } from './child.ts'
import type { Workload } from './workload.ts'

const WARM_UP = 5

interface ProfileRun {
  /** Of the engine; set before it is loaded. */
  readonly threads: number
  /** How long to measure each plan, about. */
  readonly seconds: number
  /** Where the trace goes. */
  readonly file: string
}

/** Prints a table for each plan of a step, and leaves a trace for chrome://tracing and ui.perfetto.dev. */
export async function profileWorkload(workload: Workload, { threads, seconds, file }: ProfileRun): Promise<void> {
  for (const name of Object.keys(NEUTRAL)) delete process.env[name]
  process.env.TENON_THREADS = String(threads)
  const built = workload.build()
  const inputs = workload.inputs()
  await evaluate(...inputs)
  const { step, plans } = built.start(workload.ways[0]!, inputs)
  const start = performance.now()
  for (let i = 0; i < WARM_UP; i++) await step()
  const each = (performance.now() - start) / 1000 / WARM_UP
  const runs = Math.min(1000, Math.max(3, Math.round(seconds / each)))
  const events: TraceEvent[] = []
  const [...all] = plans()
  for (const [i, plan] of all.entries()) {
    const found = await plan.profile({ work: step, runs, warmUp: 0 })
    const executed =
      plan.summary().flops === found.flops ? 'as summary() says' : `summary() says ${plan.summary().flops}`
    console.log(`${workload.name}, plan ${i + 1} of ${all.length}, ${threads} threads; operations executed ${executed}`)
    console.log(`${found}\n`)
    for (const event of found.trace().traceEvents) events.push({ ...event, pid: i + 1 })
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify({ traceEvents: events }))
  console.log(`trace: ${file} (chrome://tracing, ui.perfetto.dev)`)
}
