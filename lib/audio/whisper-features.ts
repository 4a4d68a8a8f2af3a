/** @file WhisperFeatures: sound to the log-mel frames that Whisper reads (Radford et al. 2022), as a model's folder describes it. */
import { isNdArray, isTypedArray } from '../data/arrays.ts'
import type { NdArray } from '../data/arrays.ts'
import type { Audio } from '../data/audio.ts'
import { isFloat } from '../dtype.ts'
import { check, checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import type { ConfigValues, ModelConfig } from '../io/model-config.ts'
import { readPreprocessor, savePreprocessor } from '../io/preprocessor-file.ts'
import { matmul } from '../ops/contraction.ts'
import { tensor } from '../ops/create.ts'
import { add, div, log10, maximum, square, sub } from '../ops/elementwise.ts'
import { narrow, pad, reshape, stack, transpose } from '../ops/layout.ts'
import { max, sum } from '../ops/reduction.ts'
import { stft } from '../ops/stft.ts'
import { cast } from '../ops/table.ts'
import { hannWindow, melFilterBank } from '../ops/windows.ts'
import { showShape } from '../shape.ts'

export interface WhisperFeaturesOptions {
  /** Bands: 80, or 128 for large-v3. Default: 80. */
  numMels?: number
  /** Samples a second. Default: 16000. */
  sampleRate?: number
  /** Every sound is cut, or filled with silence, to this. Default: 30. */
  seconds?: number
  /** Samples of a window. Default: 400. */
  nFft?: number
  /** Between windows. Default: 160. */
  hopLength?: number
}

/** One channel: what readAudio gives with `mono`, or samples [T] or [1, T] of -1 to 1 at the right rate. */
export type Sound = Audio | NdArray | Tensor | Float32Array

const LIMITS = { numMels: 512, sampleRate: 384_000, seconds: 3600, nFft: 8192, hopLength: 8192 }
/** 70 minutes at 16000 a second. */
const MAX_SAMPLES = 2 ** 26
/** What is quieter counts as this. */
const FLOOR = 1e-10
/** Ten to the power of this is the range between the loudest and the quietest. */
const RANGE = 8

/**
 * Sounds to [B, numMels, frames]: the power of windows (Hann) in bands of the mel scale ('slaney'), log10, at most 8 below the sound's maximum,
 * (x + 4) / 4. Computed in f64: spectra of single precision, as
 * in transformers, are off by 3e-5 near the quiet end of the range.
 */
export class WhisperFeatures {
  readonly options: Readonly<Required<WhisperFeaturesOptions>>
  readonly #saved: ConfigValues
  readonly #filters: Tensor
  readonly #window: Tensor

  /** `saved`: what a file said; save() keeps what this class does not know. */
  constructor(options: WhisperFeaturesOptions = {}, saved: ConfigValues = {}) {
    this.options = completed(options)
    this.#saved = saved
    const { numMels, sampleRate, nFft } = this.options
    const kind = { scale: 'slaney', norm: 'slaney', high: sampleRate / 2, dtype: 'f64' } as const
    this.#filters = transpose(melFilterBank(Math.floor(nFft / 2) + 1, numMels, sampleRate, kind), 0, 1)
    this.#window = hannWindow(nFft, { dtype: 'f64' })
  }

  /** Reads preprocessor.json or preprocessor_config.json of a folder. FORMAT for what tenon does not do. */
  static async fromPretrained(folder: string): Promise<WhisperFeatures> {
    const config = await readPreprocessor(folder, 'feature_extractor')
    return new WhisperFeatures(optionsFrom(config), config.values)
  }

  /** Writes preprocessor.json, and preprocessor_config.json for transformers, which say the same. */
  async save(folder: string): Promise<void> {
    await savePreprocessor(folder, { ...this.#saved, ...configForFile(this.options) })
  }

  /** Sounds of any length, or one -> f32 [B, numMels, seconds sampleRate / hopLength]. */
  process(sounds: Sound | readonly Sound[]): Tensor {
    const { sampleRate, seconds, nFft, hopLength } = this.options
    const length = sampleRate * seconds
    const list = Array.isArray(sounds) ? (sounds as readonly Sound[]) : [sounds as Sound]
    const signals = stack(list.map((sound) => fitted(this.#samples(sound), length)))
    const spectra = stft(signals, nFft, { hopLength, window: this.#window })
    // The last frame is centred on the end.
    const kept = narrow(spectra, 2, 0, spectra.shape[2]! - 1)
    const bands = log10(maximum(matmul(this.#filters, sum(square(kept), -1)), FLOOR))
    const low = sub(max(bands, [1, 2], { keepDims: true }), RANGE)
    return cast(div(add(maximum(bands, low), 4), 4), 'f32')
  }

  /** f64 [T]. */
  #samples(sound: Sound): Tensor {
    const op = 'WhisperFeatures.process'
    const { sampleRate } = this.options
    const isAudio = !(sound instanceof Tensor) && !isTypedArray(sound) && !isNdArray(sound)
    if (isAudio && sound.sampleRate !== sampleRate)
      fail('VALUE', op, `needs ${sampleRate} samples a second, got ${sound.sampleRate}.`)
    const x = asSignal(isAudio ? sound.samples : sound)
    if (!isFloat(x.dtype)) fail('DTYPE', op, `samples are floats of -1 to 1, got ${x.dtype}.`)
    const isOne = x.rank === 1 || (x.rank === 2 && x.shape[0] === 1)
    check(isOne && x.size > 0, 'SHAPE', op, () => `a sound is [T] or [1, T], got ${showShape(x.shape)}.`)
    return cast(reshape(x, [x.size]), 'f64')
  }
}

function asSignal(x: NdArray | Tensor | Float32Array): Tensor {
  if (x instanceof Tensor) return x
  return isTypedArray(x) ? tensor(x) : tensor(x.data, { shape: x.shape })
}

function fitted(x: Tensor, length: number): Tensor {
  const n = x.shape[0]!
  return n < length ? pad(x, [[0, length - n]]) : narrow(x, 0, 0, length)
}

function completed(options: WhisperFeaturesOptions): Required<WhisperFeaturesOptions> {
  const op = 'WhisperFeatures'
  checkOptions(op, options, Object.keys(LIMITS))
  const { numMels = 80, sampleRate = 16000, seconds = 30, nFft = 400, hopLength = 160 } = options
  const all = { numMels, sampleRate, seconds, nFft, hopLength }
  for (const [name, n] of Object.entries(all)) checkInteger(op, name, n, 1, LIMITS[name as keyof typeof LIMITS])
  checkSizes(all, (rule) => fail('VALUE', op, rule))
  return all
}

function checkSizes({ sampleRate, seconds, nFft }: typeof LIMITS, refuse: (rule: string) => never): void {
  const samples = sampleRate * seconds
  // Reflected at its ends, a sound must be longer than half a window.
  if (samples < nFft || samples > MAX_SAMPLES)
    refuse(`a sound must have ${nFft} to ${MAX_SAMPLES} samples, got ${seconds} s of ${sampleRate}.`)
}

function optionsFrom(config: ModelConfig): WhisperFeaturesOptions {
  config.only('feature_extractor_type', 'WhisperFeatureExtractor')
  config.only('padding_value', 0)
  config.only('padding_side', 'right')
  config.only('dither', 0)
  config.only('do_normalize', false)
  const options = {
    numMels: config.integer('feature_size', 80, 1, LIMITS.numMels),
    sampleRate: config.integer('sampling_rate', 16000, 1, LIMITS.sampleRate),
    seconds: config.integer('chunk_length', 30, 1, LIMITS.seconds),
    nFft: config.integer('n_fft', 400, 2, LIMITS.nFft),
    hopLength: config.integer('hop_length', 160, 1, LIMITS.hopLength),
  }
  checkSizes(options, (rule) => config.refuse(rule))
  return options
}

function configForFile(options: Required<WhisperFeaturesOptions>): ConfigValues {
  const { numMels, sampleRate, seconds, nFft, hopLength } = options
  return {
    feature_extractor_type: 'WhisperFeatureExtractor',
    feature_size: numMels,
    sampling_rate: sampleRate,
    chunk_length: seconds,
    n_fft: nFft,
    hop_length: hopLength,
    n_samples: sampleRate * seconds,
    nb_max_frames: Math.floor((sampleRate * seconds) / hopLength),
    padding_side: 'right',
    padding_value: 0,
    return_attention_mask: false,
  }
}
