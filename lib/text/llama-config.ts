/** @file The configuration of Llama, Mistral and Qwen2: tenon's, and config.json's. */
import type { DType } from '../dtype.ts'
import { fail } from '../errors.ts'
import { ModelConfig } from '../io/model-config.ts'
import type { ConfigValues } from '../io/model-config.ts'
import { dtypeForFile } from '../io/pretrained.ts'

/** How rotary angles are stretched for texts longer than those of the first training. */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3'
      readonly factor: number
      readonly lowFrequencyFactor: number
      readonly highFrequencyFactor: number
      readonly originalPositions: number
    }
  /** Each frequency is divided by its own factor, headDim / 2 of them. */
  | { readonly kind: 'factors'; readonly factors: readonly number[] }

export interface LlamaConfig {
  /** Whose configuration save() writes. Default: 'llama'. */
  kind?: 'llama' | 'mistral' | 'qwen2'
  vocabSize: number
  /** The longest sequence. Default: 2048. */
  numPositions?: number
  width: number
  /** Inside the feed-forward part. */
  hiddenWidth: number
  numLayers: number
  numHeads: number
  /** Heads of keys and values, each shared by numHeads / numKeyHeads heads. Default: numHeads. */
  numKeyHeads?: number
  /** Default: width / numHeads. */
  headDim?: number
  /** Default: 1e-6. */
  normEps?: number
  /** Default: 10000. */
  ropeBase?: number
  /** Default: null. */
  ropeScaling?: RopeScaling | null
  /** Whether queries, keys and values have a bias. Default: false; true for 'qwen2'. */
  qkvBias?: boolean
  /** Whether the end of attention has one. Default: false. */
  outBias?: boolean
  /** Default: false. */
  feedForwardBias?: boolean
  /** Keys that a query sees, itself with them. Default: null, all before it. */
  slidingWindow?: number | null
  /** The first layer that has the window. Default: 0. */
  firstWindowed?: number
  /** Whether the table of embeddings is the head, too. Default: false. */
  isTied?: boolean
  /** Default: 'f32'. */
  dtype?: DType
}

export type LlamaSizes = Required<LlamaConfig>

