/** @file Layers without parameters that change sizes: interpolation, shuffles, windows as columns. */
import { checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { interpolate } from '../ops/interpolate.ts'
import type { InterpolateOptions } from '../ops/interpolate.ts'
import { channelShuffle, pixelShuffle, pixelUnshuffle } from '../ops/pixel-shuffle.ts'
import type { Pair } from '../ops/spatial.ts'
import { fold, unfold } from '../ops/unfold.ts'
import type { UnfoldOptions } from '../ops/unfold.ts'
import { Module } from './module.ts'

const shown = (options: object): string =>
  Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${JSON.stringify(value).replaceAll('"', "'")}`)
    .join(', ')

/** Interpolation to another size. */
export class Upsample extends Module {
  readonly options: Readonly<InterpolateOptions>

  constructor(options: Omit<InterpolateOptions, 'antialias'> = {}) {
    super()
    checkOptions('Upsample', options, ['size', 'scaleFactor', 'mode', 'alignCorners', 'recomputeScaleFactor'])
    this.options = { ...options }
  }

  override forward(x: Tensor): Tensor {
    return interpolate(x, this.options)
  }

  override extraRepr(): string {
    return shown(this.options)
  }
}

/** Channels become places (Shi et al. 2016). */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number

  constructor(upscaleFactor: number) {
    super()
    this.upscaleFactor = upscaleFactor
  }

  override forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor)
  }

  override extraRepr(): string {
    return String(this.upscaleFactor)
  }
}

/** Places become channels. */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number

  constructor(downscaleFactor: number) {
    super()
    this.downscaleFactor = downscaleFactor
  }

  override forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor)
  }

  override extraRepr(): string {
    return String(this.downscaleFactor)
  }
}

/** Channels dealt out over groups (Zhang et al. 2018). */
export class ChannelShuffle extends Module {
  readonly groups: number

  constructor(groups: number) {
    super()
    this.groups = groups
  }

  override forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups)
  }

  override extraRepr(): string {
    return String(this.groups)
  }
}

/** Every window of an image as a column. */
export class Unfold extends Module {
  readonly kernelSize: Pair
  readonly options: Readonly<UnfoldOptions>

  constructor(kernelSize: Pair, options: UnfoldOptions = {}) {
    super()
    checkOptions('Unfold', options, ['dilation', 'padding', 'stride'])
    this.kernelSize = kernelSize
    this.options = { ...options }
  }

  override forward(x: Tensor): Tensor {
    return unfold(x, this.kernelSize, this.options)
  }

  override extraRepr(): string {
    return shown({ kernelSize: this.kernelSize, ...this.options })
  }
}

/** Columns added up where their windows are. */
export class Fold extends Module {
  readonly outputSize: Pair
  readonly kernelSize: Pair
  readonly options: Readonly<UnfoldOptions>

  constructor(outputSize: Pair, kernelSize: Pair, options: UnfoldOptions = {}) {
    super()
    checkOptions('Fold', options, ['dilation', 'padding', 'stride'])
    this.outputSize = outputSize
    this.kernelSize = kernelSize
    this.options = { ...options }
  }

  override forward(x: Tensor): Tensor {
    return fold(x, this.outputSize, this.kernelSize, this.options)
  }

  override extraRepr(): string {
    return shown({ outputSize: this.outputSize, kernelSize: this.kernelSize, ...this.options })
  }
}
