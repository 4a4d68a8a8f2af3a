/** @file DataLoader: epochs of batches from a dataset or stream, in seeded order, prepared while the last one is used. */
import { evaluate } from '../engine/evaluate.ts'
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import type { TenonError } from '../errors.ts'
import { generator } from '../random.ts'
import { Ahead } from './ahead.ts'
import { tensorsOf, toTensors } from './arrays.ts'
import type { Tensors } from './arrays.ts'
import { stack } from './collate.ts'
import type { Collated } from './collate.ts'
import { ArrayDataset, checkIndex, checkOnError, isDataset } from './dataset.ts'
import type { Dataset, OnError } from './dataset.ts'
import { assemble, loadBatch } from './load-batch.ts'
import type { BatchMaker, BatchRequest, LoadedBatch, SampleContext } from './load-batch.ts'
import { sourceOf } from './module-source.ts'
import { RandomNumbers } from './random-numbers.ts'
import { randomSampler, sequentialSampler } from './samplers.ts'
import type { Sampler } from './samplers.ts'
import { isIterable, iterate, Stream } from './stream.ts'
import { WorkerPool } from './worker-pool.ts'

export interface DataLoaderOptions<S, T, B, C> {
  /** Samples a batch. Default: 32. */
  batchSize?: number
  /** A new order in each epoch. Default: false. Streams are shuffled within a buffer (`shuffleBuffer`). */
  shuffle?: boolean
  /** With the epoch it decides the order and all other chance of the loader. Default: the seed of manualSeed(). */
  seed?: number
  /** The order of samples, instead of `shuffle`. */
  sampler?: Sampler
  /** Leave out the last batch when it is short. Default: false. */
  dropLast?: boolean
  /** A function on each sample. Chance comes from `context.random`. */
  transform?: (sample: S, context: SampleContext) => T | Promise<T>
  /** Makes a batch of samples: NdArrays, typed arrays and tensors in it become tensors. Default: `stack`. */
  collate?: (samples: T[]) => B | Promise<B>
  /** A function on each batch, with tensors; what it returns is evaluated ahead of time. Random tensors in it are those of the batch. */
  transformBatch?: (batch: Tensors<B>) => C | Promise<C>
  /** Batches that are prepared while one is used. Default: 2, with workers 2 for each of them. */
  prefetch?: number
  /** Worker threads that load. Default: 0. Dataset, transform and collate must then come from `fromModule` or be tenon's own. */
  workers?: number
  /** With samples that cannot be loaded: throw, leave them out, or leave them out and call a function. Default: 'throw'. */
  onError?: OnError
  /** Samples of a stream that are shuffled together. Default: 1024. */
  shuffleBuffer?: number
}

const OPTION_NAMES = [
  'batchSize',
  'shuffle',
  'seed',
  'sampler',
  'dropLast',
  'transform',
  'collate',
  'transformBatch',
  'prefetch',
  'workers',
  'onError',
  'shuffleBuffer',
]

/** The position of the next batch. */
export interface LoaderState {
  readonly epoch: number
  readonly batch: number
}

/** What a loader reads: a dataset, a list of samples, a stream, any iterable, or a function that gives one for each epoch. */
export type Samples<S> =
  Dataset<S> | readonly S[] | Stream<S> | AsyncIterable<S> | Iterable<S> | (() => AsyncIterable<S> | Iterable<S>)

/**
 * Batches of samples. `for await (const [x, y] of loader)` is one epoch; what comes are evaluated tensors. Everything it does by chance
 * is a function of (seed, epoch), so `state()` and `load()` resume in the middle of an epoch, bit for bit, with any number of workers.
 * An epoch that was left early (`break`) is over: the next iteration begins the next one.
 */
export class DataLoader<S = unknown, T = S, B = Collated<T>, C = Tensors<B>> implements AsyncIterable<C> {
  /** Samples a batch; the last one of an epoch may have fewer. */
  readonly batchSize: number
  readonly seed: number
  readonly #dataset: Dataset | null
  readonly #stream: Stream<unknown> | null
  readonly #sampler: Sampler | null
  readonly #maker: BatchMaker
  readonly #transformBatch: ((batch: unknown) => unknown) | undefined
  readonly #pool: WorkerPool | null
  readonly #prefetch: number
  readonly #dropLast: boolean
  readonly #onError: OnError
  #position: LoaderState = { epoch: 0, batch: 0 }
  #resumes = false
  /** The iteration that `state()` is about: the last one begun. */
  #iteration: object | null = null
  #waitSeconds = 0
  #numSkipped = 0

