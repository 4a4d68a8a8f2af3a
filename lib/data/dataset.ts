/** @file Dataset: samples by index. In memory, mapped, and the checks that all kinds share. */
import { fail } from '../errors.ts'
import type { TenonError } from '../errors.ts'
import type { NdArray } from './arrays.ts'

/**
 * Samples that can be had by index, in any order. A sample is a value (number, typed array, NdArray, Tensor, string), a tuple of such,
 * or a plain object of such.
 */
export interface Dataset<S = unknown> {
  readonly length: number
  get(index: number): S | Promise<S>
  /**
   * A whole batch at once, already stacked, where that is cheaper than one by one. Arrays from `freshArray` are not copied any more.
   * Used when there is neither a transform nor a collate function.
   */
  batch?(indices: ArrayLike<number>): unknown
  /** What errors call a sample: its file, say. */
  nameOf?(index: number): string
}

/** What happens with a sample that cannot be loaded: throw; leave it out; leave it out and tell. */
export type OnError = 'throw' | 'skip' | ((error: TenonError) => void)

export function checkOnError(op: string, onError: unknown): void {
  if (onError === 'throw' || onError === 'skip' || typeof onError === 'function') return
  fail('VALUE', op, `onError is 'throw', 'skip' or a function, got ${String(onError)}.`)
}

/** Whether something is a dataset. */
export function isDataset(x: unknown): x is Dataset {
  return (
    x !== null &&
    typeof x === 'object' &&
    typeof (x as Dataset).get === 'function' &&
    typeof (x as Dataset).length === 'number'
  )
}

/** INDEX unless 0 <= index < length. */
export function checkIndex(op: string, index: number, length: number): void {
  if (Number.isInteger(index) && index >= 0 && index < length) return
  fail('INDEX', op, `there is no sample ${String(index)}; there are ${length}.`)
}

/** Samples of a list. */
export class ArrayDataset<S> implements Dataset<S> {
  readonly items: readonly S[]

  constructor(items: readonly S[]) {
    if (!Array.isArray(items)) fail('VALUE', 'ArrayDataset', `needs a list of samples, got ${String(items)}.`)
    this.items = items
  }

  get length(): number {
    return this.items.length
  }

  get(index: number): S {
    checkIndex('ArrayDataset', index, this.length)
    return this.items[index]!
  }
}

/** Another dataset with a function on each sample, called each time that the sample is asked for. */
export class MapDataset<S, T> implements Dataset<T> {
  readonly #inner: Dataset<S>
  readonly #fn: (sample: S, index: number) => T | Promise<T>

  constructor(dataset: Dataset<S>, fn: (sample: S, index: number) => T | Promise<T>) {
    if (!isDataset(dataset)) fail('VALUE', 'MapDataset', 'needs a dataset: something with length and get(index).')
    this.#inner = dataset
    this.#fn = fn
  }

  get length(): number {
    return this.#inner.length
  }

  get(index: number): T | Promise<T> {
    checkIndex('MapDataset', index, this.length)
    const sample = this.#inner.get(index)
    return sample instanceof Promise ? sample.then((s: S) => this.#fn(s, index)) : this.#fn(sample, index)
  }

  nameOf(index: number): string {
    return this.#inner.nameOf?.(index) ?? ''
  }
}

/** A dataset of which each sample is read from one file, with errors that name it. */
export class FileDataset<S> implements Dataset<S> {
  readonly files: readonly string[]
  readonly #read: (file: string, index: number) => Promise<S>

  constructor(files: readonly string[], read: (file: string, index: number) => Promise<S>) {
    this.files = files
    this.#read = read
  }

  get length(): number {
    return this.files.length
  }

  get(index: number): Promise<S> {
    checkIndex('FileDataset', index, this.length)
    return this.#read(this.files[index]!, index)
  }

  nameOf(index: number): string {
    return this.files[index] ?? ''
  }
}

/** A dataset of files in class folders: `[content, class]`. */
export class LabelledFiles extends FileDataset<[content: NdArray, label: NdArray]> {
  /** Names by class number: the folders, sorted. */
  readonly classes: readonly string[]
  /** Class number of each file. */
  readonly labels: Int32Array

  constructor(
    files: readonly string[],
    labels: Int32Array,
    classes: readonly string[],
    read: (file: string) => Promise<NdArray>,
  ) {
    super(files, async (file, index) => [await read(file), { data: labels.slice(index, index + 1), shape: [] }])
    this.classes = classes
    this.labels = labels
  }
}
