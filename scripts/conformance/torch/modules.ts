/** @file PyTorch's modules. */
import { nn } from '../../../lib/index.ts'
import { activations } from './activations.ts'
import { layer, module } from './adapter.ts'
import type { Args, Modules } from './adapter.ts'
import { lookups } from './lookups.ts'
import { transformers } from './transformers.ts'
import { spatial } from './spatial.ts'

const recurrent = ({ num_layers, bias, batch_first, dropout, bidirectional }: Args) => ({
  numLayers: num_layers,
  bias,
  batchFirst: batch_first,
  dropout,
  bidirectional,
})

export const modules: Modules = {
  ...activations,
  ...transformers,
  ...spatial,
  ...lookups,
  'torch.nn.Linear': layer(({ in_features, out_features, bias }) => new nn.Linear(in_features, out_features, { bias })),
  'torch.nn.LayerNorm': layer(
    ({ normalized_shape, eps, elementwise_affine }) =>
      new nn.LayerNorm(normalized_shape, { eps, elementwiseAffine: elementwise_affine }),
  ),
  'torch.nn.Identity': layer(() => new nn.Identity()),
  'torch.nn.RNN': module(
    (init) => new nn.RNN(init.input_size!, init.hidden_size!, { nonlinearity: init.nonlinearity, ...recurrent(init) }),
    (made, { input, hx }) => made.forward(input!, hx),
  ),
  'torch.nn.LSTM': module(
    (init) => new nn.LSTM(init.input_size!, init.hidden_size!, { projSize: init.proj_size, ...recurrent(init) }),
    (made, { input, hx }) => made.forward(input!, hx),
  ),
  'torch.nn.GRU': module(
    (init) => new nn.GRU(init.input_size!, init.hidden_size!, recurrent(init)),
    (made, { input, hx }) => made.forward(input!, hx),
  ),
  'torch.nn.RNNCell': module(
    ({ input_size, hidden_size, bias, nonlinearity }) =>
      new nn.RNNCell(input_size, hidden_size, { bias, nonlinearity }),
    (made, { input, hx }) => made.forward(input, hx),
  ),
  'torch.nn.LSTMCell': module(
    ({ input_size, hidden_size, bias }) => new nn.LSTMCell(input_size, hidden_size, { bias }),
    (made, { input, hx }) => made.forward(input, hx),
  ),
  'torch.nn.GRUCell': module(
    ({ input_size, hidden_size, bias }) => new nn.GRUCell(input_size, hidden_size, { bias }),
    (made, { input, hx }) => made.forward(input, hx),
  ),
}
