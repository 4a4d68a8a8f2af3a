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

export * from './activation.ts'
export * from './arithmetic.ts'
export { scaledDotProductAttention } from './attention.ts'
export type { AttentionOptions } from './attention.ts'
export * from './contraction.ts'
export * from './arrange.ts'
export { cond, scan, whileLoop } from './control.ts'
export type { Scanned, WhileOptions } from './control.ts'
export { conv1d, conv2d, conv3d } from './conv.ts'
export type { Conv1dOptions, Conv2dOptions, Conv3dOptions } from './conv.ts'
export { convTranspose1d, convTranspose2d, convTranspose3d } from './conv-transpose.ts'
export type { ConvTranspose1dOptions, ConvTranspose2dOptions, ConvTranspose3dOptions } from './conv-transpose.ts'
export { arange, eye, full, linspace, ones, onesLike, tensor, tril, triu, zeros, zerosLike } from './create.ts'
export type { CreateOptions, NestedArray, TensorOptions } from './create.ts'
export { angle, complex, complexAbs, complexMul, conj, imag, polar, real } from './complex.ts'
export { ctcLoss } from './ctc.ts'
export type { CtcLossOptions } from './ctc.ts'
export { eigh, eigvalsh, lu, qr, solveTriangular, svd, svdvals } from './decompositions.ts'
export type { EighOptions, QrOptions, SolveTriangularOptions, SvdOptions } from './decompositions.ts'
export { cdist, cosineSimilarity, pairwiseDistance, pdist } from './distance.ts'
export type { CosineSimilarityOptions, DistanceOptions, PairwiseDistanceOptions } from './distance.ts'
export { dequantize, quantizeBlocks } from './blocks.ts'
export type { BlockEncoding } from './blocks.ts'
export { embedding, embeddingBag } from './embedding.ts'
export type { EmbeddingBagLookupOptions, EmbeddingLookupOptions } from './embedding.ts'
export { einsum } from './einsum.ts'
export * from './cumulative.ts'
export * from './diagonal.ts'
export {
  bincount,
  indexAsync,
  indexPutAsync,
  maskedSelect,
  nonzero,
  oneHotAsync,
  repeatInterleaveAsync,
  unique,
  uniqueConsecutive,
} from './dynamic.ts'
export type { BincountOptions, Unique, UniqueOptions } from './dynamic.ts'
export * from './elementwise.ts'
export * from './grids.ts'
export * from './histogram.ts'
export { gather, indexSelect, oneHot, scatter, scatterAdd, take } from './indexing.ts'
export type { TakeOptions } from './indexing.ts'
export {
  concat,
  expand,
  flatten,
  flip,
  narrow,
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
export type { SliceRange } from './layout.ts'
export * from './linalg.ts'
export * from './loss.ts'
export * from './loss-binary.ts'
export * from './loss-boxes.ts'
export * from './loss-contrastive.ts'
export * from './loss-margin.ts'
export type { LossOptions, Reduction } from './loss-reduction.ts'
export * from './loss-regression.ts'
export { dist, matrixNorm, norm, vectorNorm } from './norms.ts'
export type { MatrixNormOptions } from './norms.ts'
export * from './order-statistics.ts'
export { layerNorm } from './layer-norm.ts'
export type { LayerNormOptions } from './layer-norm.ts'
export { batchNorm, logSoftmax, softmax } from './normalize.ts'
export type { BatchNormOptions } from './normalize.ts'
export {
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
} from './pool.ts'
export type { AvgPoolOptions, MaxPoolOptions, PoolOptions, ValuesAndIndices } from './pool.ts'
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool1dWithIndices,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dWithIndices,
  adaptiveMaxPool3d,
  adaptiveMaxPool3dWithIndices,
} from './adaptive-pool.ts'
export type { OutputSize } from './adaptive-pool.ts'
export * from './dropout.ts'
export * from './grid-sample.ts'
export * from './group-norm.ts'
export { interpolate } from './interpolate.ts'
export type { InterpolateMode, InterpolateOptions } from './interpolate.ts'
export * from './lp-pool.ts'
export * from './max-unpool.ts'
export * from './pad.ts'
export * from './pixel-shuffle.ts'
export type { Pair, PerAxis, Single, Triple } from './spatial.ts'
export { fold, unfold } from './unfold.ts'
export type { UnfoldOptions } from './unfold.ts'
export * from './matrix-functions.ts'
export * from './products.ts'
export { istft, stft } from './stft.ts'
export type { IstftOptions, StftOptions } from './stft.ts'
export * from './windows.ts'
export * from './quantize.ts'
export { bernoulli, dropout, normal, rand, randint, randn, uniform } from './random.ts'
export * from './special.ts'
export { all, any, argMax, argMin, logSumExp, max, mean, min, prod, std, sum, variance } from './reduction.ts'
export type { Axes, ReduceOptions, VarianceOptions } from './reduction.ts'
export * from './scatter.ts'
export * from './sort.ts'
export * from './statistics.ts'
export { index, indexPut } from './subscript.ts'
export type { IndexPutOptions, Subscript } from './subscript.ts'
export { cast, table } from './table.ts'
export type { Arg, TensorLike } from './table.ts'
export { normalize } from './unit-norm.ts'
export type { NormalizeOptions } from './unit-norm.ts'
export { assign, assignRows, assignSlice } from './update.ts'
export { alibiBias, rotaryEmbedding, sinusoidalEncoding } from './positional.ts'
export type { AlibiOptions, Offset, RotaryOptions, SinusoidalOptions } from './positional.ts'
