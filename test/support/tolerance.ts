/** @file How near is near: one table by kind of op and dtype, and the comparison that uses it. */
import * as assert from 'uvu/assert'
import type { Nd } from './reference.ts'

/**
 * - moves: elements as they are, and single arithmetic: exact
 * - elementwise: one function, correct to a few units of the last place
 * - sums: many terms, none much larger than the result
 * - solves: factorisations, and what divides by small differences
 */
export type Kind = 'moves' | 'elementwise' | 'sums' | 'solves'

export interface Near {
  /** Of the number itself. */
  readonly relative: number
  /** Of the largest number in the tensor. */
  readonly scale: number
}

type Compared = 'f64' | 'f32' | 'f16' | 'bf16'

const exact: Near = { relative: 0, scale: 0 }

export const tolerances: Record<Kind, Record<Compared, Near>> = {
  moves: { f64: exact, f32: exact, f16: exact, bf16: exact },
  elementwise: {
    f64: { relative: 1e-13, scale: 1e-15 },
    f32: { relative: 5e-7, scale: 1e-9 },
    f16: { relative: 4e-3, scale: 2e-3 },
    bf16: { relative: 3e-2, scale: 2e-2 },
  },
  sums: {
    f64: { relative: 1e-12, scale: 1e-13 },
    f32: { relative: 2e-6, scale: 1e-6 },
    f16: { relative: 4e-3, scale: 4e-3 },
    bf16: { relative: 3e-2, scale: 3e-2 },
  },
  solves: {
    f64: { relative: 1e-10, scale: 1e-11 },
    f32: { relative: 1e-4, scale: 2e-5 },
    f16: { relative: 2e-2, scale: 2e-2 },
    bf16: { relative: 1e-1, scale: 1e-1 },
  },
}

/** Throws unless every number is within `near` of the one wanted; NaN meets NaN, an infinity itself. */
export function checkNear(what: string, got: Nd, want: Nd, near: Near): void {
  assert.equal([...got.shape], [...want.shape], `${what}: shape`)
  const scale = want.data.reduce((top, x) => (Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top), 0)
  want.data.forEach((x, i) => {
    const y = got.data[i]
    const same = Object.is(x, y) || x === y
    if (same || Math.abs(x - y) <= near.relative * Math.abs(x) + near.scale * scale) return
    assert.unreachable(
      `${what}: element ${i} of [${want.shape.join(', ')}] is ${y}, wanted ${x} (off by ${Math.abs(x - y)})`,
    )
  })
}
