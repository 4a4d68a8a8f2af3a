/** @file Projection: a fully connected layer whose weight lies the other way round than Linear's, as GPT-2's published files have it. */
import type { DType } from '../dtype.ts'
import type { Tensor } from '../graph/tensor.ts'
import { Variable } from '../graph/variable.ts'
import { linear } from '../ops/contraction.ts'
import { zeros } from '../ops/create.ts'
import { transpose } from '../ops/layout.ts'
import { normal } from '../ops/random.ts'
import { Module } from './module.ts'

/** x weight + bias: x [..., inputs], weight [inputs, outputs] drawn from N(0, std). */
export class Projection extends Module {
  weight: Variable
  bias: Variable

  constructor(inputs: number, outputs: number, std: number, dtype: DType) {
    super()
    this.weight = new Variable(normal([inputs, outputs], 0, std, { dtype }))
    this.bias = new Variable(zeros([outputs], { dtype }))
  }

  override forward(x: Tensor): Tensor {
    return linear(x, transpose(this.weight), this.bias)
  }
}
