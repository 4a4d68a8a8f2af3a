/** @file ONNX's signal operators: windows, Fourier transforms, mel weights. A complex number is a last axis of 2. */
import type { DType } from '../../../dtype.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { unfoldAxis } from '../../../ops/arrange.ts'
import { matmul } from '../../../ops/contraction.ts'
import { iota, tensor } from '../../../ops/create.ts'
import { add, cos, div, mul, neg, remainder, sin, sub } from '../../../ops/elementwise.ts'
import { concat, narrow, pad, reshape, slice, stack } from '../../../ops/layout.ts'
import { movedim } from '../../../ops/arrange.ts'
import { cast, constant } from '../../../ops/table.ts'
import { normalizeAxis } from '../../../shape.ts'
import type { Node, OpFunction, Ops } from '../node.ts'

/** A sum of cosines over the window: its coefficients alternate in sign. */
const cosineWindow =
  (coefficients: readonly number[]): OpFunction =>
  (node) => {
    const size = node.number(0)
    if (!(size >= 0 && size <= 2 ** 40)) return node.refuse(`has the size ${size}.`)
    const length = node.flag('periodic', 1) ? size : size - 1
    const angle = mul(iota([size], 'f64'), (2 * Math.PI) / length)
    const parts = coefficients.map((a, k) => mul(cos(mul(angle, k)), k % 2 === 0 ? a : -a))
    return cast(
      parts.reduce((x, y) => add(x, y)),
      node.elementType('output_datatype', 1).dtype,
    )
  }

/** Longest transform: it is a product with a matrix. */
const LONGEST = 2 ** 14

/** Cosines and sines of 2 pi k j / n, [rows, n]. */
function waves(rows: number, n: number, dtype: DType): { re: Tensor; im: Tensor } {
  const products = mul(reshape(iota([rows], 'i64'), [rows, 1]), iota([n], 'i64'))
  const angle = mul(cast(remainder(products, constant(n, 'i64')), 'f64'), (2 * Math.PI) / n)
  return { re: cast(cos(angle), dtype), im: cast(sin(angle), dtype) }
}

interface Transform {
  readonly length: number
  readonly isInverse: boolean
  readonly isOnesided: boolean
}

/** x [..., n] as real and imaginary part (null: real) -> [..., rows, 2], or [..., length, 1] back from half of a spectrum. */
function transformed(re: Tensor, im: Tensor | null, { length, isInverse, isOnesided }: Transform): Tensor {
  const rows = isOnesided && !isInverse ? Math.floor(length / 2) + 1 : length
  const { re: c, im: s } = waves(rows, length, re.dtype)
  const times = (x: Tensor, w: Tensor) => matmul(x, w.rank === 2 ? transposed(w) : w)
  // exp(-i a) forwards, exp(i a) back.
  const sine = isInverse ? s : neg(s)
  const real = im ? sub(times(re, c), times(im, sine)) : times(re, c)
  const imaginary = im ? add(times(re, sine), times(im, c)) : times(re, sine)
  const scaled = (t: Tensor) => (isInverse ? div(t, length) : t)
  return isInverse && isOnesided
    ? stack([scaled(real)], real.rank)
    : stack([scaled(real), scaled(imaginary)], real.rank)
}

const transposed = (w: Tensor): Tensor => movedim(w, 0, 1)

/** The axis cut or filled with zeros to a length. */
function fitted(x: Tensor, length: number): Tensor {
  return pad(x, [[0, length - x.shape[x.rank - 1]!]])
}

/** A spectrum's second half from its first: the conjugates, backwards. */
function whole(re: Tensor, im: Tensor, length: number): [Tensor, Tensor] {
  const half = Math.floor(length / 2) + 1
  const [a, b] = [fitted(re, half), fitted(im, half)]
  const rest = length - half
  if (rest <= 0) return [narrow(a, -1, 0, length), narrow(b, -1, 0, length)]
  const mirrored = (t: Tensor) => slice(t, [...t.shape.slice(1).map(() => null), [rest, 0, -1]])
  return [concat([a, mirrored(a)], -1), concat([b, neg(mirrored(b))], -1)]
}

