/** @file Convolutions. In two dimensions three rows: bilinear maps, each the gradient of the others; one and three are views of two. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { operandsOf } from './autocast.ts'
import { add } from './elementwise.ts'
import { permute, reshape } from './layout.ts'
import { axisNames, images, perAxis } from './spatial.ts'
import type { Images, Pair, PerAxis, Single, Triple } from './spatial.ts'
import { asTensor, cast, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'
import { unfoldWindows } from './unfold.ts'

interface ConvAttrs {
  /** [strideH, strideW, padTop, padLeft, dilationH, dilationW, groups]. */
  readonly window: readonly number[]
  /** Of the result. */
  readonly shape: Shape
}

const convRow: Row<ConvAttrs> = defineRow<ConvAttrs>({
  name: 'conv2d',
  kind: 'kernel',
  epilogue: true,
  autocast: 'narrow',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy, inputs: [x, w], attrs: { window }, needs }) => [
    needs(0) ? convByInput(dy, w!, window, x!.shape) : null,
    needs(1) ? convByWeight(x!, dy, window, w!.shape) : null,
  ],
  emit: (e, { attrs }) => e.instr('conv2d', [e.output()], [e.packed(e.input(0)), e.packed(e.input(1))], attrs.window),
})

const convInputRow: Row<ConvAttrs> = defineRow<ConvAttrs>({
  name: 'conv2dInput',
  kind: 'kernel',
  epilogue: true,
  autocast: 'narrow',
  infer: ([dy], { shape }) => ({ shape, dtype: dy!.dtype }),
  vjp: ({ dy: g, inputs: [dy, w], attrs: { window }, needs }) => [
    needs(0) ? conv(g, w!, window, dy!.shape) : null,
    needs(1) ? convByWeight(g, dy!, window, w!.shape) : null,
  ],
  emit: (e, { attrs }) =>
    e.instr('conv2dInput', [e.output()], [e.packed(e.input(0)), e.packed(e.input(1))], attrs.window),
})

/** How many partial sums over the batch `native/ops/conv.cc` wants. */
const partsOf = (batch: number, elements: number) => (elements >= 2 ** 18 ? 1 : Math.min(Math.max(batch, 1), 8))

const convWeightRow: Row<ConvAttrs> = defineRow<ConvAttrs>({
  name: 'conv2dWeight',
  kind: 'kernel',
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  vjp: ({ dy: g, inputs: [x, dy], attrs: { window }, needs }) => [
    needs(0) ? convByInput(dy!, g, window, x!.shape) : null,
    needs(1) ? conv(x!, g, window, dy!.shape) : null,
  ],
  emit: (e, { attrs, inputs, outputs }) => {
    const parts = partsOf(inputs[0]!.shape[0]!, sizeOf(outputs[0]!.shape))
    const partials = parts > 1 ? [e.temp(outputs[0]!.dtype, [parts, sizeOf(outputs[0]!.shape)])] : []
    e.instr('conv2dWeight', [e.output(), ...partials], [e.packed(e.input(0)), e.packed(e.input(1))], attrs.window)
  },
})

const conv = (x: Tensor, w: Tensor, window: readonly number[], shape: Shape) =>
  apply(convRow, [x, w], { window, shape })
/** The transpose of `conv` by its input, which is also a transposed convolution. */
export const convByInput = (dy: Tensor, w: Tensor, window: readonly number[], shape: Shape) =>
  apply(convInputRow, [dy, w], { window, shape })
const convByWeight = (x: Tensor, dy: Tensor, window: readonly number[], shape: Shape) =>
  apply(convWeightRow, [x, dy], { window, shape })

/** Options of a convolution; T: one number for all spatial axes, or one for each. */
export interface ConvOptions<T extends PerAxis> {
  /** Default: 1. */
  stride?: T
  /** Zeros on both sides, or 'same' (stride 1 only; of an odd number the larger half comes behind), or 'valid'. Default: 0. */
  padding?: T | 'same' | 'valid'
  /** Distance between the kernel's elements. Default: 1. */
  dilation?: T
  /** Channels fall into so many groups that do not see each other. Default: 1. */
  groups?: number
}

export type Conv1dOptions = ConvOptions<Single>
export type Conv2dOptions = ConvOptions<Pair>
export type Conv3dOptions = ConvOptions<Triple>

