/** @file Attention. */
import * as tenon from '../../../../lib/index.ts'
import type { Calls } from '../adapter.ts'

export const calls: Calls = {
  'torch.nn.functional.scaled_dot_product_attention': ({
    query,
    key,
    value,
    attn_mask,
    dropout_p,
    is_causal,
    scale,
    enable_gqa,
  }) =>
    tenon.scaledDotProductAttention(query, key, value, {
      attnMask: attn_mask,
      dropoutP: dropout_p,
      isCausal: is_causal,
      scale,
      enableGqa: enable_gqa,
    }),
}
