/** @file Fourier transforms over several axes, and what orders their frequencies. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { DType } from '../dtype.ts'
import type { Tensor } from '../graph/tensor.ts'
import { normalizeAxis } from '../shape.ts'
import { roll } from './arrange.ts'
import { tensor } from './create.ts'
import { realInverse, realTransform, transformed } from './fft.ts'
import type { FftNorm } from './fft.ts'
import { asTensor, cast } from './table.ts'
import type { TensorLike } from './table.ts'

export interface FftAxesOptions {
  /** Lengths of the transforms, one an axis. Default: those of the input. */
  s?: readonly number[] | null
  /** Default: the last two of fft2 and its kin; else as many as `s` has, or all. */
  axes?: readonly number[] | null
  /** Default: 'backward'. */
  norm?: FftNorm | null
}

type Step = { readonly axis: number; readonly n: number | undefined }

/** The axes, each with its length. `rank` is without the axis of the parts. */
function stepsOf(op: string, rank: number, { s, axes }: FftAxesOptions, isTwo: boolean): Step[] {
  if (isTwo && !axes) axes = [-2, -1]
  const count = axes?.length ?? s?.length ?? rank
  const list = axes ?? Array.from({ length: count }, (_, i) => i - count)
  if (s && s.length !== list.length)
    fail('VALUE', op, `s and axes must be of one length, got ${s.length} and ${list.length}.`)
  if (list.length === 0) fail('AXIS', op, 'needs at least one axis.')
  const at = list.map((axis) => normalizeAxis(op, axis, rank))
  if (new Set(at).size !== at.length) fail('AXIS', op, `an axis was given twice, got [${list.join(', ')}].`)
  return at.map((axis, i) => ({ axis, n: s?.[i] === -1 ? undefined : s?.[i] }))
}

const OPTIONS = ['s', 'axes', 'norm']

function complexOver(op: string, x: TensorLike, inverse: boolean, options: FftAxesOptions, isTwo: boolean): Tensor {
  checkOptions(op, options, OPTIONS)
  const t = asTensor(op, x)
  const steps = stepsOf(op, t.rank - 1, options, isTwo)
  return steps.reduce((y, { axis, n }) => transformed(op, y, inverse, { axis, n, norm: options.norm }), t)
}

function realOver(op: string, x: TensorLike, options: FftAxesOptions, isTwo: boolean): Tensor {
  checkOptions(op, options, OPTIONS)
  const t = asTensor(op, x)
  const steps = stepsOf(op, t.rank, options, isTwo)
  const { norm } = options
  const last = steps[steps.length - 1]!
  const first = realTransform(op, t, false, { ...last, norm })
  return steps.slice(0, -1).reduce((y, { axis, n }) => transformed(op, y, false, { axis, n, norm }), first)
}

function realInverseOver(op: string, y: TensorLike, options: FftAxesOptions, isTwo: boolean): Tensor {
  checkOptions(op, options, OPTIONS)
  const t = asTensor(op, y)
  const steps = stepsOf(op, t.rank - 1, options, isTwo)
  const { norm } = options
  const last = steps[steps.length - 1]!
  const others = steps.slice(0, -1).reduce((x, { axis, n }) => transformed(op, x, true, { axis, n, norm }), t)
  return realInverse(op, others, true, { ...last, norm })
}

/** fft over the last two axes. */
export const fft2 = (x: TensorLike, options: FftAxesOptions = {}): Tensor =>
  complexOver('fft2', x, false, options, true)
/** ifft over the last two axes. */
export const ifft2 = (x: TensorLike, options: FftAxesOptions = {}): Tensor =>
  complexOver('ifft2', x, true, options, true)
/** fft over several axes. */
export const fftn = (x: TensorLike, options: FftAxesOptions = {}): Tensor =>
  complexOver('fftn', x, false, options, false)
/** ifft over several axes. */
export const ifftn = (x: TensorLike, options: FftAxesOptions = {}): Tensor =>
  complexOver('ifftn', x, true, options, false)
/** rfft over the last axis, fft over the one before. */
export const rfft2 = (x: TensorLike, options: FftAxesOptions = {}): Tensor => realOver('rfft2', x, options, true)
/** rfft over the last of several axes, fft over the others. */
export const rfftn = (x: TensorLike, options: FftAxesOptions = {}): Tensor => realOver('rfftn', x, options, false)
/** The inverse of rfft2. */
export const irfft2 = (y: TensorLike, options: FftAxesOptions = {}): Tensor =>
  realInverseOver('irfft2', y, options, true)
/** The inverse of rfftn. */
export const irfftn = (y: TensorLike, options: FftAxesOptions = {}): Tensor =>
  realInverseOver('irfftn', y, options, false)

export interface ShiftOptions {
  /** One axis or several. Default: all. */
  axis?: number | readonly number[] | null
}

function shifted(op: string, x: TensorLike, { axis }: ShiftOptions, by: (n: number) => number): Tensor {
  const t = asTensor(op, x)
  const axes = (typeof axis === 'number' ? [axis] : (axis ?? t.shape.map((_, i) => i))).map((a) =>
    normalizeAxis(op, a, t.rank),
  )
  return axes.length === 0
    ? t
    : roll(
        t,
        axes.map((a) => by(t.shape[a]!)),
        axes,
      )
}

/** Moves frequency 0 to the middle. Of complex numbers name the axes, or their parts change places too. */
export function fftshift(x: TensorLike, options: ShiftOptions = {}): Tensor {
  checkOptions('fftshift', options, ['axis'])
  return shifted('fftshift', x, options, (n) => Math.floor(n / 2))
}

/** Undoes fftshift. */
export function ifftshift(x: TensorLike, options: ShiftOptions = {}): Tensor {
  checkOptions('ifftshift', options, ['axis'])
  return shifted('ifftshift', x, options, (n) => Math.ceil(n / 2))
}

export interface FrequencyOptions {
  /** Time between samples. Default: 1. */
  d?: number
  /** Default: 'f32'. */
  dtype?: DType
}

function frequencies(op: string, n: number, count: number, options: FrequencyOptions): Tensor {
  checkOptions(op, options, ['d', 'dtype'])
  const { d = 1, dtype = 'f32' } = options
  checkInteger(op, 'n', n, 1)
  const values = Float64Array.from({ length: count }, (_, k) => (k < (n + 1) / 2 || count < n ? k : k - n) / (n * d))
  return cast(tensor(values), dtype)
}

/** The frequency of each number of fft: 0, 1, ..., -2, -1 by 1 / (n d). */
export function fftfreq(n: number, options: FrequencyOptions = {}): Tensor {
  return frequencies('fftfreq', n, n, options)
}

/** The frequency of each number of rfft: 0, 1, ..., n / 2 by 1 / (n d). */
export function rfftfreq(n: number, options: FrequencyOptions = {}): Tensor {
  return frequencies('rfftfreq', n, Math.floor(n / 2) + 1, options)
}
