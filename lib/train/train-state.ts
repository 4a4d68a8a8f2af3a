/** @file Where a training stands: what a checkpoint holds besides the model, and the way to and from one. */
import { check, fail, TenonError } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Module } from '../nn/module.ts'
import type { GradScaler } from '../optim/grad-scaler.ts'
import type { Optimizer, OptimizerState } from '../optim/optimizer.ts'
import type { Scheduler, SchedulerState } from '../optim/scheduler.ts'
import { tensor } from '../ops/create.ts'
import type { TensorLike } from '../ops/table.ts'
import { generator } from '../random.ts'
import { numbersOf } from './batch.ts'
import type { Callback } from './callbacks.ts'
import type { CheckpointContent, CheckpointRead } from './checkpoint.ts'
import type { Judged } from './checkpoint-folder.ts'
import type { EpochRecord, History, StepRecord } from './history.ts'
import type { MeterState, Meters } from './meters.ts'
import type { Position } from './source.ts'

/** Of the epoch that is under way. */
export interface RunningEpoch {
  /** Time, training time of it, and how long the engine had nothing to do. */
  seconds: number
  trainSeconds: number
  idleSeconds: number
  skipped: number
}

export const newEpoch = (): RunningEpoch => ({ seconds: 0, trainSeconds: 0, idleSeconds: 0, skipped: 0 })

export interface TrainState {
  /** Steps of the optimiser, and epochs, that are complete. */
  step: number
  epoch: number
  /** Epochs that were complete when the present fit began. */
  fitStart: number
  /** The present fit was ended by stop(). */
  isFinished: boolean
  /** The next batch; null: the beginning of an epoch. */
  position: Position | null
  /** All batches of the epoch were trained on, but it is not evaluated yet. */
  isAtEnd: boolean
  running: RunningEpoch
  /** Result of the last epoch. */
  judged: Judged | null
}

export const newState = (): TrainState => ({
  step: 0,
  epoch: 0,
  fitStart: 0,
  isFinished: false,
  position: null,
  isAtEnd: false,
  running: newEpoch(),
  judged: null,
})

/** All that a training consists of. */
export interface Trained {
  readonly model: Module
  readonly optimizer: Optimizer<{ lr: number }>
  /** Null: the loss is not scaled. */
  readonly scaler: GradScaler | null
  readonly scheduler: Scheduler | null
  readonly meters: Meters
  readonly history: History
  readonly state: TrainState
  /** States of callbacks that were loaded and wait for theirs to come, and those of the last fit's. */
  readonly waiting: Map<string, { data: unknown; tensors: Map<string, Tensor> }>
}

const STEP_COLUMNS = ['step', 'epoch', 'loss', 'learningRate', 'seconds'] as const

/** What a checkpoint of this moment holds. */
export function contentOf(trained: Trained, callbacks: readonly Callback[]): CheckpointContent {
  const { model, optimizer, scaler, scheduler, meters, history, state, waiting } = trained
  const { tensors, steps, groups } = optimizer.stateDict()
  const states = new Map<string, { data: unknown; tensors: ReadonlyMap<string, TensorLike> }>(waiting)
  for (const callback of callbacks) {
    const own = callback.state?.()
    if (own) states.set(nameOf(callback), { data: own.data ?? null, tensors: own.tensors ?? new Map() })
  }
  const callbackTensors = [...states].flatMap(([name, own]) =>
    [...own.tensors].map(([key, t]) => [`${name}/${key}`, t] as const),
  )
  return {
    tensors: {
      model: model.stateDict(),
      optimizer: tensors,
      ...(scaler ? { scaler: scaler.stateDict() } : {}),
      ...(history.steps.length > 0 ? { history: columnsOf(history.steps) } : {}),
      ...(callbackTensors.length > 0 ? { callbacks: new Map(callbackTensors) } : {}),
    },
    data: {
      ...state,
      random: { ...generator },
      optimizer: { name: optimizer.constructor.name, steps, groups },
      schedule: scheduler?.state() ?? null,
      meters: meters.state(),
      callbacks: Object.fromEntries([...states].map(([name, own]) => [name, own.data])),
      history: history.epochs,
    },
  }
}

