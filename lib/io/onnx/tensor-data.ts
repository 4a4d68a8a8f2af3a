/** @file Tensors in ONNX files: raw and typed data, packed bits, sparse ones, and data in files beside the model. */
import { open, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { arrayOf, bytesOf } from '../../dtype.ts'
import { fail, TenonError } from '../../errors.ts'
import { isPossibleShape, showShape, sizeOf } from '../../shape.ts'
import { elementType } from './element-types.ts'
import type { ElementType } from './element-types.ts'
import { bigintOf, numberOf } from './schema.ts'
import type { Int64, SparseMessage, TensorMessage } from './schema.ts'

/** What a file says of a tensor: its numbers lie as tenon holds them. */
export interface TensorData {
  readonly name: string
  readonly type: ElementType
  readonly shape: readonly number[]
  readonly buffer: ArrayBuffer
}

const refuse = (where: string, what: string): never => fail('FORMAT', 'onnx', `${where} ${what}`)

/** Contents of external data by tensor message, read before anything else. */
export type ExternalData = ReadonlyMap<TensorMessage, Uint8Array>

/** Reads a tensor; FORMAT, naming it, when data and shape do not fit. Nothing is allocated before they do. */
export function readTensor(message: TensorMessage, where: string, external: ExternalData = new Map()): TensorData {
  const type = elementType(message.dataType, where)
  const shape = shapeOf(message.dims, where)
  const n = sizeOf(shape)
  const raw = external.get(message) ?? message.rawData
  if (message.dataLocation === 1 && !external.has(message)) refuse(where, 'has its data in another file: give a path.')
  const field = typedField(message, type)
  const isRaw = raw.length > 0 || field.length === 0
  const expected = isRaw ? Math.ceil((n * type.bits) / 8) : type.bits < 8 ? Math.ceil((n * type.bits) / 8) : n
  const got = isRaw ? raw.length : field.length
  if (got !== expected)
    refuse(where, `has ${got} ${isRaw ? 'bytes' : 'numbers'} of data for ${type.name} ${showShape(shape)}.`)
  const buffer = isRaw ? fromRaw(raw, type, n) : fromField(field, type, n)
  if (type.dtype === 'bool' && new Uint8Array(buffer).some((byte) => byte > 1))
    refuse(where, 'is bool but has bytes other than 0 and 1.')
  return { name: message.name, type, shape, buffer }
}

export function shapeOf(dims: readonly (Int64 | number)[], where: string): number[] {
  const shape = dims.map(numberOf)
  return isPossibleShape(shape) ? shape : refuse(where, `has the shape ${showShape(shape)}.`)
}

type Numbers = readonly (Int64 | number)[]

function typedField(message: TensorMessage, { name, dtype, numbers }: ElementType): Numbers {
  if (numbers || dtype === 'f16' || dtype === 'bf16') return message.int32Data
  switch (name) {
    case 'float':
      return message.floatData
    case 'double':
      return message.doubleData
    case 'int64':
      return message.int64Data
    case 'uint32':
    case 'uint64':
      return message.uint64Data
    default:
      return message.int32Data
  }
}

/** Little-endian bytes, as every machine that tenon runs on has them. */
function fromRaw(raw: Uint8Array, type: ElementType, n: number): ArrayBuffer {
  if (!type.numbers) return new Uint8Array(raw).buffer
  return decoded(type, n, raw)
}

function fromField(field: Numbers, type: ElementType, n: number): ArrayBuffer {
  if (type.numbers)
    return decoded(
      type,
      n,
      Uint8Array.from(field, (x) => numberOf(x) & 255),
    )
  const buffer = new ArrayBuffer(n * bytesOf(type.dtype))
  const array = arrayOf(type.dtype, buffer)
  if (array instanceof BigInt64Array || array instanceof BigUint64Array)
    field.forEach((x, i) => (array[i] = bigintOf(x)))
  else field.forEach((x, i) => (array[i] = numberOf(x)))
  return buffer
}

/** Codes of narrow types, the first of a byte in its low bits. */
function decoded({ dtype, bits, numbers }: ElementType, n: number, bytes: Uint8Array): ArrayBuffer {
  const buffer = new ArrayBuffer(n * bytesOf(dtype))
  const array = arrayOf(dtype, buffer)
  const perByte = 8 / bits
  for (let i = 0; i < n; i++) {
    const code = (bytes[Math.floor(i / perByte)]! >> ((i % perByte) * bits)) & (2 ** bits - 1)
    array[i] = numbers![code]!
  }
  return buffer
}

const LARGEST_SPARSE = 2 ** 28

/** A sparse tensor, filled up with zeros. */
export function readSparse(message: SparseMessage, where: string): TensorData {
  const { values, indices } = message
  if (!values || !indices) return refuse(where, 'is sparse, without values or indices.')
  const shape = shapeOf(message.dims, where)
  const n = sizeOf(shape)
  if (n > LARGEST_SPARSE) refuse(where, `is sparse, and too large to be filled up: ${showShape(shape)}.`)
  const data = readTensor(values, where)
  const at = readTensor(indices, `the indices of ${where}`)
  const count = sizeOf(data.shape)
  const flat = sizeOf(at.shape) === count && at.shape.length <= 1
  if (at.type.name !== 'int64' || (!flat && sizeOf(at.shape) !== count * shape.length))
    refuse(where, `needs an index for each of ${count} values.`)
  const buffer = new ArrayBuffer(n * bytesOf(data.type.dtype))
  const [target, source] = [arrayOf(data.type.dtype, buffer), arrayOf(data.type.dtype, data.buffer)]
  const numbers = new BigInt64Array(at.buffer)
  for (let i = 0; i < count; i++) {
    let position = 0
    if (flat) position = Number(numbers[i])
    else shape.forEach((size, axis) => (position = position * size + Number(numbers[i * shape.length + axis])))
    if (!(position >= 0 && position < n)) refuse(where, `has a value at ${position} of ${n}.`)
    target[position] = source[i]!
  }
  return { name: values.name, type: data.type, shape, buffer }
}

/** The bytes that lie beside the model: in its folder or below, by names and links that do not leave it. */
export async function readExternal(
  tensors: Iterable<TensorMessage>,
  folder: string | null,
): Promise<ReadonlyMap<TensorMessage, Uint8Array>> {
  const found = new Map<TensorMessage, Uint8Array>()
  for (const message of tensors) {
    if (message.dataLocation !== 1) continue
    const where = `'${message.name}'`
    if (folder === null) refuse(where, 'has its data in another file, but the model came as bytes. Give its path.')
    found.set(message, await readBeside(message, folder!, where))
  }
  return found
}

async function readBeside(message: TensorMessage, folder: string, where: string): Promise<Uint8Array> {
  const entries = new Map(message.externalData.map(({ key, value }) => [key, value]))
  const location = entries.get('location') ?? ''
  const parts = location.split(/[\\/]/)
  if (
    location === '' ||
    isAbsolute(location) ||
    /^[a-zA-Z]:/.test(location) ||
    parts.includes('..') ||
    location.includes('\0')
  )
    refuse(where, `has its data at ${JSON.stringify(location)}, which is not in the model's folder.`)
  const root = await realpath(folder)
  const path = await realpath(join(root, ...parts)).catch((error: Error) => unreadable(where, location, error))
  const inside = relative(root, path)
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    refuse(where, `has its data at ${JSON.stringify(location)}, which leads out of the model's folder.`)
  const file = await open(path, 'r').catch((error: Error) => unreadable(where, location, error))
  try {
    const stat = await file.stat()
    if (!stat.isFile()) refuse(where, `has its data at ${JSON.stringify(location)}, which is no file.`)
    const offset = wholeNumber(entries.get('offset') ?? '0', where)
    const type = elementType(message.dataType, where)
    const needed = Math.ceil((sizeOf(shapeOf(message.dims, where)) * type.bits) / 8)
    const length = entries.has('length') ? wholeNumber(entries.get('length')!, where) : needed
    if (length !== needed) refuse(where, `needs ${needed} bytes, but has ${length}.`)
    if (offset + length > stat.size)
      refuse(where, `lies at [${offset}, ${offset + length}) of ${stat.size} bytes of ${JSON.stringify(location)}.`)
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length;) {
      const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 2 ** 30), offset + done)
      if (bytesRead === 0) refuse(where, `ended at byte ${offset + done} of ${JSON.stringify(location)}.`)
      done += bytesRead
    }
    return bytes
  } finally {
    await file.close()
  }
}

function unreadable(where: string, location: string, cause: Error): never {
  throw new TenonError('FORMAT', 'onnx', `${where}: ${JSON.stringify(location)} cannot be opened: ${cause.message}.`, {
    cause,
  })
}

function wholeNumber(text: string, where: string): number {
  const value = Number(text)
  return /^\d+$/.test(text) && Number.isSafeInteger(value)
    ? value
    : refuse(where, `has the offset or length '${text}'.`)
}
