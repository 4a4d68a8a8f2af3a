/** @file Comparing a result with the one wanted, within the case's own tolerance. */

export interface Values {
  readonly shape: readonly number[]
  readonly dtype: string
  readonly data: ArrayLike<number | bigint>
}

/** |got - want| <= atol + rtol |want| for every element, or at most `ulp` units in the last place of want; exact: equal. */
export type Tolerance =
  { readonly exact: true } | { readonly atol: number; readonly rtol: number; readonly ulp?: number }

export interface Comparison {
  readonly ok: boolean
  /** The largest |got - want|; Infinity where NaN or an infinity, shape or dtype differ. */
  readonly error: number
  /** What the element that misses most may be off by. */
  readonly allowed: number
  /** What is wrong. */
  readonly message: string
}

/** NaN must meet NaN, an infinity the same one; shapes and dtypes must be equal. */
export function compare(name: string, got: Values, want: Values, tolerance: Tolerance): Comparison {
  const form = ({ dtype, shape }: Values) => `${dtype} [${shape.join(', ')}]`
  if (form(got) !== form(want)) return wrong(`${name} is ${form(got)}, wanted ${form(want)}`)
  const worst = { at: -1, excess: 0, error: 0, allowed: 0 }
  let largest = 0
  for (let i = 0; i < want.data.length; i++) {
    const error = distance(got.data[i]!, want.data[i]!)
    const allowed = 'exact' in tolerance ? 0 : allowedAt(Number(want.data[i]), want.dtype, tolerance)
    // An infinite element that is wanted allows anything by the formula.
    const excess = error === Infinity ? Infinity : error - allowed
    if (error > largest) largest = error
    if (excess > worst.excess) Object.assign(worst, { at: i, excess, error, allowed })
  }
  if (worst.at < 0) return { ok: true, error: largest, allowed: 0, message: '' }
  const { at, error, allowed } = worst
  const message = `${name}, element ${at} of [${want.shape.join(', ')}], is ${got.data[at]}, wanted ${want.data[at]}`
  return { ok: false, error, allowed, message }
}

function allowedAt(want: number, dtype: string, tolerance: Exclude<Tolerance, { exact: true }>): number {
  const { atol, rtol, ulp = 0 } = tolerance
  const plain = atol + rtol * Math.abs(want)
  if (ulp === 0 || !Number.isFinite(want)) return plain
  // Digits behind the first one, and the exponent of the smallest normal number.
  const [digits, smallest] = dtype === 'f16' ? [10, -14] : [23, -126]
  const exponent = Math.max(smallest, want === 0 ? smallest : Math.floor(Math.log2(Math.abs(want))))
  return Math.max(plain, ulp * 2 ** (exponent - digits))
}

/** Something that cannot be compared at all. */
export const wrong = (message: string): Comparison => ({ ok: false, error: Infinity, allowed: 0, message })

function distance(got: number | bigint, want: number | bigint): number {
  if (Object.is(got, want) || got === want) return 0
  const off = Math.abs(
    typeof got === 'bigint' && typeof want === 'bigint' ? Number(got - want) : Number(got) - Number(want),
  )
  return Number.isNaN(off) ? Infinity : off
}
