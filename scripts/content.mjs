/** @file Work that is done again only when what it is made from has changed: stamps under build/stamps. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './command.mjs'

/**
 * A hash of files (folders: of all files in them, by name) and of further texts.
 * @param {string[]} paths relative to the repository's root; those that are not there count as absent
 * @param {string[]} [texts]
 */
export function digest(paths, texts = []) {
  const hash = createHash('sha256').update(JSON.stringify(texts))
  for (const path of paths.flatMap(filesUnder)) hash.update(`\0${path}\0`).update(readFileSync(join(root, path)))
  return hash.digest('hex')
}

/**
 * Does the work unless it was done from the same content before and its output is still there.
 * @param {string} name of the stamp
 * @param {string} content from `digest`
 * @param {string} output a file or folder that the work leaves
 * @param {() => Promise<unknown>} work
 * @returns {Promise<boolean>} whether it was done now
 */
export async function once(name, content, output, work) {
  const stamp = join(root, 'build/stamps', name)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === content && existsSync(join(root, output))) return false
  await work()
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, content)
  return true
}

/**
 * All files in a folder, sorted; the path itself where it is a file; none where it is not there.
 * @param {string} path relative to the repository's root
 * @returns {string[]}
 */
export function filesUnder(path) {
  const full = join(root, path)
  if (!existsSync(full)) return []
  if (statSync(full).isFile()) return [path]
  return readdirSync(full)
    .sort()
    .flatMap((name) => filesUnder(`${path}/${name}`))
}
