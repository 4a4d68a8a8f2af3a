/** @file Which files this process opens. What opens by callback, by promise or at once is seen; mapping takes an open file. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

type Open = (path: unknown, ...rest: never[]) => unknown

let seen: string[] = []

/** From now on every opening is noted. Modules that are loaded late should be loaded before. */
export function watchFiles(): void {
  const holders: [Record<string, unknown>, readonly string[]][] = [
    [fs.promises as never, ['open', 'readFile', 'readdir', 'writeFile', 'copyFile', 'rm', 'rename']],
    [
      fs as never,
      ['open', 'openSync', 'readFile', 'readFileSync', 'createReadStream', 'readdirSync', 'createWriteStream'],
    ],
  ]
  for (const [holder, names] of holders) {
    for (const name of names) {
      const original = holder[name] as Open
      holder[name] = function (this: unknown, path: unknown, ...rest: never[]) {
        if (typeof path === 'string') seen.push(path)
        return original.call(this, path, ...rest)
      }
    }
  }
  syncBuiltinESMExports()
}

/** What was opened since the last time. */
export function takeOpened(): readonly string[] {
  const taken = seen
  seen = []
  return taken
}
