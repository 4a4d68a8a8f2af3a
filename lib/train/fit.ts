/** @file Fit: the epochs of a training, with validation, callbacks, logs and checkpoints around the steps. */
import { TenonError } from '../errors.ts'
import { BatchLoop, now } from './batch-loop.ts'
import type { Callback } from './callbacks.ts'
import type { CheckpointFolder } from './checkpoint-folder.ts'
import type { EpochRecord, History, StepRecord } from './history.ts'
import type { Logger } from './logs.ts'
import type { Progress, Status } from './progress.ts'
import { Reader } from './source.ts'
import type { BatchSource } from './source.ts'
import type { Step } from './step.ts'
import { contentOf, newEpoch } from './train-state.ts'
import type { Trained } from './train-state.ts'
import type { Trainer } from './trainer.ts'

/** What fit() was given, complete. */
export interface FitParts extends Trained {
  readonly trainer: Trainer
  readonly step: Step
  readonly source: BatchSource
  /** Evaluates the validation data; null: there is none. */
  readonly validate: (() => Promise<Record<string, number>>) | null
  readonly epochs: number
  readonly accumulate: number
  readonly onNaN: 'throw' | 'skip'
  readonly callbacks: readonly Callback[]
  readonly logs: readonly Logger[]
  readonly folder: CheckpointFolder | null
  readonly progress: Progress
}

export class Fit {
  readonly #parts: FitParts
  readonly #reader: Reader
  #loop: BatchLoop | null = null
  /** Why it shall end; `isFinal`: going on later finds nothing to do. */
  #stop: { readonly reason: string; readonly isFinal: boolean } | null = null
  /** What the last checkpoint holds. */
  #saved = ''
  /** Where this fit began, for the estimate. */
  #began = { at: 0, epochs: 0 }

  constructor(parts: FitParts) {
    this.#parts = parts
    this.#reader = new Reader(parts.source)
    if (parts.state.position) this.#reader.load(parts.state.position)
  }

  /** Asks it to end after the running step. */
  stop(reason: string, isFinal: boolean): void {
    this.#stop ??= { reason, isFinal }
  }

