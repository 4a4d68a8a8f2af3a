/** @file Fourier transforms by the sums that define them; complex numbers have a last axis of 2. Nothing shared with lib/. */
import { at, build } from './reference.ts'
import type { Nd } from './reference.ts'

/** Over one axis (counted from the left), n numbers (the rest of x is cut, what is missing is 0), times scale. */
export function dft(x: Nd, axis: number, n: number, isInverse: boolean, scale: number): Nd {
  const shape = x.shape.map((size, i) => (i === axis ? n : size))
  return build(shape, (p) => {
    let sum = 0
    for (let j = 0; j < Math.min(n, x.shape[axis]); j++) {
      const angle = ((isInverse ? 2 : -2) * Math.PI * j * p[axis]) / n
      const place = (part: number) => p.map((q, i) => (i === axis ? j : i === p.length - 1 ? part : q))
      const [re, im, c, s] = [at(x, place(0)), at(x, place(1)), Math.cos(angle), Math.sin(angle)]
      sum += p[p.length - 1] === 0 ? re * c - im * s : re * s + im * c
    }
    return sum * scale
  })
}

export const asComplex = (x: Nd): Nd =>
  build([...x.shape, 2], (p) => (p[p.length - 1] === 0 ? at(x, p.slice(0, -1)) : 0))
export const realPart = (x: Nd): Nd => build(x.shape.slice(0, -1), (p) => at(x, [...p, 0]))
export const conjugate = (x: Nd): Nd => build(x.shape, (p) => (p[p.length - 1] === 0 ? 1 : -1) * at(x, p))
/** The first numbers of an axis. */
export const firstOf = (x: Nd, axis: number, n: number): Nd =>
  build(
    x.shape.map((size, i) => (i === axis ? n : size)),
    (p) => at(x, p),
  )

/** The n numbers of which y has the first n / 2 + 1. */
export function mirrored(y: Nd, axis: number, n: number): Nd {
  const last = y.shape.length - 1
  return build(
    y.shape.map((size, i) => (i === axis ? n : size)),
    (p) => {
      const k = p[axis]
      const isFirst = 2 * k <= n
      const from = isFirst ? k : n - k
      if (from >= y.shape[axis]) return 0
      if (p[last] === 1 && (k === 0 || 2 * k === n)) return 0
      return (
        (isFirst || p[last] === 0 ? 1 : -1) *
        at(
          y,
          p.map((q, i) => (i === axis ? from : q)),
        )
      )
    },
  )
}
