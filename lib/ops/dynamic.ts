/** @file Ops whose output shape depends on data: one evaluation finds the sizes, then the result is a tensor like others; gradients flow through it. */
import { isFloat } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { detach } from '../graph/gradient.ts'
import { Tensor } from '../graph/tensor.ts'
import { normalizeAxis, sameShape, showShape, stridesOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { iota, ones, zeros } from './create.ts'
import { cumsum } from './cumulative.ts'
import { floorDivide, ne, remainder, sub, where } from './elementwise.ts'
import { oneHot, positions, scatter, take, takeAdd } from './indexing.ts'
import { concat, expand, flatten, narrow, permute, reshape, stack, transpose } from './layout.ts'
import { any, max, min, sum } from './reduction.ts'
import { searchsorted, sort } from './sort.ts'
import { axesTaken, completed, index, indexPut } from './subscript.ts'
import type { IndexPutOptions, Subscript } from './subscript.ts'
import { asTensor, cast, constant } from './table.ts'
import type { TensorLike } from './table.ts'

/** @internal What evaluates; lib/engine fills it in. */
export const engine = {
  evaluate: null as unknown as (...tensors: Tensor[]) => Promise<void>,
  numberOf: null as unknown as (scalar: Tensor) => Promise<number>,
}

/** Evaluates a size, and tensors that are needed again once it is known. */
async function known(size: Tensor, ...kept: Tensor[]): Promise<number> {
  await engine.evaluate(size, ...kept)
  return engine.numberOf(size)
}

/** Where a mask [n] holds, i64 [count], in order: each of those goes to the place that counting gives it, the others to one behind. */
function compacted(mask: Tensor, count: number): Tensor {
  const place = where(mask, sub(cumsum(mask, 0), constant(1, 'i64')), constant(count, 'i64'))
  const all = scatter(zeros([count + 1], { dtype: 'i64' }), 0, place, iota(mask.shape, 'i64'))
  return narrow(all, 0, 0, count)
}

/** Positions in the flattened tensor where x is not 0. */
async function found(x: Tensor): Promise<Tensor> {
  const mask = detach(cast(reshape(x, [x.size]), 'bool'))
  return compacted(mask, await known(sum(mask), mask))
}

/** Flat positions as one list an axis. */
function unravelled(flat: Tensor, shape: Shape): Tensor[] {
  const strides = stridesOf(shape)
  return shape.map((size, i) =>
    remainder(floorDivide(flat, constant(Math.max(1, strides[i]!), 'i64')), constant(Math.max(1, size), 'i64')),
  )
}

/** The positions of all elements that are not 0, row by row: i64 [count, rank]. */
export async function nonzero(x: TensorLike): Promise<Tensor> {
  const t = asTensor('nonzero', x)
  const flat = await found(t)
  return t.rank === 0 ? zeros([flat.size, 0], { dtype: 'i64' }) : stack(unravelled(flat, t.shape), 1)
}

/** The elements of x where the mask holds, in row-major order; both broadcast. The gradient goes to them. */
export async function maskedSelect(x: TensorLike, mask: TensorLike): Promise<Tensor> {
  const [t, m] = [asTensor('maskedSelect', x), asTensor('maskedSelect', mask)]
  if (m.dtype !== 'bool')
    fail('DTYPE', 'maskedSelect', `the mask must be bool, got ${m.dtype}. Compare first: x.ne(0).`)
  // Broadcasts by where's own rule.
  const whole = where(m, t, t)
  return take(flatten(whole), await found(expand(m, whole.shape)), 0)
}

/** Masks among subscripts as positions. */
async function withoutMasks(op: string, x: Tensor, items: readonly Subscript[]): Promise<Subscript[]> {
  const full = completed(op, items, x.rank)
  let axis = 0
  const parts = full.map(async (item): Promise<Subscript[]> => {
    const at = axis
    axis += axesTaken(item)
    if (!(item instanceof Object) || Array.isArray(item)) return [item]
    const mask = asTensor(op, item as TensorLike)
    if (mask.dtype !== 'bool') return [mask]
    if (mask.rank === 0 || !sameShape(mask.shape, x.shape.slice(at, at + mask.rank)))
      fail(
        'SHAPE',
        op,
        `a mask must have the sizes of its axes, got ${showShape(mask.shape)} for ${showShape(x.shape)}.`,
      )
    return unravelled(await found(mask), mask.shape)
  })
  return (await Promise.all(parts)).flat()
}

/** x[items] as `index` has it, with masks (bool tensors) too: a mask takes as many axes as it has, and stands for the positions where it holds. */
export async function indexAsync(x: TensorLike, items: readonly Subscript[]): Promise<Tensor> {
  const t = asTensor('index', x)
  return index(t, await withoutMasks('index', t, items))
}

/** `indexPut`, with masks too. */
export async function indexPutAsync(
  x: TensorLike,
  items: readonly Subscript[],
  values: TensorLike | number,
  options: IndexPutOptions = {},
): Promise<Tensor> {
  const t = asTensor('indexPut', x)
  return indexPut(t, await withoutMasks('indexPut', t, items), values, options)
}

/** Each slice along an axis as often as a tensor says (one number, or one for each); without an axis, of the flattened tensor. */
export async function repeatInterleaveAsync(x: TensorLike, repeats: TensorLike, axis?: number): Promise<Tensor> {
  const given = asTensor('repeatInterleave', x)
  const t = axis === undefined ? flatten(given) : given
  const at = normalizeAxis('repeatInterleave', axis ?? 0, t.rank)
  const counts = positions('repeatInterleave', repeats)
  const n = t.shape[at]!
  if (counts.rank > 1 || (counts.size !== 1 && counts.size !== n))
    fail('SHAPE', 'repeatInterleave', `needs 1 or ${n} repeats, got ${showShape(counts.shape)}.`)
  if (n === 0) return t
  const ends = cumsum(expand(reshape(counts, [counts.size]), [n]), 0)
  const least = min(counts)
  const total = await known(narrow(ends, 0, n - 1, 1), ends, least)
  if ((await engine.numberOf(least)) < 0) fail('VALUE', 'repeatInterleave', 'repeats are >= 0, got a negative one.')
  return take(t, searchsorted(ends, iota([total], 'i64'), { right: true }), at)
}

/** `oneHot` with as many classes as the largest label needs. */
export async function oneHotAsync(labels: TensorLike): Promise<Tensor> {
  const ids = positions('oneHot', labels)
  if (ids.size === 0) fail('VALUE', 'oneHot', 'no labels tell no number of classes. Give numClasses.')
  return oneHot(ids, (await known(max(ids))) + 1)
}

export interface UniqueOptions {
  /** Look for equal slices along it. Default: equal elements of the flattened tensor. */
  axis?: number
}

export interface Unique {
  /** Each once. */
  values: Tensor
  /** For each element of x, where it stands in `values`: i64 of x's shape; with an axis [n]. */
  inverse: Tensor
  /** How often each occurs: i64. */
  counts: Tensor
}

/** The different elements (or slices) of x in ascending order. Each NaN is different. Values carry no gradient. */
export async function unique(x: TensorLike, options: UniqueOptions = {}): Promise<Unique> {
  checkOptions('unique', options, ['axis'])
  const { axis } = options
  const t = detach(asTensor('unique', x))
  if (axis === undefined) {
    const { values, indices } = sort(reshape(t, [t.size]))
    return grouped(values, indices, t.shape, (y) => y)
  }
  const rows = slicesFirst('unique', t, axis)
  const order = lexicalOrder(reshape(rows, [rows.shape[0]!, rows.size / Math.max(1, rows.shape[0]!)]))
  return grouped(take(rows, order, 0), order, [rows.shape[0]!], (y) => permuteBack(y, axis, t.rank))
}

/** x with every run of equal elements (or slices) as one. Values carry no gradient. */
export async function uniqueConsecutive(x: TensorLike, options: UniqueOptions = {}): Promise<Unique> {
  checkOptions('uniqueConsecutive', options, ['axis'])
  const { axis } = options
  const t = detach(asTensor('uniqueConsecutive', x))
  if (axis === undefined) return grouped(reshape(t, [t.size]), null, t.shape, (y) => y)
  const rows = slicesFirst('uniqueConsecutive', t, axis)
  return grouped(rows, null, [rows.shape[0]!], (y) => permuteBack(y, axis, t.rank))
}

function slicesFirst(op: string, t: Tensor, axis: number): Tensor {
  const at = normalizeAxis(op, axis, t.rank)
  return permute(t, [at, ...t.shape.map((_, i) => i).filter((i) => i !== at)])
}

function permuteBack(y: Tensor, axis: number, rank: number): Tensor {
  const at = normalizeAxis('unique', axis, rank)
  return permute(
    y,
    y.shape.map((_, i) => (i === at ? 0 : i < at ? i + 1 : i)),
  )
}

/** The order of rows [n, m] by their first column, then the second, ...: sorted by the last column first, as each sort is stable. */
function lexicalOrder(rows: Tensor): Tensor {
  const columns = transpose(rows, 0, 1)
  let order = iota([rows.shape[0]!], 'i64')
  for (let i = columns.shape[0]! - 1; i >= 0; i--) {
    const column = take(reshape(narrow(columns, 0, i, 1), [rows.shape[0]!]), order, 0)
    order = take(order, sort(column).indices, 0)
  }
  return order
}

/** Runs of equal slices of y; `order` says where they stood in x. */
async function grouped(
  y: Tensor,
  order: Tensor | null,
  shape: Shape,
  finish: (values: Tensor) => Tensor,
): Promise<Unique> {
  const n = y.shape[0]!
  if (n === 0)
    return { values: finish(y), inverse: zeros(shape, { dtype: 'i64' }), counts: zeros([0], { dtype: 'i64' }) }
  const differs = ne(narrow(y, 0, 1, n - 1), narrow(y, 0, 0, n - 1))
  const others = y.shape.slice(1).map((_, i) => i + 1)
  const starts = concat([ones([1], { dtype: 'bool' }), others.length > 0 ? any(differs, others) : differs], 0)
  const count = await known(sum(starts), starts, ...(order ? [y, order] : []))
  const first = compacted(starts, count)
  const group = sub(cumsum(starts, 0), constant(1, 'i64'))
  const inverse = order ? scatter(zeros([n], { dtype: 'i64' }), 0, order, group) : group
  const ends = concat([narrow(first, 0, 1, count - 1), expand(constant(n, 'i64'), [1])], 0)
  return { values: finish(take(y, first, 0)), inverse: reshape(inverse, shape), counts: sub(ends, first) }
}

export interface BincountOptions {
  /** What each element counts: as x. Default: 1, and the counts are i64. */
  weights?: TensorLike
  /** Length of the result at least. Default: 0. */
  minLength?: number
}

/** How often each of 0, 1, 2, ... occurs among integers [n]; as long as the largest one needs. */
export async function bincount(x: TensorLike, options: BincountOptions = {}): Promise<Tensor> {
  checkOptions('bincount', options, ['weights', 'minLength'])
  const { weights, minLength = 0 } = options
  checkInteger('bincount', 'minLength', minLength, 0)
  const ids = positions('bincount', x)
  if (ids.rank !== 1) fail('SHAPE', 'bincount', `needs a vector, got ${showShape(ids.shape)}.`)
  let counted = weights === undefined ? ones(ids.shape, { dtype: 'i64' }) : asTensor('bincount', weights)
  if (!sameShape(counted.shape, ids.shape))
    fail('SHAPE', 'bincount', `weights must be ${showShape(ids.shape)}, got ${showShape(counted.shape)}.`)
  if (weights !== undefined && !isFloat(counted.dtype)) counted = cast(counted, 'f64')
  if (ids.size === 0) return zeros([minLength], { dtype: counted.dtype })
  const [low, high] = [min(ids), max(ids)]
  const top = await known(high, low)
  if ((await engine.numberOf(low)) < 0) fail('VALUE', 'bincount', 'elements are >= 0, got a negative one.')
  return takeAdd(ids, counted, 0, [Math.max(top + 1, minLength)])
}
