/** @file ONNX's casts, and rounding to the narrow types that tenon holds in wider ones. */
import type { TypedArray } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { fromBuffer, tensor } from '../../../ops/create.ts'
import { abs, clamp, ge, gt, isNan, lt, mul, remainder, sub, where } from '../../../ops/elementwise.ts'
import { take } from '../../../ops/indexing.ts'
import { bucketize } from '../../../ops/sort.ts'
import { cast } from '../../../ops/table.ts'
import type { ElementType } from '../element-types.ts'
import { held } from '../node.ts'
import type { Held, Node, Ops } from '../node.ts'

/** As the type: with `saturate`, what is too large becomes the largest. */
export function toType({ tensor: x, type: from }: Held, type: ElementType, saturate = true, way = 'up'): Held {
  if (!type.numbers) return held(cast(x, type.dtype))
  if (from === type) return { tensor: x, type }
  if (type.dtype === 'f32') return { tensor: rounded(cast(x, 'f32'), type, saturate, way), type }
  return { tensor: wrapped(x, type), type }
}

/** Integers of few bits: the low bits of what is cast. */
function wrapped(x: Tensor, { dtype, bits }: ElementType): Tensor {
  const n = 2 ** bits
  const low = remainder(cast(x, 'i32'), n)
  return cast(dtype === 'u8' ? low : where(lt(low, n / 2), low, sub(low, n)), dtype)
}

interface Grid {
  /** Ascending. */
  readonly numbers: Float32Array
  /** Between neighbours: up to it the lower one is nearest. */
  readonly borders: Float32Array
  readonly hasNan: boolean
  readonly hasInfinity: boolean
}

const grids = new WeakMap<ElementType, Grid>()

function gridOf(type: ElementType): Grid {
  const found = grids.get(type)
  if (found) return found
  // The code's evenness decides ties, and codes of one sign ascend with the numbers.
  const entries = type.numbers!.flatMap((value, code) => (Number.isFinite(value) ? [{ value, code }] : []))
  entries.sort((a, b) => a.value - b.value || a.code - b.code)
  const unique = entries.filter(({ value }, i) => i === 0 || value !== entries[i - 1]!.value)
  const borders = unique.slice(1).map(({ value, code }, i) => {
    const middle = (value + unique[i]!.value) / 2
    // At the middle the even code is chosen; of two equal numbers with signs, 0 is even.
    return unique[i]!.code % 2 === 0 || code % 2 === 1 ? middle : justBelow(middle)
  })
  const grid = {
    numbers: Float32Array.from(unique, ({ value }) => value),
    borders: Float32Array.from(borders),
    hasNan: type.numbers!.some(Number.isNaN),
    hasInfinity: type.numbers!.includes(Infinity),
  }
  grids.set(type, grid)
  return grid
}

function justBelow(x: number): number {
  const one = new Float32Array([x])
  const bits = new Int32Array(one.buffer)
  bits[0] = bits[0]! + (x > 0 ? -1 : 1)
  return one[0]!
}

/** The nearest number that the type has, ties to even. */
function rounded(x: Tensor, type: ElementType, saturate: boolean, way = 'nearest'): Tensor {
  const { numbers, borders: middles, hasNan, hasInfinity } = gridOf(type)
  // Only float8e8m0 is rounded otherwise.
  const isUp = type.name === 'float8e8m0' && way === 'up'
  const isDown = type.name === 'float8e8m0' && way === 'down'
  const borders = isUp ? numbers.slice(0, -1) : isDown ? numbers.slice(1).map(justBelow) : middles
  const largest = numbers[numbers.length - 1]!
  const nearest = take(tensor(numbers), bucketize(x, tensor(borders)), 0)
  const y = where(isNan(x), hasNan ? x : 0, nearest)
  // Without a number for what is beyond, the largest is all there is.
  if (saturate || !hasNan) return y
  const step = largest - numbers[numbers.length - 2]!
  const limit = largest + step / 2
  // At the middle the even code is chosen: the largest one, or what is beyond.
  const isOdd = type.numbers!.indexOf(largest) % 2 === 1
  const isBeyond = (isOdd ? ge : gt)(abs(x), limit)
  return where(isBeyond, hasInfinity ? mul(x, Infinity) : NaN, y)
}

/** The bits of floats that are exact in 16 bits. */
function bitsOf16(numbers: ArrayLike<number | bigint>, dtype: 'f16' | 'bf16'): Uint16Array {
  const wide = Float32Array.from(numbers as ArrayLike<number>)
  const words = new Uint32Array(wide.buffer)
  if (dtype === 'bf16') return Uint16Array.from(words, (word) => word >>> 16)
  return Uint16Array.from(words, (word, i) => {
    const sign = (word >>> 16) & 0x8000
    const exponent = ((word >>> 23) & 0xff) - 112
    if (exponent >= 31) return sign | 0x7c00 | ((word >>> 13) & 0x3ff)
    return sign | (exponent > 0 ? (exponent << 10) | ((word >>> 13) & 0x3ff) : Math.abs(wide[i]!) * 2 ** 24)
  })
}

/** The same bits under another type of the same size: of numbers that are known, or evaluated half-way. */
function bitCast(node: Node): Held {
  const { tensor: x, type: from } = node.held(0)
  const type = node.elementType('to')
  if (from.numbers || type.numbers || from.bits !== type.bits) return node.refuse(`reads ${from.name} as ${type.name}.`)
  const numbers = node.numbersOf(0)
  const isHalf = x.dtype === 'f16' || x.dtype === 'bf16'
  const bits = isHalf ? bitsOf16(numbers, x.dtype) : (numbers as TypedArray)
  const bytes = new Uint8Array(bits.buffer as ArrayBuffer, bits.byteOffset, bits.byteLength)
  // A bool is 0 or 1.
  const kept = type.dtype === 'bool' ? bytes.map((byte) => (byte === 0 ? 0 : 1)) : new Uint8Array(bytes)
  return { tensor: fromBuffer(kept.buffer as ArrayBuffer, x.shape, type.dtype), type }
}

function castOf(node: Node): Held {
  return toType(node.held(0), node.elementType('to'), node.flag('saturate', 1), node.text('round_mode', 'up'))
}

export const casts: Ops = {
  BitCast: bitCast,
  Cast: castOf,
  CastLike: (node) => toType(node.held(0), node.held(1).type, node.flag('saturate', 1), node.text('round_mode', 'up')),
}

/** A float rounded and kept within an integer type's numbers, as quantisation has it. */
export function saturated(x: Tensor, type: ElementType): Tensor {
  if (type.dtype === 'f32' && type.numbers) return rounded(x, type, true)
  const bits = type.bits
  const isSigned = type.dtype[0] === 'i'
  const [low, high] = isSigned ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1]
  return cast(clamp(x, low, high), type.dtype)
}
