/** @file TensorDataset: tensors in memory, whose first axis counts samples. */
import { arrayOf, bytesOf } from '../dtype.ts'
import { evaluate } from '../engine/evaluate.ts'
import { fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { showShape, sizeOf } from '../shape.ts'
import { bytesOfArray, freshArray } from './arrays.ts'
import type { NdArray } from './arrays.ts'
import { checkIndex } from './dataset.ts'
import type { Dataset } from './dataset.ts'

type Rows<T extends readonly Tensor[]> = { -readonly [K in keyof T]: NdArray }

/**
 * Samples `[x[i], y[i], ...]` of tensors with equal first sizes. Tensors that are not evaluated yet are, when the first sample is
 * asked for. A batch is gathered row by row with `memcpy`: a few microseconds for 128 pictures of MNIST.
 */
export class TensorDataset<const T extends readonly Tensor[]> implements Dataset<Rows<T>> {
  readonly tensors: T
  readonly length: number

  constructor(...tensors: T) {
    if (tensors.length === 0 || !tensors.every((t) => t instanceof Tensor))
      fail('VALUE', 'TensorDataset', 'needs one tensor or more.')
    const sizes = tensors.map((t) => t.shape[0])
    if (sizes.some((n) => n === undefined || n !== sizes[0])) {
      fail(
        'SHAPE',
        'TensorDataset',
        `the first sizes must be equal, got ${tensors.map((t) => showShape(t.shape)).join(', ')}.`,
      )
    }
    this.tensors = tensors
    this.length = sizes[0]!
  }

  get(index: number): Rows<T> | Promise<Rows<T>> {
    checkIndex('TensorDataset', index, this.length)
    const rows = () => this.tensors.map((t) => ({ ...gather(t, [index]), shape: t.shape.slice(1) })) as Rows<T>
    return this.#whenReady(rows)
  }

  batch(indices: ArrayLike<number>): Rows<T> | Promise<Rows<T>> {
    for (let i = 0; i < indices.length; i++) checkIndex('TensorDataset', indices[i]!, this.length)
    return this.#whenReady(() => this.tensors.map((t) => gather(t, indices)) as Rows<T>)
  }

  #whenReady<R>(work: () => R): R | Promise<R> {
    const waiting = this.tensors.filter((t) => t.value === null || t.value.run !== null)
    return waiting.length === 0 ? work() : evaluate(...waiting).then(work)
  }
}

/** Rows of an evaluated tensor, checked indices. */
function gather(t: Tensor, indices: ArrayLike<number>): NdArray {
  const n = indices.length
  const shape = [n, ...t.shape.slice(1)]
  const out = freshArray(shape, t.dtype)
  const row = sizeOf(t.shape.slice(1))
  if (row === 1) {
    const source = arrayOf(t.dtype, t.value!.buffer, 0, t.size) as unknown as Record<number, number>
    const to = out.data as unknown as Record<number, number>
    for (let i = 0; i < n; i++) to[i] = source[indices[i]!]!
    return out
  }
  const bytes = row * bytesOf(t.dtype)
  const source = new Uint8Array(t.value!.buffer)
  const to = bytesOfArray(out)
  for (let i = 0; i < n;) {
    // Neighbours are copied together: an unshuffled batch is one copy.
    let end = i + 1
    while (end < n && indices[end] === indices[end - 1]! + 1) end++
    const from = indices[i]! * bytes
    to.set(source.subarray(from, from + (end - i) * bytes), i * bytes)
    i = end
  }
  return out
}
