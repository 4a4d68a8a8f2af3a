/** @file What the command can run: an ONNX file or a model's folder, with inputs by name. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DType } from '../dtype.ts'
import { noGrad } from '../graph/state.ts'
import { Tensor } from '../graph/tensor.ts'
import { load as loadOnnx } from '../io/onnx/index.ts'
import type { ValueInfo } from '../io/onnx/index.ts'
import { showSizes } from '../io/onnx/model.ts'
import { fromPretrained, untrained } from '../models/from-pretrained.ts'
import { modelArguments, modelInputs } from '../models/model-inputs.ts'
import type { Module } from '../nn/module.ts'
import { printable } from './text-table.ts'

export interface InputInfo extends Pick<ValueInfo, 'name' | 'dtype' | 'shape'> {
  readonly isOptional: boolean
}

type Outputs = Readonly<Record<string, Tensor>>
type Forward = (...args: unknown[]) => unknown

export interface Runnable {
  readonly path: string
  readonly model: Module
  readonly inputs: readonly InputInfo[]
  /** As the file tells them; null where only a run does. */
  readonly outputs: readonly ValueInfo[] | null
  /** What model.forward takes. */
  arguments(given: ReadonlyMap<string, Tensor>): unknown[]
  /** What it gives, by name, as a graph. */
  forward(given: ReadonlyMap<string, Tensor>): Outputs
  /** The same where shapes may depend on numbers. */
  run(given: ReadonlyMap<string, Tensor>): Promise<Outputs>
}

/** Null for what is no model. Without `weights`, those of a folder are left as they start: its costs and graph need none. */
export async function openRunnable(path: string, { weights }: { weights: boolean }): Promise<Runnable | null> {
  if (path.endsWith('.onnx')) return onnxModel(path)
  const isFolder = await stat(join(path, 'config.json')).then(
    (found) => found.isFile(),
    () => false,
  )
  return isFolder ? folder(path, weights) : null
}

async function onnxModel(path: string): Promise<Runnable> {
  const model = (await loadOnnx(path)).eval()
  const args = (given: ReadonlyMap<string, Tensor>) => model.inputs.map(({ name }) => given.get(name)!)
  return {
    path,
    model,
    inputs: model.inputs.map((info) => ({ ...info, isOptional: false })),
    outputs: model.outputs,
    arguments: args,
    forward: (given) => {
      const results = noGrad(() => model.forward(...args(given)))
      const list = results instanceof Tensor ? [results] : results
      return Object.fromEntries(model.outputs.map(({ name }, i) => [name, list[i]!]))
    },
    run: (given) => model.run(Object.fromEntries(given)),
  }
}

async function folder(path: string, hasWeights: boolean): Promise<Runnable> {
  const model = hasWeights ? await fromPretrained(path) : (await untrained(path)).eval()
  const args = (given: ReadonlyMap<string, Tensor>) => modelArguments(model, given)
  // A tensor, or several with names.
  const forward = (given: ReadonlyMap<string, Tensor>): Outputs => {
    const result = noGrad(() => (model.forward as Forward)(...args(given)))
    return result instanceof Tensor ? { output: result } : (result as Outputs)
  }
  return {
    path,
    model,
    inputs: modelInputs(model).map((input) => ({ ...input, isOptional: input.option !== '' })),
    outputs: null,
    arguments: args,
    forward,
    run: (given) => Promise.resolve(forward(given)),
  }
}

/** "f32 [batch, 3, 224, 224]", as far as it is known. */
export const showInput = ({ dtype, shape }: { dtype: DType | null; shape: InputInfo['shape'] }): string =>
  printable(`${dtype ?? '?'} ${shape ? showSizes(shape) : '[...]'}`)

/** All inputs in one line, for messages. */
export function listInputs({ inputs }: Runnable): string {
  const list = inputs.map(
    (input) => `${printable(input.name)} ${showInput(input)}${input.isOptional ? ' or none' : ''}`,
  )
  return list.join(', ')
}
