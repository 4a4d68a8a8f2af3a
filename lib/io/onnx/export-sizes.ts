/** @file Sizes that depend on free axes: known by what they are in each trace, and found again as expressions of other such sizes. */

/** A number of the graph, as it is in each trace. */
export type Size = readonly number[]

export const isFixed = (size: Size): boolean => size.every((n) => n === size[0])
export const sameSize = (a: Size, b: Size): boolean => a.every((n, i) => n === b[i])

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'atom'; readonly index: number }
  | { readonly kind: 'add' | 'mul' | 'div'; readonly left: Expression; readonly right: Expression }

/** A term that a size may be made of, and what it is in each trace. */
interface Term {
  readonly size: Size
  readonly expression: Expression
}

/**
 * How `target` follows from the atoms: one of them, p a / q, (p a + c) / q, p a b / q, a + b + c, a - b + c or p a b d / q, the simplest that
 * holds in every trace; null when none does. Divisions leave no rest in any trace.
 */
export function express(target: Size, atoms: readonly Size[]): Expression | null {
  if (isFixed(target)) return numberOf(target[0]!)
  const terms = atoms.map((size, index): Term => ({ size, expression: { kind: 'atom', index } }))
  const exact = terms.find(({ size }) => sameSize(size, target))
  if (exact) return exact.expression
  const pairs = terms.flatMap((a, i) => terms.slice(i).map((b) => product(a, b)))
  return (
    firstOf(terms, (term) => scaled(target, term)) ??
    firstOf(terms, (term) => shifted(target, term)) ??
    firstOf(pairs, (term) => scaled(target, term)) ??
    firstOf(terms, (term) => affine(target, term)) ??
    firstOf(terms, (a) => firstOf(terms, (b) => shifted(target, sum(a, b)) ?? shifted(target, difference(a, b)))) ??
    firstOf(pairs, (pair) => firstOf(terms, (term) => scaled(target, product(pair, term))))
  )
}

function firstOf<T>(list: readonly T[], fn: (item: T) => Expression | null): Expression | null {
  for (const item of list) {
    const found = fn(item)
    if (found) return found
  }
  return null
}

/** p a / q. */
function scaled(target: Size, { size, expression }: Term): Expression | null {
  if (size[0] === 0 || !size.every((n, i) => target[i]! * size[0]! === target[0]! * n)) return null
  const shared = gcd(target[0]!, size[0]!)
  return quotient(times(expression, target[0]! / shared), size[0]! / shared)
}

/** a + c. */
function shifted(target: Size, { size, expression }: Term): Expression | null {
  const offset = target[0]! - size[0]!
  return size.every((n, i) => target[i] === n + offset) ? plus(expression, offset) : null
}

/** (p a + c) / q; two sizes would fit any. */
function affine(target: Size, { size, expression }: Term): Expression | null {
  const other = size.findIndex((n) => n !== size[0])
  if (other < 0 || new Set(size).size < 3) return null
  const [rise, run] = [target[other]! - target[0]!, size[other]! - size[0]!]
  if (!size.every((n, i) => (target[i]! - target[0]!) * run === rise * (n - size[0]!))) return null
  const shared = gcd(rise, run) * Math.sign(run)
  const [p, q] = [rise / shared, run / shared]
  return quotient(plus(times(expression, p), target[0]! * q - p * size[0]!), q)
}

const product = (a: Term, b: Term): Term => ({
  size: a.size.map((n, i) => n * b.size[i]!),
  expression: { kind: 'mul', left: a.expression, right: b.expression },
})
const sum = (a: Term, b: Term): Term => ({
  size: a.size.map((n, i) => n + b.size[i]!),
  expression: { kind: 'add', left: a.expression, right: b.expression },
})
const difference = (a: Term, b: Term): Term => ({
  size: a.size.map((n, i) => n - b.size[i]!),
  expression: { kind: 'add', left: a.expression, right: times(b.expression, -1) },
})

const numberOf = (value: number): Expression => ({ kind: 'number', value })
const times = (left: Expression, p: number): Expression => (p === 1 ? left : { kind: 'mul', left, right: numberOf(p) })
const plus = (left: Expression, c: number): Expression => (c === 0 ? left : { kind: 'add', left, right: numberOf(c) })
const quotient = (left: Expression, q: number): Expression =>
  q === 1 ? left : { kind: 'div', left, right: numberOf(q) }

function gcd(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)]
  while (y > 0) [x, y] = [y, x % y]
  return Math.max(x, 1)
}
