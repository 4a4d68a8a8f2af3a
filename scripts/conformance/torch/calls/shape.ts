/** @file Shapes, indexing, sorting, sets, grids and casts. */
import * as tenon from '../../../../lib/index.ts'
import type { Subscript, Tensor } from '../../../../lib/index.ts'
import type { Args, Calls, Ellipsis, Result, Slice } from '../adapter.ts'

/** A variadic list of numbers, which may be given as one list. */
const listOf = (values: readonly unknown[]): never => (Array.isArray(values[0]) ? values[0] : values) as never

const at = (values: readonly unknown[], i: number): never => values[i] as never

const pair = ({ values, indices }: { values: Tensor; indices: Tensor }): Result => [values, indices]

/** An index of PyTorch as tenon's subscripts. */
function subscripts(index: unknown): readonly Subscript[] {
  const items = Array.isArray(index) ? index : [index]
  return items.map((item: unknown) => {
    if (item === null || typeof item === 'number' || item instanceof tenon.Tensor) return item
    return 'slice' in (item as object) ? (item as Slice).slice : (item as Ellipsis) && '...'
  })
}

const uniqueResults = (
  { values, inverse, counts }: { values: Tensor; inverse: Tensor; counts: Tensor },
  hasInverse: unknown,
  hasCounts: unknown,
): Result =>
  hasInverse || hasCounts ? [values, ...(hasInverse ? [inverse] : []), ...(hasCounts ? [counts] : [])] : values

const stackLike =
  (op: (tensors: never) => Tensor) =>
  ({ tensors }: Args): Tensor =>
    op(tensors)

const split = ({ tensor, split_size_or_sections, dim }: Args): Result =>
  tenon.split(tensor, split_size_or_sections, dim)

