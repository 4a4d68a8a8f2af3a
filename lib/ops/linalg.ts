/** @file Linear systems and factorisations. */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { broadcast, sameShape, showShape, sizeOf } from '../shape.ts'
import { matmul } from './contraction.ts'
import { add, mul, neg } from './elementwise.ts'
import { expand, squeeze, transpose, unsqueeze } from './layout.ts'
import { eye, tril } from './create.ts'
import { window } from './reduction.ts'
import { asTensor, constant, defineRow } from './table.ts'
import type { TensorLike } from './table.ts'

const solveRow: Row<null> = defineRow<null>({
  name: 'solve',
  kind: 'kernel',
  canFail: true,
  infer: ([, b]) => ({ shape: b!.shape, dtype: b!.dtype }),
  vjp: ({ dy, inputs: [a], outputs: [x], needs }) => {
    const db = apply(solveRow, [transpose(a!), dy], null, '')
    return [needs(0) ? neg(matmul(db, transpose(x!))) : null, needs(1) ? db : null]
  },
  emit: (e, { inputs: [a, b] }) => {
    const [n, k] = b!.shape.slice(-2) as [number, number]
    const batch = sizeOf(b!.shape.slice(0, -2))
    const [out, work] = [window(e.output(), [batch, n, k]), e.temp(a!.dtype, [batch, n, n])]
    e.instr(
      'solve',
      [out, work],
      [window(e.packed(e.input(0)), [batch, n, n]), window(e.packed(e.input(1)), [batch, n, k])],
    )
  },
})

function checkSquare(op: string, x: TensorLike): Tensor {
  const a = asTensor(op, x)
  if (a.rank < 2 || a.shape[a.rank - 1] !== a.shape[a.rank - 2])
    fail('SHAPE', op, `needs square matrices, got ${showShape(a.shape)}.`)
  if (!isFloat(a.dtype)) fail('DTYPE', op, `needs floats, got ${a.dtype}.`)
  return a
}

export interface SolveOptions {
  /** Solve a x = b; else x a = b. Default: true. */
  left?: boolean
}

/**
 * x with a x = b, by LU with partial pivoting: a [..., n, n], b [..., n, k], or vectors: b [n], or b of a's shape without its last axis.
 * SINGULAR when a pivot is 0.
 */
export function solve(a: TensorLike, b: TensorLike, options: SolveOptions = {}): Tensor {
  checkOptions('solve', options, ['left'])
  const left = checkSquare('solve', a)
  const right = asTensor('solve', b)
  const n = left.shape[left.rank - 1]!
  if (right.rank === 1 || sameShape(right.shape, left.shape.slice(0, -1)))
    return squeeze(
      solve(left, unsqueeze(right, options.left === false ? -2 : -1), options),
      options.left === false ? -2 : -1,
    )
  if (options.left === false) return transpose(solve(transpose(left), transpose(right)))
  if (right.rank < 2 || right.shape[right.rank - 2] !== n || right.dtype !== left.dtype) {
    fail('SHAPE', 'solve', `b must be ${left.dtype} [..., ${n}, k], got ${right.dtype} ${showShape(right.shape)}.`)
  }
  const batch = broadcast('solve', left.shape.slice(0, -2), right.shape.slice(0, -2))
  return apply(
    solveRow,
    [expand(left, [...batch, n, n]), expand(right, [...batch, ...right.shape.slice(-2)])],
    null,
    '',
  )
}

/** The inverse of square matrices. SINGULAR when there is none. */
export function inverse(a: TensorLike): Tensor {
  const t = checkSquare('inverse', a)
  return solve(t, expand(eye(t.shape[t.rank - 1]!, undefined, { dtype: t.dtype }), t.shape))
}

const choleskyRow: Row<null> = defineRow<null>({
  name: 'cholesky',
  kind: 'kernel',
  canFail: true,
  infer: ([a]) => ({ shape: a!.shape, dtype: a!.dtype }),
  vjp: ({ dy, inputs: [a], outputs: [l] }) => {
    // Phi(l^T dl) with half the diagonal, between l^-T and l^-1, made symmetric (Murray 2016, "Differentiation of the Cholesky decomposition").
    const n = a!.shape[a!.rank - 1]!
    const half = add(
      tril(matmul(transpose(l!), dy), -1),
      mul(mul(matmul(transpose(l!), dy), eye(n, n, { dtype: a!.dtype })), constant(0.5, a!.dtype)),
    )
    const lt = transpose(l!)
    const s = transpose(solve(lt, transpose(solve(lt, half))))
    return [mul(add(s, transpose(s)), constant(0.5, a!.dtype))]
  },
  emit: (e, { inputs: [a] }) => {
    const n = a!.shape[a!.shape.length - 1]!
    const dims = [sizeOf(a!.shape.slice(0, -2)), n, n]
    e.instr('cholesky', [window(e.output(), dims)], [window(e.packed(e.input(0)), dims)])
  },
})

/** The lower triangular l with l l^T = a, for symmetric positive definite a (its lower triangle is read). SINGULAR otherwise. */
export function cholesky(a: TensorLike): Tensor {
  return apply(choleskyRow, [checkSquare('cholesky', a)], null, '')
}
