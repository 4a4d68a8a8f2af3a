/** @file The learning-rate range test: losses at rates that grow from step to step, and what they suggest. */
import { check, checkInteger, checkOptions } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import { detach } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Variable } from '../graph/variable.ts'
import type { TensorLike } from '../ops/table.ts'
import { generator } from '../random.ts'
import { numbersOf, samplesOf } from './batch.ts'
import { Reader } from './source.ts'
import type { BatchSource } from './source.ts'
import { nonFinite } from './step.ts'
import type { Step } from './step.ts'
import type { Trained } from './train-state.ts'

export interface LearningRateOptions {
  /** Default: 1e-7. */
  from?: number
  /** Default: 10. */
  to?: number
  /** Steps between them, each at a rate larger by the same factor. Default: 100. */
  steps?: number
  /** Weight of the past in the running mean of losses. Default: 0.9. */
  smoothing?: number
  /** It ends when the mean is so many times the least one. Default: 4. */
  stopFactor?: number
  /** Of a Dataset. Default: 32. */
  batchSize?: number
}

export interface LearningRates {
  readonly rates: readonly number[]
  /** As they were. */
  readonly losses: readonly number[]
  /** The running mean, corrected for its beginning. */
  readonly smoothed: readonly number[]
  /** Where the mean falls fastest by the logarithm of the rate, before its least value; null where it never falls. */
  readonly suggestion: number | null
}

export async function findRate(
  trained: Trained,
  step: Step,
  source: BatchSource,
  options: LearningRateOptions,
): Promise<LearningRates> {
  checkOptions('findLearningRate', options, ['from', 'to', 'steps', 'smoothing', 'stopFactor', 'batchSize'])
  const { from = 1e-7, to = 10, steps = 100, smoothing = 0.9, stopFactor = 4 } = options
  check(from > 0 && to > from, 'VALUE', 'findLearningRate', () => `needs 0 < from < to, got ${from} and ${to}.`)
  check(
    smoothing >= 0 && smoothing < 1,
    'VALUE',
    'findLearningRate',
    () => `smoothing lies in [0, 1), got ${smoothing}.`,
  )
  checkInteger('findLearningRate', 'steps', steps, 2)
  const rates: number[] = []
  const losses: number[] = []
  const smoothed: number[] = []
  const restore = await snapshot(trained)
  const reader = new Reader(source)
  const position = source.state?.()
  try {
    trained.model.train()
    step.retrace()
    let mean = 0
    for (let i = 0; i < steps; i++) {
      const rate = from * (to / from) ** (i / (steps - 1))
      // After the end of an epoch comes another one.
      const fetched = (await reader.next()) ?? (await reader.next())
      check(fetched, 'VALUE', 'findLearningRate', () => 'the data gave no batch.')
      for (const group of trained.optimizer.paramGroups) group.lr = rate
      const loss = await lossOf(step, fetched.batch, i)
      if (loss === null) break
      mean = smoothing * mean + (1 - smoothing) * loss
      const corrected = mean / (1 - smoothing ** (i + 1))
      rates.push(rate)
      losses.push(loss)
      smoothed.push(corrected)
      if (corrected > stopFactor * Math.min(...smoothed)) break
    }
  } finally {
    await reader.close()
    if (position) source.load?.(position)
    await restore()
    step.retrace()
  }
  return { rates, losses, smoothed, suggestion: steepest(rates, smoothed) }
}

/** Null: not finite any more. */
async function lossOf(step: Step, batch: Parameters<Step['train']>[0], i: number): Promise<number | null> {
  try {
    const computed = await step.train(batch, samplesOf(batch), 'whole', `at step ${i + 1} of the search`)
    return Number(numbersOf(computed.loss!)[0])
  } catch (error) {
    if (nonFinite(error)) return null
    throw error
  }
}

/** Between the first tenth, where the mean is still noise, and the least loss. */
function steepest(rates: readonly number[], losses: readonly number[]): number | null {
  const lowest = losses.indexOf(Math.min(...losses))
  let best: number | null = null
  let least = 0
  for (let i = Math.max(1, Math.floor(rates.length / 10)); i < lowest; i++) {
    const slope = (losses[i + 1]! - losses[i - 1]!) / Math.log(rates[i + 1]! / rates[i - 1]!)
    if (slope < least) {
      least = slope
      best = rates[i]!
    }
  }
  return best
}

/** Keeps model, optimiser, modes and random numbers; gives what brings them back. */
async function snapshot({ model, optimizer, scaler }: Trained): Promise<() => Promise<void>> {
  const random = { ...generator }
  const modes = model.modules().map((module) => [module, module.training] as const)
  const copy = (variables: ReadonlyMap<string, Variable | TensorLike>) =>
    new Map<string, Tensor>([...variables].map(([name, v]) => [name, detach((v as Variable).read())]))
  const weights = copy(model.stateDict())
  const { tensors, steps, groups } = optimizer.stateDict()
  const state = copy(tensors)
  const scale = scaler && copy(scaler.stateDict())
  await evaluate(...weights.values(), ...state.values(), ...(scale?.values() ?? []))
  return async () => {
    await model.loadStateDict(weights)
    await optimizer.loadStateDict({ tensors: state, steps, groups })
    if (scale) await scaler.loadStateDict(scale)
    for (const [module, training] of modes) module.training = training
    Object.assign(generator, random)
  }
}
