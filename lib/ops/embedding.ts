/** @file Embeddings: rows of a table of vectors, alone and reduced by bags. */
import { isFloat, isInteger } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { customGrad, detach } from '../graph/gradient.ts'
import { state } from '../graph/state.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { sameShape, showShape } from '../shape.ts'
import { cumsum } from './cumulative.ts'
import { add, clamp, div, eq, gt, mul, ne, sub, where } from './elementwise.ts'
import { scatterAdd, take, takeAdd } from './indexing.ts'
import { expand, filled, narrow, reshape, unsqueeze } from './layout.ts'
import { addEffect } from './normalize.ts'
import { vectorNorm } from './norms.ts'
import { max, sum } from './reduction.ts'
import { scatterReduce } from './scatter.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'
import { assignRows } from './update.ts'

export interface EmbeddingLookupOptions {
  /** A row that gets no gradient (and, in bags, does not count); negative counts from the end. Default: null, none. */
  paddingIdx?: number | null
  /**
   * Rows that are looked up and longer are shortened to this, those of a variable for good, with the first evaluation that needs the result. The
   * gradient is that of the shortened rows. Default: null.
   */
  maxNorm?: number | null
  /** Of maxNorm. Default: 2. */
  normType?: number
  /** Divide the gradient of a row by how often it was looked up. Default: false. */
  scaleGradByFreq?: boolean
}

const LOOKUP_OPTIONS = ['paddingIdx', 'maxNorm', 'normType', 'scaleGradByFreq']

/** Ids as i64, the table of vectors, and which ids are the padding's. */
function checked(op: string, ids: TensorLike, weight: TensorLike, { paddingIdx = null }: EmbeddingLookupOptions) {
  const table = asTensor(op, weight)
  if (table.rank !== 2) fail('SHAPE', op, `the weight is [numEmbeddings, dim], got ${showShape(table.shape)}.`)
  const given = asTensor(op, ids)
  if (!isInteger(given.dtype))
    fail('DTYPE', op, `positions are integers, got ${given.dtype}. Cast first: x.cast('i64').`)
  const index = cast(given, 'i64')
  if (paddingIdx === null) return { table, index, isPadding: null }
  const rows = table.shape[0]!
  checkInteger(op, 'paddingIdx', paddingIdx, -rows, rows - 1)
  return { table, index, isPadding: eq(index, constant(paddingIdx < 0 ? paddingIdx + rows : paddingIdx, 'i64')) }
}

/** Rows longer than maxNorm, at that length; as PyTorch divides by length + 1e-7. */
function shortened(rows: Tensor, maxNorm: number, normType: number): Tensor {
  const length = vectorNorm(rows, normType, -1, { keepDims: true })
  const limit = constant(maxNorm, rows.dtype)
  return where(gt(length, limit), mul(rows, div(limit, add(length, constant(1e-7, rows.dtype)))), rows)
}

function lookUp(op: string, table: Tensor, index: Tensor, weight: TensorLike, options: EmbeddingLookupOptions): Tensor {
  const { maxNorm = null, normType = 2, scaleGradByFreq = false } = options
  let rows = take(table, index, 0)
  if ((maxNorm !== null || scaleGradByFreq) && !isFloat(table.dtype))
    fail('DTYPE', op, `needs a float weight, got ${table.dtype}.`)
  if (maxNorm !== null) {
    rows = customGrad(
      (t: Tensor) => shortened(t, maxNorm, normType),
      (dy) => [dy],
    )(rows)
    if (weight instanceof Variable && state.effectsEnabled) {
      const flat = reshape(detach(rows), [index.size, table.shape[1]!])
      addEffect(rows, assignRows(weight, reshape(index, [index.size]), flat))
    }
  }
  return scaleGradByFreq ? dividedByCount(rows, index, table) : rows
}

function dividedByCount(rows: Tensor, index: Tensor, table: Tensor): Tensor {
  const flat = reshape(index, [index.size])
  const ones = filled([index.size], 1, rows)
  const counts = take(scatterAdd(filled([table.shape[0]!], 0, rows), 0, flat, ones), index, 0)
  return customGrad(
    (t: Tensor) => t,
    (dy) => [div(dy, unsqueeze(counts, -1))],
  )(rows)
}

/** Rows of a table of vectors: weight [V, D], ids [...] -> [..., D]. INDEX for ids out of range. */
export function embedding(ids: TensorLike, weight: TensorLike, options: EmbeddingLookupOptions = {}): Tensor {
  checkOptions('embedding', options, LOOKUP_OPTIONS)
  const { table, index, isPadding } = checked('embedding', ids, weight, options)
  const rows = lookUp('embedding', table, index, weight, options)
  return isPadding ? where(unsqueeze(isPadding, -1), detach(rows), rows) : rows
}

