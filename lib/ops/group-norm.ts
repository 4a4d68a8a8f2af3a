/** @file Normalisations over parts of one example: instances, groups of channels, neighbouring channels, the root mean square. */
import { isFloat } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sameShape, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { add, div, mul, pow, rsqrt, square } from './elementwise.ts'
import { pad, reshape } from './layout.ts'
import { batchNorm, checkRunning, standardized, updateRunning } from './normalize.ts'
import { avgPool } from './pool.ts'
import { mean, variance } from './reduction.ts'
import { asTensor, constant } from './table.ts'
import type { TensorLike } from './table.ts'

export interface GroupNormOptions {
  /** [C]. */
  weight?: TensorLike | null
  /** [C]. */
  bias?: TensorLike | null
  /** Default: 1e-5. */
  eps?: number
}

/** (x - mean) / sqrt(var + eps) over each of `numGroups` groups of channels of [B, C, ...], then weight and bias (Wu & He 2018). */
export function groupNorm(x: TensorLike, numGroups: number, options: GroupNormOptions = {}): Tensor {
  checkOptions('groupNorm', options, ['weight', 'bias', 'eps'])
  const t = channelsOf('groupNorm', x, 2, options)
  checkInteger('groupNorm', 'numGroups', numGroups, 1)
  const [b, c] = t.shape as [number, number]
  if (c % numGroups !== 0) fail('SHAPE', 'groupNorm', `numGroups must divide the channels, got ${numGroups} and ${c}.`)
  return scaled(standardizedGroups(t, b, numGroups, options.eps), options)
}

export interface InstanceNormOptions extends GroupNormOptions {
  /** [C]; read without `useInputStats`; variables are updated as an effect with it. */
  runningMean?: TensorLike | null
  runningVar?: TensorLike | null
  /** Whether each instance has its own statistics, not the running ones. Default: true. */
  useInputStats?: boolean
  /** Share of the new statistic, the mean over the batch, in the running one. Default: 0.1. */
  momentum?: number
}

/** (x - mean) / sqrt(var + eps) over each channel of each example of [B, C, ...], then weight and bias (Ulyanov et al. 2016). */
export function instanceNorm(x: TensorLike, options: InstanceNormOptions = {}): Tensor {
  const allowed = ['runningMean', 'runningVar', 'weight', 'bias', 'useInputStats', 'momentum', 'eps']
  checkOptions('instanceNorm', options, allowed)
  const { runningMean, runningVar, useInputStats = true, momentum = 0.1, weight, bias, eps = 1e-5 } = options
  const t = channelsOf('instanceNorm', x, 3, { weight, bias, runningMean, runningVar })
  if (!useInputStats) {
    if (!runningMean || !runningVar) fail('VALUE', 'instanceNorm', 'without useInputStats needs running statistics.')
    return batchNorm(t, { runningMean, runningVar, weight, bias, eps })
  }
  const [b, c] = t.shape as [number, number]
  const n = sizeOf(t.shape.slice(2))
  if (n <= 1)
    fail('SHAPE', 'instanceNorm', `needs more than one value an instance and channel, got ${showShape(t.shape)}.`)
  checkRunning('instanceNorm', runningMean, runningVar)
  const y = scaled(standardizedGroups(t, b, c, eps), options)
  const lines = reshape(t, [b, c, n])
  if (runningMean) updateRunning(y, runningMean, mean(lines, [0, 2]), momentum)
  if (runningVar) updateRunning(y, runningVar, mean(variance(lines, 2), 0), momentum)
  return y
}

/** Floats [B, C, ...] of a least rank, whose parameters are [C]. */
function channelsOf(op: string, x: TensorLike, rank: number, parameters: object): Tensor {
  const t = asTensor(op, x)
  if (t.rank < rank || !isFloat(t.dtype)) {
    fail('SHAPE', op, `needs floats [B, C${rank > 2 ? ', L' : ''}, ...], got ${t.dtype} ${showShape(t.shape)}.`)
  }
  for (const [name, v] of Object.entries(parameters) as [string, TensorLike | null | undefined][]) {
    if (v && typeof v === 'object' && !sameShape(v.shape, [t.shape[1]!]))
      fail('SHAPE', op, `${name} must be [${t.shape[1]}], got ${showShape(v.shape)}.`)
  }
  return t
}

function standardizedGroups(t: Tensor, batch: number, groups: number, eps = 1e-5): Tensor {
  if (t.size === 0) return t
  return reshape(standardized(reshape(t, [batch, groups, t.size / (batch * groups)]), eps), t.shape)
}

/** weight and bias for each channel, axis 1. */
function scaled(t: Tensor, { weight, bias }: GroupNormOptions): Tensor {
  const column = (v: TensorLike) => reshape(asTensor('groupNorm', v), [v.size, ...t.shape.slice(2).map(() => 1)])
  const y = weight ? mul(t, column(weight)) : t
  return bias ? add(y, column(bias)) : y
}

export interface LocalResponseNormOptions {
  /** Default: 1e-4. */
  alpha?: number
  /** Default: 0.75. */
  beta?: number
  /** Default: 1. */
  k?: number
}

/** x / (k + alpha mean)^beta, the mean over the squares of `size` neighbouring channels, zeros beyond the ends (Krizhevsky et al. 2012). */
export function localResponseNorm(x: TensorLike, size: number, options: LocalResponseNormOptions = {}): Tensor {
  checkOptions('localResponseNorm', options, ['alpha', 'beta', 'k'])
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options
  checkInteger('localResponseNorm', 'size', size, 1)
  const t = channelsOf('localResponseNorm', x, 3, {})
  if (t.size === 0) return t
  const [b, c] = t.shape as [number, number]
  const border = [Math.floor(size / 2), Math.floor((size - 1) / 2)] as const
  const squares = pad(reshape(square(t), [b, 1, c, t.size / (b * c)]), [border, [0, 0]])
  const means = reshape(avgPool('localResponseNorm', 2, squares, [size, 1], { stride: 1 }), t.shape)
  return div(t, pow(add(mul(means, alpha), k), beta))
}

export interface RmsNormOptions {
  weight?: TensorLike | null
  /** Default: the distance from 1 to the next number of the dtype. */
  eps?: number | null
}

/** x / sqrt(mean(x^2) + eps) over the last axes, those of `shape`, then weight (Zhang & Sennrich 2019). */
export function rmsNorm(x: TensorLike, shape: Shape, options: RmsNormOptions = {}): Tensor {
  checkOptions('rmsNorm', options, ['weight', 'eps'])
  const t = asTensor('rmsNorm', x)
  if (!isFloat(t.dtype)) fail('DTYPE', 'rmsNorm', `needs floats, got ${t.dtype}.`)
  const lead = t.rank - shape.length
  if (shape.length === 0 || lead < 0 || !sameShape(t.shape.slice(lead), shape))
    fail('SHAPE', 'rmsNorm', `the last axes of x must be ${showShape(shape)}, got ${showShape(t.shape)}.`)
  const { weight } = options
  if (weight && !sameShape(weight.shape, shape))
    fail('SHAPE', 'rmsNorm', `weight must be ${showShape(shape)}, got ${showShape(weight.shape)}.`)
  const axes = shape.map((_, i) => lead + i)
  const eps = constant(options.eps ?? spacing(t.dtype), t.dtype)
  const y = mul(t, rsqrt(add(mean(square(t), axes, { keepDims: true }), eps)))
  return weight ? mul(y, weight) : y
}

/** From 1 to the next number. */
const spacing = (dtype: DType): number => 2 ** -({ f64: 52, f16: 10, bf16: 7 }[dtype as string] ?? 23)
