/** @file ONNX's casts, and rounding to the narrow types that tenon holds in wider ones. */
import type { Tensor } from '../../../graph/tensor.ts'
import { tensor } from '../../../ops/create.ts'
import { abs, clamp, gt, isNan, lt, mul, remainder, sub, where } from '../../../ops/elementwise.ts'
import { take } from '../../../ops/indexing.ts'
import { bucketize } from '../../../ops/sort.ts'
import { cast } from '../../../ops/table.ts'
import type { ElementType } from '../element-types.ts'
import { held } from '../node.ts'
import type { Held, Node, Ops } from '../node.ts'

/** As the type: with `saturate`, what is too large becomes the largest. */
export function toType({ tensor: x, type: from }: Held, type: ElementType, saturate = true): Held {
  if (!type.numbers) return held(cast(x, type.dtype))
  if (from === type) return { tensor: x, type }
  if (type.dtype === 'f32') return { tensor: rounded(cast(x, 'f32'), type, saturate), type }
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
function rounded(x: Tensor, type: ElementType, saturate: boolean): Tensor {
  const { numbers, borders, hasNan, hasInfinity } = gridOf(type)
  const largest = numbers[numbers.length - 1]!
  const nearest = take(tensor(numbers), bucketize(x, tensor(borders)), 0)
  const y = hasNan ? where(isNan(x), x, nearest) : nearest
  // Without a number for what is beyond, the largest is all there is.
  if (saturate || !hasNan) return y
  const step = largest - numbers[numbers.length - 2]!
  const limit = largest + step / 2
  const isBeyond = gt(abs(x), limit)
  return where(isBeyond, hasInfinity ? mul(x, Infinity) : NaN, y)
}

/** The same bits under another type of the same size. */
function bitCast(node: Node): Held {
  return node.refuse('reads bits as another type, which is not supported.')
}

function castOf(node: Node): Held {
  return toType(node.held(0), node.elementType('to'), node.flag('saturate', 1))
}

export const casts: Ops = {
  BitCast: bitCast,
  Cast: castOf,
  CastLike: (node) => toType(node.held(0), node.held(1).type, node.flag('saturate', 1)),
}

/** A float rounded and kept within an integer type's numbers, as quantisation has it. */
export function saturated(x: Tensor, type: ElementType): Tensor {
  if (type.dtype === 'f32' && type.numbers) return rounded(x, type, true)
  const bits = type.bits
  const isSigned = type.dtype[0] === 'i'
  const [low, high] = isSigned ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1]
  return cast(clamp(x, low, high), type.dtype)
}
