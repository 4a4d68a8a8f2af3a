/** @file Embeddings. */
import * as tenon from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'

const F = 'torch.nn.functional.'

export const calls: Calls = {
  [F + 'embedding']: ({ input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq }) =>
    tenon.embedding(input, weight, {
      paddingIdx: padding_idx,
      maxNorm: max_norm,
      normType: norm_type,
      scaleGradByFreq: scale_grad_by_freq,
    }),
  [F + 'embedding_bag']: (a) =>
    tenon.embeddingBag(a.input, a.weight, a.offsets, {
      maxNorm: a.max_norm,
      normType: a.norm_type,
      scaleGradByFreq: a.scale_grad_by_freq,
      mode: a.mode,
      perSampleWeights: a.per_sample_weights,
      includeLastOffset: a.include_last_offset,
      paddingIdx: a.padding_idx,
    }),
}
