/** @file ONNX operators of one input, elementwise. */
import { isNegInf, isPosInf } from '../../../ops/arithmetic.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import {
  abs,
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  bitwiseNot,
  ceil,
  cos,
  cosh,
  erf,
  exp,
  floor,
  isInf,
  isNan,
  log,
  logicalNot,
  neg,
  reciprocal,
  round,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
} from '../../../ops/elementwise.ts'
import { zeros } from '../../../ops/create.ts'
import type { Node, OpFunction, Ops } from '../node.ts'

const unary =
  (f: (x: Tensor) => Tensor): OpFunction =>
  (node) =>
    f(node.input(0))

function infinite(node: Node): Tensor {
  const x = node.input(0)
  const [below, above] = [node.flag('detect_negative', 1), node.flag('detect_positive', 1)]
  if (below && above) return isInf(x)
  if (below) return isNegInf(x)
  return above ? isPosInf(x) : zeros(x.shape, { dtype: 'bool' })
}

export const elementwise: Ops = {
  Abs: unary(abs),
  Acos: unary(acos),
  Acosh: unary(acosh),
  Asin: unary(asin),
  Asinh: unary(asinh),
  Atan: unary(atan),
  Atanh: unary(atanh),
  BitwiseNot: unary(bitwiseNot),
  Ceil: unary(ceil),
  Cos: unary(cos),
  Cosh: unary(cosh),
  Erf: unary(erf),
  Exp: unary(exp),
  Floor: unary(floor),
  IsInf: infinite,
  IsNaN: unary(isNan),
  Log: unary(log),
  Neg: unary(neg),
  Not: unary(logicalNot),
  Reciprocal: unary(reciprocal),
  Round: unary(round),
  Sigmoid: unary(sigmoid),
  Sign: unary(sign),
  Sin: unary(sin),
  Sinh: unary(sinh),
  Sqrt: unary(sqrt),
  Tan: unary(tan),
  Tanh: unary(tanh),
}
