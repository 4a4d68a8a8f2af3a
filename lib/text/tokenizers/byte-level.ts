/** @file Bytes as printable characters (GPT-2's table), so that any text is a text over an alphabet of 256. */
import type { Model, Tokens } from './model.ts'
import { Rewriter } from './piece.ts'
import type { Piece } from './piece.ts'

/** The character of each byte: printable Latin-1 stands for itself, the others follow from U+0100. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters()

const BYTES = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]))
const encoder = new TextEncoder()

/** The bytes of a token in byte characters; one with another character stands for its own UTF-8. */
export function bytesOfByteLevel(token: string): Uint8Array {
  const bytes = Array.from(token, (c) => BYTES.get(c) ?? -1)
  return bytes.includes(-1) ? encoder.encode(token) : Uint8Array.from(bytes)
}

/** A piece in byte characters. */
export function toByteLevel(piece: Piece): Piece {
  const rewriter = new Rewriter(piece)
  let at = 0
  for (const c of piece.text) {
    rewriter.put(inBytes(c), at, at + c.length)
    at += c.length
  }
  return rewriter.done()
}

/** A model over byte characters as one over texts: tokens reach over the characters of which they have a byte. */
export class ByteLevelModel implements Model {
  readonly #inner: Model

  constructor(inner: Model) {
    this.#inner = inner
  }

  tokenize(text: string): Tokens {
    const bytes = inBytes(text)
    const tokens = this.#inner.tokenize(bytes)
    if (bytes.length === text.length) return tokens
    const starts: number[] = []
    const ends: number[] = []
    let at = 0
    for (const c of text) {
      const end = at + c.length
      const count = byteLength(c.codePointAt(0)!)
      for (let i = 0; i < count; i++) {
        starts.push(at)
        ends.push(end)
      }
      at = end
    }
    return { ids: tokens.ids, starts: tokens.starts.map((i) => starts[i]!), ends: tokens.ends.map((i) => ends[i - 1]!) }
  }
}

function inBytes(text: string): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) return out + Array.from(encoder.encode(text.slice(i)), (byte) => BYTE_CHARACTERS[byte]).join('')
    out += BYTE_CHARACTERS[unit]
  }
  return out
}

const byteLength = (point: number): number => (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4)

function byteCharacters(): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad)
    return String.fromCodePoint(isPrintable ? byte : next++)
  })
}
