/** @file Distances and similarities of vectors: of pairs, of all pairs of two sets, of all pairs within one. */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { customGrad } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { broadcast, normalizeAxis, showShape } from '../shape.ts'
import { matmul } from './contraction.ts'
import { tensor } from './create.ts'
import { add, clamp, div, mul, sqrt, square, sub } from './elementwise.ts'
import { take } from './indexing.ts'
import { expand, transpose, unsqueeze } from './layout.ts'
import { exceptZero, vectorNorm } from './norms.ts'
import { sum } from './reduction.ts'
import { constant, operand, promoted } from './table.ts'
import type { TensorLike } from './table.ts'

/** Two tensors of floats of one dtype. */
function floats(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const [x, y] = promoted(op, a, b)
  if (!isFloat(x.dtype)) fail('DTYPE', op, `needs floats, got ${x.dtype}.`)
  return [x, y]
}

function checkOrder(op: string, p: number): void {
  if (!(p >= 0)) fail('VALUE', op, `p is a number >= 0 or Infinity, got ${p}.`)
}

export interface CosineSimilarityOptions {
  /** Along which the vectors lie. Default: 1. */
  axis?: number
  /** Smallest length that is divided by. Default: 1e-8. */
  eps?: number
}

/** <a, b> / (max(|a|, eps) max(|b|, eps)) along an axis of the broadcast shape. The limit `eps` counts as |a| in the gradient. */
export function cosineSimilarity(a: TensorLike, b: TensorLike, options: CosineSimilarityOptions = {}): Tensor {
  checkOptions('cosineSimilarity', options, ['axis', 'eps'])
  const { axis = 1, eps = 1e-8 } = options
  const [x, y] = floats('cosineSimilarity', a, b)
  const shape = broadcast('cosineSimilarity', x.shape, y.shape)
  const at = normalizeAxis('cosineSimilarity', axis, shape.length)
  const unit = (t: Tensor) => {
    const wide = expand(t, shape)
    const limited = customGrad(
      (length: Tensor) => clamp(length, eps),
      (dy) => [dy],
    )
    return div(wide, limited(vectorNorm(wide, 2, at, { keepDims: true })))
  }
  return sum(mul(unit(x), unit(y)), at)
}

export interface PairwiseDistanceOptions {
  /** Of the norm. Default: 2. */
  p?: number
  /** Added to every difference, so that its norm has a gradient. Default: 1e-6. */
  eps?: number
  /** Keep the last axis, with size 1. Default: false. */
  keepDims?: boolean
}

/** The p-norm of a - b + eps along the last axis. */
export function pairwiseDistance(a: TensorLike, b: TensorLike, options: PairwiseDistanceOptions = {}): Tensor {
  checkOptions('pairwiseDistance', options, ['p', 'eps', 'keepDims'])
  const { p = 2, eps = 1e-6, keepDims = false } = options
  checkOrder('pairwiseDistance', p)
  const [x, y] = floats('pairwiseDistance', a, b)
  const d = add(sub(x, y), operand(eps, x.dtype))
  if (d.rank === 0) fail('SHAPE', 'pairwiseDistance', 'needs vectors, got scalars.')
  return vectorNorm(d, p, -1, { keepDims })
}

export interface DistanceOptions {
  /** Of the norm. Default: 2. */
  p?: number
}

/** Rows of each side from which on euclidean distances are taken from one product of matrices, as PyTorch does. */
const ROWS_FOR_PRODUCT = 25

/**
 * p-norms of the differences of all rows of a [..., P, M] and b [..., R, M]: [..., P, R]; gradient 0 where two rows are equal. With p = 2 and
 * more than 25 rows on a side, |a|^2 - 2 <a, b> + |b|^2 under the root: faster, less exact for rows that are near each other.
 */
export function cdist(a: TensorLike, b: TensorLike, options: DistanceOptions = {}): Tensor {
  checkOptions('cdist', options, ['p'])
  const { p = 2 } = options
  checkOrder('cdist', p)
  const [x, y] = floats('cdist', a, b)
  if (x.rank < 2 || y.rank < 2 || x.shape[x.rank - 1] !== y.shape[y.rank - 1]) {
    fail('SHAPE', 'cdist', `needs [..., P, M] and [..., R, M], got ${showShape(x.shape)} and ${showShape(y.shape)}.`)
  }
  const isLarge = Math.max(x.shape[x.rank - 2]!, y.shape[y.rank - 2]!) > ROWS_FOR_PRODUCT
  if (p === 2 && isLarge) return exceptZero(squaredDistances(x, y), sqrt)
  const d = sub(unsqueeze(x, -2), unsqueeze(y, -3))
  return vectorNorm(d, p, -1)
}

function squaredDistances(x: Tensor, y: Tensor): Tensor {
  const lengths = add(sum(square(x), -1, { keepDims: true }), unsqueeze(sum(square(y), -1), -2))
  return clamp(add(lengths, mul(matmul(x, transpose(y)), constant(-2, x.dtype))), 0)
}

/** p-norms of the differences of rows i < j of x [N, M], in the order (0, 1), (0, 2), ...: [N (N - 1) / 2]; gradient 0 where rows are equal. */
export function pdist(x: TensorLike, options: DistanceOptions = {}): Tensor {
  checkOptions('pdist', options, ['p'])
  const { p = 2 } = options
  checkOrder('pdist', p)
  const [t] = floats('pdist', x, x)
  if (t.rank !== 2) fail('SHAPE', 'pdist', `needs [N, M], got ${showShape(t.shape)}.`)
  const n = t.shape[0]!
  const pairs = Math.max(0, (n * (n - 1)) / 2)
  const [first, second] = [new Int32Array(pairs), new Int32Array(pairs)]
  for (let i = 0, k = 0; i < n; i++) for (let j = i + 1; j < n; j++, k++) ((first[k] = i), (second[k] = j))
  return vectorNorm(sub(take(t, tensor(first), 0), take(t, tensor(second), 0)), p, 1)
}
