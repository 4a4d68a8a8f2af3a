/** @file What the models of `fromPretrained` take and give, under the names of Hugging Face's transformers: to call them by name. */
import { Whisper } from '../audio/whisper.ts'
import type { DType } from '../dtype.ts'
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { PretrainedModel } from '../io/pretrained.ts'
import { BERTClassifier, BERTMaskedLM } from '../text/bert-heads.ts'
import { BERT } from '../text/bert.ts'
import { GPT2 } from '../text/gpt2.ts'
import { Llama } from '../text/llama.ts'
import { T5 } from '../text/t5.ts'
import { CLIP } from '../vision/clip.ts'
import { ViT, ViTClassifier } from '../vision/vit.ts'

export interface ModelInput {
  readonly name: string
  readonly dtype: DType
  /** Sizes; names for those that are free. */
  readonly shape: readonly (number | string)[]
  /** The option of `forward` that it is; '' for what has to be given, in the order of the arguments. */
  readonly option: string
}

const ids: ModelInput = { name: 'input_ids', dtype: 'i64', shape: ['batch', 'tokens'], option: '' }
const decoderIds: ModelInput = { ...ids, name: 'decoder_input_ids', shape: ['batch', 'written'] }
const mask: ModelInput = { ...ids, name: 'attention_mask', option: 'attentionMask' }
const types: ModelInput = { ...ids, name: 'token_type_ids', option: 'tokenTypeIds' }

interface Pictures {
  readonly imageSize: number
  readonly numChannels: number
  readonly dtype: DType
}
const pictures = ({ imageSize, numChannels, dtype }: Pictures): ModelInput => ({
  name: 'pixel_values',
  dtype,
  shape: ['batch', numChannels, imageSize, imageSize],
  option: '',
})

/** What a model's forward takes. */
export function modelInputs(model: PretrainedModel): readonly ModelInput[] {
  if (model instanceof GPT2 || model instanceof Llama) return [ids]
  if (model instanceof BERT || model instanceof BERTMaskedLM || model instanceof BERTClassifier) {
    const { config } = model instanceof BERT ? model : model.bert
    return [ids, mask, ...(config.numTypes > 0 ? [types] : [])]
  }
  if (model instanceof T5) return [ids, decoderIds, mask]
  if (model instanceof ViT) return [pictures(model.config)]
  if (model instanceof ViTClassifier) return [pictures(model.vit.config)]
  if (model instanceof CLIP) return [pictures(model.config.vision), { ...ids, shape: ['texts', 'tokens'] }]
  if (model instanceof Whisper) {
    const { numMels, numAudioPositions, dtype } = model.config
    const features = { name: 'input_features', dtype, shape: ['batch', numMels, 2 * numAudioPositions], option: '' }
    return [features, decoderIds]
  }
  return fail('VALUE', 'modelInputs', `internal: no inputs are known of ${model.constructor.name}.`)
}

/** The arguments of a model's forward; those that have to be there are. */
export function modelArguments(model: PretrainedModel, given: ReadonlyMap<string, Tensor>): unknown[] {
  const inputs = modelInputs(model)
  const options = inputs.filter(({ name, option }) => option !== '' && given.has(name))
  const positional = inputs.filter(({ option }) => option === '').map(({ name }) => given.get(name))
  if (options.length === 0) return positional
  return [...positional, Object.fromEntries(options.map(({ name, option }) => [option, given.get(name)]))]
}
