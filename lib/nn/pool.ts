/** @file Pooling layers. */
import { checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { pairOf } from '../ops/conv.ts'
import type { Pair } from '../ops/conv.ts'
import { avgPool2d, maxPool2d } from '../ops/pool.ts'
import type { AvgPoolOptions, MaxPoolOptions } from '../ops/pool.ts'
import { Module } from './module.ts'

abstract class Pool<O extends object> extends Module {
  readonly kernelSize: readonly [number, number]
  readonly options: Readonly<O>

  constructor(op: string, kernelSize: Pair, options: O, allowed: readonly string[]) {
    super()
    checkOptions(op, options, allowed)
    this.kernelSize = pairOf(op, 'kernelSize', kernelSize, 1)
    this.options = { ...options }
  }

  override extraRepr(): string {
    const named = Object.entries(this.options).map(([name, value]) => `, ${name}: ${JSON.stringify(value)}`)
    return `[${this.kernelSize.join(', ')}]${named.join('')}`
  }
}

/** Largest element of each window. The stride is the kernel's size unless given. */
export class MaxPool2d extends Pool<MaxPoolOptions> {
  constructor(kernelSize: Pair, options: MaxPoolOptions = {}) {
    super('MaxPool2d', kernelSize, options, ['stride', 'padding', 'dilation', 'ceilMode'])
  }

  override forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options)
  }
}

/** Mean of each window. The stride is the kernel's size unless given. */
export class AvgPool2d extends Pool<AvgPoolOptions> {
  constructor(kernelSize: Pair, options: AvgPoolOptions = {}) {
    super('AvgPool2d', kernelSize, options, ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride'])
  }

  override forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options)
  }
}
