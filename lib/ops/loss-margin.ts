/** @file Losses with a margin: of scores, of pairs and of triplets. */
import { isInteger } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { broadcast, sameShape, showShape } from '../shape.ts'
import { iota, triu } from './create.ts'
import { matmul } from './contraction.ts'
import { pairwiseDistance } from './distance.ts'
import { add, eq, ge, logicalAnd, lt, minimum, mul, ne, neg, rsqrt, square, sub, where } from './elementwise.ts'
import { gather, scatterAdd, take } from './indexing.ts'
import { filled, reshape, unsqueeze } from './layout.ts'
import { checkNumber, floatInput, paired, positivePart, reduceLoss } from './loss-reduction.ts'
import type { LossOptions } from './loss-reduction.ts'
import { sum } from './reduction.ts'
import { asTensor, cast, constant, operand } from './table.ts'
import type { TensorLike } from './table.ts'

const zeroOf = (x: Tensor) => constant(0, x.dtype)

export interface MarginLossOptions extends LossOptions {
  margin?: number
}

/** input where the target is 1, max(0, margin - input) where it is -1; margin 1. */
export function hingeEmbeddingLoss(input: TensorLike, target: TensorLike, options: MarginLossOptions = {}): Tensor {
  checkOptions('hingeEmbeddingLoss', options, ['reduction', 'margin'])
  const { margin = 1, reduction } = options
  const [x, t] = paired('hingeEmbeddingLoss', input, target)
  const apart = positivePart(sub(operand(margin, x.dtype), x))
  const each = add(
    where(ne(t, constant(1, x.dtype)), apart, zeroOf(x)),
    where(ne(t, constant(-1, x.dtype)), x, zeroOf(x)),
  )
  return reduceLoss('hingeEmbeddingLoss', each, reduction)
}

/** max(0, margin - t (a - b)): t = 1 ranks a above b, -1 below; margin 0. */
export function marginRankingLoss(
  first: TensorLike,
  second: TensorLike,
  target: TensorLike,
  options: MarginLossOptions = {},
): Tensor {
  checkOptions('marginRankingLoss', options, ['reduction', 'margin'])
  const { margin = 0, reduction } = options
  const [a, b] = paired('marginRankingLoss', first, second)
  const t = cast(asTensor('marginRankingLoss', target), a.dtype)
  broadcast('marginRankingLoss', a.shape, t.shape)
  return reduceLoss('marginRankingLoss', positivePart(sub(operand(margin, a.dtype), mul(t, sub(a, b)))), reduction)
}

/** 1 - cos(a, b) where the target is 1, max(0, cos(a, b) - margin) where it is -1: a, b [B, D] and t [B] (or [D] and a scalar); margin 0. */
export function cosineEmbeddingLoss(
  first: TensorLike,
  second: TensorLike,
  target: TensorLike,
  options: MarginLossOptions = {},
): Tensor {
  const op = 'cosineEmbeddingLoss'
  checkOptions(op, options, ['reduction', 'margin'])
  const { margin = 0, reduction } = options
  const [a, b] = paired(op, first, second)
  const t = cast(asTensor(op, target), a.dtype)
  if (a.rank < 1 || a.rank > 2 || !sameShape(t.shape, a.shape.slice(0, -1)))
    fail(
      'SHAPE',
      op,
      `needs [B, D] and targets [B], or [D] and a scalar, got ${showShape(a.shape)} and ${showShape(t.shape)}.`,
    )
  const tiny = constant(1e-12, a.dtype)
  const lengths = mul(add(sum(square(a), -1), tiny), add(sum(square(b), -1), tiny))
  const cosine = mul(sum(mul(a, b), -1), rsqrt(lengths))
  const one = constant(1, a.dtype)
  const apart = positivePart(sub(cosine, operand(margin, a.dtype)))
  const each = add(where(eq(t, one), sub(one, cosine), zeroOf(a)), where(eq(t, neg(one)), apart, zeroOf(a)))
  return reduceLoss(op, each, reduction)
}

export interface TripletOptions extends LossOptions {
  /** Default: 1. */
  margin?: number
  /** Take the negative's distance from the anchor or from the positive, whichever is smaller (Balntas et al. 2016). Default: false. */
  swap?: boolean
}

export interface TripletMarginLossOptions extends TripletOptions {
  /** Of the norm. Default: 2. */
  p?: number
  /** Default: 1e-6. */
  eps?: number
}

/** max(0, margin + |anchor - positive| - |anchor - negative|) with the distance of pairwiseDistance. */
export function tripletMarginLoss(
  anchor: TensorLike,
  positive: TensorLike,
  negative: TensorLike,
  options: TripletMarginLossOptions = {},
): Tensor {
  checkOptions('tripletMarginLoss', options, ['reduction', 'margin', 'p', 'eps', 'swap'])
  const { p = 2, eps = 1e-6, ...rest } = options
  const distance = (a: Tensor, b: Tensor) => pairwiseDistance(a, b, { p, eps })
  return triplet('tripletMarginLoss', [anchor, positive, negative], distance, rest)
}

export interface TripletMarginWithDistanceLossOptions extends TripletOptions {
  /** Default: pairwiseDistance. */
  distanceFunction?: ((a: Tensor, b: Tensor) => Tensor) | null
}

