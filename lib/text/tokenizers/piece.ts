/** @file A piece of text that remembers where each of its units came from, however often it was rewritten or cut. */

/** For each UTF-16 unit of a rewritten text, the range of the original that it stands for. */
interface Origins {
  readonly starts: ArrayLike<number>
  readonly ends: ArrayLike<number>
}

/** Without origins unit i is unit `at + i` of the original; with them, it is what they say of `at + i`. */
export class Piece {
  readonly text: string
  readonly at: number
  readonly origins: Origins | null

  constructor(text: string, at = 0, origins: Origins | null = null) {
    this.text = text
    this.at = at
    this.origins = origins
  }

  /** Where unit i begins in the original. */
  start(i: number): number {
    return this.origins ? (this.origins.starts[this.at + i] ?? 0) : this.at + i
  }

  /** Where unit i ends in the original. */
  end(i: number): number {
    return this.origins ? (this.origins.ends[this.at + i] ?? 0) : this.at + i + 1
  }

  slice(begin: number, end: number): Piece {
    return new Piece(this.text.slice(begin, end), this.at + begin, this.origins)
  }

  /** Another text of the same length, unit for unit. */
  withText(text: string): Piece {
    return new Piece(text, this.at, this.origins)
  }
}

/** Builds the rewritten form of a piece from left to right. */
export class Rewriter {
  readonly #piece: Piece
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #text = ''

  constructor(piece: Piece) {
    this.#piece = piece
  }

  /** `text` stands for the units [begin, end) of the piece. */
  put(text: string, begin: number, end: number): void {
    if (text.length === 0) return
    const start = this.#piece.start(begin)
    const stop = this.#piece.end(end - 1)
    this.#text += text
    for (let i = 0; i < text.length; i++) {
      this.#starts.push(start)
      this.#ends.push(stop)
    }
  }

  /** The units [begin, end) as they are. */
  keep(begin: number, end: number): void {
    this.#text += this.#piece.text.slice(begin, end)
    for (let i = begin; i < end; i++) {
      this.#starts.push(this.#piece.start(i))
      this.#ends.push(this.#piece.end(i))
    }
  }

  /**
   * Character i stands for character `sources[i]` of those that begin at `begins` (which ends with their end).
   */
  align(characters: readonly string[], sources: readonly number[], begins: readonly number[]): void {
    characters.forEach((character, i) => this.put(character, begins[sources[i]!]!, begins[sources[i]! + 1]!))
  }

  /** `fromBegin`: the first unit begins where the piece began. */
  done(fromBegin = false): Piece {
    if (fromBegin && this.#starts.length > 0) this.#starts[0] = this.#piece.start(0)
    return new Piece(this.#text, 0, { starts: this.#starts, ends: this.#ends })
  }
}

/** Every character (code point) replaced by what `rewrite` makes of it. */
export function mapCharacters(piece: Piece, rewrite: (character: string) => string): Piece {
  let text = ''
  let isAligned = true
  for (const character of piece.text) {
    const other = rewrite(character)
    isAligned &&= other.length === character.length
    text += other
  }
  if (isAligned) return text === piece.text ? piece : piece.withText(text)
  const rewriter = new Rewriter(piece)
  let at = 0
  for (const character of piece.text) {
    const other = rewrite(character)
    if (other === character) rewriter.keep(at, at + character.length)
    else rewriter.put(other, at, at + character.length)
    at += character.length
  }
  return rewriter.done()
}

/** Every match of `pattern` (with the flag g) replaced by a fixed text, which stands for the match's last character, as in the reference. */
export function replaceMatches(piece: Piece, pattern: RegExp, content: string): Piece {
  const text = piece.text.replace(pattern, () => content)
  if (text === piece.text) return piece
  const rewriter = new Rewriter(piece)
  let done = 0
  for (const match of piece.text.matchAll(pattern)) {
    const end = match.index + match[0].length
    rewriter.keep(done, match.index)
    if (end > match.index) rewriter.put(content, end - (isWide(piece.text, end) ? 2 : 1), end)
    done = end
  }
  rewriter.keep(done, piece.text.length)
  return rewriter.done()
}

/** `prefix` in front; it stands for the first character. */
export function prepend(piece: Piece, prefix: string): Piece {
  if (piece.text.length === 0) return piece
  const rewriter = new Rewriter(piece)
  const first = piece.text.codePointAt(0)! > 0xffff ? 2 : 1
  rewriter.put(prefix, 0, first)
  rewriter.keep(0, piece.text.length)
  return rewriter.done()
}

/** Whether the character that ends at `end` has two units. */
const isWide = (text: string, end: number): boolean => end > 1 && text.codePointAt(end - 2)! > 0xffff

/** Where the characters (code points) of a text that begins at `begin` begin, and at last where it ends. */
export function beginsOf(text: string, begin: number): number[] {
  const begins = [begin]
  for (const character of text) begins.push(begins.at(-1)! + character.length)
  return begins
}
