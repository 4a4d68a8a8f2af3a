/** @file Connectionist temporal classification: the loss of a sequence of labels whose places in time are unknown. */
import { isInteger } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { requireGrad, vjp } from '../graph/gradient.ts'
import type { ControlEmitter, Row } from '../graph/row.ts'
import { apply, applyTuple, Tensor } from '../graph/tensor.ts'
import { sameShape, showShape } from '../shape.ts'
import { iota, tensor } from './create.ts'
import { add, clamp, div, eq, gt, isInf, logicalAnd, lt, mul, ne, neg, sub, where } from './elementwise.ts'
import { gather, take } from './indexing.ts'
import { concat, expand, filled, narrow, pad, reshape, squeeze, stack, unsqueeze } from './layout.ts'
import { floatInput, reduceLoss } from './loss-reduction.ts'
import type { Reduction } from './loss-reduction.ts'
import { logSumExp, sum, window } from './reduction.ts'
import { asTensor, cast, constant, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

interface CtcAttrs {
  readonly blank: number
  /** Targets of one sample; -1: those of all samples stand one after the other. */
  readonly pitch: number
}

function emitCtc(e: ControlEmitter, kernel: string, ins: number, outs: number, { blank, pitch }: CtcAttrs): void {
  const list = Array.from({ length: ins }, (_, i) => {
    const from = e.packed(e.input(i))
    return i === 0 ? from : window(from, [from.dims.reduce((a, b) => a * b, 1)])
  })
  e.instr(
    kernel,
    Array.from({ length: outs }, (_, i) => e.output(i)),
    list,
    [blank, pitch],
  )
}

/** log-probabilities [T, N, C], targets, steps [N], labels [N] -> the losses [N], and what their gradient needs. */
const ctcRow: Row<CtcAttrs> = defineRow<CtcAttrs>({
  name: 'ctcLoss',
  kind: 'kernel',
  canFail: true,
  infer: ([x, targets]) => {
    const [steps, batch] = x!.shape as [number, number]
    return [
      { shape: [batch], dtype: x!.dtype },
      { shape: [steps * (2 * targets!.size + batch)], dtype: 'f64' },
    ]
  },
  vjp: ({ inputs, outputs: [, alpha], cotangents: [dy], attrs }) => [
    dy ? apply(ctcGradRow, [...inputs, alpha!, dy], attrs) : null,
  ],
  emit: (e, { attrs }) => emitCtc(e, 'ctcLoss', 4, 2, attrs),
})

const ctcGradRow: Row<CtcAttrs> = defineRow<CtcAttrs>({
  name: 'ctcLossGrad',
  kind: 'kernel',
  canFail: true,
  infer: ([x]) => x!,
  vjp: ({ dy: g, inputs, attrs, needs }) => {
    const [x, targets, steps, labels] = inputs as [Tensor, Tensor, Tensor, Tensor]
    // The composite's own gradient, differentiated once more.
    const [at, weight] = [requireGrad(x), requireGrad(inputs[5]!)]
    const [slope] = vjp([ctcComposite(at, targets, steps, labels, attrs)], [weight], [at])
    const [dx, dw] = vjp([slope!], [g], [at, weight])
    return [needs(0) ? dx : null, null, null, null, null, needs(5) ? dw : null]
  },
  emit: (e, { attrs }) => emitCtc(e, 'ctcLossGrad', 6, 1, attrs),
})

/** Stands for log 0, finite so that nothing times it is NaN. */
const NEVER = -1e30

/** The row 'ctcLoss' made of other rows, a step of time after the other. */
export function ctcComposite(x: Tensor, targets: Tensor, steps: Tensor, labels: Tensor, attrs: CtcAttrs): Tensor {
  const [T, N] = x.shape as [number, number]
  const never = constant(NEVER, x.dtype)
  const states = statesOf(paddedTargets(targets, labels, N, attrs), attrs.blank)
  const count = states.shape[1]!
  const own = unsqueeze(add(mul(labels, constant(2, 'i64')), constant(1, 'i64')), 1)
  const isState = lt(iota([count], 'i64'), own)
  const known = where(isState, states, constant(attrs.blank, 'i64'))
  const before2 = pad(known, [[2, 0]], { value: attrs.blank })
  const mayskip = logicalAnd(ne(known, constant(attrs.blank, 'i64')), ne(known, narrow(before2, 1, 0, count)))
  const emitted = gather(x, 2, expand(known, [T, N, count]))
  const shifted = (a: Tensor, by: number) => narrow(pad(a, [[by, 0]], { value: NEVER }), 1, 0, count)
  let alpha = expand(where(eq(iota([count], 'i64'), constant(0, 'i64')), constant(0, x.dtype), never), [N, count])
  for (let t = 0; t < T; t++) {
    const ways = stack([alpha, shifted(alpha, 1), where(mayskip, shifted(alpha, 2), never)])
    const next = add(logSumExp(ways, 0), squeeze(narrow(emitted, 0, t, 1), 0))
    alpha = where(unsqueeze(gt(steps, constant(t, 'i64')), 1), next, alpha)
  }
  const last = gather(alpha, 1, sub(own, constant(1, 'i64')))
  const hasLabels = gt(own, constant(1, 'i64'))
  const position = where(hasLabels, sub(own, constant(2, 'i64')), constant(0, 'i64'))
  const beside = where(hasLabels, gather(alpha, 1, position), never)
  const loss = neg(logSumExp(concat([last, beside], 1), 1))
  return where(gt(loss, constant(-NEVER / 10, x.dtype)), constant(Infinity, x.dtype), loss)
}

/** [N, most labels]; what is beyond a sample's labels is any label. */
function paddedTargets(targets: Tensor, labels: Tensor, batch: number, { pitch }: CtcAttrs): Tensor {
  if (pitch >= 0) return reshape(targets, [batch, pitch])
  const all = targets.size
  const earlier = lt(unsqueeze(iota([batch], 'i64'), 0), unsqueeze(iota([batch], 'i64'), 1))
  const first = sum(where(earlier, labels, constant(0, 'i64')), 1, { keepDims: true })
  const positions = add(first, iota([all], 'i64'))
  const isInside = lt(positions, constant(all, 'i64'))
  return take(targets, where(isInside, positions, constant(0, 'i64')), 0)
}

/** blank, label, blank, label, ..., blank. */
function statesOf(targets: Tensor, blank: number): Tensor {
  const [batch, most] = targets.shape as [number, number]
  const pairs = reshape(stack([filled([batch, most], blank, targets), targets], 2), [batch, 2 * most])
  return concat([pairs, filled([batch, 1], blank, targets)], 1)
}

export interface CtcLossOptions {
  /** The class that stands for no label. Default: 0. */
  blank?: number
  /** 'mean' divides each loss by the number of its labels (at least 1) first. Default: 'mean'. */
  reduction?: Reduction
  /** Losses that are infinite, because the labels do not fit into the steps, count as 0. Default: false. */
  zeroInfinity?: boolean
}

/**
 * -log of the probability of the labels, summed over all alignments (Graves et al. 2006). logProbs [T, N, C] (after logSoftmax); targets
 * [N, S], or those of all samples one after the other [sum of targetLengths]; lengths [N], tensors or numbers. Also one sample: [T, C], [S], and
 * numbers. INDEX for lengths and labels out of range. The gradient is that by logProbs; where the loss is infinite it is NaN.
 */
export function ctcLoss(
  logProbs: TensorLike,
  targets: TensorLike,
  inputLengths: TensorLike | number | readonly number[],
  targetLengths: TensorLike | number | readonly number[],
  options: CtcLossOptions = {},
): Tensor {
  checkOptions('ctcLoss', options, ['blank', 'reduction', 'zeroInfinity'])
  const { blank = 0, reduction = 'mean', zeroInfinity = false } = options
  const given = floatInput('ctcLoss', logProbs)
  if (given.rank !== 2 && given.rank !== 3)
    fail('SHAPE', 'ctcLoss', `needs log-probabilities [T, N, C] or [T, C], got ${showShape(given.shape)}.`)
  const x = given.rank === 2 ? unsqueeze(given, 1) : given
  const [, batch, classes] = x.shape as [number, number, number]
  checkInteger('ctcLoss', 'blank', blank, 0, classes - 1)
  const labels = asTensor('ctcLoss', targets)
  const isPadded = labels.rank === 2
  if (!isInteger(labels.dtype)) fail('DTYPE', 'ctcLoss', `targets are integers, got ${labels.dtype}.`)
  if (!(labels.rank === 1 || (isPadded && given.rank === 3 && labels.shape[0] === batch)))
    fail('SHAPE', 'ctcLoss', `targets must be [${batch}, S] or of one axis, got ${showShape(labels.shape)}.`)
  const [steps, counts] = [lengths(inputLengths, batch), lengths(targetLengths, batch)]
  const attrs = { blank, pitch: isPadded ? labels.shape[1]! : -1 }
  const narrowed = x.dtype === 'f16' || x.dtype === 'bf16' ? cast(x, 'f32') : x
  let each = cast(applyTuple(ctcRow, [narrowed, cast(labels, 'i64'), steps, counts], attrs)[0]!, x.dtype)
  if (zeroInfinity) each = where(isInf(each), constant(0, x.dtype), each)
  if (reduction === 'mean') each = div(each, cast(clamp(counts, constant(1, 'i64')), x.dtype))
  if (reduction === 'none' && given.rank === 2) return reshape(each, [])
  return reduceLoss('ctcLoss', each, reduction)
}

function lengths(given: TensorLike | number | readonly number[], batch: number): Tensor {
  const isList = Array.isArray(given) || typeof given === 'number'
  const list = isList ? [given as number | readonly number[]].flat() : []
  list.forEach((n) => checkInteger('ctcLoss', 'a length', n, 0))
  const t = isList ? tensor(BigInt64Array.from(list, BigInt)) : asTensor('ctcLoss', given as TensorLike)
  if (!isInteger(t.dtype)) fail('DTYPE', 'ctcLoss', `lengths are integers, got ${t.dtype}.`)
  if (!sameShape(t.shape, [batch]) && !(batch === 1 && t.rank === 0))
    fail('SHAPE', 'ctcLoss', `lengths must be [${batch}], got ${showShape(t.shape)}.`)
  return cast(reshape(t, [batch]), 'i64')
}
