/** @file Pooling: the largest element or the mean of each window. In two dimensions rows; one and three are views of two. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply, applyTuple } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { lastTwo } from './conv.ts'
import { add, floorDivide, mul } from './elementwise.ts'
import { gather, scatterAdd } from './indexing.ts'
import { filled, reshape } from './layout.ts'
import { images, perAxis } from './spatial.ts'
import type { Pair, PerAxis, Single, Triple } from './spatial.ts'
import { constant, defineRow } from './table.ts'
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

/** T: one number for all spatial axes, or one for each. */
export interface PoolOptions<T extends PerAxis = Pair> {
  /** Default: the kernel's size. */
  stride?: T
  /** On both sides; at most half of the kernel. Default: 0. */
  padding?: T
  /** Keep a last window that leaves the image. Default: false. */
  ceilMode?: boolean
}

export interface MaxPoolOptions<T extends PerAxis = Pair> extends PoolOptions<T> {
  dilation?: T
}

export interface AvgPoolOptions<T extends PerAxis = Pair> extends PoolOptions<T> {
  /** Whether padding counts in the divisor. Default: true. */
  countIncludePad?: boolean
  /** The divisor, whatever the window holds. */
  divisorOverride?: number
}

export interface ValuesAndIndices {
  values: Tensor
  /** i64. */
  indices: Tensor
}

interface Geometry {
  readonly kernel: readonly number[]
  readonly stride: readonly number[]
  readonly padding: readonly number[]
  readonly dilation: readonly number[]
  readonly size: readonly number[]
}

function poolGeometry(op: string, image: Shape, kernelSize: PerAxis, options: MaxPoolOptions<PerAxis>): Geometry {
  const n = image.length
  const kernel = perAxis(op, 'kernelSize', kernelSize, n, 1)
  const stride = perAxis(op, 'stride', options.stride ?? kernel, n, 1)
  const padding = perAxis(op, 'padding', options.padding ?? 0, n, 0)
  const dilation = perAxis(op, 'dilation', options.dilation ?? 1, n, 1)
  const size = image.map((extent, i) => {
    if (padding[i]! * 2 > kernel[i]!)
      fail('VALUE', op, `padding must be at most half of the kernel, got ${padding[i]} and ${kernel[i]}.`)
    const span = extent + 2 * padding[i]! - dilation[i]! * (kernel[i]! - 1) - 1
    let windows = (options.ceilMode ? Math.ceil(span / stride[i]!) : Math.floor(span / stride[i]!)) + 1
    // Every window starts inside the image or its left padding.
    if (options.ceilMode && (windows - 1) * stride[i]! >= extent + padding[i]!) windows--
    if (windows <= 0 || !allRead(extent, kernel[i]!, stride[i]!, padding[i]!, dilation[i]!))
      fail('SHAPE', op, `the window ${showShape(kernel)} does not fit into ${showShape(image)} with its padding.`)
    return windows
  })
  return { kernel, stride, padding, dilation, size }
}

/** Whether the windows that start in the padding have a tap inside; the others start inside. */
function allRead(extent: number, taps: number, stride: number, padding: number, dilation: number): boolean {
  // The window that starts first has the most taps before the image; steps no longer than the image do not lead over it.
  if (Math.ceil(padding / dilation) >= taps) return false
  if (dilation <= extent) return true
  for (let start = -padding; start <= 0; start += stride) {
    const first = Math.ceil(-start / dilation)
    if (first >= taps || start + first * dilation >= extent) return false
  }
  return true
}

/** Largest element of each window of [B, C, L] or [C, L]; the gradient goes to the first of equal ones. */
export function maxPool1d(x: TensorLike, kernelSize: Single, options: MaxPoolOptions<Single> = {}): Tensor {
  return maxPool('maxPool1d', 1, x, kernelSize, options).values
}

/** The same of images, [B, C, H, W] or [C, H, W]. */
export function maxPool2d(x: TensorLike, kernelSize: Pair, options: MaxPoolOptions = {}): Tensor {
  return maxPool('maxPool2d', 2, x, kernelSize, options).values
}

/** The same of volumes, [B, C, D, H, W] or [C, D, H, W]. */
export function maxPool3d(x: TensorLike, kernelSize: Triple, options: MaxPoolOptions<Triple> = {}): Tensor {
  return maxPool('maxPool3d', 3, x, kernelSize, options).values
}

/** maxPool1d, with the position of each maximum. */
export function maxPool1dWithIndices(
  x: TensorLike,
  kernelSize: Single,
  options: MaxPoolOptions<Single> = {},
): ValuesAndIndices {
  return maxPool('maxPool1d', 1, x, kernelSize, options)
}

/** maxPool2d, with the position of each maximum in its plane, h W + w. */
export function maxPool2dWithIndices(x: TensorLike, kernelSize: Pair, options: MaxPoolOptions = {}): ValuesAndIndices {
  return maxPool('maxPool2d', 2, x, kernelSize, options)
}

/** maxPool3d, with the position of each maximum in its volume, (d H + h) W + w. */
export function maxPool3dWithIndices(
  x: TensorLike,
  kernelSize: Triple,
  options: MaxPoolOptions<Triple> = {},
): ValuesAndIndices {
  return maxPool('maxPool3d', 3, x, kernelSize, options)
}

