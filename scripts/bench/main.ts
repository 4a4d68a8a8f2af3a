/** @file `npm run bench` behind its set-up: reads the options, measures the workloads one after the other, prints a row each. */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { root } from '../command.mjs'
import { peers } from './peers/index.ts'
import type { Peer } from './peers/peer.ts'
import { dumpPeer, whyNoPeer } from './peers/torch.ts'
import { profileWorkload } from './profile.ts'
import { prepareProbe } from './probe.ts'
import { writePage } from './page.ts'
import type { Row } from './result.ts'
import { measure } from './rounds.ts'
import { header, showRow } from './table.ts'
import type { Workload } from './workload.ts'
import { choose } from './workloads/index.ts'

interface Options {
  readonly peer: readonly Peer[]
  readonly only: readonly string[]
  readonly threads: readonly number[]
  readonly seconds: number
  readonly rounds: number
  readonly tries: number
  readonly side: 'tenon' | 'both'
  readonly json: boolean
  readonly report: string | undefined
  readonly profile: string | undefined
}

try {
  await main(readOptions(process.argv.slice(2)))
} catch (error) {
  fail(error)
}

async function main(options: Options): Promise<void> {
  if (options.profile !== undefined) return profileOne(options.profile, options)
  const chosen = choose(options.only)
  const alone = options.side === 'tenon'
  const reason = alone ? '' : whyNoPeer()
  if (reason) throw new Error(`There is no peer to compare with: ${reason}. --side tenon runs without one.`)
  const found = alone ? [] : await preparePeers(options.peer)
  const noProbe = await prepareProbe()
  if (noProbe)
    console.error(`${noProbe}: no share of the machine's limit, and nobody sees whether the machine is steady`)
  if (!options.json) {
    console.log(machine())
    console.log(header())
  }
  const rows: Row[] = []
  const context = { ...options, alone, peers: found, hasProbe: !noProbe }
  for (const workload of chosen) rows.push(...(await measureWorkload(workload, context)))
  if (options.report) writePage(options.report, machine(), rows)
}

/** Those that can be had; says why others cannot. */
async function preparePeers(wanted: readonly Peer[]): Promise<Peer[]> {
  const found: Peer[] = []
  for (const peer of wanted) {
    const reason = await peer.prepare().catch((error: Error) => error.message)
    if (reason) fail(`${peer.name} cannot be had: ${reason}`)
    else found.push(peer)
  }
  if (found.length === 0) throw new Error('None of the peers can be had. --side tenon runs without one.')
  return found
}

async function profileOne(name: string, { threads, seconds }: Options): Promise<void> {
  const file = join(root, 'build/bench', `${name}.trace.json`)
  await profileWorkload(choose([name])[0]!, { threads: threads[0]!, seconds, file })
}

function machine(): string {
  return `${cpus()[0]?.model ?? ''}, ${cpus().length} processors, load ${loadavg()[0]!.toFixed(2)}, Node ${process.version}`
}

async function measureWorkload(
  workload: Workload,
  options: Options & { readonly alone: boolean; readonly peers: readonly Peer[]; readonly hasProbe: boolean },
): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-bench-'))
  const done: Row[] = []
  try {
    if (!options.alone) await dumpPeer(workload.name, folder)
    for (const threads of options.threads) {
      const rows = await measure(workload, { ...options, threads, dump: options.alone ? null : folder })
      for (const row of rows) {
        console.log(options.json ? JSON.stringify(row) : showRow(row))
        if (row.equal === false) process.exitCode = 1
      }
      done.push(...rows)
    }
  } catch (error) {
    // The others can be measured all the same.
    fail(error, `${workload.name}: `)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return done
}

function fail(error: unknown, where = ''): void {
  console.error(where + (error instanceof Error ? error.message : String(error)))
  process.exitCode = 1
}

function readOptions(args: readonly string[]): Options {
  const program = new Command('npm run bench --')
    .description("tenon's speed against PyTorch's: the same work from the same numbers, in turns (docs/benchmarks.md)")
    .option('--peer <names>', `what to compare with: ${peers.map(({ name }) => name).join(', ')}`, peersOf, [peers[0]!])
    .option('--only <names>', 'workloads, with commas between them', (text) => text.split(',').filter(Boolean), [])
    .option('--threads <n>', 'of each side; several with commas between them', integers, [availableParallelism()])
    .option('--seconds <s>', 'that each process measures', positive, 2)
    .option('--rounds <n>', 'processes of each side, in turns', integer, 3)
    .option('--tries <n>', 'runs at most, until the machine was steady', integer, 3)
    .option('--side <side>', 'tenon: raw times of this side, on random numbers', oneOf(['tenon', 'both']), 'both')
    .option('--json', 'an object a line', false)
    .option('--report <file>', 'all rows as one HTML page with charts')
    .option('--profile <name>', 'of one workload: time, FLOP/s and bytes/s of each op, and a trace file')
  return program.parse(args, { from: 'user' }).opts()
}

function oneOf(names: readonly string[]): (text: string) => string {
  return (text) => {
    if (!names.includes(text)) throw new InvalidArgumentError(`One of ${names.join(', ')}.`)
    return text
  }
}

function peersOf(text: string): Peer[] {
  return text.split(',').map((name) => {
    const found = peers.find((peer) => peer.name === name)
    if (!found) throw new InvalidArgumentError(`Some of ${peers.map((peer) => peer.name).join(', ')}.`)
    return found
  })
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('A number above 0.')
  return value
}

function integer(text: string): number {
  const value = positive(text)
  if (!Number.isInteger(value)) throw new InvalidArgumentError('A whole number from 1.')
  return value
}

function integers(text: string): number[] {
  return text.split(',').map(integer)
}
