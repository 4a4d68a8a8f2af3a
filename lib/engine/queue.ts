/** @file Evaluations under way: handed to the engine in order, a bounded number at a time; their results, errors and cancellation. */
import { TenonError, fail } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Plan } from '../plan/plan.ts'
import { addon } from './addon.ts'
import { timeBytes } from './times.ts'
import type { Failure } from './addon.ts'

/** How many evaluations the engine holds at a time; the rest wait here. */
const MAX_IN_FLIGHT = 16
const MAX_WAITING = 4096

export interface Binding {
  readonly inputs: readonly ArrayBuffer[]
  readonly operands: Float64Array
  readonly variables: readonly unknown[]
  readonly outputs: readonly ArrayBuffer[]
  /** Earlier evaluations that fill some of the inputs. */
  readonly after: readonly Run[]
}

/** One evaluation. */
export class Run {
  readonly plan: Plan
  readonly binding: Binding
  readonly results: readonly Tensor[]
  /** Undoes what submission assumed, when it fails. */
  readonly undo: () => void
  state: 'waiting' | 'running' | 'done' | 'failed' = 'waiting'
  id = 0
  /** What each instruction took, where the plan is watched. */
  times: ArrayBuffer | null = null
  error: unknown = null
  #done: Promise<void> | null = null
  #settle: (() => void) | null = null

  constructor(plan: Plan, binding: Binding, results: readonly Tensor[], undo: () => void) {
    this.plan = plan
    this.binding = binding
    this.results = results
    this.undo = undo
  }

  /** Made when it is asked for: a loop that never lets the event loop turn would pile up the reactions of promises. */
  get done(): Promise<void> {
    return (this.#done ??= this.#promise())
  }

  succeed(): void {
    this.state = 'done'
    for (const t of this.results) {
      if (t.value?.run === this) t.value.run = null
      t.releaseRecipe()
    }
    if (this.times) this.plan.onTimes?.(this.times)
    this.#settle?.()
  }

  fail(error: unknown): void {
    this.state = 'failed'
    this.error = error
    for (const t of this.results) if (t.value?.run === this) t.value = null
    this.undo()
    this.#settle?.()
  }

  #promise(): Promise<void> {
    if (this.state === 'done') return Promise.resolve()
    const promise = new Promise<void>((resolve, reject) => {
      this.#settle = () => (this.state === 'done' ? resolve() : reject(this.error))
    })
    // Whoever waits gets the rejection; a run nobody waits for (an initial value) must not end the process.
    promise.catch(ignore)
    if (this.state === 'failed') this.#settle!()
    return promise
  }
}

const ignore = () => {}

const running = new Map<number, Run>()
const waiting: Run[] = []
let isListening = false

/** Puts a run at the end of the queue. */
export function enqueue(run: Run, signal?: AbortSignal): Promise<void> {
  if (waiting.length >= MAX_WAITING) {
    run.fail(
      new TenonError('BUSY', 'evaluate', `${MAX_WAITING} evaluations are waiting. Await some before asking for more.`),
    )
    return run.done
  }
  if (signal) watch(run, signal)
  waiting.push(run)
  pump()
  return run.done
}

/** Runs at the end of the queue, and waits for it. */
export function runNow(run: Run): void {
  handOver(waiting.length)
  try {
    checkDependencies(run)
    const failure = addon().runSync(...argumentsOf(run))
    if (failure) throw errorOf(run, failure)
  } catch (error) {
    run.fail(translate(error))
    throw run.error
  }
  run.succeed()
}

/** Whether something is being computed, so that buffers may be in use. */
export const isIdle = (): boolean => running.size === 0 && waiting.length === 0

function pump(): void {
  handOver(Math.min(waiting.length, MAX_IN_FLIGHT - running.size))
}

function handOver(count: number): void {
  listen()
  for (let i = 0; i < count; i++) {
    const run = waiting.shift()!
    if (run.state !== 'waiting') continue
    try {
      checkDependencies(run)
      run.id = addon().submit(...argumentsOf(run))
      run.state = 'running'
      running.set(run.id, run)
    } catch (error) {
      run.fail(translate(error))
    }
  }
}

