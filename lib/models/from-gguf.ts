/** @file A model from a GGUF file, by its metadata: Llama, Mistral, Qwen2 and GPT-2, whose weights stay the file's blocks. */
import { TenonError } from '../errors.ts'
import type { DType } from '../dtype.ts'
import { openGguf } from '../io/gguf.ts'
import { loadGgufWeights } from '../io/gguf-model.ts'
import { ModelConfig } from '../io/model-config.ts'
import type { PretrainedModel } from '../io/pretrained.ts'
import type { OpenOptions } from '../io/source.ts'
import type { TensorFile } from '../io/tensor-file.ts'
import { GPT2 } from '../text/gpt2.ts'
import { gpt2ConfigFromGguf } from '../text/gpt2-gguf.ts'
import { llamaConfigFromGguf } from '../text/llama-gguf.ts'
import { Llama } from '../text/llama.ts'

/** By general.architecture. */
const architectures: Readonly<
  Record<string, (config: ModelConfig, file: TensorFile, dtype: DType) => Promise<PretrainedModel>>
> = {
  gpt2: (config, file, dtype) => Promise.resolve(new GPT2(gpt2ConfigFromGguf(config, rowsOf(config, file), dtype))),
  llama: llamaOf,
  mistral: llamaOf,
  qwen2: llamaOf,
}

export interface FromGgufOptions extends OpenOptions {
  /** Missing: 'f32', and blocks stay blocks. */
  dtype?: DType
}

/** In eval() mode. `dtype`: everything as numbers of it, blocks too, so that they can be trained. */
export async function fromGguf(path: string, { dtype, ...opening }: FromGgufOptions): Promise<PretrainedModel> {
  const file = await openGguf(path, opening)
  try {
    const config = new ModelConfig(path, file.metadata)
    const name = config.text('general.architecture')
    if (!Object.hasOwn(architectures, name))
      config.refuse(`general.architecture '${name}' is none of ${Object.keys(architectures).join(', ')}.`)
    const model = await made(config, () => architectures[name]!(config, file, dtype ?? 'f32'))
    await loadGgufWeights(model, model.ggufForm!, file, { keepsBlocks: dtype === undefined })
    return model.eval()
  } finally {
    await file.close()
  }
}

/** What a model refuses of its configuration is the file's fault. */
async function made(config: ModelConfig, make: () => Promise<PretrainedModel>): Promise<PretrainedModel> {
  try {
    return await make()
  } catch (error) {
    if (!(error instanceof TenonError) || error.code === 'FORMAT') throw error
    return config.refuse(error.message)
  }
}

async function llamaOf(config: ModelConfig, file: TensorFile, dtype: DType): Promise<PretrainedModel> {
  const has = (name: string) => file.tensors.has(name)
  const contents = {
    vocabSize: rowsOf(config, file),
    isTied: !has('output.weight'),
    qkvBias: has('blk.0.attn_q.bias'),
    outBias: has('blk.0.attn_output.bias'),
    feedForwardBias: has('blk.0.ffn_up.bias'),
    frequencyFactors: has('rope_freqs.weight')
      ? Array.from((await (await file.read('rope_freqs.weight')).cast('f64').data()) as Float64Array)
      : null,
  }
  return new Llama(llamaConfigFromGguf(config, contents, dtype))
}

/** Of the table of embeddings: the vocabulary. */
function rowsOf(config: ModelConfig, file: TensorFile): number {
  const shape = file.tensors.get('token_embd.weight')?.shape
  return shape?.length === 2 ? shape[0]! : config.refuse('has no matrix token_embd.weight.')
}
