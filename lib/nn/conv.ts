/** @file Convolution layers, and their transposes. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { conv1d, conv2d, conv3d } from '../ops/conv.ts'
import type { ConvOptions } from '../ops/conv.ts'
import { convTranspose1d, convTranspose2d, convTranspose3d } from '../ops/conv-transpose.ts'
import type { ConvTransposeOptions } from '../ops/conv-transpose.ts'
import { pad } from '../ops/pad.ts'
import { perAxis } from '../ops/spatial.ts'
import type { Pair, PerAxis, Single, Triple } from '../ops/spatial.ts'
import { fanInUniform, fans } from './init.ts'
import { Module } from './module.ts'

interface ParameterOptions {
  /** Default: true. */
  bias?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** T: one number for all spatial axes, or one for each. */
export interface ConvLayerOptions<T extends PerAxis> extends ConvOptions<T>, ParameterOptions {
  /** What the border holds. Default: 'zeros'. */
  paddingMode?: PaddingMode
}

export type Conv1dLayerOptions = ConvLayerOptions<Single>
export type Conv2dLayerOptions = ConvLayerOptions<Pair>
export type Conv3dLayerOptions = ConvLayerOptions<Triple>
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular'

export interface ConvTransposeLayerOptions<T extends PerAxis> extends ConvTransposeOptions<T>, ParameterOptions {}

/** What the two directions share; `first`, `second`: the channels of the weight's first two axes, before groups. */
abstract class Filters<T extends PerAxis, O extends { groups?: number }> extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: T
  readonly options: Readonly<O>
  weight: Variable
  bias: Variable | null

  constructor(
    op: string,
    n: number,
    channels: { in: number; out: number; isBack: boolean },
    kernelSize: T,
    options: O & ParameterOptions,
  ) {
    super()
    const { bias = true, dtype = 'f32', ...rest } = options
    const groups = checkInteger(op, 'groups', rest.groups ?? 1, 1)
    this.inChannels = checkInteger(op, 'inChannels', channels.in, 1)
    this.outChannels = checkInteger(op, 'outChannels', channels.out, 1)
    if (channels.in % groups !== 0 || channels.out % groups !== 0) {
      fail(
        'VALUE',
        op,
        `groups must divide the channels, got ${groups} groups for ${channels.in} and ${channels.out} channels.`,
      )
    }
    const kernel = perAxis(op, 'kernelSize', kernelSize, n, 1)
    this.kernelSize = kernel as readonly number[] as T
    this.options = rest as unknown as O
    const [first, second] = channels.isBack ? [channels.in, channels.out] : [channels.out, channels.in]
    const shape = [first, second / groups, ...kernel]
    const { fanIn } = fans(shape)
    this.weight = new Variable(fanInUniform(shape, fanIn, { dtype }))
    this.bias = bias ? new Variable(fanInUniform([channels.out], fanIn, { dtype })) : null
  }

  override extraRepr(): string {
    const named = Object.entries({ ...this.options, ...(this.bias ? {} : { bias: false }) })
    const shown = named
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `, ${name}: ${JSON.stringify(value).replaceAll('"', "'")}`)
    return `${this.inChannels}, ${this.outChannels}, [${[this.kernelSize].flat().join(', ')}]${shown.join('')}`
  }
}

abstract class Conv<T extends PerAxis> extends Filters<T, ConvOptions<T>> {
  readonly paddingMode: PaddingMode
  /** What `pad` takes where the border holds no zeros, which are the op's own. */
  readonly border: readonly number[] | null

  constructor(
    op: string,
    n: number,
    inChannels: number,
    outChannels: number,
    kernelSize: T,
    options: ConvLayerOptions<T>,
  ) {
    checkOptions(op, options, ['stride', 'padding', 'dilation', 'groups', 'bias', 'paddingMode', 'dtype'])
    const { paddingMode = 'zeros', ...rest } = options
    if (!['zeros', 'reflect', 'replicate', 'circular'].includes(paddingMode))
      fail('VALUE', op, `paddingMode is 'zeros', 'reflect', 'replicate' or 'circular', got ${String(paddingMode)}.`)
    super(op, n, { in: inChannels, out: outChannels, isBack: false }, kernelSize, rest)
    this.paddingMode = paddingMode
    this.border = paddingMode === 'zeros' ? null : borderOf(op, n, perAxis(op, 'kernelSize', kernelSize, n, 1), rest)
  }

