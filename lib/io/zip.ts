/** @file Zip archives by their directory: what is in them and where, read one entry at a time. Stored and deflated entries, zip64. Not by a library, because tensors in an archive are mapped: their place in the file is needed, not a stream. */
import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import { refuse } from './source.ts'
import type { Source } from './source.ts'

const END = 0x06054b50
const END_BYTES = 22
const MAX_COMMENT = 0xffff
const END64 = 0x06064b50
const END64_BYTES = 56
const LOCATOR64 = 0x07064b50
const LOCATOR64_BYTES = 20
const ENTRY = 0x02014b50
const ENTRY_BYTES = 46
const LOCAL = 0x04034b50
const LOCAL_BYTES = 30
const MAX_DIRECTORY_BYTES = 2 ** 28
const STORED = 0
const DEFLATED = 8
/** Deflate makes at most so many bytes of one. */
const MAX_RATIO = 1032

export interface ZipEntry {
  readonly name: string
  readonly isStored: boolean
  /** In the archive, and as they are. */
  readonly packedBytes: number
  readonly bytes: number
  readonly crc: number
  readonly localOffset: number
}

/** The entries of an archive by name. FORMAT when its directory is damaged or lies. */
export async function readZip(source: Source): Promise<ReadonlyMap<string, ZipEntry>> {
  const { offset, bytes, count } = await findDirectory(source)
  const inside = offset + bytes <= source.size && bytes <= MAX_DIRECTORY_BYTES && count * ENTRY_BYTES <= bytes
  if (!inside)
    refuse(source, `says that its directory of ${count} entries lies at byte ${offset} and has ${bytes} bytes.`)
  const view = viewOf(await source.read(offset, bytes))
  const entries = new Map<string, ZipEntry>()
  let at = 0
  for (let i = 0; i < count; i++) {
    const { entry, next } = readEntry(source, view, at)
    if (entries.has(entry.name)) refuse(source, `'${entry.name}' is in its directory twice.`)
    entries.set(entry.name, entry)
    at = next
  }
  checkApart(source, [...entries.values()])
  return entries
}

/** Entries that share bytes would make much of little: each of them is unpacked. */
function checkApart(source: Source, entries: readonly ZipEntry[]): void {
  let end = 0
  for (const { name, localOffset, packedBytes } of [...entries].sort((a, b) => a.localOffset - b.localOffset)) {
    if (localOffset < end) refuse(source, `'${name}' begins at byte ${localOffset}, within the entry before it.`)
    end = localOffset + LOCAL_BYTES + packedBytes
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
/** Beyond 2^53 it is inexact, but then beyond any file. */
const u64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true))

async function findDirectory(source: Source): Promise<{ offset: number; bytes: number; count: number }> {
  const { size } = source
  const tail = viewOf(
    await source.read(Math.max(0, size - END_BYTES - MAX_COMMENT), Math.min(size, END_BYTES + MAX_COMMENT)),
  )
  let end = tail.byteLength - END_BYTES
  const isEnd = (i: number) =>
    tail.getUint32(i, true) === END && i + END_BYTES + tail.getUint16(i + 20, true) === tail.byteLength
  while (end >= 0 && !isEnd(end)) end--
  if (end < 0) return refuse(source, 'has no directory at its end. The archive is damaged or not a zip file.')
  const found = {
    count: tail.getUint16(end + 10, true),
    bytes: tail.getUint32(end + 12, true),
    offset: tail.getUint32(end + 16, true),
  }
  const position = size - tail.byteLength + end
  const needs64 = found.count === 0xffff || found.bytes === 0xffffffff || found.offset === 0xffffffff
  if (!needs64 || position < LOCATOR64_BYTES) return found
  const locator = viewOf(await source.read(position - LOCATOR64_BYTES, LOCATOR64_BYTES))
  if (locator.getUint32(0, true) !== LOCATOR64) return found
  const end64 = viewOf(await source.read(u64(locator, 8), END64_BYTES))
  if (end64.getUint32(0, true) !== END64)
    refuse(source, `has no zip64 directory where it says, at byte ${u64(locator, 8)}.`)
  return { count: u64(end64, 32), bytes: u64(end64, 40), offset: u64(end64, 48) }
}

