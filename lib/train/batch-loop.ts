/** @file BatchLoop: the steps of one epoch, one at a time; while the engine makes one, the next batch is fetched. */
import { TenonError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import { generator } from '../random.ts'
import { numbersOf, samplesOf } from './batch.ts'
import type { StepRecord } from './history.ts'
import type { Computed } from './meters.ts'
import type { Fetched, Reader } from './source.ts'
import { nonFinite } from './step.ts'
import type { Phase, Step } from './step.ts'
import type { Trained } from './train-state.ts'

export interface LoopParts extends Trained {
  readonly step: Step
  readonly reader: Reader
  readonly accumulate: number
  readonly onNaN: 'throw' | 'skip'
  /** After a step. */
  onStep(record: StepRecord, gradNorm: number | null): Promise<void>
  /** Whether to end after the running step. */
  isStopping(): boolean
}

/** A batch that the engine works on. */
interface Submitted extends Fetched {
  readonly phase: Phase
  readonly samples: number
  readonly begun: number
  readonly random: { readonly seed: number; readonly position: number }
  readonly where: string
  /** When it was done. */
  ended: number
  readonly computed: Promise<Computed>
}

export const now = (): number => performance.now() / 1000

const noGroup = () => ({ batches: 0, loss: 0, samples: 0, seconds: 0 })

export class BatchLoop {
  readonly #parts: LoopParts
  /** Batches whose gradients wait for the step that they make together. */
  #group = noGroup()
  /** Batches of the epoch, also before it was resumed. */
  #batch: number
  /** Since when time counts as training. */
  #mark = 0

  constructor(parts: LoopParts) {
    this.#parts = parts
    this.#batch = parts.state.position?.batch ?? 0
  }

  /** Batches of the epoch that were taken. */
  get batch(): number {
    return this.#batch
  }

  /** Whether gradients wait that a checkpoint would not hold. */
  get isWithinGroup(): boolean {
    return this.#group.batches > 0
  }

  /** Until the end of the epoch (then state.isAtEnd is set) or until it shall stop. */
  async run(): Promise<void> {
    const { accumulate, state, reader } = this.#parts
    this.#mark = now()
    let current = await this.#wait(reader.next())
    while (current !== null && !this.#parts.isStopping()) {
      // A group ends with the epoch: whether this is the last batch has to be known first.
      const early = accumulate > 1 ? { next: await this.#wait(reader.next()) } : null
      const submitted = this.#submit(current, this.#phase(early !== null && early.next === null))
      const upcoming = early ? Promise.resolve(early.next) : reader.next()
      // Its failure is thrown below, after the running step has been dealt with.
      upcoming.catch(() => {})
      await this.#settle(submitted)
      current = await this.#wait(upcoming)
    }
    this.#countTime()
    if (current !== null) return reader.close()
    state.isAtEnd = true
    state.position = reader.position
  }

  /** The engine has nothing to do meanwhile. */
  async #wait<R>(work: Promise<R>): Promise<R> {
    const begun = now()
    try {
      return await work
    } finally {
      this.#parts.state.running.idleSeconds += now() - begun
    }
  }

  #phase(isLast: boolean): Phase {
    const isFull = isLast || this.#group.batches === this.#parts.accumulate - 1
    if (this.#group.batches === 0) return isFull ? 'whole' : 'first'
    return isFull ? 'last' : 'more'
  }

  #submit(fetched: Fetched, phase: Phase): Submitted {
    const { state, step, scheduler } = this.#parts
    scheduler?.set({ step: state.step, epoch: state.epoch })
    const samples = samplesOf(fetched.batch)
    const where = `at step ${state.step + 1} (epoch ${state.epoch + 1}, batch ${this.#batch + 1})`
    const random = { ...generator }
    const begun = now()
    const submitted = { ...fetched, phase, samples, begun, random, where, ended: 0 }
    const computed = step.train(fetched.batch, samples, phase, where).finally(() => (result.ended = now()))
    computed.catch(() => {})
    const result: Submitted = Object.assign(submitted, { computed })
    return result
  }

  /** Waits for a step, and counts it. */
  async #settle(submitted: Submitted): Promise<void> {
    const { state, meters, history, optimizer } = this.#parts
    const { phase, samples, where } = submitted
    let computed: Computed
    try {
      computed = await submitted.computed
    } catch (error) {
      return this.#leaveOut(error, submitted)
    }
    this.#batch++
    const loss = Number(numbersOf(computed.loss!)[0])
    const group = this.#group
    group.batches++
    group.loss += loss * samples
    group.samples += samples
    group.seconds += submitted.ended - submitted.begun
    if (phase === 'first' || phase === 'more') return meters.add(computed, loss, samples, where)
    this.#group = noGroup()
    state.position = submitted.position
    if (computed.finite && !numbersOf(computed.finite)[0]) {
      // The scale of the loss was too large for its gradients.
      state.running.skipped++
      return meters.add(computed, loss, samples, where)
    }
    const record: StepRecord = {
      step: ++state.step,
      epoch: state.epoch + 1,
      loss: group.loss / group.samples,
      learningRate: optimizer.paramGroups[0]!.lr,
      seconds: group.seconds,
    }
    history.steps.push(record)
    await meters.add(computed, loss, samples, where)
    this.#countTime()
    await this.#parts.onStep(record, computed.gradNorm ? Number(numbersOf(computed.gradNorm)[0]) : null)
    this.#mark = now()
  }

  #countTime(): void {
    const { running } = this.#parts.state
    const time = now()
    running.trainSeconds += time - this.#mark
    this.#mark = time
  }

  /** A step that failed has written nothing; throws, or goes on without it. */
  #leaveOut(error: unknown, { phase, random, where, position }: Submitted): void {
    const { state, onNaN } = this.#parts
    Object.assign(generator, random)
    const what = nonFinite(error)
    if (!what) {
      if (error instanceof TenonError && error.op === 'Trainer') throw error
      const { code = 'VALUE', message } = error as { code?: ErrorCode; message: string }
      throw new TenonError(code, 'Trainer', `failed ${where}: ${message}`, { cause: error })
    }
    if (onNaN === 'throw') {
      const advice =
        "Look at the data of this batch; a smaller learning rate or clip: { norm: 1 } may help; onNaN: 'skip' leaves such batches out."
      throw new TenonError(
        'VALUE',
        'Trainer',
        `the ${what} is not finite ${where}. No variable was written by this step. ${advice}`,
        { cause: error },
      )
    }
    this.#batch++
    state.running.skipped++
    if (phase === 'first' || phase === 'more') return
    // The group ends without a step.
    this.#group = noGroup()
    state.position = position
  }
}
