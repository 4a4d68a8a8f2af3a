/** @file IDX files, the format of MNIST: a few bytes of header, then big-endian numbers; plain or gzip. Hostile until parsed. */
import { bytesOf } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { fromBuffer } from '../ops/create.ts'
import { isPossibleShape, MAX_RANK, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { lookAt, readChunks } from './read-file.ts'

/** By the third byte of the file. */
const DTYPES: Readonly<Record<number, DType>> = { 8: 'u8', 9: 'i8', 11: 'i16', 12: 'i32', 13: 'f32', 14: 'f64' }

/** Deflate makes at most so many bytes of one. */
const MAX_RATIO = 1032

export interface ReadIdxOptions {
  /** More than this is refused, before it is allocated. Default: 2 GiB. */
  maxBytes?: number
}

/** Reads an IDX file, gzipped or not. FORMAT for one that is damaged or lies. */
export async function readIdx(path: string, options: ReadIdxOptions = {}): Promise<Tensor> {
  checkOptions('readIdx', options, ['maxBytes'])
  const { maxBytes = 2 ** 31 } = options
  const { isGzip, size } = await lookAt('readIdx', path)
  const collector = new Collector(path, Math.min(maxBytes, isGzip ? size * MAX_RATIO : size))
  for await (const chunk of readChunks('readIdx', path)) collector.push(chunk)
  return collector.finish()
}

/** Takes the file's bytes as they come. */
class Collector {
  readonly #path: string
  readonly #maxBytes: number
  #header = new Uint8Array(0)
  #dtype: DType = 'u8'
  #shape: Shape = []
  /** Null until the header is complete. */
  #data: Uint8Array | null = null
  #filled = 0

  constructor(path: string, maxBytes: number) {
    this.#path = path
    this.#maxBytes = maxBytes
  }

  push(chunk: Uint8Array): void {
    const rest = this.#data ? chunk : this.#readHeader(chunk)
    if (!this.#data || rest.length === 0) return
    if (this.#filled + rest.length > this.#data.length)
      this.#refuse(`has more than the ${this.#data.length} bytes of data that its header says.`)
    this.#data.set(rest, this.#filled)
    this.#filled += rest.length
  }

  finish(): Tensor {
    if (!this.#data) return this.#refuse(`ends in its header, after ${this.#header.length} bytes.`)
    if (this.#filled < this.#data.length)
      return this.#refuse(`has ${this.#filled} bytes of data, its header says ${this.#data.length}.`)
    reverseBytes(this.#data, bytesOf(this.#dtype))
    return fromBuffer(this.#data.buffer as ArrayBuffer, this.#shape, this.#dtype)
  }

  /** Gives what is behind the header. */
  #readHeader(chunk: Uint8Array): Uint8Array {
    const bytes = Buffer.concat([this.#header, chunk])
    this.#header = bytes
    if (bytes.length < 4) return bytes.subarray(bytes.length)
    const [zero0, zero1, code, rank] = bytes as unknown as [number, number, number, number]
    if (zero0 !== 0 || zero1 !== 0 || !Object.hasOwn(DTYPES, code)) this.#refuse('does not begin as an IDX file does.')
    if (rank > MAX_RANK) this.#refuse(`has ${rank} dimensions, at most ${MAX_RANK} are possible.`)
    const headerBytes = 4 + 4 * rank
    if (bytes.length < headerBytes) return bytes.subarray(bytes.length)
    this.#dtype = DTYPES[code]!
    this.#shape = Array.from({ length: rank }, (_, i) => bytes.readUInt32BE(4 + 4 * i))
    const dataBytes = sizeOf(this.#shape) * bytesOf(this.#dtype)
    if (dataBytes > this.#maxBytes)
      this.#refuse(
        `says ${showShape(this.#shape)}, ${dataBytes} bytes, more than the ${this.#maxBytes} that are possible or allowed (maxBytes).`,
      )
    if (!isPossibleShape(this.#shape)) this.#refuse(`has an impossible shape, ${showShape(this.#shape)}.`)
    this.#data = new Uint8Array(dataBytes)
    return bytes.subarray(headerBytes)
  }

  #refuse(what: string): never {
    return fail('FORMAT', 'readIdx', `${this.#path}: ${what} It is damaged or not an IDX file.`)
  }
}

/** From big-endian, in place. */
function reverseBytes(data: Uint8Array, width: number): void {
  if (width === 1) return
  for (let i = 0; i < data.length; i += width) data.subarray(i, i + width).reverse()
}