/** base^(-2 i / headDim), scaled. 'llama3' is Llama 3.1's: low frequencies are divided by the factor, high ones kept, those between mixed. */
export function rotaryFrequencies({ headDim, ropeBase, ropeScaling }: LlamaSizes): number[] {
  const plain = Array.from({ length: headDim / 2 }, (_, i) => ropeBase ** ((-2 * i) / headDim))
  if (!ropeScaling) return plain
  if (ropeScaling.kind === 'factors') return plain.map((frequency, i) => frequency / ropeScaling.factors[i]!)
  const { factor } = ropeScaling
  if (ropeScaling.kind === 'linear') return plain.map((frequency) => frequency / factor)
  const { lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = ropeScaling
  return plain.map((frequency) => {
    const turns = (originalPositions * frequency) / (2 * Math.PI)
    const kept = Math.min(Math.max((turns - low) / (high - low), 0), 1)
    return (1 - kept) * (frequency / factor) + kept * frequency
  })
}

/** The frequencies of a head are a list, made before the weights are looked at. */
const MAX_HEAD_DIM = 2 ** 16

/** From config.json. FORMAT for what tenon does not compute. */
export function llamaConfigFrom(config: ModelConfig, dtype: DType): LlamaConfig {
  const kind = config.text('model_type') as 'llama' | 'mistral' | 'qwen2'
  config.only('hidden_act', 'silu')
  const isQwen = kind === 'qwen2'
  const numHeads = config.integer('num_attention_heads', 32)
  const width = config.integer('hidden_size', 4096)
  const hasBias = config.flag('attention_bias', isQwen)
  const windows = isQwen ? config.flag('use_sliding_window', false) : kind === 'mistral'
  const numLayers = config.layers('num_hidden_layers', 32)
  const headDim = config.integer('head_dim', width / numHeads)
  if (headDim > MAX_HEAD_DIM) config.refuse(`a head has ${headDim} numbers, at most ${MAX_HEAD_DIM} are possible.`)
  return {
    kind,
    vocabSize: config.integer('vocab_size'),
    numPositions: config.integer('max_position_embeddings', 2048),
    width,
    hiddenWidth: config.integer('intermediate_size', 11008),
    numLayers,
    numHeads,
    numKeyHeads: config.integer('num_key_value_heads', numHeads),
    headDim,
    normEps: config.number('rms_norm_eps', 1e-6),
    ...rotaryFrom(config),
    qkvBias: hasBias,
    outBias: hasBias && !isQwen,
    feedForwardBias: config.flag('mlp_bias', false),
    slidingWindow: windows && (config.values.sliding_window ?? null) !== null ? config.integer('sliding_window') : null,
    firstWindowed: isQwen ? config.integer('max_window_layers', numLayers, 0) : 0,
    isTied: config.flag('tie_word_embeddings', false),
    dtype,
  }
}

/** Newer files have all of it in rope_parameters. */
function rotaryFrom(config: ModelConfig): { ropeBase: number; ropeScaling: RopeScaling | null } {
  const newer = config.part('rope_parameters')
  const ropeBase = newer.number('rope_theta', config.number('rope_theta', 10000))
  if (!(ropeBase > 0)) config.refuse(`rope_theta must be positive, got ${ropeBase}.`)
  const older = config.part('rope_scaling')
  const scaling = Object.keys(newer.values).length > 0 ? newer : older
  const type = scaling.text('rope_type', scaling.text('type', 'default'))
  if (type === 'default') return { ropeBase, ropeScaling: null }
  const factor = scaling.number('factor')
  if (!(factor > 0)) scaling.refuse(`factor must be positive, got ${factor}.`)
  if (type === 'linear') return { ropeBase, ropeScaling: { kind: 'linear', factor } }
  if (type !== 'llama3') scaling.refuse(`rope_type '${type}' is not one that tenon computes: default, linear, llama3.`)
  const lowFrequencyFactor = scaling.number('low_freq_factor')
  const highFrequencyFactor = scaling.number('high_freq_factor')
  if (!(highFrequencyFactor > lowFrequencyFactor))
    scaling.refuse(`high_freq_factor must be above low_freq_factor, got ${highFrequencyFactor}.`)
  const originalPositions = scaling.integer('original_max_position_embeddings')
  const ropeScaling = { kind: 'llama3', factor, lowFrequencyFactor, highFrequencyFactor, originalPositions } as const
  return { ropeBase, ropeScaling }
}

const architectures = { llama: 'LlamaForCausalLM', mistral: 'MistralForCausalLM', qwen2: 'Qwen2ForCausalLM' } as const

export function llamaConfigForFile(all: LlamaSizes): ConfigValues {
  const own: ConfigValues =
    all.kind === 'llama'
      ? { attention_bias: all.outBias, mlp_bias: all.feedForwardBias }
      : all.kind === 'mistral'
        ? { sliding_window: all.slidingWindow }
        : {
            sliding_window: all.slidingWindow,
            use_sliding_window: all.slidingWindow !== null,
            max_window_layers: all.firstWindowed,
          }
  return {
    architectures: [architectures[all.kind]],
    model_type: all.kind,
    vocab_size: all.vocabSize,
    max_position_embeddings: all.numPositions,
    hidden_size: all.width,
    intermediate_size: all.hiddenWidth,
    num_hidden_layers: all.numLayers,
    num_attention_heads: all.numHeads,
    num_key_value_heads: all.numKeyHeads,
    head_dim: all.headDim,
    hidden_act: 'silu',
    rms_norm_eps: all.normEps,
    rope_theta: all.ropeBase,
    rope_scaling: scalingForFile(all.ropeScaling),
    tie_word_embeddings: all.isTied,
    ...own,
    ...dtypeForFile(all.dtype),
  }
}

function scalingForFile(scaling: RopeScaling | null): ConfigValues | null {
  if (!scaling) return null
  if (scaling.kind === 'factors')
    return fail('VALUE', 'save', 'config.json has no form for rotary factors of each frequency. Save as .gguf.')
  const { factor } = scaling
  if (scaling.kind === 'linear') return { rope_type: 'linear', factor }
  return {
    rope_type: 'llama3',
    factor,
    low_freq_factor: scaling.lowFrequencyFactor,
    high_freq_factor: scaling.highFrequencyFactor,
    original_max_position_embeddings: scaling.originalPositions,
  }
}
