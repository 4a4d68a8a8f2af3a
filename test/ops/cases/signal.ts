/** @file Cases of Fourier transforms, complex numbers and windows. */
import * as ops from '../../../lib/index.ts'
import { fft } from '../../../lib/index.ts'
import { range } from '../../support/arrays.ts'
import { input } from '../../support/op-cases.ts'
import type { OpCase } from '../../support/op-cases.ts'
import { at, build, elementwise } from '../../support/reference.ts'
import type { Nd } from '../../support/reference.ts'
import { asComplex, conjugate, dft, firstOf, mirrored, realPart } from '../../support/reference-signal.ts'

const fill = range(-1, 1)

const one = (
  title: string,
  shapes: number[][],
  fn: OpCase['fn'],
  reference: OpCase['reference'],
  more: Partial<OpCase> = {},
): OpCase => ({ title, fn, inputs: shapes.map((shape) => input(shape, fill)), reference, kind: 'sums', ...more })

const rfftOf = (x: Nd, axis: number, n: number, scale: number) =>
  firstOf(dft(asComplex(x), axis, n, false, scale), axis, Math.floor(n / 2) + 1)
const irfftOf = (y: Nd, axis: number, n: number, scale: number) =>
  realPart(dft(mirrored(y, axis, n), axis, n, true, scale))

const transforms: OpCase[] = [
  ...[1, 2, 3, 4, 5, 6, 7, 12, 17].map((n) =>
    one(
      `fft.fft: ${n}`,
      [[2, n, 2]],
      (x) => fft.fft(x),
      (x) => dft(x, 1, n, false, 1),
    ),
  ),
  one(
    'fft.fft: cut',
    [[2, 5, 2]],
    (x) => fft.fft(x, { n: 3, norm: 'ortho' }),
    (x) => dft(x, 1, 3, false, 3 ** -0.5),
  ),
  one(
    'fft.fft: filled up',
    [[5, 2]],
    (x) => fft.fft(x, { n: 8 }),
    (x) => dft(x, 0, 8, false, 1),
  ),
  one(
    'fft.fft: first axis',
    [[3, 2, 2]],
    (x) => fft.fft(x, { axis: 0, norm: 'forward' }),
    (x) => dft(x, 0, 3, false, 1 / 3),
  ),
  one(
    'fft.ifft',
    [[2, 6, 2]],
    (x) => fft.ifft(x),
    (x) => dft(x, 1, 6, true, 1 / 6),
  ),
  one(
    'fft.ifft: forward',
    [[3, 2]],
    (x) => fft.ifft(x, { norm: 'forward' }),
    (x) => dft(x, 0, 3, true, 1),
  ),
  ...[1, 2, 5, 6, 8, 11].map((n) =>
    one(
      `fft.rfft: ${n}`,
      [[2, n]],
      (x) => fft.rfft(x),
      (x) => rfftOf(x, 1, n, 1),
    ),
  ),
  one(
    'fft.rfft: filled up, first axis',
    [[3, 2]],
    (x) => fft.rfft(x, { n: 4, axis: 0, norm: 'ortho' }),
    (x) => rfftOf(x, 0, 4, 0.5),
  ),
  one(
    'fft.irfft',
    [[2, 4, 2]],
    (y) => fft.irfft(y),
    (y) => irfftOf(y, 1, 6, 1 / 6),
  ),
  one(
    'fft.irfft: odd',
    [[2, 4, 2]],
    (y) => fft.irfft(y, { n: 7 }),
    (y) => irfftOf(y, 1, 7, 1 / 7),
  ),
  one(
    'fft.irfft: filled up, first axis',
    [[3, 2, 2]],
    (y) => fft.irfft(y, { n: 8, axis: 0, norm: 'ortho' }),
    (y) => irfftOf(y, 0, 8, 8 ** -0.5),
  ),
  one(
    'fft.irfft: one number',
    [[1, 2]],
    (y) => fft.irfft(y, { n: 1 }),
    (y) => irfftOf(y, 0, 1, 1),
  ),
  one(
    'fft.hfft',
    [[2, 3, 2]],
    (x) => fft.hfft(x),
    (x) => irfftOf(conjugate(x), 1, 4, 1),
  ),
  one(
    'fft.ihfft',
    [[2, 5]],
    (x) => fft.ihfft(x),
    (x) => conjugate(rfftOf(x, 1, 5, 1 / 5)),
  ),
  one(
    'fft.fft2',
    [[2, 3, 4, 2]],
    (x) => fft.fft2(x),
    (x) => dft(dft(x, 1, 3, false, 1), 2, 4, false, 1),
  ),
  one(
    'fft.ifft2',
    [[3, 4, 2]],
    (x) => fft.ifft2(x, { norm: 'ortho' }),
    (x) => dft(dft(x, 0, 3, true, 3 ** -0.5), 1, 4, true, 0.5),
  ),
  one(
    'fft.fftn',
    [[2, 3, 2, 2]],
    (x) => fft.fftn(x),
    (x) => dft(dft(dft(x, 0, 2, false, 1), 1, 3, false, 1), 2, 2, false, 1),
  ),
  one(
    'fft.fftn: s, axes',
    [[2, 3, 2, 2]],
    (x) => fft.fftn(x, { s: [4, -1], axes: [1, 0] }),
    (x) => dft(dft(x, 1, 4, false, 1), 0, 2, false, 1),
  ),
  one(
    'fft.ifftn',
    [[2, 3, 2]],
    (x) => fft.ifftn(x, { s: [4] }),
    (x) => dft(x, 1, 4, true, 1 / 4),
  ),
  one(
    'fft.rfft2',
    [[3, 4]],
    (x) => fft.rfft2(x),
    (x) => dft(rfftOf(x, 1, 4, 1), 0, 3, false, 1),
  ),
  one(
    'fft.rfftn',
    [[2, 3, 4]],
    (x) => fft.rfftn(x, { axes: [0, 1] }),
    (x) => dft(rfftOf(x, 1, 3, 1), 0, 2, false, 1),
  ),
  one(
    'fft.irfft2',
    [[3, 3, 2]],
    (y) => fft.irfft2(y),
    (y) => irfftOf(dft(y, 0, 3, true, 1 / 3), 1, 4, 1 / 4),
  ),
  one(
    'fft.irfftn',
    [[2, 3, 2]],
    (y) => fft.irfftn(y, { s: [2, 5] }),
    (y) => irfftOf(dft(y, 0, 2, true, 1 / 2), 1, 5, 1 / 5),
  ),
  one(
    'fft.fftshift',
    [[2, 5]],
    (x) => fft.fftshift(x),
    (x) => build([2, 5], ([i, j]) => at(x, [(i + 1) % 2, (j + 3) % 5])),
  ),
  one(
    'fft.ifftshift',
    [[2, 5]],
    (x) => fft.ifftshift(x, { axis: 1 }),
    (x) => build([2, 5], ([i, j]) => at(x, [i, (j + 2) % 5])),
  ),
  one(
    'fft.fftfreq',
    [[5]],
    (x) => x.mul(fft.fftfreq(5, { d: 0.5, dtype: 'f64' }).cast(x.dtype)),
    (x) => build([5], ([i]) => (at(x, [i]) * [0, 1, 2, -2, -1][i]) / 2.5),
  ),
  one(
    'fft.rfftfreq',
    [[3]],
    (x) => x.mul(fft.rfftfreq(4, { dtype: 'f64' }).cast(x.dtype)),
    (x) => build([3], ([i]) => (at(x, [i]) * i) / 4),
  ),
]

