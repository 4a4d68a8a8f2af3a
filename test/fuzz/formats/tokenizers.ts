/** @file Tokenizers in their four kinds of files. */
import { readFileSync } from 'node:fs'
import { text } from '../../../lib/index.ts'
import { modelType } from '../../../lib/text/tokenizers/sentencepiece.ts'
import { bytesOf, format, one } from '../format.ts'
import type { Files } from '../format.ts'
import { bytesChanged, jsonChanged, listChanged, pick, textChanged, valueChanged } from '../mutate.ts'
import type { Random } from '../mutate.ts'

/** Of every script, with spaces, marks and what no vocabulary has. */
const SAMPLES = [
  'the low newest [MASK] ab aab  Ünïcode 你好 \u0301\n<s>1234</s>',
  '',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!',
]

/** There and back; what cannot be encoded (a text without a token for it) is refused by name. */
function tryOut(tokenizer: text.Tokenizer): void {
  for (const sample of SAMPLES) {
    const { ids } = tokenizer.encode(sample)
    tokenizer.decode(ids)
    tokenizer.decode(ids, { skipSpecialTokens: false })
  }
  tokenizer.encodeBatch(SAMPLES.slice(0, 2), { maxLength: 8, padToken: undefined })
}

const codes = { use: ['VALUE'] } as const
const fixture = (name: string) => readFileSync(new URL(`../../fixtures/tokenizers/${name}`, import.meta.url))

/** The first so many entries of a vocabulary, and what is made of them: small ones are read a hundred times as fast. */
function shortened(name: string): Files {
  const json = JSON.parse(fixture(name).toString()) as Small
  const { model } = json
  const kept = new Set(json.added_tokens.map(({ content }) => content))
  const isKept = (token: string, i: number) =>
    i < 24 || kept.has(token) || ([...token].length === 1 && i < 300 && i % 7 === 0)
  if (Array.isArray(model.vocab)) model.vocab = model.vocab.filter(([token], i) => isKept(token, i))
  else {
    const names = Object.keys(model.vocab).filter(isKept)
    model.vocab = Object.fromEntries(names.map((token, i) => [token, i]))
    json.added_tokens.forEach((token) => (token.id = names.indexOf(token.content)))
    const ids = model.vocab
    const parts = (merge: string | string[]) => (typeof merge === 'string' ? merge.split(' ') : merge)
    const isWhole = (merge: string | string[]) => [...parts(merge), parts(merge).join('')].every((part) => part in ids)
    if (model.merges) model.merges = model.merges.filter(isWhole)
  }
  return one(Buffer.from(JSON.stringify(json)), 'tokenizer.json')
}

interface Small {
  added_tokens: { id: number; content: string }[]
  model: { vocab: Record<string, number> | [string, number][]; merges?: (string | string[])[] }
}

/** Words of the format, so that steps become others. */
const WORDS = [
  ...[
    'BPE',
    'WordPiece',
    'Unigram',
    'WordLevel',
    'Sequence',
    'NFC',
    'NFKD',
    'Lowercase',
    'Strip',
    'Replace',
    'Prepend',
  ],
  ...[
    'ByteLevel',
    'Metaspace',
    'Split',
    'Digits',
    'Punctuation',
    'Precompiled',
    'StripAccents',
    'BertNormalizer',
    'Nmt',
  ],
  ...[
    'TemplateProcessing',
    'BertProcessing',
    'RobertaProcessing',
    'ByteFallback',
    'Fuse',
    'WordPiece',
    'CTC',
    'BPEDecoder',
  ],
  ...[
    'Removed',
    'Isolated',
    'MergedWithNext',
    'Contiguous',
    'A',
    'B',
    '<0x41>',
    '[UNK]',
    '(a+)+$',
    '(?:a|a)*b',
    '\\p{L}+',
    '[',
  ],
  ...['(', 'x{1000000}', '.*.*.*.*=', '(?<!a+)', '\\1', 'Regex', 'String'],
]

export const tokenizerJson = format({
  name: 'tokenizer-json',
  lies: 'folder',
  good: ['bert.json', 'gpt2.json', 'llama3.json', 'unigram.json', 'words.json', 'llama2.json'].map(shortened),
  mutate: (good, random) => {
    // Vocabularies are most of a file, and seldom what goes wrong.
    const isVocabulary = random(3) === 0
    const skip = (key: string) => !isVocabulary && (key === 'vocab' || key === 'merges')
    return one(jsonChanged(bytesOf(good, 'tokenizer.json'), random, { texts: WORDS, skip }), 'tokenizer.json')
  },
  open: ({ folder }) => text.Tokenizer.fromFile(folder),
  use: async (tokenizer) => tryOut(tokenizer),
  codes,
})

