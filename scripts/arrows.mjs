/**
 * @file The arrows between the rooms of lib/: which room may import from which. A file may import from its own room and
 * from rooms of lower floors. docs: "The house" in the design; `npm run arrows` says what breaks it.
 */
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { root, whenStarted } from './command.mjs'
import { filesUnder } from './content.mjs'

/** Rooms by floor, lowest first; rooms of one floor do not see each other. '.' is the files of lib/ itself. */
const floors = [
  ['.'],
  ['graph'],
  ['ops'],
  ['plan'],
  ['engine'],
  ['autograd', 'nn', 'optim', 'data'],
  ['io'],
  ['train'],
  ['text', 'vision', 'audio', 'recommend', 'interpret', 'compress', 'learn', 'distributed'],
  ['models'],
  ['cli'],
]

/** The one file that may import from every room. */
const door = 'index.ts'

/**
 * What breaks the rules, as sentences.
 * @param {Map<string, string>} files text by path, relative to lib/
 * @returns {string[]}
 */
export function brokenArrows(files) {
  const found = []
  for (const [path, text] of files) {
    const floor = floorOf(path)
    if (floor < 0) found.push(`${path}: ${roomOf(path)} is not a room that scripts/arrows.mjs knows`)
    if (path === door || floor < 0) continue
    for (const source of importsOf(text)) {
      if (!source.startsWith('.')) continue
      const target = normalize(join(dirname(path), source))
      const allowed = target !== door && (roomOf(target) === roomOf(path) || floorOf(target) < floor)
      if (!allowed) found.push(`${path}: may not import ${target}`)
    }
  }
  return found
}

/**
 * Every module that a text names: import, export from, import(), import types, declare module.
 * @param {string} text
 */
function importsOf(text) {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\bdeclare\s+module\s*)(['"])([^'"\n]+)\1/g
  return Array.from(text.matchAll(pattern), (match) => match[2])
}

/** @param {string} path */
const roomOf = (path) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '.')

/** @param {string} path */
const floorOf = (path) => floors.findIndex((rooms) => rooms.includes(roomOf(path)))

/** The rules' breaches in lib/ as it is. */
export function check() {
  const names = filesUnder('lib').filter((path) => path.endsWith('.ts'))
  const files = new Map(names.map((path) => [path.slice('lib/'.length), readFileSync(join(root, path), 'utf8')]))
  const broken = brokenArrows(files)
  if (broken.length) throw new Error(broken.join('\n'))
}

await whenStarted(import.meta.url, check)
