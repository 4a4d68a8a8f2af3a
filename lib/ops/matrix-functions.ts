/** @file Functions of matrices, batched: determinants, powers, the exponential, pseudo-inverses, least squares, rank; the cross product. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { customGrad, detach } from '../graph/gradient.ts'
import type { Row } from '../graph/row.ts'
import { apply, Tensor } from '../graph/tensor.ts'
import { broadcast, normalizeAxis, showShape, sizeOf } from '../shape.ts'
import { matmul } from './contraction.ts'
import { eye } from './create.ts'
import { diagonal } from './diagonal.ts'
import { eigvalsh, luFactors, matrices, squares, svd, svdvals } from './decompositions.ts'
import { abs, add, gt, log, maximum, mul, reciprocal, sign, square, sub, where } from './elementwise.ts'
import { concat, expand, filled, narrow, transpose, unsqueeze } from './layout.ts'
import { inverse } from './linalg.ts'
import { max, prod, sum, window } from './reduction.ts'
import { asTensor, constant, defineRow, operand, promoted } from './table.ts'
import type { TensorLike } from './table.ts'

const diagonalOf = (t: Tensor) => diagonal(t, { axes: [-2, -1] })
const overMatrix = (x: Tensor) => unsqueeze(unsqueeze(x, -1), -1)

/** Determinants, by LU. The gradient is det(a) a^-T; SINGULAR where that inverse does not exist. */
export function det(a: TensorLike): Tensor {
  const determinant = customGrad(
    (t: Tensor) => {
      const { factors, sign: parity } = luFactors(t)
      return mul(prod(diagonalOf(factors), -1), parity)
    },
    (dy, [t]) => [mul(overMatrix(mul(dy, det(t))), transpose(inverse(t)))],
  )
  return determinant(squares('det', a))
}

/** Sign (0 for a singular matrix) and logarithm of the absolute value of determinants. The gradient is a^-T; SINGULAR where there is none. */
export function slogdet(a: TensorLike): { sign: Tensor; logabsdet: Tensor } {
  const t = squares('slogdet', a)
  const { factors, sign: parity } = luFactors(detach(t))
  const pivots = diagonalOf(factors)
  const logabsdet = customGrad(
    (_: Tensor) => sum(log(abs(pivots)), -1),
    (dy, [x]) => [mul(overMatrix(dy), transpose(inverse(x)))],
  )
  return { sign: mul(prod(sign(pivots), -1), parity), logabsdet: logabsdet(t) }
}

/** a times itself n times; n = 0 gives the identity, n < 0 powers of the inverse. By repeated squaring. */
export function matrixPower(a: TensorLike, n: number): Tensor {
  const t = squares('matrixPower', a)
  checkInteger('matrixPower', 'n', n, -(2 ** 31), 2 ** 31)
  const size = t.shape[t.rank - 1]!
  if (n === 0) return expand(eye(size, size, { dtype: t.dtype }), t.shape)
  let square2 = n < 0 ? inverse(t) : t
  let result: Tensor | null = null
  for (let left = Math.abs(n); left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = result ? matmul(result, square2) : square2
    if (left > 1) square2 = matmul(square2, square2)
  }
  return result!
}

const expRow: Row<null> = defineRow<null>({
  name: 'matrixExp',
  kind: 'kernel',
  infer: ([a]) => a!,
  vjp: ({ dy, inputs: [a] }) => {
    // The upper right of exp([[a^T, dy], [0, a^T]]) (Najfeld & Havel 1995).
    const n = a!.shape[a!.rank - 1]!
    const t = transpose(a!)
    const whole = concat([concat([t, dy], -1), concat([filled(t.shape, 0, t), t], -1)], -2)
    return [narrow(narrow(apply(expRow, [whole], null, ''), -2, 0, n), -1, n, n)]
  },
  emit: (e, { inputs: [a] }) => {
    const n = a!.shape[a!.shape.length - 1]!
    const dims = [sizeOf(a!.shape.slice(0, -2)), n, n]
    e.instr('matrixExp', [window(e.output(), dims)], [window(e.packed(e.input(0)), dims)])
  },
})

/** exp(a) = 1 + a + a^2 / 2 + ..., by Pade approximation, scaled and squared (Higham 2005). */
export function matrixExp(a: TensorLike): Tensor {
  return apply(expRow, [squares('matrixExp', a)], null, '')
}

export interface RankOptions {
  /** Singular values up to this count as 0. Default: 0. */
  atol?: number
  /** The same, times the largest one. Default: the machine's epsilon times max(m, n), or 0 if atol is given. */
  rtol?: number
  /** The matrices are symmetric (the lower triangle is read). Default: false. */
  hermitian?: boolean
}

const EPSILON: Partial<Record<DType, number>> = { f64: 2 ** -52, f32: 2 ** -23, f16: 2 ** -10, bf16: 2 ** -7 }

function threshold(t: Tensor, values: Tensor, { atol, rtol }: RankOptions): Tensor {
  const [m, n] = t.shape.slice(-2) as [number, number]
  const relative = rtol ?? (atol === undefined || atol === 0 ? EPSILON[t.dtype]! * Math.max(m, n) : 0)
  const top =
    values.shape[values.rank - 1] === 0 ? sum(values, -1, { keepDims: true }) : max(values, -1, { keepDims: true })
  return maximum(mul(top, operand(relative, t.dtype)), operand(atol ?? 0, t.dtype))
}

