/** @file The measurement of one workload: the same work first, then rounds in which the sides take turns, between two probes. */
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { jsonOf } from './child.ts'
import type { Peer, PeerReport } from './peers/peer.ts'
import { probe } from './probe.ts'
import { combine, isSteady, meanLimits, shareOf } from './result.ts'
import type { Limits, Row, Side } from './result.ts'
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
  /** None without those numbers. */
  readonly peers: readonly Peer[]
  readonly hasProbe: boolean
}

interface Measured {
  /** By peer: those that can do the workload. */
  readonly peers: ReadonlyMap<Peer, readonly PeerReport[]>
  /** By way. */
  readonly tenon: ReadonlyMap<Way, readonly SideReport[]>
  readonly limits: readonly [before: Limits, after: Limits] | null
  readonly load: number
}

/** A row for each way, and one for each further peer; repeated while the machine was not steady. */
export async function measure(workload: Workload, options: RoundOptions): Promise<Row[]> {
  for (let attempt = 1; ; attempt++) {
    const measured = await measureOnce(workload, options)
    const { limits } = measured
    if (attempt < options.tries && limits && !isSteady(...limits)) continue
    const [first, ...others] = [...measured.peers.values()]
    const rowOfWay = (way: Way, peer?: readonly PeerReport[]) =>
      rowOf(workload, way, measured, peer, { ...options, attempt })
    return [
      ...workload.ways.map((way) => rowOfWay(way, first)),
      ...others.map((reports) => rowOfWay(workload.ways[0]!, reports)),
    ]
  }
}

async function measureOnce({ name, ways }: Workload, options: RoundOptions): Promise<Measured> {
  const { threads, rounds, dump, hasProbe } = options
  const tenon = new Map<Way, SideReport[]>(ways.map((way) => [way, []]))
  const peers = new Map<Peer, PeerReport[]>()
  for (const peer of options.peers) if (peer.has(name)) peers.set(peer, [])
  const before = hasProbe ? await probe(threads) : null
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      tenon.get(way)!.push(await timeTenon(name, way, options))
      // Next to the way that it is compared with.
      if (dump && way === ways[0]) await timePeers(name, peers, { ...options, folder: dump })
    }
  }
  const [load] = loadavg() as [number]
  const after = hasProbe ? await probe(threads) : null
  return { peers, tenon, limits: before && after ? [before, after] : null, load }
}

/** One that fails is said, and left out: the others can be measured all the same. */
async function timePeers(
  workload: string,
  peers: Map<Peer, PeerReport[]>,
  { threads, seconds, folder }: RoundOptions & { readonly folder: string },
): Promise<void> {
  for (const [peer, reports] of peers) {
    try {
      reports.push(await peer.time({ workload, threads, seconds, folder }))
    } catch (error) {
      console.error(`${workload}: ${peer.name}: ${(error as Error).message}`)
      process.exitCode = 1
      peers.delete(peer)
    }
  }
}

async function timeTenon(name: string, way: Way, { threads, seconds, dump }: RoundOptions): Promise<SideReport> {
  const script = fileURLToPath(new URL('side.ts', import.meta.url))
  const args = ['--import', 'tsx', script, '--name', name, '--way', way, '--seconds', String(seconds)]
  if (dump) args.push('--dump', dump)
  return (await jsonOf(process.execPath, args, { TENON_THREADS: String(threads) })) as SideReport
}

function rowOf(
  workload: Workload,
  way: Way,
  measured: Measured,
  peerReports: readonly PeerReport[] = [],
  { threads, attempt }: { readonly threads: number; readonly attempt: number },
): Row {
  const { limits, load } = measured
  const reports = measured.tenon.get(way)!
  const timings = reports.flatMap(({ timing }) => (timing ? [timing] : []))
  const differences = [...reports, ...peerReports].flatMap(({ difference = 0 }) => [difference])
  const isCompared = peerReports.length > 0
  // Who differs has not been timed.
  const isSame =
    timings.length === reports.length &&
    peerReports.every(({ difference = 0 }) => difference !== null && difference <= workload.tolerance)
  const tenon: Side | null = isSame ? combine(timings) : null
  const peer: Side | null = isCompared ? combine(peerReports) : null
  return {
    name: way === workload.ways[0] ? workload.name : `${workload.name}:${way.replaceAll(' ', '-')}`,
    way,
    threads,
    versus: peerReports[0]?.peer ?? null,
    tenon,
    peer,
    ratio: tenon && peer && peer.median_s / tenon.median_s,
    ratio_min: tenon && peer && peer.min_s / tenon.min_s,
    equal: isCompared ? isSame : null,
    difference: !isCompared || differences.includes(null) ? null : Math.max(...(differences as number[])),
    share: tenon && limits && shareOf(reports[0]!, meanLimits(...limits), tenon.median_s),
    probe: limits && { before: limits[0], after: limits[1], steady: isSteady(...limits) },
    attempts: attempt,
    load,
  }
}
