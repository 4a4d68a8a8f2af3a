/** @file Normalisations, and distances of vectors. */
import * as t from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'

export const calls: Calls = {
  'torch.nn.functional.batch_norm': (a) =>
    t.batchNorm(a.input, {
      runningMean: a.running_mean,
      runningVar: a.running_var,
      weight: a.weight,
      bias: a.bias,
      training: a.training,
      momentum: a.momentum,
      eps: a.eps,
    }),
  'torch.nn.functional.instance_norm': (a) =>
    t.instanceNorm(a.input, {
      runningMean: a.running_mean,
      runningVar: a.running_var,
      weight: a.weight,
      bias: a.bias,
      useInputStats: a.use_input_stats,
      momentum: a.momentum,
      eps: a.eps,
    }),
  'torch.nn.functional.layer_norm': (a) =>
    t.layerNorm(a.input, a.normalized_shape, { weight: a.weight, bias: a.bias, eps: a.eps }),
  'torch.nn.functional.group_norm': (a) =>
    t.groupNorm(a.input, a.num_groups, { weight: a.weight, bias: a.bias, eps: a.eps }),
  'torch.nn.functional.local_response_norm': (a) =>
    t.localResponseNorm(a.input, a.size, { alpha: a.alpha, beta: a.beta, k: a.k }),
  'torch.nn.functional.rms_norm': (a) => t.rmsNorm(a.input, a.normalized_shape, { weight: a.weight, eps: a.eps }),
  'torch.nn.functional.cosine_similarity': (a) => t.cosineSimilarity(a.x1, a.x2, { axis: a.dim, eps: a.eps }),
  'torch.nn.functional.pairwise_distance': (a) =>
    t.pairwiseDistance(a.x1, a.x2, { p: a.p, eps: a.eps, keepDims: a.keepdim }),
  'torch.nn.functional.pdist': (a) => t.pdist(a.input, { p: a.p }),
}
