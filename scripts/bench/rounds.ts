/** @file The measurement of one workload: the same work first, then rounds in which the sides take turns, between two probes. */
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { jsonOf } from './child.ts'
import { timePeer } from './peer.ts'
import { probe } from './probe.ts'
import { combine, isSteady, meanLimits, shareOf } from './result.ts'
import type { Limits, Row, Side, Timing } from './result.ts'
import type { SideReport } from './side.ts'
import type { Way, Workload } from './workload.ts'

export interface RoundOptions {
  readonly threads: number
  readonly rounds: number
  /** Of each process. */
  readonly seconds: number
  /** Runs at most, until the probe stays within a fifth. */
  readonly tries: number
  /** Where the peer left its numbers; without it tenon runs alone, on random ones. */
  readonly dump: string | null
  readonly hasProbe: boolean
}

interface Measured {
  readonly peer: readonly Timing[]
  /** By way. */
  readonly tenon: ReadonlyMap<Way, readonly SideReport[]>
  readonly limits: readonly [before: Limits, after: Limits] | null
  readonly load: number
}

/** A row for each way; repeated while the machine was not steady. */
export async function measure(workload: Workload, options: RoundOptions): Promise<Row[]> {
  for (let attempt = 1; ; attempt++) {
    const measured = await measureOnce(workload, options)
    const { limits } = measured
    if (attempt < options.tries && limits && !isSteady(...limits)) continue
    return workload.ways.map((way) => rowOf(workload, way, options.threads, measured, attempt))
  }
}

async function measureOnce({ name, ways }: Workload, options: RoundOptions): Promise<Measured> {
  const { threads, rounds, seconds, dump, hasProbe } = options
  const tenon = new Map<Way, SideReport[]>(ways.map((way) => [way, []]))
  const peer: Timing[] = []
  const before = hasProbe ? await probe(threads) : null
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      tenon.get(way)!.push(await timeTenon(name, way, options))
      // Next to the way that it is compared with.
      if (dump && way === ways[0]) peer.push(await timePeer(name, threads, seconds))
    }
  }
  const [load] = loadavg() as [number]
  const after = hasProbe ? await probe(threads) : null
  return { peer, tenon, limits: before && after ? [before, after] : null, load }
}

async function timeTenon(name: string, way: Way, { threads, seconds, dump }: RoundOptions): Promise<SideReport> {
  const script = fileURLToPath(new URL('side.ts', import.meta.url))
  const args = ['--import', 'tsx', script, '--name', name, '--way', way, '--seconds', String(seconds)]
  if (dump) args.push('--dump', dump)
  return (await jsonOf(process.execPath, args, { TENON_THREADS: String(threads) })) as SideReport
}

function rowOf(workload: Workload, way: Way, threads: number, measured: Measured, attempts: number): Row {
  const { limits, load } = measured
  const reports = measured.tenon.get(way)!
  const timings = reports.flatMap(({ timing }) => (timing ? [timing] : []))
  const isSame = timings.length === reports.length
  const tenon: Side | null = isSame ? combine(timings) : null
  const peer: Side | null = measured.peer.length > 0 ? combine(measured.peer) : null
  const differences = reports.map((report) => report.difference)
  return {
    name: way === workload.ways[0] ? workload.name : `${workload.name}:${way.replaceAll(' ', '-')}`,
    way,
    threads,
    tenon,
    peer,
    ratio: tenon && peer && peer.median_s / tenon.median_s,
    ratio_min: tenon && peer && peer.min_s / tenon.min_s,
    equal: measured.peer.length > 0 ? isSame : null,
    difference: differences.includes(null) ? null : Math.max(...(differences as number[])),
    share: tenon && limits && shareOf(reports[0]!, meanLimits(...limits), tenon.median_s),
    probe: limits && { before: limits[0], after: limits[1], steady: isSteady(...limits) },
    attempts,
    load,
  }
}
