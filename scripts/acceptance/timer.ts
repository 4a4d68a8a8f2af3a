/** @file How late a 5 ms timer is while something else runs in the same process. */
import { round } from './report.ts'

const TICK_MS = 5

/** The figure below which a share of them lies. */
export function at(sorted: readonly number[], share: number): number {
  return round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN)
}

/** Notes how late each tick is; `stop` gives them in ms, sorted. */
export function watchTimer(): { stop(): Promise<number[]> } {
  const late: number[] = []
  let isStopped = false
  const done = new Promise<number[]>((resolve) => {
    let due = performance.now() + TICK_MS
    const tick = () => {
      late.push(Math.max(0, performance.now() - due))
      if (isStopped) return resolve(late.sort((a, b) => a - b))
      due = performance.now() + TICK_MS
      setTimeout(tick, TICK_MS)
    }
    setTimeout(tick, TICK_MS)
  })
  return { stop: () => ((isStopped = true), done) }
}
