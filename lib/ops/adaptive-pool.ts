/** @file Pooling to a given size: the windows follow from it, and may differ in length by one and overlap. */
import type { Tensor } from '../graph/tensor.ts'
import { sizeOf, stridesOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { tensor } from './create.ts'
import { add } from './elementwise.ts'
import { take } from './indexing.ts'
import { reshape } from './layout.ts'
import { maxPool } from './pool.ts'
import type { ValuesAndIndices } from './pool.ts'
import { mean } from './reduction.ts'
import { resample } from './resample.ts'
import type { Lines } from './resample.ts'
import { images, perAxis } from './spatial.ts'
import type { TensorLike } from './table.ts'

/** A size of the result for each of N axes; null keeps that of the input. */
export type OutputSize = number | readonly (number | null)[]

/** Mean over L' windows of [B, C, L] or [C, L]: window i is [floor(i L / L'), ceil((i + 1) L / L')). */
export const adaptiveAvgPool1d = (x: TensorLike, outputSize: OutputSize): Tensor =>
  adaptiveAvgPool('adaptiveAvgPool1d', 1, x, outputSize)
/** The same of images, [B, C, H, W] or [C, H, W]. */
export const adaptiveAvgPool2d = (x: TensorLike, outputSize: OutputSize): Tensor =>
  adaptiveAvgPool('adaptiveAvgPool2d', 2, x, outputSize)
/** The same of volumes, [B, C, D, H, W] or [C, D, H, W]. */
export const adaptiveAvgPool3d = (x: TensorLike, outputSize: OutputSize): Tensor =>
  adaptiveAvgPool('adaptiveAvgPool3d', 3, x, outputSize)

/** Largest element of the windows of adaptiveAvgPool1d; the gradient goes to the first of equal ones. */
export const adaptiveMaxPool1d = (x: TensorLike, outputSize: OutputSize): Tensor =>
  adaptiveMaxPool('adaptiveMaxPool1d', 1, x, outputSize).values
/** The same of images. */
export const adaptiveMaxPool2d = (x: TensorLike, outputSize: OutputSize): Tensor =>
  adaptiveMaxPool('adaptiveMaxPool2d', 2, x, outputSize).values
/** The same of volumes. */
export const adaptiveMaxPool3d = (x: TensorLike, outputSize: OutputSize): Tensor =>
  adaptiveMaxPool('adaptiveMaxPool3d', 3, x, outputSize).values

/** adaptiveMaxPool1d, with the position of each maximum. */
export const adaptiveMaxPool1dWithIndices = (x: TensorLike, outputSize: OutputSize): ValuesAndIndices =>
  adaptiveMaxPool('adaptiveMaxPool1d', 1, x, outputSize)
/** adaptiveMaxPool2d, with the position of each maximum in its plane, h W + w. */
export const adaptiveMaxPool2dWithIndices = (x: TensorLike, outputSize: OutputSize): ValuesAndIndices =>
  adaptiveMaxPool('adaptiveMaxPool2d', 2, x, outputSize)
/** adaptiveMaxPool3d, with the position of each maximum in its volume, (d H + h) W + w. */
export const adaptiveMaxPool3dWithIndices = (x: TensorLike, outputSize: OutputSize): ValuesAndIndices =>
  adaptiveMaxPool('adaptiveMaxPool3d', 3, x, outputSize)

const sizesOf = (op: string, image: Shape, outputSize: OutputSize): number[] => {
  const given = typeof outputSize === 'number' ? outputSize : outputSize.map((size, i) => size ?? image[i] ?? 1)
  return perAxis(op, 'outputSize', given, image.length, 1)
}

/** [start, end) of each of `count` windows over `extent`. */
function bins(extent: number, count: number): [number, number][] {
  return Array.from({ length: count }, (_, i) => [
    Math.floor((i * extent) / count),
    Math.ceil(((i + 1) * extent) / count),
  ])
}

const meansOf = (extent: number, count: number): Lines =>
  bins(extent, count).map(([start, end]) => {
    const positions = Array.from({ length: end - start }, (_, k) => start + k)
    return { positions, weights: positions.map(() => 1 / (end - start)) }
  })

/** @internal The means of n spatial axes. */
export function adaptiveAvgPool(op: string, n: number, x: TensorLike, outputSize: OutputSize): Tensor {
  const { t, image, restore } = images(op, x, n)
  const size = sizesOf(op, image, outputSize)
  if (sizeOf(size) === 1)
    return restore(
      mean(
        t,
        [...image.keys()].map((i) => i + 2),
        { keepDims: true },
      ),
    )
  const along = (y: Tensor, count: number, i: number) =>
    count === image[i]! ? y : resample(y, i + 2, meansOf(image[i]!, count), `mean ${image[i]} ${count}`)
  return restore(size.reduce(along, t))
}

/** Every window is drawn out to the length of the longest by repeating its last element, so that all are alike and apart. */
function adaptiveMaxPool(op: string, n: number, x: TensorLike, outputSize: OutputSize): ValuesAndIndices {
  const { t, image, restore } = images(op, x, n)
  const size = sizesOf(op, image, outputSize)
  const windows = image.map((extent, i) => bins(extent, size[i]!))
  const kernel = windows.map((list) => list.reduce((longest, [start, end]) => Math.max(longest, end - start), 0))
  const sources = windows.map((list, i) =>
    list.flatMap(([start, end]) => Array.from({ length: kernel[i]! }, (_, k) => Math.min(start + k, end - 1))),
  )
  const drawn = sources.reduce((y, from, i) => (isAll(from, image[i]!) ? y : take(y, positions(from), i + 2)), t)
  const { values, indices } = maxPool(op, n, drawn, kernel, {})
  if (sources.every((from, i) => isAll(from, image[i]!))) return { values: restore(values), indices: restore(indices) }
  const strides = stridesOf(image)
  const places = sources
    .map((from, i) =>
      positions(
        from.map((at) => at * strides[i]!),
        sources.map((_, k) => (k === i ? from.length : 1)),
      ),
    )
    .reduce((a, b) => add(a, b))
  return { values: restore(values), indices: restore(take(reshape(places, [places.size]), indices, 0)) }
}

const isAll = (from: readonly number[], extent: number) => from.length === extent && from.every((at, i) => at === i)

const positions = (list: readonly number[], shape: Shape = [list.length]) =>
  tensor(BigInt64Array.from(list, BigInt), { shape })
