/** @file autocast: products in a narrow float, everything that sums or exponentiates in f32. Rows say which they are. */
import { isNarrow } from '../dtype.ts'
import { check, fail } from '../errors.ts'
import { state } from '../graph/state.ts'
import type { Autocast } from '../graph/state.ts'
import { apply } from '../graph/tensor.ts'
import type { Tensor } from '../graph/tensor.ts'
import { variableRow } from '../graph/variable.ts'
import { cast } from './table.ts'

export type AutocastDType = 'bf16' | 'f16' | 'f32'

const MODES: Readonly<Record<AutocastDType, Autocast | null>> = { bf16: modeOf('bf16'), f16: modeOf('f16'), f32: null }

const VIEWS: ReadonlySet<string> = new Set(['permute', 'reshape', 'expand'])

function modeOf(dtype: 'bf16' | 'f16'): Autocast {
  const narrow = (t: Tensor): Tensor => {
    if (t.dtype !== 'f32') return t
    // A weight is rounded before it is transposed: once for all ways in which it is read, and its gradient is a product as it lies.
    const isSeen = VIEWS.has(t.row.name) && t.value === null && t.inputs[0]!.row === variableRow
    return isSeen ? apply(t.row, [cast(t.inputs[0]!, dtype)], t.attrs, t.attrsKey) : cast(t, dtype)
  }
  const wide = (t: Tensor) => (isNarrow(t.dtype) ? cast(t, 'f32') : t)
  return { dtype, operands: (kind, inputs) => inputs.map(kind === 'narrow' ? narrow : wide) }
}

/** @internal Inputs of a product, as autocast() wants them: for functions that look at dtypes before they build its node. */
export const operandsOf = (...inputs: readonly Tensor[]): readonly Tensor[] =>
  state.autocast ? state.autocast.operands('narrow', inputs) : inputs

/**
 * Runs `fn`, which builds a graph, so that products (matrices, convolutions, attention, recurrent sequences) take their f32 inputs rounded
 * to `dtype` and give `dtype`, while sums, softmax, norms, exponentials and logarithms take f32 and give it; all else keeps the dtype that it
 * is given (Micikevicius et al. 2018, with PyTorch's lists). Variables stay f32, so do their gradients: a cast's gradient is a cast back.
 * Products of bf16 matrices are faster where the processor has instructions for them. Call backward() inside or after it. 'f32' switches it off within. f16 needs `optim.GradScaler`. VALUE if `fn` is asynchronous.
 */
export function autocast<R>(dtype: AutocastDType, fn: () => R): R {
  check(
    Object.hasOwn(MODES, dtype),
    'VALUE',
    'autocast',
    () => `the dtype is 'bf16', 'f16' or 'f32', got ${String(dtype)}.`,
  )
  const before = state.autocast
  state.autocast = MODES[dtype]
  try {
    const result = fn()
    if (result instanceof Promise)
      fail('VALUE', 'autocast', 'the function must not be asynchronous. Build the graph in it, evaluate outside.')
    return result
  } finally {
    state.autocast = before
  }
}
