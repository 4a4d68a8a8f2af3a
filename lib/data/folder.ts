/** @file Folders of data: which files they have, by class, and paths that never lead out of them. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { extname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { checkOptions, fail, TenonError } from '../errors.ts'

export interface FilesInOptions {
  /** Which files, by the ends of their names: ['.jsonl', '.jsonl.gz']. Default: all. */
  extensions?: readonly string[]
  /** Look into folders within. Default: false. */
  recursive?: boolean
  /** Follow symbolic links that lead out of the folder. Default: false, they are errors. */
  followLinks?: boolean
}

/** The files of a folder, sorted by name, as paths. Hidden ones are left out. Throws FORMAT when there is no such folder or no such file in it. */
export async function filesIn(folder: string, options: FilesInOptions = {}): Promise<string[]> {
  checkOptions('filesIn', options, ['extensions', 'recursive', 'followLinks'])
  return findFiles('filesIn', folder, options)
}

/** @internal The same under another name in errors. */
export async function findFiles(op: string, folder: string, options: FilesInOptions): Promise<string[]> {
  const found: string[] = []
  const waiting = [folder]
  const seen = new Set<string>()
  while (waiting.length > 0) {
    const at = waiting.shift()!
    for (const entry of await entriesOf(op, folder, at, options)) {
      if (entry.kind === 'file' && hasExtension(entry.path, options.extensions)) found.push(entry.path)
      // A link may lead to a folder above: each is entered once.
      if (entry.kind !== 'folder' || !options.recursive || seen.has(entry.real)) continue
      seen.add(entry.real)
      waiting.push(entry.path)
    }
  }
  if (found.length === 0)
    fail(
      'FORMAT',
      op,
      `${folder}: has no files${options.extensions ? ` that end in ${options.extensions.join(', ')}` : ''}.`,
    )
  return found.sort(byName)
}

/** Files in folders that are named for their class, as [file, class number]. */
export async function findClasses(
  op: string,
  folder: string,
  options: FilesInOptions,
): Promise<{ files: string[]; labels: number[]; classes: string[] }> {
  const folders = (await entriesOf(op, folder, folder, options))
    .filter((entry) => entry.kind === 'folder')
    .map((entry) => entry.path)
  if (folders.length === 0) fail('FORMAT', op, `${folder}: needs a folder for each class, there is none.`)
  const classes = folders.map((path) => relative(folder, path)).sort(byName)
  const files: string[] = []
  const labels: number[] = []
  for (const [label, name] of classes.entries()) {
    for (const file of await findFiles(op, join(folder, name), { ...options, recursive: true })) {
      files.push(file)
      labels.push(label)
    }
  }
  return { files, labels, classes }
}

/**
 * The path of a name that comes from a file (a manifest, a table): inside the folder, or FORMAT. Use it before opening what a file
 * names.
 */
export function insideFolder(folder: string, name: string): string {
  const path = resolve(folder, name)
  if (isAbsolute(name) || name.includes('\0') || !isInside(resolve(folder), path))
    fail('FORMAT', 'insideFolder', `'${name}' leads out of ${folder}.`)
  return path
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

interface Entry {
  readonly path: string
  readonly real: string
  readonly kind: 'file' | 'folder' | 'other'
}

/** What is in a folder within `root`; links that lead out of `root` are errors. */
async function entriesOf(
  op: string,
  root: string,
  folder: string,
  { followLinks = false }: FilesInOptions,
): Promise<Entry[]> {
  const realRoot = await missing(op, root, realpath(root))
  const list = await missing(op, folder, readdir(folder, { withFileTypes: true }))
  const entries: Entry[] = []
  for (const item of list) {
    if (item.name.startsWith('.')) continue
    const path = join(folder, item.name)
    const isLink = item.isSymbolicLink()
    const real = isLink ? await missing(op, path, realpath(path)) : path
    if (isLink && !followLinks && !isInside(realRoot, real)) {
      fail('FORMAT', op, `${path}: is a link that leads out of ${root}. Allow it with followLinks: true.`)
    }
    const what = isLink ? await stat(real) : item
    entries.push({
      path,
      real: isLink ? real : await realpath(path),
      kind: what.isFile() ? 'file' : what.isDirectory() ? 'folder' : 'other',
    })
  }
  return entries
}

async function missing<R>(op: string, path: string, work: Promise<R>): Promise<R> {
  try {
    return await work
  } catch (error) {
    const code = (error as { code?: string }).code
    const reason =
      code === 'ENOENT'
        ? 'there is no such folder'
        : code === 'ENOTDIR'
          ? 'is not a folder'
          : `cannot be read: ${(error as Error).message}`
    throw new TenonError('FORMAT', op, `${path}: ${reason}.`, { cause: error })
  }
}

function hasExtension(path: string, extensions: readonly string[] | undefined): boolean {
  if (!extensions) return true
  const name = path.toLowerCase()
  return extensions.some((extension) => name.endsWith(extension.toLowerCase()) && extname(name) !== '')
}

/** By code units: the same order on every machine. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
