/** @file Writing a file that appears as a whole or not at all: aside in the same folder, flushed, then renamed. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Writes the pieces as they come. What is mapped from an older file of that name stays as it was. */
export async function writeAside(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  const file = await open(aside, 'wx')
  try {
    try {
      for await (const piece of pieces) {
        for (let done = 0; done < piece.length;) {
          const { bytesWritten } = await file.write(piece, done, Math.min(piece.length - done, 2 ** 30))
          done += bytesWritten
        }
      }
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, path)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
}
