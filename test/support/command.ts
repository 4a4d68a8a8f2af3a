/** @file The `tenon` command in tests: as a process of its own, or in this one, which is much quicker. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { tenon } from '../../lib/cli/commands.ts'

const main = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url))

export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
}

/** As a process of its own. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Outcome {
  const command = ['--import', 'tsx', main, ...args]
  return spawnSync(process.execPath, command, { encoding: 'utf8', env: { ...process.env, ...env } })
}

/** In this process, whose output is held back meanwhile. */
export async function call(args: readonly string[]): Promise<Outcome> {
  const written = { stdout: '', stderr: '' }
  const { stdout, stderr } = process
  const own = [stdout.write, stderr.write] as const
  stdout.write = (text: string | Uint8Array) => ((written.stdout += text.toString()), true)
  stderr.write = (text: string | Uint8Array) => ((written.stderr += text.toString()), true)
  try {
    const status = await tenon(args)
    return { status, ...written }
  } finally {
    ;[stdout.write, stderr.write] = own
  }
}
