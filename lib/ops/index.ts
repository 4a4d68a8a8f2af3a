/** @file All ops; and what the gradient walk needs of them. */
import { walkOps } from '../graph/gradient.ts'
import { generator } from '../random.ts'
import { onesLike, zerosLike } from './create.ts'
import { add } from './elementwise.ts'

walkOps.add = add
walkOps.onesLike = onesLike
walkOps.zerosLike = zerosLike
walkOps.randomPosition = () => generator.position
walkOps.setRandomPosition = (position) => void (generator.position = position)

export { scaledDotProductAttention } from './attention.ts'
export type { AttentionOptions } from './attention.ts'
export * from './contraction.ts'
export { cond, scan, whileLoop } from './control.ts'
export type { Scanned, WhileOptions } from './control.ts'
export { conv2d } from './conv.ts'
export type { Conv2dOptions, Pair } from './conv.ts'
export { arange, eye, full, linspace, ones, onesLike, tensor, tril, triu, zeros, zerosLike } from './create.ts'
export type { CreateOptions, NestedArray, TensorOptions } from './create.ts'
export { cdist, cosineSimilarity, pairwiseDistance, pdist } from './distance.ts'
export type { CosineSimilarityOptions, DistanceOptions, PairwiseDistanceOptions } from './distance.ts'
export * from './elementwise.ts'
export * from './indexing.ts'
export {
  concat,
  expand,
  flatten,
  flip,
  narrow,
  pad,
  permute,
  reshape,
  slice,
  split,
  squeeze,
  stack,
  tile,
  transpose,
  unsqueeze,
} from './layout.ts'
export type { PadOptions, SliceRange } from './layout.ts'
export * from './linalg.ts'
export * from './loss.ts'
export * from './loss-binary.ts'
export * from './loss-margin.ts'
export type { LossOptions, Reduction } from './loss-reduction.ts'
export * from './loss-regression.ts'
export { batchNorm, layerNorm, logSoftmax, softmax } from './normalize.ts'
export type { BatchNormOptions, LayerNormOptions } from './normalize.ts'
export { avgPool2d, maxPool2d, maxPool2dWithIndices } from './pool.ts'
export type { AvgPoolOptions, MaxPoolOptions, PoolOptions } from './pool.ts'
export { bernoulli, dropout, normal, rand, randint, randn, uniform } from './random.ts'
export { all, any, argMax, argMin, logSumExp, max, mean, min, norm, prod, std, sum, variance } from './reduction.ts'
export type { Axes, ReduceOptions, VarianceOptions } from './reduction.ts'
export { cast, table } from './table.ts'
export type { Arg, TensorLike } from './table.ts'
export { assign, assignSlice } from './update.ts'
