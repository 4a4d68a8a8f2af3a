/** @file PyTorch's modules of attention. */
import { nn } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { module } from './adapter.ts'
import type { Args, Modules } from './adapter.ts'

const isFloat = (mask: Tensor | null | undefined): boolean => mask?.dtype === 'f32' || mask?.dtype === 'f64'

const transformerLayer = ({
  dim_feedforward,
  dropout,
  activation,
  layer_norm_eps,
  batch_first,
  norm_first,
  bias,
}: Args) => ({
  dimFeedforward: dim_feedforward,
  dropout,
  activation,
  layerNormEps: layer_norm_eps,
  batchFirst: batch_first,
  normFirst: norm_first,
  bias,
})

const decoderMasks = ({
  tgt_mask,
  memory_mask,
  tgt_key_padding_mask,
  memory_key_padding_mask,
  tgt_is_causal,
  memory_is_causal,
}: Args) => ({
  tgtMask: tgt_mask,
  memoryMask: memory_mask,
  tgtKeyPaddingMask: tgt_key_padding_mask,
  memoryKeyPaddingMask: memory_key_padding_mask,
  tgtIsCausal: tgt_is_causal,
  memoryIsCausal: memory_is_causal,
})

export const transformers: Modules = {
  'torch.nn.MultiheadAttention': module(
    ({ embed_dim, num_heads, dropout, bias, add_bias_kv, add_zero_attn, kdim, vdim, batch_first }) =>
      new nn.MultiheadAttention(embed_dim, num_heads, {
        dropout,
        bias,
        addBiasKv: add_bias_kv,
        addZeroAttn: add_zero_attn,
        kdim,
        vdim,
        batchFirst: batch_first,
      }),
    (attention, { query, key, value, key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal }) =>
      attention.forward(query, key, value, {
        // PyTorch 1.13, which made the cases, reads a float padding mask beside a float mask as if it were bool, and so not at all
        // (torch.zeros(1).masked_fill(torch.tensor([-inf]), 1) is 0 there). PyTorch 2 adds both, and so does tenon.
        keyPaddingMask: isFloat(attn_mask) && isFloat(key_padding_mask) ? null : key_padding_mask,
        needWeights: need_weights,
        attnMask: attn_mask,
        averageAttnWeights: average_attn_weights,
        isCausal: is_causal,
      }),
  ),
  'torch.nn.TransformerEncoderLayer': module(
    (init) => new nn.TransformerEncoderLayer(init.d_model, init.nhead, transformerLayer(init)),
    (made, { src, src_mask, src_key_padding_mask, is_causal }) =>
      made.forward(src, { srcMask: src_mask, srcKeyPaddingMask: src_key_padding_mask, isCausal: is_causal }),
  ),
  'torch.nn.TransformerDecoderLayer': module(
    (init) => new nn.TransformerDecoderLayer(init.d_model, init.nhead, transformerLayer(init)),
    (made, args) => made.forward(args.tgt, args.memory, decoderMasks(args)),
  ),
  'torch.nn.TransformerEncoder': module(
    ({ encoder_layer, num_layers, norm }) => new nn.TransformerEncoder(encoder_layer, num_layers, { norm }),
    (made, { src, mask, src_key_padding_mask, is_causal }) =>
      made.forward(src, { mask, srcKeyPaddingMask: src_key_padding_mask, isCausal: is_causal }),
  ),
  'torch.nn.TransformerDecoder': module(
    ({ decoder_layer, num_layers, norm }) => new nn.TransformerDecoder(decoder_layer, num_layers, { norm }),
    (made, args) => made.forward(args.tgt, args.memory, decoderMasks(args)),
  ),
  'torch.nn.Transformer': module(
    (init) =>
      new nn.Transformer(init.d_model, init.nhead, {
        ...transformerLayer(init),
        numEncoderLayers: init.num_encoder_layers,
        numDecoderLayers: init.num_decoder_layers,
        customEncoder: init.custom_encoder,
        customDecoder: init.custom_decoder,
      }),
    (made, args) =>
      made.forward(args.src, args.tgt, {
        srcMask: args.src_mask,
        srcKeyPaddingMask: args.src_key_padding_mask,
        srcIsCausal: args.src_is_causal,
        ...decoderMasks(args),
      }),
  ),
}
