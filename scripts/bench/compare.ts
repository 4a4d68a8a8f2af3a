/** @file Whether both sides did the same work: losses of the first steps, or figures of the outputs. */

/** What a workload comes to; as peer_torch.py writes it. */
export interface Evidence {
  /** Of the first steps; null for workloads without a loss. */
  readonly losses: readonly number[] | null
  /** Of outputs and then gradients; null for workloads with a loss. */
  readonly checks: readonly Check[] | null
}

export interface Check {
  readonly shape: readonly number[]
  readonly sum: number
  readonly abs_sum: number
  /** The first 8 numbers. */
  readonly first: readonly number[]
}

export function checkOf(shape: readonly number[], values: ArrayLike<number | bigint>): Check {
  let [sum, absSum] = [0, 0]
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i])
    sum += value
    absSum += Math.abs(value)
  }
  return {
    shape: [...shape],
    sum,
    abs_sum: absSum,
    first: Array.from({ length: 8 }, (_, i) => Number(values[i])).slice(0, values.length),
  }
}

/**
 * The largest relative difference. A loss is compared with the peer's; sums with the sum of absolute values, for they may cancel; single
 * numbers with the peer's, or with the mean of absolute values where that is larger. Infinity for other shapes or counts, and for NaN.
 */
export function difference(ours: Evidence, theirs: Evidence): number {
  const pairs = [...lossPairs(ours.losses, theirs.losses), ...checkPairs(ours.checks ?? [], theirs.checks ?? [])]
  return Math.max(...pairs.map(([a, b, scale]) => relative(Math.abs(a - b), scale)))
}

type Pair = readonly [ours: number, theirs: number, scale: number]
/** Nothing equals it. */
const OTHER: Pair = [0, 1, 0]

function relative(distance: number, scale: number): number {
  if (distance === 0) return 0
  const share = distance / scale
  return Number.isNaN(share) ? Infinity : share
}

function lossPairs(ours: Evidence['losses'], theirs: Evidence['losses']): Pair[] {
  if (!ours || !theirs) return ours === theirs ? [] : [OTHER]
  if (ours.length !== theirs.length) return [OTHER]
  return ours.map((loss, i) => [loss, theirs[i]!, Math.abs(theirs[i]!)])
}

function checkPairs(ours: readonly Check[], theirs: readonly Check[]): Pair[] {
  if (ours.length !== theirs.length) return [OTHER]
  return ours.flatMap((own, i) => {
    const other = theirs[i]!
    if (own.shape.join() !== other.shape.join()) return [OTHER]
    const size = other.shape.reduce((n, dim) => n * dim, 1)
    const mean = other.abs_sum / size
    return [
      [own.sum, other.sum, other.abs_sum],
      [own.abs_sum, other.abs_sum, other.abs_sum],
      ...own.first.map((value, k): Pair => [value, other.first[k]!, Math.max(Math.abs(other.first[k]!), mean)]),
    ] satisfies Pair[]
  })
}
