/** @file What the sequence ops of recurrent layers share: time, lengths, packed weights, and gradients of what they equal. */
import { isFloat } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { requireGrad, vjp } from '../graph/gradient.ts'
import type { Vjp } from '../graph/row.ts'
import type { Tensor } from '../graph/tensor.ts'
import { matmul } from './contraction.ts'
import { scan } from './control.ts'
import { iota } from './create.ts'
import { add, lt, where } from './elementwise.ts'
import { concat, flip, narrow, reshape, split, transpose } from './layout.ts'
import { constant } from './table.ts'

/** Letters: T steps, B sequences, H units, P numbers in a state h (H, unless an LSTM projects), G gates. */
export interface SequenceAttrs {
  /** T. */
  readonly steps: number
  /** From the last step to the first. */
  readonly reverse: boolean
}

export interface SequenceOptions {
  /** From the last step to the first. Default: false. */
  reverse?: boolean
  /** i64 [B]: sequence b has the steps t < lengths[b]; at others its state stays as it is. Default: all have all. */
  lengths?: Tensor | null
}

/** The room that weights [k, n] take in the order in which a sequence kernel reads them (docs/plan.md). */
export function packedSize(dtype: DType, ...weights: readonly (readonly [k: number, n: number])[]): number {
  const block = dtype === 'f64' ? 16 : 32
  return weights.reduce((total, [k, n]) => total + Math.ceil(n / block) * block * k, 0)
}

/** Whether a sequence has a step, bool [T, B, 1]; null: all have all. */
export function stepMask(steps: number, lengths: Tensor | null | undefined): Tensor | null {
  if (!lengths) return null
  return lt(reshape(iota([steps], 'i64'), [steps, 1, 1]), reshape(lengths, [1, lengths.size, 1]))
}

/** `next` where there is the step, else `otherwise`. */
export const atSteps = (mask: Tensor | null, next: Tensor, otherwise: Tensor): Tensor =>
  mask ? where(mask, next, otherwise) : next

/** `next` where there is the step, else 0. */
export const zeroElsewhere = (mask: Tensor | null, next: Tensor): Tensor =>
  mask ? where(mask, next, constant(0, next.dtype)) : next

type TimeStep = (
  carry: readonly Tensor[],
  xs: readonly Tensor[],
  mask: Tensor | null,
) => { carry: readonly Tensor[]; ys: readonly Tensor[] }

/** Goes through time along the first axis of `xs`, forwards or backwards; gives what each step gives, [T, ...], and the last state. */
export function overTime(
  body: TimeStep,
  init: readonly Tensor[],
  xs: readonly Tensor[],
  mask: Tensor | null,
  backwards: boolean,
): { carry: readonly Tensor[]; ys: readonly Tensor[] } {
  const turned = (t: Tensor) => (backwards ? flip(t, 0) : t)
  const given = mask ? [...xs, mask] : xs
  const result = scan(
    (carry, slices) => body(carry, slices.slice(0, xs.length), mask ? slices[xs.length]! : null),
    init,
    given.map(turned),
  )
  return { carry: result.carry, ys: result.ys.map(turned) }
}

/** Equal parts of the last axis. */
export const partsOf = (x: Tensor, n: number): Tensor[] => split(x, x.shape[x.rank - 1]! / n, -1)

/** The state before each step, [T, B, n]: `start`, then the states after the steps before. */
export function statesBefore(states: Tensor, start: Tensor, reverse: boolean): Tensor {
  const [steps] = states.shape as [number]
  const first = reshape(start, [1, ...start.shape])
  if (steps === 1) return first
  return reverse ? concat([narrow(states, 0, 1, steps - 1), first]) : concat([first, narrow(states, 0, 0, steps - 1)])
}

/** Gradient [G, P] of a weight that all states before went through, from that of the gates d [T B, G]; nothing is copied for it. */
export function weightGrad(d: Tensor, states: Tensor, start: Tensor, reverse: boolean): Tensor {
  const [steps, batch, n] = states.shape as [number, number, number]
  const rows = steps * batch
  const slope = (from: number, count: number, before: Tensor) => matmul(transpose(narrow(d, 0, from, count)), before)
  const atStart = slope(reverse ? rows - batch : 0, batch, start)
  if (steps === 1) return atStart
  const before = narrow(reshape(states, [rows, n]), 0, reverse ? batch : 0, rows - batch)
  return add(slope(reverse ? 0 : batch, rows - batch, before), atStart)
}

/** The gradient rule of a row that equals `composite`: right to any order, though not linear in memory. */
export function composed<A>(composite: (inputs: readonly Tensor[], attrs: A) => readonly Tensor[]): Vjp<A> {
  return ({ inputs, attrs, cotangents }) => {
    // One tensor may be two inputs.
    const own = inputs.map((t) => (t.requiresGrad && isFloat(t.dtype) ? requireGrad(t) : t))
    const ys = composite(own, attrs)
    const reached = ys.map((_, i) => i).filter((i) => cotangents[i])
    const grads = vjp(
      reached.map((i) => ys[i]!),
      reached.map((i) => cotangents[i]!),
      own,
    )
    return grads.map((d, i) => (own[i] === inputs[i] ? null : d))
  }
}
