/** @file How a peer in JavaScript is timed: warmed up as tenon is, then steps until the time is over. */
import { median } from '../result.ts'
import type { Timing } from '../result.ts'

const WARM_UP_SECONDS = 0.5

/** Blocking steps. */
export function timeSteps(step: () => unknown, seconds: number): Timing {
  repeat(step, Math.min(WARM_UP_SECONDS, seconds / 2), 1)
  return timingOf(repeat(step, seconds, 3))
}

/** Steps that give promises. */
export async function timeAwaited(step: () => Promise<unknown>, seconds: number): Promise<Timing> {
  await repeatAwaited(step, Math.min(WARM_UP_SECONDS, seconds / 2), 1)
  return timingOf(await repeatAwaited(step, seconds, 3))
}

function timingOf(taken: readonly number[]): Timing {
  const rss_mb = Math.round(process.resourceUsage().maxRSS / 1024)
  return { median_s: median(taken), min_s: taken.reduce((a, b) => Math.min(a, b)), runs: taken.length, rss_mb }
}

function repeat(step: () => unknown, seconds: number, least: number): number[] {
  const taken: number[] = []
  const end = performance.now() + 1000 * seconds
  for (let start = performance.now(); taken.length < least || start < end; start = performance.now()) {
    step()
    taken.push((performance.now() - start) / 1000)
  }
  return taken
}

async function repeatAwaited(step: () => Promise<unknown>, seconds: number, least: number): Promise<number[]> {
  const taken: number[] = []
  const end = performance.now() + 1000 * seconds
  for (let start = performance.now(); taken.length < least || start < end; start = performance.now()) {
    await step()
    taken.push((performance.now() - start) / 1000)
  }
  return taken
}
