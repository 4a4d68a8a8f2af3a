/** @file Convolution layers. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { conv2d } from '../ops/conv.ts'
import type { Conv2dOptions } from '../ops/conv.ts'
import { perAxis } from '../ops/spatial.ts'
import type { Pair } from '../ops/spatial.ts'
import { fanInUniform, fans } from './init.ts'
import { Module } from './module.ts'

export interface Conv2dLayerOptions extends Conv2dOptions {
  /** Default: true. */
  bias?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** Convolution of images [B, C, H, W] with weight [outChannels, inChannels / groups, KH, KW]. Starts as U(-b, b), b = 1 / sqrt(fanIn). */
export class Conv2d extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: readonly number[]
  readonly options: Readonly<Conv2dOptions>
  weight: Variable
  bias: Variable | null

  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dLayerOptions = {}) {
    super()
    checkOptions('Conv2d', options, ['stride', 'padding', 'dilation', 'groups', 'bias', 'dtype'])
    const { bias = true, dtype = 'f32', ...rest } = options
    const groups = checkInteger('Conv2d', 'groups', rest.groups ?? 1, 1)
    this.inChannels = checkInteger('Conv2d', 'inChannels', inChannels, 1)
    this.outChannels = checkInteger('Conv2d', 'outChannels', outChannels, 1)
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      fail(
        'VALUE',
        'Conv2d',
        `groups must divide the channels, got ${groups} groups for ${inChannels} and ${outChannels} channels.`,
      )
    }
    this.kernelSize = perAxis('Conv2d', 'kernelSize', kernelSize, 2, 1)
    this.options = rest
    const shape = [outChannels, inChannels / groups, ...this.kernelSize]
    const { fanIn } = fans(shape)
    this.weight = new Variable(fanInUniform(shape, fanIn, { dtype }))
    this.bias = bias ? new Variable(fanInUniform([outChannels], fanIn, { dtype })) : null
  }

  override forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options)
  }

  override extraRepr(): string {
    const named = Object.entries({ ...this.options, ...(this.bias ? {} : { bias: false }) })
    const shown = named.map(([name, value]) => `, ${name}: ${JSON.stringify(value).replaceAll('"', "'")}`)
    return `${this.inChannels}, ${this.outChannels}, [${this.kernelSize.join(', ')}]${shown.join('')}`
  }
}
