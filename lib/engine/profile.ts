/** @file plan.profile(): where the time of a plan goes, instruction by instruction. What it gives prints as a table, and as a trace. */
import { check, checkInteger, checkOptions } from '../errors.ts'
import { isFloat } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { Variable } from '../graph/variable.ts'
import { zeros } from '../ops/create.ts'
import { rand } from '../ops/random.ts'
import { cast } from '../ops/table.ts'
import { assign } from '../ops/update.ts'
import type { Plan } from '../plan/plan.ts'
import { bufferBytes } from '../plan/program.ts'
import type { Buffer, Instr, Space } from '../plan/program.ts'
import { generator } from '../random.ts'
import { showShape } from '../shape.ts'
import { addon } from './addon.ts'
import { evaluate, perform } from './evaluate.ts'
import { showProfile } from './profile-table.ts'
import { Run, enqueue } from './queue.ts'
import { readTimes } from './times.ts'
import type { Execution, Times } from './times.ts'

export interface ProfileOptions {
  /**
   * What runs the plan, once or more: `() => step(x, y)`. Default: the plan runs by itself on stand-ins: random numbers from [0, 1) for floats, zeros
   * for integers and for the numbers of the call (a learning rate). Then no variable of the program is touched.
   */
  work?: () => unknown
  /** How often to call it. Default: 10. */
  runs?: number
  /** Calls before those. Default: 2. */
  warmUp?: number
}

/** One instruction of a plan. Figures are those of one run: everything that a loop repeats together. */
export interface InstrProfile {
  /** The op that it came from. */
  readonly op: string
  /** What runs: the kernel, with the functions that were fused into it. */
  readonly kernel: string
  /** `f32 [64, 10] <- f32 [64, 32], f32 [32, 10]` */
  readonly operands: string
  /** Where the program called the op; with TENON_DEBUG. */
  readonly site: string
  /** Executions. */
  readonly count: number
  /** Median over the runs. */
  readonly seconds: number
  /** Floating-point operations; multiply and add count as two. */
  readonly flops: number
  /** Read plus written, each operand once. */
  readonly bytes: number
}

/** What a plan took. `toString()` is a table. */
export interface Profile {
  /** Of how many runs. */
  readonly runs: number
  /** Median time from a run's first instruction to its last. */
  readonly seconds: number
  /** The part of it that lies between instructions. */
  readonly between: number
  /** As executed. */
  readonly flops: number
  readonly bytes: number
  /** In the order of the plan. */
  readonly instructions: readonly InstrProfile[]
  /** The run of median length in the format of chrome://tracing and ui.perfetto.dev: write it as JSON to a file. */
  trace(): { readonly traceEvents: readonly TraceEvent[] }
  toString(): string
}

/** A complete event of the Trace Event Format; microseconds. */
export interface TraceEvent {
  readonly name: string
  readonly cat: string
  readonly ph: 'X'
  readonly ts: number
  readonly dur: number
  readonly pid: number
  readonly tid: number
  readonly args: Readonly<Record<string, string | number>>
}

/**
 * Times every instruction of a plan, inside of the engine. A plan that nobody profiles pays nothing for it. Throws VALUE where `work` does not run
 * this plan, or something else profiles it already.
 */
export async function profile(plan: Plan, options: ProfileOptions = {}): Promise<Profile> {
  checkOptions('profile', options, ['work', 'runs', 'warmUp'])
  const runs = checkInteger('profile', 'runs', options.runs ?? 10, 1)
  const warmUp = checkInteger('profile', 'warmUp', options.warmUp ?? 2, 0)
  check(plan.onTimes === null, 'VALUE', 'profile', () => 'this plan is being profiled already. Await that first.')
  if (options.work) return new Measured(plan, await timesOf(plan, options.work, warmUp, runs))
  const standIns = await makeStandIns(plan)
  try {
    return new Measured(plan, await timesOf(plan, standIns.work, warmUp, runs))
  } finally {
    standIns.dispose()
  }
}

async function timesOf(plan: Plan, work: () => unknown, warmUp: number, runs: number): Promise<Times[]> {
  const found: Times[] = []
  for (let i = 0; i < warmUp; i++) await work()
  plan.onTimes = (buffer) => found.push(readTimes(buffer, plan.instrs.length))
  try {
    for (let i = 0; i < runs; i++) await work()
  } finally {
    plan.onTimes = null
  }
  check(found.length > 0, 'VALUE', 'profile', () => 'the work does not run this plan. Profile the plan that it runs.')
  return found
}