/** Takes a checkpoint over. STATE or FORMAT if it does not fit; what was loaded until then stays loaded. */
export async function restore(trained: Trained, { path, tensors, data }: CheckpointRead): Promise<void> {
  const file = `${path}/checkpoint.json`
  checkData(file, data)
  try {
    await takeOver(trained, { path, tensors, data })
  } catch (error) {
    // Optimisers, schedules, metrics and callbacks refuse what is no state of theirs, each in its own way.
    if (error instanceof TenonError && (error.code === 'STATE' || error.code === 'FORMAT')) throw error
    throw new TenonError('FORMAT', 'checkpoint', `${file}: cannot be taken over: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

async function takeOver(trained: Trained, { path, tensors, data }: CheckpointRead): Promise<void> {
  const file = `${path}/checkpoint.json`
  const saved = data as unknown as SavedData
  const { model, optimizer, scaler, scheduler, meters, history, state, waiting } = trained
  check(
    (saved.schedule === null) === (scheduler === null),
    'STATE',
    'Trainer',
    () => `${path} was written ${saved.schedule ? 'with' : 'without'} a schedule. Make the trainer as it was then.`,
  )
  const name = optimizer.constructor.name
  check(
    saved.optimizer.name === name,
    'STATE',
    'Trainer',
    () => `${path} is of the optimiser ${saved.optimizer.name}, not ${name}.`,
  )
  await model.loadStateDict(tensors.model ?? new Map())
  const { steps, groups } = saved.optimizer
  await optimizer.loadStateDict({ tensors: tensors.optimizer ?? new Map(), steps, groups })
  if (scaler) await scaler.loadStateDict(tensors.scaler ?? new Map())
  if (scheduler) scheduler.load(saved.schedule!)
  meters.load(saved.meters)
  history.epochs.splice(0, Infinity, ...saved.history)
  history.steps.splice(0, Infinity)
  for (const record of recordsOf(file, tensors.history)) history.steps.push(record)
  delete history.stopped
  waiting.clear()
  for (const [callback, own] of Object.entries(saved.callbacks)) {
    const mine = [...(tensors.callbacks ?? [])].filter(([key]) => key.startsWith(`${callback}/`))
    const named = mine.map(([key, t]) => [key.slice(callback.length + 1), t] as const)
    waiting.set(callback, { data: own, tensors: new Map(named) })
  }
  for (const key of Object.keys(newState()) as (keyof TrainState)[]) Object.assign(state, { [key]: saved[key] })
  generator.seed = saved.random.seed
  generator.position = saved.random.position
}

/** What a callback is known by. */
export function nameOf(callback: Callback): string {
  return (
    callback.name ?? fail('VALUE', 'Trainer', 'a callback with state() needs a name, under which its state is kept.')
  )
}

interface SavedData extends TrainState {
  readonly random: { readonly seed: number; readonly position: number }
  readonly optimizer: Omit<OptimizerState<{ lr: number }>, 'tensors'> & { readonly name: string }
  readonly schedule: SchedulerState | null
  readonly meters: MeterState
  readonly callbacks: Readonly<Record<string, unknown>>
  readonly history: readonly EpochRecord[]
}

/** Fields and what they must be. Their parts are checked by those who take them. */
const isCount = (x: unknown) => Number.isSafeInteger(x) && (x as number) >= 0
const isObject = (x: unknown) => typeof x === 'object' && x !== null && !Array.isArray(x)
const has =
  (...names: string[]) =>
  (x: unknown) =>
    isObject(x) && names.every((name) => name in (x as object))
const orNull = (is: (x: unknown) => boolean) => (x: unknown) => x === null || is(x)
const isPosition = (x: unknown) => has('epoch', 'batch')(x) && Object.values(x as object).every(isCount)
const FIELDS: Readonly<Record<keyof SavedData, (x: unknown) => boolean>> = {
  step: isCount,
  epoch: isCount,
  fitStart: isCount,
  isFinished: (x) => typeof x === 'boolean',
  position: orNull(isPosition),
  isAtEnd: (x) => typeof x === 'boolean',
  running: (x) => has(...Object.keys(newEpoch()))(x) && Object.values(x as object).every((v) => typeof v === 'number'),
  judged: orNull(has('name', 'value', 'mode')),
  random: (x) => has('seed', 'position')(x) && Object.values(x as object).every(isCount),
  optimizer: (x) => {
    const { steps, groups } = (isObject(x) ? x : {}) as Record<string, unknown>
    return Array.isArray(steps) && steps.every(isCount) && Array.isArray(groups) && groups.every(isObject)
  },
  schedule: orNull((x) => {
    const { bases, time, memory } = (isObject(x) ? x : {}) as Record<string, unknown>
    const isTime = has('step', 'epoch')(time) && Object.values(time as object).every(isCount)
    return Array.isArray(bases) && bases.every((rate) => typeof rate === 'number') && isTime && memory !== undefined
  }),
  meters: (x) => {
    const { loss, samples, metrics, broken } = (isObject(x) ? x : {}) as Record<string, unknown>
    const isNames = Array.isArray(broken) && broken.every((name) => typeof name === 'string')
    return typeof loss === 'number' && isCount(samples) && isObject(metrics) && isNames
  },
  callbacks: isObject,
  history: (x) => Array.isArray(x) && x.every((record) => has('epoch', 'metrics')(record)),
}

function checkData(file: string, data: Readonly<Record<string, unknown>>): void {
  for (const [name, isRight] of Object.entries(FIELDS)) {
    check(
      isRight(data[name]),
      'FORMAT',
      'checkpoint',
      () => `${file}: '${name}' is not as it should be: ${JSON.stringify(data[name])}.`,
    )
  }
}

function columnsOf(steps: readonly StepRecord[]): Map<string, Tensor> {
  return new Map(STEP_COLUMNS.map((name) => [name, tensor(Float64Array.from(steps, (record) => record[name]))]))
}

function* recordsOf(file: string, columns: ReadonlyMap<string, Tensor> | undefined): Generator<StepRecord> {
  if (!columns) return
  const arrays = STEP_COLUMNS.map((name) => {
    const column = columns.get(name)
    check(column?.dtype === 'f64', 'FORMAT', 'checkpoint', () => `${file}: its history has no column '${name}' in f64.`)
    return numbersOf(column) as Float64Array
  })
  for (let i = 0; i < arrays[0]!.length; i++) {
    const entries = STEP_COLUMNS.map((name, column) => [name, arrays[column]![i]!] as const)
    yield Object.fromEntries(entries) as unknown as StepRecord
  }
}
