/** @file ONNX operators of two inputs or more, elementwise. */
import { isFloat } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import {
  add,
  bitwiseAnd,
  bitwiseOr,
  bitwiseXor,
  clamp,
  div,
  eq,
  fmod,
  ge,
  gt,
  le,
  logicalAnd,
  logicalOr,
  logicalXor,
  lt,
  maximum,
  minimum,
  mul,
  pow,
  remainder,
  shiftLeft,
  shiftRight,
  sub,
  where,
} from '../../../ops/elementwise.ts'
import { reshape } from '../../../ops/layout.ts'
import { cast } from '../../../ops/table.ts'
import { known } from '../known.ts'
import type { Node, OpFunction, Ops } from '../node.ts'

/** Two inputs; before version 7 the second's axes could begin at an axis of the first. */
export function pair(node: Node): [Tensor, Tensor] {
  const [a, b] = [node.input(0), node.input(1)]
  if (node.version >= 7 || !node.flag('broadcast') || !node.hasAttribute('axis')) return [a, b]
  const axis = node.int('axis')
  const behind = a.rank - (axis < 0 ? axis + a.rank : axis) - b.rank
  return [a, behind > 0 ? reshape(b, [...b.shape, ...new Array<number>(behind).fill(1)]) : b]
}

type Binary = (a: Tensor, b: Tensor) => Tensor
const binary =
  (f: Binary): OpFunction =>
  (node) =>
    f(...pair(node))

const variadic =
  (f: Binary): OpFunction =>
  (node) =>
    some(node).reduce(f)

/** At least one input. */
const some = (node: Node): Tensor[] => (node.numInputs > 0 ? node.inputs() : node.refuse('has no inputs.'))

function power(node: Node): Tensor {
  const [x, exponent] = pair(node)
  const constant = exponent.size === 1 && exponent.rank <= x.rank ? known(exponent) : null
  // Integers to the power of floats are computed as floats.
  const base =
    isFloat(x.dtype) || !isFloat(exponent.dtype) ? x : cast(x, exponent.dtype === 'f16' ? 'f32' : exponent.dtype)
  const y = constant && isFloat(base.dtype) ? pow(base, Number(constant[0])) : pow(base, cast(exponent, base.dtype))
  return cast(y, x.dtype)
}

function clip(node: Node): Tensor {
  const x = node.input(0)
  if (node.version < 11) {
    const [low, high] = [node.float('min', -Infinity), node.float('max', Infinity)]
    return clamp(x, low === -Infinity ? null : low, high)
  }
  const [low, high] = [node.optional(1), node.optional(2)]
  return low || high ? clamp(x, low, high) : x
}

function bitShift(node: Node): Tensor {
  const [a, b] = pair(node)
  const direction = node.text('direction')
  if (direction !== 'LEFT' && direction !== 'RIGHT') return node.refuse(`has the direction ${direction}.`)
  return direction === 'LEFT' ? shiftLeft(a, b) : shiftRight(a, b)
}

export const arithmetic: Ops = {
  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary((a, b) => (isFloat(a.dtype) ? div(a, b) : div(a, b, { roundingMode: 'trunc' }))),
  Mod: (node) => (node.flag('fmod') ? fmod : remainder)(...pair(node)),
  Pow: power,
  And: binary(logicalAnd),
  Or: binary(logicalOr),
  Xor: binary(logicalXor),
  BitwiseAnd: binary(bitwiseAnd),
  BitwiseOr: binary(bitwiseOr),
  BitwiseXor: binary(bitwiseXor),
  BitShift: bitShift,
  Equal: binary(eq),
  Greater: binary(gt),
  GreaterOrEqual: binary(ge),
  Less: binary(lt),
  LessOrEqual: binary(le),
  Max: variadic(maximum),
  Min: variadic(minimum),
  Sum: variadic(add),
  Mean: (node) =>
    div(
      some(node).reduce((a, b) => add(a, b)),
      node.numInputs,
    ),
  Clip: { run: clip, frozen: [1, 2] },
  Where: (node) => where(node.input(0), node.input(1), node.input(2)),
}
