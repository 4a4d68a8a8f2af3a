/** @file Every error that scans, order, statistics, subscripts and arrangements throw when they are called: its code, and what it says. */
import * as assert from 'uvu/assert'
import * as ops from '../../lib/index.ts'
import { TenonError } from '../../lib/index.ts'
import { b, bad, d, f, i, testErrors } from '../support/error-rows.ts'
import type { ErrorRow } from '../support/error-rows.ts'
import { suite } from '../support/suite.ts'

const test = suite('errors-order')

const scans: ErrorRow[] = [
  ['cumsum: axis', () => ops.cumsum(f(2), 1), 'AXIS', /got 1/],
  ['logcumsumexp: integers', () => ops.logcumsumexp(i(2), 0), 'DTYPE', /needs floats, got i64/],
  ['diff: n', () => ops.diff(f(2), { n: -1 }), 'VALUE', /n must be an integer >= 0/],
  ['trapezoid: both', () => ops.trapezoid(f(2), { x: f(2), dx: 1 }), 'VALUE', /x or dx/],
  ['cumulativeTrapezoid: positions', () => ops.cumulativeTrapezoid(f(2), { x: f(3) }), 'SHAPE', /2 positions, got 3/],
]

const order: ErrorRow[] = [
  ['sort: option', () => ops.sort(f(2), 0, bad({ decending: true })), 'OPTION', /Did you mean 'descending'/],
  ['argsort: axis', () => ops.argsort(f(2), 2), 'AXIS', /got 2/],
  ['topk: k', () => ops.topk(f(3), 4), 'VALUE', /k must be an integer in \[0, 3\], got 4/],
  ['kthvalue: k', () => ops.kthvalue(f(3), 0), 'VALUE', /in \[1, 3\], got 0/],
  ['searchsorted: rows', () => ops.searchsorted(f(2, 3), f(3, 3)), 'SHAPE', /but for the last axis/],
  ['searchsorted: a scalar', () => ops.searchsorted(f(), f(3)), 'SHAPE', /must have an axis/],
  ['bucketize: boundaries', () => ops.bucketize(f(3), f(2, 2)), 'SHAPE', /are a vector, got \[2, 2\]/],
  ['median: empty', () => ops.median(f(2, 0), 1), 'SHAPE', /an empty axis has no median/],
  ['mode: empty', () => ops.mode(f(0)), 'SHAPE', /no mode/],
  ['quantile: q', () => ops.quantile(f(2), 1.5), 'VALUE', /q lies in \[0, 1\], got 1.5/],
  ['quantile: integers', () => ops.quantile(i(2), 0.5), 'DTYPE', /needs floats/],
  ['quantile: rank of q', () => ops.quantile(f(2), d(1, 1)), 'SHAPE', /a number or a vector/],
  ['nanquantile: mode', () => ops.nanquantile(f(2), 0.5, 0, { interpolation: bad('up') }), 'VALUE', /one of linear/],
]

const statistics: ErrorRow[] = [
  ['nanmean: integers', () => ops.nanmean(i(2)), 'DTYPE', /needs floats/],
  ['cov: rank', () => ops.cov(f(2, 2, 2)), 'SHAPE', /at most 2 axes/],
  ['cov: weights', () => ops.cov(f(2, 3), { aweights: f(2) }), 'SHAPE', /must be \[3\], got \[2\]/],
  ['vectorNorm: p', () => ops.vectorNorm(f(2), NaN), 'VALUE', /p is a number, got NaN/],
  ['vectorNorm: integers', () => ops.vectorNorm(i(2)), 'DTYPE', /needs floats/],
  ['matrixNorm: ord', () => ops.matrixNorm(f(2, 2), 3), 'VALUE', /ord is/],
  ['matrixNorm: vector', () => ops.matrixNorm(f(2)), 'SHAPE', /needs matrices/],
  ['dist: shapes', () => ops.dist(f(2), f(3)), 'SHAPE', /must broadcast/],
  ['histc: range', () => ops.histc(f(2), { min: 2, max: 1 }), 'VALUE', /low and a high end, got 2 and 1/],
  ['histc: integers', () => ops.histc(i(2)), 'DTYPE', /needs floats/],
  ['histogram: edges', () => ops.histogram(f(2), f(1)), 'SHAPE', /at least two/],
  ['histogram: weight', () => ops.histogram(f(2), 2, { weight: f(3) }), 'SHAPE', /must be f32 \[2\]/],
]

