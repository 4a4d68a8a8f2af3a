/** @file gruSequence: one direction of a layer of a GRU, all steps in one kernel. */
import type { Row } from '../graph/row.ts'
import { state } from '../graph/state.ts'
import { applyTuple } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { matmul } from './contraction.ts'
import { zerosLike } from './create.ts'
import { add, mul, sigmoid, square, sub, tanh } from './elementwise.ts'
import { concat, filled, narrow, reshape, transpose } from './layout.ts'
import {
  atSteps,
  composed,
  overTime,
  packedSize,
  partsOf,
  statesBefore,
  stepMask,
  weightGrad,
  zeroElsewhere,
} from './recurrent.ts'
import type { SequenceAttrs, SequenceOptions } from './recurrent.ts'
import { sum } from './reduction.ts'
import { constant, defineRow } from './table.ts'

interface GruAttrs extends SequenceAttrs {
  /** The gates are an output, for the gradient. */
  readonly keeps: boolean
}

/** A step from gx [B, 3 H] in the order r z n, h w^T [B, 3 H], and the bias b [H] of the latter's n; gates: r z n and h w_n^T + b. */
export function gruStep(gx: Tensor, gh: Tensor, h: Tensor, b: Tensor | null): { h: Tensor; gates: Tensor } {
  const [xr, xz, xn] = partsOf(gx, 3) as [Tensor, Tensor, Tensor]
  const [hr, hz, hn] = partsOf(gh, 3) as [Tensor, Tensor, Tensor]
  const [r, z, q] = [sigmoid(add(xr, hr)), sigmoid(add(xz, hz)), b ? add(hn, b) : hn]
  const n = tanh(add(xn, mul(r, q)))
  return { h: add(n, mul(z, sub(h, n))), gates: concat([r, z, n, q], -1) }
}

/** What gruSequence equals: [gx, w, h0, b, lengths?] -> [hs, gates]. */
export function gruComposite(
  [gx, w, h0, b, lengths]: readonly Tensor[],
  { steps, reverse }: SequenceAttrs,
): readonly Tensor[] {
  const [batch, n] = h0!.shape as [number, number]
  const body = ([h]: readonly Tensor[], [x]: readonly Tensor[], mask: Tensor | null) => {
    const next = gruStep(x!, matmul(h!, transpose(w!)), h!, b!)
    const held = atSteps(mask, next.h, h!)
    return { carry: [held], ys: [held, zeroElsewhere(mask, next.gates)] }
  }
  const xs = [reshape(gx!, [steps, batch, 3 * n])]
  const [hs, gates] = overTime(body, [h0!], xs, stepMask(steps, lengths), reverse).ys
  return [hs!, reshape(gates!, [steps * batch, 4 * n])]
}

/** What gruSequenceGrad equals: [gates, hs, w, h0, dhs, lengths?] -> [d, dh0]; d by r z n and by h w_n^T + b. */
export function gruGradComposite(
  [gates, hs, w, h0, dhs, lengths]: readonly Tensor[],
  { steps, reverse }: SequenceAttrs,
): readonly Tensor[] {
  const [, batch, size] = hs!.shape as [number, number, number]
  const one = constant(1, hs!.dtype)
  const body = ([carried]: readonly Tensor[], [all, before, dy]: readonly Tensor[], mask: Tensor | null) => {
    const [r, z, n, q] = partsOf(all!, 4) as [Tensor, Tensor, Tensor, Tensor]
    const dh = add(carried!, dy!)
    const dn = mul(mul(dh, sub(one, z)), sub(one, square(n)))
    const dr = mul(mul(dn, q), mul(r, sub(one, r)))
    const dz = mul(mul(dh, sub(before!, n)), mul(z, sub(one, z)))
    const dq = mul(dn, r)
    const next = add(mul(dh, z), matmul(concat([dr, dz, dq], -1), w!))
    return { carry: [atSteps(mask, next, dh)], ys: [zeroElsewhere(mask, concat([dr, dz, dn, dq], -1))] }
  }
  const start = [filled([batch, size], 0, hs!)]
  const xs = [reshape(gates!, [steps, batch, 4 * size]), statesBefore(hs!, h0!, reverse), dhs!]
  const { carry, ys } = overTime(body, start, xs, stepMask(steps, lengths), !reverse)
  return [reshape(ys[0]!, [steps * batch, 4 * size]), carry[0]!]
}

