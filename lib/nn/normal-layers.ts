/** @file Layers as Transformers start them: weights drawn from N(0, std), biases zero. */
import type { DType } from '../dtype.ts'
import { Variable } from '../graph/variable.ts'
import { zeros } from '../ops/create.ts'
import { normal } from '../ops/random.ts'
import { Embedding } from './embedding.ts'
import { Linear } from './linear.ts'

export interface NormalOptions {
  /** Default: 0.02. */
  std?: number
  dtype: DType
}

export function normalLinear(
  inputs: number,
  outputs: number,
  { std = 0.02, bias = true, dtype }: NormalOptions & { bias?: boolean },
): Linear {
  const layer = new Linear(inputs, outputs, { bias, dtype })
  layer.weight = new Variable(normal([outputs, inputs], 0, std, { dtype }))
  if (bias) layer.bias = new Variable(zeros([outputs], { dtype }))
  return layer
}

export function normalEmbedding(rows: number, width: number, { std = 0.02, dtype }: NormalOptions): Embedding {
  const layer = new Embedding(rows, width, { dtype })
  layer.weight = new Variable(normal([rows, width], 0, std, { dtype }))
  return layer
}
