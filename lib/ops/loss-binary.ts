/** @file Losses of probabilities that are independent of each other, and of distributions: cross entropy of bits, KL, focal, Dice. */
import { checkOptions, fail } from '../errors.ts'
import { customGrad } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { broadcast, sameShape, showShape } from '../shape.ts'
import {
  add,
  clamp,
  div,
  exp,
  gt,
  log,
  log1p,
  logSigmoid,
  mul,
  neg,
  pow,
  sigmoid,
  softplus,
  sub,
  where,
} from './elementwise.ts'
import { checkNumber, paired, reduceLoss } from './loss-reduction.ts'
import type { LossOptions, Reduction } from './loss-reduction.ts'
import { mean, sum } from './reduction.ts'
import { asTensor, cast, constant, operand } from './table.ts'
import type { TensorLike } from './table.ts'

export interface WeightedLossOptions extends LossOptions {
  /** Of each element; broadcast. */
  weight?: TensorLike | null
}

/** A weight that broadcasts to x, in its dtype. */
function weightFor(op: string, name: string, weight: TensorLike, x: Tensor): Tensor {
  const w = cast(asTensor(op, weight), x.dtype)
  if (!sameShape(broadcast(op, w.shape, x.shape), x.shape))
    fail('SHAPE', op, `${name} must broadcast to ${showShape(x.shape)}, got ${showShape(w.shape)}.`)
  return w
}

function weighted(op: string, each: Tensor, weight: TensorLike | null | undefined): Tensor {
  return weight ? mul(each, weightFor(op, 'the weight', weight, each)) : each
}

const complement = (x: Tensor) => sub(constant(1, x.dtype), x)

/** Logarithms are at least -100, and (x - t) / max(x (1 - x), 1e-12) is the slope, so that 0 and 1 are allowed. */
const crossEntropyOfBits = customGrad(
  (x: Tensor, t: Tensor) => {
    const floor = constant(-100, x.dtype)
    return neg(add(mul(t, clamp(log(x), floor)), mul(complement(t), clamp(log1p(neg(x)), floor))))
  },
  (dy, [x, t]) => {
    const spread = clamp(mul(x, complement(x)), constant(1e-12, x.dtype))
    const floor = constant(-100, x.dtype)
    return [div(mul(dy, sub(x, t)), spread), mul(dy, sub(clamp(log1p(neg(x)), floor), clamp(log(x), floor)))]
  },
)

/** -(t log x + (1 - t) log(1 - x)) for probabilities x and t in [0, 1]; logarithms are at least -100. */
export function binaryCrossEntropy(input: TensorLike, target: TensorLike, options: WeightedLossOptions = {}): Tensor {
  checkOptions('binaryCrossEntropy', options, ['reduction', 'weight'])
  const [x, t] = paired('binaryCrossEntropy', input, target)
  const each = weighted('binaryCrossEntropy', crossEntropyOfBits(x, t), options.weight)
  return reduceLoss('binaryCrossEntropy', each, options.reduction)
}

export interface BinaryCrossEntropyWithLogitsOptions extends WeightedLossOptions {
  /** Weight of the positive part, for classes that are rare; broadcast. */
  posWeight?: TensorLike | null
}

/** binaryCrossEntropy of sigmoid(x), without its loss of digits: (1 - t) x + (1 + (posWeight - 1) t) log(1 + exp(-x)). */
export function binaryCrossEntropyWithLogits(
  logits: TensorLike,
  target: TensorLike,
  options: BinaryCrossEntropyWithLogitsOptions = {},
): Tensor {
  const op = 'binaryCrossEntropyWithLogits'
  checkOptions(op, options, ['reduction', 'weight', 'posWeight'])
  const [x, t] = paired(op, logits, target)
  let negative = softplus(neg(x))
  if (options.posWeight) {
    const more = sub(weightFor(op, 'posWeight', options.posWeight, x), constant(1, x.dtype))
    negative = mul(negative, add(mul(more, t), constant(1, x.dtype)))
  }
  const each = weighted(op, add(mul(complement(t), x), negative), options.weight)
  return reduceLoss(op, each, options.reduction)
}

/** log(1 + exp(-t x)) for targets 1 and -1. */
export function softMarginLoss(input: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  checkOptions('softMarginLoss', options, ['reduction'])
  const [x, t] = paired('softMarginLoss', input, target)
  return reduceLoss('softMarginLoss', softplus(neg(mul(t, x))), options.reduction)
}

