/** @file Writing GGUF files, version 3: metadata, plain tensors, and matrices as blocks. */
import type { DType } from '../dtype.ts'
import { bytesOf, isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import { detach } from '../graph/gradient.ts'
import { Tensor } from '../graph/tensor.ts'
import { BlockVariable, fillsBlocks } from '../ops/block-variable.ts'
import { blocksOf, checkEncoding, quantizeBlocks } from '../ops/blocks.ts'
import type { BlockEncoding } from '../ops/blocks.ts'
import { cast } from '../ops/table.ts'
import type { TensorLike } from '../ops/table.ts'
import type { Shape } from '../shape.ts'
import { BLOCKED, PLAIN } from './gguf-header.ts'
import { entriesOf, namedTensors } from './safetensors.ts'
import type { SaveOptions, Tensors } from './safetensors.ts'
import { writeAside } from './write-aside.ts'

/** An integer number is written as u32 (i32 below 0), another one, and `{ f32 }`, as f32. */
export type GgufValue =
  string | boolean | number | { readonly f32: number } | readonly string[] | Float32Array | Int32Array

export interface SaveGgufOptions extends SaveOptions {
  /** What the file says of the model besides: 'general.architecture' and so on. */
  metadata?: Readonly<Record<string, GgufValue>>
  /**
   * What matrices of floats become: blocks (where their rows are whole blocks; f16 else), or a dtype. Vectors become f32 then. Default: null, all
   * stay what they are.
   */
  quantize?: BlockEncoding | 'f32' | 'f16' | 'bf16' | null
  /** Whether a tensor is quantised; the others become f32. Default: matrices are. */
  only?: (name: string, shape: Shape) => boolean
}

const ALIGNMENT = 32
const kindOf = <T>(numbers: ReadonlyMap<number, T>, wanted: T): number | undefined =>
  [...numbers].find(([, item]) => item === wanted)?.[0]

/** A tensor as it lies in the file. */
interface Item {
  readonly name: string
  readonly shape: Shape
  readonly type: number
  readonly bytes: number
  content: Tensor | null
}

/**
 * Writes tensors as a GGUF file. Quantised ones (of such a file, of a quantised model) keep their blocks. DTYPE for what the format does not
 * have. The file appears as a whole or not at all.
 */
export async function saveGguf(path: string, tensors: Tensors, options: SaveGgufOptions = {}): Promise<void> {
  checkOptions('saveGguf', options, ['metadata', 'quantize', 'only', 'stream'])
  const { metadata = {}, quantize = null, only = (_, shape) => shape.length === 2, stream = false } = options
  const plain = quantize === 'f32' || quantize === 'f16' || quantize === 'bf16'
  if (quantize !== null && !plain) checkEncoding('saveGguf', quantize)
  const items = entriesOf(tensors).map(([name, given]) => itemOf(name, given, quantize, only))
  if (!stream) await evaluate(...items.map(({ content }) => content!))
  await writeAside(path, pieces(headerOf(metadata, items), items))
}

function itemOf(
  name: string,
  given: TensorLike,
  quantize: SaveGgufOptions['quantize'],
  only: (name: string, shape: Shape) => boolean,
): Item {
  const found =
    given instanceof Tensor ? blocksOf(given) : given instanceof BlockVariable ? blocksOf(given.read()) : null
  const isMatrix = only(name, given.shape)
  if (found && (!quantize || (isMatrix && quantize === found.encoding)))
    return blockItem(name, given.shape, detach(found.blocks), found.encoding)
  const [[, t]] = namedTensors('saveGguf', { [name]: given }) as [[string, Tensor]]
  if (!quantize || !isFloat(t.dtype)) return plainItem(name, t)
  if (!isMatrix) return plainItem(name, cast(t, 'f32'))
  if (quantize === 'f32' || quantize === 'f16' || quantize === 'bf16') return plainItem(name, cast(t, quantize))
  if (!fillsBlocks(t.shape[t.rank - 1]!, quantize)) return plainItem(name, cast(t, 'f16'))
  return blockItem(name, t.shape, quantizeBlocks(t, quantize), quantize)
}

function plainItem(name: string, content: Tensor): Item {
  const { dtype, shape } = content
  const type = kindOf<DType>(PLAIN, dtype)
  if (type === undefined)
    return fail('DTYPE', 'saveGguf', `'${name}' is ${dtype}, which the format does not have. Cast it first.`)
  return { name, shape, type, bytes: content.size * bytesOf(dtype), content }
}

function blockItem(name: string, shape: Shape, content: Tensor, encoding: BlockEncoding): Item {
  return { name, shape, type: kindOf<BlockEncoding>(BLOCKED, encoding)!, bytes: content.size, content }
}

const aligned = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT

async function* pieces(header: Uint8Array, items: readonly Item[]): AsyncGenerator<Uint8Array> {
  yield header
  for (const item of items) {
    await evaluate(item.content!)
    yield new Uint8Array(item.content!.value!.buffer)
    item.content = null
    yield new Uint8Array(aligned(item.bytes) - item.bytes)
  }
}

function headerOf(metadata: Readonly<Record<string, GgufValue>>, items: readonly Item[]): Uint8Array {
  const out = new Writer()
  out.u32(0x46554747)
  out.u32(3)
  out.u64(items.length)
  const entries = Object.entries(metadata)
  out.u64(entries.length)
  for (const [key, value] of entries) {
    out.text(key)
    out.value(value)
  }
  let offset = 0
  for (const { name, shape, type, bytes } of items) {
    out.text(name)
    out.u32(shape.length)
    // The fastest axis comes first there.
    for (const n of [...shape].reverse()) out.u64(n)
    out.u32(type)
    out.u64(offset)
    offset += aligned(bytes)
  }
  return out.done()
}

const encoder = new TextEncoder()
/** Types of values. */
const [U32, I32, F32, BOOL, STRING, ARRAY] = [4, 5, 6, 7, 8, 9] as const

class Writer {
  #bytes = new Uint8Array(1 << 16)
  #view = new DataView(this.#bytes.buffer)
  #size = 0

  u32(n: number): void {
    const at = this.#room(4)
    this.#view.setUint32(at, n, true)
  }
  #i32(n: number): void {
    const at = this.#room(4)
    this.#view.setInt32(at, n, true)
  }
  #f32(n: number): void {
    const at = this.#room(4)
    this.#view.setFloat32(at, n, true)
  }
  u64(n: number): void {
    const at = this.#room(8)
    this.#view.setBigUint64(at, BigInt(n), true)
  }
  text(s: string): void {
    const encoded = encoder.encode(s)
    this.u64(encoded.length)
    const at = this.#room(encoded.length)
    this.#bytes.set(encoded, at)
  }

  /** Its type, then itself. */
  value(value: GgufValue): void {
    if (typeof value === 'string') {
      this.u32(STRING)
      this.text(value)
    } else if (typeof value === 'boolean') {
      this.u32(BOOL)
      const at = this.#room(1)
      this.#bytes[at] = Number(value)
    } else if (typeof value === 'number') this.#number(value)
    else if ('f32' in value) {
      this.u32(F32)
      this.#f32(value.f32)
    } else this.#list(value)
  }

  #number(n: number): void {
    if (!Number.isInteger(n)) {
      this.u32(F32)
      this.#f32(n)
    } else if (n >= 0 && n < 2 ** 32) {
      this.u32(U32)
      this.u32(n)
    } else if (n < 0 && n >= -(2 ** 31)) {
      this.u32(I32)
      this.#i32(n)
    } else fail('VALUE', 'saveGguf', `a number of the metadata must fit 32 bits, got ${n}.`)
  }

  #list(list: readonly string[] | Float32Array | Int32Array): void {
    this.u32(ARRAY)
    this.u32(list instanceof Float32Array ? F32 : list instanceof Int32Array ? I32 : STRING)
    this.u64(list.length)
    if (list instanceof Float32Array) list.forEach((n) => this.#f32(n))
    else if (list instanceof Int32Array) list.forEach((n) => this.#i32(n))
    else for (const s of list as readonly string[]) this.text(s)
  }

  /** Filled up to where data may begin. */
  done(): Uint8Array {
    this.#room(aligned(this.#size) - this.#size)
    return this.#bytes.subarray(0, this.#size)
  }

  /** Where the next n bytes go: in other memory, maybe, than what was there before the call. */
  #room(n: number): number {
    const at = this.#size
    this.#size += n
    if (this.#size > this.#bytes.length) {
      const bytes = new Uint8Array(2 * this.#size)
      bytes.set(this.#bytes)
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer)
    }
    return at
  }
}
