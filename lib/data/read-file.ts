/** @file Reading files that may be anything: whole ones with a limit, and lines, plain or gzipped, with errors that name the file. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { fail, TenonError } from '../errors.ts'

/** The bytes of a file of at most `maxBytes`, in a buffer of their own. */
export async function readWhole(op: string, path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  return reading(op, path, async () => {
    const file = await open(path, 'r')
    try {
      const stat = await file.stat()
      if (!stat.isFile()) fail('FORMAT', op, `${path}: is not a file.`)
      if (stat.size > maxBytes)
        fail('FORMAT', op, `${path}: has ${stat.size} bytes, more than the ${maxBytes} that are allowed (maxBytes).`)
      const bytes = new Uint8Array(stat.size)
      let filled = 0
      while (filled < bytes.length) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled)
        if (bytesRead === 0) fail('FORMAT', op, `${path}: became shorter while it was read.`)
        filled += bytesRead
      }
      return bytes
    } finally {
      await file.close()
    }
  })
}

/** A file's bytes as they come, unpacked if it is gzipped. */
export async function* readChunks(op: string, path: string): AsyncGenerator<Buffer> {
  const { isGzip } = await lookAt(op, path)
  const file = createReadStream(path)
  // The loop throws what goes wrong in either stream; leaving it closes both.
  const chunks = isGzip ? pipeline(file, createGunzip(), () => {}) : file
  try {
    for await (const chunk of chunks) yield chunk as Buffer
  } catch (error) {
    throw cannotRead(op, path, error)
  } finally {
    file.destroy()
  }
}

/** Whether a file is packed, and its size as it is. */
export async function lookAt(op: string, path: string): Promise<{ isGzip: boolean; size: number }> {
  return reading(op, path, async () => {
    const file = await open(path, 'r')
    try {
      const { buffer } = await file.read(new Uint8Array(2), 0, 2, 0)
      return { isGzip: buffer[0] === 0x1f && buffer[1] === 0x8b, size: (await file.stat()).size }
    } finally {
      await file.close()
    }
  })
}

export interface Line {
  readonly text: string
  /** From 1. */
  readonly number: number
}

/** The lines of a UTF-8 file, without their ends. FORMAT for one longer than `maxBytes` or that is not UTF-8. */
export async function* readTextLines(op: string, path: string, maxBytes: number): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let number = 0
  const decode = (bytes: Uint8Array): Line => {
    number++
    const end = bytes[bytes.length - 1] === 0x0d ? bytes.length - 1 : bytes.length
    const hasMark = number === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    try {
      return { text: decoder.decode(bytes.subarray(hasMark ? 3 : 0, end)), number }
    } catch {
      return fail('FORMAT', op, `${path}, line ${number}: is not UTF-8.`)
    }
  }
  let parts: Buffer[] = []
  let length = 0
  for await (const chunk of readChunks(op, path)) {
    let begin = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, begin)) {
      const tail = chunk.subarray(begin, end)
      if (length + tail.length > maxBytes) tooLong(op, path, number + 1, maxBytes)
      yield decode(length === 0 ? tail : Buffer.concat([...parts, tail]))
      parts = []
      length = 0
      begin = end + 1
    }
    parts.push(chunk.subarray(begin))
    length += chunk.length - begin
    if (length > maxBytes) tooLong(op, path, number + 1, maxBytes)
  }
  if (length > 0) yield decode(Buffer.concat(parts))
}

const tooLong = (op: string, path: string, line: number, maxBytes: number): never =>
  fail('FORMAT', op, `${path}, line ${line}: is longer than ${maxBytes} bytes (maxLineBytes).`)

/** What goes wrong in `work`, as FORMAT with the file's name. */
async function reading<R>(op: string, path: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work()
  } catch (error) {
    throw cannotRead(op, path, error)
  }
}

function cannotRead(op: string, path: string, error: unknown): TenonError {
  if (error instanceof TenonError) return error
  const isMissing = (error as { code?: string }).code === 'ENOENT'
  const reason = isMissing ? 'there is no such file' : `cannot be read: ${(error as Error).message}`
  return new TenonError('FORMAT', op, `${path}: ${reason}.`, { cause: error })
}
