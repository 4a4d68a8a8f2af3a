/** @file Short-time Fourier transforms: a signal's spectrum in overlapping windows, and back. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sameShape, showShape } from '../shape.ts'
import { unfoldAxis } from './arrange.ts'
import { complex, complexInput, real } from './complex.ts'
import { iota } from './create.ts'
import { add, div, mul, square } from './elementwise.ts'
import { fft, ifft, irfft, rfft } from './fft.ts'
import { takeAdd } from './indexing.ts'
import { expand, filled, narrow, reshape, transpose } from './layout.ts'
import { pad } from './pad.ts'
import type { PadMode } from './pad.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'

interface Frames {
  /** Between windows. Default: nFft / 4, rounded down. */
  hopLength?: number | null
  /** At most nFft; a shorter window stands in the middle. Default: nFft. */
  winLength?: number | null
  /** [winLength]. Default: ones. */
  window?: TensorLike | null
  /** The signal is padded by nFft / 2 on both sides, so that frame t is centred on t * hopLength. Default: true. */
  center?: boolean
  /** Scale by 1 / sqrt(nFft). Default: false. */
  normalized?: boolean
  /** Only the nFft / 2 + 1 frequencies that are not conjugates of others. Default: true. */
  onesided?: boolean
}

export interface StftOptions extends Frames {
  /** What the padding holds. Default: 'reflect'. */
  padMode?: PadMode
}

export interface IstftOptions extends Frames {
  /** Of the signal. Default: what the frames cover. */
  length?: number | null
}

const NAMES = ['hopLength', 'winLength', 'window', 'center', 'normalized', 'onesided']

/** Sizes, and the window at its place in nFft numbers (null: ones). */
function geometry(op: string, nFft: number, options: Frames, like: Tensor): { hop: number; window: Tensor | null } {
  checkInteger(op, 'nFft', nFft, 1)
  const hop = checkInteger(op, 'hopLength', options.hopLength ?? Math.max(1, Math.floor(nFft / 4)), 1)
  const length = checkInteger(op, 'winLength', options.winLength ?? nFft, 1, nFft)
  if (!options.window && length === nFft) return { hop, window: null }
  const given = options.window ? cast(asTensor(op, options.window), like.dtype) : filled([length], 1, like)
  if (!sameShape(given.shape, [length]))
    fail('SHAPE', op, `the window must be [${length}], got ${showShape(given.shape)}.`)
  const left = Math.floor((nFft - length) / 2)
  return { hop, window: pad(given, [[left, nFft - length - left]]) }
}

/**
 * Spectra of windows of a signal: x [L] or [B, L] -> complex [..., frequencies, frames, 2] with
 * y[f, t] = sum over k of window[k] x[t hopLength + k] exp(-2 pi i f k / nFft).
 */
export function stft(x: TensorLike, nFft: number, options: StftOptions = {}): Tensor {
  checkOptions('stft', options, [...NAMES, 'padMode'])
  const { center = true, padMode = 'reflect', normalized = false, onesided = true } = options
  let t = asTensor('stft', x)
  if (!isFloat(t.dtype) || (t.rank !== 1 && t.rank !== 2))
    fail('SHAPE', 'stft', `needs floats [L] or [B, L], got ${t.dtype} ${showShape(t.shape)}.`)
  const { hop, window } = geometry('stft', nFft, options, t)
  const side = Math.floor(nFft / 2)
  if (center) t = pad(t, [[side, side]], { mode: padMode })
  if (t.shape[t.rank - 1]! < nFft)
    fail('SHAPE', 'stft', `the signal must have at least nFft numbers, got ${showShape(t.shape)} for ${nFft}.`)
  const frames = unfoldAxis(t, -1, nFft, hop)
  const seen = window ? mul(frames, window) : frames
  const norm = normalized ? 'ortho' : 'backward'
  const spectra = onesided ? rfft(seen, { norm }) : fft(complex(seen), { norm })
  return transpose(spectra, -3, -2)
}

/**
 * The signal whose stft with the same options is y, by least squares: windows are added up and divided by the sum of their squares (Griffin & Lim 1984).
 * y [..., frequencies, frames, 2] -> [..., L]. Not finite where no window reaches.
 */
export function istft(y: TensorLike, nFft: number, options: IstftOptions = {}): Tensor {
  checkOptions('istft', options, [...NAMES, 'length'])
  const { center = true, normalized = false, onesided = true, length } = options
  const t = complexInput('istft', y)
  const frequencies = onesided ? Math.floor(nFft / 2) + 1 : nFft
  if ((t.rank !== 3 && t.rank !== 4) || t.shape[t.rank - 3] !== frequencies)
    fail('SHAPE', 'istft', `needs [..., ${frequencies}, frames, 2], got ${showShape(t.shape)}.`)
  const { hop, window } = geometry('istft', nFft, options, t)
  const spectra = transpose(t, -3, -2)
  const norm = normalized ? 'ortho' : 'backward'
  const frames = onesided ? irfft(spectra, { n: nFft, norm }) : real(ifft(spectra, { norm }))
  const shape = window ? window : filled([nFft], 1, t)
  const sums = overlapped(mul(frames, shape), hop)
  const weights = overlapped(expand(square(shape), frames.shape), hop)
  const start = center ? Math.floor(nFft / 2) : 0
  const whole = sums.shape[sums.rank - 1]!
  const kept = length ?? whole - 2 * start
  checkInteger('istft', 'length', kept, 0)
  // Cut before the division: at the very ends windows are 0.
  const cut = (x: Tensor) => narrow(x, -1, start, Math.min(kept, whole - start))
  const there = div(cut(sums), cut(weights))
  const missing = kept - there.shape[there.rank - 1]!
  return missing > 0 ? pad(there, [[0, missing]]) : there
}

/** Frames [..., F, n] added up, `hop` apart. */
function overlapped(frames: Tensor, hop: number): Tensor {
  const [count, n] = frames.shape.slice(-2) as [number, number]
  const lead = frames.shape.slice(0, -2)
  const starts = mul(reshape(iota([count], 'i64'), [count, 1]), constant(hop, 'i64'))
  const places = reshape(add(starts, iota([n], 'i64')), [count * n])
  const flat = reshape(frames, [...lead, count * n])
  return takeAdd(places, flat, lead.length, [...lead, n + hop * (count - 1)])
}
