/** @file Where batches come from: a DataLoader, a Dataset, or whatever can be iterated; with a position that a training can go on from. */
import { check, checkInteger, fail } from '../errors.ts'
import type { Batch } from './batch.ts'

/** The next batch of a source: `batch` of its epoch. */
export interface Position {
  readonly epoch: number
  readonly batch: number
}

/** What a Trainer reads batches from: a DataLoader has all of it, a list or a generator's only the iteration. */
export interface BatchSource<B = Batch> {
  [Symbol.asyncIterator]?(): AsyncIterator<B>
  [Symbol.iterator]?(): Iterator<B>
  /** Batches an epoch, if that is known. */
  readonly length?: number | undefined
  state?(): Position
  load?(position: Position): void
}

/** A batch, and where the one after it is. */
export interface Fetched {
  readonly batch: Batch
  readonly position: Position
}

/** One epoch of batches, one after the other. */
export class Reader {
  readonly #source: BatchSource
  #iterator: AsyncIterator<Batch> | Iterator<Batch> | null = null
  #position: Position
  /** Batches to pass over in a source that cannot go to a position itself. */
  #skip = 0

  constructor(source: BatchSource) {
    this.#source = source
    this.#position = source.state?.() ?? { epoch: 0, batch: 0 }
  }

  /** Batches an epoch, or null. */
  get length(): number | null {
    return this.#source.length ?? null
  }

  /** Of the batch that next() gives next. */
  get position(): Position {
    return this.#position
  }

  load(position: Position): void {
    checkInteger('Trainer', 'the position of the data', position.batch, 0)
    this.#position = position
    if (this.#source.load) this.#source.load(position)
    else this.#skip = position.batch
  }

  /** The next batch; null at the end of the epoch. */
  async next(): Promise<Fetched | null> {
    this.#iterator ??= iteratorOf(this.#source)
    for (; this.#skip > 0; this.#skip--) await this.#iterator.next()
    const { done, value } = await this.#iterator.next()
    const { epoch, batch } = this.#position
    if (done) {
      this.#iterator = null
      this.#position = this.#source.state?.() ?? { epoch: epoch + 1, batch: 0 }
      return null
    }
    this.#position = this.#source.state?.() ?? { epoch, batch: batch + 1 }
    return { batch: value as Batch, position: this.#position }
  }

  /** Leaves the epoch. */
  async close(): Promise<void> {
    const iterator = this.#iterator
    this.#iterator = null
    await iterator?.return?.()
  }
}

function iteratorOf(source: BatchSource): AsyncIterator<Batch> | Iterator<Batch> {
  if (source[Symbol.asyncIterator]) return source[Symbol.asyncIterator]!()
  if (source[Symbol.iterator]) return source[Symbol.iterator]!()
  return fail('VALUE', 'Trainer', 'the data cannot be iterated. Give a DataLoader, a Dataset, or a list of batches.')
}

export function isSource(data: unknown): data is BatchSource {
  check(
    typeof data === 'object' && data !== null,
    'VALUE',
    'Trainer',
    () => `needs data, got ${data === null ? 'null' : typeof data}.`,
  )
  return Symbol.asyncIterator in data || Symbol.iterator in data
}
