/** @file safetensors files: named tensors behind a JSON header. Follows the format's public description; files are hostile until parsed. */
import { checkOptions } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import { mappedSource } from '../engine/mapped.ts'
import { detach } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { fromBuffer } from '../ops/create.ts'
import { asTensor } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import { encodeHeader, parseHeader, parsePrefix, PREFIX_BYTES } from './safetensors-header.ts'
import type { Entry, Header } from './safetensors-header.ts'
import { checkBooleans, fileSource, tensorAt } from './source.ts'
import type { OpenOptions, Source } from './source.ts'
import { readAndClose, TensorFile } from './tensor-file.ts'
import { writeAside } from './write-aside.ts'

/** Tensors by name, as files and state dicts have them. */
export type Tensors = ReadonlyMap<string, TensorLike> | Readonly<Record<string, TensorLike>>

export interface SafetensorsInfo {
  /** Free texts by name. */
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: readonly Entry[]
}

/**
 * Reads a safetensors file. Large tensors are not copied but mapped, and read from the file when they are computed with
 * (`mmap: false` copies them). FORMAT, naming file and entry, for one that is damaged or lies.
 */
export async function loadSafetensors(path: string, options: OpenOptions = {}): Promise<Map<string, Tensor>> {
  return readAndClose(openSafetensors(path, options))
}

/** Opens a safetensors file: its header is read and checked, its tensors one by one when they are asked for. */
export async function openSafetensors(path: string, options: OpenOptions = {}): Promise<TensorFile> {
  checkOptions('safetensors', options, ['mmap'])
  return safetensorsOf(await fileSource('safetensors', path, options))
}

/** @internal The same of an open source, which is closed when it is no such file. */
export async function safetensorsOf(source: Source): Promise<TensorFile> {
  try {
    const { header, dataStart } = await readHeader(source)
    const entries = new Map(header.entries.map((entry) => [entry.name, entry]))
    return new TensorFile({
      format: 'safetensors',
      path: source.name,
      metadata: header.metadata,
      tensors: entries,
      read: (name) => {
        const { begin, shape, dtype } = entries.get(name)!
        return tensorAt(source, dataStart + begin, shape, dtype, name)
      },
      close: () => source.close(),
    })
  } catch (error) {
    await source.close()
    throw error
  }
}

/** What a safetensors file holds, without reading the numbers. */
export async function inspectSafetensors(path: string): Promise<SafetensorsInfo> {
  const source = await fileSource('safetensors', path)
  try {
    const { header } = await readHeader(source)
    return { metadata: header.metadata, tensors: header.entries }
  } finally {
    await source.close()
  }
}

/** The same as loadSafetensors, of bytes in memory; `name` is what errors call them. */
export function parseSafetensors(bytes: Uint8Array, name = 'safetensors'): Map<string, Tensor> {
  const headerBytes = parsePrefix(name, bytes.subarray(0, PREFIX_BYTES), bytes.length)
  const dataStart = PREFIX_BYTES + headerBytes
  const { entries } = parseHeader(name, bytes.subarray(PREFIX_BYTES, dataStart), bytes.length - dataStart)
  return new Map(
    entries.map((entry) => {
      // Not bytes.slice(): a Buffer's shares its memory.
      const { buffer } = new Uint8Array(bytes.subarray(dataStart + entry.begin, dataStart + entry.end))
      checkBooleans({ op: 'safetensors', name }, entry.name, entry.dtype, buffer)
      return [entry.name, fromBuffer(buffer, entry.shape, entry.dtype)]
    }),
  )
}

export interface SaveOptions {
  /**
   * Compute and write piece by piece, in memory for a few pieces only. A variable that is written meanwhile makes it fail, with STALE
   * and no file. Default: false, everything is copied first.
   */
  stream?: boolean
}

/**
 * Writes tensors (a state dict, say), all as they are at this moment, with free texts beside them. The file appears as a whole or not at
 * all: it is written aside in the same folder, flushed, and then renamed.
 */
export async function saveSafetensors(
  path: string,
  tensors: Tensors,
  metadata: Readonly<Record<string, string>> = {},
  options: SaveOptions = {},
): Promise<void> {
  checkOptions('saveSafetensors', options, ['stream'])
  const named = namedTensors('saveSafetensors', tensors)
  const { header, order } = encodeHeader(
    named.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    metadata,
  )
  const contents = named.splice(0).map(([, t]) => t)
  if (!options.stream) await evaluate(...contents)
  await writeAside(path, piecesOf(header, order, contents))
}

/** Contents in the order of a file, computed where they are not yet; each is let go once it is written. */
async function* piecesOf(header: Uint8Array, order: readonly number[], contents: Tensor[]): AsyncGenerator<Uint8Array> {
  const waiting: (Tensor | null)[] = contents.splice(0)
  yield header
  for (const i of order) {
    await evaluate(waiting[i]!)
    yield new Uint8Array(waiting[i]!.value!.buffer)
    waiting[i] = null
  }
}

/** @internal Names and contents; a variable's is what it is now, to be copied: it may be written while the file is. */
export function namedTensors(op: string, tensors: Tensors): [string, Tensor][] {
  return entriesOf(tensors).map(([name, given]) => {
    const t = asTensor(op, given)
    // What is mapped would be kept as a copy, too.
    return [name, given instanceof Variable || mappedSource(t) ? detach(t) : t]
  })
}

/** @internal */
export const entriesOf = (tensors: Tensors): [string, TensorLike][] =>
  tensors instanceof Map ? [...tensors] : Object.entries(tensors)

async function readHeader(source: Source): Promise<{ header: Header; dataStart: number }> {
  const { name, size } = source
  const prefix = await source.read(0, Math.min(size, PREFIX_BYTES))
  const headerBytes = parsePrefix(name, prefix, size)
  const dataStart = PREFIX_BYTES + headerBytes
  const text = await source.read(PREFIX_BYTES, headerBytes)
  return { header: parseHeader(name, text, size - dataStart), dataStart }
}