const arrangements: ErrorRow[] = [
  ['unflatten', () => ops.unflatten(f(2, 6), 1, [4, -1]), 'SHAPE', /does not make an axis of 6/],
  ['movedim: twice', () => ops.movedim(f(2, 3), [0, 0], [0, 1]), 'AXIS', /different axes on both sides/],
  ['t: rank', () => ops.t(f(1, 2, 3)), 'SHAPE', /at most 2 axes.*permute/],
  ['hstack: nothing', () => ops.hstack([]), 'VALUE', /at least one tensor/],
  ['vstack: sizes', () => ops.vstack([f(2), f(3)]), 'SHAPE', /must agree/],
  ['dstack: nothing', () => ops.dstack(bad(f(1))), 'VALUE', /needs a list/],
  ['chunk: n', () => ops.chunk(f(2), 0), 'VALUE', /n must be an integer >= 1/],
  ['tensorSplit: sections', () => ops.tensorSplit(f(2), 0), 'VALUE', /sections must be/],
  ['roll: axes', () => ops.roll(f(2), [1, 2], 0), 'VALUE', /a shift for each axis/],
  ['roll: fraction', () => ops.roll(f(2), 0.5, 0), 'VALUE', /a shift is an integer/],
  ['rot90: axes', () => ops.rot90(f(2, 2), 1, bad([0])), 'AXIS', /needs two axes/],
  ['rot90: k', () => ops.rot90(f(2, 2), 0.5), 'VALUE', /k is an integer/],
  ['repeatInterleave: repeats', () => ops.repeatInterleave(f(2), [1], 0), 'SHAPE', /needs 2 repeats, got 1/],
  ['asStrided: too far', () => ops.asStrided(f(4), [2, 2], [2, 2]), 'SHAPE', /reaches element 4/],
  ['asStrided: strides', () => ops.asStrided(f(4), [2, 2], [1]), 'SHAPE', /a stride for each of 2 axes/],
  ['unfoldAxis: size', () => ops.unfoldAxis(f(4), 0, 5, 1), 'VALUE', /size must be an integer in \[0, 4\]/],
  ['diagonal: axes', () => ops.diagonal(f(2, 2), { axes: [0, 0] }), 'AXIS', /given twice/],
  ['diagEmbed: scalar', () => ops.diagEmbed(f()), 'SHAPE', /needs an axis/],
  ['diag: rank', () => ops.diag(f(1, 2, 3)), 'SHAPE', /a vector or a matrix/],
  ['trace: vector', () => ops.trace(f(2)), 'SHAPE', /needs a matrix/],
  ['blockDiag: rank', () => ops.blockDiag([f(1, 1, 1)]), 'SHAPE', /needs matrices/],
  ['trilIndices', () => ops.trilIndices(-1, 2), 'VALUE', /rows must be/],
  ['meshgrid: a matrix', () => ops.meshgrid([f(1, 1)]), 'SHAPE', /needs vectors/],
  ['meshgrid: indexing', () => ops.meshgrid([f(1)], { indexing: bad('yx') }), 'VALUE', /'ij' or 'xy', got yx/],
  ['cartesianProd: nothing', () => ops.cartesianProd([]), 'VALUE', /at least one/],
  ['combinations: matrix', () => ops.combinations(f(1, 1)), 'SHAPE', /needs a vector/],
  ['vander: scalar', () => ops.vander(f()), 'SHAPE', /needs a vector/],
  ['logspace: option', () => ops.logspace(0, 1, 2, bad({ bases: 2 })), 'OPTION', /Did you mean 'base'/],
]

