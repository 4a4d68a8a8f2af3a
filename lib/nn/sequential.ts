/** @file Sequential: modules one after the other; and those that only pass on or reshape. */
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { flatten, reshape } from '../ops/layout.ts'
import { normalizeAxis, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { Module } from './module.ts'
import type { Layer } from './module.ts'

/** Each module takes what the one before gives. Their names are '0', '1', ... */
export class Sequential extends Module {
  static override readonly stateNames = { layers: '' }
  readonly layers: readonly Layer[]

  constructor(...layers: readonly Layer[]) {
    super()
    for (const layer of layers) {
      if (!(layer instanceof Module))
        fail('VALUE', 'Sequential', `takes modules, got ${typeof layer}. For functions write a module of your own.`)
    }
    this.layers = layers
  }

  override forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x)
  }
}

/** Gives what it is given. */
export class Identity extends Module {
  override forward(x: Tensor): Tensor {
    return x
  }
}

/** Makes one axis of axes startDim to endDim; by default of all but the batch. */
export class Flatten extends Module {
  readonly startDim: number
  readonly endDim: number

  constructor(startDim = 1, endDim = -1) {
    super()
    this.startDim = startDim
    this.endDim = endDim
  }

  override forward(x: Tensor): Tensor {
    return flatten(x, this.startDim, this.endDim)
  }

  override extraRepr(): string {
    return `${this.startDim}, ${this.endDim}`
  }
}

/** Makes several axes of one: axis `dim` of the product of `sizes` becomes axes of `sizes` (one may be -1). */
export class Unflatten extends Module {
  readonly dim: number
  readonly sizes: Shape

  constructor(dim: number, sizes: Shape) {
    super()
    this.dim = dim
    this.sizes = sizes
  }

  override forward(x: Tensor): Tensor {
    const at = normalizeAxis('Unflatten', this.dim, x.rank)
    const known = sizeOf(this.sizes.filter((size) => size !== -1))
    const sizes = this.sizes.map((size) => (size === -1 ? x.shape[at]! / known : size))
    if (sizeOf(sizes) !== x.shape[at] || !sizes.every(Number.isInteger))
      fail(
        'SHAPE',
        'Unflatten',
        `axis ${this.dim} of ${showShape(x.shape)} does not split into ${showShape(this.sizes)}.`,
      )
    return reshape(x, [...x.shape.slice(0, at), ...sizes, ...x.shape.slice(at + 1)])
  }

  override extraRepr(): string {
    return `${this.dim}, ${showShape(this.sizes)}`
  }
}
