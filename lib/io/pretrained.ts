/** @file PretrainedModel: a model that is kept in a folder as Hugging Face's transformers keeps it, config.json beside model.safetensors. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DType } from '../dtype.ts'
import { checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Variable } from '../graph/variable.ts'
import { Module } from '../nn/module.ts'
import { loadState } from '../nn/state-dict.ts'
import { saveModelGguf } from './gguf-model.ts'
import type { GgufForm, SaveModelGgufOptions } from './gguf-model.ts'
import type { GgufValue } from './gguf-write.ts'
import { configText, isObject } from './model-config.ts'
import type { ConfigValues } from './model-config.ts'
import { openFolder } from './open-tensors.ts'
import { saveWeights } from './sharded.ts'
import type { SaveWeightsOptions } from './sharded.ts'
import type { OpenOptions } from './source.ts'
import { sameShape } from '../shape.ts'
import { writeAside } from './write-aside.ts'

/** How a model's tensors are called in files. */
export interface WeightNames {
  /** What stands before the names of the base model in files of a model with a head: 'bert.', say. */
  readonly prefix: string
  /** Tensors of published files that this model has no use for: buffers, copies of tied weights, heads of other tasks. */
  readonly unread: RegExp | null
  /** Parameters that may be new: those of a head. */
  readonly head: RegExp | null
}

/** What writes its own files into a model's folder, and, where it can be in a GGUF file, the metadata there. */
export interface SavedBeside {
  save(folder: string): Promise<void>
  toGguf?(): Readonly<Record<string, GgufValue>>
}

/** Of a folder: all but `quantize`; of a GGUF file: quantize, tokenizer, stream. */
export interface SaveModelOptions extends SaveWeightsOptions, Pick<SaveModelGgufOptions, 'quantize'> {
  /** Written beside the model: tokenizer.json, tokenizer_config.json; into a GGUF file, which other programs cannot use without. */
  tokenizer?: SavedBeside
  /** Written beside the model: preprocessor.json, preprocessor_config.json. */
  preprocessor?: SavedBeside
}

export abstract class PretrainedModel extends Module {
  /** What config.json said, where the model was read from a folder; save() keeps what it does not know. */
  savedConfig: ConfigValues = {}

  /** config.json of this model. */
  abstract configForFile(): ConfigValues

  abstract readonly weightNames: WeightNames

  /** How it is written in a GGUF file; null: not at all. */
  get ggufForm(): GgufForm | null {
    return null
  }

  /** What files call a parameter. */
  nameInFile(name: string): string {
    return name
  }

  /**
   * Writes config.json and model.safetensors (several files and an index, where it is large) into a folder, which is made if need be.
   * transformers reads it with `from_pretrained`, tenon with `models.fromPretrained`.
   *
   * A path that ends in .gguf becomes such a file instead (Llama, Mistral, Qwen2, GPT-2): `model.save('x.gguf', { quantize: 'q8_0', tokenizer })`.
   */
  async save(folder: string, options: SaveModelOptions = {}): Promise<void> {
    if (folder.endsWith('.gguf')) return this.#saveGguf(folder, options)
    checkOptions('save', options, ['maxShardBytes', 'metadata', 'stream', 'tokenizer', 'preprocessor'])
    const { tokenizer, preprocessor, ...weights } = options
    await mkdir(folder, { recursive: true })
    const once = new Map<Variable, string>()
    for (const [name, variable] of this.stateDict()) if (!once.has(variable)) once.set(variable, this.nameInFile(name))
    await saveWeights(folder, new Map([...once].map(([variable, name]) => [name, variable])), weights)
    const config = { ...this.savedConfig, ...this.configForFile() }
    await writeAside(join(folder, 'config.json'), [configText(config)])
    await tokenizer?.save(folder)
    await preprocessor?.save(folder)
  }

  #saveGguf(path: string, { tokenizer, ...options }: SaveModelOptions): Promise<void> {
    checkOptions('save', options, ['quantize', 'stream'])
    const form = this.ggufForm
    if (!form) return fail('VALUE', 'save', `a ${this.constructor.name} has no form as a GGUF file.`)
    if (tokenizer && !tokenizer.toGguf) return fail('VALUE', 'save', 'this tokenizer has no form in a GGUF file.')
    return saveModelGguf(this, form, path, { ...options, metadata: tokenizer?.toGguf?.() ?? {} })
  }
}

/** What dtypes are called in config.json. */
const dtypeNames: Partial<Record<DType, string>> = { f64: 'float64', f32: 'float32', f16: 'float16', bf16: 'bfloat16' }

/** Newer files say `dtype`; every version reads the older name. */
export const dtypeForFile = (dtype: DType): ConfigValues => ({ torch_dtype: dtypeNames[dtype], dtype: undefined })

/** Class names by number, as config.json tells how many there are; those of `saved` where they are as many. */
export function labelsForFile(numLabels: number, saved: ConfigValues): ConfigValues {
  const { id2label, label2id } = saved
  if (isObject(id2label) && isObject(label2id) && Object.keys(id2label).length === numLabels) return {}
  const names = Array.from({ length: numLabels }, (_, i) => `LABEL_${i}`)
  return {
    id2label: Object.fromEntries(names.map((name, i) => [i, name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  }
}

export interface LoadWeightsOptions extends OpenOptions {
  /** Leave the tensors of the head as they start where the folder has none that fit. Default: false. */
  newHead?: boolean
}

/**
 * Fills a model from the safetensors of a folder, cast to the model's dtype. STATE, with every name and shape, for tensors that are
 * missing, not known or of another shape; nothing has changed then.
 */
export async function loadWeights(
  model: PretrainedModel,
  folder: string,
  { newHead = false, ...options }: LoadWeightsOptions = {},
): Promise<void> {
  const { prefix, unread, head } = model.weightNames
  const variables = new Map([...model.stateDict()].map(([name, variable]) => [model.nameInFile(name), variable]))
  const file = await openFolder(folder, options)
  const contents = new Map<string, Tensor>()
  try {
    for (const given of file.tensors.keys()) {
      const name = given.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias')
      const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name
      const own = [name, `${prefix}${name}`, bare].find((candidate) => variables.has(candidate))
      if (own === undefined && unread?.test(name)) continue
      const variable = own === undefined ? undefined : variables.get(own)
      const isOther = !variable || !sameShape(variable.shape, file.tensors.get(given)!.shape)
      if (newHead && isOther && head?.test(own ?? name)) continue
      contents.set(own ?? given, await file.read(given))
    }
  } finally {
    await file.close()
  }
  const isNew = (name: string) => newHead && head?.test(name) && !contents.has(name)
  for (const name of [...variables.keys()]) if (isNew(name)) variables.delete(name)
  await loadState(variables, contents, {})
}

/** A name whose parts, between dots, are called otherwise in a file. */
export const renamedParts = (name: string, parts: ReadonlyMap<string, string>): string =>
  name
    .split('.')
    .map((part) => parts.get(part) ?? part)
    .join('.')
