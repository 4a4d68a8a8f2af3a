/** @file Reading an image at positions that are data, and the positions that an affine map gives (Jaderberg et al. 2015). */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { checkShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { matmul } from './contraction.ts'
import { iota, ones } from './create.ts'
import {
  abs,
  add,
  clamp,
  div,
  eq,
  floor,
  fmod,
  ge,
  le,
  logicalAnd,
  mul,
  remainder,
  round,
  sub,
  where,
} from './elementwise.ts'
import { take } from './indexing.ts'
import { concat, expand, narrow, permute, reshape, transpose } from './layout.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'

export interface GridSampleOptions {
  /** Default: 'bilinear' (of volumes: trilinear). 'bicubic' is for images. */
  mode?: 'bilinear' | 'nearest' | 'bicubic'
  /** What lies outside: zeros, the nearest border element, or the image mirrored. Default: 'zeros'. */
  paddingMode?: 'zeros' | 'border' | 'reflection'
  /** Whether -1 and 1 are the centres of the corner elements, or the corners of the image. Default: false. */
  alignCorners?: boolean
}

interface Sampling {
  readonly paddingMode: 'zeros' | 'border' | 'reflection'
  readonly alignCorners: boolean
}

/** One tap along one axis: where it reads, and its weight, both [B, ...]; null: 1. */
interface Tap {
  readonly at: Tensor
  readonly weight: Tensor | null
}

/** A tap along some of the axes: the row of pixels that it reads, its weight, whether it is inside (null: sure). */
interface Read {
  readonly index: Tensor
  readonly weight: Tensor | null
  readonly isInside: Tensor | null
}

/**
 * x [B, C, H, W] read at grid [B, OH, OW, 2] of positions (x, y) in [-1, 1] -> [B, C, OH, OW]; of volumes [B, C, D, H, W] at
 * [B, OD, OH, OW, 3] of (x, y, z). The gradient by a position is that of the interpolation between its neighbours: 0 for 'nearest',
 * and 0 beyond a border.
 */
export function gridSample(x: TensorLike, grid: TensorLike, options: GridSampleOptions = {}): Tensor {
  checkOptions('gridSample', options, ['mode', 'paddingMode', 'alignCorners'])
  const { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false } = options
  const [t, g] = [asTensor('gridSample', x), asTensor('gridSample', grid)]
  const n = t.rank - 2
  checkGrid(t, g, n, mode, paddingMode)
  const image = t.shape.slice(2)
  const sampling = { paddingMode, alignCorners }
  // The last axis of the image is the first coordinate.
  const taps = image.map((size, i) => {
    const coordinate = reshape(narrow(g, -1, n - 1 - i, 1), g.shape.slice(0, -1))
    const at = div(
      alignCorners
        ? mul(add(coordinate, constant(1, g.dtype)), constant(size - 1, g.dtype))
        : sub(mul(add(coordinate, constant(1, g.dtype)), constant(size, g.dtype)), constant(1, g.dtype)),
      constant(2, g.dtype),
    )
    return mode === 'bicubic' ? cubicTaps(at, size, sampling) : tapsOf(at, size, mode, sampling)
  })
  return sumOfTaps(t, taps, paddingMode === 'zeros')
}

function checkGrid(t: Tensor, g: Tensor, n: number, mode: string, paddingMode: string): void {
  const fits = (n === 2 || n === 3) && g.rank === t.rank && g.shape[0] === t.shape[0] && g.shape[g.rank - 1] === n
  if (!fits) {
    const expected = '[B, C, H, W] and [B, OH, OW, 2], or [B, C, D, H, W] and [B, OD, OH, OW, 3]'
    fail('SHAPE', 'gridSample', `needs ${expected}, got ${showShape(t.shape)} and ${showShape(g.shape)}.`)
  }
  if (sizeOf(t.shape.slice(2)) === 0)
    fail('SHAPE', 'gridSample', `there is nothing to read in ${showShape(t.shape.slice(2))}.`)
  if (t.dtype !== g.dtype || !isFloat(t.dtype))
    fail('DTYPE', 'gridSample', `needs floats of one dtype, got ${t.dtype} and ${g.dtype}.`)
  if (!['bilinear', 'nearest', 'bicubic'].includes(mode) || (mode === 'bicubic' && n !== 2))
    fail('VALUE', 'gridSample', `mode is 'bilinear', 'nearest' or (for images) 'bicubic', got ${mode}.`)
  if (!['zeros', 'border', 'reflection'].includes(paddingMode))
    fail('VALUE', 'gridSample', `paddingMode is 'zeros', 'border' or 'reflection', got ${paddingMode}.`)
}

/** Two taps that share by distance, or the nearest one. */
function tapsOf(given: Tensor, size: number, mode: string, sampling: Sampling): Tap[] {
  const at = inside(given, size, sampling)
  if (mode === 'nearest') return [{ at: round(at), weight: null }]
  const first = floor(at)
  const share = sub(at, first)
  const one = constant(1, at.dtype)
  return [
    { at: first, weight: sub(one, share) },
    { at: add(first, one), weight: share },
  ]
}

/** Four taps with the weights of cubic convolution (Keys 1981, a = -0.75). */
function cubicTaps(at: Tensor, size: number, sampling: Sampling): Tap[] {
  const number = (value: number) => constant(value, at.dtype)
  const first = floor(at)
  const share = sub(at, first)
  const near = (d: Tensor) => add(mul(mul(sub(mul(d, number(1.25)), number(2.25)), d), d), number(1))
  const far = (d: Tensor) => add(mul(sub(mul(add(mul(d, number(-0.75)), number(3.75)), d), number(6)), d), number(3))
  const weights = [far(add(share, number(1))), near(share), near(sub(number(1), share)), far(sub(number(2), share))]
  return weights.map((weight, k) => ({ at: inside(add(first, number(k - 1)), size, sampling), weight }))
}

/** Positions outside of [0, size - 1] brought back in, unless what they read is zero. */
function inside(at: Tensor, size: number, { paddingMode, alignCorners }: Sampling): Tensor {
  if (paddingMode === 'zeros') return at
  const number = (value: number) => constant(value, at.dtype)
  const back =
    paddingMode === 'border' ? at : reflected(at, alignCorners ? 0 : -0.5, alignCorners ? size - 1 : size - 0.5)
  // Not clamp: as in PyTorch nothing flows where the position is at a limit.
  const [low, high] = [number(0), number(size - 1)]
  return where(le(back, low), low, where(ge(back, high), high, back))
}

/** Mirrored at both ends until it lies between them. */
function reflected(at: Tensor, low: number, high: number): Tensor {
  const number = (value: number) => constant(value, at.dtype)
  const span = number(high - low)
  if (high === low) return mul(at, number(0))
  const distance = abs(sub(at, number(low)))
  const rest = fmod(distance, span)
  const isOdd = eq(remainder(floor(div(distance, span)), number(2)), number(1))
  return add(where(isOdd, sub(span, rest), rest), number(low))
}

/** So many channels fill a vector. */
const NARROW = 16

/** The sum over all combinations of taps of what they read times their weights. */
function sumOfTaps(x: Tensor, taps: readonly (readonly Tap[])[], hasZeros: boolean): Tensor {
  const [batch, channels, ...image] = x.shape as [number, number, ...number[]]
  const places = taps[0]![0]!.at.shape
  // Channels last: what a position reads lies together.
  const pixels = reshape(permute(x, [0, ...image.map((_, i) => i + 2), 1]), [batch * sizeOf(image), channels])
  let reads: Read[] = [{ index: firstPixels(batch, image, places), weight: null, isInside: null }]
  taps.forEach((list, i) => {
    const stride = constant(sizeOf(image.slice(i + 1)), 'i64')
    reads = reads.flatMap((read) => list.map((tap) => along(read, tap, image[i]!, stride, hasZeros)))
  })
  const toFront = (t: Tensor) => permute(t, [0, t.rank - 1, ...image.map((_, i) => i + 1)])
  // Few channels are no axis to run along: 3 of 224 x 224 positions, 4 images, one thread, take 20 ms channels last, 5.9 ms so.
  const isNarrow = channels < NARROW
  const shape = isNarrow ? [batch, 1, ...places.slice(1)] : [...places, 1]
  const values = reads.map(({ index, weight, isInside }) => {
    const read = take(pixels, index, 0)
    const pixel = isNarrow ? toFront(read) : read
    const weighted = weight ? mul(pixel, reshape(weight, shape)) : pixel
    return isInside ? where(reshape(isInside, shape), weighted, constant(0, x.dtype)) : weighted
  })
  const y = values.reduce((a, b) => add(a, b))
  return isNarrow ? y : toFront(y)
}

/** A read so far, with a tap along one more axis. */
function along(read: Read, { at, weight }: Tap, size: number, stride: Tensor, hasZeros: boolean): Read {
  const [low, high] = [constant(0, at.dtype), constant(size - 1, at.dtype)]
  const isInside = hasZeros ? logicalAnd(ge(at, low), le(at, high)) : null
  return {
    index: add(read.index, mul(cast(clamp(at, low, high), 'i64'), stride)),
    weight: read.weight && weight ? mul(read.weight, weight) : (read.weight ?? weight),
    isInside: read.isInside && isInside ? logicalAnd(read.isInside, isInside) : isInside,
  }
}

/** Where each image of the batch begins. */
function firstPixels(batch: number, image: Shape, places: Shape): Tensor {
  const starts = mul(iota([batch], 'i64'), constant(sizeOf(image), 'i64'))
  return expand(reshape(starts, [batch, ...places.slice(1).map(() => 1)]), places)
}

export interface AffineGridOptions {
  /** As for gridSample. Default: false. */
  alignCorners?: boolean
}

/** The grid for gridSample of maps theta [B, 2, 3] over size [B, C, H, W] -> [B, H, W, 2]; [B, 3, 4] over volumes -> [B, D, H, W, 3]. */
export function affineGrid(theta: TensorLike, size: Shape, options: AffineGridOptions = {}): Tensor {
  checkOptions('affineGrid', options, ['alignCorners'])
  const t = asTensor('affineGrid', theta)
  checkShape('affineGrid', size)
  const n = size.length - 2
  const fits =
    (n === 2 || n === 3) && t.rank === 3 && t.shape[0] === size[0] && t.shape[1] === n && t.shape[2] === n + 1
  if (!fits || !isFloat(t.dtype)) {
    const expected = '[B, 2, 3] and [B, C, H, W], or [B, 3, 4] and [B, C, D, H, W]'
    fail(
      'SHAPE',
      'affineGrid',
      `needs floats ${expected}, got ${t.dtype} ${showShape(t.shape)} and ${showShape(size)}.`,
    )
  }
  const image = size.slice(2)
  const axes = image.map((count, i) => {
    const line = centres(count, options.alignCorners ?? false, t)
    return expand(reshape(line, [...image.map((_, k) => (k === i ? count : 1)), 1]), [...image, 1])
  })
  const base = reshape(concat([...axes.reverse(), ones([...image, 1], { dtype: t.dtype })], -1), [sizeOf(image), n + 1])
  return reshape(matmul(base, transpose(t)), [size[0]!, ...image, n])
}

/** Positions of `count` elements in [-1, 1]. */
function centres(count: number, alignCorners: boolean, like: Tensor): Tensor {
  const number = (value: number) => constant(value, like.dtype)
  if (alignCorners && count === 1) return mul(iota([1], like.dtype), number(0))
  const twice = mul(iota([count], like.dtype), number(2))
  return alignCorners
    ? sub(div(twice, number(count - 1)), number(1))
    : sub(div(add(twice, number(1)), number(count)), number(1))
}
