/** @file Reads mutants of a format, one after the other, and looks at how each of them ends. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve, sep } from 'node:path'
import { TenonError } from '../../lib/index.ts'
import { bytesOf, Link, NAME } from './format.ts'
import type { Files, Format, Place } from './format.ts'
import { pick, randomOf } from './mutate.ts'
import { pretend, takeOpened, watchFiles } from './watch.ts'

/** How many ended how. */
export interface Ends {
  loaded: number
  /** Refused by what comes behind the header, or by what runs it. */
  late: number
  /** Refused in the header. */
  early: number
}

export interface Hunt {
  readonly seed: number
  /** The first mutant. */
  readonly first: number
  readonly runs: number
  /** Before each mutant. */
  readonly onMutant?: (mutant: number, ends: Readonly<Ends>) => void
  /** What may not happen, with the mutant. */
  readonly onFind: (find: Error, mutant: number) => void
}

const MAX_SECONDS = 5
/** Beside the folder of a mutant: nobody may read it. */
const OUTSIDE = ['outside.bin', 'outside.safetensors']

/** The mutant of this number. */
export function mutantOf(format: Format, seed: number, mutant: number): Files {
  const random = randomOf(seed, mutant)
  const good = pick(format.good, random)
  for (;;) {
    const files = format.mutate(good, random)
    if (Object.keys(files).some((name) => !isSame(files[name], good[name]))) return files
  }
}

const isSame = (a: Files[string] | undefined, b: Files[string] | undefined): boolean =>
  a === b || (a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0)

export async function hunt(format: Format, { seed, first, runs, onMutant, onFind }: Hunt): Promise<Ends> {
  watchFiles()
  const place = new Places(format)
  const ends: Ends = { loaded: 0, late: 0, early: 0 }
  try {
    for (const good of format.good) {
      const error = (await endOf(format, place.put(good))).error
      if (error) throw new Error(`${format.name}: a good file is refused`, { cause: error })
    }
    for (let mutant = first; mutant < first + runs; mutant++) {
      onMutant?.(mutant, ends)
      const at = place.put(mutantOf(format, seed, mutant))
      const start = performance.now()
      takeOpened()
      const { end, error } = await endOf(format, at)
      ends[end]++
      const find = error === null ? null : complaintAbout(format, end, error, at)
      const seconds = (performance.now() - start) / 1000
      if (find) onFind(find, mutant)
      else if (seconds > MAX_SECONDS) onFind(new Error(`took ${seconds} s`), mutant)
      const stray = takeOpened().find((path) => place.isOutside(path))
      if (stray !== undefined) onFind(new Error(`opened ${stray}`), mutant)
    }
  } finally {
    place.remove()
  }
  return ends
}

async function endOf(format: Format, place: Place): Promise<{ end: keyof Ends; error: unknown }> {
  let end: keyof Ends = 'early'
  try {
    const opened = await format.open(place)
    end = 'late'
    await format.use(opened, place)
    return { end: 'loaded', error: null }
  } catch (error) {
    return { end, error }
  }
}

/** What is wrong with how a mutant was refused. */
function complaintAbout(format: Format, end: keyof Ends, error: unknown, { folder }: Place): Error | null {
  if (!(error instanceof TenonError)) return error instanceof Error ? error : new Error(String(error))
  const others = format.codes?.[end === 'early' ? 'open' : 'use'] ?? []
  if (others.includes(error.code)) return null
  if (error.code !== 'FORMAT') return error
  // What runs a graph names the node instead.
  const isSaid = error.message.includes(folder === '' ? NAME : folder) || (end === 'late' && others.length > 0)
  return isSaid ? null : new Error(`does not say which file: ${error.message}`, { cause: error })
}

/** The folder of the mutant at hand. */
class Places {
  readonly #root = realpathSync(mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tenon-fuzz-')))
  readonly #folder = join(this.#root, NAME)
  readonly #lies: Format['lies']
  #files: Files = {}

  constructor({ lies }: Format) {
    this.#lies = lies
    if (lies !== 'disk') return
    mkdirSync(this.#folder)
    for (const name of OUTSIDE) writeFileSync(join(this.#root, name), 'SECRET'.repeat(20))
  }

  put(files: Files): Place {
    const bytes = new Uint8Array(0)
    if (this.#lies === 'disk') this.#write(files)
    else if (this.#lies === 'folder')
      pretend(this.#folder, new Map(Object.keys(files).map((name) => [join(this.#folder, name), bytesOf(files, name)])))
    else return { bytes: bytesOf(files), folder: '', files }
    return { bytes, folder: this.#folder, files }
  }

  /** What is the same stays; what changes is not written over, for it may be mapped still. */
  #write(files: Files): void {
    const others = (a: Files, b: Files) => Object.entries(a).filter(([name, content]) => content !== b[name])
    for (const [name] of others(this.#files, files)) unlinkSync(join(this.#folder, name))
    for (const [name, content] of others(files, this.#files)) {
      const path = join(this.#folder, name)
      if (content instanceof Link) symlinkSync(content.to, path)
      else writeFileSync(path, content)
    }
    this.#files = files
  }

  /** Through links too. */
  isOutside(path: string): boolean {
    const real = this.#lies === 'disk' ? realPath(path) : resolve(path)
    return real !== this.#folder && !real.startsWith(this.#folder + sep)
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }
}

/** Of a file that is not there the name decides. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}
