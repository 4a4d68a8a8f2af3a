/** @file Diagonals: read, written, summed; and matrices put together from blocks along one. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { checkShape, normalizeAxes, showShape } from '../shape.ts'
import { promote } from '../dtype.ts'
import { tensor } from './create.ts'
import { concat, pad, place, reshape, slice } from './layout.ts'
import { movedim } from './arrange.ts'
import { sum } from './reduction.ts'
import { asTensor, cast } from './table.ts'
import type { TensorLike } from './table.ts'

export interface DiagonalOptions {
  /** Above (> 0) or below (< 0) the main diagonal. Default: 0. */
  offset?: number
  /** Rows and columns. Default of diagonal: [0, 1]; of diagEmbed: the last two. */
  axes?: readonly [number, number]
}

const LIMIT = 2 ** 31

/** Where a diagonal of [n, m] matrices begins in a flattened matrix, and how long it is. */
function lineOf(n: number, m: number, offset: number): { start: number; length: number } {
  const length = Math.max(0, Math.min(n + Math.min(0, offset), m - Math.max(0, offset)))
  return { start: offset >= 0 ? offset : -offset * m, length }
}

/** The diagonals of the planes of two axes, as a new last axis. */
export function diagonal(x: TensorLike, options: DiagonalOptions = {}): Tensor {
  checkOptions('diagonal', options, ['offset', 'axes'])
  const { offset = 0, axes = [0, 1] } = options
  checkInteger('diagonal', 'offset', offset, -LIMIT, LIMIT)
  const t = asTensor('diagonal', x)
  checkPlane('diagonal', axes, t.rank)
  const planes = movedim(t, axes, [-2, -1])
  const lead = planes.shape.slice(0, -2)
  const [n, m] = planes.shape.slice(-2) as [number, number]
  const { start, length } = lineOf(n, m, offset)
  const all = lead.map(() => null)
  if (length === 0) return reshape(slice(planes, [...all, [0, 0], [0, 0]]), [...lead, 0])
  const flat = reshape(planes, [...lead, n * m])
  return slice(flat, [...all, [start, start + (length - 1) * (m + 1) + 1, m + 1]])
}

function checkPlane(op: string, axes: readonly number[], rank: number): void {
  if (axes.length !== 2) fail('AXIS', op, `needs two axes, got ${showShape(axes)}.`)
  normalizeAxes(op, axes, rank)
}

/** Square matrices with the last axis of x on a diagonal, and 0 elsewhere. */
export function diagEmbed(x: TensorLike, options: DiagonalOptions = {}): Tensor {
  checkOptions('diagEmbed', options, ['offset', 'axes'])
  const { offset = 0, axes = [-2, -1] } = options
  checkInteger('diagEmbed', 'offset', offset, -LIMIT, LIMIT)
  const t = asTensor('diagEmbed', x)
  if (t.rank === 0) fail('SHAPE', 'diagEmbed', 'needs an axis, got a scalar.')
  checkPlane('diagEmbed', axes, t.rank + 1)
  const lead = t.shape.slice(0, -1)
  const length = t.shape[t.rank - 1]!
  const n = length + Math.abs(offset)
  checkShape('diagEmbed', [...lead, n, n])
  const { start } = lineOf(n, n, offset)
  const starts = [...lead.map(() => 0), start]
  const steps = [...lead.map(() => 1), n + 1]
  const flat = place(t, [...lead, n * n], starts, steps, 0)
  return movedim(reshape(flat, [...lead, n, n]), [-2, -1], axes)
}

/** A vector as the diagonal of a matrix; a matrix's diagonal as a vector. */
export function diag(x: TensorLike, offset = 0): Tensor {
  const t = asTensor('diag', x)
  if (t.rank === 1) return diagEmbed(t, { offset })
  if (t.rank !== 2) fail('SHAPE', 'diag', `needs a vector or a matrix, got ${showShape(t.shape)}.`)
  return diagonal(t, { offset })
}

/** The sum of a matrix's diagonal. */
export function trace(x: TensorLike): Tensor {
  const t = asTensor('trace', x)
  if (t.rank !== 2) fail('SHAPE', 'trace', `needs a matrix, got ${showShape(t.shape)}.`)
  return sum(diagonal(t))
}

/** A matrix with the given matrices along its diagonal; vectors are rows. */
export function blockDiag(tensors: readonly TensorLike[]): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0)
    return fail('VALUE', 'blockDiag', 'needs a list of at least one tensor.')
  const given = tensors.map((x) => asTensor('blockDiag', x as TensorLike))
  const dtype = given.map((t) => t.dtype).reduce(promote)
  const blocks = given.map((t) => {
    if (t.rank > 2) fail('SHAPE', 'blockDiag', `needs matrices, got ${showShape(t.shape)}.`)
    return reshape(cast(t, dtype), t.rank === 2 ? t.shape : [1, t.size])
  })
  const width = blocks.reduce((n, t) => n + t.shape[1]!, 0)
  let at = 0
  const rows = blocks.map((t) => {
    at += t.shape[1]!
    return pad(t, [
      [0, 0],
      [at - t.shape[1]!, width - at],
    ])
  })
  return concat(rows, 0)
}

/** Rows and columns of the lower triangle (column <= row + offset) of [rows, columns], row by row: i64 [2, count]. */
export function trilIndices(rows: number, columns: number, offset = 0): Tensor {
  return triangle('trilIndices', rows, columns, (row) => [0, Math.min(columns, row + offset + 1)], offset)
}

/** Rows and columns of the upper triangle (column >= row + offset) of [rows, columns], row by row: i64 [2, count]. */
export function triuIndices(rows: number, columns: number, offset = 0): Tensor {
  return triangle('triuIndices', rows, columns, (row) => [Math.max(0, row + offset), columns], offset)
}

function triangle(op: string, rows: number, columns: number, range: (row: number) => number[], offset: number): Tensor {
  checkInteger(op, 'rows', rows, 0, LIMIT)
  checkInteger(op, 'columns', columns, 0, LIMIT)
  checkInteger(op, 'offset', offset, -LIMIT, LIMIT)
  const [at, to]: [bigint[], bigint[]] = [[], []]
  for (let row = 0; row < rows; row++) {
    const [first, last] = range(row) as [number, number]
    for (let column = first; column < last; column++) (at.push(BigInt(row)), to.push(BigInt(column)))
  }
  return tensor(BigInt64Array.from([...at, ...to]), { shape: [2, at.length], transfer: true })
}
