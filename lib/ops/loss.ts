/** @file Losses of class labels, as composites: cross entropy and negative log-likelihood. The other losses are in loss-*.ts. */
import { isFloat, isInteger } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { sameShape, showShape } from '../shape.ts'
import { add, div, mul, ne, neg, where } from './elementwise.ts'
import { gather, take } from './indexing.ts'
import { squeeze, unsqueeze } from './layout.ts'
import { reduceLoss } from './loss-reduction.ts'
import type { Reduction } from './loss-reduction.ts'
import { logSoftmax } from './normalize.ts'
import { sum } from './reduction.ts'
import { asTensor, cast, constant, operand } from './table.ts'
import type { TensorLike } from './table.ts'

export interface CrossEntropyOptions {
  /** Weight of each class, [C]. */
  weight?: TensorLike | null
  /** A label that is skipped; default -100. */
  ignoreIndex?: number
  /** Share of the target spread over all classes (Szegedy et al. 2016); default 0. */
  labelSmoothing?: number
  /** Default: 'mean' (weighted, if there are weights). */
  reduction?: Reduction
}

/**
 * -log softmax(logits)[label]. logits [B, C, ...] (or [C]); target: labels [B, ...] (integers in [0, C), else INDEX when it runs) or
 * probabilities of the shape of logits.
 */
export function crossEntropy(logits: TensorLike, target: TensorLike, options: CrossEntropyOptions = {}): Tensor {
  checkOptions('crossEntropy', options, ['weight', 'ignoreIndex', 'labelSmoothing', 'reduction'])
  const { weight, labelSmoothing = 0, reduction = 'mean' } = options
  const x = asTensor('crossEntropy', logits)
  const t = asTensor('crossEntropy', target)
  if (x.rank === 0 || !isFloat(x.dtype))
    fail('SHAPE', 'crossEntropy', `needs float logits [B, C, ...], got ${x.dtype} ${showShape(x.shape)}.`)
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    fail('VALUE', 'crossEntropy', `labelSmoothing lies in [0, 1], got ${labelSmoothing}.`)
  const axis = x.rank === 1 ? 0 : 1
  const logp = logSoftmax(x, axis)
  if (isFloat(t.dtype)) return softCrossEntropy(logp, t, axis, options)
  const hard = negativeLogLikelihood('crossEntropy', logp, t, options)
  if (labelSmoothing === 0) return hard
  const { mask, weights } = labelWeights('crossEntropy', logp, t, options)
  const weighted = weight ? mul(logp, column(weight, logp, axis)) : logp
  const spread = neg(where(mask, sum(weighted, axis), constant(0, x.dtype)))
  const classes = x.shape[axis]!
  const smooth = reduction === 'none' ? spread : reduction === 'sum' ? sum(spread) : div(sum(spread), sum(weights))
  return add(mul(hard, operand(1 - labelSmoothing, x.dtype)), mul(smooth, operand(labelSmoothing / classes, x.dtype)))
}

const column = (weight: TensorLike, x: Tensor, axis: number) => {
  let w = cast(asTensor('crossEntropy', weight), x.dtype)
  for (let i = axis + 1; i < x.rank; i++) w = unsqueeze(w, -1)
  return w
}

function checkWeight(op: string, weight: TensorLike | null | undefined, classes: number): void {
  if (weight && !sameShape(weight.shape, [classes]))
    fail('SHAPE', op, `the weight must be [${classes}], got ${showShape(weight.shape)}.`)
}

function softCrossEntropy(logp: Tensor, t: Tensor, axis: number, options: CrossEntropyOptions): Tensor {
  const { weight, labelSmoothing = 0, reduction = 'mean' } = options
  if (!sameShape(logp.shape, t.shape)) {
    fail(
      'SHAPE',
      'crossEntropy',
      `probabilities must have the shape of the logits, got ${showShape(t.shape)} and ${showShape(logp.shape)}.`,
    )
  }
  checkWeight('crossEntropy', weight, logp.shape[axis]!)
  let p = cast(t, logp.dtype)
  if (labelSmoothing > 0) {
    const share = operand(labelSmoothing / logp.shape[axis]!, logp.dtype)
    p = add(mul(p, operand(1 - labelSmoothing, logp.dtype)), share)
  }
  if (weight) p = mul(p, column(weight, logp, axis))
  const each = neg(sum(mul(p, logp), axis))
  return reduceLoss('crossEntropy', each, reduction)
}

export interface NllLossOptions {
  weight?: TensorLike | null
  ignoreIndex?: number
  reduction?: Reduction
}

/** -logp[label]: log-probabilities [B, C, ...] (or [C]), labels [B, ...]. */
export function nllLoss(logp: TensorLike, target: TensorLike, options: NllLossOptions = {}): Tensor {
  checkOptions('nllLoss', options, ['weight', 'ignoreIndex', 'reduction'])
  const x = asTensor('nllLoss', logp)
  if (x.rank === 0 || !isFloat(x.dtype))
    fail('SHAPE', 'nllLoss', `needs float log-probabilities [B, C, ...], got ${x.dtype} ${showShape(x.shape)}.`)
  return negativeLogLikelihood('nllLoss', x, asTensor('nllLoss', target), options)
}

/** The label or, where it is skipped, 0; which are not skipped; their weights. */
function labelWeights(op: string, logp: Tensor, target: Tensor, { weight, ignoreIndex = -100 }: NllLossOptions) {
  const axis = logp.rank === 1 ? 0 : 1
  checkWeight(op, weight, logp.shape[axis]!)
  const expected = logp.shape.filter((_, i) => i !== axis)
  if (!sameShape(target.shape, expected))
    fail('SHAPE', op, `labels must be ${showShape(expected)}, got ${showShape(target.shape)}.`)
  const labels = cast(target, 'i64')
  const mask = ne(labels, operand(ignoreIndex, 'i64'))
  const safe = where(mask, labels, constant(0, 'i64'))
  const one = constant(1, logp.dtype)
  const weights = where(mask, weight ? cast(take(weight, safe, 0), logp.dtype) : one, constant(0, logp.dtype))
  return { safe, mask, weights, axis }
}

function negativeLogLikelihood(op: string, logp: Tensor, target: Tensor, options: NllLossOptions): Tensor {
  if (!isInteger(target.dtype)) fail('DTYPE', op, `labels are integers, got ${target.dtype}.`)
  const { safe, mask, weights, axis } = labelWeights(op, logp, target, options)
  const picked = squeeze(gather(logp, axis, unsqueeze(safe, axis)), axis)
  const each = where(mask, neg(mul(picked, weights)), constant(0, logp.dtype))
  switch (options.reduction ?? 'mean') {
    case 'mean':
      return div(sum(each), sum(weights))
    default:
      return reduceLoss(op, each, options.reduction!)
  }
}
