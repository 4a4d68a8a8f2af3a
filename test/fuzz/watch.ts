/**
 * @file Which files this process opens, and folders that are only pretended: reading a small file of a real one costs a hundred times as much as
 * parsing it. What opens by callback, by promise or at once is seen; mapping takes an open file.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'

let seen: string[] = []
let pretended: { folder: string; files: ReadonlyMap<string, Uint8Array> } | null = null

/** The functions that tenon reads files with, as far as they take a path. */
const PROMISES = ['open', 'readFile', 'readdir', 'stat'] as const
const REAL_ONLY = ['writeFile', 'copyFile', 'rm', 'rename', 'mkdir', 'access'] as const
const OTHERS = [
  'open',
  'openSync',
  'readFile',
  'readFileSync',
  'createReadStream',
  'readdirSync',
  'createWriteStream',
] as const

type Call = (path: unknown, ...rest: unknown[]) => unknown

let isWatching = false

/** From now on every opening is noted. Modules that are loaded late should be loaded before. */
export function watchFiles(): void {
  if (isWatching) return
  isWatching = true
  for (const name of [...PROMISES, ...REAL_ONLY]) watch(fs.promises as never, name, name === 'stat')
  for (const name of OTHERS) watch(fs as never, name, false)
  syncBuiltinESMExports()
}

function watch(holder: Record<string, Call>, name: string, isHarmless: boolean): void {
  const original = holder[name]!
  holder[name] = function (this: unknown, path: unknown, ...rest: unknown[]) {
    if (typeof path === 'string') {
      if (!isHarmless) seen.push(path)
      const isPretended = pretended !== null && (path === pretended.folder || dirname(path) === pretended.folder)
      if (isPretended && Object.hasOwn(substitutes, name)) return substitutes[name]!(path, ...rest)
    }
    return original.call(this, path, ...rest)
  }
}

/** What was opened since the last time. */
export function takeOpened(): readonly string[] {
  const taken = seen
  seen = []
  return taken
}

/** Files by their whole path, in a folder that has nothing else. */
export function pretend(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  pretended = { folder, files }
}

const statOf = (path: string) => {
  const bytes = pretended!.files.get(path)
  if (!bytes && path !== pretended!.folder) throw missing(path)
  return { size: bytes?.length ?? 0, isFile: () => bytes !== undefined, isDirectory: () => bytes === undefined }
}

function contentOf(path: string): Uint8Array {
  return pretended!.files.get(path) ?? fail(missing(path))
}

function fail(error: Error): never {
  throw error
}

const missing = (path: string): Error =>
  Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' })

/** As much of a file handle as readers use. */
function handleOf(path: string): object {
  const bytes = contentOf(path)
  return {
    fd: -1,
    stat: async () => statOf(path),
    close: async () => {},
    readFile: async () => Buffer.from(bytes),
    read: async (buffer: Uint8Array, offset: number, length: number, position: number) => {
      const part = bytes.subarray(position, position + length)
      buffer.set(part, offset)
      return { bytesRead: part.length, buffer }
    },
  }
}

const substitutes: Readonly<Record<string, (path: string, ...rest: unknown[]) => unknown>> = {
  open: async (path) => handleOf(path),
  stat: async (path) => statOf(path),
  readFile: async (path, encoding) => {
    const bytes = Buffer.from(contentOf(path))
    return encoding === 'utf8' ? bytes.toString('utf8') : bytes
  },
  readdir: async () => Array.from(pretended!.files.keys(), (path) => path.slice(pretended!.folder.length + 1)),
  createReadStream: (path) => Readable.from([Buffer.from(contentOf(path))]),
}
