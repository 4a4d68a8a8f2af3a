/** @file normalize: vectors of length 1. */
import { checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { clamp, div } from './elementwise.ts'
import { norm } from './norms.ts'
import { asTensor } from './table.ts'
import type { TensorLike } from './table.ts'

export interface NormalizeOptions {
  /** Which norm. Default: 2. */
  p?: number
  /** The axis of the vectors. Default: 1. */
  dim?: number
  /** The least that is divided by. Default: 1e-12. */
  eps?: number
}

/** x / max(norm(x, p), eps) along an axis. */
export function normalize(x: TensorLike, options: NormalizeOptions = {}): Tensor {
  checkOptions('normalize', options, ['p', 'dim', 'eps'])
  const { p = 2, dim = 1, eps = 1e-12 } = options
  const t = asTensor('normalize', x)
  return div(t, clamp(norm(t, p, dim, { keepDims: true }), eps))
}
