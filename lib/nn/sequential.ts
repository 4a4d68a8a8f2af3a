/** @file Sequential: modules one after the other; and the two that only pass on. */
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { flatten } from '../ops/layout.ts'
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
