/** @file A reader of TensorBoard's event files, by the documented format alone: TFRecord frames, then protobuf's wire format. */
import * as assert from 'uvu/assert'

/** Fields by number; what a message holds is known only to who asks for it. */
export class Message {
  readonly #fields = new Map<number, (number | Buffer)[]>()

  constructor(bytes: Buffer) {
    for (let at = 0; at < bytes.length;) {
      const key = varint(bytes, at)
      const [field, wire] = [Math.floor(key.value / 8), key.value % 8]
      const value = read(bytes, key.end, wire)
      this.#fields.set(field, [...(this.#fields.get(field) ?? []), value.value])
      at = value.end
    }
  }

  has(field: number): boolean {
    return this.#fields.has(field)
  }

  number(field: number): number {
    return this.#fields.get(field)?.[0] as number
  }

  bytes(field: number): Buffer {
    return this.#fields.get(field)![0] as Buffer
  }

  text(field: number): string {
    return this.bytes(field).toString()
  }

  message(field: number): Message {
    return new Message(this.bytes(field))
  }

  /** Repeated doubles, packed or not. */
  doubles(field: number): number[] {
    return (this.#fields.get(field) ?? []).flatMap((value) => {
      if (typeof value === 'number') return [value]
      return Array.from({ length: value.length / 8 }, (_, i) => value.readDoubleLE(8 * i))
    })
  }
}

/** The messages of a file; checks its checksums. */
export function readEvents(file: Buffer): Message[] {
  const events: Message[] = []
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at))
    assert.is(file.readUInt32LE(at + 8), masked(file.subarray(at, at + 8)))
    const content = file.subarray(at + 12, at + 12 + length)
    assert.is(content.length, length)
    assert.is(file.readUInt32LE(at + 12 + length), masked(content))
    events.push(new Message(content))
    at += 16 + length
  }
  return events
}

function read(bytes: Buffer, at: number, wire: number): { value: number | Buffer; end: number } {
  if (wire === 0) return varint(bytes, at)
  if (wire === 1) return { value: bytes.readDoubleLE(at), end: at + 8 }
  if (wire === 5) return { value: bytes.readFloatLE(at), end: at + 4 }
  assert.is(wire, 2)
  const { value: length, end } = varint(bytes, at)
  return { value: bytes.subarray(end, end + length), end: end + length }
}

function varint(bytes: Buffer, at: number): { value: number; end: number } {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]!
    value += (byte % 128) * scale
    if (byte < 128) return { value, end: at }
  }
}

/** CRC-32C one bit after the other, with TFRecord's mask. */
function masked(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc = (crc ^ byte) >>> 0
    for (let bit = 0; bit < 8; bit++) crc = ((crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)) >>> 0
  }
  crc = (crc ^ 0xffffffff) >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