/** Cross-correlation of signals: x [B, C, L] (or [C, L]), weight [O, C / groups, K], bias [O] -> [B, O, OL]; sizes as in conv2d. */
export function conv1d(
  x: TensorLike,
  weight: TensorLike,
  bias?: TensorLike | null,
  options: Conv1dOptions = {},
): Tensor {
  return convolve('conv1d', 1, x, weight, bias, options)
}

/**
 * Cross-correlation as deep learning calls convolution: x [B, C, H, W] (or [C, H, W]), weight [O, C / groups, KH, KW], bias [O] ->
 * [B, O, OH, OW] with OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1.
 */
export function conv2d(
  x: TensorLike,
  weight: TensorLike,
  bias?: TensorLike | null,
  options: Conv2dOptions = {},
): Tensor {
  return convolve('conv2d', 2, x, weight, bias, options)
}

/**
 * Cross-correlation of volumes: x [B, C, D, H, W] (or [C, D, H, W]), weight [O, C / groups, KD, KH, KW], bias [O] ->
 * [B, O, OD, OH, OW]; sizes as in conv2d. Computed as conv2d with the kernel's depth among the channels: holds x KD times.
 */
export function conv3d(
  x: TensorLike,
  weight: TensorLike,
  bias?: TensorLike | null,
  options: Conv3dOptions = {},
): Tensor {
  return convolve('conv3d', 3, x, weight, bias, options)
}

function convolve(
  op: string,
  n: number,
  x: TensorLike,
  weight: TensorLike,
  bias: TensorLike | null | undefined,
  options: ConvOptions<PerAxis>,
): Tensor {
  checkOptions(op, options, ['stride', 'padding', 'dilation', 'groups'])
  const groups = checkInteger(op, 'groups', options.groups ?? 1, 1, 2 ** 31)
  const { t, w, image, restore } = convOperands(op, n, x, weight)
  if (t.shape[1] !== w.shape[1]! * groups || w.shape[0]! % groups !== 0) {
    fail('SHAPE', op, `channels must fit: x ${showShape(t.shape)}, weight ${showShape(w.shape)}, groups ${groups}.`)
  }
  const geometry = convGeometry(op, image, w.shape.slice(2), options)
  const b = bias ? biasOf(op, bias, w.shape[0]!, t.dtype) : null
  return restore((n === 3 ? conv3 : conv2)(t, w, b, geometry, groups))
}

/** x with a batch and weight, of n spatial axes and one dtype. */
export function convOperands(op: string, n: number, x: TensorLike, weight: TensorLike): Images & { w: Tensor } {
  const [given, w] = operandsOf(asTensor(op, x), asTensor(op, weight)) as [Tensor, Tensor]
  if ((given.rank !== n + 2 && given.rank !== n + 1) || w.rank !== n + 2) {
    const kernel = n === 1 ? 'K' : axisNames(n).replace(/[A-Z]/g, 'K$&')
    const expected = `[B, C, ${axisNames(n)}] and [O, C, ${kernel}]`
    fail('SHAPE', op, `needs ${expected}, got ${showShape(given.shape)} and ${showShape(w.shape)}.`)
  }
  if (given.dtype !== w.dtype || !isFloat(w.dtype))
    fail('DTYPE', op, `needs floats of one dtype, got ${given.dtype} and ${w.dtype}.`)
  return { ...images(op, given, n), w }
}

/** The bias of n channels as [n, 1, 1]. */
export function biasOf(op: string, bias: TensorLike, n: number, dtype: Tensor['dtype']): Tensor {
  if (bias.rank !== 1 || bias.size !== n) fail('SHAPE', op, `the bias must be [${n}], got ${showShape(bias.shape)}.`)
  return reshape(cast(asTensor(op, bias), dtype), [n, 1, 1])
}

export interface ConvGeometry {
  readonly stride: readonly number[]
  /** Zeros before the first element of each axis. */
  readonly before: readonly number[]
  readonly dilation: readonly number[]
  /** Sizes of the result. */
  readonly size: readonly number[]
}

