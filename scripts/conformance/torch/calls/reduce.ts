/** @file Reductions, scans and statistics. */
import * as tenon from '../../../../lib/index.ts'
import type { Tensor } from '../../../../lib/index.ts'
import type { Args, Calls, Result } from '../adapter.ts'

type Reduce = (x: never, axes: never, options: { keepDims: never }) => Tensor
type Find = (x: never, axis: never, options: { keepDims: never }) => { values: Tensor; indices: Tensor }

/** A reduction over dim. */
const reduce =
  (op: Reduce) =>
  ({ input, dim, keepdim }: Args): Tensor =>
    op(input, dim, { keepDims: keepdim })

/** Values and indices, as PyTorch returns them. */
const pair = ({ values, indices }: { values: Tensor; indices: Tensor }): Result => [values, indices]

/** A value of everything, or values and indices along dim. */
const findIn =
  (whole: (x: never) => Tensor, along: Find) =>
  ({ input, dim, keepdim }: Args): Result =>
    dim === undefined ? whole(input) : pair(along(input, dim, { keepDims: keepdim }))

/** The same, or with another tensor the elementwise extreme. */
const extreme =
  (whole: (x: never) => Tensor, along: Find, beside: (x: never, y: never) => Tensor) =>
  ({ input, dim, keepdim, other }: Args): Result =>
    other === undefined ? findIn(whole, along)({ input, dim, keepdim } as unknown as Args) : beside(input, other)

const spread = ({ dim, unbiased, correction, keepdim }: Args) =>
  [dim, { keepDims: keepdim, correction: correction ?? (unbiased === false ? 0 : 1) }] as const

const quantile =
  (op: typeof tenon.quantile) =>
  ({ input, q, dim, keepdim, interpolation }: Args): Tensor =>
    op(input, q, dim ?? undefined, { keepDims: keepdim, interpolation })

export const calls: Calls = {
  'torch.sum': reduce(tenon.sum),
  'torch.mean': reduce(tenon.mean),
  'torch.nansum': reduce(tenon.nansum),
  'torch.nanmean': reduce(tenon.nanmean),
  'torch.prod': reduce(tenon.prod),
  'torch.amax': reduce(tenon.max),
  'torch.amin': reduce(tenon.min),
  'torch.logsumexp': reduce(tenon.logSumExp),
  'torch.argmax': reduce(tenon.argMax as Reduce),
  'torch.argmin': reduce(tenon.argMin as Reduce),
  'torch.all': reduce(tenon.all),
  'torch.any': reduce(tenon.any),
  'torch.count_nonzero': ({ input, dim }) => tenon.countNonzero(input, dim),
  'torch.aminmax': ({ input, dim, keepdim }) => {
    const { min, max } = tenon.aminmax(input, dim, { keepDims: keepdim })
    return [min, max]
  },
  'torch.max': extreme(tenon.max, tenon.maxWithIndices, tenon.maximum),
  'torch.min': extreme(tenon.min, tenon.minWithIndices, tenon.minimum),
  'torch.var': (args) => tenon.variance(args.input, ...spread(args)),
  'torch.std': (args) => tenon.std(args.input, ...spread(args)),
  'torch.var_mean': (args) => {
    const { variance, mean } = tenon.varMean(args.input, ...spread(args))
    return [variance, mean]
  },
  'torch.std_mean': (args) => {
    const { std, mean } = tenon.stdMean(args.input, ...spread(args))
    return [std, mean]
  },
  'torch.linalg.vector_norm': ({ input, ord, dim, keepdim }) =>
    tenon.vectorNorm(input, ord, dim, { keepDims: keepdim }),
  'torch.linalg.matrix_norm': ({ input, ord, dim, keepdim }) =>
    tenon.matrixNorm(input, ord, { axes: dim, keepDims: keepdim }),
  'torch.norm': ({ input, p, dim, keepdim }) => tenon.norm(input, p, dim, { keepDims: keepdim }),
  'torch.dist': ({ input, other, p }) => tenon.dist(input, other, p),
  'torch.median': findIn(tenon.median, tenon.medianWithIndices),
  'torch.nanmedian': findIn(tenon.nanmedian, tenon.nanmedianWithIndices),
  'torch.mode': ({ input, dim, keepdim }) => pair(tenon.mode(input, dim, { keepDims: keepdim })),
  'torch.quantile': quantile(tenon.quantile),
  'torch.nanquantile': quantile(tenon.nanquantile),
  'torch.cumsum': ({ input, dim }) => tenon.cumsum(input, dim),
  'torch.cumprod': ({ input, dim }) => tenon.cumprod(input, dim),
  'torch.logcumsumexp': ({ input, dim }) => tenon.logcumsumexp(input, dim),
  'torch.cummax': ({ input, dim }) => pair(tenon.cummax(input, dim)),
  'torch.cummin': ({ input, dim }) => pair(tenon.cummin(input, dim)),
  'torch.diff': ({ input, n, dim, prepend, append }) => tenon.diff(input, { n, axis: dim, prepend, append }),
  'torch.trapezoid': ({ y, x, dx, dim }) => tenon.trapezoid(y, { x, dx, axis: dim }),
  'torch.trapz': ({ y, x, dx, dim }) => tenon.trapezoid(y, { x, dx, axis: dim }),
  'torch.cumulative_trapezoid': ({ y, x, dx, dim }) => tenon.cumulativeTrapezoid(y, { x, dx, axis: dim }),
  'torch.cov': ({ input, correction, fweights, aweights }) => tenon.cov(input, { correction, fweights, aweights }),
  'torch.corrcoef': ({ input }) => tenon.corrcoef(input),
  'torch.trace': ({ input }) => tenon.trace(input),
}