const parts = (fn: (re: number, im: number) => number[]) => (x: Nd) => {
  const width = fn(0, 0).length
  const lead = x.shape.slice(0, -1)
  const data = Array.from({ length: x.data.length / 2 }, (_, i) => fn(x.data[2 * i], x.data[2 * i + 1])).flat()
  return { shape: width === 1 ? lead : [...lead, width], data: Float64Array.from(data) }
}

const complexNumbers: OpCase[] = [
  one(
    'complex',
    [
      [2, 3],
      [2, 3],
    ],
    (a, b) => ops.complex(a, b),
    (a, b) => build([2, 3, 2], ([i, j, k]) => at(k ? b : a, [i, j])),
  ),
  one('complex: real', [[2]], (a) => ops.complex(a), asComplex),
  one(
    'real',
    [[3, 2]],
    ops.real,
    parts((re) => [re]),
  ),
  one(
    'imag',
    [[3, 2]],
    ops.imag,
    parts((_, im) => [im]),
  ),
  one('conj', [[3, 2]], ops.conj, conjugate),
  one(
    'complexAbs',
    [[3, 2]],
    ops.complexAbs,
    parts((re, im) => [Math.hypot(re, im)]),
  ),
  one(
    'angle',
    [[4, 2]],
    ops.angle,
    parts((re, im) => [Math.atan2(im, re)]),
    {
      inputs: [input([4, 2], range(0.2, 1))],
    },
  ),
  one(
    'polar',
    [[3], [3]],
    (r, a) => ops.polar(r, a),
    (r, a) => build([3, 2], ([i, k]) => r.data[i] * (k ? Math.sin(a.data[i]) : Math.cos(a.data[i]))),
  ),
  one(
    'complexMul',
    [
      [3, 2],
      [1, 2],
    ],
    ops.complexMul,
    (x, y) => {
      const [c, d] = y.data
      return parts((a, b) => [a * c - b * d, a * d + b * c])(x)
    },
  ),
]

const windowed = (title: string, make: (dtype: 'f64') => ops.Tensor, shape: (k: number) => number): OpCase =>
  one(
    title,
    [[6]],
    (x) => x.mul(make('f64').cast(x.dtype)),
    (x) =>
      elementwise((a, b) => a * b)(
        x,
        build([6], ([k]) => shape(k)),
      ),
  )
