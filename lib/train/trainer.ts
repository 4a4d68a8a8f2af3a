/** @file Trainer: fit, evaluate, predict, checkpoints and the report of a model. The loops are in fit.ts and evaluate-loop.ts. */
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import { DataLoader } from '../data/data-loader.ts'
import { isDataset } from '../data/dataset.ts'
import type { Dataset } from '../data/dataset.ts'
import { Tensor } from '../graph/tensor.ts'
import { Module } from '../nn/module.ts'
import type { AutocastDType } from '../ops/autocast.ts'
import { GradScaler } from '../optim/grad-scaler.ts'
import { Optimizer } from '../optim/optimizer.ts'
import { Scheduler } from '../optim/scheduler.ts'
import type { Schedule } from '../optim/scheduler.ts'
import type { Batch } from './batch.ts'
import type { Callback } from './callbacks.ts'
import { isCheckpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { CheckpointFolder, latestCheckpoint } from './checkpoint-folder.ts'
import type { CheckpointOptions } from './checkpoint-folder.ts'
import { evaluateAll, predictAll, slicesOf } from './evaluate-loop.ts'
import { Fit } from './fit.ts'
import type { History } from './history.ts'
import { findRate } from './lr-finder.ts'
import type { LearningRateOptions, LearningRates } from './lr-finder.ts'
import type { Logger } from './logs.ts'
import { Meters } from './meters.ts'
import { metricsByName } from './metric.ts'
import type { Metrics } from './metric.ts'
import { Progress } from './progress.ts'
import type { Verbose } from './progress.ts'
import { writeReport } from './report.ts'
import { resultsOf } from './results.ts'
import type { ReportOptions } from './results.ts'
import { onSignals } from './signals.ts'
import { isSource } from './source.ts'
import type { BatchSource } from './source.ts'
import { Step } from './step.ts'
import type { Clip, Passed } from './step.ts'
import { contentOf, nameOf, newEpoch, newState, restore } from './train-state.ts'
import type { Trained } from './train-state.ts'

/** Batches (a DataLoader, a list of batches, something that can be iterated anew each epoch), or a Dataset, which gets a loader. */
export type TrainData = BatchSource<unknown> | Dataset

export interface TrainerOptions<O = Tensor, T = Tensor> {
  optimizer: Optimizer<{ lr: number }>
  /** A scalar: the mean over the batch. */
  loss: (output: NoInfer<O>, target: NoInfer<T>) => Tensor
  /** Of training and validation: metrics, or functions that give a batch's mean as a scalar. */
  metrics?: Metrics<NoInfer<O>, NoInfer<T>>
  /** Learning rates over time. Default: those of the optimiser stay. */
  schedule?: Schedule | null
  /** Limits on gradients: the norm of all together, each number. Both: numbers first. */
  clip?: Clip
  /** Batches whose gradients make one step together, weighted by their samples. The rest of an epoch makes a step, too. Default: 1. */
  accumulate?: number
  /**
   * How the model is applied to a batch. Default: a batch [x, ..., target] gives model.forward(x, ...) and target.
   */
  forward?: (model: Module, batch: never) => Passed<O, T>
  /**
   * Trace the step once for each combination of shapes, and again each epoch, instead of building its graph for every batch. A step that
   * is found to depend on more than its batch and variables when it is traced a second time is not compiled. Default: true.
   */
  compile?: boolean
  /** Model and loss are computed under autocast() with this dtype; 'f16' scales the loss by an optim.GradScaler. Default: null. */
  autocast?: 'bf16' | 'f16' | null
  /** A folder for checkpoints, or when and which. Default: none. */
  checkpoints?: string | CheckpointOptions | null
  /** Where numbers are written; closed at the end of fit(), so that each fit needs new ones: fit() takes them, too. */
  logs?: readonly Logger[]
  /** What happens with a batch whose loss (or, with clip.norm, gradient) is not finite. Nothing is ever written by such a step. Default: 'throw'. */
  onNaN?: 'throw' | 'skip'
  /** What happens when a metric throws; 'skip': it is NaN for this epoch. Default: 'throw'. */
  onMetricError?: 'throw' | 'skip'
}

export interface FitOptions {
  /** Epochs of this fit; one that goes on from a checkpoint counts those made before. Default: 1. */
  epochs?: number
  /** Data to evaluate after each epoch. */
  validation?: TrainData | null
  callbacks?: readonly Callback[]
  /** 0: print nothing; 1: a bar on a terminal, else lines; 2: a line an epoch. Default: 1. */
  verbose?: Verbose
  /** Of a Dataset. Default: 32. */
  batchSize?: number
  /** Of a Dataset for training. Default: true. */
  shuffle?: boolean
  /** Of the shuffling. Default: that of manualSeed(). */
  seed?: number
  /**
   * Go on from a checkpoint, or the last one of a folder of them, bit for bit. true: the last one in the trainer's own folder, or from
   * the beginning where there is none.
   */
  resume?: string | boolean
  logs?: readonly Logger[]
  /** Whether Ctrl-C and SIGTERM end the fit after the running step, with a checkpoint. A second one ends the process. Default: true. */
  signals?: boolean
  /** Ends the fit after the running step, with a checkpoint. */
  signal?: AbortSignal | null
}

export interface EvaluateDataOptions {
  /** Of a Dataset, or of a tensor's slices. Default: 32. */
  batchSize?: number
}

const OPTIONS = [
  ...['optimizer', 'loss', 'metrics', 'schedule', 'clip', 'accumulate', 'forward', 'compile', 'checkpoints', 'logs'],
  ...['onNaN', 'onMetricError', 'autocast'],
]
const FIT_OPTIONS = [
  ...[
    'epochs',
    'validation',
    'callbacks',
    'verbose',
    'batchSize',
    'shuffle',
    'seed',
    'resume',
    'logs',
    'signals',
    'signal',
  ],
]

/** Trains a model. */
export class Trainer<O = Tensor, T = Tensor> {
  readonly model: Module
  readonly optimizer: Optimizer<{ lr: number }>
  /** Of all fits of this trainer. */
  readonly history: History = { epochs: [], steps: [] }
  readonly #trained: Trained
  readonly #step: Step
  readonly #folder: CheckpointFolder | null
  readonly #logs: readonly Logger[]
  readonly #accumulate: number
  readonly #onNaN: 'throw' | 'skip'
  readonly #autocast: AutocastDType
  #fit: Fit | null = null
  /** A checkpoint was loaded: the next fit goes on with it. */
  #isLoaded = false
  #callbacks: readonly Callback[] = []

  constructor(model: Module, options: TrainerOptions<O, T>) {
    checkOptions('Trainer', options, OPTIONS)
    check(model instanceof Module, 'VALUE', 'Trainer', () => `needs a model, got ${String(model)}.`)
    const { optimizer, loss, metrics, schedule = null, clip = {}, accumulate = 1, compile = true } = options
    const { checkpoints = null, logs = [], onNaN = 'throw', onMetricError = 'throw' } = options
    const given = optimizer instanceof Optimizer && typeof loss === 'function'
    check(given, 'VALUE', 'Trainer', () => 'needs { optimizer, loss }.')
    checkChoice('onNaN', onNaN)
    checkChoice('onMetricError', onMetricError)
    checkOptions('clip', clip, ['norm', 'value'])
    const { autocast: narrow = null } = options
    const isKnown = narrow === null || narrow === 'bf16' || narrow === 'f16'
    check(isKnown, 'VALUE', 'Trainer', () => `autocast is 'bf16', 'f16' or null, got ${String(narrow)}.`)
    this.#autocast = narrow ?? 'f32'
    const scaler = narrow === 'f16' ? new GradScaler() : null
    this.model = model
    this.optimizer = optimizer
    this.#accumulate = checkInteger('Trainer', 'accumulate', accumulate, 1)
    this.#onNaN = onNaN
    this.#logs = logs
    this.#folder = checkpoints === null ? null : new CheckpointFolder(checkpoints)
    const meters = new Meters(metricsByName(metrics) as never, onMetricError)
    const forward = options.forward ?? forwardTuple
    this.#step = new Step({
      model,
      optimizer: this.optimizer,
      forward: (batch) => forward(model, batch as never) as Passed,
      loss: loss as never,
      meters,
      clip,
      compile,
      autocast: this.#autocast,
      scaler,
    })
    this.#trained = {
      model,
      optimizer: this.optimizer,
      scaler,
      scheduler: schedule && new Scheduler(this.optimizer, schedule),
      meters,
      history: this.history,
      state: newState(),
      waiting: new Map(),
    }
  }

  /** Steps of the optimiser that were made. */
  get step(): number {
    return this.#trained.state.step
  }

  /** Epochs that are complete. */
  get epoch(): number {
    return this.#trained.state.epoch
  }

  /**
   * Trains. Puts the model into training mode once, at the beginning. Throws what the data, the loss, a metric or a callback throws, with
   * step, epoch and batch; what was trained until then is in the model, and in a checkpoint where there is a folder for it.
   */
  async fit(data: TrainData, options: FitOptions = {}): Promise<History> {
    checkOptions('fit', options, FIT_OPTIONS)
    const { epochs = 1, validation = null, callbacks = [], verbose = 1, batchSize = 32, shuffle = true, seed } = options
    const { resume = false, signals = true, signal = null, logs = [] } = options
    checkInteger('fit', 'epochs', epochs, 0)
    checkInteger('fit', 'verbose', verbose, 0, 2)
    check(this.#fit === null, 'VALUE', 'fit', () => 'this trainer is in a fit already.')
    checkNames(callbacks)
    if (resume !== false) await this.#resume(resume)
    const { state, meters } = this.#trained
    const isNew = !this.#isLoaded
    this.#isLoaded = false
    if (isNew) {
      Object.assign(state, {
        fitStart: state.epoch,
        isFinished: false,
        position: null,
        isAtEnd: false,
        running: newEpoch(),
      })
      meters.reset()
    }
    await this.#folder?.prepare(state.step)
    await this.#giveStates(callbacks)
    this.#callbacks = callbacks
    const source = sourceOf(data, { batchSize, shuffle, ...(seed === undefined ? {} : { seed }) })
    // A loader of its own goes on with new orders.
    if (isNew && source !== data) source.load?.({ epoch: state.epoch, batch: 0 })
    const held = validation && sourceOf(validation, { batchSize })
    const allLogs = [...this.#logs, ...logs]
    const fit = new Fit({
      ...this.#trained,
      trainer: this as unknown as Trainer,
      step: this.#step,
      source,
      validate: held && (() => evaluateAll(this.#trained, this.#step, held, true)),
      epochs,
      accumulate: this.#accumulate,
      onNaN: this.#onNaN,
      callbacks,
      logs: allLogs,
      folder: this.#folder,
      progress: new Progress(verbose),
    })
    this.#fit = fit
    const undo = signals ? onSignals((name) => fit.stop(name, false)) : () => {}
    const abort = () => fit.stop('aborted', false)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort)
    try {
      return await fit.run()
    } finally {
      this.#fit = null
      undo()
      signal?.removeEventListener('abort', abort)
      if (source !== data && source instanceof DataLoader) await source.close()
      for (const log of allLogs) await log.close()
    }
  }

  /** Ends the running fit after the running step; a checkpoint of it is that of a finished fit. */
  stop(reason = 'stop()'): void {
    check(this.#fit, 'VALUE', 'stop', () => 'no fit is running.')
    this.#fit.stop(reason, true)
  }

  /**
   * Loss and metrics of the model in its mode for use. Outside of a fit the metrics keep what they counted: a confusion matrix, say.
   */
  async evaluate(data: TrainData, options: EvaluateDataOptions = {}): Promise<Record<string, number>> {
    checkOptions('evaluate', options, ['batchSize'])
    const isWithinEpoch = this.#fit !== null || this.#trained.state.running.trainSeconds > 0
    return evaluateAll(this.#trained, this.#step, sourceOf(data, options), isWithinEpoch)
  }

  /**
   * Outputs of the model for all samples, along the first axis. A tensor is cut into batches; of batches [x, ..., target] the target is
   * left out, and what is a list of one tensor, or a tensor, has none.
   */
  async predict(data: TrainData | Tensor, options: EvaluateDataOptions = {}): Promise<Tensor> {
    checkOptions('predict', options, ['batchSize'])
    const { batchSize = 32 } = options
    const source = data instanceof Tensor ? slicesOf(data, batchSize) : sourceOf(data, options)
    return predictAll(this.model, source, this.#autocast)
  }

  /** Writes a checkpoint; what was at the path before is replaced when it is complete. */
  async save(path: string): Promise<void> {
    await writeCheckpoint(path, contentOf(this.#trained, this.#callbacks))
  }

  /** Takes over a checkpoint, or the last one of a folder of them. The next fit() goes on with it. */
  async load(path: string): Promise<void> {
    const found = (await isCheckpoint(path)) ? path : ((await latestCheckpoint(path)) ?? path)
    await restore(this.#trained, await readCheckpoint(found))
    this.#isLoaded = true
  }

  /**
   * Tries learning rates that grow from step to step, and gives the losses (Smith 2017). Model, optimiser and random numbers are
   * as before afterwards.
   */
  async findLearningRate(data: TrainData, options: LearningRateOptions = {}): Promise<LearningRates> {
    check(this.#fit === null, 'VALUE', 'findLearningRate', () => 'this trainer is in a fit.')
    const { batchSize = 32 } = options
    return findRate(this.#trained, this.#step, sourceOf(data, { batchSize, shuffle: true }), options)
  }

  /** Writes `report.html` into a folder and gives its path. With `data` it shows what the model confuses, and its worst mistakes. */
  async report(dir: string, options: ReportOptions<TrainData> = {}): Promise<string> {
    const { data = null, batchSize } = options
    const source = data && sourceOf(data, batchSize === undefined ? {} : { batchSize })
    return writeReport(dir, await resultsOf(this.#trained, source, options))
  }

  async #resume(resume: string | true): Promise<void> {
    if (resume !== true) return this.load(resume)
    const folder =
      this.#folder ??
      fail('VALUE', 'fit', 'resume: true needs the option checkpoints of the trainer, or resume: a folder.')
    const path = await folder.latest()
    if (path) await this.load(path)
  }

  async #giveStates(callbacks: readonly Callback[]): Promise<void> {
    const { waiting } = this.#trained
    for (const callback of callbacks) {
      const saved = callback.load ? waiting.get(nameOf(callback)) : undefined
      if (!saved) continue
      await callback.load!(saved)
      waiting.delete(nameOf(callback))
    }
  }
}

/** Batches [x, ..., target]. */
function forwardTuple(model: Module, batch: Batch): Passed {
  if (!Array.isArray(batch) || batch.length < 2) {
    return fail(
      'VALUE',
      'Trainer',
      'needs batches [x, target]. For others give the option forward: (model, batch) => ({ output, target }).',
    )
  }
  const apply = model.forward as unknown as (...inputs: unknown[]) => Batch
  return { output: apply.apply(model, batch.slice(0, -1)), target: batch.at(-1) as Batch }
}

function sourceOf(data: unknown, options: { batchSize?: number; shuffle?: boolean; seed?: number }): BatchSource {
  if (isDataset(data)) return new DataLoader(data, options) as unknown as BatchSource
  if (isSource(data)) return data
  return fail('VALUE', 'Trainer', 'needs a DataLoader, a Dataset, or something that gives batches.')
}

function checkChoice(name: string, value: string): void {
  check(
    value === 'throw' || value === 'skip',
    'VALUE',
    'Trainer',
    () => `${name} is 'throw' or 'skip', got ${String(value)}.`,
  )
}

/** States are kept by name. */
function checkNames(callbacks: readonly Callback[]): void {
  const names = callbacks.filter((callback) => callback.state).map(nameOf)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  check(twice === undefined, 'VALUE', 'fit', () => `two callbacks with a state are named '${twice}'.`)
}
