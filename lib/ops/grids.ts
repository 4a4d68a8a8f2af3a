/** @file Grids, products and choices of vectors, and sequences on a logarithmic scale. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import { showShape } from '../shape.ts'
import { linspace, onesLike, tensor } from './create.ts'
import { cumprod } from './cumulative.ts'
import { pow } from './elementwise.ts'
import { take } from './indexing.ts'
import { concat, expand, flip, reshape, stack, transpose, unsqueeze } from './layout.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'

function vectors(op: string, tensors: readonly TensorLike[]): Tensor[] {
  if (!Array.isArray(tensors) || tensors.length === 0) return fail('VALUE', op, 'needs a list of at least one tensor.')
  return tensors.map((x) => {
    const t = asTensor(op, x as TensorLike)
    if (t.rank > 1) fail('SHAPE', op, `needs vectors, got ${showShape(t.shape)}.`)
    return reshape(t, [t.size])
  })
}

export interface MeshgridOptions {
  /** 'ij': the first vector runs along the first axis; 'xy': along the second. Default: 'ij'. */
  indexing?: 'ij' | 'xy'
}

/** The coordinates of a grid: each vector repeated along the axes of the others. */
export function meshgrid(tensors: readonly TensorLike[], options: MeshgridOptions = {}): Tensor[] {
  checkOptions('meshgrid', options, ['indexing'])
  const { indexing = 'ij' } = options
  if (indexing !== 'ij' && indexing !== 'xy')
    fail('VALUE', 'meshgrid', `indexing is 'ij' or 'xy', got ${String(indexing)}.`)
  const list = vectors('meshgrid', tensors)
  const shape = list.map((t) => t.size)
  const grids = list.map((t, i) =>
    expand(
      reshape(
        t,
        shape.map((size, k) => (k === i ? size : 1)),
      ),
      shape,
    ),
  )
  return indexing === 'xy' && list.length > 1 ? grids.map((t) => transpose(t, 0, 1)) : grids
}

/** All choices of one element from each vector: [n1 n2 ..., number of vectors]; of one vector itself. */
export function cartesianProd(tensors: readonly TensorLike[]): Tensor {
  const list = vectors('cartesianProd', tensors)
  if (list.length === 1) return list[0]!
  return stack(
    meshgrid(list).map((t) => reshape(t, [t.size])),
    1,
  )
}

export interface CombinationsOptions {
  /** Number of elements. Default: 2. */
  r?: number
  /** An element may be chosen more than once. Default: false. */
  withReplacement?: boolean
}

/** All choices of r elements of a vector, in the order of their positions: [count, r]. */
export function combinations(x: TensorLike, options: CombinationsOptions = {}): Tensor {
  checkOptions('combinations', options, ['r', 'withReplacement'])
  const { r = 2, withReplacement = false } = options
  const t = asTensor('combinations', x)
  if (t.rank !== 1) fail('SHAPE', 'combinations', `needs a vector, got ${showShape(t.shape)}.`)
  checkInteger('combinations', 'r', r, 0)
  const rows = choices(t.size, r, withReplacement ? 0 : 1)
  const ids = BigInt64Array.from(rows.flat(), BigInt)
  return r === 0 ? reshape(take(t, tensor(ids), 0), [0]) : take(t, tensor(ids, { shape: [rows.length, r] }), 0)
}

/** Ascending lists of r numbers below n; neighbours are at least `step` apart. */
function choices(n: number, r: number, step: number): number[][] {
  let all: number[][] = [[]]
  for (let k = 0; k < r; k++) {
    all = all.flatMap((head) => {
      const from = k === 0 ? 0 : head[k - 1]! + step
      return Array.from({ length: Math.max(0, n - from) }, (_, i) => [...head, from + i])
    })
  }
  return all
}

export interface LogspaceOptions {
  /** Default: 10. */
  base?: number
  /** Default: 'f32'. */
  dtype?: DType
}

/** n numbers from base^start to base^stop, both included, evenly spaced on a logarithmic scale. */
export function logspace(start: number, stop: number, n: number, options: LogspaceOptions = {}): Tensor {
  checkOptions('logspace', options, ['base', 'dtype'])
  const { base = 10, dtype = 'f32' } = options
  return cast(pow(constant(base, 'f64'), linspace(start, stop, n, { dtype: 'f64' })), dtype)
}

export interface VanderOptions {
  /** Number of powers. Default: as many as x has elements. */
  n?: number
  /** From x^0 on upwards. Default: false, from x^(n - 1) down. */
  increasing?: boolean
}

/** The powers of a vector's elements as columns (Vandermonde's matrix): [..., m] -> [..., m, n]. */
export function vander(x: TensorLike, options: VanderOptions = {}): Tensor {
  checkOptions('vander', options, ['n', 'increasing'])
  const t = asTensor('vander', x)
  if (t.rank === 0) fail('SHAPE', 'vander', 'needs a vector, got a scalar.')
  const { n = t.shape[t.rank - 1]!, increasing = false } = options
  checkInteger('vander', 'n', n, 0)
  const column = unsqueeze(t, -1)
  const powers = expand(column, [...t.shape, Math.max(0, n - 1)])
  const one = cast(onesLike(column), t.dtype)
  const all = n === 0 ? powers : concat([one, cast(cumprod(powers, -1), t.dtype)], -1)
  return increasing ? all : flip(all, -1)
}
