/** @file Element types: names, sizes, typed arrays, promotion. */
import { fail } from './errors.ts'

/** In the order of the plan format (docs/plan.md). */
export const dtypes = [
  'f64',
  'f32',
  'f16',
  'bf16',
  'i64',
  'i32',
  'i16',
  'i8',
  'u64',
  'u32',
  'u16',
  'u8',
  'bool',
] as const
export type DType = (typeof dtypes)[number]

const BYTES = { f64: 8, f32: 4, f16: 2, bf16: 2, i64: 8, i32: 4, i16: 2, i8: 1, u64: 8, u32: 4, u16: 2, u8: 1, bool: 1 }
const CODES = Object.fromEntries(dtypes.map((name, i) => [name, i])) as Record<DType, number>

export type TypedArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | BigUint64Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | Uint8ClampedArray

/** Bytes of one element. */
export const bytesOf = (dtype: DType): number => BYTES[dtype]
/** Position in the plan format. */
export const codeOf = (dtype: DType): number => CODES[dtype]

export const isFloat = (dtype: DType): boolean => dtype === 'f32' || dtype === 'f64' || isNarrow(dtype)
/** Storage-only floats: computed in f32. */
export const isNarrow = (dtype: DType): boolean => dtype === 'f16' || dtype === 'bf16'
export const isInteger = (dtype: DType): boolean => dtype !== 'bool' && !isFloat(dtype)
export const is64BitInteger = (dtype: DType): boolean => dtype === 'i64' || dtype === 'u64'

/** The view of raw storage in this dtype. f16 and bf16 show their bits. */
export function arrayOf(dtype: DType, buffer: ArrayBuffer, byteOffset = 0, length?: number): TypedArray {
  return new ARRAYS[dtype](buffer, byteOffset, length)
}

const ARRAYS = {
  f64: Float64Array,
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i64: BigInt64Array,
  i32: Int32Array,
  i16: Int16Array,
  i8: Int8Array,
  u64: BigUint64Array,
  u32: Uint32Array,
  u16: Uint16Array,
  u8: Uint8Array,
  bool: Uint8Array,
}

/** The dtype that a typed array holds. */
export function dtypeOfArray(array: TypedArray): DType {
  switch (Object.prototype.toString.call(array)) {
    case '[object Float64Array]':
      return 'f64'
    case '[object Float32Array]':
      return 'f32'
    case '[object BigInt64Array]':
      return 'i64'
    case '[object BigUint64Array]':
      return 'u64'
    case '[object Int32Array]':
      return 'i32'
    case '[object Int16Array]':
      return 'i16'
    case '[object Int8Array]':
      return 'i8'
    case '[object Uint32Array]':
      return 'u32'
    case '[object Uint16Array]':
      return 'u16'
    case '[object Uint8Array]':
    case '[object Uint8ClampedArray]':
      return 'u8'
    default:
      return fail('DTYPE', 'tensor', `no dtype for ${Object.prototype.toString.call(array)}. Use a typed array.`)
  }
}

const INTEGER_RANK: Record<string, number> = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 3, i32: 3, u64: 4, i64: 4 }

/** The dtype of a result of two tensors, as PyTorch's `promote_types`; unsigned and signed meet in the next wider signed. */
export function promote(a: DType, b: DType): DType {
  if (a === b || b === 'bool') return a
  if (a === 'bool') return b
  if (isFloat(a) || isFloat(b)) {
    if (!isFloat(b)) return a
    if (!isFloat(a)) return b
    if (a === 'f64' || b === 'f64') return 'f64'
    return 'f32' // also f16 with bf16
  }
  const [low, high] = INTEGER_RANK[a]! <= INTEGER_RANK[b]! ? [a, b] : [b, a]
  if (low[0] === high[0] || high[0] === 'i') {
    if (INTEGER_RANK[low] !== INTEGER_RANK[high]) return high
    if (low[0] === high[0]) return high
  }
  // A signed and an unsigned one, and the unsigned one is as wide or wider.
  if (INTEGER_RANK[high] === 4) return 'f32'
  return (['i8', 'i16', 'i32', 'i64'] as const)[INTEGER_RANK[high]!]!
}

/** The dtype that a JS number takes beside a tensor: numbers are weak, they never widen within a kind. */
export function promoteScalar(dtype: DType, value: number | bigint | boolean): DType {
  if (typeof value === 'boolean' || isFloat(dtype)) return dtype
  if (typeof value === 'number' && !Number.isInteger(value)) return 'f32'
  return dtype === 'bool' ? 'i64' : dtype
}
