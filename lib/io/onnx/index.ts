/** @file `onnx` among the public names: reading models. What reads them is loaded when it is first used. */
import type { LoadOptions, OnnxModel } from './model.ts'

export type { Inputs, LoadOptions, OnnxModel, ValueInfo } from './model.ts'

/**
 * A model from an ONNX file (or its bytes), opset 6 to 27, as a module: `model.forward(x)` builds tenon's graph, so that it can be
 * differentiated and trained on. External data is read from the file's own folder only. FORMAT for a file that is damaged or has an
 * operator that is not supported, with its name. `{ outputs: ['a value inside'] }` takes the model up to there, for a new head.
 */
export async function load(source: string | Uint8Array, options: LoadOptions = {}): Promise<OnnxModel> {
  const { readModel } = await import('./read-model.ts')
  return readModel(source, options)
}
