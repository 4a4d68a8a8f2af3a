/** @file Activation functions by the names that configurations of published models have for them. */
import type { Tensor } from '../graph/tensor.ts'
import { gelu, mul, relu, sigmoid, silu, tanh } from '../ops/elementwise.ts'

const tanhGelu = (x: Tensor): Tensor => gelu(x, { approximate: 'tanh' })

const activations = {
  gelu: (x: Tensor) => gelu(x),
  gelu_new: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  /** x sigmoid(1.702 x) (Hendrycks & Gimpel 2016). */
  quick_gelu: (x: Tensor) => mul(x, sigmoid(mul(x, 1.702))),
  relu: (x: Tensor) => relu(x),
  silu: (x: Tensor) => silu(x),
  swish: (x: Tensor) => silu(x),
  tanh: (x: Tensor) => tanh(x),
} as const satisfies Record<string, (x: Tensor) => Tensor>

export type ActivationName = keyof typeof activations

export const isActivationName = (name: string): name is ActivationName => Object.hasOwn(activations, name)

export const activationByName = (name: ActivationName): ((x: Tensor) => Tensor) => activations[name]
