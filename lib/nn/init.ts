/** @file Initial values: random tensors whose spread depends on a weight's shape. They are lazy, drawn when first needed. */
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { full } from '../ops/create.ts'
import type { CreateOptions } from '../ops/create.ts'
import { normal, uniform } from '../ops/random.ts'
import { showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export { ones, zeros } from '../ops/create.ts'
export { normal, uniform } from '../ops/random.ts'

export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu'

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
