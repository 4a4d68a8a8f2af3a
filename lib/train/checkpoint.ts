/** @file A checkpoint on disk: a folder with safetensors and one JSON file, whole or not there. Which are kept: checkpoint-folder.ts. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { check, fail, TenonError } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { loadSafetensors, saveSafetensors } from '../io/safetensors.ts'
import type { Tensors } from '../io/safetensors.ts'
import { version } from '../version.ts'

/** What this version writes; it reads this one and older ones. */
export const FORMAT_VERSION = 1
const FORMAT = 'tenon-checkpoint'
const JSON_FILE = 'checkpoint.json'

export interface CheckpointContent {
  /** Each becomes NAME.safetensors. */
  readonly tensors: Readonly<Record<string, Tensors>>
  /** Everything else, as JSON; numbers that JSON does not know included. */
  readonly data: Readonly<Record<string, unknown>>
}

export interface CheckpointRead {
  readonly path: string
  readonly tensors: Readonly<Record<string, Map<string, Tensor>>>
  readonly data: Readonly<Record<string, unknown>>
}

/**
 * Writes a checkpoint: aside, flushed to the disk, and renamed. Until the very end what was at `path` before is there, whole; when
 * writing fails (a full disk, say), it stays.
 */
export async function writeCheckpoint(path: string, { tensors, data }: CheckpointContent): Promise<void> {
  const target = resolve(path)
  const aside = siblingOf(target, 'tmp')
  try {
    await mkdir(dirname(target), { recursive: true })
    await mkdir(aside)
    for (const [name, contents] of Object.entries(tensors)) {
      await saveSafetensors(join(aside, `${name}.safetensors`), contents)
    }
    const head = { format: FORMAT, version: FORMAT_VERSION, tenon: version(), node: process.version }
    const json = { ...head, files: Object.keys(tensors), ...data }
    await writeFlushed(join(aside, JSON_FILE), JSON.stringify(json, encode))
    await flushFolder(aside)
    await moveInto(aside, target)
    await flushFolder(dirname(target))
  } catch (error) {
    await rm(aside, { recursive: true, force: true }).catch(() => {})
    const text = `${path}: the checkpoint cannot be written: ${(error as Error).message}. Earlier ones are as they were.`
    throw new TenonError('FORMAT', 'checkpoint', text, { cause: error })
  }
}

/** Reads a checkpoint. FORMAT, naming the file, for one that is damaged, or newer than this version knows. */
export async function readCheckpoint(path: string): Promise<CheckpointRead> {
  const folder = await findWhole(resolve(path))
  const file = join(folder, JSON_FILE)
  const data = parse(file, await readText(file))
  check(data.format === FORMAT, 'FORMAT', 'checkpoint', () => `${file}: is no checkpoint of tenon.`)
  check(
    Number.isInteger(data.version) && (data.version as number) >= 1 && (data.version as number) <= FORMAT_VERSION,
    'FORMAT',
    'checkpoint',
    () =>
      `${file}: has format version ${String(data.version)}, this tenon reads up to ${FORMAT_VERSION}. Use a newer one.`,
  )
  const names: unknown = data.files
  check(
    Array.isArray(names) && names.every((name) => typeof name === 'string' && /^[a-z]+$/.test(name)),
    'FORMAT',
    'checkpoint',
    () => `${file}: 'files' must be a list of names.`,
  )
  const tensors: Record<string, Map<string, Tensor>> = {}
  for (const name of names as string[]) tensors[name] = await loadSafetensors(join(folder, `${name}.safetensors`))
  return { path: folder, tensors, data }
}

/** Its JSON alone; null if there is no checkpoint. */
export async function peekCheckpoint(path: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const file = join(path, JSON_FILE)
    return parse(file, await readFile(file, 'utf8'))
  } catch {
    return null
  }
}

export async function isCheckpoint(path: string): Promise<boolean> {
  return exists(join(path, JSON_FILE))
}

/** Takes a folder away at once: one that is being deleted is not mistaken for a whole one. */
export async function removeCheckpoint(path: string): Promise<void> {
  const aside = siblingOf(resolve(path), 'del')
  await rename(path, aside)
  await rm(aside, { recursive: true, force: true })
}

/** Deletes what an interrupted write or removal has left in a folder of checkpoints. */
export async function cleanUp(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const left = LEFT_OVER.exec(name)
    if (!left) continue
    // An old one whose successor did not arrive is all there is.
    if (left[2] === 'old' && !(await exists(join(folder, left[1]!))))
      await rename(join(folder, name), join(folder, left[1]!))
    else await rm(join(folder, name), { recursive: true, force: true })
  }
}

const LEFT_OVER = /^\.(.+)\.[0-9a-f]{12}\.(tmp|old|del)$/

const siblingOf = (path: string, kind: string) =>
  join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.${kind}`)

/** There is no exchange of two folders: for a moment the old one has another name, under which it is found. */
async function moveInto(aside: string, target: string): Promise<void> {
  if (!(await exists(target))) return rename(aside, target)
  const old = siblingOf(target, 'old')
  await rename(target, old)
  try {
    await rename(aside, target)
  } catch (error) {
    await rename(old, target)
    throw error
  }
  await rm(old, { recursive: true, force: true })
}

async function findWhole(path: string): Promise<string> {
  if (await exists(path)) return path
  const name = basename(path)
  for (const other of await readdir(dirname(path)).catch(() => [])) {
    const left = LEFT_OVER.exec(other)
    if (left?.[1] === name && left[2] === 'old') return join(dirname(path), other)
  }
  return fail('FORMAT', 'checkpoint', `${path}: there is no such folder.`)
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const text = `${file}: cannot be read: ${(error as Error).message}.`
    throw new TenonError('FORMAT', 'checkpoint', text, { cause: error })
  }
}

/** Every number comes back as it was. */
function encode(_: string, value: unknown): unknown {
  if (typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))) return value
  return { $number: Object.is(value, -0) ? '-0' : String(value) }
}

function decode(_: string, value: unknown): unknown {
  const text = (value as { $number?: unknown } | null)?.$number
  return typeof text === 'string' ? Number(text) : value
}

function parse(file: string, text: string): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(text, decode)
    if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data as Record<string, unknown>
  } catch (error) {
    throw new TenonError('FORMAT', 'checkpoint', `${file}: is not JSON: ${(error as Error).message}.`, { cause: error })
  }
  return fail('FORMAT', 'checkpoint', `${file}: must hold an object.`)
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Names in a folder are on the disk only once the folder is flushed too. Windows has no way to, and no need. */
async function flushFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
