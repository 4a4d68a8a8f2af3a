/** @file The processes of peers in JavaScript: scripts in this folder. */
import { fileURLToPath } from 'node:url'
import { jsonOf } from '../child.ts'

/** tenon's memory is not the peer's, so what prepares a model is a process of its own too. */
export function runChild(script: string, args: readonly (string | number)[]): Promise<unknown> {
  const path = fileURLToPath(new URL(script, import.meta.url))
  return jsonOf(process.execPath, ['--import', 'tsx', path, ...args.map(String)], {})
}
