/** @file Loading one batch: samples, transform, collate. The same code on the user's thread and in workers. */
import { evaluate } from '../engine/evaluate.ts'
import { TenonError } from '../errors.ts'
import { ownArrays, tensorsOf } from './arrays.ts'
import { stack } from './collate.ts'
import type { Dataset } from './dataset.ts'
import { RandomNumbers } from './random-numbers.ts'

/** What a transform may use besides the sample. */
export interface SampleContext {
  /** Number of the sample in the dataset; in a stream its position in the epoch. */
  readonly index: number
  readonly epoch: number
  /** Random numbers of this sample in this epoch: the same in any thread, and after resuming. */
  readonly random: RandomNumbers
}

/** What makes batches of a dataset. */
export interface BatchMaker {
  readonly dataset: Dataset | null
  readonly transform: ((sample: unknown, context: SampleContext) => unknown) | undefined
  readonly collate: (samples: readonly unknown[]) => unknown
  /** Whether a sample that cannot be loaded is left out. */
  readonly skips: boolean
}

export interface BatchRequest {
  readonly seed: number
  readonly epoch: number
  readonly indices: ArrayLike<number>
}

export interface LoadedBatch {
  /** Undefined when every sample was left out. */
  readonly batch: unknown
  readonly skipped: readonly TenonError[]
}

/** A sample that could not be loaded, in its place. */
class Failed {
  readonly error: TenonError
  constructor(error: TenonError) {
    this.error = error
  }
}

/** The batch of these samples of the dataset. */
export async function loadBatch(maker: BatchMaker, request: BatchRequest): Promise<LoadedBatch> {
  const { dataset, transform, collate, skips } = maker
  if (dataset!.batch && !transform && collate === stack) {
    try {
      return { batch: await owned(dataset!.batch(request.indices)), skipped: [] }
    } catch (error) {
      // One by one, then, to leave out only those that fail.
      if (!skips) throw batchError(request.indices, error)
    }
  }
  return assemble(maker, request, (i) => dataset!.get(request.indices[i]!))
}

/** The batch of samples that `get` has by position. */
export async function assemble(
  maker: BatchMaker,
  request: BatchRequest,
  get: (position: number) => unknown,
): Promise<LoadedBatch> {
  const { dataset, transform, collate, skips } = maker
  const { indices } = request
  const loading = Array.from({ length: indices.length }, (_, i) => {
    const index = indices[i]!
    const load = () => (transform ? transformed(get(i), transform, contextOf(request, index)) : get(i))
    return attempt(load, (error) => sampleError(index, dataset?.nameOf?.(index) ?? '', error))
  })
  const loaded: unknown[] = loading.some((sample) => sample instanceof Promise) ? await Promise.all(loading) : loading
  const failures = loaded.filter((sample) => sample instanceof Failed)
  if (failures.length > 0 && !skips) throw failures[0]!.error
  const skipped = failures.map((failed) => failed.error)
  const samples = failures.length > 0 ? loaded.filter((sample) => !(sample instanceof Failed)) : loaded
  if (samples.length === 0) return { batch: undefined, skipped }
  try {
    const pending = tensorsOf(samples).filter((t) => t.value === null || t.value.run !== null)
    if (pending.length > 0) await evaluate(...pending)
    return { batch: await owned(collate(samples)), skipped }
  } catch (error) {
    throw batchError(indices, error)
  }
}

/** At once: a function may write the next batch into the same arrays. */
const owned = (batch: unknown): unknown => (batch instanceof Promise ? batch.then(ownArrays) : ownArrays(batch))

function attempt(load: () => unknown, translate: (error: unknown) => TenonError): unknown {
  try {
    const sample = load()
    return sample instanceof Promise ? sample.catch((error: unknown) => new Failed(translate(error))) : sample
  } catch (error) {
    return new Failed(translate(error))
  }
}

function transformed(
  sample: unknown,
  transform: NonNullable<BatchMaker['transform']>,
  context: SampleContext,
): unknown {
  return sample instanceof Promise ? sample.then((s: unknown) => transform(s, context)) : transform(sample, context)
}

function contextOf({ seed, epoch }: BatchRequest, index: number): SampleContext {
  let random: RandomNumbers | undefined
  return {
    index,
    epoch,
    get random() {
      return (random ??= new RandomNumbers(seed, epoch, index))
    },
  }
}

/** The error of one sample: which one, which file, what. */
export function sampleError(index: number, name: string, error: unknown): TenonError {
  const text = textOf(error)
  const where = name && !text.includes(name) ? ` (${name})` : ''
  return wrap(error, `sample ${index}${where} cannot be loaded: ${text}`)
}

const SHOWN = 8

/** The error of a whole batch: which samples, what. */
export function batchError(indices: ArrayLike<number>, error: unknown): TenonError {
  const shown = Array.from({ length: Math.min(indices.length, SHOWN) }, (_, i) => indices[i]).join(', ')
  return wrap(error, `no batch of the samples ${shown}${indices.length > SHOWN ? ', ...' : ''}: ${textOf(error)}`)
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const wrap = (error: unknown, message: string): TenonError =>
  new TenonError(error instanceof TenonError ? error.code : 'VALUE', 'DataLoader', message, { cause: error })
