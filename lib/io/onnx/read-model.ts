/** @file From a file, or its bytes, to a model. */
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { checkOptions, fail, TenonError } from '../../errors.ts'
import { cutAt } from './cut.ts'
import { OnnxModel } from './model.ts'
import type { LoadOptions } from './model.ts'
import { tensorsOf } from './program.ts'
import { decodeMessage } from './schema.ts'
import type { ModelMessage } from './schema.ts'
import { readExternal } from './tensor-data.ts'

/** Protobuf's own limit. */
const MOST_BYTES = 2 ** 31 - 1

export async function readModel(source: string | Uint8Array, options: LoadOptions): Promise<OnnxModel> {
  checkOptions('onnx.load', options, ['outputs', 'inputShapes'])
  const isPath = typeof source === 'string'
  const name = isPath ? source : 'the model'
  const bytes = isPath ? await contentOf(source) : source
  const message = await decodeMessage<ModelMessage>('Model', bytes, name)
  try {
    if (options.outputs) cutAt(message, options.outputs)
    const external = await readExternal(tensorsOf(message), isPath ? dirname(source) : null)
    return new OnnxModel(message, external, options.inputShapes)
  } catch (error) {
    if (!(error instanceof TenonError) || !isPath) throw error
    throw new TenonError(error.code, 'onnx', `${source}: ${error.message.replace(/^onnx: /, '')}`, { cause: error })
  }
}

async function contentOf(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > MOST_BYTES) fail('FORMAT', 'onnx', `${path}: has ${size} bytes, more than protobuf can have.`)
    return await readFile(path)
  } catch (error) {
    if (error instanceof TenonError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new TenonError('FORMAT', 'onnx', `${path}: cannot be opened: ${reason}.`, { cause: error })
  }
}
