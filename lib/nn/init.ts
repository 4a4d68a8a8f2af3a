/** @file Initial values: random tensors whose spread depends on a weight's shape. They are lazy, drawn when first needed. */
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { arange, eye as identity, full } from '../ops/create.ts'
import type { CreateOptions } from '../ops/create.ts'
import { qr } from '../ops/decompositions.ts'
import { diagonal } from '../ops/diagonal.ts'
import { add, clamp, eq, erf, logicalAnd, lt, mul, remainder, sub, where } from '../ops/elementwise.ts'
import { expand, reshape, transpose, unsqueeze } from '../ops/layout.ts'
import { argsort } from '../ops/sort.ts'
import { erfinv } from '../ops/special.ts'
import { cast } from '../ops/table.ts'
import { normal, uniform } from '../ops/random.ts'
import { showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export { ones, zeros } from '../ops/create.ts'
export { normal, uniform } from '../ops/random.ts'

type Linear = 'linear' | `conv${1 | 2 | 3}d` | `convTranspose${1 | 2 | 3}d`
export type Nonlinearity = Linear | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu'

export interface KaimingOptions extends CreateOptions {
  /** Negative slope of the leaky ReLU that follows. Default: 0. */
  a?: number
  /** Keep the variance forwards or backwards. Default: 'fanIn'. */
  mode?: 'fanIn' | 'fanOut'
  /** What follows. Default: 'leakyRelu'. */
  nonlinearity?: Nonlinearity
}

export interface XavierOptions extends CreateOptions {
  /** Default: 1. */
  gain?: number
}

/** Every element the same. */
export const constant = full

/** Inputs and outputs of one unit of a weight [out, in, ...]: what the rest of its axes hold counts as a receptive field. */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) fail('SHAPE', 'init', `fans need a weight of 2 or more axes, got ${showShape(shape)}.`)
  const field = sizeOf(shape.slice(2))
  return { fanIn: shape[1]! * field, fanOut: shape[0]! * field }
}

/** By how much weights are scaled up to make up for what follows; `a`: the slope of leakyRelu. */
export function gain(nonlinearity: Nonlinearity, a = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'conv1d':
    case 'conv2d':
    case 'conv3d':
    case 'convTranspose1d':
    case 'convTranspose2d':
    case 'convTranspose3d':
    case 'sigmoid':
      return 1
    case 'tanh':
      return 5 / 3
    case 'relu':
      return Math.SQRT2
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + a * a))
    case 'selu':
      return 3 / 4
    default:
      return fail('VALUE', 'init', `there is no nonlinearity '${String(nonlinearity satisfies never)}'.`)
  }
}

/** U(-b, b) with b = gain sqrt(3 / fan) (He et al. 2015). */
export function kaimingUniform(shape: Shape, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform', shape, options)
  return uniform(shape, -bound, bound, dtypeOf(options))
}

/** N(0, gain^2 / fan) (He et al. 2015). */
export function kaimingNormal(shape: Shape, options: KaimingOptions = {}): Tensor {
  return normal(shape, 0, kaimingStd('kaimingNormal', shape, options), dtypeOf(options))
}

/** U(-b, b) with b = gain sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierUniform(shape: Shape, options: XavierOptions = {}): Tensor {
  const bound = Math.sqrt(3) * xavierStd('xavierUniform', shape, options)
  return uniform(shape, -bound, bound, dtypeOf(options))
}

/** N(0, gain^2 2 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierNormal(shape: Shape, options: XavierOptions = {}): Tensor {
  return normal(shape, 0, xavierStd('xavierNormal', shape, options), dtypeOf(options))
}

export interface TruncNormalOptions extends CreateOptions {
  /** Default: 0. */
  mean?: number
  /** Default: 1. */
  std?: number
  /** The least and the largest value, as they are, not in units of std. Default: -2 and 2. */
  a?: number
  b?: number
}

/** N(mean, std^2), of which only what lies in [a, b] is drawn. */
export function truncNormal(shape: Shape, options: TruncNormalOptions = {}): Tensor {
  checkOptions('truncNormal', options, ['mean', 'std', 'a', 'b', 'dtype'])
  const { mean = 0, std = 1, a = -2, b = 2, dtype = 'f32' } = options
  check(std > 0 && a < b, 'VALUE', 'truncNormal', () => `needs std > 0 and a < b, got ${std}, ${a} and ${b}.`)
  // By the inverse of the distribution, in f64: between the ends it has all digits there.
  const edge = (x: number) => erf(full([], (x - mean) / (std * Math.SQRT2), { dtype: 'f64' }))
  const [low, high] = [edge(a), edge(b)]
  const drawn = erfinv(add(low, mul(sub(high, low), uniform(shape, 0, 1, { dtype: 'f64' }))))
  return cast(clamp(add(mul(drawn, std * Math.SQRT2), mean), a, b), dtype)
}

/** A matrix [n, m] with 1 on its diagonal. */
export function eye(shape: Shape, options: CreateOptions = {}): Tensor {
  const [n, m] = matrix('eye', shape)
  return identity(n, m, options)
}

