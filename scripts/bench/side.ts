/**
 * @file tenon's side: one workload in one way, in this process alone. `--dump FOLDER` starts from the peer's numbers and compares before
 * anything is timed. Prints a line of JSON. Started by rounds.ts.
 */
import { parseArgs } from 'node:util'
import { evaluate, summary } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import type { Plan } from '../../lib/plan/plan.ts'
import { bufferBytes } from '../../lib/plan/program.ts'
import { collectGarbage, resetPeak, residentBytes } from '../process-memory.ts'
import { checkOf, difference } from './compare.ts'
import type { Evidence } from './compare.ts'
import { loadDump } from './dump.ts'
import { readEvidence } from './peers/torch.ts'
import { median } from './result.ts'
import type { Timing, Work } from './result.ts'
import type { Built, Running, Way, Workload } from './workload.ts'
import { choose } from './workloads/index.ts'

/** As many as the peer's, before it measures. */
const FIRST_STEPS = 5
/** V8 compiles what runs often: the first calls are not how it goes on. */
const WARM_UP_SECONDS = 0.5

/** What this process prints. */
export interface SideReport extends Work {
  /** Null where the sides do not do the same work. */
  readonly timing: Timing | null
  /** Largest relative one; null where it is infinite or nothing is compared. */
  readonly difference: number | null
}

const text = { type: 'string' } as const
const { values } = parseArgs({ options: { name: text, way: text, seconds: text, dump: text } })
console.log(JSON.stringify(await main(choose([values.name!])[0]!, values.way as Way, Number(values.seconds))))

async function main(workload: Workload, way: Way, seconds: number): Promise<SideReport> {
  const built = workload.build()
  const inputs = await prepare(workload, built)
  // The peer has no file to read.
  await collectGarbage()
  if (process.platform === 'linux') resetPeak()
  const running = built.start(way, inputs)
  const evidence = await firstSteps(running)
  const differs = values.dump ? difference(evidence, readEvidence(workload.name, values.dump)) : null
  const timing = differs === null || differs <= workload.tolerance ? await time(running.step, seconds) : null
  return { timing, difference: Number.isFinite(differs) ? differs : null, ...workOf(running.plans()) }
}

/** The inputs; the model has the peer's parameters then, if there are any. */
async function prepare(workload: Workload, { model }: Built): Promise<readonly Tensor[]> {
  if (!values.dump) {
    const inputs = workload.inputs()
    await evaluate(...inputs)
    return inputs
  }
  return loadDump(workload, model, values.dump)
}

async function firstSteps({ step, outputs }: Running): Promise<Evidence> {
  const losses: (number | null)[] = []
  for (let i = 0; i < FIRST_STEPS; i++) losses.push(await step())
  if (!outputs) return { losses: losses as number[], checks: null }
  const checks = []
  for (const t of await outputs()) checks.push(checkOf(t.shape, await t.data()))
  return { losses: null, checks }
}

async function time(step: Running['step'], seconds: number): Promise<Timing> {
  await repeat(step, Math.min(WARM_UP_SECONDS, seconds / 2), 1)
  const taken = await repeat(step, seconds, 3)
  const peak = process.platform === 'linux' ? residentBytes('VmHWM') : 1024 * process.resourceUsage().maxRSS
  const [median_s, min_s] = [median(taken), taken.reduce((a, b) => Math.min(a, b))]
  return { median_s, min_s, runs: taken.length, rss_mb: Math.round(peak / 2 ** 20) }
}

/** Seconds of each run. Does not wait where there is no promise: an `await` alone takes time. */
async function repeat(step: Running['step'], seconds: number, least: number): Promise<number[]> {
  const taken: number[] = []
  const end = performance.now() + 1000 * seconds
  for (let start = performance.now(); taken.length < least || start < end; start = performance.now()) {
    const result = step()
    if (result instanceof Promise) await result
    taken.push((performance.now() - start) / 1000)
  }
  return taken
}

/** What plans compute, and the bytes of inputs, outputs and variables that they have to move. */
function workOf(plans: readonly Plan[]): Work {
  const sum = (of: (plan: Plan) => number) => plans.reduce((n, plan) => n + of(plan), 0)
  return { flops: sum((plan) => summary(plan).flops), bytes: sum(trafficOf) }
}

function trafficOf({ program, instrs }: Plan): number {
  const read = new Set(instrs.flatMap(({ ins, epilogueIns }) => [...ins, ...epilogueIns].map((x) => x.buffer)))
  const written = new Set(instrs.flatMap(({ outs }) => outs.map((x) => x.buffer)))
  return program.buffers.reduce((n, buffer, i) => {
    if (buffer.space !== 'input' && buffer.space !== 'output' && buffer.space !== 'variable') return n
    return n + bufferBytes(buffer) * (Number(read.has(i)) + Number(written.has(i)))
  }, 0)
}
