/** @file Contrastive losses: of pairs by their distance, and InfoNCE over a batch. */
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sameShape, showShape } from '../shape.ts'
import { matmul } from './contraction.ts'
import { arange } from './create.ts'
import { pairwiseDistance } from './distance.ts'
import { add, mul, square, sub } from './elementwise.ts'
import { concat, filled, squeeze, transpose, unsqueeze } from './layout.ts'
import { crossEntropy } from './loss.ts'
import { checkNumber, floatInput, paired, positivePart, reduceLoss } from './loss-reduction.ts'
import type { LossOptions } from './loss-reduction.ts'
import { sum } from './reduction.ts'
import { asTensor, cast, constant, operand } from './table.ts'
import type { TensorLike } from './table.ts'
import { normalize } from './unit-norm.ts'

export interface ContrastiveLossOptions extends LossOptions {
  /** Distance that unlike pairs are pushed to. Default: 1. */
  margin?: number
}

/** d^2 / 2 for pairs with target 1, max(0, margin - d)^2 / 2 with target 0, d = |a - b|: a, b [B, D], target [B] (Hadsell et al. 2006). */
export function contrastiveLoss(
  first: TensorLike,
  second: TensorLike,
  target: TensorLike,
  options: ContrastiveLossOptions = {},
): Tensor {
  const op = 'contrastiveLoss'
  checkOptions(op, options, ['reduction', 'margin'])
  const { margin = 1, reduction } = options
  const [a, b] = paired(op, first, second)
  const t = cast(asTensor(op, target), a.dtype)
  if (a.rank !== 2 || !sameShape(t.shape, a.shape.slice(0, 1)))
    fail('SHAPE', op, `needs [B, D] and targets [B], got ${showShape(a.shape)} and ${showShape(t.shape)}.`)
  const d = pairwiseDistance(a, b)
  const apart = square(positivePart(sub(operand(margin, a.dtype), d)))
  const each = add(mul(t, square(d)), mul(sub(constant(1, a.dtype), t), apart))
  return reduceLoss(op, mul(each, constant(0.5, a.dtype)), reduction)
}

export interface InfoNceOptions extends LossOptions {
  /** Divides the cosines. Default: 0.1. */
  temperature?: number
  /** Keys that are wrong for every query, [M, D], or for each its own, [B, M, D]. Default: the keys of the other queries. */
  negatives?: TensorLike | null
  /** Take the mean with the loss of keys against queries, as CLIP does; without negatives only. Default: false. */
  symmetric?: boolean
}

/**
 * -log of the share of exp(cos(query, key) / temperature) of the right key among all: queries and keys [B, D], key i belongs to query i (van
 * den Oord et al. 2018).
 */
export function infoNce(queries: TensorLike, keys: TensorLike, options: InfoNceOptions = {}): Tensor {
  const op = 'infoNce'
  checkOptions(op, options, ['reduction', 'temperature', 'negatives', 'symmetric'])
  const { temperature = 0.1, negatives, symmetric = false, reduction } = options
  checkNumber(op, 'temperature', temperature, temperature > 0, 'is a number > 0')
  const [q, k] = paired(op, queries, keys).map((x) => (x.rank === 2 ? normalize(x, { dim: -1 }) : x)) as [
    Tensor,
    Tensor,
  ]
  if (q.rank !== 2) fail('SHAPE', op, `needs [B, D], got ${showShape(q.shape)}.`)
  if (negatives && symmetric) fail('VALUE', op, 'symmetric goes without negatives.')
  const scale = operand(1 / temperature, q.dtype)
  if (!negatives) {
    const logits = mul(matmul(q, transpose(k)), scale)
    const labels = arange(q.shape[0]!)
    const each = crossEntropy(logits, labels, { reduction })
    return symmetric
      ? mul(add(each, crossEntropy(transpose(logits), labels, { reduction })), constant(0.5, q.dtype))
      : each
  }
  const given = cast(floatInput(op, negatives), q.dtype)
  const [batch, features] = q.shape as [number, number]
  const isShared = given.rank === 2
  if (given.shape[given.rank - 1] !== features || !(isShared || (given.rank === 3 && given.shape[0] === batch)))
    fail(
      'SHAPE',
      op,
      `negatives must be [M, ${features}] or [${batch}, M, ${features}], got ${showShape(given.shape)}.`,
    )
  const wrong = normalize(given, { dim: -1 })
  const off = isShared ? matmul(q, transpose(wrong)) : squeeze(matmul(wrong, unsqueeze(q, -1)), -1)
  const logits = mul(concat([sum(mul(q, k), -1, { keepDims: true }), off], 1), scale)
  return crossEntropy(logits, filled([batch], 0, arange(1)), { reduction })
}
