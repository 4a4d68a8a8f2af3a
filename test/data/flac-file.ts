/** @file Writes FLAC files for tests: frames of plain samples, after RFC 9639. Not a test. */

export interface FlacOptions {
  /** What the header says; default: the truth. */
  totalSamples?: number
  /** Each frame is one sample that is repeated: a few bytes stand for many samples. */
  constant?: boolean
}

const BLOCK = 1024
const RATE = 8000

/** Samples of 16 bits at 8 kHz, one list a channel (one or two). */
export function flacFile(
  channels: readonly Int16Array[],
  { totalSamples, constant = false }: FlacOptions = {},
): Buffer {
  const length = channels[0]!.length
  const info = Buffer.alloc(38)
  info.set([0x80, 0, 0, 34])
  info.writeUInt16BE(BLOCK, 4)
  info.writeUInt16BE(BLOCK, 6)
  info.writeUInt32BE(((RATE << 12) | ((channels.length - 1) << 9) | (15 << 4)) >>> 0, 14)
  info.writeUInt32BE(totalSamples ?? length, 18)
  const frames: Buffer[] = []
  for (let begin = 0; begin < length; begin += BLOCK)
    frames.push(frame(channels, begin, Math.min(BLOCK, length - begin), frames.length, constant))
  return Buffer.concat([Buffer.from('fLaC'), info, ...frames])
}

function frame(
  channels: readonly Int16Array[],
  begin: number,
  size: number,
  number: number,
  constant: boolean,
): Buffer {
  // Block size in 16 bits at the end of the header, 8 kHz, 16 bits a sample.
  const head = [
    0xff,
    0xf8,
    0x74,
    ((channels.length - 1) << 4) | 0x08,
    ...utf8(number),
    (size - 1) >> 8,
    (size - 1) & 255,
  ]
  head.push(crc(head, 8, 0x07))
  const body = channels.flatMap((samples) => {
    const values = constant ? samples.subarray(begin, begin + 1) : samples.subarray(begin, begin + size)
    const bytes = Array.from(values).flatMap((value) => [(value >> 8) & 255, value & 255])
    return [constant ? 0x00 : 0x02, ...bytes]
  })
  const all = [...head, ...body]
  const sum = crc(all, 16, 0x8005)
  return Buffer.from([...all, sum >> 8, sum & 255])
}

const utf8 = (n: number): number[] => [...Buffer.from(String.fromCodePoint(n))]

function crc(bytes: readonly number[], bits: 8 | 16, polynomial: number): number {
  let sum = 0
  for (const byte of bytes) {
    sum ^= byte << (bits - 8)
    for (let i = 0; i < 8; i++) sum = (sum & (1 << (bits - 1)) ? (sum << 1) ^ polynomial : sum << 1) & ((1 << bits) - 1)
  }
  return sum
}
