/** @file Which file of a folder describes its tokenizer, and how each kind of file becomes the content of a tokenizer.json. */
import { open, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fail, TenonError } from '../../errors.ts'
import { ggufMetadata } from '../../io/gguf.ts'
import { addedToken } from './added-tokens.ts'
import { settingsOf } from './folder-settings.ts'
import type { FolderSettings } from './folder-settings.ts'
import { describeGguf } from './gguf.ts'
import { Json } from './json.ts'
import { describeSentencePiece } from './sentencepiece.ts'

export interface Described {
  /** The file that says most. */
  readonly name: string
  /** The content of a tokenizer.json. */
  readonly description: unknown
  /** tokenizer_config.json beside it. */
  readonly settings: FolderSettings
}

/** First come first served. */
const NAMES = [
  ...['tokenizer.json', 'vocab.json', 'encoder.json', 'vocab.txt'],
  ...['tokenizer.model', 'spiece.model', 'sentencepiece.bpe.model', 'spm.model'],
]
const MERGES: Readonly<Record<string, string>> = { 'vocab.json': 'merges.txt', 'encoder.json': 'vocab.bpe' }
const MAX_BYTES = 2 ** 28

export async function readDescription(path: string): Promise<Described> {
  const info = await stat(path).catch((error: Error) => cannotOpen(path, error))
  const name = info.isDirectory() ? await nameIn(path) : path
  if (name.endsWith('.gguf')) {
    const { description, settings } = describeGguf(name, await ggufMetadata(name))
    return { name, description, settings: settingsOf(settings) }
  }
  const settings = await settingsBeside(name)
  return { name, description: await describe(name, settings), settings: settingsOf(settings) }
}

/** Whether a GGUF file or a folder says what its tokenizer is. */
export async function describesTokenizer(path: string): Promise<boolean> {
  if (path.endsWith('.gguf')) return 'tokenizer.ggml.model' in (await ggufMetadata(path))
  for (const name of NAMES) if (await isThere(join(path, name))) return true
  return false
}

async function describe(name: string, settings: Json): Promise<unknown> {
  if (name.endsWith('.model')) return describeSentencePiece(name, await read(name), settings)
  const text = textOf(name, await read(name))
  if (!name.endsWith('.json')) return wordPiece(name, text, settings)
  const json = Json.parse(name, text)
  if (!json.isObject) return json.refuse('must be an object')
  if (!json.field('model').isNone && json.field('model').isObject) return json.value
  const mergesName = join(dirname(name), MERGES[basename(name)] ?? 'merges.txt')
  return bpe(json, textOf(mergesName, await read(mergesName)))
}

async function nameIn(folder: string): Promise<string> {
  for (const name of NAMES) if (await isThere(join(folder, name))) return join(folder, name)
  return fail('FORMAT', 'Tokenizer', `${folder}: must hold one of ${NAMES.join(', ')}.`)
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isFile(),
    () => false,
  )

/** tokenizer_config.json, an empty object where there is none. */
async function settingsBeside(name: string): Promise<Json> {
  const path = join(dirname(name), 'tokenizer_config.json')
  return (await isThere(path)) ? Json.parse(path, textOf(path, await read(path))) : new Json(path, {})
}

async function read(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((error: Error) => cannotOpen(path, error))
  try {
    const { size } = await file.stat()
    if (size > MAX_BYTES) fail('FORMAT', 'Tokenizer', `${path}: must have at most ${MAX_BYTES} bytes, got ${size}.`)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

function cannotOpen(path: string, error: Error): never {
  throw new TenonError('FORMAT', 'Tokenizer', `${path}: cannot be opened: ${error.message}.`, { cause: error })
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fail('FORMAT', 'Tokenizer', `${path}: must be UTF-8.`)
  }
}

/** Without settings a vocabulary is for lower case if it has no 'The'. */
function wordPiece(name: string, text: string, settings: Json): unknown {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const vocab = new Map(lines.map((line, id) => [line, id]))
  const special = (token: string): [string, number] => [
    token,
    vocab.get(token) ?? fail('FORMAT', 'Tokenizer', `${name}: must have the token ${token}.`),
  ]
  const [cls, sep] = [special('[CLS]'), special('[SEP]')]
  const lowercase = settings.field('do_lower_case').flag(!vocab.has('The'))
  const strips = settings.field('strip_accents')
  const names = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].filter((token) => vocab.has(token))
  return {
    version: '1.0',
    added_tokens: names.map((token) => addedToken(vocab.get(token)!, token)).sort((a, b) => a.id - b.id),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: settings.field('tokenize_chinese_chars').flag(true),
      strip_accents: strips.isNone ? null : strips.flag(),
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep, cls },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      ...{ type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
      vocab: Object.fromEntries(vocab),
    },
  }
}

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const CLIP_WORDS = `'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+`

/** GPT-2's kind of file; the vocabulary tells RoBERTa's ('<s>', '<mask>') and CLIP's ('</w>') from it. */
function bpe(json: Json, text: string): unknown {
  const vocab = json.vocabulary()
  const lines = text.split(/\r?\n/).filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')))
  const has = (...tokens: string[]): boolean => tokens.every((token) => vocab.has(token))
  const special = (token: string): [string, number] => [token, vocab.get(token)!]
  const isClip = has('<|startoftext|>', '<|endoftext|>', 'a</w>')
  const isRoberta = has('<s>', '</s>', '<mask>')
  const names = [
    '<s>',
    '<pad>',
    '</s>',
    '<unk>',
    '<mask>',
    '<|startoftext|>',
    '<|endoftext|>',
    '<|im_start|>',
    '<|im_end|>',
  ]
  const processing = (cls: string, sep: string, trims: boolean) => ({
    ...{
      type: 'RobertaProcessing',
      sep: special(sep),
      cls: special(cls),
      trim_offsets: trims,
      add_prefix_space: false,
    },
  })
  const clipWords = { type: 'Split', pattern: { Regex: CLIP_WORDS }, behavior: 'Removed', invert: true }
  return {
    version: '1.0',
    added_tokens: names
      .filter((token) => has(token))
      .map((token) => addedToken(vocab.get(token)!, token, true, token === '<mask>'))
      .sort((a, b) => a.id - b.id),
    normalizer: isClip
      ? {
          type: 'Sequence',
          normalizers: [
            { type: 'NFC' },
            { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
            { type: 'Lowercase' },
          ],
        }
      : null,
    pre_tokenizer: isClip
      ? { type: 'Sequence', pretokenizers: [clipWords, { ...BYTE_LEVEL, use_regex: false }] }
      : BYTE_LEVEL,
    post_processor: isClip
      ? processing('<|startoftext|>', '<|endoftext|>', false)
      : isRoberta
        ? processing('<s>', '</s>', true)
        : BYTE_LEVEL,
    decoder: isClip ? clipDecoder : BYTE_LEVEL,
    model: {
      type: 'BPE',
      ...{ dropout: null, unk_token: isClip ? '<|endoftext|>' : null, continuing_subword_prefix: '' },
      ...{ end_of_word_suffix: isClip ? '</w>' : '', fuse_unk: false, byte_fallback: false, ignore_merges: false },
      vocab: Object.fromEntries(vocab),
      merges: lines.map((line) => line.split(' ')),
    },
  }
}

/** The end of a word is a space, but not behind the last. */
const clipDecoder = {
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: '</w>' }, content: 'Ġ' },
    BYTE_LEVEL,
    { type: 'Strip', content: ' ', start: 0, stop: 1 },
  ],
}
