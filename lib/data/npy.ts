/** @file npy files, NumPy's arrays: a header that describes the array, then its bytes. Versions 1 to 3 of the format. Hostile until parsed. */
import { bytesOf } from '../dtype.ts'
import type { DType } from '../dtype.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import type { Tensor } from '../graph/tensor.ts'
import { fromBuffer } from '../ops/create.ts'
import { permute, reshape } from '../ops/index.ts'
import { isPossibleShape, MAX_RANK, showShape, sizeOf } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { readWhole } from './read-file.ts'

export interface ReadNpyOptions {
  /** A larger file is refused before it is read. Default: 2 GiB. */
  maxBytes?: number
}

/** By kind and bytes, as NumPy writes them behind the byte order. */
const DTYPES: Readonly<Record<string, DType>> = {
  f8: 'f64',
  f4: 'f32',
  f2: 'f16',
  i8: 'i64',
  i4: 'i32',
  i2: 'i16',
  i1: 'i8',
  u8: 'u64',
  u4: 'u32',
  u2: 'u16',
  u1: 'u8',
  b1: 'bool',
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** Reads an .npy file. FORMAT for one that is damaged, lies, or holds Python objects, texts or complex numbers. */
export async function readNpy(path: string, options: ReadNpyOptions = {}): Promise<Tensor> {
  checkOptions('readNpy', options, ['maxBytes'])
  const { maxBytes = 2 ** 31 } = options
  checkInteger('readNpy', 'maxBytes', maxBytes, 0)
  return parseNpy(await readWhole('readNpy', path, maxBytes), path)
}

/** The same, of bytes in memory; `name` is what errors call them. */
export function parseNpy(bytes: Uint8Array, name = 'npy'): Tensor {
  const { start, isBigEndian, isFortran, dtype, shape } = readHeader(bytes, name)
  const content = new Uint8Array(bytes.length - start)
  content.set(bytes.subarray(start))
  if (isBigEndian) swapBytes(content, bytesOf(dtype))
  if (dtype === 'bool') content.forEach((value, i) => (content[i] = value === 0 ? 0 : 1))
  if (!isFortran || shape.length < 2) return fromBuffer(content.buffer, shape, dtype)
  const axes = shape.map((_, i) => shape.length - 1 - i)
  return permute(reshape(fromBuffer(content.buffer, [sizeOf(shape)], dtype), [...shape].reverse()), axes)
}

/** @internal What the bytes of an npy file hold, checked as parseNpy does. */
export function parseNpyInfo(bytes: Uint8Array, name: string): { readonly dtype: DType; readonly shape: Shape } {
  const { dtype, shape } = readHeader(bytes, name)
  return { dtype, shape }
}

interface Npy {
  /** Where the numbers begin; they are all there. */
  readonly start: number
  readonly dtype: DType
  readonly shape: Shape
  readonly isBigEndian: boolean
  readonly isFortran: boolean
}

function readHeader(bytes: Uint8Array, name: string): Npy {
  const refuse = (what: string): never => fail('FORMAT', 'readNpy', `${name}: ${what}`)
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) refuse('does not begin as an npy file does.')
  const version = bytes[6]!
  if (version < 1 || version > 3) refuse(`is of version ${version} of the format; 1 to 3 are known.`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const prefix = version === 1 ? 10 : 12
  if (bytes.length < prefix) refuse('ends in its header.')
  const start = prefix + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (start > bytes.length) refuse('ends in its header.')
  const { descr, isFortran, shape } = parseHeader(
    new TextDecoder('latin1').decode(bytes.subarray(prefix, start)),
    refuse,
  )
  const dtype = DTYPES[descr.slice(1)]
  if (!dtype || !'<>|='.includes(descr[0]!)) return refuse(`holds '${descr}'; numbers and booleans can be read.`)
  const expected = sizeOf(shape) * bytesOf(dtype)
  if (expected !== bytes.length - start) {
    refuse(`says ${showShape(shape)} of ${dtype}, ${expected} bytes, and has ${bytes.length - start}.`)
  }
  return { start, dtype, shape, isBigEndian: descr[0] === '>', isFortran }
}

interface NpyHeader {
  readonly descr: string
  readonly isFortran: boolean
  readonly shape: readonly number[]
}

/** The header is a Python dictionary with three entries; it is matched, never evaluated. */
function parseHeader(text: string, refuse: (what: string) => never): NpyHeader {
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]{1,16})['"]/.exec(text)?.[1]
  const fortran = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1]
  const sizes = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1]
  if (descr === undefined || fortran === undefined || sizes === undefined) {
    return refuse('needs descr, fortran_order and shape in its header. Records and Python objects cannot be read.')
  }
  const shape = sizes
    .split(',')
    .map((size) => size.trim().replace(/L$/, ''))
    .filter((size) => size !== '')
    .map(Number)
  if (shape.length > MAX_RANK) refuse(`has ${shape.length} dimensions, at most ${MAX_RANK} are possible.`)
  if (!isPossibleShape(shape)) refuse(`has an impossible shape, ${showShape(shape)}.`)
  return { descr, isFortran: fortran === 'True', shape }
}

function swapBytes(data: Uint8Array, width: number): void {
  if (width === 1) return
  for (let i = 0; i < data.length; i += width) data.subarray(i, i + width).reverse()
}
