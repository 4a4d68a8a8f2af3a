/** @file GPT-2 as GGUF files have it: the metadata's keys and names. */
import type { DType } from '../dtype.ts'
import type { GgufForm } from '../io/gguf-model.ts'
import type { ModelConfig } from '../io/model-config.ts'
import type { GPT2Config } from './gpt2.ts'
import { renamed } from './llama-gguf.ts'

const OUTER = new Map([
  ['wte', 'token_embd'],
  ['wpe', 'position_embd'],
  ['h', 'blk'],
  ['ln_f', 'output_norm'],
])
const ATTENTION = new Map([
  ['attn', ''],
  ['c_attn', 'attn_qkv'],
  ['c_proj', 'attn_output'],
  ['ln_1', 'attn_norm'],
])
const FEED_FORWARD = new Map([
  ['mlp', ''],
  ['c_fc', 'ffn_up'],
  ['c_proj', 'ffn_down'],
  ['ln_2', 'ffn_norm'],
])

/** The head is the table of embeddings, of which some files have a copy. */
export const gpt2GgufForm = (config: Readonly<Required<GPT2Config>>): GgufForm => ({
  metadata: {
    'general.architecture': 'gpt2',
    'gpt2.context_length': config.numPositions,
    'gpt2.embedding_length': config.width,
    'gpt2.feed_forward_length': 4 * config.width,
    'gpt2.block_count': config.numLayers,
    'gpt2.attention.head_count': config.numHeads,
    'gpt2.attention.layer_norm_epsilon': { f32: config.layerNormEps },
  },
  nameInGguf: (name) => renamed(renamed(name, OUTER), /\.(mlp|ln_2)\./.test(name) ? FEED_FORWARD : ATTENTION),
  pairedHeads: () => null,
  unread: /^output\.weight$/,
  more: {},
  neverQuantized: /^position_embd/,
})

/** From a file's metadata. */
export const gpt2ConfigFromGguf = (config: ModelConfig, vocabSize: number, dtype: DType): GPT2Config => ({
  vocabSize,
  numPositions: config.integer('gpt2.context_length'),
  width: config.integer('gpt2.embedding_length'),
  numLayers: config.layers('gpt2.block_count'),
  numHeads: config.integer('gpt2.attention.head_count'),
  layerNormEps: config.number('gpt2.attention.layer_norm_epsilon', 1e-5),
  dtype,
})
