/** @file rnnSequence: one direction of a layer of a simple recurrent net, all steps in one kernel. */
import type { Row } from '../graph/row.ts'
import { apply, applyTuple } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { matmul } from './contraction.ts'
import { add, gt, mul, relu, square, sub, tanh, where } from './elementwise.ts'
import { filled, reshape, transpose } from './layout.ts'
import { atSteps, composed, overTime, packedSize, stepMask, weightGrad, zeroElsewhere } from './recurrent.ts'
import type { SequenceAttrs, SequenceOptions } from './recurrent.ts'
import { constant, defineRow } from './table.ts'

interface RnnAttrs extends SequenceAttrs {
  readonly relu: boolean
}

/** h after a step, from what goes into the function: W_ih x + W_hh h and both biases. */
export const rnnStep = (sum: Tensor, isRelu: boolean): Tensor => (isRelu ? relu(sum) : tanh(sum))

/** What rnnSequence equals: [gx, w, h0, lengths?] -> [hs]. */
export function rnnComposite(
  [gx, w, h0, lengths]: readonly Tensor[],
  { steps, reverse, relu }: RnnAttrs,
): readonly Tensor[] {
  const body = ([h]: readonly Tensor[], [x]: readonly Tensor[], mask: Tensor | null) => {
    const next = atSteps(mask, rnnStep(add(x!, matmul(h!, transpose(w!))), relu), h!)
    return { carry: [next], ys: [next] }
  }
  return overTime(body, [h0!], [reshape(gx!, [steps, ...h0!.shape])], stepMask(steps, lengths), reverse).ys
}

/** What rnnSequenceGrad equals: [hs, w, dhs, lengths?] -> [d, dh0]. */
export function rnnGradComposite(
  [hs, w, dhs, lengths]: readonly Tensor[],
  { steps, reverse, relu }: RnnAttrs,
): readonly Tensor[] {
  const [, batch, n] = hs!.shape as [number, number, number]
  const [zero, one] = [constant(0, hs!.dtype), constant(1, hs!.dtype)]
  const slope = (h: Tensor) => (dh: Tensor) => (relu ? where(gt(h, zero), dh, zero) : mul(dh, sub(one, square(h))))
  const body = ([carried]: readonly Tensor[], [h, dh]: readonly Tensor[], mask: Tensor | null) => {
    const total = add(carried!, dh!)
    const d = zeroElsewhere(mask, slope(h!)(total))
    return { carry: [atSteps(mask, matmul(d, w!), total)], ys: [d] }
  }
  const start = [filled([batch, n], 0, hs!)]
  const { carry, ys } = overTime(body, start, [hs!, dhs!], stepMask(steps, lengths), !reverse)
  return [reshape(ys[0]!, [steps * batch, n]), carry[0]!]
}

const rnnRow: Row<RnnAttrs> = defineRow<RnnAttrs>({
  name: 'rnnSequence',
  kind: 'kernel',
  autocast: 'narrow',
  infer: ([gx, , h0], { steps }) => ({ shape: [steps, ...h0!.shape], dtype: gx!.dtype }),
  vjp: ({ dy, inputs: [, w, h0, ...lengths], outputs: [hs], attrs, needs }) => {
    const [d, dh0] = applyTuple(rnnGradRow, [hs!, w!, dy, ...lengths], attrs)
    return [d!, needs(1) ? weightGrad(d!, hs!, h0!, attrs.reverse) : null, dh0!]
  },
  emit: (e, { attrs, inputs }) => {
    const [hs, n] = [e.output(), inputs[2]!.shape[1]!]
    const work = e.temp(hs.dtype, [packedSize(hs.dtype, [n, n])])
    const ins = inputs.map((_, i) => e.packed(e.input(i)))
    e.instr('rnnSequence', [hs, work], ins, [Number(attrs.reverse), Number(attrs.relu)])
  },
})

const rnnGradRow: Row<RnnAttrs> = defineRow<RnnAttrs>({
  name: 'rnnSequenceGrad',
  kind: 'kernel',
  infer: ([hs]) => {
    const [steps, batch, n] = hs!.shape as [number, number, number]
    const { dtype } = hs!
    return [
      { shape: [steps * batch, n], dtype },
      { shape: [batch, n], dtype },
    ]
  },
  vjp: composed(rnnGradComposite),
  emit: (e, { attrs, inputs }) => {
    const [d, n] = [e.output(0), inputs[0]!.shape[2]!]
    const work = e.temp(d.dtype, [packedSize(d.dtype, [n, n])])
    const ins = inputs.map((_, i) => e.packed(e.input(i)))
    e.instr('rnnSequenceGrad', [d, e.output(1), work], ins, [Number(attrs.reverse), Number(attrs.relu)])
  },
})

/**
 * States after each step, [T, B, H]: h = f(gx[t] + h w^T) from h0 [B, H], f being tanh or relu, with gx [T, B, H] = W_ih x + the
 * biases of all steps and w [H, H] (Elman 1990). A gradient at the kink of relu is 0.
 */
export function rnnSequence(
  gx: Tensor,
  w: Tensor,
  h0: Tensor,
  options: SequenceOptions & { relu?: boolean } = {},
): Tensor {
  const { lengths, reverse = false, relu = false } = options
  const [steps, batch, n] = gx.shape as [number, number, number]
  const inputs = [reshape(gx, [steps * batch, n]), w, h0, ...(lengths ? [lengths] : [])]
  if (steps > 1 || lengths) return apply(rnnRow, inputs, { steps, reverse, relu })
  // To pack the weights would take longer than the step.
  return reshape(rnnStep(add(inputs[0]!, matmul(h0, transpose(w))), relu), [1, batch, n])
}
