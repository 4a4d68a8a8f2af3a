/** @file ONNX's quantisation: to integers (and narrow floats) and back, and products of quantised tensors. */
import { isNarrow } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { matmul } from '../../../ops/contraction.ts'
import { add, clamp, div, maximum, minimum, mul, round, sub } from '../../../ops/elementwise.ts'
import { expand, narrow, reshape } from '../../../ops/layout.ts'
import { max, min } from '../../../ops/reduction.ts'
import { cast, constant } from '../../../ops/table.ts'
import { normalizeAxis } from '../../../shape.ts'
import { elementType } from '../element-types.ts'
import type { ElementType } from '../element-types.ts'
import type { Held, Node, OpResult, Ops } from '../node.ts'
import { saturated } from './cast.ts'
import { convolve } from './conv.ts'

/** A scale or zero point as it broadcasts to x: one for all, one for each position of an axis, or one for each block of an axis. */
function along(node: Node, t: Tensor, x: Tensor): Tensor {
  if (t.size === 1 && t.rank <= 1) return reshape(t, [])
  const axis = normalizeAxis(node.op, node.int('axis', 1), x.rank)
  const block = node.int('block_size', 0)
  if (t.rank === 1 && block === 0)
    return reshape(
      t,
      x.shape.map((_, i) => (i === axis ? t.size : 1)),
    )
  const [n, size] = [t.shape[axis]!, x.shape[axis]!]
  if (t.rank !== x.rank || n === 0 || block < 1 || Math.ceil(size / block) !== n)
    return node.refuse(`has scales [${t.shape.join()}] in blocks of ${block} for [${x.shape.join()}].`)
  const [lead, rest] = [t.shape.slice(0, axis), t.shape.slice(axis + 1)]
  const spread = expand(reshape(t, [...lead, n, 1, ...rest]), [...lead, n, block, ...rest])
  return narrow(reshape(spread, [...lead, n * block, ...rest]), axis, 0, size)
}

const wide = (t: Tensor): Tensor => (isNarrow(t.dtype) ? cast(t, 'f32') : t)

function quantized(x: Tensor, scale: Tensor, zero: Tensor | null, type: ElementType): Held {
  const scaled = div(wide(x), cast(scale, wide(x).dtype))
  const isFloatType = type.dtype === 'f32'
  const near = isFloatType ? scaled : round(scaled)
  const y = zero ? add(near, cast(zero, near.dtype)) : near
  return { tensor: saturated(y, type), type }
}

function quantizeLinear(node: Node): Held {
  const x = node.input(0)
  const code = node.int('output_dtype', 0)
  const type = node.has(2) ? node.held(2).type : elementType(code === 0 ? 2 : code, node.label)
  const zero = node.optional(2)
  return quantized(x, along(node, node.input(1), x), zero && along(node, zero, x), type)
}

function dequantizeLinear(node: Node): Tensor {
  const [x, scale, zero] = [node.input(0), node.input(1), node.optional(2)]
  const target =
    node.hasAttribute('output_dtype') && node.int('output_dtype') !== 0
      ? node.elementType('output_dtype').dtype
      : scale.dtype
  const values = cast(x, 'f32')
  const centred = zero ? sub(values, cast(along(node, zero, x), 'f32')) : values
  return cast(mul(centred, cast(along(node, scale, x), 'f32')), target)
}

/** To u8, by the range that the tensor itself has. */
function dynamicQuantizeLinear(node: Node): OpResult {
  const x = node.input(0)
  const zero = constant(0, x.dtype)
  const [low, high] = [minimum(min(x), zero), maximum(max(x), zero)]
  const scale = div(sub(high, low), constant(255, x.dtype))
  const point = cast(clamp(round(div(sub(zero, low), scale)), 0, 255), 'u8')
  const type = elementType(2, node.label)
  return [quantized(x, scale, point, type), scale, point]
}

/** Less its zero point, in f64: sums of products of bytes are exact. */
function centred(x: Tensor, zero: Tensor | null, shape?: readonly number[]): Tensor {
  const values = cast(x, 'f64')
  return zero
    ? sub(
        values,
        cast(shape && zero.size > 1 ? reshape(zero, shape) : zero.size === 1 ? reshape(zero, []) : zero, 'f64'),
      )
    : values
}

/** Zero points of rows of the left operand, of columns of the right one. */
const ofRows = (zero: Tensor | null): Tensor | null => (zero && zero.rank === 1 ? reshape(zero, [zero.size, 1]) : zero)

function matMulInteger(node: Node): Tensor {
  const [a, b] = [centred(node.input(0), ofRows(node.optional(2))), centred(node.input(1), node.optional(3))]
  return cast(matmul(a, b), 'i32')
}

/** What products of quantised tensors become: scaled, rounded, moved to the zero point. */
function requantized(y: Tensor, factor: Tensor, held: Held): Held {
  const near = round(mul(y, factor))
  return {
    tensor: saturated(
      add(near, cast(reshape(held.tensor, held.tensor.size === 1 ? [] : held.tensor.shape), near.dtype)),
      held.type,
    ),
    type: held.type,
  }
}

function qLinearMatMul(node: Node): Held {
  const [a, aScale, aZero, b, bScale, bZero, yScale] = Array.from({ length: 7 }, (_, i) => node.input(i))
  const y = matmul(centred(a!, ofRows(aZero!)), centred(b!, bZero!))
  const scales = mul(cast(ofRows(aScale!)!, 'f64'), cast(bScale!, 'f64'))
  return requantized(y, div(scales, cast(ofRows(yScale!)!, 'f64')), node.held(7))
}

/** Zero points and scales of output channels. */
const perOutput = (t: Tensor, rank: number): number[] => [t.size, ...new Array<number>(Math.max(0, rank - 1)).fill(1)]

function convInteger(node: Node): Tensor {
  const [x, w] = [node.input(0), node.input(1)]
  const zero = node.optional(3)
  const kernel = centred(w, zero, zero ? perOutput(zero, w.rank) : undefined)
  return cast(convolve(node, centred(x, node.optional(2)), kernel, null), 'i32')
}

function qLinearConv(node: Node): Held {
  const [x, xScale, xZero, w, wScale, wZero, yScale] = Array.from({ length: 7 }, (_, i) => node.input(i))
  const bias = node.optional(8)
  const kernel = centred(w!, wZero!, perOutput(wZero!, w!.rank))
  const y = convolve(node, centred(x!, xZero!), kernel, bias && cast(bias, 'f64'))
  const scale = cast(wScale!, 'f64')
  const ofChannels =
    scale.size > 1 ? reshape(scale, [scale.size, ...new Array<number>(x!.rank - 2).fill(1)]) : reshape(scale, [])
  const factor = div(mul(cast(reshape(xScale!, []), 'f64'), ofChannels), cast(reshape(yScale!, []), 'f64'))
  return requantized(y, factor, node.held(7))
}

export const quantize: Ops = {
  ConvInteger: convInteger,
  DequantizeLinear: { run: dequantizeLinear, frozen: [1] },
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  MatMulInteger: matMulInteger,
  QLinearConv: { run: qLinearConv, frozen: [1, 4, 6] },
  QLinearMatMul: { run: qLinearMatMul, frozen: [1, 4, 6] },
  QuantizeLinear: { run: quantizeLinear, frozen: [1] },
}
