/** @file The version of this package, from its package.json. */
import { readFileSync } from 'node:fs'

let known = ''

/** As in package.json; read when it is first asked for. */
export function version(): string {
  if (known === '') {
    const file = new URL('../package.json', import.meta.url)
    known = (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
  }
  return known
}
