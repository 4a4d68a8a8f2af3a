/** @file Special functions, written as plainly as possible: sums of their definitions. Slow; for modest arguments. */
import { erf, erfc } from './reference.ts'

/** sum_k 1 / (k + a)^s over k >= 0: many terms, and the integral of the rest (Euler and Maclaurin). */
function zeta(s: number, a: number): number {
  let sum = 0
  const n = 2000
  for (let k = n - 1; k >= 0; k--) sum += (k + a) ** -s
  const far = n + a
  return sum + far ** (1 - s) / (s - 1) + far ** -s / 2 + (s / 12) * far ** (-s - 1)
}

export function digamma(x: number): number {
  let below = 0
  let a = x
  for (; a < 1000; a++) below += 1 / a
  return Math.log(a) - 1 / (2 * a) - 1 / (12 * a * a) + 1 / (120 * a ** 4) - below
}

export function polygamma(n: number, x: number): number {
  let factorial = 1
  for (let k = 2; k <= n; k++) factorial *= k
  return (n % 2 === 0 ? -1 : 1) * factorial * zeta(n + 1, x)
}

export function lgamma(x: number): number {
  let product = 1
  let a = x
  for (; a < 30; a++) product *= a
  const stirling = (a - 0.5) * Math.log(a) - a + Math.log(2 * Math.PI) / 2 + 1 / (12 * a) - 1 / (360 * a ** 3)
  return stirling + 1 / (1260 * a ** 5) - 1 / (1680 * a ** 7) - Math.log(Math.abs(product))
}

/** The modified Bessel function of the first kind. */
export function bessel(order: 0 | 1, x: number): number {
  let sum = 0
  let term = order === 0 ? 1 : x / 2
  for (let k = 1; k < 100; k++) {
    sum += term
    term *= (x * x) / 4 / (k * (k + order))
  }
  return sum
}

/** Where a rising function has a value, by Newton's method. */
function inverse(fn: (x: number) => number, slope: (x: number) => number, y: number): number {
  let x = 0
  for (let i = 0; i < 100; i++) x += (y - fn(x)) / slope(x)
  return x
}

export const erfinv = (y: number): number => inverse(erf, (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x), y)

export const ndtr = (x: number): number => erfc(-x * Math.SQRT1_2) / 2

export const ndtri = (p: number): number => Math.SQRT2 * erfinv(2 * p - 1)