const RANK_OPTIONS = ['atol', 'rtol', 'hermitian']

/** How many singular values are above max(atol, rtol times the largest), as i64. */
export function matrixRank(a: TensorLike, options: RankOptions = {}): Tensor {
  checkOptions('matrixRank', options, RANK_OPTIONS)
  const t = matrices('matrixRank', a)
  const values = detach(options.hermitian ? abs(eigvalsh(t)) : svdvals(t))
  return sum(gt(values, threshold(t, values, options)), -1)
}

/**
 * The Moore-Penrose inverse [..., n, m] of matrices [..., m, n]; singular values up to max(atol, rtol times the largest) count as 0. The gradient is
 * that among matrices of the same rank (Golub & Pereyra 1973).
 */
export function pinv(a: TensorLike, options: RankOptions = {}): Tensor {
  checkOptions('pinv', options, RANK_OPTIONS)
  let t = matrices('pinv', a)
  if (options.hermitian) {
    squares('pinv', t)
    t = mul(add(t, transpose(t)), constant(0.5, t.dtype))
  }
  const { hermitian: _, ...limits } = options
  return pseudoInverse(t, limits)
}

function pseudoInverse(a: Tensor, options: RankOptions): Tensor {
  const inverted = customGrad(
    (t: Tensor) => {
      const { u, s, vh } = svd(t, { fullMatrices: false })
      const isRank = gt(s, threshold(t, s, options))
      const one = constant(1, t.dtype)
      const inverses = where(isRank, reciprocal(where(isRank, s, one)), constant(0, t.dtype))
      return matmul(mul(transpose(vh), unsqueeze(inverses, -2)), transpose(u))
    },
    (g, [t]) => {
      // -p^T g p^T + (1 - a p) g^T p p^T + p^T p g^T (1 - p a)
      const p = pseudoInverse(t, options)
      const [pt, gt2] = [transpose(p), transpose(g)]
      const left = matmul(gt2, matmul(p, pt))
      const right = matmul(matmul(pt, p), gt2)
      const inside = matmul(matmul(pt, g), pt)
      const outsideLeft = sub(left, matmul(t, matmul(p, left)))
      const outsideRight = sub(right, matmul(matmul(right, p), t))
      return [sub(add(outsideLeft, outsideRight), inside)]
    },
  )
  return inverted(a)
}

export interface LstsqOptions {
  /** Singular values up to this times the largest count as 0. Default: the machine's epsilon times max(m, n). */
  rcond?: number
}

export interface LstsqResult {
  /** [..., n, k], of least norm among the best. */
  readonly solution: Tensor
  /** Squared lengths of a x - b by columns [..., k] if m > n, else empty. */
  readonly residuals: Tensor
  /** Of a, [...], i64. */
  readonly rank: Tensor
  /** Of a, [..., min(m, n)]. */
  readonly singularValues: Tensor
}

/** x for which |a x - b| is least: a [..., m, n], b [..., m, k]. By the pseudo-inverse. */
export function lstsq(a: TensorLike, b: TensorLike, options: LstsqOptions = {}): LstsqResult {
  checkOptions('lstsq', options, ['rcond'])
  const [t, y] = [matrices('lstsq', a), matrices('lstsq', b)]
  const [m, n] = t.shape.slice(-2) as [number, number]
  if (y.shape[y.rank - 2] !== m || y.dtype !== t.dtype)
    fail('SHAPE', 'lstsq', `b must be ${t.dtype} [..., ${m}, k], got ${y.dtype} ${showShape(y.shape)}.`)
  const limits: RankOptions = options.rcond === undefined ? {} : { rtol: options.rcond }
  const solution = matmul(pseudoInverse(t, limits), y)
  const singularValues = svdvals(t)
  const residuals = m > n ? sum(square(sub(matmul(t, solution), y)), -2) : filled([0], 0, y)
  return { solution, residuals, rank: matrixRank(t, limits), singularValues }
}

export interface CrossOptions {
  /** Along which the vectors lie, of size 3. Default: the first axis of size 3. */
  axis?: number
}

/** The cross product of vectors of three numbers. */
export function cross(a: TensorLike, b: TensorLike, options: CrossOptions = {}): Tensor {
  checkOptions('cross', options, ['axis'])
  const [x, y] = promoted('cross', a, b)
  const shape = broadcast('cross', x.shape, y.shape)
  const at = options.axis === undefined ? shape.indexOf(3) : normalizeAxis('cross', options.axis, shape.length)
  if (shape[at] !== 3) fail('SHAPE', 'cross', `needs an axis of size 3, got ${showShape(shape)}.`)
  const [u, v] = [expand(x, shape), expand(y, shape)]
  // By axes i + 1 and i + 2, counted in a circle.
  const turned = (t: Tensor, by: number) => concat([narrow(t, at, by, 3 - by), narrow(t, at, 0, by)], at)
  return sub(mul(turned(u, 1), turned(v, 2)), mul(turned(u, 2), turned(v, 1)))
}

export interface VecdotOptions {
  /** Default: -1. */
  axis?: number
}

/** Inner products along an axis of the broadcast shape. */
export function vecdot(a: TensorLike, b: TensorLike, options: VecdotOptions = {}): Tensor {
  checkOptions('vecdot', options, ['axis'])
  return sum(mul(asTensor('vecdot', a), asTensor('vecdot', b)), options.axis ?? -1)
}
