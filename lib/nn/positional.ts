/** @file Encodings of positions as modules. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { arange } from '../ops/create.ts'
import { add } from '../ops/elementwise.ts'
import { embedding } from '../ops/embedding.ts'
import { unsqueeze } from '../ops/layout.ts'
import { alibiBias, rotaryEmbedding, sinusoidalEncoding } from '../ops/positional.ts'
import type { AlibiOptions, RotaryOptions } from '../ops/positional.ts'
import { normal } from '../ops/random.ts'
import { showShape } from '../shape.ts'
import { Module } from './module.ts'

export interface PositionalOptions {
  /** Sequences are [B, T, C]. Default: false, [T, B, C]. Without B: [T, C]. */
  batchFirst?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

export interface PositionalForward {
  /** Position of the first token. Default: 0. */
  offset?: number
}

/** Rows [T, C] of a table added to a sequence. */
function addRows(op: string, x: Tensor, dim: number, batchFirst: boolean, rows: (length: number) => Tensor): Tensor {
  const time = batchFirst ? x.rank - 2 : 0
  if (x.rank < 2 || x.rank > 3 || x.shape[x.rank - 1] !== dim)
    fail('SHAPE', op, `needs [${batchFirst ? 'B, T' : 'T, B'}, ${dim}], got ${showShape(x.shape)}.`)
  const table = rows(x.shape[time]!)
  return add(x, x.rank === 3 && !batchFirst ? unsqueeze(table, 1) : table)
}

/** Adds a learnt vector to each position: weight [maxLength, dim], drawn from N(0, 0.02^2) as GPT-2's. INDEX beyond maxLength. */
export class LearnedPositionalEncoding extends Module {
  readonly maxLength: number
  readonly batchFirst: boolean
  weight: Variable

  constructor(maxLength: number, dim: number, options: PositionalOptions = {}) {
    super()
    checkOptions('LearnedPositionalEncoding', options, ['batchFirst', 'dtype'])
    this.maxLength = checkInteger('LearnedPositionalEncoding', 'maxLength', maxLength, 1)
    this.batchFirst = options.batchFirst ?? false
    this.weight = new Variable(normal([maxLength, dim], 0, 0.02, { dtype: options.dtype ?? 'f32' }))
  }

  override forward(x: Tensor, { offset = 0 }: PositionalForward = {}): Tensor {
    const { weight, batchFirst } = this
    checkInteger('LearnedPositionalEncoding', 'offset', offset, 0)
    return addRows('LearnedPositionalEncoding', x, weight.shape[1]!, batchFirst, (length) =>
      embedding(add(arange(length), offset), weight),
    )
  }
}

/** Adds sinusoids (Vaswani et al. 2017); nothing is learnt, and any length will do. */
export class SinusoidalPositionalEncoding extends Module {
  readonly dim: number
  readonly batchFirst: boolean

  constructor(dim: number, options: Omit<PositionalOptions, 'dtype'> = {}) {
    super()
    checkOptions('SinusoidalPositionalEncoding', options, ['batchFirst'])
    this.dim = checkInteger('SinusoidalPositionalEncoding', 'dim', dim, 2)
    this.batchFirst = options.batchFirst ?? false
  }

  override forward(x: Tensor, { offset = 0 }: PositionalForward = {}): Tensor {
    return addRows('SinusoidalPositionalEncoding', x, this.dim, this.batchFirst, (length) =>
      sinusoidalEncoding(length, this.dim, { offset, dtype: x.dtype }),
    )
  }
}

/** rotaryEmbedding of queries and keys [..., T, D], with its options kept (Su et al. 2021). */
export class RotaryEmbedding extends Module {
  readonly options: Omit<RotaryOptions, 'offset' | 'positions'>

  constructor(options: Omit<RotaryOptions, 'offset' | 'positions'> = {}) {
    super()
    checkOptions('RotaryEmbedding', options, ['base', 'isInterleaved', 'rotaryDim'])
    this.options = { ...options }
  }

  override forward(x: Tensor, options: Pick<RotaryOptions, 'offset' | 'positions'> = {}): Tensor {
    return rotaryEmbedding(x, { ...this.options, ...options })
  }
}

/** The bias by distance that attention adds to its scores, [numHeads, numQueries, numKeys] (Press et al. 2022). */
export class ALiBi extends Module {
  readonly numHeads: number

  constructor(numHeads: number) {
    super()
    this.numHeads = checkInteger('ALiBi', 'numHeads', numHeads, 1)
  }

  override forward(numQueries: number, numKeys = numQueries, options: AlibiOptions = {}): Tensor {
    return alibiBias(this.numHeads, numQueries, numKeys, options)
  }
}
