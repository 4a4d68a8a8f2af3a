/** @file PyTorch's modules of tables, and of two inputs. */
import { nn } from '../../../lib/index.ts'
import { layer, module } from './adapter.ts'
import type { Args, Modules } from './adapter.ts'

const table = ({ padding_idx, max_norm, norm_type, scale_grad_by_freq }: Args) => ({
  paddingIdx: padding_idx,
  maxNorm: max_norm,
  normType: norm_type,
  scaleGradByFreq: scale_grad_by_freq,
})

export const lookups: Modules = {
  'torch.nn.Embedding': layer((init) => new nn.Embedding(init.num_embeddings!, init.embedding_dim!, table(init))),
  'torch.nn.EmbeddingBag': module(
    (init) =>
      new nn.EmbeddingBag(init.num_embeddings!, init.embedding_dim!, {
        mode: init.mode,
        includeLastOffset: init.include_last_offset,
        ...table(init),
      }),
    (made, { input, offsets, per_sample_weights }) => made.forward(input, offsets, per_sample_weights),
  ),
  'torch.nn.Bilinear': module(
    ({ in1_features, in2_features, out_features, bias }) =>
      new nn.Bilinear(in1_features, in2_features, out_features, { bias }),
    (made, { input1, input2 }) => made.forward(input1, input2),
  ),
  'torch.nn.CosineSimilarity': module(
    ({ dim, eps }) => new nn.CosineSimilarity({ axis: dim, eps }),
    (made, { x1, x2 }) => made.forward(x1, x2),
  ),
  'torch.nn.PairwiseDistance': module(
    ({ p, eps, keepdim }) => new nn.PairwiseDistance({ p, eps, keepDims: keepdim }),
    (made, { x1, x2 }) => made.forward(x1, x2),
  ),
  'torch.nn.AdaptiveLogSoftmaxWithLoss': module(
    ({ in_features, n_classes, cutoffs, div_value, head_bias }) =>
      new nn.AdaptiveLogSoftmaxWithLoss(in_features, n_classes, cutoffs, { divValue: div_value, headBias: head_bias }),
    (made, { input_, target_ }) => {
      const { output, loss } = made.forward(input_, target_)
      return [output, loss]
    },
  ),
}
