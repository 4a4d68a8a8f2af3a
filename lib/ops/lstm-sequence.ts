/** @file lstmSequence: one direction of a layer of an LSTM, all steps in one kernel. */
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
import { constant, defineRow } from './table.ts'

interface LstmAttrs extends SequenceAttrs {
  /** There is a weight [P, H] that h goes through. */
  readonly projects: boolean
  /** The gates are an output, for the gradient. */
  readonly keeps: boolean
}

interface LstmGradAttrs extends SequenceAttrs {
  readonly projects: boolean
  /** There is a gradient by the cells. */
  readonly byCells: boolean
}

export interface LstmState {
  /** [B, P]. */
  readonly h: Tensor
  /** [B, H]. */
  readonly c: Tensor
}

/** A step from what goes into the gates, [B, 4 H] in the order i f g o: W_ih x + W_hh h and both biases. */
export function lstmStep(sum: Tensor, c: Tensor, project: Tensor | null): LstmState & { gates: Tensor } {
  const [inGate, forget, candidate, outGate] = partsOf(sum, 4) as [Tensor, Tensor, Tensor, Tensor]
  const [i, f, g, o] = [sigmoid(inGate), sigmoid(forget), tanh(candidate), sigmoid(outGate)]
  const next = add(mul(f, c), mul(i, g))
  const m = mul(o, tanh(next))
  return { h: project ? matmul(m, transpose(project)) : m, c: next, gates: concat([i, f, g, o], -1) }
}

/** What lstmSequence equals: [gx, w, h0, c0, wr?, lengths?] -> [hs, cs, gates]. */
export function lstmComposite(
  [gx, w, h0, c0, ...rest]: readonly Tensor[],
  { steps, reverse, projects }: Pick<LstmAttrs, 'steps' | 'reverse' | 'projects'>,
): readonly Tensor[] {
  const [project, lengths] = projects ? rest : [null, rest[0]]
  const [batch, n] = c0!.shape as [number, number]
  const body = ([h, c]: readonly Tensor[], [x]: readonly Tensor[], mask: Tensor | null) => {
    const next = lstmStep(add(x!, matmul(h!, transpose(w!))), c!, project ?? null)
    const carry = [atSteps(mask, next.h, h!), atSteps(mask, next.c, c!)]
    return { carry, ys: [...carry, zeroElsewhere(mask, next.gates)] }
  }
  const xs = [reshape(gx!, [steps, batch, 4 * n])]
  const [hs, cs, gates] = overTime(body, [h0!, c0!], xs, stepMask(steps, lengths), reverse).ys
  return [hs!, cs!, reshape(gates!, [steps * batch, 4 * n])]
}

/** What lstmSequenceGrad equals: [gates, cs, w, c0, dhs, wr?, dcs?, lengths?] -> [d, dh0, dc0, total?]. */
export function lstmGradComposite(
  [gates, cs, w, c0, dhs, ...rest]: readonly Tensor[],
  { steps, reverse, projects, byCells }: LstmGradAttrs,
): readonly Tensor[] {
  const project = projects ? rest[0]! : null
  const dcs = byCells ? rest[Number(projects)]! : filled(cs!.shape, 0, cs!)
  const lengths = rest[Number(projects) + Number(byCells)]
  const [, batch, n] = cs!.shape as [number, number, number]
  const one = constant(1, cs!.dtype)
  const slope = (y: Tensor) => mul(y, sub(one, y))
  const body = ([dh, dc]: readonly Tensor[], [all, c, before, dy, dz]: readonly Tensor[], mask: Tensor | null) => {
    const [i, f, g, o] = partsOf(all!, 4) as [Tensor, Tensor, Tensor, Tensor]
    const [total, byC] = [add(dh!, dy!), add(dc!, dz!)]
    const dm = project ? matmul(total, project) : total
    const squashed = tanh(c!)
    const inner = add(byC, mul(mul(dm, o), sub(one, square(squashed))))
    const d = concat(
      [
        mul(mul(inner, g), slope(i)),
        mul(mul(inner, before!), slope(f)),
        mul(mul(inner, i), sub(one, square(g))),
        mul(mul(dm, squashed), slope(o)),
      ],
      -1,
    )
    const kept = zeroElsewhere(mask, d)
    const carry = [atSteps(mask, matmul(d, w!), total), atSteps(mask, mul(inner, f), byC)]
    return { carry, ys: [kept, zeroElsewhere(mask, total)] }
  }
  const start = [filled([batch, w!.shape[1]!], 0, cs!), filled([batch, n], 0, cs!)]
  const before = statesBefore(cs!, c0!, reverse)
  const xs = [reshape(gates!, [steps, batch, 4 * n]), cs!, before, dhs!, dcs]
  const { carry, ys } = overTime(body, start, xs, stepMask(steps, lengths), !reverse)
  return [reshape(ys[0]!, [steps * batch, 4 * n]), carry[0]!, carry[1]!, ...(projects ? [ys[1]!] : [])]
}

const byComposite = composed(lstmComposite)