export const calls: Calls = {
  'torch.reshape': ({ input, shape }) => tenon.reshape(input, shape),
  'torch.flatten': ({ input, start_dim, end_dim }) => tenon.flatten(input, start_dim, end_dim),
  'torch.unflatten': ({ input, dim, sizes }) => tenon.unflatten(input, dim, sizes),
  'Tensor.unflatten': ({ x, a }) => tenon.unflatten(x, at(a, 0), at(a, 1)),
  'torch.permute': ({ input, dims }) => tenon.permute(input, dims),
  'torch.transpose': ({ input, dim0, dim1 }) => tenon.transpose(input, dim0, dim1),
  'torch.swapaxes': ({ input, axis0, axis1 }) => tenon.transpose(input, axis0, axis1),
  'torch.squeeze': ({ input, dim }) => tenon.squeeze(input, dim),
  'torch.unsqueeze': ({ input, dim }) => tenon.unsqueeze(input, dim),
  'torch.movedim': ({ input, source, destination }) => tenon.movedim(input, source, destination),
  'torch.t': ({ input }) => tenon.t(input),
  'Tensor.expand': ({ x, a }) => tenon.expand(x, listOf(a)),
  'torch.broadcast_to': ({ input, size }) => tenon.expand(input, size),
  'Tensor.repeat': ({ x, a }) => tenon.tile(x, listOf(a)),
  'torch.tile': ({ input, dims }) => tenon.tile(input, dims),
  'torch.repeat_interleave': ({ input, repeats, dim }) =>
    typeof repeats === 'number'
      ? tenon.repeatInterleave(input, repeats, dim)
      : tenon.repeatInterleaveAsync(input, repeats, dim),
  'torch.cat': ({ tensors, dim }) => tenon.concat(tensors, dim),
  'torch.stack': ({ tensors, dim }) => tenon.stack(tensors, dim),
  'torch.hstack': stackLike(tenon.hstack),
  'torch.vstack': stackLike(tenon.vstack),
  'torch.dstack': stackLike(tenon.dstack),
  'torch.split': split,
  'torch.chunk': ({ input, chunks, dim }) => tenon.chunk(input, chunks, dim),
  'torch.unbind': ({ input, dim }) => tenon.unbind(input, dim),
  'torch.tensor_split': ({ input, sections, indices, dim }) => tenon.tensorSplit(input, sections ?? indices, dim),
  'torch.flip': ({ input, dims }) => tenon.flip(input, dims),
  'torch.roll': ({ input, shifts, dims }) => tenon.roll(input, shifts, dims),
  'torch.rot90': ({ input, k, dims }) => tenon.rot90(input, k, dims),
  'torch.narrow': ({ input, dim, start, length }) => tenon.narrow(input, dim, start, length),
  'Tensor.unfold': ({ x, a }) => tenon.unfoldAxis(x, at(a, 0), at(a, 1), at(a, 2)),
  'torch.as_strided': ({ input, size, stride, storage_offset }) => tenon.asStrided(input, size, stride, storage_offset),
  'torch.tril': ({ input, diagonal }) => tenon.tril(input, diagonal),
  'torch.triu': ({ input, diagonal }) => tenon.triu(input, diagonal),
  'torch.diag': ({ input, diagonal }) => tenon.diag(input, diagonal),
  'torch.diagonal': ({ input, offset, dim1 = 0 as never, dim2 = 1 as never }) =>
    tenon.diagonal(input, { offset, axes: [dim1, dim2] }),
  'torch.diag_embed': ({ input, offset, dim1 = -2 as never, dim2 = -1 as never }) =>
    tenon.diagEmbed(input, { offset, axes: [dim1, dim2] }),
  'torch.masked_fill': ({ input, mask, value }) => tenon.maskedFill(input, mask, value),
  'torch.masked_select': ({ input, mask }) => tenon.maskedSelect(input, mask),
  getitem: ({ input, index }) => tenon.indexAsync(input, subscripts(index)),
  'torch.gather': ({ input, dim, index }) => tenon.gather(input, dim, index),
  'torch.take_along_dim': ({ input, indices, dim }) => tenon.takeAlongDim(input, indices, dim),
  'torch.take': ({ input, index }) => tenon.take(input, index),
  'torch.index_select': ({ input, dim, index }) => tenon.indexSelect(input, dim, index),
  'torch.scatter': ({ input, dim, index, src, value }) => tenon.scatter(input, dim, index, src ?? value),
  'torch.scatter_add': ({ input, dim, index, src }) => tenon.scatterAdd(input, dim, index, src),
  'torch.scatter_reduce': ({ input, dim, index, src, reduce, include_self }) =>
    tenon.scatterReduce(input, dim, index, src, reduce, { includeSelf: include_self }),
  'torch.index_add': ({ input, dim, index, source, alpha }) => tenon.indexAdd(input, dim, index, source, { alpha }),
  'torch.index_copy': ({ input, dim, index, source }) => tenon.indexCopy(input, dim, index, source),
  'torch.index_fill': ({ input, dim, index, value }) => tenon.indexFill(input, dim, index, value),
  'torch.index_put': ({ input, indices, values, accumulate }) =>
    tenon.indexPutAsync(input, subscripts(indices), values, { accumulate }),
  'torch.masked_scatter': ({ input, mask, source }) => tenon.maskedScatter(input, mask, source),
  'torch.topk': ({ input, k, dim, largest, sorted: _ }) => pair(tenon.topk(input, k, { axis: dim, largest })),
  'torch.sort': ({ input, dim, descending, stable: _ }) => pair(tenon.sort(input, dim, { descending })),
  'torch.argsort': ({ input, dim, descending, stable: _ }) => tenon.argsort(input, dim, { descending }),
  'torch.kthvalue': ({ input, k, dim, keepdim }) => pair(tenon.kthvalue(input, k, dim, { keepDims: keepdim })),
  'torch.msort': ({ input }) => tenon.msort(input),
  'torch.unique': async ({ input, sorted: _, return_inverse, return_counts, dim }) =>
    uniqueResults(await tenon.unique(input, { axis: dim }), return_inverse, return_counts),
  'torch.unique_consecutive': async ({ input, return_inverse, return_counts, dim }) =>
    uniqueResults(await tenon.uniqueConsecutive(input, { axis: dim }), return_inverse, return_counts),
  'torch.nonzero': async ({ input, as_tuple }) => {
    const found = await tenon.nonzero(input)
    return as_tuple ? tenon.unbind(found, 1) : found
  },
  'torch.searchsorted': ({ sorted_sequence, input, right, side, sorter }) =>
    tenon.searchsorted(sorted_sequence, input, {
      right: side === undefined ? right : ((side === 'right') as never),
      sorter,
    }),
  'torch.bucketize': ({ input, boundaries, right }) => tenon.bucketize(input, boundaries, { right }),
  'torch.bincount': ({ input, weights, minlength }) => tenon.bincount(input, { weights, minLength: minlength }),
  'torch.histc': ({ input, bins, min, max }) => tenon.histc(input, { bins, min, max }),
  'torch.histogram': ({ input, bins, range, weight, density }) => {
    const { hist, edges } = tenon.histogram(input, bins, { range, weight, density })
    return [hist, edges]
  },
  'torch.nn.functional.one_hot': ({ input, num_classes = -1 as never }) =>
    num_classes === -1 ? tenon.oneHotAsync(input) : tenon.oneHot(input, num_classes),
  'torch.meshgrid': ({ tensors, indexing }) => tenon.meshgrid(tensors, { indexing }),
  'torch.cartesian_prod': ({ tensors }) => tenon.cartesianProd(tensors),
  'torch.combinations': ({ input, r, with_replacement }) =>
    tenon.combinations(input, { r, withReplacement: with_replacement }),
  'torch.arange': ({ start, end, step }) =>
    start === undefined ? tenon.arange(end, undefined, step) : tenon.arange(start, end, step),
  'torch.linspace': ({ start, end, steps }) => tenon.linspace(start, end, steps),
  'torch.logspace': ({ start, end, steps, base }) => tenon.logspace(start, end, steps, { base }),
  'torch.eye': ({ n, m }) => tenon.eye(n, m),
  'torch.full': ({ size, fill_value }) => tenon.full(size, fill_value),
  'torch.tril_indices': ({ row, col, offset }) => tenon.trilIndices(row, col, offset),
  'torch.triu_indices': ({ row, col, offset }) => tenon.triuIndices(row, col, offset),
  'torch.vander': ({ x, N, increasing }) => tenon.vander(x, { n: N, increasing }),
  'torch.block_diag': ({ tensors }) => tenon.blockDiag(tensors),
  'Tensor.to': ({ x, a }) => tenon.cast(x, at(a, 0)),
}
