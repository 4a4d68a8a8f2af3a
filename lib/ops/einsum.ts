/** @file einsum: sums of products named by letters, contracted pair by pair with matmul. */
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { promote } from '../dtype.ts'
import { MAX_RANK, showShape, sizeOf } from '../shape.ts'
import { matmul } from './contraction.ts'
import { permute, reshape, slice, squeeze } from './layout.ts'
import { sum } from './reduction.ts'
import { asTensor, cast } from './table.ts'
import type { TensorLike } from './table.ts'

/** A tensor and the letter of each of its axes; axes of an ellipsis are '0', '1', ..., counted from the last. */
interface Term {
  readonly t: Tensor
  readonly letters: readonly string[]
}

/**
 * Sums of products of the operands' elements: `einsum('bij,bjk->bik', a, b)`. A letter names an axis; letters that the result lacks are summed
 * over; a letter twice in one operand takes its diagonal; '...' stands for axes that broadcast. Without '->' the result has the letters
 * that occur once, in alphabetical order, after the ellipsis. Axes of size 1 broadcast. With three or more operands the pair
 * that costs least is contracted first.
 */
export function einsum(equation: string, ...operands: TensorLike[]): Tensor {
  const { inputs, output } = parse(equation, operands.length)
  const given = operands.map((x) => asTensor('einsum', x))
  const dtype = given.map((t) => t.dtype).reduce(promote)
  const sizes = new Map<string, number>()
  const lettered = given.map((t, i) => ({ t: cast(t, dtype), letters: named(equation, inputs[i]!, t, sizes) }))
  const result = resultLetters(equation, output, lettered, sizes)
  const terms = lettered.map(diagonals).map((term) => withoutOnes(term, sizes, result))
  while (terms.length > 1) {
    const [i, j] = cheapest(terms, sizes)
    const [a, b] = [terms[i]!, terms[j]!]
    terms.splice(j, 1)
    terms.splice(i, 1)
    const kept = new Set([...result, ...terms.flatMap(({ letters }) => letters)])
    terms.push(contract(a, b, kept))
  }
  const { t, letters } = summed(terms[0]!, new Set(result))
  // A letter of size 1 everywhere may be gone.
  const order = result.filter((letter) => letters.includes(letter)).map((letter) => letters.indexOf(letter))
  return reshape(
    permute(t, order),
    result.map((letter) => sizes.get(letter)!),
  )
}

function parse(equation: string, count: number): { inputs: string[]; output: string | null } {
  const bad = (why: string) => fail('VALUE', 'einsum', `${why}, got '${String(equation)}'.`)
  if (typeof equation !== 'string') return bad('needs an equation such as "ij,jk->ik"')
  const [left, right, ...more] = equation.replaceAll(' ', '').split('->')
  if (more.length > 0) return bad('has more than one arrow')
  const inputs = left!.split(',')
  if (count === 0 || inputs.length !== count) return bad(`names ${inputs.length} operands for ${count}`)
  for (const part of right === undefined ? inputs : [...inputs, right]) {
    if (!/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(part)) return bad('an operand is letters and at most one "..."')
  }
  return { inputs, output: right ?? null }
}

/** The letter of every axis of an operand; notes sizes. */
function named(equation: string, part: string, t: Tensor, sizes: Map<string, number>): string[] {
  const [before, after] = part.split('...') as [string, string?]
  const explicit = before.length + (after?.length ?? 0)
  const hidden = t.rank - explicit
  if (hidden < 0 || (after === undefined && hidden > 0)) {
    fail('SHAPE', 'einsum', `'${part}' of '${equation}' names ${explicit} axes, got ${showShape(t.shape)}.`)
  }
  const dots = Array.from({ length: hidden }, (_, i) => String(hidden - 1 - i))
  const letters = [...before, ...dots, ...(after ?? '')]
  letters.forEach((letter, i) => {
    const [known, size] = [sizes.get(letter) ?? 1, t.shape[i]!]
    if (known !== 1 && size !== 1 && known !== size)
      fail('SHAPE', 'einsum', `axis '${letter}' of '${equation}' has sizes ${known} and ${size}. They are equal or 1.`)
    sizes.set(letter, known === 1 ? size : known)
  })
  return letters
}