const lstmRow: Row<LstmAttrs> = defineRow<LstmAttrs>({
  name: 'lstmSequence',
  kind: 'kernel',
  autocast: 'narrow',
  infer: ([gx, , h0, c0], { steps, keeps }) => {
    const [batch, n] = c0!.shape as [number, number]
    const shapes = [[steps, ...h0!.shape], [steps, batch, n], ...(keeps ? [[steps * batch, 4 * n]] : [])]
    return shapes.map((shape) => ({ shape, dtype: gx!.dtype }))
  },
  vjp: (context) => {
    const { inputs, outputs, attrs, cotangents, needs } = context
    const [, w, h0, c0, ...rest] = inputs
    const [hs, cs, gates] = outputs as [Tensor, Tensor, Tensor]
    const [dhs, dcs, dGates] = cotangents
    // Only a gradient of the gradient comes by the gates.
    if (dGates) return byComposite(context)
    const { steps, reverse, projects } = attrs
    const [project, lengths] = projects ? [rest.slice(0, 1), rest.slice(1)] : [[], rest]
    const [d, dh0, dc0, total] = applyTuple(
      lstmGradRow,
      [gates, cs, w!, c0!, dhs ?? zerosLike(hs), ...project, ...(dcs ? [dcs] : []), ...lengths],
      { steps, reverse, projects, byCells: Boolean(dcs) },
    )
    const dw = needs(1) ? weightGrad(d!, hs, h0!, reverse) : null
    return [d!, dw, dh0!, dc0!, ...(projects ? [projectionGrad(total!, gates, cs)] : [])]
  },
  emit: (e, { attrs, inputs }) => {
    const [h0, c0] = [inputs[2]!.shape, inputs[3]!.shape]
    const [batch, n, p] = [c0[0]!, c0[1]!, h0[1]!]
    const { dtype } = e.output(0)
    const gates = attrs.keeps ? e.output(2) : e.temp(dtype, [batch, 4 * n])
    const sizes: [number, number][] = [[p, 4 * n], ...(attrs.projects ? [[n, p] as [number, number]] : [])]
    const work = e.temp(dtype, [packedSize(dtype, ...sizes)])
    const ins = inputs.map((_, i) => e.packed(e.input(i)))
    const numbers = [Number(attrs.reverse), Number(attrs.projects)]
    e.instr('lstmSequence', [gates, e.output(0), e.output(1), work], ins, numbers)
  },
})

/** By the weight [P, H] that m = o tanh(c) goes through; total [T, B, P]: the gradient by what comes out. */
function projectionGrad(total: Tensor, gates: Tensor, cs: Tensor): Tensor {
  const [rows, n] = [gates.shape[0]!, cs.shape[2]!]
  const m = mul(narrow(gates, 1, 3 * n, n), tanh(reshape(cs, [rows, n])))
  return matmul(transpose(reshape(total, [rows, total.shape[2]!])), m)
}

const lstmGradRow: Row<LstmGradAttrs> = defineRow<LstmGradAttrs>({
  name: 'lstmSequenceGrad',
  kind: 'kernel',
  infer: ([gates, cs, , c0, dhs], { projects }) => {
    const [, batch, p] = dhs!.shape as [number, number, number]
    const shapes = [gates!.shape, [batch, p], c0!.shape, ...(projects ? [dhs!.shape] : [])]
    return shapes.map((shape) => ({ shape, dtype: cs!.dtype }))
  },
  vjp: composed(lstmGradComposite),
  emit: (e, { attrs, inputs }) => {
    const [n, p] = [inputs[1]!.shape[2]!, inputs[4]!.shape[2]!]
    const { dtype } = e.output(0)
    const sizes: [number, number][] = [[4 * n, p], ...(attrs.projects ? [[p, n] as [number, number]] : [])]
    const work = e.temp(dtype, [packedSize(dtype, ...sizes)])
    const ins = inputs.map((_, i) => e.packed(e.input(i)))
    const outs = [e.output(0), e.output(1), e.output(2), work, ...(attrs.projects ? [e.output(3)] : [])]
    e.instr('lstmSequenceGrad', outs, ins, [Number(attrs.reverse), Number(attrs.projects), Number(attrs.byCells)])
  },
})

export interface LstmSequence {
  /** After each step: [T, B, P] and [T, B, H]. */
  readonly hs: Tensor
  readonly cs: Tensor
}

/**
 * States after each step of an LSTM (Hochreiter & Schmidhuber 1997, with forget gates of Gers et al. 2000): gx [T, B, 4 H] = W_ih x +
 * the biases of all steps; the gates i f g o of gx[t] + h w^T, w [4 H, P]; c = f c + i g; h = o tanh(c), or `project` [P, H] times that
 * (Sak et al. 2014).
 */
export function lstmSequence(
  gx: Tensor,
  w: Tensor,
  { h, c }: LstmState,
  options: SequenceOptions & { project?: Tensor | null } = {},
): LstmSequence {
  const { lengths, reverse = false, project } = options
  const [steps, batch, width] = gx.shape as [number, number, number]
  const flat = reshape(gx, [steps * batch, width])
  if (steps === 1 && !lengths) {
    // To pack the weights would take longer than the step.
    const next = lstmStep(add(flat, matmul(h, transpose(w))), c, project ?? null)
    return { hs: reshape(next.h, [1, ...next.h.shape]), cs: reshape(next.c, [1, ...next.c.shape]) }
  }
  const inputs = [flat, w, h, c, ...(project ? [project] : []), ...(lengths ? [lengths] : [])]
  const keeps = state.gradEnabled && inputs.some(({ requiresGrad }) => requiresGrad)
  const [hs, cs] = applyTuple(lstmRow, inputs, { steps, reverse, projects: Boolean(project), keeps })
  return { hs: hs!, cs: cs! }
}
