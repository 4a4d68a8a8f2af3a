/** @file Smooth activation functions as modules, and softmax. Those with kinks are in activation-piecewise.ts. */
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { mish, softmin, softsign, tanhshrink } from '../ops/activation.ts'
import { gelu, logSigmoid, sigmoid, silu, softplus, tanh } from '../ops/elementwise.ts'
import type { SoftplusOptions } from '../ops/elementwise.ts'
import { logSoftmax, softmax } from '../ops/normalize.ts'
import { showShape } from '../shape.ts'
import { Module } from './module.ts'

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

/** x tanh(softplus(x)) (Misra 2020). */
export class Mish extends Module {
  override forward(x: Tensor): Tensor {
    return mish(x)
  }
}

/** log(sigmoid(x)). */
export class LogSigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return logSigmoid(x)
  }
}

/** x / (1 + |x|). */
export class Softsign extends Module {
  override forward(x: Tensor): Tensor {
    return softsign(x)
  }
}

/** x - tanh(x). */
export class Tanhshrink extends Module {
  override forward(x: Tensor): Tensor {
    return tanhshrink(x)
  }
}

/** log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold. */
export class Softplus extends Module {
  readonly options: Readonly<SoftplusOptions>

  constructor(options: SoftplusOptions = {}) {
    super()
    checkOptions('Softplus', options, ['beta', 'threshold'])
    this.options = { ...options }
  }

  override forward(x: Tensor): Tensor {
    return softplus(x, this.options)
  }

  override extraRepr(): string {
    return named(this.options)
  }
}

abstract class AlongAxis extends Module {
  readonly dim: number

  constructor(dim = -1) {
    super()
    this.dim = dim
  }

  override extraRepr(): string {
    return `dim: ${this.dim}`
  }
}

/** exp(x) / sum(exp(x)) along an axis. */
export class Softmax extends AlongAxis {
  override forward(x: Tensor): Tensor {
    return softmax(x, this.dim)
  }
}

/** log(softmax(x)) along an axis. */
export class LogSoftmax extends AlongAxis {
  override forward(x: Tensor): Tensor {
    return logSoftmax(x, this.dim)
  }
}

/** softmax(-x) along an axis. */
export class Softmin extends AlongAxis {
  override forward(x: Tensor): Tensor {
    return softmin(x, this.dim)
  }
}

/** softmax over the channels of [B, C, H, W] or [C, H, W]. */
export class Softmax2d extends Module {
  override forward(x: Tensor): Tensor {
    if (x.rank !== 3 && x.rank !== 4)
      fail('SHAPE', 'Softmax2d', `needs [B, C, H, W] or [C, H, W], got ${showShape(x.shape)}.`)
    return softmax(x, -3)
  }
}

/** Options as toString() shows them. */
export const named = (options: object): string =>
  Object.entries(options)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join(', ')
