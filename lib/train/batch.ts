/** @file Batches: tensors in a tuple or an object. Taking them apart, putting them together, and reading evaluated ones. */
import { arrayOf, isNarrow } from '../dtype.ts'
import type { TypedArray } from '../dtype.ts'
import { assert, check } from '../errors.ts'
import { detach } from '../graph/gradient.ts'
import { Tensor } from '../graph/tensor.ts'
import { cast } from '../ops/table.ts'

/** What a loader yields, and what a model gives: a tensor, or several in a list or an object. */
export type Batch = Tensor | readonly unknown[] | Readonly<Record<string, unknown>>

/** A batch taken apart. */
export interface Parts {
  readonly tensors: readonly Tensor[]
  /** The same for batches that differ in their tensors only; null if there is something else in them. */
  readonly structure: string | null
  /** The batch with other tensors in their places. */
  rebuild(tensors: readonly Tensor[]): Batch
}

export function partsOf(batch: Batch): Parts {
  if (batch instanceof Tensor) return { tensors: [batch], structure: 'tensor', rebuild: ([t]) => t! }
  check(
    typeof batch === 'object' && batch !== null,
    'VALUE',
    'Trainer',
    () => `a batch is a tensor, or several in a list or an object, got ${batch === null ? 'null' : typeof batch}.`,
  )
  const entries = Object.entries(batch)
  const places = entries.filter(([, value]) => value instanceof Tensor).map(([key]) => key)
  const isList = Array.isArray(batch)
  return {
    tensors: places.map((key) => (batch as Record<string, unknown>)[key] as Tensor),
    structure: places.length === entries.length ? `${isList ? 'list' : 'object'} ${places.join()}` : null,
    rebuild(tensors) {
      const copy = (isList ? [...(batch as readonly unknown[])] : { ...batch }) as Record<string, unknown>
      places.forEach((key, i) => (copy[key] = tensors[i]))
      return copy
    },
  }
}

/** How many samples a batch has: the size of the first axis of its first tensor. */
export function samplesOf(batch: Batch): number {
  return partsOf(batch).tensors[0]?.shape[0] ?? 1
}

/** Without gradient, in a dtype whose numbers JavaScript reads. */
export function readable(t: Tensor): Tensor {
  return detach(isNarrow(t.dtype) ? cast(t, 'f32') : t)
}

/** The numbers of an evaluated tensor, without a copy: not to be kept or changed. */
export function numbersOf(t: Tensor): TypedArray {
  assert(t.value !== null && t.value.run === null, 'internal: a tensor that is not evaluated')
  return arrayOf(t.dtype, t.value.buffer, 0, t.size)
}
