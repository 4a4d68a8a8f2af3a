/** @file `tenon convert`: the tensors of one file in another format, and whole models to GGUF files and from them. */
import { mkdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fail } from '../errors.ts'
import { ggufMetadata } from '../io/gguf.ts'
import { saveGguf } from '../io/gguf-write.ts'
import type { SaveGgufOptions } from '../io/gguf-write.ts'
import { load as loadOnnx } from '../io/onnx/index.ts'
import { openTensors, saveTensors } from '../io/open-tensors.ts'
import { saveWeights } from '../io/sharded.ts'
import { openTorch } from '../io/torch.ts'
import { fromPretrained } from '../models/from-pretrained.ts'
import type { TensorLike } from '../ops/table.ts'
import { convertToOnnx } from './convert-onnx.ts'
import { describesTokenizer } from '../text/tokenizers/files.ts'
import { Tokenizer } from '../text/tokenizers/tokenizer.ts'

export interface ConvertOptions {
  /** The part of a PyTorch checkpoint to take. */
  readonly key?: string
  /** What matrices become in a GGUF file. */
  readonly quantize?: NonNullable<SaveGgufOptions['quantize']>
}

/**
 * Reads `from`, whatever it is, and writes `to` in the format of its ending; a path without one becomes a folder of safetensors. A model's
 * folder to a GGUF file, and back, is a model with its names, configuration and tokenizer; to an ONNX file, what it computes.
 */
export async function convert(from: string, to: string, { key, quantize }: ConvertOptions): Promise<void> {
  if (quantize !== undefined && !to.endsWith('.gguf'))
    fail('VALUE', 'convert', `only .gguf files are quantised, got '${to}'.`)
  if (to.endsWith('.onnx')) return convertToOnnx(from, to)
  if (await isModel(from, to)) return convertModel(from, to, quantize)
  if (from.endsWith('.onnx')) return write(from, 'onnx', to, (await loadOnnx(from)).stateDict(), quantize)
  const file = await (key === undefined ? openTensors(from) : openTorch(from, { key }))
  try {
    await write(from, file.format, to, await file.readAll(), quantize)
  } finally {
    await file.close()
  }
}

/** Whether a model, not only its tensors, goes to a GGUF file, or comes from one. */
async function isModel(from: string, to: string): Promise<boolean> {
  if (!from.endsWith('.gguf'))
    return to.endsWith('.gguf') && stat(join(from, 'config.json')).then(...[() => true, () => false])
  if (extname(to) !== '' && !to.endsWith('.gguf')) return false
  return 'general.architecture' in (await ggufMetadata(from))
}

async function convertModel(from: string, to: string, quantize: ConvertOptions['quantize']): Promise<void> {
  const model = await fromPretrained(from)
  const tokenizer = (await describesTokenizer(from)) ? await Tokenizer.fromFile(from) : null
  const options = to.endsWith('.gguf') ? { quantize: quantize ?? null } : {}
  await model.save(to, { ...options, stream: true, ...(tokenizer && { tokenizer }) })
  console.log(`${to}: ${model.constructor.name} of ${from}, ${tokenizer ? 'with' : 'without'} a tokenizer`)
}

async function write(
  from: string,
  format: string,
  to: string,
  tensors: ReadonlyMap<string, TensorLike>,
  quantize: ConvertOptions['quantize'],
): Promise<void> {
  if (extname(to) === '') {
    await mkdir(to, { recursive: true })
    await saveWeights(to, tensors, { stream: true })
  } else if (quantize !== undefined) await saveGguf(to, tensors, { stream: true, quantize })
  else await saveTensors(to, tensors, { stream: true })
  console.log(`${to}: ${tensors.size} tensor${tensors.size === 1 ? '' : 's'} of ${from} (${format})`)
}
