/** @file What is done to the tokens of one or two texts at last: special tokens, types, offsets without spaces. */
import type { Run, Slot } from './encoding.ts'
import type { Json } from './json.ts'

export interface PostProcessor {
  /** What one text becomes, and what two become. */
  readonly single: readonly Slot[]
  readonly pair: readonly Slot[]
  /** Narrows the offsets of tokens. */
  readonly trim: ((run: Run, name: (id: number) => string) => Run) | null
}

const MAX_DEPTH = 16
const A: Slot = { kind: 'text', index: 0, type: 0 }
const B: Slot = { kind: 'text', index: 1, type: 1 }
const PLAIN: PostProcessor = { single: [A], pair: [A, B], trim: null }

/** The post-processor that a tokenizer.json describes. */
export function postProcessorOf(json: Json, depth = 0): PostProcessor {
  if (json.isNone) return PLAIN
  if (depth > MAX_DEPTH) return json.refuse('is nested too deep')
  const type = json.field('type')
  switch (type.text()) {
    case 'Sequence':
      return sequence(
        json
          .field('processors')
          .list()
          .map((item) => postProcessorOf(item, depth + 1)),
      )
    case 'TemplateProcessing':
      return template(json)
    case 'BertProcessing':
      return bert(json)
    case 'RobertaProcessing':
      return roberta(json)
    case 'ByteLevel':
      return { ...PLAIN, trim: trimming(json) }
    default:
      return type.refuse('must be a known post-processor')
  }
}

/** The same slots without special tokens. */
export const withoutSpecials = (slots: readonly Slot[]): readonly Slot[] => slots.filter(({ kind }) => kind === 'text')

export function numSpecials(slots: readonly Slot[]): number {
  return slots.reduce((sum, slot) => sum + (slot.kind === 'special' ? slot.ids.length : 0), 0)
}

/** Offsets are trimmed by any, special tokens are put by the one that has them. */
function sequence(processors: readonly PostProcessor[]): PostProcessor {
  const withTokens = processors.find(({ single, pair }) => single !== PLAIN.single || pair !== PLAIN.pair) ?? PLAIN
  const trims = processors.flatMap(({ trim }) => trim ?? [])
  return {
    ...withTokens,
    trim: trims.length > 0 ? (run, name) => trims.reduce((before, trim) => trim(before, name), run) : null,
  }
}

/** A template puts its parts around every text: thousands of them would take all memory. */
const MAX_SLOTS = 100

function template(json: Json): PostProcessor {
  const specials = new Map<string, number[]>()
  const table = json.field('special_tokens')
  if (!table.isNone)
    for (const [name, item] of table.entries()) {
      const ids = item.field('ids').list()
      if (ids.length > MAX_SLOTS) item.refuse(`must have at most ${MAX_SLOTS} ids`)
      specials.set(
        name,
        ids.map((id) => id.index()),
      )
    }
  const slots = (field: Json): Slot[] => {
    const list = field.list()
    return list.length <= MAX_SLOTS
      ? list.map((item) => slotOf(item, specials))
      : field.refuse(`must have at most ${MAX_SLOTS} parts`)
  }
  const single = slots(json.field('single'))
  if (single.some((slot) => slot.kind === 'text' && slot.index > 0))
    json.field('single').refuse('must have no second text')
  const pair = json.field('pair')
  return { single, pair: pair.isNone ? PLAIN.pair : slots(pair), trim: null }
}

function slotOf(item: Json, specials: ReadonlyMap<string, number[]>): Slot {
  const text = item.field('Sequence')
  if (!text.isNone) {
    const index = text.field('id').choice(['A', 'B']) === 'A' ? 0 : 1
    return { kind: 'text', index, type: text.field('type_id').index(0) }
  }
  const special = item.field('SpecialToken')
  const name = special.field('id')
  const ids = specials.get(name.text()) ?? name.refuse('must be one of special_tokens')
  return { kind: 'special', ids, type: special.field('type_id').index(0) }
}

/** [CLS] A [SEP], [CLS] A [SEP] B [SEP]. */
function bert(json: Json): PostProcessor {
  const cls = special(json.field('cls'), 0)
  const sep = json.field('sep')
  const end = special(sep, 0)
  return { single: [cls, A, end], pair: [cls, A, end, B, special(sep, 1)], trim: null }
}

/** <s> A </s>, <s> A </s> </s> B </s>, all of type 0. */
function roberta(json: Json): PostProcessor {
  const cls = special(json.field('cls'), 0)
  const sep = special(json.field('sep'), 0)
  return {
    single: [cls, A, sep],
    pair: [cls, A, sep, sep, { ...B, type: 0 }, sep],
    trim: trimming(json),
  }
}

/** From ['[CLS]', 101]. */
function special(json: Json, type: number): Slot {
  const [, id] = json.list()
  return { kind: 'special', ids: [id ? id.index() : json.refuse('must be a token and its id')], type }
}

/** Takes the spaces at a token's ends out of its offsets. A space in front of the text that was added stands for none. */
function trimming(json: Json): PostProcessor['trim'] {
  if (!json.field('trim_offsets').flag(true)) return null
  const prefixes = json.field('add_prefix_space').flag(true)
  return (run, name) => {
    const starts = run.starts.slice()
    const ends = run.ends.slice()
    run.ids.forEach((id, i) => {
      const token = name(id)
      let leading = /^[Ġ\p{White_Space}]*/u.exec(token)![0].length
      const trailing = trailingSpaces(token)
      // One space may have been put there; of several none was.
      if (leading === 1 && prefixes && (i === 0 || starts[i] === 0)) leading = 0
      starts[i] = Math.min(starts[i]! + leading, ends[i]!)
      // One that was put before a wide character would end inside of it.
      if (trailing === token.length) ends[i] = starts[i]!
      else if (ends[i]! >= trailing) ends[i] = Math.max(ends[i]! - trailing, starts[i]!)
    })
    return { ...run, starts, ends }
  }
}

function trailingSpaces(token: string): number {
  let count = 0
  while (count < token.length && /[Ġ\p{White_Space}]/u.test(token[token.length - 1 - count]!)) count++
  return count
}
