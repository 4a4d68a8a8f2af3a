/** @file A line search for the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6), with cubic interpolation. */

/** A point on the line: its step, the function's value, its slope along the line, and whatever belongs to it. */
export interface Point<G> {
  readonly t: number
  readonly f: number
  readonly slope: number
  readonly gradient: G
}

export interface WolfeOptions {
  /** The first step to try. */
  readonly t: number
  /** The largest magnitude of the direction: steps that move by less than `tolerance` end the search. */
  readonly length: number
  readonly tolerance: number
}

const [DECREASE, CURVATURE, MAX_ITERATIONS] = [1e-4, 0.9, 25] as const

/** A point where the function has decreased enough and its slope is flat enough; the best one seen if there is none. Counts evaluations. */
export async function strongWolfe<G>(
  start: Point<G>,
  evaluate: (t: number) => Promise<Point<G>>,
  { t, length, tolerance }: WolfeOptions,
): Promise<{ readonly point: Point<G>; readonly evaluations: number }> {
  let evaluations = 0
  const look = (at: number) => (evaluations++, evaluate(at))
  const isTooHigh = (point: Point<G>) => point.f > start.f + DECREASE * point.t * start.slope
  const isFlat = (point: Point<G>) => Math.abs(point.slope) <= -CURVATURE * start.slope

  let [before, now] = [start, await look(t)]
  let iteration = 0
  for (; iteration < MAX_ITERATIONS; iteration++) {
    if (isTooHigh(now) || (iteration > 1 && now.f >= before.f)) break
    if (isFlat(now)) return { point: now, evaluations }
    if (now.slope >= 0) break
    const bounds: [number, number] = [now.t + 0.01 * (now.t - before.t), now.t * 10]
    const next = await look(cubicMinimum(before, now, bounds))
    ;[before, now] = [now, next]
  }
  if (iteration === MAX_ITERATIONS) before = start

  // The minimum lies between these two.
  let [low, high] = before.f <= now.f ? [before, now] : [now, before]
  let isStuck = false
  for (; iteration < MAX_ITERATIONS && Math.abs(high.t - low.t) * length >= tolerance; iteration++) {
    const [left, right] = [Math.min(low.t, high.t), Math.max(low.t, high.t)]
    const margin = 0.1 * (right - left)
    let at = low.t <= high.t ? cubicMinimum(low, high) : cubicMinimum(high, low)
    // Twice in a row near an end is no progress: go further inside.
    const isNearEnd = Math.min(right - at, at - left) < margin
    if (isNearEnd && (isStuck || at >= right || at <= left)) {
      at = Math.abs(at - right) < Math.abs(at - left) ? right - margin : left + margin
      isStuck = false
    } else isStuck = isNearEnd
    const found = await look(at)
    if (isTooHigh(found) || found.f >= low.f) high = found
    else {
      if (isFlat(found)) return { point: found, evaluations }
      if (found.slope * (high.t - low.t) >= 0) high = low
      low = found
    }
    if (high.f < low.f) [low, high] = [high, low]
  }
  return { point: low, evaluations }
}

interface Value {
  readonly t: number
  readonly f: number
  readonly slope: number
}

/** Where the cubic through two points with their slopes is smallest, within bounds; the middle where it has no minimum. */
export function cubicMinimum(
  a: Value,
  b: Value,
  [low, high]: readonly [number, number] = a.t <= b.t ? [a.t, b.t] : [b.t, a.t],
): number {
  const d1 = a.slope + b.slope - (3 * (a.f - b.f)) / (a.t - b.t)
  const square = d1 * d1 - a.slope * b.slope
  if (!(square >= 0)) return (low + high) / 2
  const d2 = Math.sqrt(square)
  const at =
    a.t <= b.t
      ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
      : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
  return Math.min(Math.max(at, low), high)
}