function readEntry(source: Source, view: DataView, at: number): { entry: ZipEntry; next: number } {
  const isThere = at + ENTRY_BYTES <= view.byteLength && view.getUint32(at, true) === ENTRY
  if (!isThere) return refuse(source, `has no entry at byte ${at} of its directory.`)
  const nameEnd = at + ENTRY_BYTES + view.getUint16(at + 28, true)
  const extraEnd = nameEnd + view.getUint16(at + 30, true)
  const next = extraEnd + view.getUint16(at + 32, true)
  if (next > view.byteLength) return refuse(source, `its directory ends within the entry at byte ${at}.`)
  const name = new TextDecoder().decode(
    new Uint8Array(view.buffer, view.byteOffset + at + ENTRY_BYTES, nameEnd - at - ENTRY_BYTES),
  )
  const method = view.getUint16(at + 10, true)
  if ((view.getUint16(at + 8, true) & 1) !== 0) refuse(source, `'${name}' is encrypted.`)
  if (method !== STORED && method !== DEFLATED)
    refuse(source, `'${name}' is packed by method ${method}; stored and deflated can be read.`)
  const sizes = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)]
  const [bytes, packedBytes, localOffset] = wideSizes(view, nameEnd, extraEnd, sizes) as [number, number, number]
  const fits = localOffset + LOCAL_BYTES + packedBytes <= source.size
  if (!fits)
    refuse(
      source,
      `says that '${name}' has ${packedBytes} bytes at ${localOffset}, but the file ends at ${source.size}.`,
    )
  const isStored = method === STORED
  if (isStored ? bytes !== packedBytes : bytes > packedBytes * MAX_RATIO)
    refuse(source, `says that ${packedBytes} bytes of '${name}' are ${bytes} when unpacked, which cannot be.`)
  return { entry: { name, isStored, packedBytes, bytes, crc: view.getUint32(at + 16, true), localOffset }, next }
}

/** Those that do not fit 32 bits are in the extra field of id 1, in this order. */
function wideSizes(view: DataView, begin: number, end: number, sizes: readonly number[]): number[] {
  for (let at = begin; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue
    let from = at + 4
    return sizes.map((size) => {
      if (size !== 0xffffffff || from + 8 > end) return size
      from += 8
      return u64(view, from - 8)
    })
  }
  return [...sizes]
}

/** Where an entry's bytes lie in the file. */
export async function placeOf(source: Source, entry: ZipEntry): Promise<number> {
  const local = viewOf(await source.read(entry.localOffset, LOCAL_BYTES))
  if (local.getUint32(0, true) !== LOCAL)
    refuse(source, `'${entry.name}' is not at byte ${entry.localOffset}, where the directory has it.`)
  const begin = entry.localOffset + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true)
  if (begin + entry.packedBytes > source.size) refuse(source, `ends within '${entry.name}'.`)
  return begin
}

const inflate = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflateRaw)

/** The bytes of an entry, checked against its sum. */
export async function readZipEntry(source: Source, entry: ZipEntry): Promise<Uint8Array> {
  const packed = await source.read(await placeOf(source, entry), entry.packedBytes)
  const bytes = entry.isStored ? packed : await unpack(source, entry, packed)
  if (crc32(bytes) !== entry.crc) refuse(source, `'${entry.name}' is damaged: its checksum is another.`)
  return bytes
}

async function unpack(source: Source, { name, bytes }: ZipEntry, packed: Uint8Array): Promise<Uint8Array> {
  try {
    const unpacked = await inflate(packed, { maxOutputLength: Math.max(bytes, 1) })
    if (unpacked.length === bytes) return unpacked
  } catch (error) {
    return refuse(source, `'${name}' cannot be unpacked: ${(error as Error).message}.`)
  }
  return refuse(source, `'${name}' has other than the ${bytes} bytes that the directory says.`)
}
