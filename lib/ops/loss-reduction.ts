/** @file What the losses share: the reduction of single losses, and checks of what is compared. */
import { isFloat } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sameShape, showShape } from '../shape.ts'
import { clamp } from './elementwise.ts'
import { mean, sum } from './reduction.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'

export type Reduction = 'mean' | 'sum' | 'none'

export interface LossOptions {
  /** Default: 'mean'. */
  reduction?: Reduction
}

export function reduceLoss(op: string, x: Tensor, reduction: Reduction = 'mean'): Tensor {
  switch (reduction) {
    case 'mean':
      return mean(x)
    case 'sum':
      return sum(x)
    case 'none':
      return x
    default:
      return fail('VALUE', op, `reduction is 'mean', 'sum' or 'none', got ${String(reduction satisfies never)}.`)
  }
}

export function floatInput(op: string, x: TensorLike): Tensor {
  const t = asTensor(op, x)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}. Cast first: x.cast('f32').`)
  return t
}

/** A float input and a target of the same shape, cast to the input's dtype. */
export function paired(op: string, input: TensorLike, target: TensorLike): [Tensor, Tensor] {
  const [x, t] = [floatInput(op, input), asTensor(op, target)]
  if (!sameShape(x.shape, t.shape))
    fail('SHAPE', op, `input and target must have one shape, got ${showShape(x.shape)} and ${showShape(t.shape)}.`)
  return [x, cast(t, x.dtype)]
}

/** max(x, 0), with gradient 1 at 0 as PyTorch's losses have it. */
export const positivePart = (x: Tensor): Tensor => clamp(x, constant(0, x.dtype))

export function checkNumber(op: string, name: string, value: number, holds: boolean, rule: string): void {
  if (!holds || typeof value !== 'number') fail('VALUE', op, `${name} ${rule}, got ${String(value)}.`)
}