  async run(): Promise<History> {
    const { trainer, state, model, history, folder, progress } = this.#parts
    model.train()
    delete history.stopped
    // What was loaded is on the disk.
    if (state.step > 0) this.#saved = this.#moment()
    await this.#call((callback) => callback.onTrainBegin?.(trainer))
    this.#began = { at: now(), epochs: this.#epochsDone() }
    try {
      while (!this.#isStopping() && state.epoch < this.#target) await this.#epoch()
      if (this.#stop) {
        history.stopped = this.#stop.reason
        state.isFinished ||= this.#stop.isFinal
      }
      if (folder && this.#saved !== this.#moment()) await this.#save()
    } catch (error) {
      throw await this.#rescue(error)
    } finally {
      progress.close()
    }
    if (this.#stop) progress.say(`stopped after step ${state.step}: ${this.#stop.reason}`)
    await this.#call((callback) => callback.onTrainEnd?.(trainer, history))
    return history
  }

  get #target(): number {
    return this.#parts.state.fitStart + this.#parts.epochs
  }

  #isStopping(): boolean {
    return this.#stop !== null || this.#parts.state.isFinished
  }

  async #epoch(): Promise<void> {
    const { trainer, state, step, meters, progress, scheduler } = this.#parts
    const begun = now() - state.running.seconds
    if (state.running.trainSeconds === 0) meters.reset()
    await this.#call((callback) => callback.onEpochBegin?.(trainer, state.epoch + 1))
    scheduler?.set({ step: state.step, epoch: state.epoch })
    step.retrace()
    const loop = new BatchLoop({
      ...this.#parts,
      reader: this.#reader,
      isStopping: () => this.#isStopping(),
      onStep: (record, gradNorm) => {
        state.running.seconds = now() - begun
        return this.#stepDone(record, gradNorm)
      },
    })
    this.#loop = loop
    await progress.begin(this.#status())
    if (!state.isAtEnd) await loop.run()
    state.running.seconds = now() - begun
    this.#loop = null
    // Without a look at the validation data: that comes when the training goes on.
    if (!state.isAtEnd || this.#stop) return
    if (!(meters.samples > 0)) this.#refuseEmpty()
    await this.#finishEpoch(begun)
  }

  #refuseEmpty(): never {
    const { skipped } = this.#parts.state.running
    const epoch = this.#parts.state.epoch + 1
    const text =
      skipped > 0
        ? `none of the ${skipped} batches of epoch ${epoch} had a finite loss.`
        : `the data gave no batch in epoch ${epoch}. A generator can be read once only: give something that can be iterated each epoch.`
    throw new TenonError('VALUE', 'Trainer', text)
  }

  async #stepDone(record: StepRecord, gradNorm: number | null): Promise<void> {
    const { trainer, logs, folder, progress } = this.#parts
    for (const log of logs) {
      log.scalar('loss', record.loss, record.step)
      log.scalar('learningRate', record.learningRate, record.step)
      if (gradNorm !== null) log.scalar('gradNorm', gradNorm, record.step)
    }
    progress.step(this.#status())
    await this.#call((callback) => callback.onStepEnd?.(trainer, record))
    const every = folder?.options.everySteps
    if (every && record.step % every === 0) await this.#save()
  }

  /** Validation, the record, and all that is told of it. */
  async #finishEpoch(begun: number): Promise<void> {
    const { trainer, state, meters, history, optimizer, scheduler, folder, progress, logs } = this.#parts
    const { samples } = meters
    const results = meters.compute()
    for (const [name, value] of Object.entries(await this.#validation())) results[`val_${name}`] = value
    const { trainSeconds, idleSeconds, skipped } = state.running
    const record: EpochRecord = {
      epoch: state.epoch + 1,
      seconds: now() - begun,
      metrics: results,
      learningRate: optimizer.paramGroups[0]!.lr,
      samplesPerSecond: samples / trainSeconds,
      memoryBytes: process.memoryUsage.rss(),
      waitShare: Math.min(1, idleSeconds / trainSeconds),
      skipped,
    }
    history.epochs.push(record)
    state.epoch++
    state.isAtEnd = false
    state.running = newEpoch()
    state.judged = folder?.judge(results) ?? null
    meters.reset()
    // The position stays, as the beginning of the next epoch.
    scheduler?.epoch(results)
    scheduler?.set({ step: state.step, epoch: state.epoch })
    await this.#call((callback) => callback.onEpochEnd?.(trainer, record))
    for (const log of logs) {
      for (const [name, value] of Object.entries(results)) log.scalar(`epoch/${name}`, value, state.step)
      log.scalar('epoch/samplesPerSecond', record.samplesPerSecond, state.step)
    }
    progress.end(record, this.#target, this.#secondsLeft())
    if (this.#stop?.isFinal) state.isFinished = true
    const every = folder?.options.everyEpochs
    if (every && (record.epoch % every === 0 || record.epoch === this.#target)) await this.#save()
  }

  async #validation(): Promise<Record<string, number>> {
    const { trainer, validate } = this.#parts
    if (!validate) return {}
    await this.#call((callback) => callback.onValidationBegin?.(trainer))
    const results = await validate()
    await this.#call((callback) => callback.onValidationEnd?.(trainer, results))
    return results
  }

  async #save(): Promise<string> {
    const { trainer, folder, callbacks, state } = this.#parts
    const path = await folder!.save(state.step, contentOf(this.#parts, callbacks))
    this.#saved = this.#moment()
    await this.#call((callback) => callback.onCheckpoint?.(trainer, path))
    return path
  }

  /** Different for states of the training that are different. */
  #moment(): string {
    const { step, epoch, isFinished } = this.#parts.state
    return `${step} ${epoch} ${isFinished}`
  }

  /** After an error: what was trained is saved, if there is a place for it. */
  async #rescue(error: unknown): Promise<unknown> {
    const { folder } = this.#parts
    await this.#reader.close().catch(() => {})
    const isLost = error instanceof TenonError && error.op === 'checkpoint'
    if (!folder || isLost || this.#loop?.isWithinGroup || this.#saved === this.#moment()) return error
    try {
      const path = await this.#save()
      if (error instanceof Error) error.message += ` (saved before that: ${path})`
    } catch {
      // The first error is the one to tell.
    }
    return error
  }

  async #call(hook: (callback: Callback) => void | Promise<void> | undefined): Promise<void> {
    for (const callback of this.#parts.callbacks) await hook(callback)
  }

  /** Complete epochs and the part of the running one, as far as that is known. */
  #epochsDone(): number {
    const { state } = this.#parts
    const { length } = this.#reader
    return state.epoch + (length && this.#loop ? Math.min(1, this.#loop.batch / length) : 0)
  }

  #secondsLeft(): number | null {
    const done = this.#epochsDone() - this.#began.epochs
    return done > 0 ? ((now() - this.#began.at) * (this.#target - this.#epochsDone())) / done : null
  }

  #status(): Status {
    const { state, meters } = this.#parts
    return {
      epoch: state.epoch + 1,
      epochs: this.#target,
      batch: this.#loop?.batch ?? 0,
      batches: this.#reader.length,
      loss: meters.loss,
      samplesPerSecond: meters.samples / state.running.trainSeconds,
      secondsLeft: this.#secondsLeft(),
    }
  }
}