  constructor(samples: Samples<S>, options: DataLoaderOptions<S, T, B, C> = {}) {
    checkOptions('DataLoader', options, OPTION_NAMES)
    const {
      batchSize = 32,
      seed = generator.seed,
      dropLast = false,
      workers = 0,
      onError = 'throw',
      shuffle = false,
    } = options
    this.batchSize = checkInteger('DataLoader', 'batchSize', batchSize, 1)
    this.seed = checkInteger('DataLoader', 'seed', seed, 0)
    this.#prefetch = checkInteger('DataLoader', 'prefetch', options.prefetch ?? Math.max(2, 2 * workers), 0)
    this.#dropLast = dropLast
    checkOnError('DataLoader', onError)
    this.#onError = onError
    const source = sourceOfSamples(samples)
    this.#dataset = source instanceof Stream ? null : source
    this.#stream = source instanceof Stream ? streamFor(source, options) : null
    this.#sampler = this.#dataset && samplerFor(this.#dataset, shuffle, options.sampler)
    this.#maker = {
      dataset: this.#dataset,
      transform: options.transform as BatchMaker['transform'],
      collate: (options.collate as BatchMaker['collate'] | undefined) ?? stack,
      skips: onError !== 'throw',
    }
    this.#transformBatch = options.transformBatch as ((batch: unknown) => unknown) | undefined
    checkInteger('DataLoader', 'workers', workers, 0, 1024)
    this.#pool = workers === 0 ? null : new WorkerPool(workers, setupFor(this.#maker))
  }

  /** Batches an epoch; undefined for streams. */
  get length(): number | undefined {
    if (!this.#sampler) return undefined
    const batches = this.#sampler.length / this.batchSize
    return this.#dropLast ? Math.floor(batches) : Math.ceil(batches)
  }

  /** The epoch that is running, or else the one that comes next. Counts from 0. */
  get epoch(): number {
    return this.#position.epoch
  }

  /** Seconds that were spent waiting for batches, all epochs together. */
  get waitSeconds(): number {
    return this.#waitSeconds
  }

  /** Samples left out because of `onError`, all epochs together. */
  get numSkipped(): number {
    return this.#numSkipped
  }

  /** Where the batch comes from that is next: plain data for a checkpoint. After an epoch's last batch it says so until the epoch is left. */
  state(): LoaderState {
    return { ...this.#position }
  }

  /** The next iteration goes on there. */
  load(state: LoaderState): void {
    checkOptions('DataLoader.load', state, ['epoch', 'batch'])
    const { epoch, batch } = state
    checkInteger('DataLoader.load', 'epoch', epoch, 0)
    checkInteger('DataLoader.load', 'batch', batch, 0, this.length)
    this.#position = { epoch, batch }
    this.#iteration = null
    this.#resumes = true
  }

  /** Ends the workers. The loader can be used again; it starts new ones. Without workers there is nothing to close. */
  async close(): Promise<void> {
    await this.#pool?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** One epoch, or the rest of the one that was loaded. */
  async *[Symbol.asyncIterator](): AsyncGenerator<C, void, undefined> {
    const iteration = (this.#iteration = {})
    if (!this.#resumes && this.#position.batch > 0) this.#position = { epoch: this.#position.epoch + 1, batch: 0 }
    this.#resumes = false
    let { epoch, batch } = this.#position
    const feed = this.#stream ? this.#streamFeed(this.#stream, epoch, batch) : this.#indexFeed(epoch, batch)
    const ahead = new Ahead(feed.start, this.#prefetch)
    const moveTo = (position: LoaderState) => {
      if (this.#iteration === iteration) this.#position = position
    }
    try {
      for (;;) {
        const loaded = await this.#timed(ahead.next())
        if (loaded === null) break
        moveTo({ epoch, batch: ++batch })
        this.#tell(loaded.skipped)
        if (loaded.batch !== undefined) yield loaded.batch as C
      }
      moveTo({ epoch: epoch + 1, batch: 0 })
    } finally {
      ahead.close()
      feed.close()
    }
  }

  async #timed<R>(work: Promise<R>): Promise<R> {
    const start = performance.now()
    try {
      return await work
    } finally {
      this.#waitSeconds += (performance.now() - start) / 1000
    }
  }

  #tell(skipped: readonly TenonError[]): void {
    this.#numSkipped += skipped.length
    if (typeof this.#onError === 'function') for (const error of skipped) this.#onError(error)
  }

  /** Batches by the sampler's order. */
  #indexFeed(epoch: number, batch: number): Feed {
    const { seed, batchSize } = this
    const order = this.#order(epoch)
    let next = batch
    const start = async (): Promise<LoadedBatch | null> => {
      const number = next++
      const indices = order.subarray(number * batchSize, (number + 1) * batchSize)
      if (indices.length === 0 || (this.#dropLast && indices.length < batchSize)) return null
      const request = { seed, epoch, indices }
      return this.#finish(
        await (this.#pool ?? { load: (r: BatchRequest) => loadBatch(this.#maker, r) }).load(request),
        epoch,
        number,
      )
    }
    return { start, close: () => {} }
  }

  #order(epoch: number): Int32Array {
    const sampler = this.#sampler!
    const order = Int32Array.from(sampler.order({ seed: this.seed, epoch, batchSize: this.batchSize }))
    check(
      order.length === sampler.length,
      'VALUE',
      'DataLoader',
      () => `the sampler says ${sampler.length} samples and gave ${order.length}.`,
    )
    for (const index of order) checkIndex('DataLoader', index, this.#dataset!.length)
    return order
  }

  /** Batches of a stream: it is read in order, the samples are transformed while more is read. What was seen before is read over. */
  #streamFeed(stream: Stream<unknown>, epoch: number, batch: number): Feed {
    const { seed, batchSize } = this
    const samples = iterate(stream.open({ seed, epoch }))
    let position = 0
    let next = batch
    let reading: Promise<unknown> = Promise.resolve()
    const read = async (): Promise<unknown[]> => {
      const group: unknown[] = []
      while (group.length < batchSize) {
        const { done, value } = await samples.next()
        if (done) break
        if (position++ >= batch * batchSize) group.push(value)
      }
      return group
    }
    const start = async (): Promise<LoadedBatch | null> => {
      const turn = reading.then(read)
      reading = turn
      const group = await turn
      if (group.length === 0 || (this.#dropLast && group.length < batchSize)) return null
      const number = next++
      const indices = group.map((_, i) => number * batchSize + i)
      return this.#finish(await assemble(this.#maker, { seed, epoch, indices }, (i) => group[i]), epoch, number)
    }
    // Not waited for: the stream may be in the middle of a long read.
    return { start, close: () => void samples.return(undefined).catch(() => {}) }
  }

  /** Arrays become tensors; the batch's own transform; everything is evaluated. */
  async #finish({ batch, skipped }: LoadedBatch, epoch: number, number: number): Promise<LoadedBatch> {
    if (batch === undefined) return { batch, skipped }
    const tensors = toTensors(batch)
    const result = this.#transformBatch
      ? await this.#seeded(epoch, number, () => this.#transformBatch!(tensors))
      : tensors
    const pending = tensorsOf(result).filter((t) => t.value === null || t.value.run !== null)
    if (pending.length > 0) await evaluate(...pending)
    return { batch: result, skipped }
  }

  /** Random tensors that `work` builds are the batch's own: prefetch must not move the positions of those of the training step. */
  #seeded<R>(epoch: number, number: number, work: () => R): R {
    const before = { ...generator }
    Object.assign(generator, { seed: new RandomNumbers(this.seed, epoch, number).uint32(), position: 0 })
    try {
      return work()
    } finally {
      Object.assign(generator, before)
    }
  }
}

interface Feed {
  readonly start: () => Promise<LoadedBatch | null>
  readonly close: () => void
}

function sourceOfSamples(samples: unknown): Dataset | Stream<unknown> {
  if (isDataset(samples)) return samples
  if (Array.isArray(samples)) return new ArrayDataset<unknown>(samples)
  if (samples instanceof Stream) return samples as Stream<unknown>
  if (typeof samples === 'function' || isIterable(samples)) return Stream.from(samples as Iterable<unknown>)
  return fail('VALUE', 'DataLoader', `needs a dataset, a list or an iterable of samples, got ${String(samples)}.`)
}

function samplerFor(dataset: Dataset, shuffle: boolean, sampler: Sampler | undefined): Sampler {
  if (sampler && shuffle) fail('VALUE', 'DataLoader', 'takes shuffle or a sampler, not both.')
  return sampler ?? (shuffle ? randomSampler : sequentialSampler)(dataset.length)
}

function streamFor(
  stream: Stream<unknown>,
  options: { sampler?: Sampler; workers?: number; shuffle?: boolean; shuffleBuffer?: number },
): Stream<unknown> {
  if (options.sampler)
    fail(
      'VALUE',
      'DataLoader',
      'a stream has no indices, so it takes no sampler. Use collect() to read it into memory.',
    )
  if (options.workers)
    fail(
      'VALUE',
      'DataLoader',
      'a stream is read on this thread, so it takes no workers. Use a dataset: something with length and get(index).',
    )
  return options.shuffle ? stream.shuffle(options.shuffleBuffer ?? 1024) : stream
}

/** What the workers make by themselves; VALUE for what they cannot. */
function setupFor({ dataset, transform, collate, skips }: BatchMaker): ConstructorParameters<typeof WorkerPool>[1] {
  const need = (what: string, thing: object) =>
    sourceOf(thing) ??
    fail(
      'VALUE',
      'DataLoader',
      `workers cannot make the ${what} by themselves: functions and objects do not cross threads. Make it with: await data.fromModule(new URL('./file.js', import.meta.url), 'exportName', options).`,
    )
  if (!dataset) return fail('VALUE', 'DataLoader', 'internal: streams have no workers.')
  return {
    dataset: need('dataset', dataset),
    transform: transform && need('transform', transform),
    collate: collate === stack ? undefined : need('collate function', collate),
    skips,
  }
}
