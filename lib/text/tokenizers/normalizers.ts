/** @file What a tokenizer does to a text before it is split: the normalisers of tokenizer.json by their type. */
import { toByteLevel } from './byte-level.ts'
import type { Json } from './json.ts'
import { patternOf } from './pattern.ts'
import { beginsOf, mapCharacters, prepend, replaceMatches, Rewriter } from './piece.ts'
import type { Piece } from './piece.ts'
import { precompiled } from './precompiled.ts'

export type Normalizer = (piece: Piece) => Piece

type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD'
const MAX_DEPTH = 16

/** The normaliser that a tokenizer.json describes; null for none. */
export function normalizerOf(json: Json, depth = 0): Normalizer | null {
  if (json.isNone) return null
  if (depth > MAX_DEPTH) return json.refuse('is nested too deep')
  const type = json.field('type')
  switch (type.text()) {
    case 'Sequence': {
      const list = json.field('normalizers').list()
      const steps = list.map((item) => normalizerOf(item, depth + 1) ?? item.refuse('must be a normaliser'))
      return (piece) =>
        steps.reduce((before, step) => {
          const after = step(before)
          json.checkGrowth(piece.text.length, after.text.length)
          return after
        }, piece)
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return unicode(type.text() as Form)
    case 'BertNormalizer':
      return bert(json)
    case 'Lowercase':
      return lowercase
    case 'StripAccents':
      return (piece) => (/\p{M}/u.test(piece.text) ? replaceMatches(piece, /\p{M}/gu, '') : piece)
    case 'Strip': {
      const [left, right] = [json.field('strip_left').flag(true), json.field('strip_right').flag(true)]
      return (piece) => trimmed(piece, left, right)
    }
    case 'Prepend': {
      const prefix = json.field('prepend').shortText()
      return (piece) => prepend(piece, prefix)
    }
    case 'Replace': {
      const pattern = patternOf(json.field('pattern'))
      const content = json.field('content').shortText()
      return (piece) => replaceMatches(piece, pattern, content)
    }
    case 'Precompiled':
      return precompiled(json.field('precompiled_charsmap'), json.field('longest_match').flag(false))
    case 'ByteLevel':
      return toByteLevel
    case 'Nmt':
      return (piece) => mapCharacters(piece, nmt)
    default:
      return type.refuse('must be a known normaliser')
  }
}

/** What may combine with the character before it: marks, and Korean vowels and finals. */
const SEGMENT = /[\s\S][\p{M}\u1160-\u11ff\u3131-\u318e\uff9e\uff9f\uffa0-\uffdc]*/gu

/** Group by group; what characters of a group that changes stand for is told by sourcesOf. */
function unicode(form: Form): Normalizer {
  return (piece) => {
    const text = piece.text.normalize(form)
    if (text === piece.text) return piece
    const rewriter = new Rewriter(piece)
    for (const { 0: segment, index } of piece.text.matchAll(SEGMENT)) {
      const other = segment.normalize(form)
      if (other === segment) rewriter.keep(index, index + segment.length)
      else rewriter.align(Array.from(other), sourcesOf(segment, other, form), beginsOf(segment, index))
    }
    return rewriter.done()
  }
}

/**
 * Which character of a group each character of its normal form stands for, as the reference counts it: a composed one for the first of its
 * parts, parts of one for that one.
 */
function sourcesOf(segment: string, other: string, form: Form): number[] {
  const isCompatible = form === 'NFKC' || form === 'NFKD'
  // Every part that a character has beyond its first is one more than there was.
  const parts = Array.from(segment).flatMap((character) =>
    Array.from(character.normalize(isCompatible ? 'NFKD' : 'NFD'), (part, i) => ({ part, change: i > 0 ? 1 : 0 })),
  )
  let next = 0
  return Array.from(other, (character) => {
    const own = form === 'NFC' || form === 'NFKC' ? Array.from(character.normalize('NFD')) : [character]
    let change = 1 - own.length
    for (const part of own) {
      const at = parts.findIndex((candidate) => candidate.part === part)
      if (at >= 0) change += parts.splice(at, 1)[0]!.change
    }
    const source = change > 0 ? Math.max(0, next - 1) : next
    if (change <= 0) next += 1 - change
    return source
  })
}

/** Character by character: a final sigma has no form of its own here. */
function lowercase(piece: Piece): Piece {
  if (/[ΣİΑ-Ω]/u.test(piece.text)) return mapCharacters(piece, (c) => c.toLowerCase())
  const text = piece.text.toLowerCase()
  return text === piece.text ? piece : piece.withText(text)
}

/** Without the spaces at its ends. */
export function trimmed(piece: Piece, left = true, right = true): Piece {
  const begin = left ? /^\p{White_Space}*/u.exec(piece.text)![0].length : 0
  let end = piece.text.length
  while (right && end > begin && /\p{White_Space}/u.test(piece.text[end - 1]!)) end--
  return begin > 0 || end < piece.text.length ? piece.slice(begin, end) : piece
}

const CJK =
  /[\u{4e00}-\u{9fff}\u{3400}-\u{4dbf}\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{f900}-\u{faff}\u{2f800}-\u{2fa1f}]/u

/** BERT's cleaning, spaces around Chinese characters, accents off, lower case; each is a function of single characters. */
function bert(json: Json): Normalizer {
  const lowers = json.field('lowercase').flag(true)
  const cleans = json.field('clean_text').flag(true)
  const spaces = json.field('handle_chinese_chars').flag(true)
  const strips = json.field('strip_accents').flag(lowers)
  const rewrite = (c: string): string => {
    let text = c
    if (cleans && /[\t\n\r\p{White_Space}]/u.test(c)) text = ' '
    else if (cleans && /[\ufffd\p{Cc}\p{Cf}\p{Co}]/u.test(c)) text = ''
    if (spaces && CJK.test(c)) text = ` ${c} `
    if (strips) text = text.normalize('NFD').replace(/\p{Mn}/gu, '')
    return lowers ? Array.from(text, (part) => part.toLowerCase()).join('') : text
  }
  const memo = new Map<string, string>()
  const remembered = (c: string): string => {
    let known = memo.get(c)
    if (known === undefined) {
      known = rewrite(c)
      memo.set(c, known)
    }
    return known
  }
  return (piece) => {
    if (!/^[ -~]*$/.test(piece.text)) return mapCharacters(piece, remembered)
    return lowers ? piece.withText(piece.text.toLowerCase()) : piece
  }
}

/** Controls are dropped, what separates becomes a space. */
function nmt(c: string): string {
  if (/[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/.test(c)) return ''
  return /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/.test(c) ? ' ' : c
}
