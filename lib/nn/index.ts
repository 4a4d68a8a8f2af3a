/** @file The names of the namespace `nn`. */
export {
  GELU,
  LogSigmoid,
  LogSoftmax,
  Mish,
  Sigmoid,
  SiLU,
  Softmax,
  Softmax2d,
  Softmin,
  Softplus,
  Softsign,
  Tanh,
  Tanhshrink,
} from './activation.ts'
export {
  CELU,
  ELU,
  GLU,
  Hardshrink,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  LeakyReLU,
  PReLU,
  ReLU,
  ReLU6,
  RReLU,
  SELU,
  Softshrink,
  Threshold,
} from './activation-piecewise.ts'
export type { PReLUOptions, RReLUOptions } from './activation-piecewise.ts'
export { BatchNorm1d, BatchNorm2d, BatchNorm3d } from './batch-norm.ts'
export type { BatchNormLayerOptions } from './batch-norm.ts'
export { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from './conv.ts'
export type {
  Conv1dLayerOptions,
  Conv2dLayerOptions,
  Conv3dLayerOptions,
  ConvLayerOptions,
  ConvTransposeLayerOptions,
  PaddingMode,
} from './conv.ts'
export { Checkpoint } from './checkpoint.ts'
export { AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout } from './dropout.ts'
export { Embedding, EmbeddingBag } from './embedding.ts'
export type { EmbeddingBagOptions, EmbeddingOptions, PretrainedOptions } from './embedding.ts'
export type { BackwardHook, ForwardHook, ForwardPreHook, HookHandle } from './hooks.ts'
export { GeGLU, SwiGLU } from './gated.ts'
export type { GatedOptions } from './gated.ts'
export { GroupNorm, LocalResponseNorm, RMSNorm } from './group-norm.ts'
export type { GroupNormLayerOptions, RMSNormLayerOptions } from './group-norm.ts'
export { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from './instance-norm.ts'
export type { InstanceNormLayerOptions } from './instance-norm.ts'
export * as init from './init.ts'
export { KeyValueCache } from './key-value-cache.ts'
export type { CacheContent, KeyValueCacheOptions } from './key-value-cache.ts'
export { LayerNorm } from './layer-norm.ts'
export type { LayerNormLayerOptions } from './layer-norm.ts'
export { Linear } from './linear.ts'
export { AdaptiveLogSoftmaxWithLoss } from './adaptive-log-softmax.ts'
export type { AdaptiveLogSoftmaxOptions } from './adaptive-log-softmax.ts'
export { Bilinear, CosineSimilarity, PairwiseDistance } from './bilinear.ts'
export { CTCLoss } from './loss.ts'
export {
  BCELoss,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  DiceLoss,
  FocalLoss,
  HingeEmbeddingLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  MSELoss,
  MultiLabelMarginLoss,
  MultiLabelSoftMarginLoss,
  MultiMarginLoss,
  NLLLoss,
  PoissonNLLLoss,
  SmoothL1Loss,
  SoftMarginLoss,
} from './loss-pairs.ts'
export {
  CosineEmbeddingLoss,
  GaussianNLLLoss,
  MarginRankingLoss,
  TripletMarginLoss,
  TripletMarginWithDistanceLoss,
} from './loss-triples.ts'
export type { LinearOptions } from './linear.ts'
export { Module } from './module.ts'
export type { Layer } from './module.ts'
export { MultiheadAttention } from './multihead-attention.ts'
export type { MultiheadAttentionForward, MultiheadAttentionOptions } from './multihead-attention.ts'
export * from './padding.ts'
export * from './pool.ts'
export * from './resize.ts'
export { GRU, LSTM, RNN } from './recurrent.ts'
export type { LSTMOptions, RNNOptions, RecurrentCall, RecurrentOptions } from './recurrent.ts'
export { GRUCell, LSTMCell, RNNCell } from './recurrent-cell.ts'
export type { CellOptions, RNNCellOptions } from './recurrent-cell.ts'
export { Flatten, Identity, Sequential, Unflatten } from './sequential.ts'
export type { LoadOptions, LoadReport, State, StateValue } from './state-dict.ts'
export { TransformerDecoderLayer, TransformerEncoderLayer } from './transformer-layer.ts'
export type { DecoderLayerForward, EncoderLayerForward, TransformerLayerOptions } from './transformer-layer.ts'
export { ALiBi, LearnedPositionalEncoding, RotaryEmbedding, SinusoidalPositionalEncoding } from './positional.ts'
export type { PositionalForward, PositionalOptions } from './positional.ts'
export { Transformer, TransformerDecoder, TransformerEncoder } from './transformer.ts'
export type { StackOptions, TransformerForward, TransformerOptions } from './transformer.ts'
