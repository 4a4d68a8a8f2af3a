/** @file models.fromPretrained: a model from a folder in Hugging Face's form, whichever architecture its config.json names. */
import { whisperConfigFrom } from '../audio/whisper-config.ts'
import { Whisper } from '../audio/whisper.ts'
import { isFloat } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail, TenonError } from '../errors.ts'
import { readModelConfig } from '../io/model-config.ts'
import type { ModelConfig } from '../io/model-config.ts'
import { openFolder } from '../io/open-tensors.ts'
import { loadWeights } from '../io/pretrained.ts'
import type { PretrainedModel } from '../io/pretrained.ts'
import type { OpenOptions } from '../io/source.ts'
import { fromGguf } from './from-gguf.ts'
import { bertConfigFrom, bertHeadOf } from '../text/bert-config.ts'
import type { BERTKind } from '../text/bert-config.ts'
import { BERTClassifier, BERTMaskedLM } from '../text/bert-heads.ts'
import { BERT } from '../text/bert.ts'
import { GPT2, gpt2ConfigFrom } from '../text/gpt2.ts'
import { llamaConfigFrom } from '../text/llama-config.ts'
import { Llama } from '../text/llama.ts'
import { t5ConfigFrom } from '../text/t5-config.ts'
import { T5 } from '../text/t5.ts'
import { clipConfigFrom } from '../vision/clip-config.ts'
import { CLIP } from '../vision/clip.ts'
import { ViT, ViTClassifier, vitConfigFrom } from '../vision/vit.ts'

export interface FromPretrainedOptions extends OpenOptions {
  /** What parameters become, whatever the files have. Default: 'f32'. */
  dtype?: DType
  /** A head that tells so many classes, new where the folder has none that fits. Default: null, the model that the folder names. */
  numLabels?: number | null
}

interface Wanted {
  readonly config: ModelConfig
  /** Whether a head for classes is asked for, whatever config.json's `architectures` says. */
  readonly isClassifier: boolean
  readonly dtype: DType
  /** Whether the folder's files have a tensor. */
  readonly has: (name: string) => boolean
}

const llama = ({ config, dtype }: Wanted) => new Llama(llamaConfigFrom(config, dtype))

const bertOf =
  (kind: BERTKind) =>
  ({ config, isClassifier, dtype }: Wanted): PretrainedModel => {
    const head = isClassifier ? 'classifier' : bertHeadOf(config, kind)
    const model = new BERT(bertConfigFrom(config, kind, head, dtype))
    if (head === 'base') return model
    return head === 'maskedLM' ? new BERTMaskedLM(model) : new BERTClassifier(model, config.labels())
  }

function vitOf({ config, isClassifier, dtype }: Wanted): PretrainedModel {
  const name = isClassifier ? 'ViTForImageClassification' : config.architecture()
  const model = new ViT(vitConfigFrom(config, dtype))
  if (name === 'ViTForImageClassification') return new ViTClassifier(model, config.labels())
  if (name === 'ViTModel' || name === '') return model
  return config.refuse(`architectures names ${name}; tenon has ViTModel, ViTForImageClassification.`)
}

/** By config.json's model_type. */
const architectures: Readonly<Record<string, (wanted: Wanted) => PretrainedModel>> = {
  bert: bertOf('bert'),
  clip: ({ config, dtype }) => new CLIP(clipConfigFrom(config, dtype)),
  distilbert: bertOf('distilbert'),
  gpt2: ({ config, dtype }) => new GPT2(gpt2ConfigFrom(config, dtype)),
  llama,
  mistral: llama,
  qwen2: llama,
  roberta: bertOf('roberta'),
  t5: ({ config, dtype, has }) => new T5(t5ConfigFrom(config, dtype, has('lm_head.weight'))),
  vit: vitOf,
  whisper: ({ config, dtype }) => new Whisper(whisperConfigFrom(config, dtype)),
}

/** Those that can have a head for classes. */
const classifiers: readonly string[] = ['bert', 'distilbert', 'roberta', 'vit']

/**
 * Reads config.json and the safetensors of a folder into a model, in eval() mode: `fromPretrained<text.Llama>('./llama')`. FORMAT for a
 * configuration that tenon does not compute, STATE with names and shapes for tensors that do not fit. Nothing in the folder is executed.
 *
 * A GGUF file takes the place of a folder (Llama, Mistral, Qwen2, GPT-2): matrices that it has as blocks stay blocks, in the file as long as it
 * can be mapped, and products use them as they are; with a `dtype` they become numbers. Its tokenizer: `text.Tokenizer.fromFile(path)`.
 */
export async function fromPretrained<Model extends PretrainedModel = PretrainedModel>(
  folder: string,
  options: FromPretrainedOptions = {},
): Promise<Model> {
  checkOptions('fromPretrained', options, ['dtype', 'numLabels', 'mmap'])
  const { dtype = 'f32', numLabels = null, ...opening } = options
  if (folder.endsWith('.gguf')) {
    checkFloat(dtype)
    if (numLabels !== null) fail('VALUE', 'fromPretrained', 'a model of a GGUF file has no head for classes.')
    const kept = options.dtype === undefined ? opening : { ...opening, dtype }
    return (await fromGguf(folder, kept)) as Model
  }
  const model = await untrained(folder, { dtype, numLabels }, () => tensorNames(folder, opening))
  await loadWeights(model, folder, { ...opening, newHead: numLabels !== null })
  return model.eval() as Model
}

/** @internal The model that config.json describes, before its weights are read; `tensors` gives their names where they are there. */
export async function untrained(
  folder: string,
  { dtype = 'f32', numLabels = null }: FromPretrainedOptions = {},
  tensors: () => Promise<ReadonlySet<string>> = () => Promise.resolve(new Set()),
): Promise<PretrainedModel> {
  checkFloat(dtype)
  const given = await readModelConfig(folder)
  const type = given.text('model_type')
  if (!Object.hasOwn(architectures, type))
    given.refuse(`model_type '${type}' is none of ${Object.keys(architectures).join(', ')}.`)
  if (numLabels !== null) {
    checkInteger('fromPretrained', 'numLabels', numLabels, 1)
    if (!classifiers.includes(type))
      fail('VALUE', 'fromPretrained', `a ${type} has no head for classes. There are: ${classifiers.join(', ')}.`)
  }
  const config = numLabels === null ? given : given.with({ num_labels: numLabels, id2label: null, label2id: null })
  const names = await tensors()
  const has = (name: string) => names.has(name)
  const model = made(config, () => architectures[type]!({ config, isClassifier: numLabels !== null, dtype, has }))
  model.savedConfig = config.values
  return model
}

function checkFloat(dtype: DType): void {
  if (!isFloat(dtype)) fail('DTYPE', 'fromPretrained', `parameters are floats, got ${dtype}.`)
}

/** What a model refuses of its configuration is the file's fault here. */
function made(config: ModelConfig, make: () => PretrainedModel): PretrainedModel {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof TenonError) || error.code === 'FORMAT') throw error
    return config.refuse(error.message)
  }
}

async function tensorNames(folder: string, options: OpenOptions): Promise<ReadonlySet<string>> {
  const file = await openFolder(folder, options)
  await file.close()
  return new Set(file.tensors.keys())
}
