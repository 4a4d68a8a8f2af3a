/** @file Fourier transforms: DFT, and the way back to real numbers as a product with all waves. */
import type { Value } from '../export-value.ts'
import type { GraphWriter } from '../export-writer.ts'
import { reshaped } from './layout.ts'
import type { Mappings, To } from './to.ts'

/** [..., n, 1 or 2] -> [..., m, 2]. ONNX wants one axis before. */
function transformed(
  value: Value,
  writer: GraphWriter,
  sizes: readonly (readonly number[])[],
  flags: Readonly<Record<string, number>>,
  scale: number,
): string {
  const [source] = value.inputs as [Value]
  const rows = value.of.map((_, i) => sizes.slice(0, -2).reduce((n, size) => n * size[i]!, 1))
  const x = reshaped(value, writer, writer.name(source), source.sizes, [rows, ...sizes.slice(-2)])
  // Since opset 20 the axis is an input, and by default the last but one.
  const y = writer.add('DFT', [x], { ...flags, ...(writer.opset < 20 && { axis: 1 }) })
  const scaled = scale === 1 ? y : writer.add('Mul', [y, writer.number(scale, value.dtype)])
  return reshaped(value, writer, scaled, [rows, ...value.sizes.slice(-2)], value.sizes)
}

const fft: To = (value, writer) => {
  const { inverse, scale } = value.attrs<{ inverse: boolean; scale: number }>()
  const { sizes } = value.inputs[0]!
  const factor = inverse ? scale * value.fixedSize(sizes.at(-2)!) : scale
  return transformed(value, writer, sizes, inverse ? { inverse: 1 } : {}, factor)
}

const rfft: To = (value, writer) => {
  const ones = value.of.map(() => 1)
  const { scale } = value.attrs<{ scale: number }>()
  return transformed(value, writer, [...value.inputs[0]!.sizes, ones], { onesided: 1 }, scale)
}

/** Each frequency but the first, and the last of an even number, stands for two. */
const irfft: To = (value, writer) => {
  const { n, scale } = value.attrs<{ n: number; scale: number }>()
  const [source] = value.inputs as [Value]
  const half = value.fixedSize(source.sizes.at(-2)!)
  const waves = Array.from({ length: half }, (_, k) => {
    const weight = scale * (k === 0 || 2 * k === n ? 1 : 2)
    const angle = (t: number) => (2 * Math.PI * ((k * t) % n)) / n
    const line = (wave: (x: number) => number) => Array.from({ length: n }, (_x, t) => weight * wave(angle(t)))
    return [...line(Math.cos), ...line((x) => -Math.sin(x))]
  })
  const pairs = value.of.map(() => 2 * half)
  const flat = reshaped(value, writer, writer.name(source), source.sizes, [...source.sizes.slice(0, -2), pairs])
  return writer.add('MatMul', [flat, writer.numbers(waves.flat(), [2 * half, n], value.dtype)])
}

export const signal: Mappings = { fft, rfft, irfft }
