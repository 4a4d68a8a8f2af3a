/** @file detectAnomaly: which op made the first NaN of an evaluation, and where it was called. For finding bugs, not for training: slow. */
import { isFloat } from '../dtype.ts'
import { TenonError } from '../errors.ts'
import { state } from '../graph/state.ts'
import type { Tensor } from '../graph/tensor.ts'
import { isNan } from '../ops/elementwise.ts'
import { any } from '../ops/reduction.ts'
import type { Walk } from '../plan/walk.ts'
import { showShape } from '../shape.ts'

/**
 * Runs `fn` so that every evaluation that starts inside of it is first computed with all intermediate results looked at: the first one with a
 * NaN that its inputs do not have throws VALUE, naming the op and the line that built it, before any variable is written. Gradients
 * count too. Compiled functions are traced anew at each call. Gives what `fn` gives. Until it is done, that goes for everything that this thread
 * evaluates. Blocks the event loop; memory for everything at once.
 */
export function detectAnomaly<R>(fn: () => R): R {
  const { anomaly, debug } = state
  // Nodes remember the line that made them.
  Object.assign(state, { anomaly: true, debug: true })
  const restore = () => void Object.assign(state, { anomaly, debug })
  let result: R
  try {
    result = fn()
  } catch (error) {
    restore()
    throw error
  }
  if (result instanceof Promise) return result.finally(restore) as R
  restore()
  return result
}

/** @internal Throws for the first node of the graph that has a NaN. `compute` evaluates tensors, blocking. */
export function throwAnomaly(found: Walk, compute: (tensors: readonly Tensor[]) => void): void {
  const looked = found.nodes.filter((t) => isFloat(t.dtype) && t.size > 0 && !t.parts && t.row.kind !== 'update')
  // What a forward pass causes (running statistics) waits for the evaluation itself.
  const effects = found.nodes.flatMap((t) => t.effects ?? []).filter(({ done }) => !done)
  for (const effect of effects) effect.done = true
  const flags = looked.map((t) => any(isNan(t)))
  try {
    state.anomaly = false
    compute(flags)
  } finally {
    state.anomaly = true
    for (const effect of effects) effect.done = false
  }
  const first = looked.find((_, i) => new Uint8Array(flags[i]!.value!.buffer)[0] === 1)
  if (!first) return
  const what = `${first.dtype} ${showShape(first.shape)}${first.site ? ` ${first.site}` : ''}`
  const message =
    first.inputs.length === 0
      ? `a tensor that is an input of the evaluation has a NaN: ${what}. Look at the data, or at what wrote the variable.`
      : `${first.row.name} made the first NaN: ${what}. Its inputs have none.`
  throw new TenonError('VALUE', 'detectAnomaly', message)
}
