/** @file How tokens become text again: the decoders of tokenizer.json by their type, and decoding token by token. */
import { bytesOfByteLevel } from './byte-level.ts'
import type { Json } from './json.ts'
import { patternOf } from './pattern.ts'

/** From tokens to texts that are joined. */
export type Decoder = (tokens: readonly string[]) => readonly string[]

const MAX_DEPTH = 16
const lossy = new TextDecoder('utf-8', { ignoreBOM: true })
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

/** The decoder that a tokenizer.json describes; without one, tokens are joined by spaces. */
export function decoderOf(json: Json, depth = 0): Decoder {
  if (json.isNone) return (tokens) => [tokens.join(' ')]
  if (depth > MAX_DEPTH) return json.refuse('is nested too deep')
  const type = json.field('type')
  switch (type.text()) {
    case 'Sequence': {
      const steps = json
        .field('decoders')
        .list()
        .map((item) => decoderOf(item, depth + 1))
      return (tokens) =>
        steps.reduce((before, step) => {
          const after = step(before)
          json.checkGrowth(lengthOf(tokens), lengthOf(after))
          return after
        }, tokens)
    }
    case 'ByteLevel':
      return (tokens) => [lossy.decode(Buffer.concat(tokens.map(bytesOfByteLevel)))]
    case 'WordPiece':
      return wordPiece(json.field('prefix').text('##'), json.field('cleanup').flag(true))
    case 'Metaspace':
      return metaspace(json)
    case 'BPEDecoder':
      return bpe(json.field('suffix').text('</w>'))
    case 'ByteFallback':
      return byteFallback
    case 'Fuse':
      return (tokens) => [tokens.join('')]
    case 'Strip':
      return strip(json.field('content').text(), json.field('start').index(0), json.field('stop').index(0))
    case 'Replace': {
      const pattern = patternOf(json.field('pattern'))
      const content = json.field('content').shortText()
      return (tokens) => tokens.map((token) => token.replace(pattern, () => content))
    }
    case 'CTC':
      return ctc(json)
    default:
      return type.refuse('must be a known decoder')
  }
}

const lengthOf = (tokens: readonly string[]): number => tokens.reduce((sum, { length }) => sum + length, 0)

function wordPiece(prefix: string, cleans: boolean): Decoder {
  return (tokens) =>
    tokens.map((token, i) => {
      const joined = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`
      return cleans ? cleaned(joined) : joined
    })
}

function metaspace(json: Json): Decoder {
  const mark = json.field('replacement').text('▁')
  const older = json.field('add_prefix_space').flag(true) ? 'always' : 'never'
  const isPrefixed = json.field('prepend_scheme').choice(['always', 'first', 'never'], older) !== 'never'
  return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && isPrefixed ? '' : ' '))
}

const bpe =
  (suffix: string): Decoder =>
  (tokens) =>
    tokens.map((token, i) => (suffix ? token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' ') : token))

/** Neighbours '<0xE2>', '<0x82>', ... are UTF-8; if they are not, each is a replacement character. */
function byteFallback(tokens: readonly string[]): readonly string[] {
  const out: string[] = []
  let bytes: number[] = []
  const flush = (): void => {
    if (bytes.length === 0) return
    try {
      out.push(strict.decode(Uint8Array.from(bytes)))
    } catch {
      out.push('\ufffd'.repeat(bytes.length))
    }
    bytes = []
  }
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)
    if (byte) bytes.push(Number.parseInt(byte[1]!, 16))
    else {
      flush()
      out.push(token)
    }
  }
  flush()
  return out
}

/** At most so many of a text at each end of every token. */
function strip(content: string, start: number, stop: number): Decoder {
  const { length } = content
  return (tokens) =>
    tokens.map((token) => {
      let begin = 0
      let end = token.length
      if (length === 0) return token
      for (let i = 0; i < start && token.startsWith(content, begin); i++) begin += length
      for (let i = 0; i < stop && end - length >= begin && token.endsWith(content.slice(0), end); i++) end -= length
      return token.slice(begin, end)
    })
}

/** Repetitions are one, then blanks go. */
function ctc(json: Json): Decoder {
  const blank = json.field('pad_token').text('<pad>')
  const delimiter = json.field('word_delimiter_token').text('|')
  const cleans = json.field('cleanup').flag(true)
  return (tokens) =>
    tokens
      .filter((token, i) => token !== tokens[i - 1])
      .map((token) => token.replaceAll(blank, ''))
      .map((token) => (cleans ? cleaned(token).replaceAll(delimiter, ' ') : token))
      .filter((token) => token.length > 0)
}

type Replacement = readonly [from: string, to: string]
const ATTACHED: readonly Replacement[] = [' .', ' ?', ' !', ' ,'].map((text) => [text, text.slice(1)])
const SHORT_FORMS: readonly Replacement[] = [" 's", " 've", " 're"].map((text) => [text, text.slice(1)])
const CLEAN_UP: readonly Replacement[] = [...ATTACHED, [" ' ", "'"], [" n't", "n't"], [" 'm", "'m"], ...SHORT_FORMS]
/** What decoders do of themselves writes one more short form. */
const CLEANINGS = CLEAN_UP.toSpliced(-SHORT_FORMS.length, 0, [' do not', " don't"])

const replaced = (text: string, list: readonly Replacement[]): string =>
  list.reduce((before, [from, to]) => before.replaceAll(from, to), text)

/** Spaces that English does not write. */
const cleaned = (text: string): string => replaced(text, CLEANINGS)

/** The same for a whole text, as transformers' clean_up_tokenization_spaces. */
export const cleanedUp = (text: string): string => replaced(text, CLEAN_UP)

/** Gives text token by token, each character as soon as all its bytes are there. */
export class DecodeStream {
  readonly #decode: (ids: readonly number[]) => string
  #ids: number[] = []
  /** The text of the first `#numGiven` ids was given. */
  #numGiven = 0
  #given = ''

  /** `decode` gives the text of ids. */
  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode
  }

  /** The text that this token completes, '' if it is not complete yet. */
  push(id: number | bigint): string {
    this.#ids.push(Number(id))
    const text = this.#decode(this.#ids)
    if (text.length <= this.#given.length || text.endsWith('\ufffd')) return ''
    const piece = text.slice(this.#given.length)
    // The last tokens stay as context: what stands first may be written otherwise.
    this.#ids = this.#ids.slice(this.#numGiven)
    this.#numGiven = this.#ids.length
    this.#given = this.#decode(this.#ids)
    return piece
  }

  /** What is left at the end: incomplete characters as U+FFFD. */
  flush(): string {
    const piece = this.#decode(this.#ids).slice(this.#given.length)
    this.#ids = []
    this.#numGiven = 0
    this.#given = ''
    return piece
  }
}
