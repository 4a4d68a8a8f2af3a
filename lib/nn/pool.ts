/** @file Pooling layers. */
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
} from '../ops/adaptive-pool.ts'
import type { OutputSize } from '../ops/adaptive-pool.ts'
import { lpPool1d, lpPool2d } from '../ops/lp-pool.ts'
import type { LpPoolOptions } from '../ops/lp-pool.ts'
import { maxUnpool1d, maxUnpool2d, maxUnpool3d } from '../ops/max-unpool.ts'
import type { MaxUnpoolOptions } from '../ops/max-unpool.ts'
import { avgPool1d, avgPool2d, avgPool3d, maxPool1d, maxPool2d, maxPool3d } from '../ops/pool.ts'
import type { AvgPoolOptions, MaxPoolOptions } from '../ops/pool.ts'
import { perAxis } from '../ops/spatial.ts'
import type { Pair, PerAxis, Single, Triple } from '../ops/spatial.ts'
import { Module } from './module.ts'

/** A kernel of n axes and the options of the op that a layer calls. */
abstract class Pool<T extends PerAxis, O extends object> extends Module {
  readonly kernelSize: T
  readonly options: Readonly<O>

  constructor(op: string, n: number, kernelSize: T, options: O, allowed: readonly string[]) {
    super()
    checkOptions(op, options, allowed)
    this.kernelSize = perAxis(op, 'kernelSize', kernelSize, n, 1) as readonly number[] as T
    this.options = { ...options }
  }

  override extraRepr(): string {
    const named = Object.entries(this.options).filter(([, value]) => value !== undefined)
    const shown = named.map(([name, value]) => `, ${name}: ${JSON.stringify(value)}`)
    return `[${String(this.kernelSize).replaceAll(',', ', ')}]${shown.join('')}`
  }
}

const MAX = ['stride', 'padding', 'dilation', 'ceilMode']
const AVG = ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride']

/** Largest element of each window. The stride is the kernel's size unless given. */
export class MaxPool1d extends Pool<Single, MaxPoolOptions<Single>> {
  constructor(kernelSize: Single, options: MaxPoolOptions<Single> = {}) {
    super('MaxPool1d', 1, kernelSize, options, MAX)
  }

  override forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernelSize, this.options)
  }
}

/** Largest element of each window. The stride is the kernel's size unless given. */
export class MaxPool2d extends Pool<Pair, MaxPoolOptions> {
  constructor(kernelSize: Pair, options: MaxPoolOptions = {}) {
    super('MaxPool2d', 2, kernelSize, options, MAX)
  }

  override forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options)
  }
}

/** Largest element of each window. The stride is the kernel's size unless given. */
export class MaxPool3d extends Pool<Triple, MaxPoolOptions<Triple>> {
  constructor(kernelSize: Triple, options: MaxPoolOptions<Triple> = {}) {
    super('MaxPool3d', 3, kernelSize, options, MAX)
  }

  override forward(x: Tensor): Tensor {
    return maxPool3d(x, this.kernelSize, this.options)
  }
}

/** Mean of each window. The stride is the kernel's size unless given. */
export class AvgPool1d extends Pool<Single, AvgPoolOptions<Single>> {
  constructor(kernelSize: Single, options: AvgPoolOptions<Single> = {}) {
    super('AvgPool1d', 1, kernelSize, options, AVG)
  }

  override forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options)
  }
}

/** Mean of each window. The stride is the kernel's size unless given. */
export class AvgPool2d extends Pool<Pair, AvgPoolOptions> {
  constructor(kernelSize: Pair, options: AvgPoolOptions = {}) {
    super('AvgPool2d', 2, kernelSize, options, AVG)
  }

  override forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options)
  }
}

/** Mean of each window. The stride is the kernel's size unless given. */
export class AvgPool3d extends Pool<Triple, AvgPoolOptions<Triple>> {
  constructor(kernelSize: Triple, options: AvgPoolOptions<Triple> = {}) {
    super('AvgPool3d', 3, kernelSize, options, AVG)
  }

  override forward(x: Tensor): Tensor {
    return avgPool3d(x, this.kernelSize, this.options)
  }
}

/** (sum of x^p)^(1/p) over each window. */
export class LPPool1d extends Pool<Single, LpPoolOptions<Single>> {
  readonly normType: number

