/** @file Where a file's bytes come from: a file on disk, read piece by piece or mapped, or bytes in memory. */
import { open } from 'node:fs/promises'
import { arrayOf, bytesOf } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { mappedTensor, mapStorage } from '../engine/mapped.ts'
import { fail, TenonError } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { fromBuffer } from '../ops/create.ts'
import { sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

/** Smaller tensors are copied: a mapping costs a call and at least a page. */
const MAP_FROM = 1 << 16
/** One call reads less than 2 GiB. */
const MAX_READ = 2 ** 30

export interface OpenOptions {
  /** Show large tensors where they lie in the file, which must stay as it is while they are used; false copies them. Default: true. */
  mmap?: boolean
}

export interface Source {
  /** The format, as errors begin. */
  readonly op: string
  /** What errors call the file. */
  readonly name: string
  readonly size: number
  /** Bytes in a buffer of their own. FORMAT when they are not all there. */
  read(position: number, bytes: number): Promise<Uint8Array<ArrayBuffer>>
  /** Storage that shows them, or undefined. */
  map(position: number, bytes: number): unknown
  close(): Promise<void>
}

/** Throws FORMAT with the file's name. */
export function refuse({ op, name }: Pick<Source, 'op' | 'name'>, what: string): never {
  return fail('FORMAT', op, `${name}: ${what}`)
}

/** Opens a file. FORMAT where there is none. */
export async function fileSource(op: string, path: string, { mmap = true }: OpenOptions = {}): Promise<Source> {
  const cannot = (error: unknown): never => {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'cannot be opened: there is no such file' : `cannot be opened: ${message}`
    throw new TenonError('FORMAT', op, `${path}: ${reason}.`, { cause: error })
  }
  const file = await open(path, 'r').catch(cannot)
  const stat = await file.stat()
  if (!stat.isFile()) {
    await file.close()
    return fail('FORMAT', op, `${path}: is not a file.`)
  }
  let mapped: unknown
  const source: Source = {
    op,
    name: path,
    size: stat.size,
    async read(position, bytes) {
      checkRange(source, position, bytes)
      const buffer = new Uint8Array(bytes)
      for (let done = 0; done < bytes;) {
        const { bytesRead } = await file.read(buffer, done, Math.min(bytes - done, MAX_READ), position + done)
        // The size was checked before, but it may have changed since.
        if (bytesRead === 0) refuse(source, `ended at byte ${position + done} while it was read.`)
        done += bytesRead
      }
      return buffer
    },
    map(position, bytes) {
      if (!mmap) return undefined
      const storage = mapStorage(mapped ?? file.fd, position, bytes)
      mapped ??= storage
      return storage
    },
    close: () => file.close(),
  }
  return source
}

/** Bytes in memory; `name` is what errors call them. */
export function bytesSource(op: string, name: string, bytes: Uint8Array): Source {
  return {
    op,
    name,
    size: bytes.length,
    read(position, length) {
      checkRange(this, position, length)
      // Not bytes.slice(): a Buffer's shares its memory.
      return Promise.resolve(new Uint8Array(bytes.subarray(position, position + length)))
    },
    map: () => undefined,
    close: () => Promise.resolve(),
  }
}

function checkRange(source: Source, position: number, bytes: number): void {
  const isInside = position >= 0 && bytes >= 0 && position + bytes <= source.size
  if (!isInside)
    refuse(source, `ends at byte ${source.size}, where bytes ${position} to ${position + bytes} are needed.`)
}

/** A tensor whose bytes lie at `position`, row-major: mapped where that pays and is aligned, else copied. */
export async function tensorAt(
  source: Source,
  position: number,
  shape: Shape,
  dtype: DType,
  name: string,
): Promise<Tensor> {
  const bytes = sizeOf(shape) * bytesOf(dtype)
  if (bytes >= MAP_FROM && dtype !== 'bool' && position % bytesOf(dtype) === 0) {
    checkRange(source, position, bytes)
    const storage = source.map(position, bytes)
    if (storage !== undefined) return mappedTensor(storage, shape, dtype)
  }
  const { buffer } = await source.read(position, bytes)
  checkBooleans(source, name, dtype, buffer)
  return fromBuffer(buffer, shape, dtype)
}

/** The engine takes booleans to be 0 or 1. */
export function checkBooleans(
  source: Pick<Source, 'op' | 'name'>,
  name: string,
  dtype: DType,
  buffer: ArrayBuffer,
): void {
  if (dtype === 'bool' && (arrayOf('u8', buffer) as Uint8Array).some((byte) => byte > 1)) {
    refuse(source, `'${name}' is BOOL but has bytes other than 0 and 1.`)
  }
}
