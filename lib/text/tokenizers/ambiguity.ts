/** @file Patterns that can take for ever, found by the pattern alone; none of a published tokenizer is one. */
// JavaScript's engine tries every way in which a repeated group can match before it gives up: exponentially many where the
// group itself can match in several ways.

/** Open quantifiers that may follow each other: as many positions can be chosen independently. */
const MOST_OPEN = 4
/** A group repeated no more often than this is tried in few ways. */
const FEW = 4

interface Group {
  /** A look around: what it matched is not tried anew. */
  readonly isLook: boolean
  /** Whether it can match one text in several ways, or several lengths. */
  isVariable: boolean
  /** Open quantifiers of this alternative, and the most of those before it. */
  open: number
  most: number
  /** Whether this alternative ends with a repetition of several ways so far, and whether one before it did. */
  isOpenEnded: boolean
  wasOpenEnded: boolean
}

const REASON = 'it repeats a group that can match in several ways, and goes on behind it'

const fresh = (isLook: boolean): Group => ({
  ...{ isLook, isVariable: false, open: 0, most: 0 },
  ...{ isOpenEnded: false, wasOpenEnded: false },
})

/** Throws SyntaxError for a source, valid for the flag v, that repeats a group of several ways. */
export function checkAmbiguity(source: string): void {
  const stack: Group[] = [fresh(false)]
  for (let at = 0; at < source.length;) {
    const group = stack[stack.length - 1]!
    const begin = /\((\?(?:[:=!]|<[=!]|<\w+>|[a-z-]+:))?/y
    begin.lastIndex = at
    const opened = begin.exec(source)
    if (opened) {
      stack.push(fresh(/^\?<?[=!]/.test(opened[1] ?? '')))
      at = begin.lastIndex
      continue
    }
    let inner: Group | null = null
    if (source[at] === '|') {
      const { most, wasOpenEnded } = ended(group)
      Object.assign(group, { isVariable: true, most, open: 0, wasOpenEnded: wasOpenEnded || group.isOpenEnded })
      group.isOpenEnded = false
      at++
      continue
    }
    if (source[at] === ')') {
      inner = stack.pop()!
      at++
    } else at = endOfAtom(source, at)
    at = quantified(source, at, inner, stack[stack.length - 1]!)
  }
}

/** What an atom and the quantifier behind it mean for the group around them; gives the end of both. */
function quantified(source: string, at: number, inner: Group | null, around: Group): number {
  const pattern = /([*+?]|\{(\d+)(,?)(\d*)\})\??/y
  pattern.lastIndex = at
  const found = pattern.exec(source)
  const own = inner && !inner.isLook ? ended(inner) : null
  const [, mark, low, comma, high] = found ?? []
  const most =
    !found || mark === '?' ? 1 : low === undefined ? Infinity : comma === '' ? Number(low) : Number(high || Infinity)
  // Where nothing comes behind it nothing can fail, and nothing is tried again.
  if (around.isOpenEnded || (own?.isOpenEnded && most > 1)) throw new SyntaxError(REASON)
  around.isOpenEnded = own !== null && ((own.isVariable && most > FEW) || own.isOpenEnded)
  around.isVariable ||= (own?.isVariable ?? false) || (found !== null && comma !== '')
  around.open += (own?.most ?? 0) + (most === Infinity ? 1 : 0)
  if (around.open > MOST_OPEN) throw new SyntaxError(`more than ${MOST_OPEN} parts of any length follow each other`)
  return found ? pattern.lastIndex : at
}

/** All alternatives as one. */
const ended = (group: Group): Group => ({
  ...group,
  most: Math.max(group.most, group.open),
  isOpenEnded: group.isOpenEnded || group.wasOpenEnded,
})

/** Behind a class, an escape or a character. */
function endOfAtom(source: string, begin: number): number {
  if (source[begin] === '\\') {
    const escape = /\\(?:[pPu]\{[^}]*\}|k<\w+>|[\s\S])/y
    escape.lastIndex = begin
    escape.exec(source)
    return escape.lastIndex || begin + 2
  }
  if (source[begin] !== '[') return begin + 1
  let depth = 0
  for (let at = begin; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === '[') depth++
    else if (source[at] === ']' && --depth === 0) return at + 1
  }
  return source.length
}
