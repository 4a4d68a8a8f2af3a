/** @file PyTorch's side of the comparison: a Python with torch, the script that works with it, and its runs. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Evidence } from './compare.ts'
import { jsonOf } from './child.ts'
import type { Timing } from './result.ts'

export const python = process.env.PYTHON ?? ['/usr/bin/python3'].find(existsSync) ?? 'python3'

/** Beside the repository, not part of it; TENON_PEER_SCRIPT names another place. */
export const peerScript =
  process.env.TENON_PEER_SCRIPT ?? fileURLToPath(new URL('../../../shared/bench/peer_torch.py', import.meta.url))

/** Why there is nothing to compare with, or an empty string. */
export function whyNoPeer(): string {
  if (!existsSync(peerScript)) return `there is no ${peerScript} (TENON_PEER_SCRIPT names another place)`
  const hasTorch = spawnSync(python, ['-c', 'import torch']).status === 0
  return hasTorch ? '' : `${python} has no torch (Debian: apt-get install python3-torch; PYTHON names another one)`
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

/** One process that measures a workload. */
export async function timePeer(name: string, threads: number, seconds: number): Promise<Timing & { peer: string }> {
  const options = ['--only', name, '--threads', String(threads), '--seconds', String(seconds)]
  return (await jsonOf(python, [peerScript, ...options], {})) as Timing & { peer: string }
}