const angle = (k: number, n: number) => (2 * Math.PI * k) / n

const windows: OpCase[] = [
  windowed(
    'hannWindow',
    (dtype) => ops.hannWindow(6, { dtype }),
    (k) => Math.sin(angle(k, 6) / 2) ** 2,
  ),
  windowed(
    'hannWindow: symmetric',
    (dtype) => ops.hannWindow(6, { dtype, periodic: false }),
    (k) => Math.sin(angle(k, 5) / 2) ** 2,
  ),
  windowed(
    'hammingWindow',
    (dtype) => ops.hammingWindow(6, { dtype }),
    (k) => 0.54 - 0.46 * Math.cos(angle(k, 6)),
  ),
  windowed(
    'hammingWindow: alpha, beta',
    (dtype) => ops.hammingWindow(6, { dtype, alpha: 0.6, beta: 0.3 }),
    (k) => 0.6 - 0.3 * Math.cos(angle(k, 6)),
  ),
  windowed(
    'blackmanWindow',
    (dtype) => ops.blackmanWindow(6, { dtype }),
    (k) => 0.42 - 0.5 * Math.cos(angle(k, 6)) + 0.08 * Math.cos(2 * angle(k, 6)),
  ),
  windowed(
    'bartlettWindow',
    (dtype) => ops.bartlettWindow(6, { dtype, periodic: false }),
    (k) => [0, 2, 4, 4, 2, 0][k] / 5,
  ),
  windowed(
    'kaiserWindow',
    (dtype) => ops.kaiserWindow(6, { dtype, beta: 5 }),
    (k) => kaiser(5, (2 * k) / 6 - 1),
  ),
]

function kaiser(beta: number, x: number): number {
  const bessel = (y: number) => {
    const steps = 2000
    let sum = 0
    for (let i = 0; i < steps; i++) sum += Math.exp(y * Math.cos((Math.PI * (i + 0.5)) / steps))
    return sum / steps
  }
  return bessel(beta * Math.sqrt(1 - x * x)) / bessel(beta)
}

const spectra: OpCase[] = [
  one(
    'stft',
    [[2, 9], [4]],
    (x, window) => ops.stft(x, 4, { hopLength: 2, window }),
    (x, w) => {
      const side = (i: number) => (i < 0 ? -i : i > 8 ? 16 - i : i)
      const frames = build([2, 5, 4], ([b, t, k]) => at(x, [b, side(2 * t + k - 2)]) * w.data[k])
      const y = rfftOf(frames, 2, 4, 1)
      return build([2, 3, 5, 2], ([b, f, t, part]) => at(y, [b, t, f, part]))
    },
  ),
  one(
    'stft: one signal, both sides, short window, no padding, normalized',
    [[8], [2]],
    (x, window) =>
      ops.stft(x, 4, { hopLength: 3, winLength: 2, window, center: false, onesided: false, normalized: true }),
    (x, w) => {
      const frames = build([2, 4], ([t, k]) => (k === 1 || k === 2 ? at(x, [3 * t + k]) * w.data[k - 1] : 0))
      const y = dft(asComplex(frames), 1, 4, false, 0.5)
      return build([4, 2, 2], ([f, t, part]) => at(y, [t, f, part]))
    },
  ),
  one(
    'istft',
    [[2, 8]],
    (x) => ops.istft(ops.stft(x, 4, { hopLength: 2 }), 4, { hopLength: 2 }),
    (x) => x,
  ),
  one(
    'istft: window, both sides, length',
    [[11]],
    (x) => {
      const options = {
        hopLength: 1,
        window: ops.hannWindow(4, { dtype: 'f64' }).cast(x.dtype),
        onesided: false,
        normalized: true,
      }
      return ops.istft(ops.stft(x, 4, options), 4, { ...options, length: 9 })
    },
    (x) => build([9], (p) => at(x, p)),
  ),
  one(
    'melFilterBank',
    [[2, 5]],
    (x) => x.matmul(ops.melFilterBank(5, 3, 8000, { dtype: 'f64' }).cast(x.dtype)),
    (x) => {
      const hz = (mel: number) => 700 * (10 ** (mel / 2595) - 1)
      const top = 2595 * Math.log10(1 + 4000 / 700)
      const edges = [0, 1, 2, 3, 4].map((i) => hz((top * i) / 4))
      return build([2, 3], ([b, m]) => {
        let sum = 0
        for (let f = 0; f < 5; f++) {
          const [at0, left, middle, right] = [1000 * f, edges[m], edges[m + 1], edges[m + 2]]
          const height = at0 < middle ? (at0 - left) / (middle - left) : (right - at0) / (right - middle)
          sum += at(x, [b, f]) * Math.max(0, height)
        }
        return sum
      })
    },
  ),
]

export const signalCases: readonly OpCase[] = [...transforms, ...complexNumbers, ...windows, ...spectra]
