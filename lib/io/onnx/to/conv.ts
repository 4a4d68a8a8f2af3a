/** @file Convolutions, windows and pooling of images. */
import type { Size } from '../export-sizes.ts'
import type { Value } from '../export-value.ts'
import type { GraphWriter } from '../export-writer.ts'
import { reshaped } from './layout.ts'
import { inputsOf } from './to.ts'
import type { Mappings, To } from './to.ts'

interface WindowAttrs {
  readonly window: readonly number[]
}
const windowOf = (value: Value): readonly number[] => value.fixed((a: WindowAttrs) => a.window)

/** One spatial axis of windows. */
interface Axis {
  readonly taps: number
  readonly stride: number
  readonly before: number
  readonly dilation: number
}

/**
 * How much border behind an axis gives as many windows: as much as before it where that fits, else the least; several numbers of elements
 * need one that fits all.
 */
function behind(value: Value, size: Size, windows: Size, { taps, stride, before, dilation }: Axis): number {
  const least = size.map((n, i) => (windows[i]! - 1) * stride + dilation * (taps - 1) + 1 - n - before)
  const [low, high] = [Math.max(0, ...least), Math.min(...least) + stride - 1]
  if (low > high) value.refuse('has another border for each size of a free axis')
  return Math.min(Math.max(before, low), high)
}

function axesOf(value: Value, kernel: readonly number[]): Axis[] {
  const [sh, sw, top, left, dh, dw] = windowOf(value) as [number, number, number, number, number, number]
  return [
    { taps: kernel[0]!, stride: sh, before: top, dilation: dh },
    { taps: kernel[1]!, stride: sw, before: left, dilation: dw },
  ]
}

const kernelOf = (value: Value, i: number): number[] =>
  value.inputs[i]!.sizes.slice(2).map((size) => value.fixedSize(size))

function attributesOf(axes: readonly Axis[], ends: readonly number[]) {
  return {
    kernel_shape: axes.map((axis) => axis.taps),
    strides: axes.map((axis) => axis.stride),
    dilations: axes.map((axis) => axis.dilation),
    pads: [...axes.map((axis) => axis.before), ...ends],
  }
}

const conv2d: To = (value, writer) => {
  const axes = axesOf(value, kernelOf(value, 1))
  const ends = axes.map((axis, i) => behind(value, value.inputs[0]!.sizes[2 + i]!, value.sizes[2 + i]!, axis))
  return writer.add('Conv', inputsOf(value, writer), { ...attributesOf(axes, ends), group: windowOf(value)[6]! })
}

/** The convolution by its input: what reaches beyond the image is cut, what the strides leave open is output padding. */
function transposed(
  writer: GraphWriter,
  value: Value,
  inputs: readonly string[],
  axes: readonly Axis[],
  group: number,
) {
  const extra = axes.map(({ taps, stride, before, dilation }, i) => {
    const [n, wanted] = [value.inputs[0]!.sizes[2 + i]!, value.sizes.at(i - 2)!]
    return value.fixedSize(n.map((size, k) => wanted[k]! - (stride * (size - 1) + dilation * (taps - 1) + 1 - before)))
  })
  const ends = extra.map((n) => Math.max(0, -n))
  return writer.add('ConvTranspose', inputs, {
    ...attributesOf(axes, ends),
    group,
    ...(extra.some((n) => n > 0) && { output_padding: extra.map((n) => Math.max(0, n)) }),
  })
}

const conv2dInput: To = (value, writer) =>
  transposed(writer, value, inputsOf(value, writer), axesOf(value, kernelOf(value, 1)), windowOf(value)[6]!)

/** Unfolding is a convolution whose kernels are 1 at one tap each; planes are its batch. */
function taps(value: Value, writer: GraphWriter) {
  const [kh, kw, sh, sw, top, left, dh, dw] = windowOf(value) as [
    ...[number, number, number, number],
    ...[number, number, number, number],
  ]
  const n = kh * kw
  const eye = Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0))
  const axes: Axis[] = [
    { taps: kh, stride: sh, before: top, dilation: dh },
    { taps: kw, stride: sw, before: left, dilation: dw },
  ]
  return { axes, kernels: writer.numbers(eye, [n, 1, kh, kw], value.dtype) }
}

const one = (value: Value): Size => value.of.map(() => 1)

/** [P, H, W] -> [P, taps, OH, OW]. */
const unfold: To = (value, writer) => {
  const { axes, kernels } = taps(value, writer)
  const [source] = value.inputs as [Value]
  const [planes, ...image] = source.sizes as [Size, Size, Size]
  const x = reshaped(value, writer, writer.name(source), source.sizes, [planes, one(value), ...image])
  const ends = axes.map((axis, i) => behind(value, image[i]!, value.sizes[2 + i]!, axis))
  return writer.add('Conv', [x, kernels], attributesOf(axes, ends))
}