const byComposite = composed(gruComposite)

const gruRow: Row<GruAttrs> = defineRow<GruAttrs>({
  name: 'gruSequence',
  kind: 'kernel',
  autocast: 'narrow',
  infer: ([gx, , h0], { steps, keeps }) => {
    const [batch, n] = h0!.shape as [number, number]
    const shapes = [[steps, batch, n], ...(keeps ? [[steps * batch, 4 * n]] : [])]
    return shapes.map((shape) => ({ shape, dtype: gx!.dtype }))
  },
  vjp: (context) => {
    const { inputs, outputs, attrs, cotangents, needs } = context
    const [, w, h0, , ...lengths] = inputs
    const [hs, gates] = outputs as [Tensor, Tensor]
    const [dhs, dGates] = cotangents
    // Only a gradient of the gradient comes by the gates.
    if (dGates) return byComposite(context)
    const { steps, reverse } = attrs
    const given = [gates, hs, w!, h0!, dhs ?? zerosLike(hs), ...lengths]
    const [d, dh0] = applyTuple(gruGradRow, given, { steps, reverse })
    const n = h0!.shape[1]!
    // [T B, 3 H] of r z n for gx; r z and the last part went through w.
    const [byInput, byLast] = [narrow(d!, 1, 0, 3 * n), narrow(d!, 1, 3 * n, n)]
    const dw = () =>
      concat([weightGrad(narrow(d!, 1, 0, 2 * n), hs, h0!, reverse), weightGrad(byLast, hs, h0!, reverse)])
    return [byInput, needs(1) ? dw() : null, dh0!, needs(3) ? sum(byLast, 0) : null]
  },
  emit: (e, { attrs, inputs }) => {
    const [batch, n] = inputs[2]!.shape as [number, number]
    const { dtype } = e.output(0)
    const gates = attrs.keeps ? e.output(1) : e.temp(dtype, [batch, 4 * n])
    const work = e.temp(dtype, [packedSize(dtype, [n, 2 * n], [n, n])])
    const ins = inputs.map((_, i) => e.packed(e.input(i)))
    e.instr('gruSequence', [gates, e.output(0), work], ins, [Number(attrs.reverse)])
  },
})

const gruGradRow: Row<SequenceAttrs> = defineRow<SequenceAttrs>({
  name: 'gruSequenceGrad',
  kind: 'kernel',
  infer: ([gates, , , h0]) => [gates!, h0!].map(({ shape, dtype }) => ({ shape, dtype })),
  vjp: composed(gruGradComposite),
  emit: (e, { attrs, inputs }) => {
    const n = inputs[3]!.shape[1]!
    const { dtype } = e.output(0)
    const work = e.temp(dtype, [packedSize(dtype, [2 * n, n], [n, n])])
    const ins = inputs.map((_, i) => e.packed(e.input(i)))
    e.instr('gruSequenceGrad', [e.output(0), e.output(1), work], ins, [Number(attrs.reverse)])
  },
})

/**
 * States after each step of a GRU (Cho et al. 2014, with r inside as cuDNN has it), [T, B, H]: gx [T, B, 3 H] = W_ih x + the biases of all steps
 * (for n that of W_ih only) in the order r z n; r, z = sigmoid(gx + h w^T), n = tanh(gx_n + r (h w_n^T + b)), h = (1 - z) n + z h.
 */
export function gruSequence(gx: Tensor, w: Tensor, h0: Tensor, b: Tensor, options: SequenceOptions = {}): Tensor {
  const { lengths, reverse = false } = options
  const [steps, batch, width] = gx.shape as [number, number, number]
  const flat = reshape(gx, [steps * batch, width])
  if (steps === 1 && !lengths) {
    // To pack the weights would take longer than the step.
    return reshape(gruStep(flat, matmul(h0, transpose(w)), h0, b).h, [1, ...h0.shape])
  }
  const inputs = [flat, w, h0, b, ...(lengths ? [lengths] : [])]
  const keeps = state.gradEnabled && inputs.some(({ requiresGrad }) => requiresGrad)
  return applyTuple(gruRow, inputs, { steps, reverse, keeps })[0]!
}
