/** @file Quantisation to integers and back, with scales and zero points of all, of rows or of blocks. */
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { isFloat, isNarrow } from '../dtype.ts'
import { showShape } from '../shape.ts'
import { add, clamp, div, mul, round, sub } from './elementwise.ts'
import { repeatInterleave } from './arrange.ts'
import { asTensor, cast } from './table.ts'
import type { TensorLike } from './table.ts'

const RANGES = { u8: [0, 255], i8: [-128, 127], i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const

export interface QuantizeLinearOptions {
  /** Default: the zero point's. */
  dtype?: keyof typeof RANGES
}

/**
 * round(x / scale) + zeroPoint, kept within the numbers of `dtype`; half to even. Scale and zero point broadcast to x; where an axis of
 * x is a multiple of theirs, each is of a block. No gradient flows through. Source: Web Neural Network API, quantizeLinear.
 */
export function quantizeLinear(
  x: TensorLike,
  scale: TensorLike,
  zeroPoint: TensorLike,
  options: QuantizeLinearOptions = {},
): Tensor {
  checkOptions('quantizeLinear', options, ['dtype'])
  const t = asTensor('quantizeLinear', x)
  if (!isFloat(t.dtype)) fail('DTYPE', 'quantizeLinear', `needs floats, got ${t.dtype}.`)
  const dtype = options.dtype ?? zeroPoint.dtype
  if (!Object.hasOwn(RANGES, dtype)) fail('DTYPE', 'quantizeLinear', `gives u8, i8, u32 or i32, got ${dtype}.`)
  const [low, high] = RANGES[dtype as keyof typeof RANGES]
  const range = dtype.endsWith('32') || t.dtype === 'f64' ? 'f64' : 'f32'
  // The quotient has the digits of x: in more of them it would round another way.
  const exact = isNarrow(t.dtype) ? 'f32' : t.dtype
  const quotient = div(cast(t, exact), cast(along('quantizeLinear', scale, t), exact))
  const moved = add(cast(round(quotient), range), cast(along('quantizeLinear', zeroPoint, t), range))
  return cast(clamp(moved, low, high), dtype)
}

/** (x - zeroPoint) scale, in the scale's dtype; both broadcast to x or are of blocks, as in quantizeLinear. */
export function dequantizeLinear(x: TensorLike, scale: TensorLike, zeroPoint: TensorLike): Tensor {
  const t = asTensor('dequantizeLinear', x)
  const factor = along('dequantizeLinear', scale, t)
  if (!isFloat(factor.dtype)) fail('DTYPE', 'dequantizeLinear', `needs a scale of floats, got ${factor.dtype}.`)
  const wide = isFloat(t.dtype) && !isNarrow(t.dtype) ? t.dtype : t.dtype.endsWith('32') ? 'f64' : 'f32'
  const centred = sub(cast(t, wide), cast(along('dequantizeLinear', zeroPoint, t), wide))
  return cast(mul(centred, cast(factor, wide)), factor.dtype)
}

/** Repeated along the axes where it has one number for a block of x. */
function along(op: string, given: TensorLike, x: Tensor): Tensor {
  const t = asTensor(op, given)
  const lead = x.rank - t.rank
  const wrong = t.shape.some((n, i) => n !== 1 && (n === 0 || (x.shape[lead + i] ?? 1) % n !== 0))
  if (lead < 0 || wrong)
    fail('SHAPE', op, `scales and zero points must divide ${showShape(x.shape)}, got ${showShape(t.shape)}.`)
  return t.shape.reduce<Tensor>((y, n, i) => {
    const size = x.shape[lead + i]!
    return n === 1 || n === size ? y : repeatInterleave(y, size / n, i)
  }, t)
}
