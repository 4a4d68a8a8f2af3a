/** @file Callbacks: what a user hooks into a training; EarlyStopping. */
import { check, checkInteger, checkOptions } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import { detach } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { TensorLike } from '../ops/table.ts'
import { monitored } from './checkpoint-folder.ts'
import type { EpochRecord, History, StepRecord } from './history.ts'
import type { Trainer } from './trainer.ts'

/** What a callback wants to find again when a training goes on. */
export interface CallbackState {
  /** JSON. */
  readonly data?: unknown
  readonly tensors?: ReadonlyMap<string, TensorLike>
}

type Hooked = void | Promise<void>

/**
 * Hooks of a training, called in the order of the list and awaited. A training goes on with the next step only after
 * onStepEnd; `trainer.stop()` ends it after the running step.
 */
export interface Callback {
  /** Under which its state is kept in checkpoints; needed if it has one. */
  readonly name?: string
  /** After a checkpoint was loaded, if there was one. */
  onTrainBegin?(trainer: Trainer): Hooked
  /** Also after stop(), not after an error. */
  onTrainEnd?(trainer: Trainer, history: History): Hooked
  /** `epoch` counts from 1; again when a training goes on within an epoch. */
  onEpochBegin?(trainer: Trainer, epoch: number): Hooked
  onEpochEnd?(trainer: Trainer, record: EpochRecord): Hooked
  onStepEnd?(trainer: Trainer, record: StepRecord): Hooked
  onValidationBegin?(trainer: Trainer): Hooked
  onValidationEnd?(trainer: Trainer, results: Readonly<Record<string, number>>): Hooked
  /** A checkpoint was written. */
  onCheckpoint?(trainer: Trainer, path: string): Hooked
  state?(): CallbackState
  load?(state: { data: unknown; tensors: ReadonlyMap<string, Tensor> }): Hooked
}

export interface EarlyStoppingOptions {
  /** Default: 'val_loss', or 'loss' where there is no validation. */
  monitor?: string | null
  /** Whether less or more is better. Default: 'min' for losses and errors, else 'max'. */
  mode?: 'min' | 'max' | null
  /** Epochs without progress that are put up with. Default: 3. */
  patience?: number
  /** Progress is more than this. Default: 0. */
  minDelta?: number
  /** Give the model at the end the weights of the best epoch. Default: false. */
  restoreBest?: boolean
}

/** Ends a training when a result has made no progress for more than `patience` epochs. */
export class EarlyStopping implements Callback {
  readonly name = 'EarlyStopping'
  readonly #options: Required<EarlyStoppingOptions>
  #best: number | null = null
  #bestEpoch = 0
  #bad = 0
  #weights: ReadonlyMap<string, Tensor> = new Map()

  constructor(options: EarlyStoppingOptions = {}) {
    checkOptions('EarlyStopping', options, ['monitor', 'mode', 'patience', 'minDelta', 'restoreBest'])
    const { monitor = null, mode = null, patience = 3, minDelta = 0, restoreBest = false } = options
    checkInteger('EarlyStopping', 'patience', patience, 0)
    check(minDelta >= 0, 'VALUE', 'EarlyStopping', () => `minDelta must be >= 0, got ${minDelta}.`)
    this.#options = { monitor, mode, patience, minDelta, restoreBest }
  }

  /** The best epoch so far and its result; null before the first. */
  get best(): { readonly epoch: number; readonly value: number } | null {
    return this.#best === null ? null : { epoch: this.#bestEpoch, value: this.#best }
  }

  async onEpochEnd(trainer: Trainer, { epoch, metrics }: EpochRecord): Promise<void> {
    const { patience, minDelta, restoreBest } = this.#options
    const { name, value, mode } = monitored('EarlyStopping', this.#options, metrics)
    const sign = mode === 'min' ? 1 : -1
    if (this.#best === null ? !Number.isNaN(value) : sign * value < sign * this.#best - minDelta) {
      this.#best = value
      this.#bestEpoch = epoch
      this.#bad = 0
      if (restoreBest) await this.#keepWeights(trainer)
    } else if (++this.#bad > patience) {
      trainer.stop(`${name} has made no progress since epoch ${this.#bestEpoch}`)
    }
  }

  async onTrainEnd(trainer: Trainer): Promise<void> {
    if (this.#weights.size > 0) await trainer.model.loadStateDict(this.#weights)
  }

  state(): CallbackState {
    return { data: { best: this.#best, bestEpoch: this.#bestEpoch, bad: this.#bad }, tensors: this.#weights }
  }

  load({ data, tensors }: { data: unknown; tensors: ReadonlyMap<string, Tensor> }): void {
    const { best, bestEpoch, bad } = data as { best: number | null; bestEpoch: number; bad: number }
    this.#best = best
    this.#bestEpoch = bestEpoch
    this.#bad = bad
    this.#weights = tensors
  }

  async #keepWeights(trainer: Trainer): Promise<void> {
    const copies = [...trainer.model.stateDict()].map(([name, variable]) => [name, detach(variable.read())] as const)
    await evaluate(...copies.map(([, copy]) => copy))
    this.#weights = new Map(copies)
  }
}