export interface DiracOptions extends CreateOptions {
  /** Each group of channels keeps its own. Default: 1. */
  groups?: number
}

/** A weight [out, in, ...kernel] of a convolution that hands its channels on, as many as it can: 1 in the middle of kernel (i, i). */
export function dirac(shape: Shape, options: DiracOptions = {}): Tensor {
  checkOptions('dirac', options, ['groups', 'dtype'])
  if (shape.length < 3 || shape.length > 5)
    fail('SHAPE', 'dirac', `needs a weight [out, in, ...kernel] of 1 to 3 spatial axes, got ${showShape(shape)}.`)
  const [out, channels, ...kernel] = shape as [number, number, ...number[]]
  const groups = checkInteger('dirac', 'groups', options.groups ?? 1, 1)
  check(out % groups === 0, 'VALUE', 'dirac', () => `groups must divide ${out}, got ${groups}.`)
  const each = out / groups
  // Which input channel an output channel hands on.
  const wanted = where(lt(remainder(arange(out), each), channels), remainder(arange(out), each), -1)
  const isOwn = eq(unsqueeze(wanted, 1), arange(channels))
  const middle = kernel.map((size, i) => {
    const isMiddle = eq(arange(size), Math.floor(size / 2))
    return reshape(isMiddle, [size, ...kernel.slice(i + 1).map(() => 1)])
  })
  const spread = reshape(isOwn, [out, channels, ...kernel.map(() => 1)])
  return cast(expand(middle.reduce(logicalAnd, spread), shape), options.dtype ?? 'f32')
}

export interface OrthogonalOptions extends CreateOptions {
  /** Default: 1. */
  gain?: number
}

/**
 * A weight [n, ...] that is gain times a random matrix [n, rest] with orthonormal rows, or columns where they are fewer (Saxe et al.
 * 2014): q of a QR factorisation, with signs that make all such matrices equally likely.
 */
export function orthogonal(shape: Shape, options: OrthogonalOptions = {}): Tensor {
  checkOptions('orthogonal', options, ['gain', 'dtype'])
  if (shape.length < 2) fail('SHAPE', 'orthogonal', `needs a weight of 2 or more axes, got ${showShape(shape)}.`)
  const { gain: factor = 1, dtype = 'f32' } = options
  const [rows, cols] = [shape[0]!, sizeOf(shape.slice(1))]
  if (rows === 0 || cols === 0) return full(shape, 0, { dtype })
  const isWide = rows < cols
  const computed = dtype === 'f64' ? 'f64' : 'f32'
  const { q, r } = qr(normal(isWide ? [cols, rows] : [rows, cols], 0, 1, { dtype: computed }))
  const turned = mul(q, where(lt(diagonal(r), 0), -factor, factor))
  return cast(reshape(isWide ? transpose(turned, 0, 1) : turned, shape), dtype)
}

export interface SparseOptions extends CreateOptions {
  /** Share of each column that is 0. */
  sparsity: number
  /** Of the others. Default: 0.01. */
  std?: number
}

/** A matrix [n, m] of N(0, std^2), in each column of which ceil(sparsity n) elements, drawn anew for each, are 0 (Martens 2010). */
export function sparse(shape: Shape, options: SparseOptions): Tensor {
  checkOptions('sparse', options, ['sparsity', 'std', 'dtype'])
  const [n] = matrix('sparse', shape)
  const { sparsity, std = 0.01, dtype = 'f32' } = options
  check(sparsity >= 0 && sparsity <= 1, 'VALUE', 'sparse', () => `sparsity lies in [0, 1], got ${String(sparsity)}.`)
  const ranks = argsort(argsort(uniform(shape, 0, 1), 0), 0)
  return cast(where(lt(ranks, Math.ceil(sparsity * n)), 0, normal(shape, 0, std)), dtype)
}

function matrix(op: string, shape: Shape): readonly [number, number] {
  if (shape.length !== 2) fail('SHAPE', op, `needs a matrix, got ${showShape(shape)}.`)
  return shape as readonly [number, number]
}

/** What Linear and the convolutions start with, weight and bias: U(-b, b), b = 1 / sqrt(fanIn). */
export function fanInUniform(shape: Shape, fanIn: number, options: CreateOptions = {}): Tensor {
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0
  return uniform(shape, -bound, bound, options)
}

function kaimingStd(op: string, shape: Shape, options: KaimingOptions): number {
  checkOptions(op, options, ['a', 'mode', 'nonlinearity', 'dtype'])
  const { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' } = options
  if (mode !== 'fanIn' && mode !== 'fanOut')
    fail('VALUE', op, `mode is 'fanIn' or 'fanOut', got ${String(mode satisfies never)}.`)
  return gain(nonlinearity, a) / Math.sqrt(Math.max(fans(shape)[mode], 1))
}

function xavierStd(op: string, shape: Shape, options: XavierOptions): number {
  checkOptions(op, options, ['gain', 'dtype'])
  const { fanIn, fanOut } = fans(shape)
  return (options.gain ?? 1) * Math.sqrt(2 / Math.max(fanIn + fanOut, 1))
}

const dtypeOf = ({ dtype = 'f32' }: CreateOptions): CreateOptions => ({ dtype })