  /** x with its border, and the options for what is left to do. */
  protected padded(x: Tensor): [Tensor, ConvOptions<T>] {
    if (!this.border) return [x, this.options]
    const mode = this.paddingMode as Exclude<PaddingMode, 'zeros'>
    return [pad(x, this.border, { mode }), { ...this.options, padding: 'valid' }]
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.border ? `, paddingMode: '${this.paddingMode}'` : '')
  }
}

/** As `pad` takes it: the last axis first. */
function borderOf(op: string, n: number, kernel: readonly number[], options: ConvOptions<PerAxis>): number[] {
  const { padding = 0 } = options
  const dilation = perAxis(op, 'dilation', options.dilation ?? 1, n, 1)
  const pairs = kernel.map((k, i): [number, number] => {
    const reach = dilation[i]! * (k - 1)
    if (padding === 'same') return [Math.floor(reach / 2), Math.ceil(reach / 2)]
    const both = padding === 'valid' ? 0 : perAxis(op, 'padding', padding, n, 0)[i]!
    return [both, both]
  })
  return pairs.reverse().flat()
}

/** Convolution of signals [B, C, L] with weight [outChannels, inChannels / groups, K]. Starts as U(-b, b), b = 1 / sqrt(fanIn). */
export class Conv1d extends Conv<Single> {
  constructor(inChannels: number, outChannels: number, kernelSize: Single, options: Conv1dLayerOptions = {}) {
    super('Conv1d', 1, inChannels, outChannels, kernelSize, options)
  }

  override forward(x: Tensor): Tensor {
    const [t, options] = this.padded(x)
    return conv1d(t, this.weight, this.bias, options)
  }
}

/** Convolution of images [B, C, H, W] with weight [outChannels, inChannels / groups, KH, KW]. Starts as U(-b, b), b = 1 / sqrt(fanIn). */
export class Conv2d extends Conv<Pair> {
  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dLayerOptions = {}) {
    super('Conv2d', 2, inChannels, outChannels, kernelSize, options)
  }

  override forward(x: Tensor): Tensor {
    const [t, options] = this.padded(x)
    return conv2d(t, this.weight, this.bias, options)
  }
}

/** Convolution of volumes [B, C, D, H, W] with weight [outChannels, inChannels / groups, KD, KH, KW]. Starts as U(-b, b), b = 1 / sqrt(fanIn). */
export class Conv3d extends Conv<Triple> {
  constructor(inChannels: number, outChannels: number, kernelSize: Triple, options: Conv3dLayerOptions = {}) {
    super('Conv3d', 3, inChannels, outChannels, kernelSize, options)
  }

  override forward(x: Tensor): Tensor {
    const [t, options] = this.padded(x)
    return conv3d(t, this.weight, this.bias, options)
  }
}

abstract class ConvTranspose<T extends PerAxis> extends Filters<T, ConvTransposeOptions<T>> {
  constructor(
    op: string,
    n: number,
    inChannels: number,
    outChannels: number,
    kernelSize: T,
    options: ConvTransposeLayerOptions<T>,
  ) {
    checkOptions(op, options, ['stride', 'padding', 'outputPadding', 'groups', 'dilation', 'bias', 'dtype'])
    super(op, n, { in: inChannels, out: outChannels, isBack: true }, kernelSize, options)
  }
}

/** Transposed convolution of signals with weight [inChannels, outChannels / groups, K]. Starts as U(-b, b), b = 1 / sqrt(outChannels / groups K). */
export class ConvTranspose1d extends ConvTranspose<Single> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Single,
    options: ConvTransposeLayerOptions<Single> = {},
  ) {
    super('ConvTranspose1d', 1, inChannels, outChannels, kernelSize, options)
  }

  override forward(x: Tensor): Tensor {
    return convTranspose1d(x, this.weight, this.bias, this.options)
  }
}

/** The same of images, weight [inChannels, outChannels / groups, KH, KW]. */
export class ConvTranspose2d extends ConvTranspose<Pair> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    options: ConvTransposeLayerOptions<Pair> = {},
  ) {
    super('ConvTranspose2d', 2, inChannels, outChannels, kernelSize, options)
  }

  override forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this.options)
  }
}

/** The same of volumes, weight [inChannels, outChannels / groups, KD, KH, KW]. */
export class ConvTranspose3d extends ConvTranspose<Triple> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Triple,
    options: ConvTransposeLayerOptions<Triple> = {},
  ) {
    super('ConvTranspose3d', 3, inChannels, outChannels, kernelSize, options)
  }

  override forward(x: Tensor): Tensor {
    return convTranspose3d(x, this.weight, this.bias, this.options)
  }
}
