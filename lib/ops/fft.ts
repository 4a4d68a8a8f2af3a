/** @file Discrete Fourier transforms: the namespace `fft`. Complex numbers are a last axis of 2; axes are counted without it. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { normalizeAxis, showShape, sizeOf } from '../shape.ts'
import { complexInput, conj } from './complex.ts'
import { tensor } from './create.ts'
import { mul } from './elementwise.ts'
import { pad, permute, slice } from './layout.ts'
import { window } from './reduction.ts'
import { asTensor, cast, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

interface FftAttrs {
  readonly inverse: boolean
  readonly scale: number
}

/** [..., n, 2] -> [..., n, 2], over n; linear, and its transpose is the other direction. */
const fftRow: Row<FftAttrs> = defineRow<FftAttrs>({
  name: 'fft',
  kind: 'kernel',
  infer: ([x]) => x!,
  vjp: ({ dy, attrs: { inverse, scale } }) => [apply(fftRow, [dy], { inverse: !inverse, scale })],
  emit: (e, { attrs: { inverse, scale }, inputs: [x] }) => {
    const n = x!.shape[x!.shape.length - 2]!
    const dims = [sizeOf(x!.shape) / (2 * n), n, 2]
    e.instr('fft', [window(e.output(), dims)], [window(e.packed(e.input(0)), dims)], [Number(inverse), scale])
  },
})

interface RealAttrs {
  readonly n: number
  readonly scale: number
}

const halfOf = (n: number) => Math.floor(n / 2) + 1

/** [..., n] -> [..., n / 2 + 1, 2]. */
const rfftRow: Row<RealAttrs> = defineRow<RealAttrs>({
  name: 'rfft',
  kind: 'kernel',
  infer: ([x], { n }) => ({ shape: [...x!.shape.slice(0, -1), halfOf(n), 2], dtype: x!.dtype }),
  vjp: ({ dy, attrs }) => [apply(irfftRow, [weighted(dy, attrs.n, 0.5)], attrs)],
  emit: (e, { attrs: { n, scale }, inputs: [x] }) => {
    const batch = sizeOf(x!.shape) / n
    const out = window(e.output(), [batch, halfOf(n), 2])
    e.instr('rfft', [out], [window(e.packed(e.input(0)), [batch, n])], [scale])
  },
})

/** [..., n / 2 + 1, 2] -> [..., n]. */
const irfftRow: Row<RealAttrs> = defineRow<RealAttrs>({
  name: 'irfft',
  kind: 'kernel',
  infer: ([y], { n }) => ({ shape: [...y!.shape.slice(0, -2), n], dtype: y!.dtype }),
  vjp: ({ dy, attrs }) => [weighted(apply(rfftRow, [dy], attrs), attrs.n, 2)],
  emit: (e, { attrs: { n, scale }, inputs: [y] }) => {
    const batch = sizeOf(y!.shape) / (2 * halfOf(n))
    const from = window(e.packed(e.input(0)), [batch, halfOf(n), 2])
    e.instr('irfft', [window(e.output(), [batch, n])], [from], [scale])
  },
})

/** Numbers that stand for two of the whole transform, times a factor. */
function weighted(y: Tensor, n: number, factor: number): Tensor {
  const half = halfOf(n)
  const factors = Float64Array.from({ length: half }, (_, k) => (k === 0 || 2 * k === n ? 1 : factor))
  return mul(y, cast(tensor(factors, { shape: [half, 1] }), y.dtype))
}

export type FftNorm = 'backward' | 'ortho' | 'forward'

export interface FftOptions {
  /** Length of the transform; the input is cut or filled up with zeros at its end. Default: the input's. */
  n?: number | null
  /** Default: -1. */
  axis?: number
  /** Which direction is scaled by 1 / n; 'ortho': both by its root. Default: 'backward'. */
  norm?: FftNorm | null
}

const MAX_LENGTH = 2 ** 24

/** 1, 1 / n or its root. */
export function scaleOf(op: string, norm: FftNorm | null | undefined, n: number, inverse: boolean): number {
  switch (norm ?? 'backward') {
    case 'backward':
      return inverse ? 1 / n : 1
    case 'forward':
      return inverse ? 1 : 1 / n
    case 'ortho':
      return 1 / Math.sqrt(n)
    default:
      return fail('VALUE', op, `norm is 'backward', 'ortho' or 'forward', got ${String(norm)}.`)
  }
}

