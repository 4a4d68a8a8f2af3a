/** @file Arrays on their way to tensors: typed arrays with a shape, which need no engine and can be moved between threads. */
import { arrayOf, bytesOf, dtypeOfArray } from '../dtype.ts'
import type { DType, TypedArray } from '../dtype.ts'
import { assert, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { fromBuffer } from '../ops/create.ts'
import { checkShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

/** Numbers with a shape, row-major. Plain data: crosses threads as it is. */
export interface NdArray {
  readonly data: TypedArray
  readonly shape: Shape
  /** Default: what `data` holds. Needed for 'bool' (in a Uint8Array) and for the bits of 'f16' and 'bf16' (in a Uint16Array). */
  readonly dtype?: DType
}

/** What a batch of the loader is made of: arrays have become tensors, all else is as it was. */
export type Tensors<B> = B extends NdArray | TypedArray | Tensor
  ? Tensor
  : B extends string
    ? B
    : B extends object
      ? { [K in keyof B]: Tensors<B[K]> }
      : B

/** Numbers with a shape. Throws SHAPE when they do not fit. */
export function ndarray(data: TypedArray, shape: Shape, dtype?: DType): NdArray {
  const array: NdArray = dtype === undefined ? { data, shape } : { data, shape, dtype }
  checkArray('ndarray', array)
  return array
}

/** A class number as losses take it: a scalar of dtype i32. (A plain number becomes f32.) */
export function label(index: number): NdArray {
  const data = Int32Array.of(index)
  if (data[0] !== index) fail('VALUE', 'label', `needs an integer that fits 32 bits, got ${String(index)}.`)
  return { data, shape: [] }
}

/** Zeros that nobody else holds: a batch made of it is not copied on its way to the engine or to another thread. */
export function freshArray(shape: Shape, dtype: DType): NdArray {
  const buffer = new ArrayBuffer(sizeOf(shape) * bytesOf(dtype))
  fresh.add(buffer)
  return { data: arrayOf(dtype, buffer), shape, dtype }
}

/** Buffers that were allocated for a batch and may be taken over by it. */
const fresh = new WeakSet<ArrayBufferLike>()

/** Whether an array's whole buffer may be given away. */
export const isFresh = ({ data }: NdArray): boolean =>
  fresh.has(data.buffer) && data.byteLength === data.buffer.byteLength

/** An array whose buffer came from another thread: nobody else can hold it. */
export function markFresh(array: NdArray): void {
  if (array.data.byteLength === array.data.buffer.byteLength) fresh.add(array.data.buffer)
}

/** The same numbers in a buffer of their own. */
export function copyArray(array: NdArray): NdArray {
  const copy = freshArray(array.shape, dtypeOf(array))
  bytesOfArray(copy).set(bytesOfArray(array))
  return copy
}

export const isTypedArray = (x: unknown): x is TypedArray => ArrayBuffer.isView(x) && !(x instanceof DataView)

export function isNdArray(x: unknown): x is NdArray {
  if (x === null || typeof x !== 'object' || x instanceof Tensor) return false
  const { data, shape } = x as Partial<NdArray>
  return isTypedArray(data) && Array.isArray(shape)
}

export const dtypeOf = ({ data, dtype }: NdArray): DType => dtype ?? dtypeOfArray(data)

/** SHAPE or DTYPE unless numbers, shape and dtype fit. */
export function checkArray(op: string, array: NdArray): void {
  const { data, shape } = array
  checkShape(op, shape)
  if (sizeOf(shape) !== data.length) fail('SHAPE', op, `${data.length} numbers do not make ${showShape(shape)}.`)
  const dtype = dtypeOf(array)
  if (bytesOf(dtype) !== data.BYTES_PER_ELEMENT) {
    fail(
      'DTYPE',
      op,
      `${dtype} has ${bytesOf(dtype)} bytes, the elements of ${data.constructor.name} have ${data.BYTES_PER_ELEMENT}.`,
    )
  }
}

export const bytesOfArray = ({ data }: NdArray): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** The view of what a sample has: for reading only. A tensor must be evaluated. Null for what is not made of numbers. */
export function viewOf(x: unknown): NdArray | null {
  if (x instanceof Tensor) {
    assert(x.value && !x.value.run, 'internal: the tensors of samples are evaluated before they are read')
    return { data: arrayOf(x.dtype, x.value.buffer, 0, x.size), shape: x.shape, dtype: x.dtype }
  }
  if (isTypedArray(x)) return { data: x, shape: [x.length] }
  if (typeof x === 'number') return { data: Float32Array.of(x), shape: [] }
  if (typeof x === 'bigint') return { data: BigInt64Array.of(x), shape: [] }
  if (typeof x === 'boolean') return { data: Uint8Array.of(Number(x)), shape: [], dtype: 'bool' }
  return isNdArray(x) ? x : null
}

/** A nest of lists and plain objects with each leaf replaced; arrays and tensors are leaves. */
export function mapLeaves(nest: unknown, fn: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(nest)) return nest.map((item) => mapLeaves(item, fn))
  if (!isPlainObject(nest)) return fn(nest)
  const entries = Object.entries(nest).map(([key, item]) => [key, mapLeaves(item, fn)] as const)
  return Object.fromEntries(entries)
}

/** A sample's or batch's object of values, as opposed to an array or something of a class. */
export function isPlainObject(x: unknown): x is Record<string, unknown> {
  if (x === null || typeof x !== 'object' || isNdArray(x)) return false
  const prototype: unknown = Object.getPrototypeOf(x)
  return prototype === Object.prototype || prototype === null
}

/** The tensors of a sample or batch. */
export function tensorsOf(nest: unknown): Tensor[] {
  const found: Tensor[] = []
  mapLeaves(nest, (leaf) => leaf instanceof Tensor && found.push(leaf))
  return found
}

/** A batch whose arrays nobody else can write to any more: fresh ones as they are, the rest copied. */
export const ownArrays = (batch: unknown): unknown =>
  mapLeaves(batch, (leaf) => {
    const array = isTypedArray(leaf) ? { data: leaf, shape: [leaf.length] } : leaf
    if (!isNdArray(array)) return leaf
    checkArray('DataLoader', array)
    return isFresh(array) ? array : copyArray(array)
  })

/** A batch of fresh arrays as tensors that take them over. */
export const toTensors = (batch: unknown): unknown =>
  mapLeaves(batch, (leaf) => (isNdArray(leaf) ? tensorOf(leaf) : leaf))

function tensorOf(array: NdArray): Tensor {
  // The same array twice in one batch: the second is a copy of the first.
  const own = isFresh(array) ? array : copyArray(array)
  fresh.delete(own.data.buffer)
  return fromBuffer(own.data.buffer as ArrayBuffer, [...array.shape], dtypeOf(array))
}