export interface EmbeddingBagLookupOptions extends EmbeddingLookupOptions {
  /** How the rows of a bag become one. Default: 'mean'. */
  mode?: 'sum' | 'mean' | 'max'
  /** A factor of each row, of the shape of the ids; with mode 'sum' only. */
  perSampleWeights?: TensorLike | null
  /** The last offset is where the last bag ends. Default: false. */
  includeLastOffset?: boolean
}

/**
 * Reduces rows of a table by bags: weight [V, D]; ids [B, L], a bag each row, or [n] with offsets [B] where the bags begin (the first at 0):
 * [B, D]. An empty bag gives zeros. Of equal maxima of different rows each takes a share of the gradient.
 */
export function embeddingBag(
  ids: TensorLike,
  weight: TensorLike,
  offsets?: TensorLike | null,
  options: EmbeddingBagLookupOptions = {},
): Tensor {
  const op = 'embeddingBag'
  checkOptions(op, options, [...LOOKUP_OPTIONS, 'mode', 'perSampleWeights', 'includeLastOffset'])
  const { mode = 'mean', perSampleWeights, includeLastOffset = false } = options
  if (mode !== 'sum' && mode !== 'mean' && mode !== 'max')
    fail('VALUE', op, `mode is 'sum', 'mean' or 'max', got ${String(mode)}.`)
  const { table, index, isPadding } = checked(op, ids, weight, options)
  if (index.rank === 2 ? Boolean(offsets) : index.rank !== 1 || !offsets)
    fail('SHAPE', op, `needs ids [B, L], or ids [n] and offsets, got ${showShape(index.shape)}.`)
  if (perSampleWeights && (mode !== 'sum' || !sameShape(perSampleWeights.shape, index.shape)))
    fail('VALUE', op, `perSampleWeights need mode 'sum' and the shape ${showShape(index.shape)}.`)
  const rows = lookUp(op, table, index, weight, options)
  const counted = isPadding ? cast(ne(isPadding, constant(1, 'bool')), table.dtype) : filled(index.shape, 1, table)
  const bags = offsets ? bagsOf(op, offsets, index.size, includeLastOffset) : null
  const total = (x: Tensor) => (bags ? bags.total(x) : sum(x, 1))
  const counts = () => unsqueeze(total(counted), -1)
  if (mode === 'max') {
    const kept = where(unsqueeze(gt(counted, constant(0, table.dtype)), -1), rows, constant(-Infinity, table.dtype))
    const top = bags ? bags.top(kept) : index.shape[1] === 0 ? sum(kept, 1) : max(kept, 1)
    return where(gt(counts(), constant(0, table.dtype)), top, constant(0, table.dtype))
  }
  let factor = isPadding ? counted : null
  if (perSampleWeights) {
    const own = cast(asTensor(op, perSampleWeights), table.dtype)
    factor = factor ? mul(own, factor) : own
  }
  const y = total(factor ? mul(rows, unsqueeze(factor, -1)) : rows)
  return mode === 'sum' ? y : div(y, clamp(counts(), constant(1, table.dtype)))
}

/** Reductions of [n, ...] over the bags that begin at the offsets. */
function bagsOf(op: string, offsets: TensorLike, n: number, hasEnd: boolean) {
  const starts = asTensor(op, offsets)
  if (starts.rank !== 1 || !isInteger(starts.dtype) || (hasEnd && starts.size === 0))
    fail('SHAPE', op, `offsets are integers [B], got ${starts.dtype} ${showShape(starts.shape)}.`)
  // How many bags have begun, less one; what an end leaves over lands in a bag of its own.
  const one = filled([starts.size], 1, cast(starts, 'i64'))
  const begun = cumsum(scatterAdd(filled([n + 1], 0, one), 0, cast(starts, 'i64'), one), 0)
  const bag = sub(narrow(begun, 0, 0, n), constant(1, 'i64'))
  const count = starts.size - (hasEnd ? 1 : 0)
  const first = (x: Tensor) => narrow(x, 0, 0, count)
  return {
    total: (x: Tensor) => first(takeAdd(bag, x, 0, [starts.size, ...x.shape.slice(1)])),
    top: (x: Tensor) => {
      const lines = expand(unsqueeze(bag, 1), x.shape)
      const none = filled([starts.size, ...x.shape.slice(1)], 0, x)
      return first(scatterReduce(none, 0, lines, x, 'amax', { includeSelf: false }))
    },
  }
}