class Measured implements Profile {
  readonly runs: number
  readonly seconds: number
  readonly between: number
  readonly flops: number
  readonly bytes: number
  readonly instructions: readonly InstrProfile[]
  /** Of the run of median length. */
  readonly #executions: readonly Execution[]

  constructor(plan: Plan, times: readonly Times[]) {
    const native = plan.native((words, constants) => addon().createPlan(words, constants))
    const sorted = times.toSorted((a, b) => lengthOf(a) - lengthOf(b))
    const typical = sorted[Math.floor(sorted.length / 2)]!
    this.runs = times.length
    this.seconds = lengthOf(typical)
    this.between = this.seconds - typical.seconds.reduce((a, b) => a + b, 0)
    this.instructions = plan.instrs.map((instr, i) => {
      const count = typical.counts[i]!
      const seconds = times.map((run) => run.seconds[i]!).sort((a, b) => a - b)[Math.floor(times.length / 2)]!
      const work = { count, seconds, flops: count * native.flops[i]!, bytes: count * native.bytes[i]! }
      return { op: instr.op, kernel: kernelOf(instr), operands: operandsOf(instr), site: instr.site, ...work }
    })
    this.flops = this.instructions.reduce((n, { flops }) => n + flops, 0)
    this.bytes = this.instructions.reduce((n, { bytes }) => n + bytes, 0)
    this.#executions = typical.executions
  }

  trace(): { readonly traceEvents: readonly TraceEvent[] } {
    const origin = this.#executions[0]?.start ?? 0
    const traceEvents = this.#executions.map(({ instr, start, stop }): TraceEvent => {
      const { op, kernel, operands, site, count, flops, bytes } = this.instructions[instr]!
      const [ts, dur] = [1e6 * (start - origin), 1e6 * (stop - start)]
      const args = { kernel, operands, flops: flops / count, bytes: bytes / count, ...(site && { site }) }
      return { name: op, cat: kernel, ph: 'X', ts, dur, pid: 1, tid: 1, args }
    })
    return { traceEvents }
  }

  toString(): string {
    return showProfile(this)
  }
}

const lengthOf = ({ begin, end }: Times): number => end - begin

function kernelOf({ kernel, map, epilogue }: Instr): string {
  const steps = (map ?? epilogue)?.steps.map(({ fn }) => fn).join(' ')
  return steps ? `${kernel}${map ? '' : ' +'} ${steps}` : kernel
}

function operandsOf({ outs, ins, epilogueIns }: Instr): string {
  const show = (list: Instr['outs']) => list.map(({ dtype, dims }) => `${dtype} ${showShape(dims)}`).join(', ')
  return `${show(outs)} <- ${show([...ins, ...epilogueIns])}`.trim()
}

/** Runs of a plan that read and write nothing of the program's. */
async function makeStandIns(plan: Plan): Promise<{ work: () => Promise<void>; dispose: () => void }> {
  const { buffers, counts } = plan.program
  const of = (space: Space, count: number): (Buffer | undefined)[] =>
    Array.from({ length: count }, (_, i) => buffers.find((buffer) => buffer.space === space && buffer.index === i))
  const position = generator.position
  const values = (buffer: Buffer | undefined) => valuesOf(buffer?.elements ?? 0, buffer?.dtype ?? 'f32')
  const inputs = of('input', counts.input).map(values)
  const variables = of('variable', counts.variable).map((buffer) => new Variable(values(buffer), { trainable: false }))
  generator.position = position
  await evaluate(...inputs)
  if (variables.length > 0)
    await perform(
      variables.map((v) => assign(v, v.initial!)),
      [],
    )
  const binding = {
    inputs: inputs.map((t) => t.value!.buffer),
    operands: new Float64Array(counts.operand),
    variables: variables.map((v) => v.storage),
    outputs: of('output', counts.output).map((buffer) => new ArrayBuffer(buffer ? bufferBytes(buffer) : 0)),
    after: [],
  }
  const work = () => enqueue(new Run(plan, binding, [], () => {}))
  return { work, dispose: () => variables.forEach((v) => addon().disposeVariable(v.storage)) }
}

const valuesOf = (elements: number, dtype: DType) =>
  isFloat(dtype) ? cast(rand([elements]), dtype) : zeros([elements], { dtype })
