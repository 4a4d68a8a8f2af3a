/** @file Regular expressions of tokenizer files (Oniguruma's syntax) as JavaScript's. Not every construct: those of splitters. */
import { TenonError } from '../../errors.ts'
import { checkAmbiguity } from './ambiguity.ts'
import type { Json } from './json.ts'

/** Oniguruma's classes by the Unicode properties that JavaScript knows, as they are written inside of a class. */
const CLASSES: Readonly<Record<string, string>> = {
  s: '\\p{White_Space}',
  d: '\\p{Nd}',
  w: '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}',
  h: '0-9A-Fa-f',
}
/** Oniguruma takes these for letters of words, but not inside of a class. */
const RAISED = '\\u00b2\\u00b3\\u00b9\\u00bc-\\u00be'
const POSIX: Readonly<Record<string, string>> = {
  ...{ alpha: '\\p{Alphabetic}', digit: '\\p{Nd}', alnum: '\\p{Alphabetic}\\p{Nd}', upper: '\\p{Uppercase}' },
  ...{ lower: '\\p{Lowercase}', space: '\\p{White_Space}', punct: '\\p{P}\\p{S}', cntrl: '\\p{Cc}' },
  ...{ word: CLASSES.w!, xdigit: CLASSES.h!, blank: '\\t\\p{Zs}' },
}
const ANCHORS: Readonly<Record<string, string>> = {
  A: '(?<![\\s\\S])',
  z: '(?![\\s\\S])',
  Z: '(?=\\n?(?![\\s\\S]))',
  b: wordEdge(true),
  B: wordEdge(false),
}
const LINE_START = '(?<![^\\n])'
const LINE_END = '(?![^\\n])'
const SYNTAX = /[\^$\\.*+?()[\]{}|/]/
const LETTER = /^[A-Za-z]$/
const MAX_LENGTH = 10_000
const MAX_DEPTH = 50

/** The flags g and v: every match, code points, nested classes. FORMAT for what is not understood. */
export function patternOf(json: Json): RegExp {
  const literal = json.field('String')
  if (!literal.isNone) return literalPattern(literal.text())
  const source = json.field('Regex')
  const text = source.text()
  if (text.length > MAX_LENGTH) return source.refuse(`must have at most ${MAX_LENGTH} characters`)
  try {
    return translate(text)
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError)
      throw new TenonError(
        'FORMAT',
        'Tokenizer',
        `${source.where}: is no pattern that is understood: ${error.message}.`,
        {
          cause: error,
        },
      )
    throw error
  }
}

/** Matches a text as it is. */
export function literalPattern(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gv')
}

/** Throws SyntaxError. */
export function translate(source: string): RegExp {
  const translated = new RegExp(new Translator(source).run(), 'gv')
  checkAmbiguity(translated.source)
  return translated
}

/** One walk over the source; `atom` is where the last thing that a quantifier may follow begins in the output. */
class Translator {
  readonly #source: string
  #at = 0
  #numAtomic = 0

  constructor(source: string) {
    this.#source = source
  }

  run(): string {
    const out = this.#alternatives(false, 0)
    if (this.#at < this.#source.length) throw new SyntaxError(`a ) too many at ${this.#at}`)
    return out
  }

  /** Up to the end or an unmatched ')'. */
  #alternatives(folds: boolean, depth: number): string {
    if (depth > MAX_DEPTH) throw new SyntaxError('groups nested too deep')
    let out = ''
    let folded = folds
    while (this.#at < this.#source.length && this.#source[this.#at] !== ')') {
      const option = this.#take(/\(\?([imx]*)(-[imx]+)?\)/y)
      if (option) folded = option[1]!.includes('i') || (folded && !(option[2] ?? '').includes('i'))
      else out += this.#quantified(this.#one(folded, depth))
    }
    return out
  }

