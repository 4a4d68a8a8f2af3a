/** @file Writes given contents to many variables at once: what loading a state comes down to. */
import type { Variable } from '../graph/variable.ts'
import type { Tensor } from '../graph/tensor.ts'
import { cast } from '../ops/table.ts'
import { assign, refuseFixed } from '../ops/update.ts'
import { perform } from './evaluate.ts'
import { mapAgain, mappedSource } from './mapped.ts'

/** Writes all of them in one evaluation, or none. Shapes have to agree; dtypes are cast. */
export async function overwrite(pairs: readonly (readonly [Variable, Tensor])[]): Promise<void> {
  refuseFixed(
    'loadStateDict',
    pairs.map(([variable]) => variable),
  )
  // Where nothing has been computed yet, the initial values never need to be drawn.
  const isFresh = pairs.every(
    ([variable, value]) => variable.storage === null && (value.value?.run === null || mappedSource(value) !== null),
  )
  if (!isFresh)
    return perform(
      pairs.map(([variable, value]) => assign(variable, value)),
      [],
    )
  for (const [variable, value] of pairs) {
    const source = mappedSource(value)
    if (source === null || !mapAgain(variable, source)) variable.initial = cast(value, variable.dtype)
    variable.version++
  }
}
