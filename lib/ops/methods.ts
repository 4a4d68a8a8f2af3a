/** @file Methods of Tensor and Variable: every op that takes a tensor first, under its own name. Types and functions from one list. */
import * as ops from './index.ts'

/** Functions that are no methods: they make tensors, take lists of them, or take something else first. */
const NOT_METHODS = [
  ...[
    'arange',
    'bernoulli',
    'eye',
    'full',
    'linspace',
    'normal',
    'ones',
    'rand',
    'randint',
    'randn',
    'tensor',
    'uniform',
    'zeros',
  ],
  ...['concat', 'stack', 'embedding', 'where', 'linear', 'table', 'assign', 'assignSlice', 'conv2d'],
  ...['conv1d', 'conv3d', 'convTranspose1d', 'convTranspose2d', 'convTranspose3d', 'affineGrid'],
  ...['groupNorm', 'instanceNorm', 'localResponseNorm', 'rmsNorm'],
  ...['cond', 'scan', 'whileLoop', 'scaledDotProductAttention', 'alibiBias', 'sinusoidalEncoding'],
  'polygamma',
  ...['hstack', 'vstack', 'dstack', 'meshgrid', 'cartesianProd', 'blockDiag', 'logspace', 'trilIndices', 'triuIndices'],
  'searchsorted',
  ...['crossEntropy', 'nllLoss', 'mseLoss', 'batchNorm', 'layerNorm'],
  ...['l1Loss', 'smoothL1Loss', 'huberLoss', 'poissonNllLoss', 'gaussianNllLoss', 'klDiv', 'softMarginLoss'],
  ...['binaryCrossEntropy', 'binaryCrossEntropyWithLogits', 'multilabelSoftMarginLoss', 'focalLoss', 'diceLoss'],
  ...['hingeEmbeddingLoss', 'marginRankingLoss', 'cosineEmbeddingLoss', 'tripletMarginLoss', 'multiMarginLoss'],
  ...['tripletMarginWithDistanceLoss', 'multilabelMarginLoss', 'ctcLoss', 'embeddingBag'],
  ...['boxIou', 'iouLoss', 'giouLoss', 'diouLoss', 'ciouLoss', 'contrastiveLoss', 'infoNce'],
  ...[
    'complex',
    'polar',
    'hannWindow',
    'hammingWindow',
    'blackmanWindow',
    'bartlettWindow',
    'kaiserWindow',
    'melFilterBank',
  ],
  ...['einsum', 'multiDot', 'bilinear'],
] as const

type Named = Omit<typeof ops, (typeof NOT_METHODS)[number]>

/** The op without its first argument. */

type Method<F> = F extends (first: any, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never

export type OpMethods = { [Name in keyof Named]: Method<Named[Name]> }

type Callable = (first: unknown, ...rest: unknown[]) => unknown

/** Puts the ops, and `extra`, on a prototype; `receiver` gives what they take first. */
export function installMethods<T>(prototype: object, extra: object, receiver: (self: T) => unknown): void {
  const skipped: readonly string[] = NOT_METHODS
  const named = Object.entries(ops).filter(([name, fn]) => typeof fn === 'function' && !skipped.includes(name))
  for (const [name, fn] of [...named, ...Object.entries(extra)]) {
    const value = function (this: T, ...rest: unknown[]) {
      return (fn as Callable)(receiver(this), ...rest)
    }
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true })
  }
}
