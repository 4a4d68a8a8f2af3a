/** @file safetensors: in memory, mapped, and several files with an index. */
import { openTensors } from '../../../lib/index.ts'
import type { DType, Shape } from '../../../lib/index.ts'
import { bytesOf as widthOf } from '../../../lib/dtype.ts'
import { encodeHeader } from '../../../lib/io/safetensors-header.ts'
import { sizeOf } from '../../../lib/shape.ts'
import { bytesOf, format, Link, one } from '../format.ts'
import type { Files } from '../format.ts'
import { bytesChanged, bytesFilled, jsonChanged, pick } from '../mutate.ts'
import type { Random } from '../mutate.ts'
import { openBytes, readFile } from './reading.ts'

const DTYPES = ['f64', 'f32', 'bf16', 'f16', 'i64', 'i32', 'i16', 'i8', 'u64', 'u32', 'u16', 'u8', 'bool'] as const

interface Stored {
  readonly name: string
  readonly dtype: DType
  readonly shape: Shape
}

/** Zeros: the numbers of floats and booleans alike. */
function fileOf(tensors: readonly Stored[]): Uint8Array {
  const { header } = encodeHeader(tensors, { format: 'pt' })
  const data = tensors.reduce((n, { shape, dtype }) => n + sizeOf(shape) * widthOf(dtype), 0)
  return Buffer.concat([header, new Uint8Array(data)])
}

const stored = (random: Random, count: number): Stored[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `t${i}`,
    dtype: pick(DTYPES, random),
    shape: Array.from({ length: random(4) }, () => random(4)),
  }))

const small = fileOf([
  { name: 'a', dtype: 'f32', shape: [2, 3] },
  { name: 'b', dtype: 'bool', shape: [4] },
  { name: 'c', dtype: 'f16', shape: [] },
])

const headerOf = (file: Uint8Array): number => 8 + Number(Buffer.from(file).readBigUInt64LE(0))

/** Another header with its true length before it. */
export function headerChanged(file: Uint8Array, random: Random): Uint8Array {
  const start = headerOf(file)
  const header = jsonChanged(file.subarray(8, start), random)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, file.subarray(start)])
}

/** What stands behind the header. */
const behind =
  (change: (data: Uint8Array, random: Random) => Uint8Array) =>
  (file: Uint8Array, random: Random): Uint8Array => {
    const start = headerOf(file)
    return Buffer.concat([file.subarray(0, start), change(file.subarray(start), random)])
  }

const CHANGES = [bytesChanged, headerChanged, behind(bytesChanged), behind(bytesFilled), behind(bytesFilled)]

export function safetensorsChanged(file: Uint8Array, random: Random): Uint8Array {
  return pick(CHANGES, random)(file, random)
}

export const safetensors = format({
  name: 'safetensors',
  good: [one(small), one(fileOf([]))],
  mutate: (good, random) => {
    const made = random(2) ? fileOf(stored(random, random(5))) : bytesOf(good)
    return one(random(3) ? safetensorsChanged(made, random) : made)
  },
  open: openBytes,
  use: readFile,
})

/** Tensors that are large enough to be shown where they lie. */
const LARGE = fileOf([
  { name: 'a', dtype: 'f32', shape: [128, 130] },
  { name: 'c', dtype: 'f32', shape: [3] },
])

export const mapped = format({
  name: 'mapped',
  lies: 'disk',
  good: [one(LARGE, 'x.safetensors')],
  mutate: (good, random) => one(safetensorsChanged(bytesOf(good, 'x.safetensors'), random), 'x.safetensors'),
  open: ({ folder }) => openTensors(`${folder}/x.safetensors`),
  use: readFile,
})

const INDEX = 'model.safetensors.index.json'
const sharded: Files = {
  [INDEX]: Buffer.from(
    JSON.stringify({
      metadata: { total_size: 30 },
      weight_map: { a: 'x.safetensors', b: 'y.safetensors', c: 'x.safetensors' },
    }),
  ),
  'x.safetensors': fileOf([
    { name: 'a', dtype: 'f32', shape: [2, 3] },
    { name: 'c', dtype: 'f16', shape: [] },
  ]),
  'y.safetensors': fileOf([{ name: 'b', dtype: 'bool', shape: [4] }]),
}
/** Names that lead elsewhere, or nowhere. */
const NAMES = [
  ...['../outside.safetensors', '/etc/hostname', './x.safetensors', 'x.safetensors', '', '.', 'y.safetensors/', INDEX],
  ...['C:x.safetensors', '..\\outside.safetensors', '.hidden', 'x.safetensors\0.txt', 'z.safetensors'],
]

export const shards = format({
  name: 'shards',
  lies: 'disk',
  good: [sharded],
  mutate: (good, random) => {
    const name = random(4) ? pick(['x.safetensors', 'y.safetensors'], random) : INDEX
    const bytes = bytesOf(good, name)
    if (name !== INDEX) return { ...good, [name]: random(8) ? safetensorsChanged(bytes, random) : new Link(INDEX) }
    return { ...good, [name]: jsonChanged(bytes, random, { texts: NAMES }) }
  },
  open: ({ folder }) => openTensors(folder),
  use: readFile,
})
