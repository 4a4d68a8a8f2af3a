/** @file Dropout. */
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { dropout } from '../ops/random.ts'
import { Module } from './module.ts'

/** While training, zeroes elements with probability p and scales the others by 1 / (1 - p) (Srivastava et al. 2014). */
export class Dropout extends Module {
  readonly p: number

  constructor(p = 0.5) {
    super()
    if (!(p >= 0 && p <= 1)) fail('VALUE', 'Dropout', `a probability lies in [0, 1], got ${p}.`)
    this.p = p
  }

  override forward(x: Tensor): Tensor {
    return dropout(x, this.p, this.training)
  }

  override extraRepr(): string {
    return `p: ${this.p}`
  }
}
