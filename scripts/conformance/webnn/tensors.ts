/** @file Tensors of WebNN cases: plain numbers, or one number for all elements. */
import { tensor } from '../../../lib/index.ts'
import type { DType, Tensor } from '../../../lib/index.ts'
import { arrayOf, bytesOf } from '../../../lib/dtype.ts'
import type { TypedArray } from '../../../lib/dtype.ts'
import type { Values } from '../compare.ts'
import { entryOf } from '../torch/adapter.ts'

type Scalar = number | string | boolean

export interface Stored {
  readonly shape: readonly number[]
  readonly dataType: string
  readonly data?: readonly Scalar[]
  readonly fill?: Scalar
}

const DTYPES: Readonly<Record<string, DType>> = {
  float32: 'f32',
  float16: 'f16',
  int64: 'i64',
  uint64: 'u64',
  int32: 'i32',
  uint32: 'u32',
  int8: 'i8',
  uint8: 'u8',
}

/** tenon's name of a WebNN data type. */
export const dtypeOf = (dataType: string): DType => entryOf(DTYPES, dataType)

export function tensorOf(stored: Stored): Tensor {
  return tensor(numbersOf(stored), { dtype: dtypeOf(stored.dataType), shape: stored.shape })
}

export function valuesOf(stored: Stored): Values {
  return { shape: stored.shape, dtype: dtypeOf(stored.dataType), data: numbersOf(stored) }
}

/** Numbers beyond 2^53 are strings of digits, and so are NaN and the infinities. */
function numbersOf({ shape, dataType, data, fill }: Stored): TypedArray {
  const dtype = dtypeOf(dataType)
  // Float16 numbers are exact in f32.
  const kept = dtype === 'f16' ? 'f32' : dtype
  const size = shape.reduce((a, b) => a * b, 1)
  const isBig = kept === 'i64' || kept === 'u64'
  const one = (x: Scalar) => (isBig ? BigInt(x) : Number(x)) as never
  const array = arrayOf(kept, new ArrayBuffer(size * bytesOf(kept)))
  if (fill !== undefined) return array.fill(one(fill))
  if (data?.length !== size) throw new Error(`has ${data?.length} numbers for [${shape.join()}]`)
  data.forEach((x, i) => (array[i] = one(x)))
  return array
}
