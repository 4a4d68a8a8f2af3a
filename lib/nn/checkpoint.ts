/** @file Checkpoint: a module whose inside is computed again in the backward pass instead of being kept. */
import { checkpoint } from '../graph/gradient.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Module } from './module.ts'
import type { Layer } from './module.ts'

/**
 * `new Checkpoint(block)` takes the place of `block`, with the same parameter names: memory for what lies inside is needed for one such
 * block at a time, for one more forward pass (Chen et al. 2016). Its tensors come from its one argument; of others it may close over
 * what does not need a gradient.
 */
export class Checkpoint extends Module {
  static override readonly stateNames = { module: '' }
  readonly module: Layer

  constructor(module: Layer) {
    super()
    this.module = module
  }

  override forward(x: Tensor): Tensor {
    return checkpoint((input: Tensor) => this.module.forward(input))(x)
  }
}
