/** @file Between tensors and plain arrays of the reference, and numbers to fill them with. */
import { evaluateSync, tensor } from '../../lib/index.ts'
import type { DType, Tensor } from '../../lib/index.ts'
import { sizeOf } from './reference.ts'
import type { Nd } from './reference.ts'

/** A small generator of our own (mulberry32), so that cases are the same everywhere. */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}

export function toTensor(x: Nd, dtype: DType = 'f64'): Tensor {
  if (dtype === 'i64') return tensor(BigInt64Array.from(x.data, BigInt), { shape: x.shape })
  if (dtype === 'f32') return tensor(Float32Array.from(x.data), { shape: x.shape })
  return tensor(Float64Array.from(x.data), { shape: x.shape, dtype })
}

/** The numbers of tensors, computed together. */
export function fromTensors(tensors: readonly Tensor[]): Nd[] {
  evaluateSync(...tensors)
  return tensors.map((t) => ({ shape: t.shape, data: Float64Array.from(t.dataSync() as Float64Array, Number) }))
}

export const fromTensor = (t: Tensor): Nd => fromTensors([t])[0]

/** What fills an input; `n` numbers. */
export type Fill = (n: number, random: () => number) => number[]

/** Evenly spread over [low, high). */
export const range =
  (low: number, high: number): Fill =>
  (n, random) =>
    Array.from({ length: n }, () => low + (high - low) * random())

/** The same, but at least `by` away from the points, where a function has a kink or a pole. */
export const away =
  (low: number, high: number, points: readonly number[], by = 0.05): Fill =>
  (n, random) =>
    Array.from({ length: n }, () => {
      for (;;) {
        const x = low + (high - low) * random()
        if (points.every((point) => Math.abs(x - point) > by)) return x
      }
    })

/** All different, with equal distances, in random order: for what takes an extreme. */
export const distinct =
  (low: number, high: number): Fill =>
  (n, random) => {
    const order = Array.from({ length: n }, (_, i) => [random(), i])
    order.sort((a, b) => a[0] - b[0])
    return order.map(([, i]) => low + ((high - low) * (i + 0.5)) / n)
  }

/** Integers in [low, high). */
export const integers =
  (low: number, high: number): Fill =>
  (n, random) =>
    Array.from({ length: n }, () => low + Math.floor((high - low) * random()))

export const given =
  (...numbers: number[]): Fill =>
  (n) =>
    Array.from({ length: n }, (_, i) => numbers[i % numbers.length])

export const filled = (shape: readonly number[], fill: Fill, random: () => number): Nd => ({
  shape,
  data: Float64Array.from(fill(sizeOf(shape), random)),
})
