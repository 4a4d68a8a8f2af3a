/** @file Zip archives for mutants: taken apart, and put together so that sums and sizes are right again. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipItem {
  readonly name: string
  readonly data: Uint8Array
}

/** An archive of such entries. */
export function zipFile(items: readonly ZipItem[], isPacked: boolean): Buffer {
  const [parts, directory]: [Uint8Array[], Uint8Array[]] = [[], []]
  let at = 0
  for (const { name, data } of items) {
    const packed = isPacked ? deflateRawSync(data, { level: 1 }) : data
    const text = Buffer.from(name)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(isPacked ? 8 : 0, 4)
    common.writeUInt32LE(crc32(data), 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(data.length, 18)
    common.writeUInt16LE(text.length, 22)
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(at, 10)
    directory.push(Buffer.concat([Uint8Array.of(0x50, 0x4b, 1, 2, 20, 0, 20, 0), common.subarray(2), tail, text]))
    const local = Buffer.concat([Uint8Array.of(0x50, 0x4b, 3, 4), common, text])
    parts.push(local, packed)
    at += local.length + packed.length
  }
  const listing = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(items.length, 10)
  end.writeUInt32LE(listing.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, listing, end])
}

/** The entries of a small archive, none of them packed. */
export function zipItems(file: Uint8Array): ZipItem[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  let end = file.length - 22
  while (view.getUint32(end, true) !== 0x06054b50) end--
  const items: ZipItem[] = []
  for (let at = view.getUint32(end + 16, true); at < end && view.getUint32(at, true) === 0x02014b50;) {
    const [n, x, c] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [number, number, number]
    const local = view.getUint32(at + 42, true)
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    items.push({
      name: Buffer.from(file.subarray(at + 46, at + 46 + n)).toString(),
      data: file.subarray(from, from + view.getUint32(at + 20, true)),
    })
    at += 46 + n + x + c
  }
  return items
}
