/** @file SentencePiece's compiled character map: a double-array trie over UTF-8, then the texts that its values point at. */
// The layout is Darts-clone's. Read only: hostile offsets lead out of the array and end the walk.
import type { Json } from './json.ts'
import { beginsOf, Rewriter } from './piece.ts'
import type { Piece } from './piece.ts'

/** What may join the character before it to one grapheme. */
const JOINS = /[\p{M}\p{Grapheme_Extend}\u200d\r\u0600-\u0605\u06dd\u070f]/u
/** A grapheme of more bytes is looked up character by character, as the reference does. */
const MAX_GRAPHEME_BYTES = 5

const MAX_TEXT_BYTES = 256

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Units of a text that become another one. */
interface Change {
  readonly begin: number
  readonly end: number
  readonly text: string
}

/**
 * The normaliser of a character map. In a tokenizer.json each grapheme, or else each of its characters, becomes what the map says of its
 * shortest known prefix, as in the reference; SentencePiece itself (`isLongest`) takes the longest match from left to right.
 */
export function precompiled(json: Json, isLongest: boolean): (piece: Piece) => Piece {
  const map = CharacterMap.read(json, Buffer.from(json.text(), 'base64'))
  const changesOf = isLongest ? longestChanges(map) : graphemeChanges(map)
  return (piece) => changed(piece, changesOf(piece.text))
}

function graphemeChanges(map: CharacterMap): (text: string) => Change[] {
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
  const byCharacter = (changes: Change[], text: string, at: number): void => {
    for (const c of text) {
      const other = character(c)
      if (other !== c) changes.push({ begin: at, end: at + c.length, text: other })
      at += c.length
    }
  }
  return (text) => {
    const changes: Change[] = []
    if (!JOINS.test(text)) byCharacter(changes, text, 0)
    else
      for (const { segment, index } of segmenter.segment(text)) {
        const bytes = encoder.encode(segment)
        const whole = bytes.length <= MAX_GRAPHEME_BYTES ? map.find(bytes) : null
        if (whole === null) byCharacter(changes, segment, index)
        else changes.push({ begin: index, end: index + segment.length, text: whole })
      }
    return changes
  }
}

function longestChanges(map: CharacterMap): (text: string) => Change[] {
  /** Of one character: what it becomes, and where the trie goes on behind it (-1: nowhere). */
  const memo = new Map<string, { text: string | null; node: number }>()
  const first = (c: string): { text: string | null; node: number } => {
    let known = memo.get(c)
    if (!known) {
      const node = map.walk(0, c)
      known = { text: map.textOf(node), node: map.isLast(node) ? -1 : node }
      memo.set(c, known)
    }
    return known
  }
  return (text) => {
    const changes: Change[] = []
    for (let at = 0; at < text.length;) {
      const c = characterAt(text, at)
      let { text: found, node } = first(c)
      let end = at + c.length
      for (let next = end; node >= 0 && next < text.length;) {
        const more = characterAt(text, next)
        node = map.walk(node, more)
        next += more.length
        const longer = map.textOf(node)
        if (longer !== null) [found, end] = [longer, next]
      }
      if (found !== null) changes.push({ begin: at, end, text: found })
      at = end
    }
    return changes
  }
}

const characterAt = (text: string, at: number): string => String.fromCodePoint(text.codePointAt(at)!)

/** Character i of what a range becomes stands for its character i; those that are more stand for its last one, as in the reference. */
function changed(piece: Piece, changes: readonly Change[]): Piece {
  const [first] = changes
  if (!first) return piece
  if (changes.every(({ begin, end, text }) => end - begin === 1 && text.length === 1)) {
    let [out, done] = ['', 0]
    for (const { begin, end, text } of changes) {
      out += piece.text.slice(done, begin) + text
      done = end
    }
    return piece.withText(out + piece.text.slice(done))
  }
  const rewriter = new Rewriter(piece)
  let done = 0
  for (const { begin, end, text } of changes) {
    rewriter.keep(done, begin)
    const characters = Array.from(text)
    const begins = beginsOf(piece.text.slice(begin, end), begin)
    rewriter.align(
      characters,
      characters.map((_, i) => Math.min(i, begins.length - 2)),
      begins,
    )
    done = end
  }
  rewriter.keep(done, piece.text.length)
  // What vanishes at the beginning is the beginning of what follows: the text still begins where it did.
  return rewriter.done(first.begin === 0 && first.text === '')
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
    let node = 0
    for (const byte of key) {
      node = this.#step(node, byte)
      const text = this.textOf(node)
      if (text !== null || node < 0) return text
    }
    return null
  }

  /** The node behind the bytes of a character, -1 for none. */
  walk(node: number, character: string): number {
    const code = character.charCodeAt(0)
    if (code < 0x80) return this.#step(node, code)
    for (const byte of encoder.encode(character)) node = this.#step(node, byte)
    return node
  }

  /** What the text that leads to a node becomes, null where the map does not say. */
  textOf(node: number): string | null {
    if (node < 0) return null
    const unit = this.#units[node]!
    return (unit >>> 8) & 1 ? this.#textAt((this.#units[node ^ offsetOf(unit)] ?? 0) & 0x7fffffff) : null
  }

  /** Whether no byte leads on from a node. */
  isLast(node: number): boolean {
    for (let byte = 1; byte < 256; byte++) if (this.#step(node, byte) >= 0) return false
    return true
  }

  #step(node: number, byte: number): number {
    const units = this.#units
    if (node < 0 || node >= units.length) return -1
    const next = node ^ offsetOf(units[node]!) ^ byte
    // The label, and no leaf.
    return next < units.length && next >= 0 && (units[next]! & 0x800000ff) >>> 0 === byte ? next : -1
  }

  #textAt(at: number): string | null {
    const end = this.#texts.indexOf(0, at)
    return end >= at && end - at <= MAX_TEXT_BYTES ? decoder.decode(this.#texts.subarray(at, end)) : null
  }
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6)
