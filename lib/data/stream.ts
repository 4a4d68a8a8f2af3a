/** @file Stream: samples one after the other, of which there is no index and perhaps no end: lines of files, rows of tables, any iterable. */
import { checkInteger, fail } from '../errors.ts'
import { generator } from '../random.ts'
import { ArrayDataset } from './dataset.ts'
import { RandomNumbers } from './random-numbers.ts'

/** What the order of a stream may depend on. */
export interface StreamContext {
  readonly seed: number
  readonly epoch: number
}

type AnyIterable<S> = AsyncIterable<S> | Iterable<S>

/**
 * Samples that are read one after the other, anew in each epoch. Nothing is opened before it is iterated. The methods give new streams;
 * `loader` and `for await` read them.
 */
export class Stream<S> implements AsyncIterable<S> {
  readonly #open: (context: StreamContext) => AnyIterable<S>

  /** @param open begins an epoch: a new iterable each time */
  constructor(open: (context: StreamContext) => AnyIterable<S>) {
    this.#open = open
  }

  /** A stream of an iterable, or of a function that makes one. An iterator or a generator's object can be read once only. */
  static from<S>(source: AnyIterable<S> | ((context: StreamContext) => AnyIterable<S>)): Stream<S> {
    if (typeof source === 'function') return new Stream(source)
    if (!isIterable(source)) fail('VALUE', 'Stream.from', 'needs an iterable, or a function that gives one.')
    let isUsed = false
    return new Stream(() => {
      if (isUsed)
        fail(
          'VALUE',
          'Stream.from',
          'this iterator has been read already. Give a function that makes a new one for each epoch.',
        )
      isUsed = isIterator(source)
      return source
    })
  }

  /** One stream after the other. */
  static concat<S>(...streams: readonly Stream<S>[]): Stream<S> {
    return new Stream(async function* (context) {
      for (const stream of streams) yield* stream.open(context)
    })
  }

  /** Begins an epoch. */
  open(context: StreamContext): AnyIterable<S> {
    return this.#open(context)
  }

  /** The first epoch, with the seed of manualSeed(). */
  [Symbol.asyncIterator](): AsyncIterator<S> {
    return iterate(this.open({ seed: generator.seed, epoch: 0 }))
  }

  /** A function on each sample. */
  map<T>(fn: (sample: S, position: number) => T | Promise<T>): Stream<T> {
    return this.#through(async function* (samples) {
      let position = 0
      for await (const sample of samples) yield await fn(sample, position++)
    })
  }

  /** Only the samples for which the function says true. */
  filter(fn: (sample: S) => boolean | Promise<boolean>): Stream<S> {
    return this.#through(async function* (samples) {
      for await (const sample of samples) if (await fn(sample)) yield sample
    })
  }

  /** The first n samples. */
  take(n: number): Stream<S> {
    checkInteger('take', 'n', n, 0)
    return this.#through(async function* (samples) {
      let left = n
      if (left === 0) return
      for await (const sample of samples) {
        yield sample
        if (--left === 0) return
      }
    })
  }

  /** All but the first n samples. */
  skip(n: number): Stream<S> {
    checkInteger('skip', 'n', n, 0)
    return this.#through(async function* (samples) {
      let left = n
      for await (const sample of samples) if (left-- <= 0) yield sample
    })
  }

  /** A random order within a buffer of that many samples, by (seed, epoch): each sample leaves it at a random moment. */
  shuffle(bufferSize: number): Stream<S> {
    checkInteger('shuffle', 'bufferSize', bufferSize, 1)
    return this.#through(async function* (samples, { seed, epoch }) {
      const random = new RandomNumbers(seed, epoch, bufferSize)
      const buffer: S[] = []
      for await (const sample of samples) {
        if (buffer.length < bufferSize) {
          buffer.push(sample)
          continue
        }
        const i = random.below(bufferSize)
        yield buffer[i]!
        buffer[i] = sample
      }
      yield* random.shuffle(buffer)
    })
  }

  /** Reads all of it into memory: a dataset with indices. */
  async collect(): Promise<ArrayDataset<S>> {
    const items: S[] = []
    for await (const sample of this) items.push(sample)
    return new ArrayDataset(items)
  }

  #through<T>(fn: (samples: AnyIterable<S>, context: StreamContext) => AsyncIterable<T>): Stream<T> {
    return new Stream((context) => fn(this.open(context), context))
  }
}

export interface ShardOptions {
  /** Read the files in an order that is new in each epoch. Default: false. */
  shuffleFiles?: boolean
}

/**
 * A stream of files that are read one after the other: `shards(files, (file) => myReader(file))`. `readLines`, `readCsv` and
 * `readJsonLines` take lists of files themselves.
 */
export function shards<S>(
  files: string | readonly string[],
  read: (file: string, context: StreamContext) => AnyIterable<S>,
  options: ShardOptions = {},
): Stream<S> {
  const own = typeof files === 'string' ? [files] : [...files]
  return new Stream(async function* (context) {
    const order = options.shuffleFiles
      ? new RandomNumbers(context.seed, context.epoch, own.length).shuffle([...own])
      : own
    for (const file of order) yield* read(file, context)
  })
}

export function isIterable(x: unknown): x is AnyIterable<unknown> {
  if (x === null || typeof x !== 'object') return false
  return Symbol.asyncIterator in x || Symbol.iterator in x
}

/** Whether iterating it twice goes on instead of beginning anew. */
const isIterator = (x: object): boolean => typeof (x as { next?: unknown }).next === 'function'

/** One way to read both kinds. */
export async function* iterate<S>(samples: AnyIterable<S>): AsyncGenerator<S> {
  yield* samples
}
