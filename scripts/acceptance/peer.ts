/** @file PyTorch's side of the comparison: a Python with torch, and the script that trains with it. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const python = process.env.PYTHON ?? ['/usr/bin/python3'].find(existsSync) ?? 'python3'

/** Beside the repository, not part of it. */
export const peerScript = fileURLToPath(new URL('../../../shared/bench/peer_torch.py', import.meta.url))

/** Why there is nothing to compare with, or an empty string. */
export function whyNoPeer(): string {
  if (!existsSync(peerScript)) return 'there is no ../shared/bench/peer_torch.py'
  const hasTorch = spawnSync(python, ['-c', 'import torch']).status === 0
  return hasTorch ? '' : `${python} has no torch (Debian: apt-get install python3-torch; PYTHON names another one)`
}
