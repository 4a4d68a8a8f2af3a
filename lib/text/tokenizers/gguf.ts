/** @file The tokenizer that a GGUF file's metadata describes, as the content of a tokenizer.json. */
import { fail } from '../../errors.ts'
import { addedToken } from './added-tokens.ts'
import { Json } from './json.ts'
import { describeProto } from './sentencepiece.ts'
import type { ModelProto } from './sentencepiece.ts'

/** Types of tokens, SentencePiece's. */
export const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE] = [1, 2, 3, 4, 5, 6] as const
const [SPM_UNIGRAM, SPM_BPE] = [1, 2] as const

const WORDS = (numbers: string): string =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${numbers}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`

const byteLevel = (use_regex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex,
})
const split = (pattern: string) => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    byteLevel(false),
  ],
})

interface Splitting {
  readonly pre_tokenizer: object
  readonly normalizer: object | null
  /** A piece that is a token needs no merges. */
  readonly ignore_merges: boolean
}

const gpt2: Splitting = { pre_tokenizer: byteLevel(true), normalizer: null, ignore_merges: false }
const llama3: Splitting = { pre_tokenizer: split(WORDS('\\p{N}{1,3}')), normalizer: null, ignore_merges: true }
const qwen2: Splitting = { pre_tokenizer: split(WORDS('\\p{N}')), normalizer: { type: 'NFC' }, ignore_merges: false }

/** By tokenizer.ggml.pre; of several names for one way the first is written. */
export const SPLITTINGS: Readonly<Record<string, Splitting>> = {
  'gpt-2': gpt2,
  default: gpt2,
  'llama-bpe': llama3,
  llama3,
  'llama-v3': llama3,
  qwen2,
  'deepseek-r1-qwen': qwen2,
}

/** The content of a tokenizer.json, and what a tokenizer_config.json would say. FORMAT for a kind of tokenizer that is not known. */
export function describeGguf(
  path: string,
  metadata: Readonly<Record<string, unknown>>,
): { readonly description: unknown; readonly settings: Json } {
  const all = new Json(path, metadata)
  const field = (name: string): Json => all.field(`tokenizer.ggml.${name}`)
  const tokens = field('tokens')
    .list()
    .map((token) => token.text())
  const typeList = field('token_type')
  const types = typeList.isNone ? tokens.map((): number => NORMAL) : typeList.list().map((type) => type.index())
  if (types.length !== tokens.length)
    fail('FORMAT', 'Tokenizer', `${path}: ${tokens.length} tokens must have as many types, got ${types.length}.`)
  const kind = field('model').choice(['llama', 't5', 'gpt2'])
  const token = (role: string) => {
    const id = field(`${role}_token_id`)
    return id.isNone ? null : (tokens[id.index()] ?? id.refuse(`must be below ${tokens.length}`))
  }
  const template = all.field('tokenizer.chat_template')
  const settings = new Json(path, {
    add_bos_token: field('add_bos_token').flag(kind === 'llama'),
    add_eos_token: field('add_eos_token').flag(kind === 't5'),
    ...{ bos_token: token('bos'), eos_token: token('eos'), pad_token: token('padding') },
    chat_template: template.isNone ? null : template.text(),
  })
  const description =
    kind === 'gpt2'
      ? byteLevelBpe(field, tokens, types, settings)
      : describeProto(path, pieces(path, field, tokens, types, kind === 'llama' ? SPM_BPE : SPM_UNIGRAM), settings)
  return { description, settings }
}

type Field = (name: string) => Json

function pieces(
  path: string,
  field: Field,
  tokens: readonly string[],
  types: readonly number[],
  modelType: number,
): ModelProto {
  const scores = field('scores')
    .list()
    .map((score) => score.number())
  if (scores.length !== tokens.length)
    fail('FORMAT', 'Tokenizer', `${path}: ${tokens.length} tokens must have as many scores, got ${scores.length}.`)
  const map = field('precompiled_charsmap')
  const charsmap = map.isNone ? [] : map.list().map((byte) => byte.index() & 255)
  return {
    pieces: tokens.map((piece, i) => ({ piece, score: scores[i]!, type: types[i]! })),
    trainerSpec: {
      modelType,
      byteFallback: types.includes(BYTE),
      bosId: field('bos_token_id').index(1),
      eosId: field('eos_token_id').index(2),
    },
    normalizerSpec: {
      addDummyPrefix: field('add_space_prefix').flag(true),
      removeExtraWhitespaces: field('remove_extra_whitespaces').flag(modelType === SPM_UNIGRAM),
      ...(charsmap.length > 0 && { precompiledCharsmap: Uint8Array.from(charsmap) }),
    },
  }
}

function byteLevelBpe(field: Field, tokens: readonly string[], types: readonly number[], settings: Json): unknown {
  const pre = field('pre').text('default')
  if (!Object.hasOwn(SPLITTINGS, pre))
    field('pre').refuse(`must be a way to split that is known (${Object.keys(SPLITTINGS).join(', ')})`)
  const { pre_tokenizer, normalizer, ignore_merges } = SPLITTINGS[pre]!
  const isAdded = (type: number): boolean => type === CONTROL || type === USER_DEFINED || type === UNKNOWN
  const ids = tokens.map((_, id) => id)
  const slot = (role: string): [string, number][] => {
    const token = settings.field(`${role}_token`)
    return settings.field(`add_${role}_token`).flag() ? [[token.text(), field(`${role}_token_id`).index()]] : []
  }
  return {
    version: '1.0',
    added_tokens: ids
      .filter((id) => isAdded(types[id]!))
      .map((id) => addedToken(id, tokens[id]!, types[id] !== USER_DEFINED)),
    normalizer,
    pre_tokenizer,
    post_processor: template(slot('bos'), slot('eos')) ?? byteLevel(true),
    decoder: byteLevel(true),
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '' },
      ...{ fuse_unk: false, byte_fallback: false, ignore_merges },
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: field('merges')
        .list()
        .map((merge) => merge.text().split(' ')),
    },
  }
}

/** Tokens around each text; null for none. */
function template(bos: readonly [string, number][], eos: readonly [string, number][]): object | null {
  if (bos.length + eos.length === 0) return null
  const special = ([token]: readonly [string, number]) => ({ SpecialToken: { id: token, type_id: 0 } })
  const around = (id: string) => [...bos.map(special), { Sequence: { id, type_id: 0 } }, ...eos.map(special)]
  return {
    type: 'TemplateProcessing',
    single: around('A'),
    pair: [...around('A'), ...around('B')],
    special_tokens: Object.fromEntries(
      [...bos, ...eos].map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]),
    ) as object,
  }
}
