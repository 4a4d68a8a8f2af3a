/** @file Interpolation to another size: axis by axis, each a fixed weighted sum. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import { adaptiveAvgPool } from './adaptive-pool.ts'
import { resample } from './resample.ts'
import type { Lines } from './resample.ts'
import { axisNames, perAxis } from './spatial.ts'
import type { PerAxis } from './spatial.ts'
import { asTensor } from './table.ts'
import type { TensorLike } from './table.ts'

export type InterpolateMode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'trilinear' | 'bicubic' | 'area'

export interface InterpolateOptions {
  /** Spatial sizes of the result; or `scaleFactor`. */
  size?: PerAxis
  /** Size of the result over that of x: floor(size x scaleFactor). */
  scaleFactor?: PerAxis
  /** Default: 'nearest'. */
  mode?: InterpolateMode
  /** Whether the corner elements of x and the result meet, not the corners of their borders. Default: false. */
  alignCorners?: boolean
  /** Work with the ratio of the sizes, not with the `scaleFactor` given. Default: false. */
  recomputeScaleFactor?: boolean
  /** Widen the filter when the result is smaller ('bilinear' and 'bicubic'). Default: false. */
  antialias?: boolean
}

/** Numbers of spatial axes that a mode is for; none: any. */
const AXES: Record<InterpolateMode, number | null> = {
  nearest: null,
  'nearest-exact': null,
  area: null,
  linear: 1,
  bilinear: 2,
  bicubic: 2,
  trilinear: 3,
}

/**
 * Resizes the spatial axes of [B, C, L], [B, C, H, W] or [B, C, D, H, W] as PyTorch does: 'nearest' takes element
 * floor(i in / out), 'nearest-exact' the one nearest to the centre, 'linear' and its kin a mean of two an axis, 'bicubic' of four
 * (Keys 1981, a = -0.75; with `antialias` a = -0.5), 'area' the mean of what falls on each element.
 */
export function interpolate(x: TensorLike, options: InterpolateOptions = {}): Tensor {
  checkOptions('interpolate', options, [
    'size',
    'scaleFactor',
    'mode',
    'alignCorners',
    'recomputeScaleFactor',
    'antialias',
  ])
  const { mode = 'nearest', alignCorners = false, antialias = false } = options
  const t = asTensor('interpolate', x)
  const n = t.rank - 2
  if (!isFloat(t.dtype)) fail('DTYPE', 'interpolate', `needs floats, got ${t.dtype}.`)
  if (n < 1 || n > 3) fail('SHAPE', 'interpolate', `needs [B, C, ...] of 1 to 3 more axes, got ${showShape(t.shape)}.`)
  checkMode(mode, n, alignCorners, antialias)
  const image = t.shape.slice(2)
  const { size, ratios } = targetOf(image, options)
  if (mode === 'area') return adaptiveAvgPool('interpolate', n, t, size)
  const along = (y: Tensor, count: number, i: number) => {
    const extent = image[i]!
    const ratio = alignCorners ? (count > 1 ? (extent - 1) / (count - 1) : 0) : (ratios[i] ?? extent / count)
    if (ratio === 1 && count === extent) return y
    const lines = antialias
      ? smoothedLines(mode, extent, count, ratio)
      : linesOf(mode, extent, count, ratio, alignCorners)
    return resample(y, i + 2, lines, `${mode} ${extent} ${count} ${ratio} ${alignCorners} ${antialias}`)
  }
  return size.reduce(along, t)
}

function checkMode(mode: InterpolateMode, n: number, alignCorners: boolean, antialias: boolean): void {
  if (!Object.hasOwn(AXES, mode)) {
    fail('VALUE', 'interpolate', `mode is one of ${Object.keys(AXES).join(', ')}, got ${String(mode)}.`)
  }
  const axes = AXES[mode]
  if (axes !== null && axes !== n)
    fail('SHAPE', 'interpolate', `mode '${mode}' is for [B, C, ${axisNames(axes)}], got ${n} spatial axes.`)
  if (alignCorners && axes === null) fail('VALUE', 'interpolate', `mode '${mode}' has no alignCorners.`)
  if (antialias && mode !== 'bilinear' && mode !== 'bicubic')
    fail('VALUE', 'interpolate', `antialias is for 'bilinear' and 'bicubic', got '${mode}'.`)
}

