/**
 * @file Hostile files: mutants of good files of every format end in a TenonError FORMAT, or load; none takes memory for what it only claims.
 * TENON_FUZZ=1000000 for a long run, TENON_FUZZ_SEED for another one; a failure says which mutant it was.
 */
import { readFileSync } from 'node:fs'
import { crc32, deflateRawSync } from 'node:zlib'
import { TenonError } from 'tenon'
import { openSource } from '../../lib/io/open-tensors.ts'
import { parseShardIndex } from '../../lib/io/sharded.ts'
import { bytesSource } from '../../lib/io/source.ts'
import { randomNumbers } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'
import { ggufFile, kinds } from './gguf-file.ts'

const test = suite('fuzz')

const runs = Number(process.env.TENON_FUZZ ?? 300)
const seed = Number(process.env.TENON_FUZZ_SEED ?? 1)
const MAX_RSS = 512 * 2 ** 20
const MAX_SECONDS = 5

type Random = (below: number) => number
type Mutate = (file: Uint8Array, random: Random) => Uint8Array

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`../fixtures/torch/${name}`, import.meta.url)))

/** Numbers that headers trip over. */
const EDGES = [
  0,
  1,
  2,
  7,
  8,
  127,
  128,
  255,
  256,
  65535,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 53,
  2 ** 63,
  2 ** 64 - 1,
]

/** Bytes changed, numbers overwritten, ranges copied, dropped or cut: of any format. */
const anywhere: Mutate = (file, random) => {
  const bytes = Uint8Array.from(file)
  const at = random(bytes.length)
  switch (random(6)) {
    case 0:
      bytes[at] = random(256)
      return bytes
    case 1:
      bytes[at]! ^= 1 << random(8)
      return bytes
    case 2: {
      const width = [1, 2, 4, 8][random(4)]!
      let value = BigInt.asUintN(64, BigInt(EDGES[random(EDGES.length)]!))
      for (let i = 0; i < width && at + i < bytes.length; i++, value >>= 8n) bytes[at + i] = Number(value & 255n)
      return bytes
    }
    case 3:
      return bytes.subarray(0, at)
    case 4:
      bytes.copyWithin(at, random(bytes.length), random(bytes.length))
      return bytes
    default: {
      const end = Math.min(bytes.length, at + 1 + random(16))
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(end)])
    }
  }
}

const TOKENS = [
  '-1',
  '0',
  '1e9',
  '9007199254740993',
  '1.5',
  '"F64"',
  '"BOOL"',
  '"F8"',
  'null',
  '{}',
  '[]',
  '[2,2]',
  '"a"',
  '""',
]

/** A number, text or list of a JSON text replaced by another. */
function mutateJson(text: string, random: Random): string {
  const parts = [...text.matchAll(/"[^"]*"|-?\d+(\.\d+)?|\[[^[\]]*\]/g)]
  const part = parts[random(parts.length)]
  if (!part) return text
  const other = random(2) ? TOKENS[random(TOKENS.length)]! : parts[random(parts.length)]![0]
  return text.slice(0, part.index) + other + text.slice(part.index + part[0].length)
}

function safetensors(header: string, data: number): Uint8Array {
  const json = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + json.length + data)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  return bytes
}

const HEADER = JSON.stringify({
  __metadata__: { format: 'pt' },
  a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  b: { dtype: 'BOOL', shape: [4], data_offsets: [24, 28] },
  c: { dtype: 'F16', shape: [], data_offsets: [28, 30] },
})

interface ZipItem {
  readonly name: string
  readonly data: Uint8Array
}

/** An archive whose sums and sizes are right again, so that what is inside is read. */
function zip(items: readonly ZipItem[], isPacked: boolean): Uint8Array {
  const [parts, directory]: [Uint8Array[], Uint8Array[]] = [[], []]
  let at = 0
  for (const { name, data } of items) {
    const packed = isPacked ? deflateRawSync(data) : data
    const text = new TextEncoder().encode(name)
    const common = new DataView(new ArrayBuffer(26))
    common.setUint16(4, isPacked ? 8 : 0, true)
    common.setUint32(10, crc32(data), true)
    common.setUint32(14, packed.length, true)
    common.setUint32(18, data.length, true)
    common.setUint16(22, text.length, true)
    const shared = new Uint8Array(common.buffer)
    const tail = new DataView(new ArrayBuffer(14))
    tail.setUint32(10, at, true)
    const entry = [0x50, 0x4b, 1, 2, 20, 0, ...shared, ...new Uint8Array(tail.buffer), ...text]
    entry.splice(6, 2)
    entry.splice(6, 0, 20, 0)
    directory.push(Uint8Array.from(entry))
    const local = Uint8Array.from([0x50, 0x4b, 3, 4, ...shared, ...text])
    parts.push(local, packed)
    at += local.length + packed.length
  }
  const size = directory.reduce((n, { length }) => n + length, 0)
  const end = new DataView(new ArrayBuffer(22))
  end.setUint32(0, 0x06054b50, true)
  end.setUint16(10, items.length, true)
  end.setUint32(12, size, true)
  end.setUint32(16, at, true)
  return Uint8Array.from([...parts, ...directory, new Uint8Array(end.buffer)].flatMap((part) => [...part]))
}

