/** @file Pictures as PNG files in memory. */
import { check } from '../errors.ts'
import type { Picture } from './logs.ts'

/** Throws VALUE for a picture whose numbers do not fit each other. */
export function checkPicture(op: string, { width, height, channels, pixels }: Picture): void {
  const sizes = [width, height].every((size) => Number.isSafeInteger(size) && size > 0)
  check(
    sizes && [1, 2, 3, 4].includes(channels),
    'VALUE',
    op,
    () => `a picture has 1 to 4 channels, got ${width} x ${height} x ${channels}.`,
  )
  check(pixels instanceof Uint8Array && pixels.length === width * height * channels, 'VALUE', op, () => {
    return `a picture of ${width} x ${height} x ${channels} is a Uint8Array of ${width * height * channels} numbers, got ${pixels?.length}.`
  })
}

export async function encodePng({ width, height, channels, pixels }: Picture): Promise<Uint8Array> {
  // Loaded when the first picture comes: few programs that import tenon make one.
  const { encode } = await import('fast-png')
  return encode({ width, height, channels, data: pixels, depth: 8 })
}
