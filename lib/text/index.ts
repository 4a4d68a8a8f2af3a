/** @file The names of the namespace `text`. */
export { BERT, bert } from './bert.ts'
export type { BERTForward } from './bert.ts'
export type { BERTConfig, BERTKind } from './bert-config.ts'
export { BERTClassifier, BERTMaskedLM } from './bert-heads.ts'
export { GPT2, gpt2 } from './gpt2.ts'
export type { GPT2Config } from './gpt2.ts'
export { Llama } from './llama.ts'
export type { LlamaConfig, RopeScaling } from './llama-config.ts'
export { generate } from './generate.ts'
export type { GenerateOptions } from './generate.ts'
export type { LanguageModel, LanguageModelForward } from './language-model.ts'
export { sample } from './sampling.ts'
export type { SamplingOptions } from './sampling.ts'
export type { Stop } from './stop.ts'
export { Tokenizer } from './tokenizers/tokenizer.ts'
export type {
  DecodeOptions,
  EncodeBatchOptions,
  EncodedBatch,
  EncodeOptions,
  TokenizerTrainOptions,
} from './tokenizers/tokenizer.ts'
export type { Encoding } from './tokenizers/encoding.ts'
export type { DecodeStream } from './tokenizers/decoders.ts'
export { T5 } from './t5.ts'
export type { T5Forward } from './t5.ts'
export type { T5Config } from './t5-config.ts'
