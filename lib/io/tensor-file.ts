/** @file TensorFile: named tensors in a file of any format, read one by one when they are asked for. */
import type { DType } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Shape } from '../shape.ts'

export interface TensorInfo {
  readonly dtype: DType
  readonly shape: Shape
  /** How the elements are stored, where that is not simply as `dtype`: 'q4_0', say. */
  readonly encoding?: string
}

interface Contents {
  /** 'safetensors', 'npz', ... */
  readonly format: string
  readonly path: string
  /** What the file says besides: texts, numbers, lists. */
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly read: (name: string) => Promise<Tensor>
  readonly close: () => Promise<void>
}

/** An open file of tensors. Close it when no more are to be read; those that were stay good. */
export class TensorFile {
  readonly format: string
  readonly path: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** What there is, in the file's order; reading it costs nothing. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly #read: (name: string) => Promise<Tensor>
  readonly #close: () => Promise<void>

  /** @internal Use `openTensors(path)`. */
  constructor({ format, path, metadata = {}, tensors, read, close }: Contents) {
    this.format = format
    this.path = path
    this.metadata = metadata
    this.tensors = tensors
    this.#read = read
    this.#close = close
  }

  /** One tensor. Only its own bytes are read, or mapped. */
  async read(name: string): Promise<Tensor> {
    if (this.tensors.has(name)) return this.#read(name)
    const names = [...this.tensors.keys()]
    const some = names.slice(0, 5).join(', ') + (names.length > 5 ? `, ... (${names.length})` : '')
    return fail('VALUE', this.format, `${this.path}: has no tensor '${name}'. It has: ${some || 'none'}.`)
  }

  /** All of them by name, as `loadStateDict` takes them. */
  async readAll(): Promise<Map<string, Tensor>> {
    const all = new Map<string, Tensor>()
    for (const name of this.tensors.keys()) all.set(name, await this.#read(name))
    return all
  }

  close(): Promise<void> {
    return this.#close()
  }
}

/** All tensors of a file that is closed afterwards. */
export async function readAndClose(opening: Promise<TensorFile>): Promise<Map<string, Tensor>> {
  const file = await opening
  try {
    return await file.readAll()
  } finally {
    await file.close()
  }
}