/** @internal The maxima of n spatial axes. */
export function maxPool(
  op: string,
  n: number,
  x: TensorLike,
  kernelSize: PerAxis,
  options: MaxPoolOptions<PerAxis>,
): ValuesAndIndices {
  checkOptions(op, options, ['stride', 'padding', 'dilation', 'ceilMode'])
  const { t, image, restore } = images(op, x, n)
  const { kernel, stride, padding, dilation, size } = poolGeometry(op, image, kernelSize, options)
  const shape = [...t.shape.slice(0, 2), ...size]
  const window = [...lastTwo(kernel, 1), ...lastTwo(stride, 1), ...lastTwo(padding, 0), ...lastTwo(dilation, 1)]
  const [b, c] = t.shape as [number, number]
  const planes = reshape(t, [b, n === 3 ? c * image[0]! : c, ...lastTwo(image, 1)])
  const inPlane = maxOfPlanes(planes, window, lastTwo(size, 1))
  if (n < 3)
    return { values: restore(reshape(inPlane.values, shape)), indices: restore(reshape(inPlane.indices, shape)) }
  // Then along the depth, the first of equal ones again: so the first in the volume.
  const [d, h, w] = image as [number, number, number]
  const [od, oh, ow] = size as [number, number, number]
  const lead = b * c
  const depth = [kernel[0]!, 1, stride[0]!, 1, padding[0]!, 0, dilation[0]!, 1]
  const along = maxOfPlanes(reshape(inPlane.values, [b, c, d, oh * ow]), depth, [od, oh * ow])
  const flat = reshape(along.indices, [lead, od * oh * ow])
  const within = gather(reshape(inPlane.indices, [lead, d * oh * ow]), 1, flat)
  const indices = add(mul(floorDivide(flat, oh * ow), constant(h * w, 'i64')), within)
  return { values: restore(reshape(along.values, shape)), indices: restore(reshape(indices, shape)) }
}

/** [B, C, H, W] -> maxima [B, C, ...size] and where they are in their planes. */
function maxOfPlanes(x: Tensor, window: readonly number[], size: readonly number[]): ValuesAndIndices {
  const [values, indices] = applyTuple(maxPoolRow, [x], { window, shape: [...x.shape.slice(0, 2), ...size] })
  return { values: values!, indices: indices! }
}

/** Mean of each window of [B, C, L] or [C, L]. */
export function avgPool1d(x: TensorLike, kernelSize: Single, options: AvgPoolOptions<Single> = {}): Tensor {
  return avgPool('avgPool1d', 1, x, kernelSize, options)
}

/** The same of images, [B, C, H, W] or [C, H, W]. */
export function avgPool2d(x: TensorLike, kernelSize: Pair, options: AvgPoolOptions = {}): Tensor {
  return avgPool('avgPool2d', 2, x, kernelSize, options)
}

/** The same of volumes, [B, C, D, H, W] or [C, D, H, W]. */
export function avgPool3d(x: TensorLike, kernelSize: Triple, options: AvgPoolOptions<Triple> = {}): Tensor {
  return avgPool('avgPool3d', 3, x, kernelSize, options)
}

/** @internal The means of n spatial axes. */
export function avgPool(
  op: string,
  n: number,
  x: TensorLike,
  kernelSize: PerAxis,
  options: AvgPoolOptions<PerAxis>,
): Tensor {
  checkOptions(op, options, ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride'])
  const { countIncludePad = true, divisorOverride, ...windows } = options
  const { t, image, restore } = images(op, x, n)
  const { kernel, stride, padding, size } = poolGeometry(op, image, kernelSize, windows)
  const divisor = divisorOverride === undefined ? 0 : checkInteger(op, 'divisorOverride', divisorOverride, 1, 2 ** 30)
  const counts = Number(countIncludePad)
  const [b, c] = t.shape as [number, number]
  const pads = lastTwo(padding, 0)
  const window = [...lastTwo(kernel, 1), ...lastTwo(stride, 1), ...pads, counts, divisor, ...pads]
  const [first, out] = [lastTwo(image, 1), lastTwo(size, 1)]
  const planes = reshape(t, [b, n === 3 ? c * image[0]! : c, ...first])
  const y = averageOfPlanes(planes, window, out)
  if (n < 3) return restore(reshape(y, [b, c, ...size]))
  // The divisor is a product of one count an axis, so the depth comes apart; a given divisor is used up already.
  const depth = [kernel[0]!, 1, stride[0]!, 1, padding[0]!, 0, counts, divisor === 0 ? 0 : 1, padding[0]!, 0]
  const lines = reshape(y, [b, c, image[0]!, sizeOf(out)])
  return restore(reshape(averageOfPlanes(lines, depth, [size[0]!, sizeOf(out)]), [b, c, ...size]))
}

const averageOfPlanes = (x: Tensor, window: readonly number[], size: readonly number[]) =>
  apply(avgPoolRow, [x], { window, shape: [...x.shape.slice(0, 2), ...size] })
