/** @file Results of a case: flattening them, fetching their numbers, comparing all that the case wants. */
import { Tensor } from '../../../lib/index.ts'
import type { DType } from '../../../lib/index.ts'
import { compare, wrong } from '../compare.ts'
import type { Comparison, Tolerance, Values } from '../compare.ts'
import type { Result } from './adapter.ts'

export type Results = ReadonlyMap<string, Comparison>

/** Nested results in order, without None. */
export function flattened(result: Result): Tensor[] {
  if (result === null) return []
  if (result instanceof Tensor) return [result]
  if (Array.isArray(result)) return result.flatMap((item: Result) => flattened(item))
  throw new Error(`the call gave ${typeof result} instead of a tensor`)
}

/**
 * Compares what was computed with what the case has under the same names; `tolerance` names all that is wanted. What should not be
 * there, and what is missing, are failures too.
 */
export async function compared(
  got: ReadonlyMap<string, Tensor>,
  given: ReadonlyMap<string, Tensor>,
  tolerance: Readonly<Record<string, Tolerance>>,
): Promise<Results> {
  const results = new Map<string, Comparison>()
  for (const name of got.keys()) if (!(name in tolerance)) results.set(name, wrong(`${name} is not wanted`))
  for (const [name, allowed] of Object.entries(tolerance)) {
    const [have, want] = [got.get(name), given.get(name)]
    if (!have || !want) results.set(name, wrong(`${name} is missing`))
    else results.set(name, compare(name, await valuesOf(have), await valuesOf(want), allowed))
  }
  return results
}

async function valuesOf(t: Tensor): Promise<Values> {
  return { shape: t.shape, dtype: t.dtype satisfies DType, data: await t.data() }
}