/** The mean over classes, the last axis, of the cross entropy of each bit: input and target [..., C]. */
export function multilabelSoftMarginLoss(
  input: TensorLike,
  target: TensorLike,
  options: WeightedLossOptions = {},
): Tensor {
  const op = 'multilabelSoftMarginLoss'
  checkOptions(op, options, ['reduction', 'weight'])
  const [x, t] = paired(op, input, target)
  if (x.rank === 0) fail('SHAPE', op, 'needs [..., C], got a scalar.')
  const each = neg(add(mul(t, logSigmoid(x)), mul(complement(t), logSigmoid(neg(x)))))
  return reduceLoss(op, mean(weighted(op, each, options.weight), -1), options.reduction)
}

export interface KlDivOptions {
  /** 'batchmean' divides the sum by the first axis' size: the divergence as it is defined. Default: 'mean'. */
  reduction?: Reduction | 'batchmean'
  /** The target is given as logarithms too. Default: false. */
  logTarget?: boolean
}

/** t (log t - input): Kullback-Leibler divergence of a target from log-probabilities; 0 where t = 0. */
export function klDiv(input: TensorLike, target: TensorLike, options: KlDivOptions = {}): Tensor {
  checkOptions('klDiv', options, ['reduction', 'logTarget'])
  const { reduction = 'mean', logTarget = false } = options
  const [x, t] = paired('klDiv', input, target)
  const each = logTarget ? mul(exp(t), sub(t, x)) : sub(timesOwnLog(t), mul(t, x))
  if (reduction !== 'batchmean') return reduceLoss('klDiv', each, reduction)
  return div(sum(each), constant(x.shape[0] ?? 1, x.dtype))
}

/** t log t, 0 at 0. */
function timesOwnLog(t: Tensor): Tensor {
  const isPositive = gt(t, constant(0, t.dtype))
  return where(isPositive, mul(t, log(where(isPositive, t, constant(1, t.dtype)))), mul(t, constant(0, t.dtype)))
}

export interface FocalLossOptions extends LossOptions {
  /** Weight of the positives, 1 - alpha that of the negatives; negative: none. Default: 0.25. */
  alpha?: number
  /** How much less easy examples count. Default: 2. */
  gamma?: number
}

/** (1 - p)^gamma times the cross entropy of a bit, p being the probability of what is right (Lin et al. 2017). */
export function focalLoss(logits: TensorLike, target: TensorLike, options: FocalLossOptions = {}): Tensor {
  checkOptions('focalLoss', options, ['reduction', 'alpha', 'gamma'])
  const { alpha = 0.25, gamma = 2, reduction } = options
  checkNumber('focalLoss', 'alpha', alpha, alpha <= 1, 'is at most 1')
  checkNumber('focalLoss', 'gamma', gamma, gamma >= 0, 'is a number >= 0')
  const [x, t] = paired('focalLoss', logits, target)
  const p = sigmoid(x)
  const wrong = add(mul(complement(p), t), mul(p, complement(t)))
  let each = mul(add(mul(complement(t), x), softplus(neg(x))), pow(wrong, gamma))
  if (alpha >= 0) {
    const side = add(mul(t, operand(alpha, x.dtype)), mul(complement(t), operand(1 - alpha, x.dtype)))
    each = mul(each, side)
  }
  return reduceLoss('focalLoss', each, reduction)
}

export interface DiceLossOptions extends LossOptions {
  /** Added above and below, so that nothing meeting nothing is a perfect match. Default: 1. */
  smooth?: number
}

/**
 * 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth) for probabilities p and masks t [B, C, ...], summed over all but the first two
 * axes: one loss a sample and class (Milletari et al. 2016, "V-Net").
 */
export function diceLoss(probabilities: TensorLike, target: TensorLike, options: DiceLossOptions = {}): Tensor {
  checkOptions('diceLoss', options, ['reduction', 'smooth'])
  const { smooth = 1, reduction } = options
  checkNumber('diceLoss', 'smooth', smooth, smooth >= 0, 'is a number >= 0')
  const [p, t] = paired('diceLoss', probabilities, target)
  if (p.rank < 3) fail('SHAPE', 'diceLoss', `needs [B, C, ...], got ${showShape(p.shape)}.`)
  const over = p.shape.slice(2).map((_, i) => i + 2)
  const extra = operand(smooth, p.dtype)
  const both = add(mul(sum(mul(p, t), over), constant(2, p.dtype)), extra)
  return reduceLoss('diceLoss', complement(div(both, add(add(sum(p, over), sum(t, over)), extra))), reduction)
}
