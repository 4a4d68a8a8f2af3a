/** @file What a GGUF file says of a tokenizer: the metadata for one that a tokenizer.json describes, byte-level BPE or Llama's. */
import { fail } from '../../errors.ts'
import type { GgufValue } from '../../io/gguf-write.ts'
import { byteToken } from './bpe.ts'
import { BYTE, CONTROL, NORMAL, SPLITTINGS, UNKNOWN, UNUSED, USER_DEFINED } from './gguf.ts'
import { Json } from './json.ts'

export interface Described {
  /** The content of a tokenizer.json. */
  readonly description: unknown
  /** That of tokenizer_config.json. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly ids: ReadonlyMap<string, number>
}

type Metadata = Record<string, GgufValue>

/**
 * BPE over bytes with the splitting of GPT-2, Llama 3 or Qwen2, and Llama 2's kind, whose scores are worked out from the order of merges.
 * VALUE for other tokenizers.
 */
export function ggufOfTokenizer({ description, settings, ids }: Described): Readonly<Metadata> {
  const json = new Json('tokenizer.json', description)
  const model = json.field('model')
  if (model.field('type').text('BPE') !== 'BPE') return refuse(`a model of type ${model.field('type').text()}`)
  const merges = model
    .field('merges')
    .list()
    .map(({ value }) => (typeof value === 'string' ? value.split(' ') : (value as string[])))
  const tokens = tokensById(ids)
  const hasBytes = model.field('byte_fallback').flag(false)
  const kind = hasBytes ? llama(json, tokens, merges) : byteLevel(json, merges)
  return {
    'tokenizer.ggml.model': hasBytes ? 'llama' : 'gpt2',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': typesOf(json, tokens, ids, hasBytes),
    ...kind,
    ...specials(json, settings, ids),
  }
}

const refuse = (what: string): never => fail('VALUE', 'save', `a GGUF file has no form for ${what} of a tokenizer.`)

function tokensById(ids: ReadonlyMap<string, number>): string[] {
  const tokens: string[] = []
  for (const [token, id] of ids) tokens[id] = token
  return Array.from(tokens, (token, id) => (token as string | undefined) ?? `[PAD${id}]`)
}

function typesOf(
  json: Json,
  tokens: readonly string[],
  ids: ReadonlyMap<string, number>,
  hasBytes: boolean,
): Int32Array {
  const types = Int32Array.from(tokens, (token) => (ids.has(token) ? NORMAL : UNUSED))
  const set = (token: string, type: number): void => {
    const id = ids.get(token)
    if (id !== undefined) types[id] = type
  }
  if (hasBytes) for (let byte = 0; byte < 256; byte++) set(byteToken(byte), BYTE)
  const added = json.field('added_tokens')
  for (const token of added.isNone ? [] : added.list())
    set(token.field('content').text(), token.field('special').flag(false) ? CONTROL : USER_DEFINED)
  const unknown = json.field('model').field('unk_token')
  if (!unknown.isNone) set(unknown.text(), UNKNOWN)
  return types
}

function byteLevel(json: Json, merges: readonly (readonly string[])[]): Metadata {
  const shown = partOf(json.field('pre_tokenizer').value)
  const pre = Object.entries(SPLITTINGS).find(([, { pre_tokenizer }]) => partOf(pre_tokenizer) === shown)?.[0]
  if (pre === undefined) return refuse('the pre_tokenizer')
  return { 'tokenizer.ggml.pre': pre, 'tokenizer.ggml.merges': merges.map((pair) => pair.join(' ')) }
}

/** What of a pre-tokeniser tells one way to split from another. */
const partOf = (pre: unknown): string =>
  JSON.stringify(pre, (key, value: unknown) => (key === 'trim_offsets' ? undefined : value))

function llama(json: Json, tokens: readonly string[], merges: readonly (readonly string[])[]): Metadata {
  const steps = JSON.stringify([json.field('normalizer').value, json.field('pre_tokenizer').value])
  if (!steps.includes('▁')) return refuse('a BPE model that is neither over bytes nor SentencePiece’s')
  const ranks = new Map<string, number>()
  merges.forEach(([a, b], rank) => {
    const result = `${a}${b}`
    if (!ranks.has(result)) ranks.set(result, rank)
  })
  const scores = Float32Array.from(tokens, (token) => -(ranks.get(token) ?? merges.length))
  const prefixes = /"type":"Prepend"|"prepend_scheme":"(always|first)"|"add_prefix_space":true/.test(steps)
  return { 'tokenizer.ggml.scores': scores, 'tokenizer.ggml.add_space_prefix': prefixes }
}

/** The tokens around a text, and those that have a part to play. */
function specials(json: Json, settings: Described['settings'], ids: ReadonlyMap<string, number>): Metadata {
  const post = JSON.stringify(json.field('post_processor').value ?? null)
  const single = /"single":(\[.*?\]),"pair"/.exec(post)?.[1] ?? ''
  const around = [...single.matchAll(/"SpecialToken":\{"id":("(?:[^"\\]|\\.)*")|"Sequence"/g)].map(([, token]) =>
    token === undefined ? null : (JSON.parse(token) as string),
  )
  const middle = around.indexOf(null)
  const [before, behind] = [around[0] ?? null, middle >= 0 ? (around[middle + 1] ?? null) : null]
  const named = (role: string): string | null => {
    const value = settings[role]
    const content = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value
    return typeof content === 'string' ? content : null
  }
  const found: Metadata = {
    'tokenizer.ggml.add_bos_token': before !== null,
    'tokenizer.ggml.add_eos_token': behind !== null,
  }
  const known = (names: readonly string[]) => names.find((name) => ids.has(name)) ?? null
  const roles: [string, string | null][] = [
    ['bos', before ?? named('bos_token') ?? known(['<s>', '<|begin_of_text|>', '<|endoftext|>'])],
    ['eos', behind ?? named('eos_token') ?? known(['</s>', '<|end_of_text|>', '<|endoftext|>'])],
    ['padding', named('pad_token')],
  ]
  for (const [role, token] of roles) {
    const id = token === null ? undefined : ids.get(token)
    if (id !== undefined) found[`tokenizer.ggml.${role}_token_id`] = id
  }
  const template = settings.chat_template
  return typeof template === 'string' ? { ...found, 'tokenizer.chat_template': template } : found
}
