/** @file Borders around a tensor: constant, or continued by reflection, repetition or from the other side. */
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import { concat, expand, flip, narrow, pad as padConstant } from './layout.ts'
import { asTensor } from './table.ts'
import type { TensorLike } from './table.ts'

export type PadMode = 'constant' | 'reflect' | 'symmetric' | 'replicate' | 'circular'

export interface PadOptions {
  /** Default: 'constant'. */
  mode?: PadMode
  /** What fills the border, with mode 'constant'. Default: 0. */
  value?: number
}

/** Pairs [before, after], one an axis; or PyTorch's list of numbers, in which the last axis comes first. */
export type Border = readonly (readonly [number, number])[] | readonly number[]

/**
 * Adds a border to the last axes: `[[top, bottom], [left, right]]`, or `[left, right, top, bottom]` as PyTorch has it. Modes:
 * 'constant' fills with `value`; 'reflect' mirrors without the edge element (the border is narrower than the axis), 'symmetric' with it,
 * 'replicate' repeats the edge element, 'circular' goes on at the other side (with both the border is at most as wide as the axis).
 * Negative numbers cut.
 */
export function pad(x: TensorLike, border: Border, options: PadOptions = {}): Tensor {
  checkOptions('pad', options, ['mode', 'value'])
  const { mode = 'constant', value } = options
  if (!['constant', 'reflect', 'symmetric', 'replicate', 'circular'].includes(mode))
    fail('VALUE', 'pad', `mode is 'constant', 'reflect', 'symmetric', 'replicate' or 'circular', got ${String(mode)}.`)
  if (mode !== 'constant' && value !== undefined)
    fail('VALUE', 'pad', `value goes with mode 'constant', got '${mode}'.`)
  const t = asTensor('pad', x)
  const pairs = pairsOf(border)
  if (mode === 'constant') return padConstant(t, pairs, { value })
  const cut = padConstant(
    t,
    pairs.map(([before, after]) => [Math.min(before, 0), Math.min(after, 0)] as const),
  )
  return pairs.reduce(
    (y, [before, after], i) => continued(y, y.rank - pairs.length + i, Math.max(before, 0), Math.max(after, 0), mode),
    cut,
  )
}

function pairsOf(border: Border): readonly (readonly [number, number])[] {
  if (border.length === 0 || typeof border[0] !== 'number') return border as readonly (readonly [number, number])[]
  const flat = border as readonly number[]
  if (flat.length % 2 !== 0) fail('VALUE', 'pad', `needs two numbers an axis, got ${showShape(flat)}.`)
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!] as const).reverse()
}

function continued(t: Tensor, axis: number, before: number, after: number, mode: PadMode): Tensor {
  if (before === 0 && after === 0) return t
  const size = t.shape[axis]!
  const most = mode === 'reflect' ? size - 1 : mode !== 'replicate' ? size : size === 0 ? 0 : Infinity
  if (before > most || after > most)
    fail('SHAPE', 'pad', `mode '${mode}' has at most ${most} elements for axis ${axis} of ${showShape(t.shape)}.`)
  const part = (start: number, length: number): Tensor => {
    const wanted = t.shape.map((extent, i) => (i === axis ? length : extent))
    if (mode === 'replicate') return expand(narrow(t, axis, start, 1), wanted)
    const taken = narrow(t, axis, start, length)
    return mode === 'reflect' || mode === 'symmetric' ? flip(taken, axis) : taken
  }
  const ahead = { reflect: 1, symmetric: 0, replicate: 0, circular: size - before, constant: 0 }[mode]
  const behind = { reflect: size - 1 - after, symmetric: size - after, replicate: size - 1, circular: 0, constant: 0 }[
    mode
  ]
  return concat([...(before ? [part(ahead, before)] : []), t, ...(after ? [part(behind, after)] : [])], axis)
}