/** Cut, or filled up with zeros, to n along an axis. */
function resized(op: string, t: Tensor, axis: number, n: number): Tensor {
  checkInteger(op, 'n', n, 1, MAX_LENGTH)
  const size = t.shape[axis]!
  const lead = t.shape.slice(0, axis).map(() => null)
  if (n < size) return slice(t, [...lead, [0, n]])
  if (n === size) return t
  return pad(
    t,
    t.shape.map((_, i) => [0, i === axis ? n - size : 0] as const),
  )
}

/** A function of rows along `axis`, with as many axes behind it on either side. */
function alongAxis(t: Tensor, axis: number, behind: number, after: number, fn: (t: Tensor) => Tensor): Tensor {
  const rank = t.rank - behind
  const others = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis)
  const order = [...others, axis, ...(behind ? [rank] : [])]
  const y = fn(permute(t, order))
  const back = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : others.indexOf(i)))
  return permute(y, [...back, ...(after ? [rank] : [])])
}

function realInput(op: string, x: TensorLike): Tensor {
  const t = asTensor(op, x)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}.`)
  if (t.rank === 0) fail('SHAPE', op, 'needs an axis, got a scalar.')
  return t
}

const FFT_OPTIONS = ['n', 'axis', 'norm']

/** @internal */
export function transformed(op: string, x: TensorLike, inverse: boolean, options: FftOptions): Tensor {
  checkOptions(op, options, FFT_OPTIONS)
  const t = complexInput(op, x)
  if (t.rank < 2) fail('SHAPE', op, `needs an axis before that of the parts, got ${showShape(t.shape)}.`)
  const axis = normalizeAxis(op, options.axis ?? -1, t.rank - 1)
  const n = options.n ?? t.shape[axis]!
  const whole = resized(op, t, axis, n)
  const attrs = { inverse, scale: scaleOf(op, options.norm, n, inverse) }
  return alongAxis(whole, axis, 1, 1, (rows) => apply(fftRow, [rows], attrs))
}

/** Y[k] = sum over j of x[j] exp(-2 pi i j k / n), of complex numbers. For real ones: fft(complex(x)), or rfft. */
export function fft(x: TensorLike, options: FftOptions = {}): Tensor {
  return transformed('fft', x, false, options)
}

/** x[j] = sum over k of y[k] exp(2 pi i j k / n) / n, of complex numbers. */
export function ifft(x: TensorLike, options: FftOptions = {}): Tensor {
  return transformed('ifft', x, true, options)
}

/** @internal */
export function realTransform(op: string, x: TensorLike, inverseNorm: boolean, options: FftOptions): Tensor {
  checkOptions(op, options, FFT_OPTIONS)
  const t = realInput(op, x)
  const axis = normalizeAxis(op, options.axis ?? -1, t.rank)
  const n = options.n ?? t.shape[axis]!
  const whole = resized(op, t, axis, n)
  const attrs = { n, scale: scaleOf(op, options.norm, n, inverseNorm) }
  return alongAxis(whole, axis, 0, 1, (rows) => apply(rfftRow, [rows], attrs))
}

/** @internal */
export function realInverse(op: string, y: TensorLike, inverseNorm: boolean, options: FftOptions): Tensor {
  checkOptions(op, options, FFT_OPTIONS)
  const t = complexInput(op, y)
  if (t.rank < 2) fail('SHAPE', op, `needs an axis before that of the parts, got ${showShape(t.shape)}.`)
  const axis = normalizeAxis(op, options.axis ?? -1, t.rank - 1)
  const n = options.n ?? 2 * (t.shape[axis]! - 1)
  checkInteger(op, 'n', n, 1, MAX_LENGTH)
  const whole = resized(op, t, axis, halfOf(n))
  const attrs = { n, scale: scaleOf(op, options.norm, n, inverseNorm) }
  return alongAxis(whole, axis, 1, 0, (rows) => apply(irfftRow, [rows], attrs))
}

/** The first n / 2 + 1 numbers of the transform of real numbers; the others are their conjugates. */
export function rfft(x: TensorLike, options: FftOptions = {}): Tensor {
  return realTransform('rfft', x, false, options)
}

/** The n real numbers whose rfft is y; n = 2 (m - 1) for m numbers unless given. */
export function irfft(y: TensorLike, options: FftOptions = {}): Tensor {
  return realInverse('irfft', y, true, options)
}

/** The real transform of a signal of which the first half is given, the rest being its conjugate. */
export function hfft(x: TensorLike, options: FftOptions = {}): Tensor {
  return realInverse('hfft', conj(x), false, options)
}

/** The inverse of hfft. */
export function ihfft(x: TensorLike, options: FftOptions = {}): Tensor {
  return conj(realTransform('ihfft', x, true, options))
}
