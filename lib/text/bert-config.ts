/** @file The configuration of BERT, RoBERTa and DistilBERT, tenon's and config.json's, and what their files call tensors. */
import type { DType } from '../dtype.ts'
import type { ConfigValues, ModelConfig } from '../io/model-config.ts'
import { dtypeForFile } from '../io/pretrained.ts'
import type { WeightNames } from '../io/pretrained.ts'
import type { ActivationName } from '../nn/activation-by-name.ts'

export type BERTKind = 'bert' | 'roberta' | 'distilbert'

/** What stands on top: nothing, the prediction of masked tokens, or of a class. */
export type BERTHead = 'base' | 'maskedLM' | 'classifier'

export interface BERTConfig {
  /** Whose names and configuration save() writes. Default: 'bert'. */
  kind?: BERTKind
  /** Default: 30522. */
  vocabSize?: number
  /** The longest text. Default: 512. */
  numPositions?: number
  /** Kinds of segments; 0: they are not told apart. Default: 2. */
  numTypes?: number
  /** Default: 768. */
  width?: number
  /** Default: 12. */
  numLayers?: number
  /** Default: 12. */
  numHeads?: number
  /** Between the layers of the feed-forward part. Default: 4 width. */
  hiddenWidth?: number
  /** In the feed-forward part. Default: 'gelu'. */
  activation?: ActivationName
  /** What follows the layer that makes one vector of the first token's; null: there is no such layer. Default: 'tanh'. */
  pooling?: 'tanh' | 'relu' | null
  /** RoBERTa's: positions are counted from behind this token, which pads and does not count. Default: null, all tokens from 0 on. */
  paddingIdx?: number | null
  /** Default: 0.1. */
  dropout?: number
  /** Default: 1e-12. */
  layerNormEps?: number
  /** Default: 'f32'. */
  dtype?: DType
}

export type BERTSizes = Required<BERTConfig>

/** transformers' classes. */
const classes: Readonly<Record<BERTKind, Readonly<Record<BERTHead, string>>>> = {
  bert: { base: 'BertModel', maskedLM: 'BertForMaskedLM', classifier: 'BertForSequenceClassification' },
  roberta: { base: 'RobertaModel', maskedLM: 'RobertaForMaskedLM', classifier: 'RobertaForSequenceClassification' },
  distilbert: {
    base: 'DistilBertModel',
    maskedLM: 'DistilBertForMaskedLM',
    classifier: 'DistilBertForSequenceClassification',
  },
}

/** The head of a class in config.json; FORMAT for one that tenon does not have. */
export function bertHeadOf(config: ModelConfig, kind: BERTKind): BERTHead {
  const name = config.architecture()
  if (name === '') return 'base'
  if (name === 'BertForPreTraining') return 'maskedLM'
  const known = Object.entries(classes[kind]).find(([, architecture]) => architecture === name)
  if (known) return known[0] as BERTHead
  return config.refuse(`architectures names ${name}; tenon has ${Object.values(classes[kind]).join(', ')}.`)
}

/** From config.json. FORMAT for what tenon does not compute. */
export function bertConfigFrom(config: ModelConfig, kind: BERTKind, head: BERTHead, dtype: DType): BERTConfig {
  if (kind === 'distilbert') return distilbertConfigFrom(config, head, dtype)
  config.only('position_embedding_type', 'absolute')
  config.only('is_decoder', false)
  const width = config.integer('hidden_size', 768)
  const isRoberta = kind === 'roberta'
  return {
    kind,
    vocabSize: config.integer('vocab_size', isRoberta ? 50265 : 30522),
    numPositions: config.integer('max_position_embeddings', 512),
    numTypes: config.integer('type_vocab_size', 2),
    width,
    numLayers: config.layers('num_hidden_layers', 12),
    numHeads: config.integer('num_attention_heads', 12),
    hiddenWidth: config.integer('intermediate_size', 3072),
    activation: config.activation('hidden_act', 'gelu'),
    pooling: head === 'maskedLM' ? null : 'tanh',
    paddingIdx: isRoberta ? config.integer('pad_token_id', 1, 0) : null,
    dropout: config.number('hidden_dropout_prob', 0.1),
    layerNormEps: config.number('layer_norm_eps', 1e-12),
    dtype,
  }
}

