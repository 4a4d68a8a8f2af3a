/** @file What the benchmark asks of a peer, and where peers live that are no dependency of tenon's. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { attempt } from '../../command.mjs'
import type { Timing } from '../result.ts'

export interface PeerRun {
  readonly workload: string
  readonly threads: number
  /** That it measures. */
  readonly seconds: number
  /** Where PyTorch left initial parameters, inputs, and what its first steps come to. */
  readonly folder: string
}

export interface PeerReport extends Timing {
  /** Name and version. */
  readonly peer: string
  /** Largest relative difference of its results to PyTorch's; undefined where it is PyTorch. */
  readonly difference?: number | null
}

export interface Peer {
  /** As in --peer. */
  readonly name: string
  /** Installs it where it has to; says why it cannot be had, or ''. */
  readonly prepare: () => Promise<string>
  readonly has: (workload: string) => boolean
  /** One process that measures a workload. */
  readonly time: (run: PeerRun) => Promise<PeerReport>
}

/** Peers are installed here, by `pip` and `npm`, and stay. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tenon-bench')

/** The folder of an npm package and its dependencies, installed at first use; throws where the registry cannot be reached. */
export async function npmPackages(...packages: readonly string[]): Promise<string> {
  const folder = join(cache, packages[0]!.replaceAll(/[^a-z-]/g, '_'))
  const done = join(folder, 'installed')
  if (existsSync(done)) return folder
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  console.error(`installing ${packages.join(', ')} in ${folder}`)
  // Its scripts would fetch what only graphics processors need.
  const args = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...packages]
  const { ok, status, output } = await attempt('npm', args, { seconds: 600 })
  if (!ok) throw new Error(`npm install ${packages.join(' ')}: ${status}\n${output.slice(-500)}`)
  writeFileSync(done, '')
  return folder
}
