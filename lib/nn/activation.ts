/** @file Activation functions as modules. */
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { gelu, gt, mul, relu, sigmoid, silu, tanh, where } from '../ops/elementwise.ts'
import { logSoftmax, softmax } from '../ops/normalize.ts'
import { Module } from './module.ts'

/** max(x, 0). */
export class ReLU extends Module {
  override forward(x: Tensor): Tensor {
    return relu(x)
  }
}

/** x where x > 0, else negativeSlope x (Maas et al. 2013). */
export class LeakyReLU extends Module {
  readonly negativeSlope: number

  constructor(negativeSlope = 0.01) {
    super()
    this.negativeSlope = negativeSlope
  }

  override forward(x: Tensor): Tensor {
    return where(gt(x, 0), x, mul(x, this.negativeSlope))
  }

  override extraRepr(): string {
    return `negativeSlope: ${this.negativeSlope}`
  }
}

/** x P(X <= x) for a standard normal X (Hendrycks & Gimpel 2016), or its approximation by tanh. */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh'

  constructor({ approximate = 'none' }: { approximate?: 'none' | 'tanh' } = {}) {
    super()
    if (approximate !== 'none' && approximate !== 'tanh') {
      fail('VALUE', 'GELU', `approximate is 'none' or 'tanh', got ${String(approximate satisfies never)}.`)
    }
    this.approximate = approximate
  }

  override forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate })
  }

  override extraRepr(): string {
    return `approximate: '${this.approximate}'`
  }
}

/** x sigmoid(x) (Ramachandran et al. 2017). */
export class SiLU extends Module {
  override forward(x: Tensor): Tensor {
    return silu(x)
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return sigmoid(x)
  }
}

export class Tanh extends Module {
  override forward(x: Tensor): Tensor {
    return tanh(x)
  }
}

/** exp(x) / sum(exp(x)) along an axis. */
export class Softmax extends Module {
  readonly dim: number

  constructor(dim = -1) {
    super()
    this.dim = dim
  }

  override forward(x: Tensor): Tensor {
    return softmax(x, this.dim)
  }

  override extraRepr(): string {
    return `dim: ${this.dim}`
  }
}

/** log(softmax(x)) along an axis. */
export class LogSoftmax extends Module {
  readonly dim: number

  constructor(dim = -1) {
    super()
    this.dim = dim
  }

  override forward(x: Tensor): Tensor {
    return logSoftmax(x, this.dim)
  }

  override extraRepr(): string {
    return `dim: ${this.dim}`
  }
}
