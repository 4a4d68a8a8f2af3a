/** @file `onnx` among the public names: reading and writing models. What does it is loaded when it is first used. */
import type { Module } from '../../nn/module.ts'
import type { ExportOptions } from './export.ts'
import type { LoadOptions, OnnxModel } from './model.ts'

export type { DynamicAxes } from './export-axes.ts'
export type { ExportOptions } from './export.ts'
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

/**
 * Writes forward of a module, in eval mode, as an ONNX file. `exampleInputs` are forward's arguments: their tensors, also in lists and plain
 * objects, become inputs (of which only shapes and dtypes count), everything else stays as it is. Parameters keep their names. Axes in
 * `dynamicAxes` stay open: forward is traced at several sizes of them, and what differs is computed from the inputs' sizes. VALUE, naming
 * the op, for what ONNX has no form for; DYNAMIC where the graph is another one at another size.
 */
async function exportModule(
  module: Module,
  exampleInputs: readonly unknown[],
  path: string,
  options: ExportOptions = {},
): Promise<void> {
  const { exportModel } = await import('./export.ts')
  return exportModel(module, exampleInputs, path, options)
}

export { exportModule as export }
