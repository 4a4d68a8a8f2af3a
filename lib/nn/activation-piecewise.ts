/** @file Activation functions with kinks, as modules; some have slopes that are learnt or drawn. Smooth ones are in activation.ts. */
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import {
  celu,
  elu,
  glu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  prelu,
  relu6,
  selu,
  softshrink,
  threshold,
} from '../ops/activation.ts'
import type { HardtanhOptions } from '../ops/activation.ts'
import { full } from '../ops/create.ts'
import { gt, mul, relu, where } from '../ops/elementwise.ts'
import { uniform } from '../ops/random.ts'
import { named } from './activation.ts'
import { Module } from './module.ts'

/** max(x, 0). */
export class ReLU extends Module {
  override forward(x: Tensor): Tensor {
    return relu(x)
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends Module {
  override forward(x: Tensor): Tensor {
    return relu6(x)
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
    return leakyRelu(x, { negativeSlope: this.negativeSlope })
  }

  override extraRepr(): string {
    return `negativeSlope: ${this.negativeSlope}`
  }
}

export interface PReLUOptions {
  /** 1, or one a channel of [B, C, ...]. Default: 1. */
  numParameters?: number
  /** What the slopes begin with. Default: 0.25. */
  init?: number
  /** Default: 'f32'. */
  dtype?: DType
}

/** x where x > 0, else weight x: slopes that are learnt (He et al. 2015). */
export class PReLU extends Module {
  weight: Variable

  constructor(options: PReLUOptions = {}) {
    super()
    checkOptions('PReLU', options, ['numParameters', 'init', 'dtype'])
    const { numParameters = 1, init = 0.25, dtype = 'f32' } = options
    checkInteger('PReLU', 'numParameters', numParameters, 1)
    this.weight = new Variable(full([numParameters], init, { dtype }))
  }

  override forward(x: Tensor): Tensor {
    return prelu(x, this.weight)
  }

  override extraRepr(): string {
    return `numParameters: ${this.weight.size}`
  }
}

export interface RReLUOptions {
  /** Default: 1 / 8. */
  lower?: number
  /** Default: 1 / 3. */
  upper?: number
}

/** x where x > 0, else a x: in training with a drawn from [lower, upper) for each element, else their mean (Xu et al. 2015). */
export class RReLU extends Module {
  readonly lower: number
  readonly upper: number

  constructor(options: RReLUOptions = {}) {
    super()
    checkOptions('RReLU', options, ['lower', 'upper'])
    const { lower = 1 / 8, upper = 1 / 3 } = options
    if (!(lower <= upper)) fail('VALUE', 'RReLU', `lower must be at most upper, got ${lower} and ${upper}.`)
    this.lower = lower
    this.upper = upper
  }

  override forward(x: Tensor): Tensor {
    const { lower, upper } = this
    if (!this.training) return leakyRelu(x, { negativeSlope: (lower + upper) / 2 })
    return where(gt(x, 0), x, mul(x, uniform(x.shape, lower, upper, { dtype: x.dtype })))
  }

  override extraRepr(): string {
    return `lower: ${this.lower}, upper: ${this.upper}`
  }
}

/** x where x > 0, else alpha (exp(x) - 1) (Clevert et al. 2016). */
export class ELU extends Module {
  readonly alpha: number

  constructor(alpha = 1) {
    super()
    this.alpha = alpha
  }

  override forward(x: Tensor): Tensor {
    return elu(x, { alpha: this.alpha })
  }

  override extraRepr(): string {
    return `alpha: ${this.alpha}`
  }
}

/** x where x > 0, else alpha (exp(x / alpha) - 1) (Barron 2017). */
export class CELU extends Module {
  readonly alpha: number

  constructor(alpha = 1) {
    super()
    this.alpha = alpha
  }

  override forward(x: Tensor): Tensor {
    return celu(x, { alpha: this.alpha })
  }

  override extraRepr(): string {
    return `alpha: ${this.alpha}`
  }
}

/** elu with the scales that keep mean 0 and variance 1 (Klambauer et al. 2017). */
export class SELU extends Module {
  override forward(x: Tensor): Tensor {
    return selu(x)
  }
}

/** x between minVal and maxVal, else the limit. */
export class Hardtanh extends Module {
  readonly options: Readonly<HardtanhOptions>

  constructor(options: HardtanhOptions = {}) {
    super()
    checkOptions('Hardtanh', options, ['minVal', 'maxVal'])
    this.options = { ...options }
  }

  override forward(x: Tensor): Tensor {
    return hardtanh(x, this.options)
  }

  override extraRepr(): string {
    return named(this.options)
  }
}

/** x relu6(x + 3) / 6 (Howard et al. 2019). */
export class Hardswish extends Module {
  override forward(x: Tensor): Tensor {
    return hardswish(x)
  }
}

/** relu6(x + 3) / 6. */
export class Hardsigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return hardsigmoid(x)
  }
}

/** x where |x| > lambd, else 0. */
export class Hardshrink extends Module {
  readonly lambd: number

  constructor(lambd = 0.5) {
    super()
    this.lambd = lambd
  }

  override forward(x: Tensor): Tensor {
    return hardshrink(x, { lambd: this.lambd })
  }

  override extraRepr(): string {
    return `lambd: ${this.lambd}`
  }
}

/** x nearer to 0 by lambd, 0 within lambd of it. */
export class Softshrink extends Module {
  readonly lambd: number

  constructor(lambd = 0.5) {
    super()
    this.lambd = lambd
  }

  override forward(x: Tensor): Tensor {
    return softshrink(x, { lambd: this.lambd })
  }

  override extraRepr(): string {
    return `lambd: ${this.lambd}`
  }
}

/** x where x > threshold, else value. */
export class Threshold extends Module {
  readonly threshold: number
  readonly value: number

  constructor(threshold: number, value: number) {
    super()
    this.threshold = threshold
    this.value = value
  }

  override forward(x: Tensor): Tensor {
    return threshold(x, this.threshold, this.value)
  }

  override extraRepr(): string {
    return `threshold: ${this.threshold}, value: ${this.value}`
  }
}

/** a sigmoid(b), where a and b are the halves of x along an axis (Dauphin et al. 2017). */
export class GLU extends Module {
  readonly dim: number

  constructor(dim = -1) {
    super()
    this.dim = dim
  }

  override forward(x: Tensor): Tensor {
    return glu(x, this.dim)
  }

  override extraRepr(): string {
    return `dim: ${this.dim}`
  }
}