function distilbertConfigFrom(config: ModelConfig, head: BERTHead, dtype: DType): BERTConfig {
  return {
    kind: 'distilbert',
    vocabSize: config.integer('vocab_size', 30522),
    numPositions: config.integer('max_position_embeddings', 512),
    numTypes: 0,
    width: config.integer('dim', 768),
    numLayers: config.layers('n_layers', 6),
    numHeads: config.integer('n_heads', 12),
    hiddenWidth: config.integer('hidden_dim', 3072),
    activation: config.activation('activation', 'gelu'),
    pooling: head === 'classifier' ? 'relu' : null,
    dropout: config.number('dropout', 0.1),
    dtype,
  }
}

export function bertConfigForFile(all: BERTSizes, head: BERTHead): ConfigValues {
  const { kind, width, numLayers, numHeads, hiddenWidth, activation, dropout } = all
  const own: ConfigValues =
    kind === 'distilbert'
      ? { dim: width, n_layers: numLayers, n_heads: numHeads, hidden_dim: hiddenWidth, activation, dropout }
      : {
          hidden_size: width,
          num_hidden_layers: numLayers,
          num_attention_heads: numHeads,
          intermediate_size: hiddenWidth,
          type_vocab_size: all.numTypes,
          hidden_act: activation,
          hidden_dropout_prob: dropout,
          attention_probs_dropout_prob: dropout,
          layer_norm_eps: all.layerNormEps,
          ...(kind === 'roberta' ? { pad_token_id: all.paddingIdx } : {}),
        }
  return {
    architectures: [classes[kind][head]],
    model_type: kind,
    vocab_size: all.vocabSize,
    max_position_embeddings: all.numPositions,
    ...own,
    ...dtypeForFile(all.dtype),
  }
}

export const bertWeightNames = (kind: BERTKind): WeightNames => ({
  prefix: `${kind}.`,
  // Heads of other tasks, and the ends of the own one that are tied.
  unread: /position_ids$|pooler\.dense|^cls\.|^lm_head\.|^vocab_|^classifier\.|^pre_classifier\.|^qa_outputs\./,
  head: /^classifier\.|^pre_classifier\.|pooler\.dense/,
})

/** Pairs of tenon's name, which is BERT's, and a file's; the first that fits is taken. */
const renamed: Readonly<Record<BERTKind, readonly (readonly [RegExp, string])[]>> = {
  bert: [],
  roberta: [
    [/^classifier\./, 'classifier.out_proj.'],
    [/^bert\.pooler\.dense\./, 'classifier.dense.'],
    [/^cls\.predictions\.transform\.LayerNorm\./, 'lm_head.layer_norm.'],
    [/^cls\.predictions\.transform\.dense\./, 'lm_head.dense.'],
    [/^cls\.predictions\.bias$/, 'lm_head.bias'],
  ],
  distilbert: [
    [/^(bert\.)?pooler\.dense\./, 'pre_classifier.'],
    [/^cls\.predictions\.transform\.LayerNorm\./, 'vocab_layer_norm.'],
    [/^cls\.predictions\.transform\.dense\./, 'vocab_transform.'],
    [/^cls\.predictions\.bias$/, 'vocab_projector.bias'],
    [/\.attention\.self\.(q|k|v)\w+\./, '.attention.$1_lin.'],
    [/\.attention\.output\.dense\./, '.attention.out_lin.'],
    [/\.attention\.output\.LayerNorm\./, '.sa_layer_norm.'],
    [/\.intermediate\.dense\./, '.ffn.lin1.'],
    [/(layer\.\d+)\.output\.dense\./, '$1.ffn.lin2.'],
    [/(layer\.\d+)\.output\.LayerNorm\./, '$1.output_layer_norm.'],
  ],
}

export function bertNameInFile(kind: BERTKind, name: string): string {
  const [from, to] = renamed[kind].find(([pattern]) => pattern.test(name)) ?? [/$^/, '']
  const own = name.replace(from, to).replace(/^bert\./, `${kind}.`)
  return kind === 'distilbert' ? own.replace(/^(distilbert\.)?encoder\./, '$1transformer.') : own
}
