/** @file Gated feed-forward parts of Transformers (Shazeer 2020, "GLU variants improve Transformer"). */
import type { DType } from '../dtype.ts'
import { checkOptions } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { gelu, mul, silu } from '../ops/elementwise.ts'
import { Linear } from './linear.ts'
import { Module } from './module.ts'

export interface GatedOptions {
  /** Default: inFeatures. */
  outFeatures?: number
  /** Default: false. */
  bias?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

/** w2(f(w1 x) * w3 x). */
abstract class Gated extends Module {
  w1: Linear
  w2: Linear
  w3: Linear

  constructor(inFeatures: number, hiddenFeatures: number, options: GatedOptions = {}) {
    super()
    checkOptions(this.constructor.name, options, ['outFeatures', 'bias', 'dtype'])
    const { outFeatures = inFeatures, bias = false, dtype = 'f32' } = options
    this.w1 = new Linear(inFeatures, hiddenFeatures, { bias, dtype })
    this.w2 = new Linear(hiddenFeatures, outFeatures, { bias, dtype })
    this.w3 = new Linear(inFeatures, hiddenFeatures, { bias, dtype })
  }

  protected abstract gate(x: Tensor): Tensor

  override forward(x: Tensor): Tensor {
    return this.w2.forward(mul(this.gate(this.w1.forward(x)), this.w3.forward(x)))
  }
}

/** w2(silu(w1 x) * w3 x), Llama's names. */
export class SwiGLU extends Gated {
  protected override gate(x: Tensor): Tensor {
    return silu(x)
  }
}

/** w2(gelu(w1 x) * w3 x). */
export class GeGLU extends Gated {
  protected override gate(x: Tensor): Tensor {
    return gelu(x)
  }
}