/** Lines changed, or else bytes. */
function linesChanged(bytes: Uint8Array, random: Random): Uint8Array {
  if (random(6) === 0) return bytesChanged(bytes, random)
  let lines = Buffer.from(bytes).toString().split('\n')
  for (let i = random(3); i >= 0; i--) {
    const at = random(lines.length)
    if (random(4) === 0) lines = listChanged(lines, random)
    else if (lines.length > 0) lines[at] = textChanged(lines[at]!, random)
  }
  return Buffer.from(lines.join('\n'))
}

const WORD_PIECES = '[PAD] [UNK] [CLS] [SEP] [MASK] the low new ##est ##er a ##b ##a ##l 1 ##2 ! ü'.split(' ')

export const vocabTxt = format({
  name: 'vocab-txt',
  lies: 'folder',
  good: [
    {
      'vocab.txt': Buffer.from(`${WORD_PIECES.join('\n')}\n`),
      'tokenizer_config.json': Buffer.from(
        JSON.stringify({ do_lower_case: true, strip_accents: null, tokenize_chinese_chars: true }),
      ),
    },
  ],
  mutate: (good, random) => {
    const isSettings = random(4) === 0
    const [name, change] = isSettings
      ? (['tokenizer_config.json', jsonChanged] as const)
      : (['vocab.txt', linesChanged] as const)
    return { ...good, [name]: change(bytesOf(good, name), random) }
  },
  open: ({ folder }) => text.Tokenizer.fromFile(folder),
  use: async (tokenizer) => tryOut(tokenizer),
  codes,
})

const BPE = {
  ...Object.fromEntries([...'abelnorstw!Ġ'].map((c, i) => [c, i])),
  ab: 12,
  lo: 13,
  low: 14,
  '<|endoftext|>': 15,
}
const MERGES = ['#version: 0.2', 'a b', 'l o', 'lo w', '']

/** Tokens made of others, in some order, some of them twice, or of a token that comes later. */
function merging(random: Random): Files {
  const vocabulary: Record<string, number> = { ...BPE }
  const merges: string[] = ['#version: 0.2']
  for (let i = 1 + random(5); i >= 0; i--) {
    const [left, right] = [pick(Object.keys(vocabulary), random), pick(Object.keys(vocabulary), random)]
    vocabulary[left + right] ??= Object.keys(vocabulary).length
    merges.splice(random(4) ? merges.length : 1 + random(merges.length), 0, `${left} ${right}`)
  }
  return { 'vocab.json': Buffer.from(JSON.stringify(vocabulary)), 'merges.txt': Buffer.from(merges.join('\n')) }
}

export const vocabMerges = format({
  name: 'vocab-merges',
  lies: 'folder',
  good: [{ 'vocab.json': Buffer.from(JSON.stringify(BPE)), 'merges.txt': Buffer.from(MERGES.join('\n')) }],
  mutate: (good, random) => {
    if (random(2)) return merging(random)
    const [name, change] = random(2) ? (['vocab.json', jsonChanged] as const) : (['merges.txt', linesChanged] as const)
    return { ...good, [name]: change(bytesOf(good, name), random) }
  },
  open: ({ folder }) => text.Tokenizer.fromFile(folder),
  use: async (tokenizer) => tryOut(tokenizer),
  codes,
})

const message = await modelType()

/** A small model of each kind: pieces of the fixture that are special, and some of the others. */
function smallModel(name: string): Files {
  const model = message.toObject(message.decode(fixture(name))) as { pieces: object[] }
  model.pieces = model.pieces.filter((_, i) => i < 12 || (i > 256 && i % 13 === 0))
  return one(Buffer.from(message.encode(message.fromObject(model)).finish()), 'tokenizer.model')
}

/** Scores and types are changed like all else; proto2 has defaults for what is dropped. */
function modelChanged(bytes: Uint8Array, random: Random): Uint8Array {
  if (random(6) === 0) return bytesChanged(bytes, random)
  const model = message.toObject(message.decode(bytes)) as Record<string, unknown>
  const skip = random(2) ? (key: string) => key === 'pieces' : () => false
  for (let i = random(3); i >= 0; i--)
    valueChanged(model, random, { anyType: false, texts: ['<0x41>', '<s>', '▁'], skip })
  return Buffer.from(message.encode(message.fromObject(model)).finish())
}

export const sentencePiece = format({
  name: 'sentencepiece',
  lies: 'folder',
  good: ['sentencepiece-bpe.model', 'sentencepiece-unigram.model'].map(smallModel),
  mutate: (good, random) => one(modelChanged(bytesOf(good, 'tokenizer.model'), random), 'tokenizer.model'),
  open: ({ folder }) => text.Tokenizer.fromFile(folder),
  use: async (tokenizer) => tryOut(tokenizer),
  codes,
})
