/** @file `tenon inspect`: what a file holds, without reading the numbers of its tensors. */
import { bytesOf } from '../dtype.ts'
import { openTensors } from '../io/open-tensors.ts'
import type { TensorFile, TensorInfo } from '../io/tensor-file.ts'
import { fail, TenonError } from '../errors.ts'
import { BLOCKS } from '../ops/blocks.ts'
import { sizeOf } from '../shape.ts'
import { showBytes } from '../units.ts'
import { inspectModel } from './inspect-model.ts'
import type { InspectModelOptions, ModelReport } from './inspect-model.ts'
import { openRunnable } from './runnable.ts'
import type { Runnable } from './runnable.ts'
import { printable, tableOf } from './text-table.ts'

const MAX_TEXT = 100

export interface InspectOptions extends InspectModelOptions {
  readonly json?: boolean
}

/** What is told of tensors that are not read. */
interface Contents extends Pick<TensorFile, 'path' | 'format' | 'metadata'> {
  readonly tensors: ReadonlyMap<string, Pick<TensorInfo, 'dtype' | 'shape' | 'encoding'>>
}

/** Prints format, tensors and metadata of a file, and of a model what a run costs and its graph; as text or as JSON. */
export async function inspect(path: string, { json = false, ...options }: InspectOptions): Promise<void> {
  const [asked] = Object.keys(options)
  // Of a model that tenon does not have, its tensors can be told all the same.
  const model = await openRunnable(path, { weights: false }).catch((error: unknown) => {
    if (path.endsWith('.onnx') || asked !== undefined || !(error instanceof TenonError)) throw error
    return null
  })
  if (!model && asked !== undefined)
    fail('VALUE', 'inspect', `--${asked} is for models: an ONNX file, or a folder with config.json, got ${path}.`)
  const about = model && (await inspectModel(model, options))
  if (about?.graph && options.graph === 'svg' && !json) return console.log(about.graph.trimEnd())
  const contents = model && path.endsWith('.onnx') ? onnxContents(model) : await contentsOf(path)
  console.log(json ? jsonOf(contents, about) : textOf(contents, about))
}

const onnxContents = ({ path, model }: Runnable): Contents => ({
  path,
  format: 'onnx',
  tensors: model.stateDict(),
  metadata: {},
})

async function contentsOf(path: string): Promise<Contents> {
  const file = await openTensors(path)
  await file.close()
  return file
}

function bytesIn({ shape, dtype, encoding }: Pick<TensorInfo, 'dtype' | 'shape' | 'encoding'>): number {
  if (!encoding) return sizeOf(shape) * bytesOf(dtype)
  const [elements, bytes] = BLOCKS[encoding as keyof typeof BLOCKS]
  return (sizeOf(shape) / elements) * bytes
}

function totals(file: Contents): { parameters: number; bytes: number } {
  const infos = [...file.tensors.values()]
  return {
    parameters: infos.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    bytes: infos.reduce((sum, info) => sum + bytesIn(info), 0),
  }
}

function jsonOf(file: Contents, about: ModelReport | null): string {
  const tensors = [...file.tensors].map(([name, { dtype, shape, encoding }]) => ({
    name,
    dtype: encoding ?? dtype,
    shape,
  }))
  const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)
  const { format, metadata } = file
  const model = about && { ...about.json, ...(about.graph !== null && { graph: about.graph }) }
  return JSON.stringify({ format, ...totals(file), ...model, tensors, metadata }, plain, 2)
}

function textOf(file: Contents, about: ModelReport | null): string {
  const { parameters, bytes } = totals(file)
  const rows = [...file.tensors].map(([name, { dtype, shape, encoding }]) => [
    printable(name),
    encoding ?? dtype,
    `[${shape.join(', ')}]`,
  ])
  const lines = tableOf(rows)
  const texts = Object.entries(file.metadata).map(([key, value]) => `  ${printable(key)}: ${shortened(value)}`)
  const count = `${rows.length} tensor${rows.length === 1 ? '' : 's'}`
  return [
    `${file.path}: ${file.format}, ${count}, ${parameters.toLocaleString('en')} ${about ? 'parameters' : 'numbers'}, ${showBytes(bytes)}`,
    ...lines,
    ...(texts.length > 0 ? ['metadata', ...texts] : []),
    ...(about?.lines ?? []),
    ...(about?.graph ? ['graph', about.graph] : []),
  ].join('\n')
}

function shortened(value: unknown): string {
  if (Array.isArray(value) && value.length > 8) return `${value.length} values`
  const text = typeof value === 'string' ? value : Array.isArray(value) ? value.map(String).join(', ') : String(value)
  return printable(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text)
}