const positions: ErrorRow[] = [
  ['index: too many', () => ops.index(f(2), [0, 0]), 'AXIS', /2 subscripts for 1 axes/],
  ['index: dots twice', () => ops.index(f(2), ['...', '...']), 'VALUE', /may stand once/],
  ['index: out of range', () => ops.index(f(2), [2]), 'INDEX', /position 2/],
  ['index: a mask', () => ops.index(f(2), [b(2)]), 'DYNAMIC', /await indexAsync/],
  ['index: a word', () => ops.index(f(2), [bad('x')]), 'VALUE', /no subscript: x/],
  ['index: positions that do not broadcast', () => ops.index(f(2, 2), [i(2), i(3)]), 'SHAPE', /must broadcast/],
  ['indexPut: ranges', () => ops.indexPut(f(4), [[0, 2]], 1), 'VALUE', /tensors of positions/],
  ['indexPut: values', () => ops.indexPut(f(4), [i(2)], f(3)), 'SHAPE', /broadcast to \[2\], got \[3\]/],
  ['indexPut: dtype', () => ops.indexPut(f(4), [i(2)], d(2)), 'DTYPE', /must be f32/],
  ['indexAdd: source', () => ops.indexAdd(f(3, 2), 0, i(2), f(3, 2)), 'SHAPE', /must be \[2, 2\], got \[3, 2\]/],
  ['indexCopy: positions', () => ops.indexCopy(f(3), 0, i(1, 1), f(1)), 'SHAPE', /are a vector/],
  ['indexFill: floats', () => ops.indexFill(f(3), 0, f(1), 1), 'DTYPE', /positions are integers/],
  ['scatterAdd: bools', () => ops.scatterAdd(b(2), 0, i(1), b(1)), 'DTYPE', /does not take bool/],
  ['scatterReduce: reduce', () => ops.scatterReduce(f(2), 0, i(1), f(1), bad('max')), 'VALUE', /amax or amin, got max/],
  ['take: mode', () => ops.take(f(2), i(1), 0, { mode: 'wrap' as never }), 'VALUE', /'raise' or 'clip', got wrap/],
  ['takeAlongDim: ranks', () => ops.takeAlongDim(f(2, 2), i(2), 0), 'SHAPE', /as many axes/],
  ['maskedFill: mask', () => ops.maskedFill(f(2), f(2), 1), 'DTYPE', /must be bool, got f32/],
  ['maskedFill: value', () => ops.maskedFill(f(2), b(2), f(2)), 'SHAPE', /a number or a scalar/],
  ['maskedScatter: dtype', () => ops.maskedScatter(f(2), b(2), d(2)), 'DTYPE', /must be f32/],
]

testErrors(test, [...scans, ...order, ...statistics, ...arrangements, ...positions])

const failing: [title: string, fn: () => ops.Tensor, says: RegExp][] = [
  ['index', () => ops.index(f(2, 3), [ops.tensor([2n])]), /got 2/],
  ['index: one of several', () => ops.index(f(2, 3), [ops.tensor([0n]), ops.tensor([3n])]), /got -1/],
  ['indexPut', () => ops.indexPut(f(2), [ops.tensor([-3n])], 1), /got -1/],
  ['take: negative, too far', () => ops.take(f(2), ops.tensor([-3n])), /got -1/],
  ['scatterReduce', () => ops.scatterReduce(f(2), 0, ops.tensor([2n]), f(1), 'amax'), /got 2/],
  ['maskedScatter: a short source', () => ops.maskedScatter(f(2), ops.ones([2], { dtype: 'bool' }), f(1)), /got 1/],
]
for (const [title, fn, says] of failing) {
  test(`${title}: INDEX while it runs`, () => {
    try {
      fn().dataSync()
    } catch (error) {
      assert.is((error as TenonError).code, 'INDEX')
      assert.match((error as TenonError).message, says)
      return
    }
    assert.unreachable('no error')
  })
}
