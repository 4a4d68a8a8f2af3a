/** @file `tenon inspect`: what a file of tensors holds, without reading the numbers. */
import { bytesOf } from '../dtype.ts'
import { openTensors } from '../io/open-tensors.ts'
import type { TensorFile, TensorInfo } from '../io/tensor-file.ts'
import { BLOCKS } from '../ops/blocks.ts'
import { sizeOf } from '../shape.ts'
import { showBytes } from '../units.ts'
import type { InspectOnnxOptions } from './inspect-onnx.ts'
import { printable, tableOf } from './text-table.ts'

const MAX_TEXT = 100

/** Prints format, tensors and metadata of a file, as text or as JSON. */
export async function inspect(path: string, options: InspectOnnxOptions): Promise<void> {
  if (path.endsWith('.onnx')) return (await import('./inspect-onnx.ts')).inspectOnnx(path, options)
  const file = await openTensors(path)
  try {
    console.log(options.json ? jsonOf(file) : textOf(file))
  } finally {
    await file.close()
  }
}

function bytesIn({ shape, dtype, encoding }: TensorInfo): number {
  if (!encoding) return sizeOf(shape) * bytesOf(dtype)
  const [elements, bytes] = BLOCKS[encoding as keyof typeof BLOCKS]
  return (sizeOf(shape) / elements) * bytes
}

function totals(file: TensorFile): { parameters: number; bytes: number } {
  const infos = [...file.tensors.values()]
  return {
    parameters: infos.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    bytes: infos.reduce((sum, info) => sum + bytesIn(info), 0),
  }
}

function jsonOf(file: TensorFile): string {
  const tensors = [...file.tensors].map(([name, { dtype, shape, encoding }]) => ({
    name,
    dtype: encoding ?? dtype,
    shape,
  }))
  const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)
  return JSON.stringify({ format: file.format, ...totals(file), tensors, metadata: file.metadata }, plain, 2)
}

function textOf(file: TensorFile): string {
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
    `${file.path}: ${file.format}, ${count}, ${parameters.toLocaleString('en')} numbers, ${showBytes(bytes)}`,
    ...lines,
    ...(texts.length > 0 ? ['metadata', ...texts] : []),
  ].join('\n')
}

function shortened(value: unknown): string {
  if (Array.isArray(value) && value.length > 8) return `${value.length} values`
  const text = typeof value === 'string' ? value : Array.isArray(value) ? value.map(String).join(', ') : String(value)
  return printable(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text)
}
