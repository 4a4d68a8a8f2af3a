/** @file Counts of values in ranges: what logs keep of many numbers. */

/** Bars, each from the limit before it (the first from `min`) to its own. */
export interface Histogram {
  readonly min: number
  readonly max: number
  /** Numbers counted; NaN and infinities are not. */
  readonly num: number
  readonly sum: number
  readonly sumSquares: number
  readonly limits: readonly number[]
  readonly counts: readonly number[]
}

/** Ranges below this do not divide well. */
const SMALLEST = 1e-300

/** Bars of equal width between the smallest and the largest number; null where there is no number. */
export function histogramOf(values: ArrayLike<number>, numBars = 30): Histogram | null {
  let [min, max, num, sum, sumSquares] = [Infinity, -Infinity, 0, 0, 0]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) continue
    min = Math.min(min, value)
    max = Math.max(max, value)
    num++
    sum += value
    sumSquares += value * value
  }
  if (num === 0) return null
  if (max - min < SMALLEST) return { min, max, num, sum, sumSquares, limits: [max], counts: [num] }
  // By halves: max - min may be too large for a number.
  const half = (max / 2 - min / 2) / numBars
  const limits = Array.from({ length: numBars }, (_, i) =>
    i === numBars - 1 ? max : Math.min(max, min + half * (i + 1) * 2),
  )
  const counts = new Array<number>(numBars).fill(0)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) continue
    counts[Math.max(0, Math.min(numBars - 1, Math.floor((value / 2 - min / 2) / half)))]!++
  }
  return { min, max, num, sum, sumSquares, limits, counts }
}
