/** @file Norms of vectors and matrices, and the distance that they make. */
import { isFloat } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { normalizeAxis, normalizeAxes } from '../shape.ts'
import { abs, eq, ne, pow, sqrt, square, sub, where } from './elementwise.ts'
import { movedim } from './arrange.ts'
import { svdvals } from './decompositions.ts'
import { reshape, squeeze } from './layout.ts'
import { max, min, sum } from './reduction.ts'
import type { Axes, ReduceOptions } from './reduction.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'

function float(op: string, x: TensorLike): Tensor {
  const t = asTensor(op, x)
  if (!isFloat(t.dtype)) fail('DTYPE', op, `needs floats, got ${t.dtype}. Cast first: x.cast('f32').`)
  return t
}

/** fn(x) where x is not 0, and 0 with gradient 0 where it is. */
export function exceptZero(x: Tensor, fn: (x: Tensor) => Tensor): Tensor {
  const isZero = eq(x, constant(0, x.dtype))
  return where(isZero, constant(0, x.dtype), fn(where(isZero, constant(1, x.dtype), x)))
}

/**
 * The p-norm over axes, (sum |x|^p)^(1/p): any p; 0 counts what is not 0, Infinity and -Infinity take the largest and smallest |x|.
 * Gradient 0 at 0; equal extremes share it.
 */
export function vectorNorm(x: TensorLike, p = 2, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return normOf('vectorNorm', x, p, axes, options)
}

function normOf(op: string, x: TensorLike, p: number, axes: Axes, options: ReduceOptions = {}): Tensor {
  checkOptions(op, options, ['keepDims'])
  const t = float(op, x)
  if (typeof p !== 'number' || Number.isNaN(p)) fail('VALUE', op, `p is a number, got ${String(p)}.`)
  if (p === 2) return exceptZero(sum(square(t), axes, options), sqrt)
  if (p === 1) return sum(abs(t), axes, options)
  if (p === Infinity) return max(abs(t), axes, options)
  if (p === -Infinity) return min(abs(t), axes, options)
  if (p === 0) return sum(cast(ne(t, constant(0, t.dtype)), t.dtype), axes, options)
  const power = (e: number) => (y: Tensor) => pow(y, e)
  if (p < 0) return pow(sum(pow(abs(t), p), axes, options), 1 / p)
  return exceptZero(sum(exceptZero(abs(t), power(p)), axes, options), power(1 / p))
}

/** The p-norm over axes, as vectorNorm; 'fro' is 2, 'nuc' the sum of singular values (of two axes). */
export function norm(x: TensorLike, p: number | 'fro' | 'nuc' = 2, axes?: Axes, options?: ReduceOptions): Tensor {
  if (p !== 'nuc') return normOf('norm', x, p === 'fro' ? 2 : p, axes, options)
  const plane = normalizeAxes('norm', axes ?? undefined, asTensor('norm', x).rank)
  if (plane.length !== 2) fail('AXIS', 'norm', `'nuc' needs two axes, got ${plane.length}.`)
  return matrixNorm(x, 'nuc', { axes: [plane[0]!, plane[1]!], ...options })
}

export interface MatrixNormOptions extends ReduceOptions {
  /** Rows and columns. Default: the last two. */
  axes?: readonly [number, number]
}

/**
 * Norms of matrices: 'fro' (the root of the sum of squares), 1 and -1 (largest and smallest sum of a column's |x|), Infinity and -Infinity
 * (of a row's), 'nuc' (the sum of the singular values), 2 and -2 (the largest and smallest of them).
 */
export function matrixNorm(
  x: TensorLike,
  ord: 'fro' | 'nuc' | number = 'fro',
  options: MatrixNormOptions = {},
): Tensor {
  checkOptions('matrixNorm', options, ['axes', 'keepDims'])
  const t = float('matrixNorm', x)
  const { axes = [-2, -1], keepDims = false } = options
  if (t.rank < 2 || axes.length !== 2) fail('SHAPE', 'matrixNorm', `needs matrices, got ${t.rank} axes.`)
  normalizeAxes('matrixNorm', axes, t.rank)
  if (ord === 'fro') return normOf('matrixNorm', t, 2, axes, { keepDims })
  const [rows, columns] = axes.map((axis) => normalizeAxis('matrixNorm', axis, t.rank)) as [number, number]
  if (ord === 'nuc' || Math.abs(ord) === 2) {
    const values = svdvals(movedim(t, [rows, columns], [-2, -1]))
    const y = ord === 'nuc' ? sum(values, -1) : (ord > 0 ? max : min)(values, -1)
    const kept = t.shape.map((size, i) => (i === rows || i === columns ? 1 : size))
    return keepDims ? reshape(y, kept) : y
  }
  const isByColumn = Math.abs(ord) === 1
  if (!isByColumn && Math.abs(ord) !== Infinity)
    fail('VALUE', 'matrixNorm', `ord is 'fro', 'nuc', 1, -1, 2, -2, Infinity or -Infinity, got ${String(ord)}.`)
  const [added, kept] = isByColumn ? [rows, columns] : [columns, rows]
  const sums = sum(abs(t), added, { keepDims: true })
  const y = (ord > 0 ? max : min)(sums, kept, { keepDims: true })
  return keepDims ? y : squeeze(y, [rows, columns])
}

/** The p-norm of the difference of two tensors, which broadcast. */
export function dist(x: TensorLike, other: TensorLike, p = 2): Tensor {
  return normOf('dist', sub(float('dist', x), float('dist', other)), p, undefined)
}
