/** @file llama.cpp, by the prebuilt package node-llama-cpp, on a GGUF file that tenon writes: generation. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { npmPackages } from './peer.ts'
import type { Peer, PeerReport } from './peer.ts'
import { runChild } from './run-child.ts'

const packages = ['node-llama-cpp@3'] as const

export const llama: Peer = {
  name: 'llama.cpp',
  prepare: () => npmPackages(...packages).then(() => ''),
  has: (workload) => workload === 'gpt2_124m_generate',
  time: async ({ workload, threads, seconds, folder }) => {
    const file = join(folder, `${workload}.gguf`)
    if (!existsSync(file)) await runChild('llama-export.ts', [workload, folder, file])
    const args = [await npmPackages(...packages), workload, threads, seconds, folder, file]
    return (await runChild('llama-child.mjs', args)) as PeerReport
  },
}
