/** @file Pooling in two dimensions. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply, applyTuple, Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { pairOf } from './conv.ts'
import type { Pair } from './conv.ts'
import { scatterAdd } from './indexing.ts'
import { filled, reshape } from './layout.ts'
import { asTensor, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

interface PoolAttrs {
  /** What the kernel reads: sizes, strides, padding, ... */
  readonly window: readonly number[]
  readonly shape: Shape
}

const maxPoolRow = defineRow<PoolAttrs>({
  name: 'maxPool2d',
  kind: 'kernel',
  infer: ([x], { shape }) => [
    { shape, dtype: x!.dtype },
    { shape, dtype: 'i64' },
  ],
  vjp: ({ dy, inputs: [x], outputs: [, index] }) => {
    const [b, c, h, w] = x!.shape as [number, number, number, number]
    const flat = (t: Tensor) => reshape(t, [b * c, t.size / (b * c)])
    return [reshape(scatterAdd(filled([b * c, h * w], 0, x!), 1, flat(index!), flat(dy)), x!.shape)]
  },
  emit: (e, { attrs }) => e.instr('maxPool2d', [e.output(0), e.output(1)], [e.packed(e.input(0))], attrs.window),
})

const avgPoolRow: Row<PoolAttrs> = defineRow<PoolAttrs>({
  name: 'avgPool2d',
  kind: 'kernel',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy, inputs: [x], attrs }) => [apply(avgPoolGradRow, [dy], { window: attrs.window, shape: x!.shape })],
  emit: (e, { attrs }) => e.instr('avgPool2d', [e.output()], [e.packed(e.input(0))], attrs.window),
})

const avgPoolGradRow: Row<PoolAttrs> = defineRow<PoolAttrs>({
  name: 'avgPool2dGrad',
  kind: 'kernel',
  infer: ([dy], { shape }) => ({ shape, dtype: dy!.dtype }),
  vjp: ({ dy: g, inputs: [dy], attrs }) => [apply(avgPoolRow, [g], { window: attrs.window, shape: dy!.shape })],
  emit: (e, { attrs }) => e.instr('avgPool2dGrad', [e.output()], [e.packed(e.input(0))], attrs.window),
})

export interface PoolOptions {
  /** Default: the kernel's size. */
  stride?: Pair
  /** On both sides; at most half of the kernel. Default: 0. */
  padding?: Pair
  /** Keep a last window that leaves the image. Default: false. */
  ceilMode?: boolean
}

export interface MaxPoolOptions extends PoolOptions {
  dilation?: Pair
}

export interface AvgPoolOptions extends PoolOptions {
  /** Whether padding counts in the divisor. Default: true. */
  countIncludePad?: boolean
  /** The divisor, whatever the window holds. */
  divisorOverride?: number
}

interface Geometry {
  kernel: readonly [number, number]
  stride: readonly [number, number]
  padding: readonly [number, number]
  dilation: readonly [number, number]
  size: number[]
}

function geometry(op: string, t: Tensor, kernelSize: Pair, options: MaxPoolOptions): Geometry {
  if (t.rank !== 4 && t.rank !== 3) fail('SHAPE', op, `needs [B, C, H, W] or [C, H, W], got ${showShape(t.shape)}.`)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}.`)
  const kernel = pairOf(op, 'kernelSize', kernelSize, 1)
  const stride = pairOf(op, 'stride', options.stride ?? kernel, 1)
  const padding = pairOf(op, 'padding', options.padding ?? 0, 0)
  const dilation = pairOf(op, 'dilation', options.dilation ?? 1, 1)
  const image = t.shape.slice(-2)
  const size = [0, 1].map((i) => {
    if (padding[i]! * 2 > kernel[i]!)
      fail('VALUE', op, `padding must be at most half of the kernel, got ${padding[i]} and ${kernel[i]}.`)
    const span = image[i]! + 2 * padding[i]! - dilation[i]! * (kernel[i]! - 1) - 1
    let n = (options.ceilMode ? Math.ceil(span / stride[i]!) : Math.floor(span / stride[i]!)) + 1
    // Every window starts inside the image or its left padding.
    if (options.ceilMode && (n - 1) * stride[i]! >= image[i]! + padding[i]!) n--
    if (n <= 0 || span < 0)
      fail('SHAPE', op, `the window ${showShape(kernel)} does not fit into ${showShape(image)} with its padding.`)
    return n
  })
  return { kernel, stride, padding, dilation, size }
}

const batched = (t: Tensor) => (t.rank === 3 ? reshape(t, [1, ...t.shape]) : t)
const unbatched = (y: Tensor, t: Tensor) => (t.rank === 3 ? reshape(y, y.shape.slice(1)) : y)

/** Largest element of each window; the gradient goes to the first of equal ones. */
export function maxPool2d(x: TensorLike, kernelSize: Pair, options: MaxPoolOptions = {}): Tensor {
  return maxPool2dWithIndices(x, kernelSize, options).values
}

/** The same, with the position of each maximum in its plane (h * W + w), i64. */
export function maxPool2dWithIndices(
  x: TensorLike,
  kernelSize: Pair,
  options: MaxPoolOptions = {},
): { values: Tensor; indices: Tensor } {
  checkOptions('maxPool2d', options, ['stride', 'padding', 'dilation', 'ceilMode'])
  const given = asTensor('maxPool2d', x)
  const { kernel, stride, padding, dilation, size } = geometry('maxPool2d', given, kernelSize, options)
  const t = batched(given)
  const attrs = { window: [...kernel, ...stride, ...padding, ...dilation], shape: [...t.shape.slice(0, 2), ...size] }
  const [values, indices] = applyTuple(maxPoolRow, [t], attrs)
  return { values: unbatched(values!, given), indices: unbatched(indices!, given) }
}

/** Mean of each window. */
export function avgPool2d(x: TensorLike, kernelSize: Pair, options: AvgPoolOptions = {}): Tensor {
  checkOptions('avgPool2d', options, ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride'])
  const given = asTensor('avgPool2d', x)
  const { kernel, stride, padding, size } = geometry('avgPool2d', given, kernelSize, options)
  const divisor =
    options.divisorOverride === undefined ? 0 : checkInteger('avgPool2d', 'divisorOverride', options.divisorOverride, 1)
  const t = batched(given)
  const window = [...kernel, ...stride, ...padding, options.countIncludePad === false ? 0 : 1, divisor, ...padding]
  return unbatched(apply(avgPoolRow, [t], { window, shape: [...t.shape.slice(0, 2), ...size] }), given)
}
