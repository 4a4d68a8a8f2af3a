/** @file How elementwise rows are made: rows of one and of two inputs, what dtypes they take, gradients of broadcast inputs. */
import { isFloat, isInteger } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { Row, Vjp } from '../graph/row.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { broadcast } from '../shape.ts'
import { sumTo } from './reduction.ts'
import { asTensor, cast, constant, defineRow, promoted } from './table.ts'
import type { Arg, TensorLike } from './table.ts'

export type Rule = Vjp<null> | { none: string }

/** Gradients of broadcast inputs are summed back to their shapes. */
export function summed(rule: Rule): Rule {
  if (typeof rule !== 'function') return rule
  return (context) => rule(context).map((d, i) => d && sumTo(d, context.inputs[i]!.shape))
}

/** Which dtypes an op takes; 'float': integers are cast to f32. */
export type Domain = 'float' | 'number' | 'integer' | 'bits' | 'bool' | 'any'
const DOMAINS: Record<Domain, (dtype: DType) => boolean> = {
  float: isFloat,
  number: (dtype) => dtype !== 'bool',
  integer: isInteger,
  bits: (dtype) => !isFloat(dtype),
  bool: (dtype) => dtype === 'bool',
  any: () => true,
}

export function checkDomain(name: string, domain: Domain, dtype: DType): void {
  if (!DOMAINS[domain](dtype)) fail('DTYPE', name, `does not take ${dtype}. Cast it first: x.cast('f32').`)
}

/** The op of a row of one input; `result`: its dtype, if it is not the input's. */
export function unary(
  name: string,
  domain: Domain,
  vjp: Rule,
  result?: DType,
  autocast?: 'wide',
): (x: TensorLike) => Tensor {
  const row = defineRow<null>({
    name,
    kind: 'elementwise',
    infer: ([x]) => ({ shape: x!.shape, dtype: result ?? x!.dtype }),
    vjp,
    ...(autocast && { autocast }),
  })
  return (x) => {
    let t = asTensor(name, x)
    // As in PyTorch, integers become floats where only floats make sense.
    if (domain === 'float' && !isFloat(t.dtype)) t = cast(t, 'f32')
    checkDomain(name, domain, t.dtype)
    return apply(row, [t], null, '')
  }
}

/** `unary` for what needs more digits, or range, than narrow floats have: autocast() gives it f32. */
export const wideUnary = (name: string, vjp: Rule): ((x: TensorLike) => Tensor) =>
  unary(name, 'float', vjp, undefined, 'wide')

export function binaryRow(name: string, vjp: Rule, result?: DType, autocast?: 'wide'): Row<null> {
  return defineRow<null>({
    name,
    kind: 'elementwise',
    infer: ([a, b]) => ({ shape: broadcast(name, a!.shape, b!.shape), dtype: result ?? a!.dtype }),
    vjp: summed(vjp),
    ...(autocast && { autocast }),
  })
}

/** The op of a row of two inputs that broadcast and promote. */
export function binary(name: string, domain: Domain, vjp: Rule, result?: DType): (a: Arg, b: Arg) => Tensor {
  const row = binaryRow(name, vjp, result)
  return (a, b) => {
    let [x, y] = promoted(name, a, b)
    if (domain === 'float' && !isFloat(x.dtype)) [x, y] = [cast(x, 'f32'), cast(y, 'f32')]
    checkDomain(name, domain, x.dtype)
    return apply(row, [x, y], null, '')
  }
}

/** A constant beside a tensor. */
export const like = (x: Tensor, value: number) => constant(value, x.dtype)
