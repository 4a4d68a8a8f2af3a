/** @file Order: sorting, the k first, search in what is sorted. NaN counts as larger than every number. */
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Row } from '../graph/row.ts'
import { apply, applyTuple, Tensor } from '../graph/tensor.ts'
import { normalizeAxis, sameShape, showShape, sizeOf } from '../shape.ts'
import type { ValuesAndIndices } from './pool.ts'
import { gather, scatterAdd } from './indexing.ts'
import { filled, narrow, reshape, squeeze, transpose } from './layout.ts'
import { window } from './reduction.ts'
import { asTensor, defineRow, promoted } from './table.ts'
import type { TensorLike } from './table.ts'

interface SortAttrs {
  readonly k: number
  readonly descending: boolean
}

/** native/kernels/sort.cc: as many are found by a heap; more take room for words of 64 bits. */
const HEAP = 256
const wordsOf = (n: number, k: number, dtype: string) => (k <= HEAP ? 0 : 2 * n * (dtype.endsWith('64') ? 2 : 1))
/** Rows that may be sorted at once where that takes room. */
const MOST_SLOTS = 16

const sortRow: Row<SortAttrs> = defineRow<SortAttrs>({
  name: 'sort',
  kind: 'kernel',
  infer: ([x], { k }) => {
    const shape = [...x!.shape.slice(0, -1), k]
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'i64' },
    ]
  },
  vjp: ({ dy, inputs: [x], outputs: [, at] }) => [scatterAdd(filled(x!.shape, 0, x!), -1, at!, dy)],
  emit: (e, { attrs: { k, descending }, inputs: [x] }) => {
    const rows = sizeOf(x!.shape.slice(0, -1))
    const n = x!.shape[x!.shape.length - 1]!
    const words = wordsOf(n, k, x!.dtype)
    const outs = [window(e.output(0), [rows, k]), window(e.output(1), [rows, k])]
    if (words > 0) outs.push(e.temp('u64', [Math.max(1, Math.min(rows, MOST_SLOTS)), words]))
    e.instr('sort', outs, [window(e.packed(e.input(0)), [rows, n])], [Number(descending)])
  },
})

/** The first k along an axis, in order. */
function firsts(op: string, x: TensorLike, k: number | null, axis: number, descending: boolean): ValuesAndIndices {
  const given = asTensor(op, x)
  const at = normalizeAxis(op, axis, Math.max(1, given.rank))
  const t = given.rank === 0 ? reshape(given, [1]) : given
  const n = t.shape[at]!
  const count = k === null ? n : checkInteger(op, 'k', k, 0, n)
  const [values, indices] = applyTuple(sortRow, [transpose(t, at, -1)], { k: count, descending })
  const back = (y: Tensor) => (given.rank === 0 && count === 1 ? reshape(y, []) : transpose(y, at, -1))
  return { values: back(values!), indices: back(indices!) }
}

export interface SortOptions {
  /** Default: false. */
  descending?: boolean
}

/** In order along an axis, equal elements as they stood (stable); and where they stood. The gradient goes there. */
export function sort(x: TensorLike, axis = -1, options: SortOptions = {}): ValuesAndIndices {
  checkOptions('sort', options, ['descending'])
  return firsts('sort', x, null, axis, options.descending ?? false)
}

/** The positions that sort x along an axis, i64; stable. */
export function argsort(x: TensorLike, axis = -1, options: SortOptions = {}): Tensor {
  checkOptions('argsort', options, ['descending'])
  return firsts('argsort', x, null, axis, options.descending ?? false).indices
}

/** x in ascending order along its first axis. */
export const msort = (x: TensorLike): Tensor => firsts('msort', x, null, 0, false).values

export interface TopkOptions {
  /** Default: the last. */
  axis?: number
  /** False: the smallest. Default: true. */
  largest?: boolean
}