function checkDependencies(run: Run): void {
  for (const earlier of run.binding.after) if (earlier.state === 'failed') throw earlier.error
}

function argumentsOf(run: Run): Parameters<ReturnType<typeof addon>['submit']> {
  const { plan, binding } = run
  const { inputs, operands, variables, outputs, after } = binding
  const native = plan.native((words, constants) => addon().createPlan(words, constants))
  const ids = after.filter((other) => other.state === 'running').map((other) => other.id)
  if (plan.onTimes) run.times = new ArrayBuffer(timeBytes(plan.instrs.length))
  return [native.plan, inputs, operands, variables, outputs, ids, run.times ?? undefined]
}

function listen(): void {
  if (isListening) return
  isListening = true
  addon().onDone((id, code, instr, a, b) => {
    const run = running.get(id)
    if (!run) return
    running.delete(id)
    if (code === 0) run.succeed()
    else run.fail(errorOf(run, { code, instr, a, b }))
    pump()
  })
}

function watch(run: Run, signal: AbortSignal): void {
  const abort = () => {
    if (run.state === 'running') addon().cancel(run.id)
    else if (run.state === 'waiting') run.fail(aborted(signal))
  }
  if (signal.aborted) return abort()
  signal.addEventListener('abort', abort, { once: true })
  const forget = () => signal.removeEventListener('abort', abort)
  run.done.then(forget, forget)
}

const aborted = (signal?: AbortSignal) =>
  new TenonError('ABORTED', 'evaluate', 'the evaluation was aborted; no variable was written.', {
    cause: signal?.reason,
  })

/** Words for what the engine reports as numbers. */
function errorOf({ plan, binding }: Run, { code, instr, a, b }: Failure): unknown {
  const from = plan.instrs[instr]
  const op = from?.op ?? 'evaluate'
  const where = from?.site ? ` ${from.site}` : ''
  const error = (kind: ErrorCode, text: string) => new TenonError(kind, op, text + where)
  switch (code) {
    case 1:
      if (op === 'checkRange') return error('INDEX', `a position must lie in [0, ${b - 1}], got ${a}.`)
      return error('INDEX', `an index (or label) must lie in [0, ${b}), got ${a}. No variable was written.`)
    case 2:
      if (b < 0) return error('SINGULAR', `matrix ${a} of the batch is not finite. No variable was written.`)
      return error(
        'SINGULAR',
        `matrix ${a} of the batch cannot be factorised: pivot ${b} is 0, not finite or not positive. No variable was written.`,
      )
    case 3:
      return new TenonError('MEMORY', op, memoryText(a, b))
    case 4:
      return aborted()
    case 5: {
      const cause = binding.after.find((earlier) => earlier.state === 'failed')
      return cause
        ? cause.error
        : error('VALUE', 'a tensor that it reads could not be computed: an earlier evaluation failed.')
    }
    default:
      return error('NATIVE', `internal: the engine failed with code ${code}.`)
  }
}

const memoryText = (needed: number, available: number) =>
  `needs ${megabytes(needed)} of memory, there are ${megabytes(available)}. Use smaller batches, or checkpoint() parts of the model.`
const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`

interface NativeError extends Error {
  code?: string
  needed?: number
  available?: number
}

/** Errors that the addon throws. */
function translate(error: unknown): unknown {
  if (error instanceof TenonError || !(error instanceof Error)) return error
  const { code, needed = 0, available = 0, message } = error as NativeError
  switch (code) {
    case 'MEMORY':
      return new TenonError('MEMORY', 'evaluate', memoryText(needed, available), { cause: error })
    case 'DISPOSED':
      return new TenonError('DISPOSED', 'evaluate', 'a variable was disposed of. Build the model anew.', {
        cause: error,
      })
    case 'PLAN':
    case 'ARGUMENT':
      return new TenonError('NATIVE', 'evaluate', `internal: the engine refused the plan: ${message}`, { cause: error })
    default:
      return error
  }
}

/** Blocks until nothing is under way. */
export function waitIdle(): void {
  handOver(waiting.length)
  addon().waitIdle()
}

export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    fail('VALUE', 'evaluate', 'signal must be an AbortSignal.')
}