  constructor(normType: number, kernelSize: Single, options: LpPoolOptions<Single> = {}) {
    super('LPPool1d', 1, kernelSize, options, ['stride', 'ceilMode'])
    this.normType = normType
  }

  override forward(x: Tensor): Tensor {
    return lpPool1d(x, this.normType, this.kernelSize, this.options)
  }
}

/** (sum of x^p)^(1/p) over each window. */
export class LPPool2d extends Pool<Pair, LpPoolOptions> {
  readonly normType: number

  constructor(normType: number, kernelSize: Pair, options: LpPoolOptions = {}) {
    super('LPPool2d', 2, kernelSize, options, ['stride', 'ceilMode'])
    this.normType = normType
  }

  override forward(x: Tensor): Tensor {
    return lpPool2d(x, this.normType, this.kernelSize, this.options)
  }
}

const UNPOOL = ['stride', 'padding']

/** What maxPool1dWithIndices took, back where it was. */
export class MaxUnpool1d extends Pool<Single, MaxUnpoolOptions<Single>> {
  constructor(kernelSize: Single, options: Omit<MaxUnpoolOptions<Single>, 'outputSize'> = {}) {
    super('MaxUnpool1d', 1, kernelSize, options, UNPOOL)
  }

  override forward(x: Tensor, indices: Tensor, outputSize?: Single): Tensor {
    return maxUnpool1d(x, indices, this.kernelSize, { ...this.options, outputSize })
  }
}

/** What maxPool2dWithIndices took, back where it was. */
export class MaxUnpool2d extends Pool<Pair, MaxUnpoolOptions> {
  constructor(kernelSize: Pair, options: Omit<MaxUnpoolOptions, 'outputSize'> = {}) {
    super('MaxUnpool2d', 2, kernelSize, options, UNPOOL)
  }

  override forward(x: Tensor, indices: Tensor, outputSize?: Pair): Tensor {
    return maxUnpool2d(x, indices, this.kernelSize, { ...this.options, outputSize })
  }
}

/** What maxPool3dWithIndices took, back where it was. */
export class MaxUnpool3d extends Pool<Triple, MaxUnpoolOptions<Triple>> {
  constructor(kernelSize: Triple, options: Omit<MaxUnpoolOptions<Triple>, 'outputSize'> = {}) {
    super('MaxUnpool3d', 3, kernelSize, options, UNPOOL)
  }

  override forward(x: Tensor, indices: Tensor, outputSize?: Triple): Tensor {
    return maxUnpool3d(x, indices, this.kernelSize, { ...this.options, outputSize })
  }
}

/** Pooling to a given size, whatever that of the input. */
abstract class AdaptivePool extends Module {
  readonly outputSize: OutputSize

  constructor(outputSize: OutputSize) {
    super()
    if (typeof outputSize !== 'number' && !Array.isArray(outputSize))
      fail('VALUE', this.constructor.name, `outputSize is a number or a list, got ${String(outputSize)}.`)
    this.outputSize = outputSize
  }

  override extraRepr(): string {
    return JSON.stringify(this.outputSize)
  }
}

/** Mean over windows that follow from the size of the result. */
export class AdaptiveAvgPool1d extends AdaptivePool {
  override forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize)
  }
}

/** Mean over windows that follow from the size of the result. */
export class AdaptiveAvgPool2d extends AdaptivePool {
  override forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize)
  }
}

/** Mean over windows that follow from the size of the result. */
export class AdaptiveAvgPool3d extends AdaptivePool {
  override forward(x: Tensor): Tensor {
    return adaptiveAvgPool3d(x, this.outputSize)
  }
}

/** Largest element of windows that follow from the size of the result. */
export class AdaptiveMaxPool1d extends AdaptivePool {
  override forward(x: Tensor): Tensor {
    return adaptiveMaxPool1d(x, this.outputSize)
  }
}

/** Largest element of windows that follow from the size of the result. */
export class AdaptiveMaxPool2d extends AdaptivePool {
  override forward(x: Tensor): Tensor {
    return adaptiveMaxPool2d(x, this.outputSize)
  }
}

/** Largest element of windows that follow from the size of the result. */
export class AdaptiveMaxPool3d extends AdaptivePool {
  override forward(x: Tensor): Tensor {
    return adaptiveMaxPool3d(x, this.outputSize)
  }
}
