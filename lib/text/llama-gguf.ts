/** @file Llama, Mistral and Qwen2 as GGUF files have them: the metadata's keys, names, and the order of rotary halves. */
import type { DType } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { GgufForm } from '../io/gguf-model.ts'
import type { GgufValue } from '../io/gguf-write.ts'
import type { ModelConfig } from '../io/model-config.ts'
import { tensor } from '../ops/create.ts'
import { rotaryFrequencies } from './llama-config.ts'
import type { LlamaConfig, LlamaSizes, RopeScaling } from './llama-config.ts'

const PARTS = new Map([
  ['model', ''],
  ['layers', 'blk'],
  ['embed_tokens', 'token_embd'],
  ['norm', 'output_norm'],
  ['lm_head', 'output'],
  ['self_attn', ''],
  ['mlp', ''],
  ['input_layernorm', 'attn_norm'],
  ['post_attention_layernorm', 'ffn_norm'],
  ['q_proj', 'attn_q'],
  ['k_proj', 'attn_k'],
  ['v_proj', 'attn_v'],
  ['o_proj', 'attn_output'],
  ['gate_proj', 'ffn_gate'],
  ['up_proj', 'ffn_up'],
  ['down_proj', 'ffn_down'],
])

/** `unread` names the head of a tied model, which some files have all the same. */
export function llamaGgufForm(config: LlamaSizes): GgufForm {
  const { kind, numHeads, numKeyHeads, isTied, ropeScaling } = config
  const factors = ropeScaling === null || ropeScaling.kind === 'linear' ? null : frequencyFactors(config)
  return {
    metadata: metadataOf(config),
    more: factors === null ? {} : { 'rope_freqs.weight': tensor(Float32Array.from(factors)) },
    neverQuantized: null,
    nameInGguf: (name) => renamed(name, PARTS),
    pairedHeads: (name) => {
      if (kind === 'qwen2') return null
      return /\.attn_q\./.test(name) ? numHeads : /\.attn_k\./.test(name) ? numKeyHeads : null
    },
    unread: isTied ? /^rope_freqs\.weight$|^output\.weight$/ : /^rope_freqs\.weight$/,
  }
}

/** What the plain frequencies are divided by. */
function frequencyFactors(config: LlamaSizes): number[] {
  const plain = rotaryFrequencies({ ...config, ropeScaling: null })
  return rotaryFrequencies(config).map((frequency, i) => plain[i]! / frequency)
}

/** llama.cpp knows no Mistral of its own: it is a Llama, whose window it does not look at. */
function metadataOf(config: LlamaSizes): Record<string, GgufValue> {
  const { kind, headDim, ropeScaling, slidingWindow } = config
  if (slidingWindow !== null && config.firstWindowed > 0)
    fail('VALUE', 'save', 'a GGUF file has no form for a window that only some layers have.')
  const architecture = kind === 'qwen2' ? 'qwen2' : 'llama'
  const own: Record<string, GgufValue> = {
    vocab_size: config.vocabSize,
    context_length: config.numPositions,
    embedding_length: config.width,
    block_count: config.numLayers,
    feed_forward_length: config.hiddenWidth,
    'attention.head_count': config.numHeads,
    'attention.head_count_kv': config.numKeyHeads,
    'attention.key_length': headDim,
    'attention.value_length': headDim,
    'attention.layer_norm_rms_epsilon': { f32: config.normEps },
    'rope.dimension_count': headDim,
    'rope.freq_base': { f32: config.ropeBase },
    ...(ropeScaling?.kind === 'linear' && {
      'rope.scaling.type': 'linear',
      'rope.scaling.factor': { f32: ropeScaling.factor },
    }),
    ...(slidingWindow !== null && { 'attention.sliding_window': slidingWindow }),
  }
  const keyed = Object.entries(own).map(([key, value]) => [`${architecture}.${key}`, value] as const)
  return { 'general.architecture': architecture, ...Object.fromEntries(keyed) }
}

/** @internal The parts of a name by a table; those without a name there are left out. */
export const renamed = (name: string, parts: ReadonlyMap<string, string>): string =>
  name
    .split('.')
    .map((part) => parts.get(part) ?? part)
    .filter((part) => part !== '')
    .join('.')

/** What the names of a file's tensors tell besides its metadata. */
export interface GgufContents {
  readonly vocabSize: number
  readonly isTied: boolean
  readonly qkvBias: boolean
  readonly outBias: boolean
  readonly feedForwardBias: boolean
  /** rope_freqs.weight. */
  readonly frequencyFactors: readonly number[] | null
}

/** From a file's metadata, as a configuration. FORMAT for what tenon does not compute. */
export function llamaConfigFromGguf(config: ModelConfig, contents: GgufContents, dtype: DType): LlamaConfig {
  const architecture = config.text('general.architecture')
  const key = (name: string) => `${architecture}.${name}`
  const numHeads = config.integer(key('attention.head_count'))
  const width = config.integer(key('embedding_length'))
  const headDim = config.integer(key('attention.key_length'), width / numHeads)
  config.only(key('attention.value_length'), headDim)
  config.only(key('rope.dimension_count'), headDim)
  config.only(key('expert_count'), 0)
  const { frequencyFactors, ...rest } = contents
  const window = config.integer(key('attention.sliding_window'), 0, 0)
  return {
    kind: architecture === 'qwen2' ? 'qwen2' : window > 0 ? 'mistral' : 'llama',
    numPositions: config.integer(key('context_length')),
    width,
    hiddenWidth: config.integer(key('feed_forward_length')),
    numLayers: config.layers(key('block_count')),
    numHeads,
    numKeyHeads: config.integer(key('attention.head_count_kv'), numHeads),
    headDim,
    normEps: config.number(key('attention.layer_norm_rms_epsilon'), 1e-5),
    ropeBase: positive(config, key('rope.freq_base'), 10000),
    ropeScaling: scalingFrom(config, key, frequencyFactors, headDim),
    slidingWindow: window > 0 ? window : null,
    ...rest,
    dtype,
  }
}

/** No inverse power of it is infinite. */
function positive(config: ModelConfig, name: string, fallback: number): number {
  const value = config.number(name, fallback)
  return value >= 1e-6 ? value : config.refuse(`${name} must be positive, got ${value}.`)
}

function scalingFrom(
  config: ModelConfig,
  key: (name: string) => string,
  factors: readonly number[] | null,
  headDim: number,
): RopeScaling | null {
  const type = config.text(key('rope.scaling.type'), 'linear')
  const factor = positive(config, key('rope.scaling.factor'), positive(config, key('rope.scale_linear'), 1))
  if (type !== 'linear' && type !== 'none')
    config.refuse(`${key('rope.scaling.type')} '${type}' is not one that tenon computes: none, linear.`)
  if (factors === null) return type === 'none' || factor === 1 ? null : { kind: 'linear', factor }
  if (factors.length !== headDim / 2 || !factors.every((f) => f >= 1e-6 && f < Infinity))
    config.refuse(`rope_freqs.weight must be ${headDim / 2} positive factors.`)
  return factors.every((f) => f === 1) ? null : { kind: 'factors', factors }
}