/** tripletMarginLoss with any distance. */
export function tripletMarginWithDistanceLoss(
  anchor: TensorLike,
  positive: TensorLike,
  negative: TensorLike,
  options: TripletMarginWithDistanceLossOptions = {},
): Tensor {
  checkOptions('tripletMarginWithDistanceLoss', options, ['reduction', 'margin', 'swap', 'distanceFunction'])
  const { distanceFunction, ...rest } = options
  const distance = distanceFunction ?? ((a: Tensor, b: Tensor) => pairwiseDistance(a, b))
  return triplet('tripletMarginWithDistanceLoss', [anchor, positive, negative], distance, rest)
}

function triplet(
  op: string,
  given: readonly TensorLike[],
  distance: (a: Tensor, b: Tensor) => Tensor,
  { margin = 1, swap = false, reduction }: TripletOptions,
): Tensor {
  const [anchor, positive, negative] = given.map((x) => floatInput(op, x)) as [Tensor, Tensor, Tensor]
  const near = distance(anchor, positive)
  let far = distance(anchor, negative)
  if (swap) far = minimum(far, distance(positive, negative))
  return reduceLoss(op, positivePart(add(sub(near, far), operand(margin, near.dtype))), reduction)
}

/** Scores [B, C] and labels [B], also of one sample: [C] and a scalar. */
function scored(op: string, input: TensorLike, target: TensorLike, perClass: boolean): [x: Tensor, labels: Tensor] {
  const [x, t] = [floatInput(op, input), asTensor(op, target)]
  if (!isInteger(t.dtype)) fail('DTYPE', op, `labels are integers, got ${t.dtype}.`)
  const expected = perClass ? x.shape : x.shape.slice(0, -1)
  if ((x.rank !== 1 && x.rank !== 2) || !sameShape(t.shape, expected)) {
    const rule = perClass ? 'and as many targets' : 'and labels [B], or [C] and a scalar'
    fail('SHAPE', op, `needs [B, C] ${rule}, got ${showShape(x.shape)} and ${showShape(t.shape)}.`)
  }
  return [x, cast(t, 'i64')]
}

export interface MultiMarginLossOptions extends LossOptions {
  /** Exponent: 1 or 2. Default: 1. */
  p?: 1 | 2
  /** Default: 1. */
  margin?: number
  /** Of each class, [C]. */
  weight?: TensorLike | null
}

/** sum over i != y of max(0, margin - x[y] + x[i])^p / C, times weight[y]: scores [B, C], labels [B] (or [C] and a scalar). */
export function multiMarginLoss(input: TensorLike, target: TensorLike, options: MultiMarginLossOptions = {}): Tensor {
  const op = 'multiMarginLoss'
  checkOptions(op, options, ['reduction', 'p', 'margin', 'weight'])
  const { p = 1, margin = 1, weight, reduction } = options
  checkNumber(op, 'p', p, p === 1 || p === 2, 'is 1 or 2')
  const [x, labels] = scored(op, input, target, false)
  const classes = x.shape[x.rank - 1]!
  const column = unsqueeze(labels, -1)
  const own = gather(x, -1, column)
  let each = positivePart(add(sub(x, own), operand(margin, x.dtype)))
  if (p === 2) each = square(each)
  if (weight) {
    const w = asTensor(op, weight)
    if (!sameShape(w.shape, [classes])) fail('SHAPE', op, `the weight must be [${classes}], got ${showShape(w.shape)}.`)
    each = mul(each, cast(take(w, column, 0), x.dtype))
  }
  const others = where(eq(column, iota([classes], 'i64')), zeroOf(x), each)
  return reduceLoss(op, mul(sum(others, -1), constant(1 / classes, x.dtype)), reduction)
}

/**
 * sum over labels j and classes i that are no labels of max(0, 1 - (x[j] - x[i])) / C. Scores [B, C] (or [C]); target of that shape: the labels
 * of each sample, ended by -1.
 */
export function multilabelMarginLoss(input: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  const op = 'multilabelMarginLoss'
  checkOptions(op, options, ['reduction'])
  const given = scored(op, input, target, true)
  const [x, t] = given[0].rank === 1 ? [unsqueeze(given[0], 0), unsqueeze(given[1], 0)] : given
  const [batch, classes] = x.shape as [number, number]
  const zero = constant(0, 'i64')
  // How many -1 there are up to each position.
  const ended = matmul(cast(lt(t, zero), 'i64'), triu(filled([classes, classes], 1, t)))
  const isLabel = logicalAnd(eq(ended, zero), ge(t, zero))
  const labels = where(isLabel, t, zero)
  const hits = scatterAdd(filled([batch, classes], 0, t), 1, labels, cast(isLabel, 'i64'))
  const counts = logicalAnd(unsqueeze(isLabel, 2), unsqueeze(eq(hits, zero), 1))
  const gap = sub(unsqueeze(x, 1), unsqueeze(gather(x, 1, labels), 2))
  const each = where(counts, positivePart(add(gap, constant(1, x.dtype))), zeroOf(x))
  const total = mul(sum(each, [1, 2]), constant(1 / classes, x.dtype))
  return reduceLoss(op, reshape(total, given[0].shape.slice(0, -1)), options.reduction)
}
