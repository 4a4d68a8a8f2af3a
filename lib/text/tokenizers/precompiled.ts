/** @file SentencePiece's compiled character map: a double-array trie over UTF-8, then the texts that its values point at. */
// The layout is Darts-clone's. Read only: hostile offsets lead out of the array and end the walk.
import type { Json } from './json.ts'
import { mapCharacters, Rewriter } from './piece.ts'
import type { Piece } from './piece.ts'

/** What may join the character before it to one grapheme. */
const JOINS = /[\p{M}\p{Grapheme_Extend}\u200d\r\u0600-\u0605\u06dd\u070f]/u
/** A grapheme of more bytes is looked up character by character, as the reference does. */
const MAX_GRAPHEME_BYTES = 5

const MAX_TEXT_BYTES = 256

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Each grapheme, or else each of its characters, becomes what the map says of its shortest known prefix. */
export function precompiled(json: Json): (piece: Piece) => Piece {
  const map = CharacterMap.read(json, Buffer.from(json.text(), 'base64'))
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  const memo = new Map<string, string>()
  const character = (c: string): string => {
    let known = memo.get(c)
    if (known === undefined) {
      known = map.find(encoder.encode(c)) ?? c
      memo.set(c, known)
    }
    return known
  }
  return (piece) => {
    if (!JOINS.test(piece.text)) return mapCharacters(piece, character)
    const rewriter = new Rewriter(piece)
    for (const { segment, index } of segmenter.segment(piece.text)) {
      const bytes = encoder.encode(segment)
      const whole = bytes.length <= MAX_GRAPHEME_BYTES ? map.find(bytes) : null
      if (whole !== null) rewriter.put(whole, index, index + segment.length)
      else byCharacter(rewriter, segment, index, character)
    }
    return rewriter.done()
  }
}

function byCharacter(rewriter: Rewriter, segment: string, index: number, rewrite: (c: string) => string): void {
  let at = index
  for (const c of segment) {
    rewriter.put(rewrite(c), at, at + c.length)
    at += c.length
  }
}

class CharacterMap {
  readonly #units: Uint32Array
  readonly #texts: Uint8Array

  constructor(units: Uint32Array, texts: Uint8Array) {
    this.#units = units
    this.#texts = texts
  }

  /** u32 bytes of the trie, the trie, texts that end with a zero byte. */
  static read(json: Json, bytes: Buffer): CharacterMap {
    const trieBytes = bytes.length >= 4 ? bytes.readUInt32LE(0) : -1
    if (trieBytes < 0 || trieBytes % 4 !== 0 || trieBytes > bytes.length - 4)
      return json.refuse('must be a compiled character map')
    const units = new Uint32Array(bytes.buffer.slice(bytes.byteOffset + 4, bytes.byteOffset + 4 + trieBytes))
    return new CharacterMap(units, bytes.subarray(4 + trieBytes))
  }

  /** The text of the shortest prefix that the trie holds. */
  find(key: Uint8Array): string | null {
    const units = this.#units
    let node = 0
    let unit = units[0] ?? 0
    node ^= offsetOf(unit)
    for (const byte of key) {
      node ^= byte
      unit = units[node] ?? 0
      // The label, and no leaf.
      if (node >= units.length || (unit & 0x800000ff) >>> 0 !== byte) return null
      node ^= offsetOf(unit)
      if ((unit >>> 8) & 1) return this.#textAt((units[node] ?? 0) & 0x7fffffff)
    }
    return null
  }

  #textAt(at: number): string | null {
    const end = this.#texts.indexOf(0, at)
    return end >= at && end - at <= MAX_TEXT_BYTES ? decoder.decode(this.#texts.subarray(at, end)) : null
  }
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6)
