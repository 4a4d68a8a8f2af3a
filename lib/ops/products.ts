/** @file Named products of vectors and matrices, as composites of matmul: with a sum added, outer, Kronecker's, over chosen axes, of a chain. */
import { isInteger } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { broadcast, MAX_RANK, normalizeAxis, sameShape, showShape, sizeOf } from '../shape.ts'
import { matmul } from './contraction.ts'
import { add, mul } from './elementwise.ts'
import { permute, reshape, unsqueeze } from './layout.ts'
import { sum } from './reduction.ts'
import { asTensor, promoted } from './table.ts'
import type { TensorLike } from './table.ts'

function ranked(op: string, x: TensorLike, rank: number, what: string): Tensor {
  const t = asTensor(op, x)
  if (t.rank !== rank) fail('SHAPE', op, `needs ${what}, got ${showShape(t.shape)}.`)
  return t
}

/** Product of two matrices. */
export function mm(a: TensorLike, b: TensorLike): Tensor {
  return matmul(ranked('mm', a, 2, 'two matrices'), ranked('mm', b, 2, 'two matrices'))
}

/** Products of two batches of matrices: [B, N, M] and [B, M, P]. */
export function bmm(a: TensorLike, b: TensorLike): Tensor {
  return batches('bmm', a, b)
}

function batches(op: string, a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [ranked(op, a, 3, 'two batches of matrices'), ranked(op, b, 3, 'two batches of matrices')]
  if (x.shape[0] !== y.shape[0])
    fail('SHAPE', op, `batches must be of one size, got ${showShape(x.shape)} and ${showShape(y.shape)}.`)
  return matmul(x, y)
}

/** Matrix times vector: [N, M] and [M]. */
export function mv(a: TensorLike, x: TensorLike): Tensor {
  return matmul(ranked('mv', a, 2, 'a matrix and a vector'), ranked('mv', x, 1, 'a matrix and a vector'))
}

/** a[i] b[j] of two vectors. */
export function outer(a: TensorLike, b: TensorLike): Tensor {
  return mul(unsqueeze(ranked('outer', a, 1, 'two vectors'), 1), ranked('outer', b, 1, 'two vectors'))
}

export interface AddProductOptions {
  /** Factor of the input; 0 leaves it out, whatever it holds. Default: 1. */
  beta?: number
  /** Factor of the product. Default: 1. */
  alpha?: number
}

/** beta input + alpha product, the input broadcast to the product. */
function added(op: string, input: TensorLike, product: Tensor, options: AddProductOptions): Tensor {
  checkOptions(op, options, ['beta', 'alpha'])
  const { beta = 1, alpha = 1 } = options
  if (isInteger(product.dtype) && !(Number.isInteger(alpha) && Number.isInteger(beta)))
    fail('VALUE', op, `alpha and beta must be integers for ${product.dtype}, got ${alpha} and ${beta}.`)
  const t = asTensor(op, input)
  if (!sameShape(broadcast(op, t.shape, product.shape), product.shape))
    fail('SHAPE', op, `the input must broadcast to ${showShape(product.shape)}, got ${showShape(t.shape)}.`)
  const scaled = alpha === 1 ? product : mul(product, alpha)
  if (beta === 0) return scaled
  return add(beta === 1 ? t : mul(t, beta), scaled)
}

/** beta input + alpha (a b): matrices a, b; the input broadcasts. */
export function addmm(input: TensorLike, a: TensorLike, b: TensorLike, options: AddProductOptions = {}): Tensor {
  const product = matmul(ranked('addmm', a, 2, 'two matrices'), ranked('addmm', b, 2, 'two matrices'))
  return added('addmm', input, product, options)
}

/** beta input + alpha (a x): matrix a, vector x; the input broadcasts. */
export function addmv(input: TensorLike, a: TensorLike, x: TensorLike, options: AddProductOptions = {}): Tensor {
  const what = 'a matrix and a vector'
  return added('addmv', input, matmul(ranked('addmv', a, 2, what), ranked('addmv', x, 1, what)), options)
}

/** beta input + alpha a[i] b[j] for vectors a and b; the input broadcasts. */
export function addr(input: TensorLike, a: TensorLike, b: TensorLike, options: AddProductOptions = {}): Tensor {
  const product = mul(unsqueeze(ranked('addr', a, 1, 'two vectors'), 1), ranked('addr', b, 1, 'two vectors'))
  return added('addr', input, product, options)
}

/** beta input + alpha (a[i] b[i]) for batches of matrices; the input broadcasts to [B, N, P]. */
export function baddbmm(input: TensorLike, a: TensorLike, b: TensorLike, options: AddProductOptions = {}): Tensor {
  return added('baddbmm', input, batches('baddbmm', a, b), options)
}

/** beta input + alpha sum over i of a[i] b[i], for batches of matrices; the input broadcasts to [N, P]. */
export function addbmm(input: TensorLike, a: TensorLike, b: TensorLike, options: AddProductOptions = {}): Tensor {
  return added('addbmm', input, sum(batches('addbmm', a, b), 0), options)
}

/** Kronecker's product: every element of a times all of b. The shorter shape gets leading 1s. */
export function kron(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoted('kron', a, b)
  const rank = Math.max(x.rank, y.rank)
  if (2 * rank > MAX_RANK) fail('SHAPE', 'kron', `at most ${MAX_RANK / 2} dimensions, got ${rank}.`)
  const full = (t: Tensor) => [...new Array<number>(rank - t.rank).fill(1), ...t.shape]
  const [left, right] = [full(x), full(y)]
  const product = mul(
    reshape(
      x,
      left.flatMap((size) => [size, 1]),
    ),
    reshape(
      y,
      right.flatMap((size) => [1, size]),
    ),
  )
  return reshape(
    product,
    left.map((size, i) => size * right[i]!),
  )
}

