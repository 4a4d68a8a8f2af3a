/** @file How a tokenizer cuts a text into pieces that no token crosses: the pre-tokenisers of tokenizer.json by their type. */
import { toByteLevel } from './byte-level.ts'
import type { Json } from './json.ts'
import { literalPattern, patternOf } from './pattern.ts'
import { prepend } from './piece.ts'
import type { Piece } from './piece.ts'

/** Cuts one piece; what is empty is left out. */
export type PreTokenizer = (piece: Piece) => Piece[]

export interface Splitting {
  readonly split: PreTokenizer
  /** Whether pieces are still to be written in byte characters, which the model does. */
  readonly isByteLevel: boolean
}

const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const
type Behavior = (typeof BEHAVIORS)[number]

const GPT2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu
const BERT = /[!-\/:-@\[-`\{-~\p{P}]|[^!-\/:-@\[-`\{-~\p{P}\p{White_Space}]+/gu
const WORDS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu
const NOT_SPACES = /\P{White_Space}+/gu
const PUNCTUATION = /[!-\/:-@\[-`\{-~\p{P}]/gu
const MAX_DEPTH = 16

/** The pre-tokeniser that a tokenizer.json describes; none leaves the text whole. */
export function splittingOf(json: Json): Splitting {
  const steps = stepsOf(json, 0)
  const last = steps.at(-1)
  const isByteLevel = last !== undefined && last.mapsBytes
  const splits = steps.flatMap(({ split, mapsBytes }, i) =>
    mapsBytes && i < steps.length - 1 ? [split, (piece: Piece) => [toByteLevel(piece)]] : [split],
  )
  const [first, ...rest] = splits
  if (!first) return { split: (piece) => [piece], isByteLevel }
  if (rest.length === 0) return { split: first, isByteLevel }
  return { split: (piece) => rest.reduce((pieces, split) => pieces.flatMap(split), first(piece)), isByteLevel }
}

interface Step {
  readonly split: PreTokenizer
  readonly mapsBytes: boolean
}

function stepsOf(json: Json, depth: number): Step[] {
  if (json.isNone) return []
  if (depth > MAX_DEPTH) return json.refuse('is nested too deep')
  if (json.field('type').text() !== 'Sequence')
    return [{ split: splitterOf(json), mapsBytes: json.field('type').text() === 'ByteLevel' }]
  return json
    .field('pretokenizers')
    .list()
    .flatMap((item) => stepsOf(item, depth + 1))
}

function splitterOf(json: Json): PreTokenizer {
  const type = json.field('type')
  switch (type.text()) {
    case 'ByteLevel':
      return byteLevel(json)
    case 'BertPreTokenizer':
      return matches(BERT)
    case 'Whitespace':
      return matches(WORDS)
    case 'WhitespaceSplit':
      return matches(NOT_SPACES)
    case 'Metaspace':
      return metaspace(json)
    case 'Punctuation':
      return splitter(PUNCTUATION, json.field('behavior').choice(BEHAVIORS, 'Isolated'), false)
    case 'Digits':
      return digits(json.field('individual_digits').flag(false))
    case 'CharDelimiterSplit':
      return splitter(literalPattern(json.field('delimiter').text()), 'Removed', false)
    case 'Split': {
      const pattern = patternOf(json.field('pattern'))
      return splitter(pattern, json.field('behavior').choice(BEHAVIORS), json.field('invert').flag(false))
    }
    case 'FixedLength':
      return fixedLength(json.field('length').index(5))
    default:
      return type.refuse('must be a known pre-tokeniser')
  }
}

function byteLevel(json: Json): PreTokenizer {
  const prefixes = json.field('add_prefix_space').flag(true)
  const split = json.field('use_regex').flag(true) ? splitter(GPT2, 'Isolated', false) : (piece: Piece) => [piece]
  return (piece) => split(prefixes && !piece.text.startsWith(' ') ? prepend(piece, ' ') : piece)
}

function metaspace(json: Json): PreTokenizer {
  const mark = json.field('replacement').text('▁')
  const older = json.field('add_prefix_space').flag(true) ? 'always' : 'never'
  const scheme = json.field('prepend_scheme').choice(['always', 'first', 'never'], older)
  const cut = json.field('split').flag(true) ? splitter(literalPattern(mark), 'MergedWithNext', false) : null
  if (mark.length !== 1) return json.field('replacement').refuse('must be one character')
  return (piece) => {
    if (piece.text.length === 0) return []
    const marked = piece.withText(piece.text.replaceAll(' ', mark))
    const isWanted = scheme === 'always' || (scheme === 'first' && piece.start(0) === 0)
    const whole = isWanted && !marked.text.startsWith(mark) ? prepend(marked, mark) : marked
    return cut ? cut(whole) : [whole]
  }
}

const digits = (individual: boolean): PreTokenizer => splitter(/\p{N}/gu, individual ? 'Isolated' : 'Contiguous', false)

function fixedLength(length: number): PreTokenizer {
  return (piece) => {
    const pieces: Piece[] = []
    let begin = 0
    let at = 0
    let count = 0
    for (const c of piece.text) {
      at += c.length
      if (++count % Math.max(1, length) !== 0) continue
      pieces.push(piece.slice(begin, at))
      begin = at
    }
    if (begin < at) pieces.push(piece.slice(begin, at))
    return pieces
  }
}

/** The matches alone. */
function matches(pattern: RegExp): PreTokenizer {
  return (piece) => {
    const { text } = piece
    const pieces: Piece[] = []
    pattern.lastIndex = 0
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      pieces.push(piece.slice(match.index, match.index + match[0].length))
    }
    return pieces
  }
}

/** Cuts at matches; `invert` swaps matches and what lies between them. */
function splitter(pattern: RegExp, behavior: Behavior, invert: boolean): PreTokenizer {
  return (piece) => {
    const ranges: Range[] = []
    let done = 0
    for (const match of piece.text.matchAll(pattern)) {
      const end = match.index + match[0].length
      if (end === match.index) continue
      if (match.index > done) ranges.push({ begin: done, end: match.index, isMatch: invert })
      ranges.push({ begin: match.index, end, isMatch: !invert })
      done = end
    }
    if (done < piece.text.length) ranges.push({ begin: done, end: piece.text.length, isMatch: invert })
    return merged(ranges, behavior).map(({ begin, end }) => piece.slice(begin, end))
  }
}

interface Range {
  begin: number
  end: number
  readonly isMatch: boolean
}

function merged(ranges: Range[], behavior: Behavior): Range[] {
  switch (behavior) {
    case 'Isolated':
      return ranges
    case 'Removed':
      return ranges.filter(({ isMatch }) => !isMatch)
    case 'Contiguous':
      return joined(ranges, (range, last) => last.isMatch === range.isMatch)
    case 'MergedWithPrevious':
      return joined(ranges, (range, last) => range.isMatch && !last.isMatch)
    case 'MergedWithNext':
      return joined(ranges, (range, last) => last.isMatch && !range.isMatch)
  }
  behavior satisfies never
}

/** Neighbours joined where `joins` says so of two that stand beside each other in `ranges`. */
function joined(ranges: Range[], joins: (range: Range, last: Range) => boolean): Range[] {
  const out: Range[] = []
  ranges.forEach((range, i) => {
    if (i > 0 && joins(range, ranges[i - 1]!)) out.at(-1)!.end = range.end
    else out.push({ ...range })
  })
  return out
}
