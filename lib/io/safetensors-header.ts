/** @file The header of safetensors files: 8 bytes with its length, then JSON, padded with spaces. Checked in full before anything is allocated. */
import { bytesOf } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { fail, TenonError } from '../errors.ts'
import { isPossibleShape, MAX_RANK, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'

export interface Entry {
  readonly name: string
  readonly dtype: DType
  readonly shape: Shape
  /** Bytes [begin, end), counted from where the data begins. */
  readonly begin: number
  readonly end: number
}

export interface Header {
  readonly entries: readonly Entry[]
  readonly metadata: Readonly<Record<string, string>>
}

/** The length of the header, in little-endian order. */
export const PREFIX_BYTES = 8
const MAX_HEADER_BYTES = 100_000_000
/** Data begins at a multiple of this in files that we write. */
const ALIGNMENT = 64

const DTYPES: Readonly<Record<string, DType>> = {
  ...{ F64: 'f64', F32: 'f32', F16: 'f16', BF16: 'bf16', I64: 'i64', I32: 'i32', I16: 'i16', I8: 'i8' },
  ...{ U64: 'u64', U32: 'u32', U16: 'u16', U8: 'u8', BOOL: 'bool' },
}
const METADATA = '__metadata__'

/** The length of the header in a file of `fileBytes`. */
export function parsePrefix(file: string, prefix: Uint8Array, fileBytes: number): number {
  if (prefix.length < PREFIX_BYTES) return refuse(file, `has ${fileBytes} bytes, too few for a header.`)
  const bytes = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES).getBigUint64(0, true)
  const room = Math.min(fileBytes - PREFIX_BYTES, MAX_HEADER_BYTES)
  if (bytes > BigInt(room))
    return refuse(file, `says that its header has ${bytes} bytes, but there is room for ${room}.`)
  return Number(bytes)
}

/** The header, for `dataBytes` of data behind it. */
export function parseHeader(file: string, bytes: Uint8Array, dataBytes: number): Header {
  if (bytes[0] !== 0x7b) return refuse(file, 'its header does not begin with {.')
  const text = decode(file, bytes)
  const json = parseJson(file, text)
  checkKeys(file, text)
  const entries: Entry[] = []
  let metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(json)) {
    if (name === METADATA) metadata = metadataOf(file, value)
    else entries.push(entryOf(file, name, value, dataBytes))
  }
  checkCoverage(file, entries, dataBytes)
  return { entries, metadata }
}

function refuse(file: string, what: string): never {
  return fail('FORMAT', 'safetensors', `${file}: ${what} The file is damaged or not a safetensors file.`)
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse(file, 'its header is not UTF-8.')
  }
}

function parseJson(file: string, text: string): object {
  try {
    return JSON.parse(text) as object
  } catch (error) {
    throw new TenonError('FORMAT', 'safetensors', `${file}: its header is not JSON: ${(error as Error).message}.`, {
      cause: error,
    })
  }
}

/** JSON.parse keeps the last of equal keys in silence. `text` is known to be a JSON object. */
function checkKeys(file: string, text: string): void {
  const seen = new Set<string>()
  let depth = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (depth === 1 && token.endsWith(':')) {
      const name = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string
      if (seen.has(name)) refuse(file, `'${name}' is there twice.`)
      seen.add(name)
    }
  }
}

function metadataOf(file: string, value: unknown): Record<string, string> {
  const isTexts =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string')
  return isTexts ? (value as Record<string, string>) : refuse(file, `${METADATA} must map names to texts.`)
}

function entryOf(file: string, name: string, value: unknown, dataBytes: number): Entry {
  const bad = (what: string) => refuse(file, `'${name}' ${what}`)
  if (typeof value !== 'object' || value === null) return bad('is no object.')
  const { dtype: code, shape, data_offsets: offsets } = value as Record<string, unknown>
  if (typeof code !== 'string' || !Object.hasOwn(DTYPES, code))
    return bad(`has the dtype ${JSON.stringify(code)}, which is not known.`)
  if (!isSizes(shape) || shape.length > MAX_RANK)
    return bad(`needs a shape of at most ${MAX_RANK} sizes, got ${JSON.stringify(shape)}.`)
  if (!isSizes(offsets) || offsets.length !== 2) return bad(`needs two data_offsets, got ${JSON.stringify(offsets)}.`)
  const [begin, end] = offsets as [number, number]
  if (begin > end || end > dataBytes) return bad(`lies at [${begin}, ${end}) of ${dataBytes} bytes of data.`)
  const dtype = DTYPES[code]!
  // Above 2^53 the product is inexact, but then it is larger than any file.
  const needed = sizeOf(shape) * bytesOf(dtype)
  if (needed !== end - begin)
    return bad(`needs ${needed} bytes for ${code} ${showShape(shape)}, but has ${end - begin}.`)
  if (!isPossibleShape(shape)) return bad(`has an impossible shape, ${showShape(shape)}.`)
  return { name, dtype, shape, begin, end }
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)

/** Every byte of data belongs to one entry. */
function checkCoverage(file: string, entries: readonly Entry[], dataBytes: number): void {
  let at = 0
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) refuse(file, `'${name}' begins at byte ${begin}, but the data before it ends at ${at}.`)
    at = end
  }
  if (at !== dataBytes) refuse(file, `has ${dataBytes} bytes of data, but its tensors have ${at}.`)
}

interface Named {
  readonly name: string
  readonly dtype: DType
  readonly shape: Shape
}

/** Length and JSON of a header, and in which order the tensors' bytes follow: wide elements first, so that all are aligned. */
export function encodeHeader(
  tensors: readonly Named[],
  metadata: Readonly<Record<string, string>>,
): { header: Uint8Array; order: number[] } {
  const order = tensors
    .map((_, i) => i)
    .sort((a, b) => bytesOf(tensors[b]!.dtype) - bytesOf(tensors[a]!.dtype) || a - b)
  const offsets = new Map<number, readonly [number, number]>()
  let at = 0
  for (const i of order) {
    const { dtype, shape } = tensors[i]!
    const end = at + sizeOf(shape) * bytesOf(dtype)
    offsets.set(i, [at, end])
    at = end
  }
  // Written piece by piece: in an object '__proto__' would be no key like others.
  const items = tensors.map(({ name, dtype, shape }, i) => {
    if (name === METADATA) fail('VALUE', 'saveSafetensors', `a tensor cannot be named '${METADATA}'.`)
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype: dtype.toUpperCase(), shape, data_offsets: offsets.get(i) })}`
  })
  const texts = Object.entries(metadata)
  for (const [key, text] of texts) {
    if (typeof text !== 'string')
      fail('VALUE', 'saveSafetensors', `metadata are texts, got ${typeof text} for '${key}'.`)
  }
  if (texts.length > 0) items.unshift(`${JSON.stringify(METADATA)}:${JSON.stringify(metadata)}`)
  const json = new TextEncoder().encode(`{${items.join(',')}}`)
  const total = Math.ceil((PREFIX_BYTES + json.length) / ALIGNMENT) * ALIGNMENT
  const header = new Uint8Array(total).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(total - PREFIX_BYTES), true)
  header.set(json, PREFIX_BYTES)
  return { header, order }
}