/** [P, taps, OH, OW] -> [P, H, W]. */
const fold: To = (value, writer) => {
  const { axes, kernels } = taps(value, writer)
  const y = transposed(writer, value, [writer.name(value.inputs[0]!), kernels], axes, 1)
  return writer.add('Squeeze', [y, writer.ints([1])])
}

interface PoolAxes {
  readonly axes: readonly Axis[]
  readonly ends: readonly number[]
}

function poolOf(value: Value, list: readonly Axis[]): PoolAxes {
  const [source] = value.inputs as [Value]
  const sizes = value.parts.length > 0 ? value.parts[0]!.sizes : value.sizes
  const ends = list.map((axis, i) => behind(value, source.sizes[2 + i]!, sizes[2 + i]!, axis))
  return { axes: list, ends }
}

const pairs = (...lists: readonly (readonly number[])[]): Axis[] =>
  [0, 1].map((i) => {
    const [taps, stride, before, dilation] = lists.map((list) => list[i]!) as [number, number, number, number]
    return { taps, stride, before, dilation }
  })

/** ONNX counts positions through all planes, tenon in each. */
const maxPool2d: To = (value, writer) => {
  const window = windowOf(value)
  const { axes, ends } = poolOf(value, pairs(...[0, 2, 4, 6].map((at) => window.slice(at, at + 2))))
  const isRead = value.parts.some((part) => part.of[0]!.attrsKey === '1')
  const outputs = writer.addAll('MaxPool', inputsOf(value, writer), attributesOf(axes, ends), [true, isRead])
  if (!isRead) return outputs
  const [, , h, w] = value.inputs[0]!.sizes as [Size, Size, Size, Size]
  const plane = writer.scalar(
    h.map((n, i) => n * w[i]!),
    'i64',
    value,
  )
  return [outputs[0]!, writer.add('Mod', [outputs[1]!, plane])]
}

const avgPool2d: To = (value, writer) => {
  const window = windowOf(value)
  const [kernel, stride, before] = [0, 2, 4].map((at) => window.slice(at, at + 2)) as [number[], number[], number[]]
  const [counts, divisor] = [window[6]!, window[7]!]
  const padding = window.slice(8, 10)
  const { axes, ends } = poolOf(value, pairs(kernel, stride, before, [1, 1]))
  const { kernel_shape, strides, pads } = attributesOf(axes, ends)
  const mean = (count_include_pad: number) =>
    writer.add('AveragePool', inputsOf(value, writer), { kernel_shape, strides, pads, count_include_pad })
  const isCut = ends.some((n, i) => n > padding[i]!)
  if (divisor === 0 && (counts === 0 || !isCut)) return mean(counts)
  // Of windows that leave image and padding, or with a divisor of one's own: the sum by what it is to be divided by.
  const taps = kernel[0]! * kernel[1]!
  if (divisor !== 0) return writer.add('Mul', [mean(1), writer.number(taps / divisor, value.dtype)])
  const lines = axes.map((axis, i) => factorsOf(value, axis, i, padding[i]!))
  const factors = lines[0]!.flatMap((a) => lines[1]!.map((b) => a * b))
  return writer.add('Mul', [mean(1), writer.numbers(factors, [lines[0]!.length, lines[1]!.length], value.dtype)])
}

/** For each window of an axis, its taps by those of them that lie in image or padding. */
function factorsOf(value: Value, { taps, stride, before }: Axis, axis: number, padding: number): number[] {
  const size = value.fixedSize(value.inputs[0]!.sizes[2 + axis]!)
  const windows = value.fixedSize(value.sizes[2 + axis]!)
  return Array.from({ length: windows }, (_, i) => {
    const start = i * stride - before
    return taps / (Math.min(start + taps, size + padding) - start)
  })
}

interface ResampleAttrs {
  readonly axis: number
  readonly lines: readonly { readonly positions: readonly number[]; readonly weights: readonly number[] }[]
  readonly key: string
}

/** A product with the matrix of all weights. */
const resample: To = (value, writer) => {
  const { axis, lines } = value.attrs<ResampleAttrs>()
  const [source] = value.inputs as [Value]
  const n = value.fixedSize(source.sizes[axis]!)
  const matrix = new Array<number>(n * lines.length).fill(0)
  lines.forEach(({ positions, weights }, column) =>
    positions.forEach((row, i) => (matrix[row * lines.length + column]! += weights[i]!)),
  )
  const weights = writer.numbers(matrix, [n, lines.length], value.dtype)
  const last = value.rank - 1
  if (axis === last) return writer.add('MatMul', [writer.name(source), weights])
  const perm = value.sizes.map((_, i) => (i === axis ? last : i === last ? axis : i))
  const product = writer.add('MatMul', [writer.add('Transpose', [writer.name(source)], { perm }), weights])
  return writer.add('Transpose', [product], { perm })
}

export const conv: Mappings = { conv2d, conv2dInput, unfold, fold, maxPool2d, avgPool2d, resample }