function fourier(node: Node): Tensor {
  const x = node.input(0)
  const given = node.version >= 20 ? (node.has(2) ? node.number(2) : -2) : node.int('axis', 1)
  const axis = normalizeAxis(node.op, given, x.rank)
  const parts = x.shape[x.rank - 1]!
  if (axis === x.rank - 1 || (parts !== 1 && parts !== 2))
    return node.refuse(`transforms axis ${axis} of [${x.shape.join()}].`)
  const isInverse = node.flag('inverse')
  const isOnesided = node.flag('onesided')
  const inLength = x.shape[axis]!
  const natural = isInverse && isOnesided ? 2 * (inLength - 1) : inLength
  const length = node.has(1) ? node.number(1) : natural
  if (!(length >= 1 && length <= LONGEST))
    return node.refuse(`has the length ${length}; up to ${LONGEST} are supported.`)
  const component = (i: number) => movedim(reshape(narrow(x, -1, i, 1), x.shape.slice(0, -1)), axis, -1)
  let [re, im]: [Tensor, Tensor | null] = [component(0), parts === 2 ? component(1) : null]
  if (isInverse && isOnesided) [re, im] = whole(re, im ?? mul(re, 0), length)
  else [re, im] = [fitted(re, length), im && fitted(im, length)]
  return movedim(transformed(re, im, { length, isInverse, isOnesided }), -2, axis)
}

/** Frames of a signal, each under the window, and their spectra: [B, frames, bins, 2]. */
function stft(node: Node): Tensor {
  const x = node.input(0)
  const step = node.number(1)
  const window = node.optional(2)
  const size = node.has(3) ? node.number(3) : (window?.size ?? node.refuse('has neither window nor frame_length.'))
  const parts = x.rank === 3 ? x.shape[2]! : 1
  if (x.rank < 2 || x.rank > 3 || !(size >= 1 && size <= LONGEST) || !(step >= 1))
    return node.refuse(`has frames of ${size} every ${step} of [${x.shape.join()}].`)
  const [b, n] = x.shape as [number, number]
  const frames = (i: number) => {
    const signal = x.rank === 3 ? reshape(narrow(x, 2, i, 1), [b, n]) : x
    const cut = unfoldAxis(signal, 1, size, step)
    return window ? mul(cut, window) : cut
  }
  const isOnesided = node.flag('onesided', 1)
  const im = parts === 2 ? frames(1) : null
  return transformed(frames(0), im, { length: size, isInverse: false, isOnesided })
}

/** Triangles on the mel scale, [bins, mels]. */
function melWeights(node: Node): Tensor {
  const [mels, size, rate, low, high] = [0, 1, 2, 3, 4].map((i) => node.number(i)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const bins = Math.floor(size / 2) + 1
  if (!(mels >= 0 && bins >= 0 && mels * bins <= 2 ** 26)) return node.refuse(`has ${mels} mels of ${bins} bins.`)
  const mel = (hertz: number) => 2595 * Math.log10(1 + hertz / 700)
  const [first, last] = [mel(low), mel(high)]
  const edges = Array.from({ length: mels + 2 }, (_, i) => {
    const hertz = 700 * (10 ** ((first + (i * (last - first)) / (mels + 2)) / 2595) - 1)
    return Math.floor(((size + 1) * hertz) / rate)
  })
  const weights = new Float64Array(bins * mels)
  for (let m = 0; m < mels; m++) {
    const [from, centre, to] = edges.slice(m, m + 3) as [number, number, number]
    if (centre === from && centre >= 0 && centre < bins) weights[centre * mels + m] = 1
    for (let k = Math.max(0, from); k < Math.min(bins, Math.max(centre + 1, to)); k++) {
      if (k <= centre && centre > from) weights[k * mels + m] = (k - from) / (centre - from)
      if (k >= centre && k < to) weights[k * mels + m] = (to - k) / (to - centre)
    }
  }
  return cast(tensor(weights, { shape: [bins, mels] }), node.elementType('output_datatype', 1).dtype)
}

export const signal: Ops = {
  BlackmanWindow: cosineWindow([0.42, 0.5, 0.08]),
  DFT: { run: fourier, frozen: [1, 2] },
  HammingWindow: cosineWindow([25 / 46, 21 / 46]),
  HannWindow: cosineWindow([0.5, 0.5]),
  MelWeightMatrix: melWeights,
  STFT: stft,
}
