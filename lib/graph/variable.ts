/** @file Variable: named, mutable storage that outlives evaluations: parameters, running statistics, optimiser state. */
import { bytesOf } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { fail } from '../errors.ts'
import { showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import type { Row } from './row.ts'
import { state } from './state.ts'
import { Tensor } from './tensor.ts'

/** The leaf that reads a variable. */
export const variableRow: Row = {
  name: 'variable',
  kind: 'leaf',
  infer: () => fail('NATIVE', 'variable', 'internal: made by Variable.read only.'),
  vjp: { none: 'a leaf' },
}

export interface VariableOptions {
  name?: string
  /** Whether gradients flow to it. Default: true. */
  trainable?: boolean
}

/**
 * A tensor that can be written, by optimisers, `assign` and `set`. Using it in an op reads its present version; a graph that
 * read a version and is evaluated after the variable was written throws STALE.
 */
export class Variable {
  readonly shape: Shape
  readonly dtype: DType
  name: string
  /** Counts writes, at the moment they are submitted. */
  version = 0
  /** The gradient that `backward()` left here, not evaluated yet; null after `step()` and `zeroGrad()`. */
  grad: Tensor | null = null
  /** @internal The losses that `grad` comes from. */ gradRoots = new Set<Tensor>()
  /** @internal Native storage; null until the first evaluation that touches it. */ storage: unknown = null
  /** @internal Its storage shows a part of a file. */ isMapped = false
  /** @internal What it starts with, until it has storage. */ initial: Tensor | null
  /** Made to be trained, whether or not it is frozen now. */
  readonly isParameter: boolean
  #trainable: boolean
  #reading: Tensor | null = null

  constructor(initial: Tensor, { name = '', trainable = true }: VariableOptions = {}) {
    if (trainable && !/^(f|bf)/.test(initial.dtype)) {
      fail('DTYPE', 'Variable', `only floats can be trained, got ${initial.dtype}. Pass { trainable: false }.`)
    }
    this.shape = initial.shape
    this.dtype = initial.dtype
    this.name = name
    this.initial = initial
    this.#trainable = trainable
    this.isParameter = trainable
  }

  /** Whether gradients flow to it; can be changed (freezing a layer). */
  get trainable(): boolean {
    return this.#trainable
  }
  set trainable(value: boolean) {
    this.#trainable = value
    this.#reading = null
  }

  get size(): number {
    return sizeOf(this.shape)
  }

  /** In memory. */
  get bytes(): number {
    return this.size * bytesOf(this.dtype)
  }

  /** Whether it can be assigned to: not where it is quantised. */
  get isWritable(): boolean {
    return true
  }

  get rank(): number {
    return this.shape.length
  }

  /** Its present content as a tensor. */
  read(): Tensor {
    const requiresGrad = this.#trainable && state.gradEnabled
    const known = this.#reading
    // One that was evaluated is a value; a compiled function that found it would keep it.
    if (known?.version === this.version && known.requiresGrad === requiresGrad && known.value === null) return known
    return (this.#reading = this.#leaf(this.version, requiresGrad))
  }

  /** @internal Its content at the moment of an update that reads it: never stale. */
  readLate(): Tensor {
    return this.#leaf(-1, false)
  }

  #leaf(version: number, requiresGrad: boolean): Tensor {
    const leaf = new Tensor(variableRow, this, [], null, '')
    leaf.variables = [this]
    leaf.version = version
    leaf.requiresGrad = requiresGrad
    return leaf
  }

  toString(): string {
    return `Variable ${this.name ? `'${this.name}' ` : ''}${this.dtype} ${showShape(this.shape)} version ${this.version}`
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}
