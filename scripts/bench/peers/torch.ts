/** @file PyTorch's side of the comparison: Pythons with torch, the script that works with it, and its runs. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { attempt } from '../../command.mjs'
import { jsonOf } from '../child.ts'
import type { Evidence } from '../compare.ts'
import { cache } from './peer.ts'
import type { Peer, PeerReport } from './peer.ts'

export const python = process.env.PYTHON ?? ['/usr/bin/python3'].find(existsSync) ?? 'python3'

/** Beside the repository, not part of it; TENON_PEER_SCRIPT names another place. */
export const peerScript =
  process.env.TENON_PEER_SCRIPT ?? fileURLToPath(new URL('../../../../shared/bench/peer_torch.py', import.meta.url))

/** Why there is nothing to compare with, or an empty string. */
export function whyNoPeer(): string {
  if (!existsSync(peerScript)) return `there is no ${peerScript} (TENON_PEER_SCRIPT names another place)`
  return hasTorch(python)
    ? ''
    : `${python} has no torch (Debian: apt-get install python3-torch; PYTHON names another one)`
}

const hasTorch = (program: string): boolean => spawnSync(program, ['-c', 'import torch']).status === 0

/** The system's own. */
export const torch = torchPeer('torch', python, [], async () => whyNoPeer())
/** The newest that PyPI has, in an environment of its own. */
export const newest = torchPeer('torch-newest', join(cache, 'torch/bin/python'), [], installNewest)
/** The same with torch.compile, which needs a C++ compiler. Workloads without a model run as they are. */
export const newestCompiled = torchPeer(
  'torch-newest-compile',
  join(cache, 'torch/bin/python'),
  ['--compile'],
  installNewest,
)

function torchPeer(name: string, program: string, more: readonly string[], prepare: Peer['prepare']): Peer {
  const time: Peer['time'] = async ({ workload, threads, seconds }) => {
    const options = ['--only', workload, '--threads', String(threads), '--seconds', String(seconds), ...more]
    const report = (await jsonOf(program, [peerScript, ...options], {})) as PeerReport
    return { ...report, peer: [report.peer, ...more].join(' ') }
  }
  return { name, prepare, has: () => true, time }
}

async function installNewest(): Promise<string> {
  if (!existsSync(peerScript)) return whyNoPeer()
  const folder = join(cache, 'torch')
  const program = join(folder, 'bin/python')
  if (existsSync(program) && hasTorch(program)) return ''
  console.error(`installing torch in ${folder}: some gigabytes`)
  const made = await attempt('python3', ['-m', 'venv', folder])
  if (!made.ok) return `python3 -m venv: ${made.status} (Debian: apt-get install python3-venv)`
  // The index of builds without CUDA first: a tenth of the size.
  for (const index of [['--index-url', 'https://download.pytorch.org/whl/cpu'], []]) {
    const pip = ['-m', 'pip', 'install', '--quiet', '--retries', '1', ...index, 'torch']
    if ((await attempt(program, pip, { seconds: 1800 })).ok) break
  }
  await attempt(program, ['-m', 'pip', 'install', '--quiet', 'numpy'])
  return hasTorch(program) ? '' : 'pip cannot install torch: PyPI cannot be reached, or has none for this Python'
}

/** Leaves initial parameters and inputs of a workload in the folder, and gives what its first steps come to. */
export async function dumpPeer(name: string, folder: string): Promise<Evidence> {
  // One thread: more round otherwise, and not the same at each run.
  await jsonOf(python, [peerScript, '--only', name, '--dump', folder, '--no-time', '--threads', '1'], {})
  return readEvidence(name, folder)
}

export const tensorsFile = (name: string, folder: string): string => join(folder, `${name}.safetensors`)

export const readEvidence = (name: string, folder: string): Evidence =>
  JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Evidence