/** The entries of a small archive that `zip` would make. */
function unzip(file: Uint8Array): ZipItem[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  let end = file.length - 22
  while (view.getUint32(end, true) !== 0x06054b50) end--
  const items: ZipItem[] = []
  for (let at = view.getUint32(end + 16, true); at < end && view.getUint32(at, true) === 0x02014b50;) {
    const [n, x, c] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [number, number, number]
    const local = view.getUint32(at + 42, true)
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    items.push({
      name: new TextDecoder().decode(file.subarray(at + 46, at + 46 + n)),
      data: file.subarray(from, from + view.getUint32(at + 20, true)),
    })
    at += 46 + n + x + c
  }
  return items
}

/** What is inside of an archive mutated, the archive itself right. */
const inside =
  (items: readonly ZipItem[], choose: (name: string) => boolean = () => true): Mutate =>
  (_, random) => {
    const choices = items.flatMap(({ name }, i) => (choose(name) ? [i] : []))
    const chosen = choices[random(choices.length)]
    return zip(
      items.map((item, i) => (i === chosen ? { ...item, data: anywhere(item.data, random) } : item)),
      random(2) === 1,
    )
  }

const npy = (descr: string, shape: string, data: number): Uint8Array => {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`
  const head = [0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, text.length & 255, text.length >> 8]
  return Uint8Array.from([...head, ...new TextEncoder().encode(text), ...new Uint8Array(data)])
}

const isPickle = (name: string) => name.endsWith('data.pkl')
const torchItems = unzip(fixture('zip.pt'))
const checkpointItems = unzip(fixture('checkpoint4.pt'))
const npzItems = [
  { name: 'a.npy', data: npy('<f4', '(2, 3)', 24) },
  { name: 'b.npy', data: npy('>i8', '(3,)', 24) },
]
const gguf = ggufFile(
  [
    ['general.alignment', 4, 32],
    ['words', 9, { type: 8, values: ['a', 'bc'] }],
    ['on', 7, true],
  ],
  [
    { name: 'a', sizes: [3, 2], type: kinds.f32, data: new Uint8Array(24) },
    { name: 'b', sizes: [32, 2], type: kinds.q8_0, data: new Uint8Array(68) },
    { name: 'c', sizes: [256], type: kinds.q6_K, data: new Uint8Array(210) },
  ],
)

const index = JSON.stringify({ metadata: { total_size: 8 }, weight_map: { a: 'x.safetensors', b: 'y.safetensors' } })

async function readAll(bytes: Uint8Array): Promise<void> {
  const file = await openSource(bytesSource('fuzz', 'mutant', bytes))
  try {
    await file.readAll()
  } finally {
    await file.close()
  }
}

/** By format: a good file, mutators that keep what is around the mutated part right, and how it is read. */
const formats: Record<string, [good: Uint8Array, mutators: Mutate[], read: (bytes: Uint8Array) => Promise<unknown>]> = {
  safetensors: [
    safetensors(HEADER, 30),
    [
      anywhere,
      (_, random) => safetensors(mutateJson(HEADER, random), 30),
      (_, random) => safetensors(mutateJson(mutateJson(HEADER, random), random), random(64)),
    ],
    readAll,
  ],
  'torch zip': [zip(torchItems, false), [anywhere, inside(torchItems), inside(torchItems, isPickle)], readAll],
  'torch checkpoint': [zip(checkpointItems, true), [anywhere, inside(checkpointItems, isPickle)], readAll],
  'torch legacy': [fixture('legacy.pt'), [anywhere], readAll],
  npz: [zip(npzItems, true), [anywhere, inside(npzItems)], readAll],
  npy: [npy('<f4', '(2, 3)', 24), [anywhere], readAll],
  gguf: [gguf, [anywhere, (file, random) => anywhere(file.subarray(0, 256), random)], readAll],
  'shard index': [
    new TextEncoder().encode(index),
    [anywhere, (_, random) => new TextEncoder().encode(mutateJson(index, random))],
    (bytes) => parseShardIndex(bytes, 'mutant'),
  ],
}

for (const [format, [good, mutators, read]] of Object.entries(formats)) {
  test(`${format}: ${runs} mutants end in FORMAT or load`, async () => {
    await read(good)
    const next = randomNumbers(seed)
    const random: Random = (below) => Math.floor(next() * below)
    let loaded = 0
    for (let i = 0; i < runs; i++) {
      let bytes = mutators[random(mutators.length)]!(good, random)
      if (random(4) === 0 && bytes.length > 0) bytes = anywhere(bytes, random)
      const start = performance.now()
      try {
        await read(bytes)
        loaded++
      } catch (error) {
        const isSaid = error instanceof TenonError && error.code === 'FORMAT' && error.message.includes('mutant')
        if (!isSaid) throw new Error(`mutant ${i} of seed ${seed}: ${String((error as Error).stack)}`, { cause: error })
      }
      const seconds = (performance.now() - start) / 1000
      if (seconds > MAX_SECONDS) throw new Error(`mutant ${i} of seed ${seed} took ${seconds} s`)
      const { rss } = process.memoryUsage()
      if (rss > MAX_RSS) throw new Error(`mutant ${i} of seed ${seed}: ${rss} bytes are resident`)
    }
    if (process.env.TENON_FUZZ) console.log(`${format}: ${loaded} of ${runs} loaded`)
  })
}
