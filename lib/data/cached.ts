/** @file cached: a dataset that keeps in memory what another one has read or decoded. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { checkIndex, isDataset } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { make, sourceOf, withSource } from './module-source.ts'
import type { ModuleSource } from './module-source.ts'

export interface CachedOptions {
  /** Numbers and text that are kept at most; what comes after that is read each time. Default: 2^30, 1 GiB. */
  maxBytes?: number
}

/**
 * The samples of a dataset, each read once: from its second epoch on a folder of pictures is as fast as pictures in memory. Each get()
 * gives a copy, so that a transform may work in place. Workers of a DataLoader keep what came to them, each up to `maxBytes`.
 */
export function cached<S>(dataset: Dataset<S>, options: CachedOptions = {}): Dataset<S> {
  if (!isDataset(dataset)) fail('VALUE', 'cached', 'needs a dataset: something with length and get(index).')
  checkOptions('cached', options, ['maxBytes'])
  const maxBytes = checkInteger('cached', 'maxBytes', options.maxBytes ?? 2 ** 30, 0)
  const known = new Map<number, S>()
  let bytes = 0
  const keep = (index: number, sample: S): S => {
    const size = bytesOf(sample)
    if (!known.has(index) && bytes + size <= maxBytes) {
      bytes += size
      known.set(index, copyOf(sample))
    }
    return sample
  }
  const made: Dataset<S> = {
    length: dataset.length,
    get(index) {
      checkIndex('cached', index, dataset.length)
      const found = known.get(index)
      if (found !== undefined) return copyOf(found)
      const sample = dataset.get(index)
      return sample instanceof Promise ? sample.then((now: S) => keep(index, now)) : keep(index, sample)
    },
    nameOf: (index) => dataset.nameOf?.(index) ?? '',
  }
  const inner = sourceOf(dataset)
  return inner ? withSource(made, { module: import.meta.url, name: 'cachedFrom', options: { inner, maxBytes } }) : made
}

/** @internal In a worker. */
export async function cachedFrom({ inner, maxBytes }: { inner: ModuleSource; maxBytes: number }): Promise<Dataset> {
  return cached((await make(inner)) as Dataset, { maxBytes })
}

/** Of the values in it. */
function bytesOf(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength
  if (typeof value === 'string') return 2 * value.length
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return 8
  return Object.values(value).reduce((sum: number, item) => sum + bytesOf(item), 0)
}

/** The same sample with arrays of its own. Tensors do not change. */
function copyOf<T>(value: T): T {
  if (ArrayBuffer.isView(value)) return (value as unknown as Uint8Array).slice() as unknown as T
  if (Array.isArray(value)) return value.map(copyOf) as T
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copyOf(item)])) as T
}
