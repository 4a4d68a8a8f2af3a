/** @file `tenon convert FOLDER MODEL.onnx`: a model's folder as an ONNX file, with free axes where the model has them. */
import { fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { export as exportOnnx } from '../io/onnx/index.ts'
import { zeros } from '../ops/create.ts'
import { listInputs, openRunnable } from './runnable.ts'
import type { InputInfo } from './runnable.ts'

/** The size of a free axis in examples; others are tried. */
const EXAMPLE = 4

/** Writes what the model computes from all of its inputs, masks among them. */
export async function convertToOnnx(from: string, to: string): Promise<void> {
  const found = from.endsWith('.onnx') ? null : await openRunnable(from, { weights: true })
  if (!found)
    return fail('VALUE', 'convert', `an ONNX file is made of a folder with config.json and weights, got '${from}'.`)
  const given = new Map(found.inputs.map((input) => [input.name, exampleOf(input)]))
  // In the order in which forward takes them.
  const args = found.arguments(given)
  const dynamicAxes = Object.fromEntries(found.inputs.map((input) => [input.name, freeAxesOf(input)]))
  await exportOnnx(found.model, args, to, { inputNames: found.inputs.map(({ name }) => name), dynamicAxes })
  const inputs = found.inputs.map((input) => ({ ...input, isOptional: false }))
  console.log(`${to}: ${found.model.constructor.name} of ${from}, which takes ${listInputs({ ...found, inputs })}`)
}

const sizesOf = ({ shape }: InputInfo) => shape ?? []

function exampleOf(input: InputInfo): Tensor {
  const shape = sizesOf(input).map((size) => (typeof size === 'number' ? size : EXAMPLE))
  return zeros(shape, { dtype: input.dtype ?? 'f32' })
}

const freeAxesOf = (input: InputInfo): Record<number, string> =>
  Object.fromEntries(sizesOf(input).flatMap((size, axis) => (typeof size === 'string' ? [[axis, size]] : [])))