/** The k largest along an axis, in order, and where they stand (of equal ones the first). The gradient goes there. */
export function topk(x: TensorLike, k: number, options: TopkOptions = {}): ValuesAndIndices {
  checkOptions('topk', options, ['axis', 'largest'])
  return firsts('topk', x, k, options.axis ?? -1, options.largest ?? true)
}

export interface KthOptions {
  /** Keep the axis, with size 1. Default: false. */
  keepDims?: boolean
}

/** The k-th smallest along an axis, k from 1 on, and where it stands. The gradient goes there. */
export function kthvalue(x: TensorLike, k: number, axis = -1, options: KthOptions = {}): ValuesAndIndices {
  checkOptions('kthvalue', options, ['keepDims'])
  const { shape } = asTensor('kthvalue', x)
  const at = normalizeAxis('kthvalue', axis, Math.max(1, shape.length))
  checkInteger('kthvalue', 'k', k, 1, shape[at] ?? 1)
  const { values, indices } = firsts('kthvalue', x, k, axis, false)
  const last = (t: Tensor) => {
    if (t.rank === 0) return t
    const y = narrow(t, at, k - 1, 1)
    return options.keepDims || shape.length === 0 ? y : squeeze(y, at)
  }
  return { values: last(values), indices: last(indices) }
}

const searchRow: Row<{ right: boolean }> = defineRow<{ right: boolean }>({
  name: 'searchsorted',
  kind: 'kernel',
  infer: ([, values]) => ({ shape: values!.shape, dtype: 'i64' }),
  vjp: { none: 'its result is a position' },
  emit: (e, { attrs: { right }, inputs: [sorted, values] }) => {
    const m = sorted!.shape[sorted!.shape.length - 1]!
    const rows = sizeOf(sorted!.shape.slice(0, -1))
    const n = sorted!.shape.length === 1 ? sizeOf(values!.shape) : values!.shape[values!.shape.length - 1]!
    const ins = [window(e.packed(e.input(0)), [rows, m]), window(e.packed(e.input(1)), [rows, n])]
    e.instr('searchsorted', [window(e.output(), [rows, n])], ins, [Number(right)])
  },
})

export interface SearchOptions {
  /** Behind equal elements instead of before them. Default: false. */
  right?: boolean
}

export interface SearchsortedOptions extends SearchOptions {
  /** Positions that sort the sequence, if it is not sorted. */
  sorter?: TensorLike
}

/**
 * Where values go into an ascending sequence so that it stays sorted: sorted [n] and any values, or [..., n] and [..., m], i64.
 */
export function searchsorted(
  sorted: TensorLike,
  values: TensorLike | number,
  options: SearchsortedOptions = {},
): Tensor {
  checkOptions('searchsorted', options, ['right', 'sorter'])
  const given = asTensor('searchsorted', sorted)
  const sequence = options.sorter === undefined ? given : gather(given, -1, options.sorter)
  return search('searchsorted', sequence, values, options.right ?? false)
}

/** The bucket of each value between ascending boundaries [n]: 0 below the first, n above the last, i64. */
export function bucketize(x: TensorLike | number, boundaries: TensorLike, options: SearchOptions = {}): Tensor {
  checkOptions('bucketize', options, ['right'])
  const edges = asTensor('bucketize', boundaries)
  if (edges.rank !== 1) fail('SHAPE', 'bucketize', `boundaries are a vector, got ${showShape(edges.shape)}.`)
  return search('bucketize', edges, x, options.right ?? false)
}

function search(op: string, sorted: Tensor, x: TensorLike | number, right: boolean): Tensor {
  const [sequence, values] = promoted(op, sorted, x)
  if (sorted.rank === 0) fail('SHAPE', op, 'the sequence must have an axis.')
  if (sorted.rank > 1 && !sameShape(sorted.shape.slice(0, -1), values.shape.slice(0, -1))) {
    fail(
      'SHAPE',
      op,
      `sequence and values must agree but for the last axis, got ${showShape(sorted.shape)} and ${showShape(values.shape)}.`,
    )
  }
  return apply(searchRow, [sequence, values], { right }, right ? 'right' : '')
}
