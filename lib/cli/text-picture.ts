/** @file Pictures as text: two pixels, one above the other, make a character. */

/** By which of the two is set: the upper counts 1, the lower 2. */
const BLOCKS = [' ', '▀', '▄', '█']

/** The lines of a grey picture whose pixels count as set from `threshold` on; bottom rows of odd heights have empty ones below. */
export function textPicture(pixels: Uint8Array, width: number, threshold = 100): string[] {
  const height = pixels.length / width
  const isSet = (x: number, y: number) => Number(y < height && pixels[y * width + x]! >= threshold)
  return Array.from({ length: Math.ceil(height / 2) }, (_, row) =>
    Array.from({ length: width }, (_, x) => BLOCKS[isSet(x, 2 * row) + 2 * isSet(x, 2 * row + 1)]).join(''),
  )
}

/** Blocks of lines side by side under their captions, as many a row as the width allows; what is empty above and below all is left out. */
export function sideBySide(blocks: readonly (readonly string[])[], captions: readonly string[], width = 80): string[] {
  const columns = blocks.map((block, i) => Math.max(captions[i]!.length, ...block.map((line) => line.length)) + 2)
  const lines: string[] = []
  for (let from = 0; from < blocks.length;) {
    let [to, used] = [from + 1, columns[from]!]
    while (to < blocks.length && used + columns[to]! <= width) used += columns[to++]!
    const row = blocks.slice(from, to)
    const height = Math.max(...row.map((block) => block.length))
    const padded = (text: string, i: number) => text.padEnd(columns[from + i]!)
    const join = (texts: readonly string[]) => texts.map(padded).join('').trimEnd()
    const drawn = Array.from({ length: height }, (_, y) => join(row.map((block) => block[y] ?? '')))
    const first = Math.max(0, drawn.findIndex(Boolean))
    lines.push(join(captions.slice(from, to)), ...drawn.slice(first, drawn.findLastIndex(Boolean) + 1))
    from = to
  }
  return lines
}
