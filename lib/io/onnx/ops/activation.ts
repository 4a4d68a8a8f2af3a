/** @file ONNX's activations. */
import { celu, elu, hardswish, leakyRelu, mish, softsign, threshold } from '../../../ops/activation.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { iota } from '../../../ops/create.ts'
import { add, clamp, eq, expm1, gelu, gt, lt, mul, relu, sigmoid, softplus, where } from '../../../ops/elementwise.ts'
import { reshape } from '../../../ops/layout.ts'
import { logSoftmax, softmax } from '../../../ops/normalize.ts'
import { argMax } from '../../../ops/reduction.ts'
import { cast, constant } from '../../../ops/table.ts'
import { normalizeAxis, sizeOf } from '../../../shape.ts'
import type { Node, OpFunction, Ops } from '../node.ts'

/** Along an axis; before version 13 along all axes from it on, as one. */
const along =
  (f: (x: Tensor, axis: number) => Tensor): OpFunction =>
  (node) => {
    const x = node.input(0)
    const axis = normalizeAxis(node.op, node.int('axis', node.version < 13 ? 1 : -1), Math.max(1, x.rank))
    if (node.version >= 13 && x.rank > 0) return f(x, axis)
    const flat = reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))])
    return reshape(f(flat, 1), x.shape)
  }

/** 1 at the first of the largest, else 0. */
function hardmax(x: Tensor, axis: number): Tensor {
  const places = reshape(
    iota([x.shape[axis]!], 'i64'),
    x.shape.map((size, i) => (i === axis ? size : 1)),
  )
  return cast(eq(argMax(x, axis, { keepDims: true }), places), x.dtype)
}

function selu(node: Node): Tensor {
  const x = node.input(0)
  const [alpha, gamma] = [node.float('alpha', 1.6732632423543772), node.float('gamma', 1.0507009873554805)]
  const left = mul(expm1(clamp(x, null, 0)), constant(alpha, x.dtype))
  return mul(where(gt(x, 0), x, left), constant(gamma, x.dtype))
}

function prelu(node: Node): Tensor {
  const [x, slope] = [node.input(0), node.input(1)]
  // Before version 7 a vector of slopes was one a channel.
  const isOld = node.version < 7 && slope.rank === 1 && slope.size > 1 && x.rank > 2
  const s = isOld ? reshape(slope, [slope.size, ...x.shape.slice(2).map(() => 1)]) : slope
  return where(lt(x, constant(0, x.dtype)), mul(x, s), x)
}

function shrink(node: Node): Tensor {
  const x = node.input(0)
  const [lambda, bias] = [node.float('lambd', 0.5), node.float('bias', 0)]
  const zero = constant(0, x.dtype)
  return where(lt(x, -lambda), add(x, bias), where(gt(x, lambda), add(x, -bias), zero))
}

function geluOf(node: Node): Tensor {
  const approximate = node.text('approximate', 'none')
  if (approximate !== 'none' && approximate !== 'tanh') return node.refuse(`has approximate = ${approximate}.`)
  return gelu(node.input(0), { approximate })
}

/** max(0, min(1, alpha x + beta)). */
function hardSigmoid(node: Node): Tensor {
  const x = node.input(0)
  const [alpha, beta] = [node.float('alpha', 0.2), node.float('beta', 0.5)]
  return clamp(add(mul(x, constant(alpha, x.dtype)), constant(beta, x.dtype)), 0, 1)
}

/** x sigmoid(alpha x). */
function swish(node: Node): Tensor {
  const x = node.input(0)
  return mul(x, sigmoid(mul(x, constant(node.float('alpha', 1), x.dtype))))
}

export const activation: Ops = {
  Celu: (node) => celu(node.input(0), { alpha: node.float('alpha', 1) }),
  Elu: (node) => elu(node.input(0), { alpha: node.float('alpha', 1) }),
  Gelu: geluOf,
  HardSigmoid: hardSigmoid,
  HardSwish: (node) => hardswish(node.input(0)),
  Hardmax: along(hardmax),
  LeakyRelu: (node) => leakyRelu(node.input(0), { negativeSlope: node.float('alpha', 0.01) }),
  LogSoftmax: along(logSoftmax),
  Mish: (node) => mish(node.input(0)),
  PRelu: prelu,
  Relu: (node) => relu(node.input(0)),
  Selu: selu,
  Shrink: shrink,
  Softmax: along(softmax),
  Softplus: (node) => softplus(node.input(0)),
  Softsign: (node) => softsign(node.input(0)),
  Swish: swish,
  ThresholdedRelu: (node) => threshold(node.input(0), node.float('alpha', 1), 0),
}