  /** Without look at what follows. */
  #one(folds: boolean, depth: number): string {
    const c = this.#next()
    if (c === '(') return this.#group(folds, depth)
    if (c === '[') return this.#class(folds, depth + 1)
    if (c === '\\') return this.#escape(folds)
    if (c === '^') return LINE_START
    if (c === '$') return LINE_END
    if (c === '.') return '[^\\n]'
    if (c === '|') return '|'
    if (folds && LETTER.test(c)) return `[${c.toLowerCase()}${c.toUpperCase()}]`
    return /[{}\]/]/.test(c) ? `\\${c}` : c
  }

  /** The atom with its quantifiers; a possessive one becomes a group that does not go back. */
  #quantified(atom: string): string {
    let out = atom
    let quantifier = atom === '|' ? null : this.#take(/([*+?]|\{\d*,?\d*\})([?+]?)/y)
    while (quantifier) {
      const [whole, count, mode] = quantifier as unknown as [string, string, string]
      const isLiteral = count === '{}' || count === '{,}'
      if (isLiteral) return out + whole.replace(/[{}]/g, '\\$&')
      const times = count.replace('{,', '{0,')
      // A possessive {n,m}+ is, in Ruby's syntax, a repetition of a repetition.
      if (mode !== '+') out += times + mode
      else if (count.startsWith('{')) out = `(?:${out}${times})+`
      else out = this.#atomic(out + times)
      quantifier = this.#take(/([*+?]|\{\d*,?\d*\})([?+]?)/y)
      if (quantifier) out = `(?:${out})`
    }
    return out
  }

  #atomic(body: string): string {
    const name = `atomic${this.#numAtomic++}`
    return `(?:(?=(?<${name}>${body}))\\k<${name}>)`
  }

  #group(folds: boolean, depth: number): string {
    let open = '(?:'
    let inner = folds
    let isAtomic = false
    const kind = this.#take(/\?(?:([:=!>]|<[=!])|<\w+>|#[^)]*|([imx]*)(-[imx]+)?:)/y)
    if (kind?.[0].startsWith('?#')) open = '(?:'
    else if (kind?.[1] === '>') isAtomic = true
    else if (kind?.[1] !== undefined) open = `(?${kind[1]}`
    else if (kind?.[2] !== undefined) inner = kind[2].includes('i') || (folds && !(kind[3] ?? '').includes('i'))
    const body = this.#alternatives(inner, depth + 1)
    if (this.#next() !== ')') throw new SyntaxError('a group is not closed')
    return isAtomic ? this.#atomic(body) : `${open}${body})`
  }

  #escape(folds: boolean): string {
    const c = this.#next()
    if (Object.hasOwn(ANCHORS, c)) return ANCHORS[c]!
    if (c === 'w' || c === 'W') return `[${c === 'W' ? '^' : ''}${CLASSES.w}${RAISED}]`
    if (/[^A-Za-z0-9]/.test(c)) return SYNTAX.test(c) ? `\\${c}` : c
    const inside = this.#escapeInside(c)
    if (LETTER.test(inside) && folds) return `[${inside.toLowerCase()}${inside.toUpperCase()}]`
    return inside.length > 2 || inside.startsWith('\\p') ? `[${inside}]` : inside
  }

  /** After a backslash, as it is written inside of a class. */
  #escapeInside(c: string): string {
    const lower = c.toLowerCase()
    if (Object.hasOwn(CLASSES, lower)) return c === lower ? CLASSES[lower]! : `[^${CLASSES[lower]}]`
    if (c === 'p' || c === 'P') return this.#property(c)
    if (c === 'a') return '\\x07'
    if (c === 'e') return '\\x1b'
    if (/[nrtfv]/.test(c)) return `\\${c}`
    if (c === 'x' || c === 'u') return this.#codePoint(c)
    if (/[A-Za-z0-9]/.test(c)) throw new SyntaxError(`\\${c} is not known`)
    return /[\^$\\.*+?()[\]{}|/\-&!#%,:;<=>@`~]/.test(c) ? `\\${c}` : c
  }

  #property(c: string): string {
    const match = this.#take(/\{(\^?)([\w=]+)\}/y)
    if (!match) throw new SyntaxError(`\\${c} needs a property in braces`)
    const [, not, name] = match as unknown as [string, string, string]
    const isNegated = (c === 'P') !== (not === '^')
    const posix = POSIX[name.toLowerCase()]
    if (posix !== undefined) return isNegated ? `[^${posix}]` : posix
    return `\\${isNegated ? 'P' : 'p'}{${isProperty(name) ? name : `Script=${name}`}}`
  }

  #codePoint(c: string): string {
    const match = c === 'x' ? this.#take(/\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2})/y) : this.#take(/([0-9A-Fa-f]{4})/y)
    if (!match) throw new SyntaxError(`\\${c} needs digits`)
    return `\\u{${match[1] ?? match[2]}}`
  }

  /** After '['. */
  #class(folds: boolean, depth: number): string {
    if (depth > MAX_DEPTH) throw new SyntaxError('classes nested too deep')
    let out = ''
    const isNegated = this.#take(/\^/y) !== null
    if (this.#take(/\]/y)) out += '\\]'
    while (!this.#take(/\]/y)) {
      const posix = this.#take(/\[:(\^?)(\w+):\]/y)
      if (posix && !Object.hasOwn(POSIX, posix[2]!)) throw new SyntaxError(`${posix[0]} is not known`)
      if (posix) out += posix[1] ? `[^${POSIX[posix[2]!]}]` : POSIX[posix[2]!]!
      else out += this.#member(folds, depth)
    }
    // Operands of && must be single sets in JavaScript.
    const operands = out.split('&&')
    const body = operands.length > 1 ? operands.map((operand) => `[${operand}]`).join('&&') : out
    return `[${isNegated ? '^' : ''}${body}]`
  }

  #member(folds: boolean, depth: number): string {
    if (this.#take(/&&/y)) return '&&'
    const from = this.#memberAtom(depth)
    const isRange = this.#take(/-(?![\]])/y)
    if (!isRange) return folds && LETTER.test(from) ? from.toLowerCase() + from.toUpperCase() : from
    const isSet = from.startsWith('[') || /^\\[pP]/.test(from)
    if (isSet) return `${from}\\-`
    const to = this.#memberAtom(depth)
    if (to.startsWith('[') || /^\\[pP]/.test(to)) return `${from}\\-${to}`
    const range = `${from}-${to}`
    const isLetters = folds && LETTER.test(from) && LETTER.test(to)
    return isLetters ? `${range.toLowerCase()}${range.toUpperCase()}` : range
  }

  #memberAtom(depth: number): string {
    const c = this.#next()
    if (c === '[') return this.#class(false, depth + 1)
    if (c === '\\') return this.#escapeInside(this.#next())
    return /[()[\]{}/\-|&!#$%*+,.:;<=>?@^`~]/.test(c) ? `\\${c}` : c
  }

  #next(): string {
    const point = this.#source.codePointAt(this.#at)
    if (point === undefined) throw new SyntaxError('it ends too early')
    const c = String.fromCodePoint(point)
    this.#at += c.length
    return c
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#source)
    if (match) this.#at = pattern.lastIndex
    return match
  }
}

function isProperty(name: string): boolean {
  try {
    new RegExp(`\\p{${name}}`, 'v')
    return true
  } catch {
    return false
  }
}

function wordEdge(isEdge: boolean): string {
  const word = `[${CLASSES.w}${RAISED}]`
  const [same, other] = isEdge ? ['!', '='] : ['=', '!']
  return `(?:(?<=${word})(?${same}${word})|(?<!${word})(?${other}${word}))`
}
