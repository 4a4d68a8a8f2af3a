/** @file The header of GGUF files, versions 2 and 3: metadata and where the tensors lie. Checked in full; nothing is allocated for what a count claims. */
import { bytesOf } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { fail } from '../errors.ts'
import { BLOCKS } from '../ops/blocks.ts'
import type { BlockEncoding } from '../ops/blocks.ts'
import { isPossibleShape, MAX_RANK, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export interface GgufEntry {
  readonly dtype: DType
  readonly shape: Shape
  /** Missing: plain. */
  readonly encoding?: BlockEncoding
  /** Counted from where the data begins. */
  readonly begin: number
  readonly bytes: number
}

export interface GgufHeader {
  readonly version: number
  readonly metadata: ReadonlyMap<string, unknown>
  readonly tensors: ReadonlyMap<string, GgufEntry>
  readonly dataStart: number
}

/** The header needs more bytes than were given. */
export class TooShort extends Error {}

const MAGIC = 0x46554747
const MAX_NESTING = 4
const MAX_ALIGNMENT = 2 ** 20

/** By ggml's numbers. */
export const PLAIN: ReadonlyMap<number, DType> = new Map([
  [0, 'f32'],
  [1, 'f16'],
  [24, 'i8'],
  [25, 'i16'],
  [26, 'i32'],
  [27, 'i64'],
  [28, 'f64'],
  [30, 'bf16'],
])
export const BLOCKED: ReadonlyMap<number, BlockEncoding> = new Map([
  [2, 'q4_0'],
  [8, 'q8_0'],
  [12, 'q4_K'],
  [14, 'q6_K'],
])

/** Reads the header from the first bytes of a file of `size`. Throws TooShort when they are not enough, FORMAT when the file is. */
export function parseGguf(name: string, bytes: Uint8Array, size: number): GgufHeader {
  return new Reader(name, bytes, size).run()
}

class Reader {
  readonly #name: string
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #size: number
  #at = 0

  constructor(name: string, bytes: Uint8Array, size: number) {
    this.#name = name
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#size = size
  }

  run(): GgufHeader {
    if (this.#size < 4 || this.#u32() !== MAGIC) this.#refuse('does not begin as a GGUF file does.')
    const version = this.#u32()
    if (version !== 2 && version !== 3) this.#refuse(`is of version ${version} of the format; 2 and 3 are known.`)
    const numTensors = this.#count('tensors', 24)
    const numItems = this.#count('items of metadata', 13)
    const metadata = new Map<string, unknown>()
    for (let i = 0; i < numItems; i++) {
      const key = this.#text()
      if (metadata.has(key)) this.#refuse(`'${key}' is in its metadata twice.`)
      metadata.set(key, this.#value(this.#u32(), 0))
    }
    const alignment = metadata.get('general.alignment') ?? 32
    const isAlignment = typeof alignment === 'number' && Number.isInteger(alignment) && alignment > 0
    if (!isAlignment || alignment > MAX_ALIGNMENT) return this.#refuse(`its data is aligned to ${String(alignment)}.`)
    const tensors = new Map<string, GgufEntry>()
    for (let i = 0; i < numTensors; i++) {
      const name = this.#text()
      if (tensors.has(name)) this.#refuse(`'${name}' is there twice.`)
      tensors.set(name, this.#entry(name, alignment))
    }
    const dataStart = Math.ceil(this.#at / alignment) * alignment
    let end = 0
    for (const [name, { begin, bytes }] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin)) {
      if (begin < end) this.#refuse(`'${name}' begins at byte ${begin} of its data, within the tensor before it.`)
      end = begin + bytes
      if (begin + bytes > this.#size - dataStart)
        this.#refuse(
          `'${name}' lies at [${begin}, ${begin + bytes}) of ${Math.max(0, this.#size - dataStart)} bytes of data.`,
        )
    }
    return { version, metadata, tensors, dataStart }
  }

  #entry(name: string, alignment: number): GgufEntry {
    const rank = this.#u32()
    if (rank > MAX_RANK) this.#refuse(`'${name}' has ${rank} dimensions, at most ${MAX_RANK} are possible.`)
    const sizes = Array.from({ length: rank }, () => this.#u64())
    // The fastest axis comes first there.
    const shape = sizes.reverse()
    const type = this.#u32()
    const begin = this.#u64()
    const encoding = BLOCKED.get(type)
    const dtype = encoding ? 'f32' : PLAIN.get(type)
    if (!dtype)
      return this.#refuse(`'${name}' is of ggml's type ${type}; f32, f16, bf16, q8_0, q4_0, q4_K and q6_K can be read.`)
    const elements = sizeOf(shape)
    if (!isPossibleShape(shape)) this.#refuse(`'${name}' has an impossible shape, ${showShape(shape)}.`)
    if (begin % alignment !== 0)
      this.#refuse(`'${name}' begins at byte ${begin}, which is no multiple of ${alignment}.`)
    if (!encoding) return { dtype, shape, begin, bytes: elements * bytesOf(dtype) }
    const [inBlock, blockBytes] = BLOCKS[encoding]
    const last = shape[shape.length - 1] ?? 0
    if (elements === 0 || last % inBlock !== 0)
      this.#refuse(`'${name}' ${showShape(shape)} is no whole blocks of ${encoding}.`)
    return { dtype, shape, encoding, begin, bytes: (elements / inBlock) * blockBytes }
  }

  #value(type: number, depth: number): unknown {
    switch (type) {
      case 0:
        return this.#take(1).getUint8(0)
      case 1:
        return this.#take(1).getInt8(0)
      case 2:
        return this.#take(2).getUint16(0, true)
      case 3:
        return this.#take(2).getInt16(0, true)
      case 4:
        return this.#u32()
      case 5:
        return this.#take(4).getInt32(0, true)
      case 6:
        return this.#take(4).getFloat32(0, true)
      case 7:
        return this.#take(1).getUint8(0) !== 0
      case 8:
        return this.#text()
      case 9:
        return this.#list(depth)
      case 10:
        return narrowed(this.#take(8).getBigUint64(0, true))
      case 11:
        return narrowed(this.#take(8).getBigInt64(0, true))
      case 12:
        return this.#take(8).getFloat64(0, true)
      default:
        return this.#refuse(`a value of its metadata is of type ${type}, which is not known.`)
    }
  }

  #list(depth: number): unknown[] {
    if (depth >= MAX_NESTING) this.#refuse('lists in its metadata are nested too deep.')
    const type = this.#u32()
    const length = this.#count('values of a list', 1)
    const values: unknown[] = []
    for (let i = 0; i < length; i++) values.push(this.#value(type, depth + 1))
    return values
  }

  /** A number of things of at least so many bytes each: the file has room for them. */
  #count(what: string, least: number): number {
    const count = this.#u64()
    if (count * least > this.#size - this.#at) this.#refuse(`says that it has ${count} ${what}, more than fit into it.`)
    return count
  }

  #text(): string {
    const length = this.#count('bytes in a text', 1)
    const { buffer, byteOffset } = this.#take(length)
    return new TextDecoder().decode(new Uint8Array(buffer, byteOffset, length))
  }

  #u32 = () => this.#take(4).getUint32(0, true)
  /** Beyond 2^53 it is inexact, but then beyond any file. */
  #u64 = () => Number(this.#take(8).getBigUint64(0, true))

  #take(n: number): DataView {
    if (n > this.#size - this.#at) this.#refuse(`ends in its header, at byte ${this.#at}.`)
    if (n > this.#bytes.length - this.#at) throw new TooShort()
    const view = new DataView(this.#view.buffer, this.#view.byteOffset + this.#at, n)
    this.#at += n
    return view
  }

  #refuse(what: string): never {
    return fail('FORMAT', 'gguf', `${this.#name}: ${what}`)
  }
}

const narrowed = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)
