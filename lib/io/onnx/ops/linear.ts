/** @file ONNX's matrix products, determinants and einsum. */
import { isFloat } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { matmul } from '../../../ops/contraction.ts'
import { iota } from '../../../ops/create.ts'
import { abs, add, div, eq, ge, mul, neg, sub, where } from '../../../ops/elementwise.ts'
import { einsum } from '../../../ops/einsum.ts'
import { expand, narrow, reshape, transpose } from '../../../ops/layout.ts'
import { argMax, sum } from '../../../ops/reduction.ts'
import { cast, constant } from '../../../ops/table.ts'
import type { Node, Ops } from '../node.ts'

/** Products of integers are exact in f64 as long as sums stay below 2^53. */
export function product(a: Tensor, b: Tensor): Tensor {
  return isFloat(a.dtype) ? matmul(a, b) : cast(matmul(cast(a, 'f64'), cast(b, 'f64')), a.dtype)
}

function gemm(node: Node): Tensor {
  const [a, b] = [node.input(0), node.input(1)]
  const [left, right] = [node.flag('transA') ? transpose(a, 0, 1) : a, node.flag('transB') ? transpose(b, 0, 1) : b]
  const scaled = (t: Tensor, factor: number) => (factor === 1 ? t : mul(t, constant(factor, t.dtype)))
  const y = scaled(product(left, right), node.float('alpha', 1))
  const c = node.optional(2)
  return c ? add(y, scaled(c, node.float('beta', 1))) : y
}

/** Largest matrix whose determinant is unrolled. */
const LARGEST = 64

/** By elimination with the largest pivot of each column. */
function determinant(node: Node): Tensor {
  const given = node.input(0)
  const n = given.shape[given.rank - 1]!
  if (given.rank < 2 || given.shape[given.rank - 2] !== n || n > LARGEST)
    return node.refuse(`needs square matrices of at most ${LARGEST} rows, got [${given.shape.join()}].`)
  const lead = given.shape.slice(0, -2)
  let a = given
  let result = expand(constant(1, given.dtype), lead)
  for (let size = n; size > 0; size--) {
    const column = reshape(narrow(a, -1, 0, 1), [...lead, size])
    const pivot = argMax(abs(column), -1, { keepDims: true })
    const isPivot = eq(iota([size], 'i64'), pivot)
    const rows = reshape(isPivot, [...lead, size, 1])
    const zero = constant(0, a.dtype)
    const row = sum(where(rows, a, zero), -2, { keepDims: true })
    const head = narrow(row, -1, 0, 1)
    const value = reshape(head, lead)
    // The first row takes the pivot's place; a swap changes the sign.
    const isSwapped = ge(reshape(pivot, lead), constant(1, 'i64'))
    result = mul(result, where(isSwapped, neg(value), value))
    if (size === 1) break
    const rest = narrow(where(rows, narrow(a, -2, 0, 1), a), -2, 1, size - 1)
    const isZero = eq(head, zero)
    const factor = where(isZero, zero, div(narrow(rest, -1, 0, 1), where(isZero, constant(1, a.dtype), head)))
    a = narrow(sub(rest, mul(factor, row)), -1, 1, size - 1)
  }
  return result
}

export const linear: Ops = {
  Det: determinant,
  Einsum: (node) => einsum(node.text('equation'), ...node.inputs()),
  Gemm: gemm,
  MatMul: (node) => product(node.input(0), node.input(1)),
}
