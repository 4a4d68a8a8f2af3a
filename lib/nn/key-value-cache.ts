/** @file The keys and values of positions that were computed before: variables of fixed capacity, written at an offset that is an operand. */
import type { DType } from '../dtype.ts'
import { check, checkInteger, checkOptions } from '../errors.ts'
import { evaluate } from '../engine/evaluate.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { zeros } from '../ops/create.ts'
import { indexSelect } from '../ops/indexing.ts'
import { assign, assignSlice } from '../ops/update.ts'
import { showShape } from '../shape.ts'

export interface KeyValueCacheOptions {
  /** Sequences side by side. Default: 1. */
  batch?: number
  /** Heads of keys and values. */
  numHeads: number
  /** Positions that there is room for. */
  capacity: number
  /** Width of a head's keys, and of its values (default: the same). */
  headDim: number
  valueDim?: number
  /** Default: 'f32'. */
  dtype?: DType
}

/** What attention reads after an append: all of the cache, of which `length` positions are filled. */
export interface CacheContent {
  /** [B, H, capacity, width]. */
  readonly keys: Tensor
  readonly values: Tensor
  readonly length: number
}

/**
 * Keys and values of one attention layer. A new position is written where the last one ended, in place; how many there are is an
 * operand of the plan. So generating a thousand tokens compiles a plan for the prompt and one for a token.
 */
export class KeyValueCache {
  readonly capacity: number
  readonly keys: Variable
  readonly values: Variable
  #length = 0

  constructor(options: KeyValueCacheOptions) {
    const names = ['batch', 'numHeads', 'capacity', 'headDim', 'valueDim', 'dtype']
    checkOptions('KeyValueCache', options, names)
    const { batch = 1, numHeads, capacity, headDim, valueDim = headDim, dtype = 'f32' } = options
    for (const [name, n] of Object.entries({ batch, numHeads, capacity, headDim, valueDim }))
      checkInteger('KeyValueCache', name, n, 1)
    this.capacity = capacity
    const room = (width: number) =>
      new Variable(zeros([batch, numHeads, capacity, width], { dtype }), { trainable: false })
    this.keys = room(headDim)
    this.values = room(valueDim)
  }

  /** Positions that are filled. */
  get length(): number {
    return this.#length
  }

  /** Forgets all positions from `length` on. Nothing is written. */
  truncate(length = 0): void {
    this.#length = checkInteger('KeyValueCache', 'length', length, 0, this.#length)
  }

  /**
   * Adds positions: keys and values [B, H, T, width]. They are written with the first evaluation that needs what is returned; the length
   * counts at once. VALUE when they do not fit.
   */
  append(keys: Tensor, values: Tensor): CacheContent {
    const room = this.capacity - this.#length
    const count = keys.shape[2] ?? 0
    check(
      keys.rank === 4 && count <= room,
      'VALUE',
      'KeyValueCache',
      () => `there is room for ${room} of ${this.capacity} positions, got keys ${showShape(keys.shape)}.`,
    )
    const start = this.#length
    this.#length += count
    return {
      keys: assignSlice(this.keys, keys, start, 2),
      values: assignSlice(this.values, values, start, 2),
      length: this.#length,
    }
  }

  /** Sequence i goes on from what sequence `order[i]` was: what beam search needs. order: i64 [B]. */
  async reorder(order: Tensor): Promise<void> {
    await evaluate(...this.reordered(order))
  }

  /** @internal The updates of reorder(), to be evaluated with others. */
  reordered(order: Tensor): Tensor[] {
    return [this.keys, this.values].map((variable) => assign(variable, indexSelect(variable, 0, order)))
  }
}