/** Sizes of the result, and the step in x from one element of it to the next where that is not the ratio of the sizes. */
function targetOf(
  image: readonly number[],
  options: InterpolateOptions,
): { size: number[]; ratios: (number | null)[] } {
  const { size, scaleFactor, recomputeScaleFactor = false } = options
  if ((size === undefined) === (scaleFactor === undefined))
    fail('VALUE', 'interpolate', 'needs either size or scaleFactor.')
  if (image.includes(0)) fail('SHAPE', 'interpolate', `there is nothing to read in ${showShape(image)}.`)
  if (size !== undefined) {
    if (recomputeScaleFactor) fail('VALUE', 'interpolate', 'recomputeScaleFactor goes with scaleFactor, not with size.')
    return { size: perAxis('interpolate', 'size', size, image.length, 1), ratios: image.map(() => null) }
  }
  const factors = typeof scaleFactor === 'number' ? image.map(() => scaleFactor) : [...scaleFactor!]
  if (factors.length !== image.length || !factors.every((factor) => factor > 0))
    fail('VALUE', 'interpolate', `scaleFactor is one positive number or ${image.length}, got ${showShape(factors)}.`)
  const scaled = image.map((extent, i) => Math.floor(extent * factors[i]!))
  scaled.forEach((count) => checkInteger('interpolate', 'the scaled size', count, 1))
  return { size: scaled, ratios: factors.map((factor) => (recomputeScaleFactor ? null : 1 / factor)) }
}

function linesOf(mode: InterpolateMode, extent: number, count: number, ratio: number, alignCorners: boolean): Lines {
  const last = extent - 1
  return Array.from({ length: count }, (_, i) => {
    if (mode === 'nearest') return { positions: [Math.min(Math.floor(i * ratio), last)], weights: [1] }
    if (mode === 'nearest-exact') return { positions: [Math.min(Math.floor((i + 0.5) * ratio), last)], weights: [1] }
    const at = alignCorners ? i * ratio : (i + 0.5) * ratio - 0.5
    if (mode === 'bicubic') {
      const first = Math.floor(at)
      const positions = [-1, 0, 1, 2].map((k) => Math.min(Math.max(first + k, 0), last))
      return { positions, weights: [-1, 0, 1, 2].map((k) => keys(at - first - k, -0.75)) }
    }
    const inside = Math.max(at, 0)
    const first = Math.min(Math.floor(inside), last)
    const share = Math.min(inside - first, 1)
    return { positions: [first, Math.min(first + 1, last)], weights: [1 - share, share] }
  })
}

/** @internal The filter stretched over all that falls on one element, its weights adding up to 1. */
export function smoothedLines(mode: InterpolateMode, extent: number, count: number, ratio: number): Lines {
  const filter = mode === 'bicubic' ? (d: number) => keys(d, -0.5) : (d: number) => Math.max(0, 1 - Math.abs(d))
  const stretch = Math.max(ratio, 1)
  const support = (mode === 'bicubic' ? 2 : 1) * stretch
  return Array.from({ length: count }, (_, i) => {
    const center = ratio * (i + 0.5)
    const first = Math.max(Math.trunc(center - support + 0.5), 0)
    const end = Math.min(Math.trunc(center + support + 0.5), extent)
    const positions = Array.from({ length: end - first }, (_, k) => first + k)
    const weights = positions.map((at) => filter((at - center + 0.5) / stretch))
    const total = weights.reduce((a, b) => a + b, 0)
    return { positions, weights: weights.map((w) => w / total) }
  })
}

/** The cubic convolution kernel (Keys 1981), 0 beyond 2. */
function keys(distance: number, a: number): number {
  const d = Math.abs(distance)
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1
  return d < 2 ? ((d - 5) * d + 8) * d * a - 4 * a : 0
}
