/** @file The figures of a row: from the timings of several processes to medians, spread, ratio and share of the machine's limit. */

/** What one process measured. */
export interface Timing {
  readonly median_s: number
  readonly min_s: number
  readonly runs: number
  /** Peak of its resident memory. */
  readonly rss_mb: number
}

export interface Side extends Timing {
  /** Largest of the processes' medians over the smallest. */
  readonly spread: number
}

export interface Limits {
  readonly gflops: number
  readonly gbs: number
}

/** Work of one step: floating-point operations; bytes of inputs and parameters read, of outputs and parameters written, each once. */
export interface Work {
  readonly flops: number
  readonly bytes: number
}

/** A row, as `--json` prints it. */
export interface Row {
  /** The peer's; with `:way` for the other ways to write it. */
  readonly name: string
  readonly way: string
  readonly threads: number
  /** Name and version of the peer; null where nothing is compared. */
  readonly versus: string | null
  /** Null where the two sides do not do the same work: then nothing is measured. */
  readonly tenon: Side | null
  readonly peer: Side | null
  /** Medians, peer over tenon; and minima. */
  readonly ratio: number | null
  readonly ratio_min: number | null
  /** Null where nothing is compared. */
  readonly equal: boolean | null
  /** Largest relative difference of losses or outputs; null where it is infinite or nothing is compared. */
  readonly difference: number | null
  readonly share: Share | null
  /** Before and after; null where there is no compiler for it. `steady`: both within a fifth. */
  readonly probe: { readonly before: Limits; readonly after: Limits; readonly steady: boolean } | null
  /** Runs until the probe was steady. */
  readonly attempts: number
  /** Of the machine, over the last minute. */
  readonly load: number
}

export interface Share {
  /** Time that the machine's limit allows over the time taken. */
  readonly value: number
  /** What limits. */
  readonly of: 'compute' | 'memory'
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

/** Median of medians, minimum of minima, the most memory. */
export function combine(rounds: readonly Timing[]): Side {
  const medians = rounds.map((round) => round.median_s)
  return {
    median_s: median(medians),
    min_s: Math.min(...rounds.map((round) => round.min_s)),
    rss_mb: Math.max(...rounds.map((round) => round.rss_mb)),
    runs: rounds.reduce((n, { runs }) => n + runs, 0),
    spread: Math.max(...medians) / Math.min(...medians),
  }
}

/** The limit is the larger of two times: operations at the rate of the multiply-add loop, bytes at that of memcpy. */
export function shareOf({ flops, bytes }: Work, { gflops, gbs }: Limits, seconds: number): Share {
  const [compute, memory] = [flops / (1e9 * gflops), bytes / (1e9 * gbs)]
  return compute >= memory ? { value: compute / seconds, of: 'compute' } : { value: memory / seconds, of: 'memory' }
}

const MOVED = 1.2

/** Whether neither figure moved by more than a fifth. */
export function isSteady(before: Limits, after: Limits): boolean {
  const moved = (a: number, b: number) => Math.max(a, b) / Math.min(a, b)
  return moved(before.gflops, after.gflops) <= MOVED && moved(before.gbs, after.gbs) <= MOVED
}

export const meanLimits = (a: Limits, b: Limits): Limits => ({
  gflops: (a.gflops + b.gflops) / 2,
  gbs: (a.gbs + b.gbs) / 2,
})
