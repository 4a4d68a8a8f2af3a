/** @file Data sets' files: IDX, plain and gzipped, WAV and FLAC. */
import { gzipSync } from 'node:zlib'
import { data } from '../../../lib/index.ts'
import { flacFile } from '../../data/flac-file.ts'
import { bytesOf, format, one } from '../format.ts'
import { bytesChanged, EDGES, pick } from '../mutate.ts'
import type { Random } from '../mutate.ts'
import { readNumbers } from './reading.ts'

/** Widths by type. */
const TYPES: readonly (readonly [code: number, width: number])[] = [
  ...[[8, 1], [9, 1], [11, 2], [12, 4], [13, 4], [14, 8]] as const, // prettier-ignore
]

/** One that is right, or has a size that is not. */
function idxFile(random: Random): Uint8Array {
  const [code, width] = pick(TYPES, random)
  const sizes = Array.from({ length: random(5) }, () => random(4))
  const bytes = sizes.reduce((n, size) => n * size, width)
  if (random(4) === 0) sizes.push(pick(EDGES, random) % 2 ** 32)
  const head = Buffer.alloc(4 + 4 * sizes.length)
  head.set([0, 0, code, sizes.length])
  sizes.forEach((size, i) => head.writeUInt32BE(size, 4 + 4 * i))
  return Buffer.concat([head, new Uint8Array(bytes)])
}

const images = Buffer.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, ...new Uint8Array(12)])

export const idx = format({
  name: 'idx',
  lies: 'folder',
  good: [one(images, 'x.idx'), one(gzipSync(images), 'x.idx')],
  mutate: (good, random) => {
    const made = random(2)
      ? idxFile(random)
      : bytesChanged(random(2) ? idxFile(random) : bytesOf(good, 'x.idx'), random)
    const bytes = random(4) === 0 ? gzipSync(made, { level: 1 }) : made
    return one(random(8) ? bytes : bytesChanged(bytes, random), 'x.idx')
  },
  open: ({ folder }) => data.readIdx(`${folder}/x.idx`),
  use: async (t) => readNumbers([t]),
})

interface Wav {
  readonly format: number
  readonly channels: number
  readonly rate: number
  readonly bits: number
  /** Bytes of a sample of all channels. */
  readonly align: number
  readonly samples: Uint8Array
}

function wavFile({ format: code, channels, rate, bits, align, samples }: Wav, isExtended: boolean): Uint8Array {
  const fmt = Buffer.alloc(isExtended ? 40 : 16)
  fmt.writeUInt16LE(isExtended ? 0xfffe : code, 0)
  fmt.writeUInt16LE(channels, 2)
  fmt.writeUInt32LE(rate, 4)
  fmt.writeUInt32LE((rate * align) % 2 ** 32, 8)
  fmt.writeUInt16LE(align, 12)
  fmt.writeUInt16LE(bits, 14)
  if (isExtended) fmt.writeUInt16LE(code, 24)
  const chunk = (id: string, bytes: Uint8Array) => {
    const head = Buffer.from(`${id}\0\0\0\0`)
    head.writeUInt32LE(bytes.length, 4)
    return Buffer.concat([head, bytes])
  }
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    chunk('fmt ', fmt),
    chunk('LIST', Buffer.alloc(4)),
    chunk('data', samples),
  ])
  return chunk('RIFF', body)
}

const KINDS: readonly (readonly [format: number, bits: readonly number[]])[] = [
  [1, [8, 16, 24, 32]],
  [3, [32, 64]],
  [6, [8]],
  [7, [8]],
]

function madeWav(random: Random): Uint8Array {
  const [code, widths] = pick(KINDS, random)
  const [bits, channels] = [pick(widths, random), 1 + random(3)]
  const align = (channels * bits) / 8
  const samples = Uint8Array.from({ length: align * random(20) + random(2) }, () => random(256))
  const right: Wav = { format: code, channels, rate: 8000, bits, align, samples }
  const lie = [
    {},
    {},
    { rate: pick(EDGES, random) % 2 ** 32 },
    { channels: random(70) },
    { bits: random(70) },
    { format: random(9) },
  ]
  return wavFile({ ...right, ...pick(lie, random) }, random(4) === 0)
}

const tone = Int16Array.from({ length: 64 }, (_, t) => 1000 * Math.sin(t))

export const wav = format({
  name: 'wav',
  lies: 'folder',
  good: [
    one(
      wavFile({ format: 1, channels: 1, rate: 8000, bits: 16, align: 2, samples: new Uint8Array(tone.buffer) }, false),
      'x.wav',
    ),
  ],
  mutate: (good, random) => {
    const made = random(4) ? madeWav(random) : bytesOf(good, 'x.wav')
    return one(random(2) ? made : bytesChanged(made, random), 'x.wav')
  },
  open: ({ folder }) => data.readAudio(`${folder}/x.wav`),
  use: async ({ samples }) => void samples.data.at(-1),
})

function madeFlac(random: Random, totalSamples?: number): Uint8Array {
  const samples = Int16Array.from({ length: 1 + random(100) }, () => random(65536))
  const channels = random(2) ? [samples] : [samples, samples]
  return flacFile(channels, { constant: random(2) === 1, ...(totalSamples !== undefined && { totalSamples }) })
}

/** Where the description of the stream lies. */
const INFO_END = 42

export const flac = format({
  name: 'flac',
  isWasm: true,
  lies: 'folder',
  good: [one(flacFile([tone]), 'x.flac'), one(flacFile([tone, tone], { constant: true }), 'x.flac')],
  mutate: (good, random) => {
    const file = random(2) ? madeFlac(random) : bytesOf(good, 'x.flac')
    if (random(2)) return one(random(4) ? file : madeFlac(random, random(200)), 'x.flac')
    if (random(2)) return one(bytesChanged(file, random), 'x.flac')
    const [head, rest] = [file.subarray(0, INFO_END), file.subarray(INFO_END)]
    const parts = random(2) ? [bytesChanged(head, random), rest] : [head, bytesChanged(rest, random)]
    return one(Buffer.concat(parts), 'x.flac')
  },
  open: ({ folder }) => data.readAudio(`${folder}/x.flac`),
  use: async ({ samples }) => void samples.data.at(-1),
})
