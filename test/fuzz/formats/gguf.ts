/** @file GGUF: plain tensors, and blocks, which are also multiplied and looked up as they are. */
import { embedding, evaluateSync, ones, tensor } from '../../../lib/index.ts'
import type { Tensor } from '../../../lib/index.ts'
import { BLOCKS, blocksOf } from '../../../lib/ops/blocks.ts'
import { linear } from '../../../lib/ops/index.ts'
import { ggufFile, kinds } from '../../io/gguf-file.ts'
import type { Item, Stored } from '../../io/gguf-file.ts'
import { bytesOf, format, one } from '../format.ts'
import { bytesChanged, EDGES, pick } from '../mutate.ts'
import type { Random } from '../mutate.ts'
import { openBytes, readNumbers } from './reading.ts'

/** Elements and bytes of a block by type. */
const SIZES: readonly (readonly [type: number, elements: number, bytes: number])[] = [
  [kinds.f32, 1, 4],
  [kinds.f16, 1, 2],
  [kinds.bf16, 1, 2],
  ...(['q4_0', 'q8_0', 'q4_K', 'q6_K'] as const).map((name) => [kinds[name], ...BLOCKS[name]] as const),
]

const METADATA: readonly Item[] = [
  ['general.alignment', 4, 32],
  ['words', 9, { type: 8, values: ['a', 'bc'] }],
  ['on', 7, true],
  ['nested', 9, { type: 9, values: [{ type: 4, values: [1, 2] }] }],
]

/** One that is right, with any bytes as blocks: scales that are infinite, or no numbers, too. */
function stored(name: string, random: Random): Stored {
  const [type, elements, bytes] = pick(SIZES, random)
  const [blocks, rows] = [1 + random(3), 1 + random(4)]
  const sizes = random(4) ? [blocks * elements, rows] : [blocks * elements, rows, 1 + random(2)]
  const data = Uint8Array.from({ length: (sizes.reduce((n, size) => n * size, 1) / elements) * bytes }, () =>
    random(256),
  )
  return { name, sizes, type, data }
}

function lying(stored: Stored, random: Random): Stored {
  const edge = pick(EDGES, random)
  switch (random(5)) {
    case 0:
      return { ...stored, offset: random(2) ? edge : 32 * random(4) }
    case 1:
      return { ...stored, type: random(2) ? random(42) : edge % 2 ** 32 }
    case 2:
      return { ...stored, sizes: random(2) ? [...stored.sizes, edge] : [edge, ...stored.sizes.slice(1)] }
    case 3:
      return { ...stored, data: stored.data.subarray(0, random(stored.data.length)) }
    default:
      return { ...stored, name: 't0' }
  }
}

function metadataChanged(random: Random): Item[] {
  const [key, type, value] = pick(METADATA, random)
  const edge = pick(EDGES, random) % 2 ** 32
  const changed: Item =
    random(3) === 0
      ? [key, 4, edge]
      : random(2)
        ? [key, 9, { type: random(14), values: [], length: pick(EDGES, random) }]
        : [key, random(16), typeof value === 'object' || type === random(16) ? 1 : value]
  return METADATA.map((item) => (item[0] === key ? changed : item))
}

/** Writers of metadata are picky: what cannot be written is left out. */
function made(random: Random): Uint8Array {
  const tensors = Array.from({ length: 1 + random(3) }, (_, i) => stored(`t${i}`, random))
  const lies = random(3) === 0
  try {
    return ggufFile(
      random(4) ? METADATA : metadataChanged(random),
      lies ? tensors.map((t, i) => (i === 0 ? lying(t, random) : t)) : tensors,
      random(16) ? 3 : random(5),
    )
  } catch {
    return ggufFile(METADATA, tensors)
  }
}

const good = ggufFile(METADATA, [
  { name: 'a', sizes: [3, 2], type: kinds.f32, data: new Uint8Array(24) },
  { name: 'b', sizes: [32, 2], type: kinds.q8_0, data: new Uint8Array(68) },
  { name: 'c', sizes: [256], type: kinds.q6_K, data: new Uint8Array(210) },
])

export const gguf = format({
  name: 'gguf',
  good: [one(good)],
  mutate: (file, random) => {
    const bytes = random(4) ? made(random) : bytesOf(file)
    return one(random(3) === 0 ? bytesChanged(bytes, random) : bytes)
  },
  open: openBytes,
  use: async (file) => {
    const tensors = [...(await file.readAll()).values()]
    const products = tensors.filter((t) => t.rank === 2 && t.size > 0 && blocksOf(t)).flatMap(usesOf)
    if (products.length > 0) evaluateSync(...products)
    readNumbers(tensors)
    await file.close()
  },
})

/** As a layer's weight, and as a table. */
function usesOf(blocks: Tensor): Tensor[] {
  const [rows, columns] = blocks.shape as [number, number]
  return [linear(ones([2, columns]), blocks), embedding(tensor([0, rows - 1], { dtype: 'i32' }), blocks)]
}
