/** @file Activation functions. */
import * as tenon from '../../../../lib/index.ts'
import type { Tensor } from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'

/** Functions of the input alone, by PyTorch's names. */
const plain: Readonly<Record<string, (input: Tensor) => Tensor>> = {
  relu: tenon.relu,
  relu6: tenon.relu6,
  selu: tenon.selu,
  silu: tenon.silu,
  mish: tenon.mish,
  hardswish: tenon.hardswish,
  hardsigmoid: tenon.hardsigmoid,
  tanhshrink: tenon.tanhshrink,
  softsign: tenon.softsign,
  sigmoid: tenon.sigmoid,
  tanh: tenon.tanh,
  logsigmoid: tenon.logSigmoid,
}

const functional: Calls = {
  ...Object.fromEntries(
    Object.entries(plain).map(([name, fn]): [string, Calls[string]] => [name, ({ input }) => fn(input)]),
  ),
  elu: ({ input, alpha }) => tenon.elu(input, { alpha }),
  celu: ({ input, alpha }) => tenon.celu(input, { alpha }),
  gelu: ({ input, approximate }) => tenon.gelu(input, { approximate }),
  hardtanh: ({ input, min_val, max_val }) => tenon.hardtanh(input, { minVal: min_val, maxVal: max_val }),
  hardshrink: ({ input, lambd }) => tenon.hardshrink(input, { lambd }),
  softshrink: ({ input, lambd }) => tenon.softshrink(input, { lambd }),
  softplus: ({ input, beta, threshold }) => tenon.softplus(input, { beta, threshold }),
  leaky_relu: ({ input, negative_slope }) => tenon.leakyRelu(input, { negativeSlope: negative_slope }),
  threshold: ({ input, threshold, value }) => tenon.threshold(input, threshold, value),
  prelu: ({ input, weight }) => tenon.prelu(input, weight),
  glu: ({ input, dim }) => tenon.glu(input, dim),
  softmax: ({ input, dim }) => tenon.softmax(input, dim),
  log_softmax: ({ input, dim }) => tenon.logSoftmax(input, dim),
  softmin: ({ input, dim }) => tenon.softmin(input, dim),
  normalize: ({ input, p, dim, eps }) => tenon.normalize(input, { p, dim, eps }),
}

export const calls: Calls = Object.fromEntries(
  Object.entries(functional).map(([name, call]) => [`torch.nn.functional.${name}`, call]),
)
