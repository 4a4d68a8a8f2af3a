/** @file ONNX's element types: their codes and names, what tenon holds them as, and the numbers that narrow ones can be. */
import type { DType } from '../../dtype.ts'
import { fail } from '../../errors.ts'

export interface ElementType {
  /** ONNX's name in small letters: 'float', 'int64', 'uint4', ... */
  readonly name: string
  readonly code: number
  /** What a tensor of it is in tenon; narrower types are held in the next one, their numbers being exact. */
  readonly dtype: DType
  /** Bits of one element in raw data. */
  readonly bits: number
  /** Of types that tenon does not have: the number of each code. */
  readonly numbers?: readonly number[]
}

const LIST: readonly ElementType[] = [
  { name: 'float', code: 1, dtype: 'f32', bits: 32 },
  { name: 'uint8', code: 2, dtype: 'u8', bits: 8 },
  { name: 'int8', code: 3, dtype: 'i8', bits: 8 },
  { name: 'uint16', code: 4, dtype: 'u16', bits: 16 },
  { name: 'int16', code: 5, dtype: 'i16', bits: 16 },
  { name: 'int32', code: 6, dtype: 'i32', bits: 32 },
  { name: 'int64', code: 7, dtype: 'i64', bits: 64 },
  { name: 'bool', code: 9, dtype: 'bool', bits: 8 },
  { name: 'float16', code: 10, dtype: 'f16', bits: 16 },
  { name: 'double', code: 11, dtype: 'f64', bits: 64 },
  { name: 'uint32', code: 12, dtype: 'u32', bits: 32 },
  { name: 'uint64', code: 13, dtype: 'u64', bits: 64 },
  { name: 'bfloat16', code: 16, dtype: 'bf16', bits: 16 },
  { name: 'float8e4m3fn', code: 17, dtype: 'f32', bits: 8, numbers: floats(4, 3, 7, 'nan') },
  { name: 'float8e4m3fnuz', code: 18, dtype: 'f32', bits: 8, numbers: floats(4, 3, 8, 'unsigned zero') },
  { name: 'float8e5m2', code: 19, dtype: 'f32', bits: 8, numbers: floats(5, 2, 15, 'infinity') },
  { name: 'float8e5m2fnuz', code: 20, dtype: 'f32', bits: 8, numbers: floats(5, 2, 16, 'unsigned zero') },
  { name: 'uint4', code: 21, dtype: 'u8', bits: 4, numbers: integers(4, false) },
  { name: 'int4', code: 22, dtype: 'i8', bits: 4, numbers: integers(4, true) },
  { name: 'float4e2m1', code: 23, dtype: 'f32', bits: 4, numbers: floats(2, 1, 1, 'finite') },
  { name: 'float8e8m0', code: 24, dtype: 'f32', bits: 8, numbers: powers() },
  { name: 'uint2', code: 25, dtype: 'u8', bits: 2, numbers: integers(2, false) },
  { name: 'int2', code: 26, dtype: 'i8', bits: 2, numbers: integers(2, true) },
]

const BY_CODE = new Map(LIST.map((type) => [type.code, type]))
const BY_DTYPE = new Map(LIST.filter((type) => !type.numbers).map((type) => [type.dtype, type]))

/** The type of a code; FORMAT for strings, complex numbers and what is none. */
export function elementType(code: number, where: string): ElementType {
  return BY_CODE.get(code) ?? fail('FORMAT', 'onnx', `${where} has the element type ${code}, which is not supported.`)
}

/** The type that a tensor of tenon's has by itself. */
export const typeOfDtype = (dtype: DType): ElementType => BY_DTYPE.get(dtype)!

/** All codes of an integer of so many bits. */
function integers(bits: number, isSigned: boolean): number[] {
  const n = 2 ** bits
  return Array.from({ length: n }, (_, code) => (isSigned && code >= n / 2 ? code - n : code))
}

/** All codes of a float with sign, exponent and mantissa; `kind` says what the codes at the end stand for. */
function floats(
  exponentBits: number,
  mantissaBits: number,
  bias: number,
  kind: 'nan' | 'infinity' | 'unsigned zero' | 'finite',
): number[] {
  const half = 2 ** (exponentBits + mantissaBits)
  const steps = 2 ** mantissaBits
  const magnitude = (code: number): number => {
    const [exponent, mantissa] = [Math.floor(code / steps), code % steps]
    if (kind === 'nan' && code === half - 1) return NaN
    if (kind === 'infinity' && exponent === 2 ** exponentBits - 1) return mantissa === 0 ? Infinity : NaN
    return exponent === 0 ? (mantissa / steps) * 2 ** (1 - bias) : (1 + mantissa / steps) * 2 ** (exponent - bias)
  }
  return Array.from({ length: 2 * half }, (_, code) => {
    if (code < half) return magnitude(code)
    return kind === 'unsigned zero' && code === half ? NaN : -magnitude(code - half)
  })
}

/** float8e8m0: powers of two, no sign. */
function powers(): number[] {
  return Array.from({ length: 256 }, (_, code) => (code === 255 ? NaN : 2 ** (code - 127)))
}
