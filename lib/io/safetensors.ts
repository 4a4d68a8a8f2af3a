/** @file safetensors files: named tensors behind a JSON header. Follows the format's public description; files are hostile until parsed. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { arrayOf } from '../dtype.ts'
import { fail, TenonError } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import { detach } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { fromBuffer } from '../ops/create.ts'
import { asTensor } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { encodeHeader, parseHeader, parsePrefix, PREFIX_BYTES } from './safetensors-header.ts'
import type { Entry, Header } from './safetensors-header.ts'

/** Tensors by name, as files and state dicts have them. */
export type Tensors = ReadonlyMap<string, TensorLike> | Readonly<Record<string, TensorLike>>

export interface SafetensorsInfo {
  /** Free texts by name. */
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: readonly Entry[]
}

/** Reads a safetensors file. FORMAT, naming file and entry, for one that is damaged or lies. */
export async function loadSafetensors(path: string): Promise<Map<string, Tensor>> {
  return withFile(path, async (file) => {
    const { header, dataStart } = await readHeader(path, file)
    const tensors = new Map<string, Tensor>()
    for (const entry of header.entries) {
      const buffer = await readExactly(path, file, dataStart + entry.begin, entry.end - entry.begin)
      tensors.set(entry.name, tensorOf(path, entry, buffer))
    }
    return tensors
  })
}

/** What a safetensors file holds, without reading the numbers. */
export async function inspectSafetensors(path: string): Promise<SafetensorsInfo> {
  return withFile(path, async (file) => {
    const { header } = await readHeader(path, file)
    return { metadata: header.metadata, tensors: header.entries }
  })
}

/** The same as loadSafetensors, of bytes in memory; `name` is what errors call them. */
export function parseSafetensors(bytes: Uint8Array, name = 'safetensors'): Map<string, Tensor> {
  const headerBytes = parsePrefix(name, bytes.subarray(0, PREFIX_BYTES), bytes.length)
  const dataStart = PREFIX_BYTES + headerBytes
  const { entries } = parseHeader(name, bytes.subarray(PREFIX_BYTES, dataStart), bytes.length - dataStart)
  return new Map(
    entries.map((entry) => {
      // Not bytes.slice(): a Buffer's shares its memory.
      const copy = new Uint8Array(bytes.subarray(dataStart + entry.begin, dataStart + entry.end))
      return [entry.name, tensorOf(name, entry, copy.buffer)]
    }),
  )
}

/**
 * Writes tensors (a state dict, say), all as they are at this moment, with free texts beside them. The file appears as a whole or not at
 * all: it is written aside in the same folder, flushed, and then renamed.
 */
export async function saveSafetensors(
  path: string,
  tensors: Tensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const named: [string, TensorLike][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors)
  // A variable's content is copied: it may be written while the file is.
  const contents = named.map(([, t]) => (t instanceof Variable ? detach(t.read()) : asTensor('saveSafetensors', t)))
  const { header, order } = encodeHeader(
    named.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    metadata,
  )
  await evaluate(...contents)
  const buffers = contents.map((t) => t.value!.buffer)
  await writeAside(path, [header, ...order.map((i) => new Uint8Array(buffers[i]!))])
}

async function readHeader(path: string, file: FileHandle): Promise<{ header: Header; dataStart: number }> {
  const { size } = await file.stat()
  const prefix = await readExactly(path, file, 0, Math.min(size, PREFIX_BYTES))
  const headerBytes = parsePrefix(path, new Uint8Array(prefix), size)
  const dataStart = PREFIX_BYTES + headerBytes
  const text = await readExactly(path, file, PREFIX_BYTES, headerBytes)
  return { header: parseHeader(path, new Uint8Array(text), size - dataStart), dataStart }
}

function tensorOf(file: string, { name, dtype, shape }: Entry, buffer: ArrayBuffer): Tensor {
  if (dtype === 'bool' && (arrayOf('u8', buffer) as Uint8Array).some((byte) => byte > 1)) {
    fail('FORMAT', 'safetensors', `${file}: '${name}' is BOOL but has bytes other than 0 and 1.`)
  }
  return fromBuffer(buffer, shape, dtype)
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'r').catch((error: Error) => {
    throw new TenonError('FORMAT', 'safetensors', `${path}: cannot be opened: ${error.message}.`, { cause: error })
  })
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** The file's size was checked before, but it may have changed since. */
async function readExactly(path: string, file: FileHandle, position: number, bytes: number): Promise<ArrayBuffer> {
  const buffer = new ArrayBuffer(bytes)
  for (let done = 0; done < bytes;) {
    // One call reads less than 2 GiB.
    const { bytesRead } = await file.read(
      new Uint8Array(buffer),
      done,
      Math.min(bytes - done, 2 ** 30),
      position + done,
    )
    if (bytesRead === 0) fail('FORMAT', 'safetensors', `${path}: ended at byte ${position + done} while it was read.`)
    done += bytesRead
  }
  return buffer
}

async function writeAside(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  const file = await open(aside, 'wx')
  try {
    try {
      for (const piece of pieces) await writeAll(file, piece)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, path)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 2 ** 30))
    done += bytesWritten
  }
}
