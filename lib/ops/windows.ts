/** @file Window functions, and the filter bank of the mel scale. Computed in double when they are made. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { tensor } from './create.ts'
import { cast } from './table.ts'

export interface WindowOptions {
  /** One of a sequence of windows, as transforms want it; else symmetric, as filters do. Default: true. */
  periodic?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** `shape` of positions x = k / (length - 1). */
function made(
  op: string,
  n: number,
  options: WindowOptions,
  more: readonly string[],
  shape: (x: number) => number,
): Tensor {
  checkOptions(op, options, ['periodic', 'dtype', ...more])
  checkInteger(op, 'the length', n, 0)
  const { periodic = true, dtype = 'f32' } = options
  const last = periodic ? n : n - 1
  const values = Float64Array.from({ length: n }, (_, k) => (n === 1 ? 1 : shape(k / last)))
  return cast(tensor(values), dtype)
}

const cosine = (x: number, times = 1) => Math.cos(2 * Math.PI * times * x)

/** 1/2 - 1/2 cos(2 pi x). */
export function hannWindow(n: number, options: WindowOptions = {}): Tensor {
  return made('hannWindow', n, options, [], (x) => 0.5 - 0.5 * cosine(x))
}

export interface HammingOptions extends WindowOptions {
  /** Default: 0.54. */
  alpha?: number
  /** Default: 0.46. */
  beta?: number
}

/** alpha - beta cos(2 pi x). */
export function hammingWindow(n: number, options: HammingOptions = {}): Tensor {
  const { alpha = 0.54, beta = 0.46 } = options
  return made('hammingWindow', n, options, ['alpha', 'beta'], (x) => alpha - beta * cosine(x))
}

/** 0.42 - 0.5 cos(2 pi x) + 0.08 cos(4 pi x). */
export function blackmanWindow(n: number, options: WindowOptions = {}): Tensor {
  return made('blackmanWindow', n, options, [], (x) => 0.42 - 0.5 * cosine(x) + 0.08 * cosine(x, 2))
}

/** A triangle: 1 - |2 x - 1|. */
export function bartlettWindow(n: number, options: WindowOptions = {}): Tensor {
  return made('bartlettWindow', n, options, [], (x) => 1 - Math.abs(2 * x - 1))
}

export interface KaiserOptions extends WindowOptions {
  /** How narrow it is. Default: 12. */
  beta?: number
}

/** I0(beta sqrt(1 - (2 x - 1)^2)) / I0(beta). */
export function kaiserWindow(n: number, options: KaiserOptions = {}): Tensor {
  const { beta = 12 } = options
  const top = besselI0(beta)
  return made(
    'kaiserWindow',
    n,
    options,
    ['beta'],
    (x) => besselI0(beta * Math.sqrt(Math.max(0, 1 - (2 * x - 1) ** 2))) / top,
  )
}

/** The modified Bessel function of order 0, by its series. */
function besselI0(x: number): number {
  let [term, sum] = [1, 1]
  for (let k = 1; term > 1e-17 * sum; k++) sum += term *= (x / (2 * k)) ** 2
  return sum
}

export interface MelOptions {
  /** Lowest frequency, Hz. Default: 0. */
  low?: number
  /** Highest frequency, Hz. Default: half of the sample rate. */
  high?: number | null
  /** 'htk': 2595 log10(1 + f / 700); 'slaney': linear up to 1000 Hz, logarithmic beyond. Default: 'htk'. */
  scale?: 'htk' | 'slaney'
  /** 'slaney' divides each filter by its width. Default: null. */
  norm?: 'slaney' | null
  /** Default: 'f32'. */
  dtype?: DType
}

const HTK = {
  mel: (hz: number) => 2595 * Math.log10(1 + hz / 700),
  hz: (mel: number) => 700 * (10 ** (mel / 2595) - 1),
}
/** 3 mel in 200 Hz, and from 1000 Hz on 27 mel a factor of 6.4. */
const SLANEY = {
  mel: (hz: number) => (hz < 1000 ? (3 * hz) / 200 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4)),
  hz: (mel: number) => (mel < 15 ? (200 * mel) / 3 : 1000 * Math.exp((Math.log(6.4) * (mel - 15)) / 27)),
}

/**
 * Triangular filters evenly spaced on the mel scale, [numFreqs, numMels]: power spectrum [..., numFreqs] times it is the mel spectrum. numFreqs:
 * nFft / 2 + 1, from 0 to half of the sample rate (Hz).
 */
export function melFilterBank(numFreqs: number, numMels: number, sampleRate: number, options: MelOptions = {}): Tensor {
  const op = 'melFilterBank'
  checkOptions(op, options, ['low', 'high', 'scale', 'norm', 'dtype'])
  const { low = 0, high, scale = 'htk', norm = null, dtype = 'f32' } = options
  checkInteger(op, 'numFreqs', numFreqs, 2)
  checkInteger(op, 'numMels', numMels, 1)
  const top = high ?? sampleRate / 2
  if (!(sampleRate > 0 && low >= 0 && top > low)) fail('VALUE', op, `needs 0 <= low < high, got ${low} and ${top}.`)
  if (scale !== 'htk' && scale !== 'slaney') fail('VALUE', op, `scale is 'htk' or 'slaney', got ${String(scale)}.`)
  if (norm !== null && norm !== 'slaney') fail('VALUE', op, `norm is 'slaney' or null, got ${String(norm)}.`)
  const { mel, hz } = scale === 'htk' ? HTK : SLANEY
  const step = (mel(top) - mel(low)) / (numMels + 1)
  const edges = Array.from({ length: numMels + 2 }, (_, i) => hz(mel(low) + step * i))
  const values = new Float64Array(numFreqs * numMels)
  for (let f = 0; f < numFreqs; f++) {
    const at = (sampleRate / 2 / (numFreqs - 1)) * f
    for (let m = 0; m < numMels; m++) {
      const [left, middle, right] = edges.slice(m, m + 3) as [number, number, number]
      const height = Math.min((at - left) / (middle - left), (right - at) / (right - middle))
      values[f * numMels + m] = Math.max(0, height) * (norm ? 2 / (right - left) : 1)
    }
  }
  return cast(tensor(values, { shape: [numFreqs, numMels] }), dtype)
}
