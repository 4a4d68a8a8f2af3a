/** @file PyTorch's activation modules. */
import { nn } from '../../../lib/index.ts'
import { layer } from './adapter.ts'
import type { Modules } from './adapter.ts'

export const activations: Modules = {
  'torch.nn.ReLU': layer(() => new nn.ReLU()),
  'torch.nn.ReLU6': layer(() => new nn.ReLU6()),
  'torch.nn.SELU': layer(() => new nn.SELU()),
  'torch.nn.SiLU': layer(() => new nn.SiLU()),
  'torch.nn.Sigmoid': layer(() => new nn.Sigmoid()),
  'torch.nn.LogSigmoid': layer(() => new nn.LogSigmoid()),
  'torch.nn.Tanh': layer(() => new nn.Tanh()),
  'torch.nn.Tanhshrink': layer(() => new nn.Tanhshrink()),
  'torch.nn.Mish': layer(() => new nn.Mish()),
  'torch.nn.Softsign': layer(() => new nn.Softsign()),
  'torch.nn.Softmax2d': layer(() => new nn.Softmax2d()),
  'torch.nn.Hardswish': layer(() => new nn.Hardswish()),
  'torch.nn.Hardsigmoid': layer(() => new nn.Hardsigmoid()),
  'torch.nn.LeakyReLU': layer(({ negative_slope }) => new nn.LeakyReLU(negative_slope)),
  'torch.nn.ELU': layer(({ alpha }) => new nn.ELU(alpha)),
  'torch.nn.CELU': layer(({ alpha }) => new nn.CELU(alpha)),
  'torch.nn.Hardshrink': layer(({ lambd }) => new nn.Hardshrink(lambd)),
  'torch.nn.Softshrink': layer(({ lambd }) => new nn.Softshrink(lambd)),
  'torch.nn.GLU': layer(({ dim }) => new nn.GLU(dim)),
  'torch.nn.Softmax': layer(({ dim }) => new nn.Softmax(dim)),
  'torch.nn.LogSoftmax': layer(({ dim }) => new nn.LogSoftmax(dim)),
  'torch.nn.Softmin': layer(({ dim }) => new nn.Softmin(dim)),
  'torch.nn.GELU': layer(({ approximate }) => new nn.GELU({ approximate })),
  'torch.nn.Softplus': layer(({ beta, threshold }) => new nn.Softplus({ beta, threshold })),
  'torch.nn.Hardtanh': layer(({ min_val, max_val }) => new nn.Hardtanh({ minVal: min_val, maxVal: max_val })),
  'torch.nn.Threshold': layer(({ threshold, value }) => new nn.Threshold(threshold, value)),
  'torch.nn.PReLU': layer(({ num_parameters, init }) => new nn.PReLU({ numParameters: num_parameters, init })),
  'torch.nn.RReLU': layer(({ lower, upper }) => new nn.RReLU({ lower, upper })),
}
