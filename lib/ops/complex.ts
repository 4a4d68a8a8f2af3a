/** @file Complex numbers: floats with a last axis of 2, real part and imaginary part. */
import { isFloat } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import { add, atan2, cos, mul, neg, sin, sqrt, square, sub } from './elementwise.ts'
import { filled, slice, stack } from './layout.ts'
import { exceptZero } from './norms.ts'
import { sum } from './reduction.ts'
import { asTensor, promoted } from './table.ts'
import type { TensorLike } from './table.ts'

/** @internal A tensor of complex numbers. */
export function complexInput(op: string, x: TensorLike): Tensor {
  const t = asTensor(op, x)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}.`)
  if (t.rank === 0 || t.shape[t.rank - 1] !== 2)
    fail(
      'SHAPE',
      op,
      `complex numbers have a last axis of 2, got ${showShape(t.shape)}. Make them with complex(re, im).`,
    )
  return t
}

/** re + i im; without im, real numbers as complex ones. */
export function complex(re: TensorLike, im?: TensorLike | null): Tensor {
  const first = asTensor('complex', re)
  if (!isFloat(first.dtype)) fail('DTYPE', 'complex', `needs floats, got ${first.dtype}.`)
  const [x, y] = promoted('complex', first, im ?? filled(first.shape, 0, first))
  return stack([x, y], -1)
}

const part = (t: Tensor, index: number) => slice(t, [...t.shape.slice(0, -1).map(() => null), index])

/** The real parts. */
export const real = (x: TensorLike): Tensor => part(complexInput('real', x), 0)
/** The imaginary parts. */
export const imag = (x: TensorLike): Tensor => part(complexInput('imag', x), 1)

/** The complex conjugate. */
export function conj(x: TensorLike): Tensor {
  const t = complexInput('conj', x)
  return stack([part(t, 0), neg(part(t, 1))], -1)
}

/** Products of complex numbers; they broadcast. */
export function complexMul(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoted('complexMul', complexInput('complexMul', a), complexInput('complexMul', b))
  const [p, q, r, s] = [part(x, 0), part(x, 1), part(y, 0), part(y, 1)]
  return stack([sub(mul(p, r), mul(q, s)), add(mul(p, s), mul(q, r))], -1)
}

/** |x|; gradient 0 at 0. */
export function complexAbs(x: TensorLike): Tensor {
  return exceptZero(sum(square(complexInput('complexAbs', x)), -1), sqrt)
}

/** The angle of x, in (-pi, pi]. */
export function angle(x: TensorLike): Tensor {
  const t = complexInput('angle', x)
  return atan2(part(t, 1), part(t, 0))
}

/** abs (cos(angle) + i sin(angle)). */
export function polar(abs: TensorLike, angles: TensorLike): Tensor {
  const [r, a] = promoted('polar', abs, angles)
  return complex(mul(r, cos(a)), mul(r, sin(a)))
}