/**
 * Sums products over axes of a and b: the last n of a and the first n of b for a number n, else lists of axes that go together. The result has
 * a's other axes, then b's.
 */
export function tensordot(
  a: TensorLike,
  b: TensorLike,
  axes: number | readonly [readonly number[], readonly number[]] = 2,
): Tensor {
  const [x, y] = promoted('tensordot', a, b)
  const [left, right] = pairedAxes(x, y, axes)
  if (left.length !== right.length || left.some((axis, i) => x.shape[axis] !== y.shape[right[i]!])) {
    fail(
      'SHAPE',
      'tensordot',
      `axes that go together must have one size, got ${showShape(left)} of ${showShape(x.shape)} and ${showShape(right)} of ${showShape(y.shape)}.`,
    )
  }
  const rest = (t: Tensor, used: readonly number[]) => t.shape.map((_, i) => i).filter((i) => !used.includes(i))
  const [rows, columns] = [rest(x, left), rest(y, right)]
  const size = (t: Tensor, list: readonly number[]) => sizeOf(list.map((i) => t.shape[i]!))
  const k = size(x, left)
  const product = matmul(
    reshape(permute(x, [...rows, ...left]), [size(x, rows), k]),
    reshape(permute(y, [...right, ...columns]), [k, size(y, columns)]),
  )
  return reshape(product, [...rows.map((i) => x.shape[i]!), ...columns.map((i) => y.shape[i]!)])
}

function pairedAxes(
  x: Tensor,
  y: Tensor,
  axes: number | readonly [readonly number[], readonly number[]],
): [number[], number[]] {
  if (typeof axes === 'number') {
    checkInteger('tensordot', 'the number of axes', axes, 0, Math.min(x.rank, y.rank))
    const count = Array.from({ length: axes }, (_, i) => i)
    return [count.map((i) => x.rank - axes + i), count]
  }
  const list = (t: Tensor, given: readonly number[]) => {
    const own = given.map((axis) => normalizeAxis('tensordot', axis, t.rank))
    if (new Set(own).size !== own.length) fail('AXIS', 'tensordot', `an axis was given twice, got ${showShape(given)}.`)
    return own
  }
  return [list(x, axes[0]), list(y, axes[1])]
}

/** sum over i, j of x[..., i] weight[o, i, j] y[..., j] + bias[o]: x [..., I], y [..., J], weight [O, I, J], bias [O]. */
export function bilinear(x: TensorLike, y: TensorLike, weight: TensorLike, bias?: TensorLike | null): Tensor {
  const [a, b] = [asTensor('bilinear', x), asTensor('bilinear', y)]
  const w = ranked('bilinear', weight, 3, 'a weight [O, I, J]')
  const [outputs, rows, columns] = w.shape as [number, number, number]
  const lead = a.shape.slice(0, -1)
  if (a.rank === 0 || !sameShape(a.shape, [...lead, rows]) || !sameShape(b.shape, [...lead, columns])) {
    fail(
      'SHAPE',
      'bilinear',
      `needs [..., ${rows}] and [..., ${columns}] with the same leading axes, got ${showShape(a.shape)} and ${showShape(b.shape)}.`,
    )
  }
  const n = sizeOf(lead)
  const half = matmul(reshape(a, [n, rows]), reshape(permute(w, [1, 0, 2]), [rows, outputs * columns]))
  const y2 = matmul(reshape(half, [n, outputs, columns]), reshape(b, [n, columns, 1]))
  const product = reshape(y2, [...lead, outputs])
  return bias ? add(product, bias) : product
}

/** The product of a chain of matrices in the order that needs fewest multiplications; the first and last may be vectors. */
export function multiDot(tensors: readonly TensorLike[]): Tensor {
  if (!Array.isArray(tensors) || tensors.length < 2)
    return fail('VALUE', 'multiDot', 'needs a list of at least two tensors.')
  const list = tensors.map((x) => asTensor('multiDot', x as TensorLike))
  const last = list.length - 1
  list.forEach((t, i) => {
    if (t.rank !== 2 && !(t.rank === 1 && (i === 0 || i === last)))
      fail('SHAPE', 'multiDot', `needs matrices, the first and last may be vectors, got ${showShape(t.shape)}.`)
  })
  const [head, tail] = [list[0]!.rank === 1, list[last]!.rank === 1]
  if (head) list[0] = unsqueeze(list[0]!, 0)
  if (tail) list[last] = unsqueeze(list[last]!, 1)
  const y = chain(list)
  return reshape(
    y,
    y.shape.filter((_, i) => !(head && i === 0) && !(tail && i === 1)),
  )
}

/** The classical dynamic program over where to split the chain. */
function chain(list: readonly Tensor[]): Tensor {
  const sizes = [list[0]!.shape[0]!, ...list.map((t) => t.shape[1]!)]
  const n = list.length
  const table = <T>(value: T) => Array.from({ length: n }, () => new Array<T>(n).fill(value))
  const [cost, cut] = [table(0), table(0)]
  for (let length = 1; length < n; length++) {
    for (let i = 0; i + length < n; i++) {
      const j = i + length
      cost[i]![j] = Infinity
      for (let k = i; k < j; k++) {
        const total = cost[i]![k]! + cost[k + 1]![j]! + sizes[i]! * sizes[k + 1]! * sizes[j + 1]!
        if (total < cost[i]![j]!) ((cost[i]![j] = total), (cut[i]![j] = k))
      }
    }
  }
  const build = (i: number, j: number): Tensor =>
    i === j ? list[i]! : matmul(build(i, cut[i]![j]!), build(cut[i]![j]! + 1, j))
  return build(0, n - 1)
}
