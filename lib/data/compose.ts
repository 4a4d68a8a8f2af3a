/** @file Datasets of datasets: subset, take, concat, split. All keep the inner one's way of making batches and its way into workers. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { checkIndex, isDataset } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { make, sourceOf, withSource } from './module-source.ts'
import type { ModuleSource } from './module-source.ts'
import { RandomNumbers } from './random-numbers.ts'
import { generator } from '../random.ts'

/** The samples of a dataset at these indices, in this order. An index may come several times. */
export function subset<S>(dataset: Dataset<S>, indices: ArrayLike<number>): Dataset<S> {
  checkDataset('subset', dataset)
  for (let i = 0; i < indices.length; i++) checkIndex('subset', indices[i]!, dataset.length)
  const own = Int32Array.from(indices)
  const made: Dataset<S> = {
    length: own.length,
    get(index) {
      checkIndex('subset', index, own.length)
      return dataset.get(own[index]!)
    },
    nameOf: (index) => dataset.nameOf?.(own[index]!) ?? '',
  }
  if (dataset.batch) {
    made.batch = (chosen) => {
      for (let i = 0; i < chosen.length; i++) checkIndex('subset', chosen[i]!, own.length)
      return dataset.batch!(Int32Array.from(chosen, (i) => own[i]!))
    }
  }
  const inner = sourceOf(dataset)
  return inner
    ? withSource(made, { module: import.meta.url, name: 'subsetFrom', options: { inner, indices: own } })
    : made
}

/** The first n samples (or all, if there are fewer), beginning with number `start`. */
export function take<S>(dataset: Dataset<S>, n: number, start = 0): Dataset<S> {
  checkDataset('take', dataset)
  checkInteger('take', 'n', n, 0)
  const first = checkInteger('take', 'start', start, 0, dataset.length)
  const length = Math.min(n, dataset.length - first)
  return subset(
    dataset,
    Int32Array.from({ length }, (_, i) => first + i),
  )
}

/** One dataset after the other. */
export function concat<S>(...datasets: readonly Dataset<S>[]): Dataset<S> {
  if (datasets.length === 0) fail('VALUE', 'concat', 'needs one dataset or more.')
  for (const dataset of datasets) checkDataset('concat', dataset)
  const starts = [0]
  for (const { length } of datasets) starts.push(starts[starts.length - 1]! + length)
  const length = starts[datasets.length]!
  const find = (index: number): [Dataset<S>, number] => {
    checkIndex('concat', index, length)
    const part = starts.findIndex((start, i) => index >= start && index < (starts[i + 1] ?? 0))
    return [datasets[part]!, index - starts[part]!]
  }
  const made: Dataset<S> = {
    length,
    get(index) {
      const [dataset, inner] = find(index)
      return dataset.get(inner)
    },
    nameOf(index) {
      const [dataset, inner] = find(index)
      return dataset.nameOf?.(inner) ?? ''
    },
  }
  const inner = datasets.map(sourceOf)
  return inner.every((source) => source !== undefined)
    ? withSource(made, { module: import.meta.url, name: 'concatFrom', options: inner })
    : made
}

export interface SplitOptions {
  /** Draw the parts at random. Default: true. False cuts the dataset as it is. */
  shuffle?: boolean
  /** Default: the seed of manualSeed(). */
  seed?: number
  /** The class of each sample: every part then has about the same share of each. */
  stratify?: ArrayLike<number | string>
}

/**
 * Cuts a dataset into parts that share no sample. Sizes are counts or shares (below 1); the last part may be left out and is then the
 * rest: `const [train, test] = split(all, [0.8])`.
 */
export function split<S>(dataset: Dataset<S>, sizes: readonly number[], options: SplitOptions = {}): Dataset<S>[] {
  checkDataset('split', dataset)
  checkOptions('split', options, ['shuffle', 'seed', 'stratify'])
  const { shuffle = true, seed = generator.seed, stratify } = options
  if (stratify && stratify.length !== dataset.length) {
    fail('SHAPE', 'split', `stratify has ${stratify.length} classes, the dataset ${dataset.length} samples.`)
  }
  const ends = endsOf(sizes, dataset.length)
  const random = new RandomNumbers(seed, dataset.length)
  const groups = stratify ? groupsOf(stratify) : [Int32Array.from({ length: dataset.length }, (_, i) => i)]
  const parts: number[][] = ends.map(() => [])
  for (const group of groups) {
    if (shuffle) random.shuffle(group)
    ends.forEach((end, i) => {
      const cut = group.subarray(Math.round((ends[i - 1] ?? 0) * group.length), Math.round(end * group.length))
      for (const index of cut) parts[i]!.push(index)
    })
  }
  if (stratify && shuffle) for (const part of parts) random.shuffle(part)
  return parts.map((indices) => subset(dataset, indices))
}

function groupsOf(classes: ArrayLike<number | string>): Int32Array[] {
  const groups = new Map<number | string, number[]>()
  for (let i = 0; i < classes.length; i++) {
    const group = groups.get(classes[i]!)
    if (group) group.push(i)
    else groups.set(classes[i]!, [i])
  }
  return [...groups.values()].map((group) => Int32Array.from(group))
}

/** Where each part ends, as shares of the whole; the last one is 1. */
function endsOf(sizes: readonly number[], length: number): number[] {
  const ends: number[] = []
  let end = 0
  for (const size of sizes) {
    end += size > 0 && size < 1 ? size : checkInteger('split', 'a size', size, 0) / Math.max(1, length)
    ends.push(end)
  }
  if (end > 1 + 1e-9)
    fail('VALUE', 'split', `the parts ${sizes.join(', ')} are more than the ${length} samples that there are.`)
  if (end > 1 - 1e-9) ends[ends.length - 1] = 1
  else ends.push(1)
  return ends
}

/** @internal In a worker. */
export async function subsetFrom({ inner, indices }: { inner: ModuleSource; indices: Int32Array }): Promise<Dataset> {
  return subset((await make(inner)) as Dataset, indices)
}

/** @internal In a worker. */
export async function concatFrom(inner: readonly ModuleSource[]): Promise<Dataset> {
  return concat(...((await Promise.all(inner.map(make))) as Dataset[]))
}

function checkDataset(op: string, dataset: unknown): void {
  if (!isDataset(dataset)) fail('VALUE', op, 'needs a dataset: something with length and get(index).')
}