function resultLetters(
  equation: string,
  output: string | null,
  terms: readonly Term[],
  sizes: ReadonlyMap<string, number>,
): string[] {
  const dots = [...sizes.keys()].filter((letter) => /\d/.test(letter)).sort((a, b) => Number(b) - Number(a))
  if (output === null) {
    const all = terms.flatMap(({ letters }) => letters)
    const once = [...new Set(all)].filter(
      (letter) => /\D/.test(letter) && all.indexOf(letter) === all.lastIndexOf(letter),
    )
    return [...dots, ...once.sort()]
  }
  const [before, after] = output.split('...') as [string, string?]
  const letters = [...before, ...(after === undefined ? [] : dots), ...(after ?? '')]
  const unknown = letters.find((letter) => !sizes.has(letter))
  if (unknown !== undefined) fail('VALUE', 'einsum', `'${unknown}' of the result is in no operand, got '${equation}'.`)
  if (new Set(letters).size !== letters.length)
    fail('VALUE', 'einsum', `a letter is twice in the result, got '${equation}'.`)
  if (letters.length > MAX_RANK) fail('SHAPE', 'einsum', `at most ${MAX_RANK} dimensions, got ${letters.length}.`)
  return letters
}

/** Letters that are twice in an operand: the two axes become their diagonal. */
function diagonals({ t, letters }: Term): Term {
  const second = letters.findIndex((letter, i) => letters.indexOf(letter) !== i)
  if (second < 0) return { t, letters }
  const first = letters.indexOf(letters[second]!)
  const n = t.shape[first]!
  if (n !== t.shape[second])
    fail('SHAPE', 'einsum', `a diagonal needs axes of one size, got ${n} and ${t.shape[second]}.`)
  const others = letters.map((_, i) => i).filter((i) => i !== first && i !== second)
  const lead = others.map((i) => t.shape[i]!)
  const flat = reshape(permute(t, [...others, first, second]), [...lead, n * n])
  const line = slice(flat, [...lead.map(() => null), [null, null, n + 1] as const])
  return diagonals({ t: line, letters: [...others.map((i) => letters[i]!), letters[first]!] })
}

/** Axes of size 1 that broadcast, or count for nothing, are dropped. */
function withoutOnes({ t, letters }: Term, sizes: ReadonlyMap<string, number>, result: readonly string[]): Term {
  const drop = letters.map((letter, i) => t.shape[i] === 1 && (sizes.get(letter) !== 1 || !result.includes(letter)))
  return {
    t: squeeze(
      t,
      letters.map((_, i) => i).filter((i) => drop[i]),
    ),
    letters: letters.filter((_, i) => !drop[i]),
  }
}

/** The pair whose contraction multiplies least. */
function cheapest(terms: readonly Term[], sizes: ReadonlyMap<string, number>): [number, number] {
  let best: [number, number] = [0, 1]
  let least = Infinity
  if (terms.length === 2) return best
  terms.forEach((a, i) =>
    terms.slice(i + 1).forEach((b, k) => {
      const cost = [...new Set([...a.letters, ...b.letters])].reduce((n, letter) => n * sizes.get(letter)!, 1)
      if (cost < least) [least, best] = [cost, [i, i + 1 + k]]
    }),
  )
  return best
}

/** Sums over the letters that nobody needs. */
function summed({ t, letters }: Term, kept: ReadonlySet<string>): Term {
  const axes = letters.map((_, i) => i).filter((i) => !kept.has(letters[i]!))
  return axes.length === 0 ? { t, letters } : { t: sum(t, axes), letters: letters.filter((letter) => kept.has(letter)) }
}

/** One product of batches of matrices: [batch, rows, over] times [batch, over, columns]. */
function contract(left: Term, right: Term, kept: ReadonlySet<string>): Term {
  const a = summed(left, new Set([...kept, ...right.letters]))
  const b = summed(right, new Set([...kept, ...left.letters]))
  const shared = a.letters.filter((letter) => b.letters.includes(letter))
  const batch = shared.filter((letter) => kept.has(letter))
  const over = shared.filter((letter) => !kept.has(letter))
  const rows = a.letters.filter((letter) => !shared.includes(letter))
  const columns = b.letters.filter((letter) => !shared.includes(letter))
  const sizesOf = ({ t, letters }: Term, list: readonly string[]) => list.map((l) => t.shape[letters.indexOf(l)]!)
  const arranged = (term: Term, ...groups: string[][]) => {
    const order = groups.flat().map((letter) => term.letters.indexOf(letter))
    return reshape(
      permute(term.t, order),
      groups.map((group) => sizeOf(sizesOf(term, group))),
    )
  }
  const product = matmul(arranged(a, batch, rows, over), arranged(b, batch, over, columns))
  return {
    t: reshape(product, [...sizesOf(a, [...batch, ...rows]), ...sizesOf(b, columns)]),
    letters: [...batch, ...rows, ...columns],
  }
}