function convGeometry(op: string, image: Shape, kernel: Shape, options: ConvOptions<PerAxis>): ConvGeometry {
  const n = image.length
  const stride = perAxis(op, 'stride', options.stride ?? 1, n, 1)
  const dilation = perAxis(op, 'dilation', options.dilation ?? 1, n, 1)
  const reach = kernel.map((k, i) => dilation[i]! * (k - 1))
  const isSame = options.padding === 'same'
  if (isSame && stride.some((s) => s !== 1)) fail('VALUE', op, "padding 'same' needs stride 1.")
  const given = options.padding === 'same' || options.padding === 'valid' ? 0 : (options.padding ?? 0)
  const before = isSame ? reach.map((r) => Math.floor(r / 2)) : perAxis(op, 'padding', given, n, 0)
  const total = isSame ? reach : before.map((p) => 2 * p)
  const size = image.map((extent, i) => Math.floor((extent + total[i]! - reach[i]! - 1) / stride[i]!) + 1)
  if (kernel.includes(0) || size.some((extent) => extent <= 0)) {
    fail('SHAPE', op, `the kernel ${showShape(kernel)} does not fit into ${showShape(image)} with its padding.`)
  }
  return { stride, before, dilation, size }
}

/** The last two axes of a list, 1-d signals being images of height 1 (`height` is what its entry is). */
export const lastTwo = (list: readonly number[], height: number): [number, number] => [
  list.length > 1 ? list[list.length - 2]! : height,
  list[list.length - 1]!,
]

export const convWindow = ({ stride, before, dilation }: ConvGeometry, groups: number): number[] => [
  ...lastTwo(stride, 1),
  ...lastTwo(before, 0),
  ...lastTwo(dilation, 1),
  groups,
]

/** One or two spatial axes. */
function conv2(x: Tensor, w: Tensor, bias: Tensor | null, geometry: ConvGeometry, groups: number): Tensor {
  const flat = (t: Tensor) => reshape(t, [t.shape[0]!, t.shape[1]!, ...lastTwo(t.shape.slice(2), 1)])
  const [b, o] = [x.shape[0]!, w.shape[0]!]
  const y = conv(flat(x), flat(w), convWindow(geometry, groups), [b, o, ...lastTwo(geometry.size, 1)])
  return reshape(bias ? add(y, bias) : y, [b, o, ...geometry.size])
}

/** Three: every output plane is an image whose channels are those of x at the depths that the kernel sees. */
function conv3(x: Tensor, w: Tensor, bias: Tensor | null, geometry: ConvGeometry, groups: number): Tensor {
  const [o, cg, kd, ...kernel] = w.shape as [number, number, number, number, number]
  const [b, od, ...out] = [x.shape[0]!, ...geometry.size] as [number, number, number, number]
  // Without groups the depths come before the channels, which spares a copy of all slices: a forward pass of 3 x 3 x 3 taps and 24 MB
  // of x took 124 MB at its peak and takes 75, and 33 ms for 40.
  const images = groups === 1 ? slicesByDepth(x, kd, geometry) : slicesByChannel(x, kd, geometry)
  const filters = groups === 1 ? permute(w, [0, 2, 1, 3, 4]) : w
  const y = conv(images, reshape(filters, [o, cg * kd, ...kernel]), convWindow(geometry, groups), [b * od, o, ...out])
  return permute(reshape(bias ? add(y, bias) : y, [b, od, o, ...out]), [0, 2, 1, 3, 4])
}

/** [B OD, KD C, H, W]: a window's places are taken for its taps and its taps for places, so the slices of one lie side by side. */
function slicesByDepth(x: Tensor, kd: number, { stride, before, dilation, size }: ConvGeometry): Tensor {
  const [b, c, d, ...plane] = x.shape as [number, number, number, number, number]
  const planes = reshape(permute(x, [0, 2, 1, 3, 4]), [b, d, c * sizeOf(plane)])
  const depth = [size[0]!, 1, dilation[0]!, 1, before[0]!, 0, stride[0]!, 1]
  const slices = unfoldWindows(planes, depth, [b, size[0]!, kd, c * sizeOf(plane)])
  return reshape(slices, [b * size[0]!, kd * c, ...plane])
}

/** [B OD, C KD, H, W]. */
function slicesByChannel(x: Tensor, kd: number, { stride, before, dilation, size }: ConvGeometry): Tensor {
  const [b, c, d, ...plane] = x.shape as [number, number, number, number, number]
  const depth = [kd, 1, stride[0]!, 1, before[0]!, 0, dilation[0]!, 1]
  const slices = unfoldWindows(reshape(x, [b * c, d, sizeOf(plane)]), depth, [b * c, kd, size[0]!, sizeOf(plane)])
  const images = permute(reshape(slices, [b, c * kd, size[0]!, ...plane]), [0, 2, 1, 3, 4])
  return reshape(images, [b * size[0]!, c * kd, ...plane])
}
