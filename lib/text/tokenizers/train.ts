/** @file Training: texts are normalised and cut into words, words are counted, and a vocabulary is learnt from the counts. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { check, checkInteger, checkOptions, fail, TenonError } from '../../errors.ts'
import { BYTE_CHARACTERS, toByteLevel } from './byte-level.ts'
import { addedToken } from './added-tokens.ts'
import { Json } from './json.ts'
import { normalizerOf } from './normalizers.ts'
import { Piece } from './piece.ts'
import { splittingOf } from './pre-tokenizers.ts'
import { trainBpe } from './train-bpe.ts'
import { trainUnigram } from './train-unigram.ts'

const MODELS = ['bpe', 'wordpiece', 'unigram'] as const

export interface TrainOptions {
  model: (typeof MODELS)[number]
  /** Text files, UTF-8, one text a line. */
  files?: readonly string[]
  /** Texts instead of files. */
  texts?: Iterable<string> | AsyncIterable<string>
  /** At most so many tokens, special ones included. Default 30,000. */
  vocabSize?: number
  /** Pairs that are rarer are not joined (bpe, wordpiece). Default 2. */
  minFrequency?: number
  /** They get the first ids. Default: what the model's kind needs. */
  specialTokens?: readonly string[]
  /** At most so many characters of their own (bpe, wordpiece), the most frequent. Default 1,000; without limit for bpe. */
  limitAlphabet?: number
  /** Units of the longest token of unigram. Default 16. */
  maxPieceLength?: number
  /** Lower case (wordpiece). Default true. */
  lowercase?: boolean
  /** Parts as tokenizer.json describes them, instead of those of the model's kind. */
  normalizer?: object | null
  preTokenizer?: object | null
  postProcessor?: object | null
  decoder?: object | null
}

const OPTIONS = [
  ...['model', 'files', 'texts', 'vocabSize', 'minFrequency', 'specialTokens', 'limitAlphabet', 'maxPieceLength'],
  ...['lowercase', 'normalizer', 'preTokenizer', 'postProcessor', 'decoder'],
] as const

/**
 * The content of a tokenizer.json. 'bpe' is byte-level (GPT-2), so that nothing is unknown; 'wordpiece' is BERT's, learnt by joining
 * pairs; 'unigram' is SentencePiece's.
 */
export async function describeTraining(options: TrainOptions): Promise<unknown> {
  const op = 'Tokenizer.train'
  checkOptions(op, options, OPTIONS)
  const { model, vocabSize = 30_000, minFrequency = 2, maxPieceLength = 16 } = options
  check(MODELS.includes(model), 'VALUE', op, () => `model must be one of ${MODELS.join(', ')}, got '${model}'.`)
  checkInteger(op, 'vocabSize', vocabSize, 1, 2 ** 24)
  checkInteger(op, 'minFrequency', minFrequency, 0)
  checkInteger(op, 'maxPieceLength', maxPieceLength, 1, 100)
  const kind = kindOf(options)
  const specials = [...new Set(options.specialTokens ?? kind.specials)]
  const { words, isByteLevel } = await countWords(op, options, kind)
  const common = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((token, id) => addedToken(id, token)),
    normalizer: kind.normalizer,
    pre_tokenizer: kind.preTokenizer,
    post_processor: options.postProcessor === undefined ? kind.postProcessor(specials) : options.postProcessor,
    decoder: kind.decoder,
  }
  if (model === 'unigram') {
    const unknown = specials.indexOf('<unk>')
    check(unknown >= 0, 'VALUE', op, () => `specialTokens of unigram must have <unk>, got ${specials.join(', ')}.`)
    const vocab = trainUnigram(words, { vocabSize, specials, maxPieceLength })
    return { ...common, model: { type: 'Unigram', unk_id: unknown, vocab, byte_fallback: false } }
  }
  const prefix = model === 'wordpiece' ? '##' : ''
  const limitAlphabet = options.limitAlphabet ?? (model === 'bpe' ? Infinity : 1000)
  const alphabet = isByteLevel ? BYTE_CHARACTERS : []
  const { vocab, merges } = trainBpe(words, { vocabSize, minFrequency, specials, prefix, limitAlphabet, alphabet })
  if (model === 'bpe') return { ...common, model: bpeModel(vocab, merges, specials) }
  check(
    vocab.has('[UNK]'),
    'VALUE',
    op,
    () => `specialTokens of wordpiece must have [UNK], got ${specials.join(', ')}.`,
  )
  return {
    ...common,
    model: {
      ...{ type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: prefix, max_input_chars_per_word: 100 },
      vocab: Object.fromEntries(vocab),
    },
  }
}

const bpeModel = (vocab: Map<string, number>, merges: readonly (readonly [string, string])[], specials: string[]) => ({
  ...{ type: 'BPE', dropout: null, unk_token: specials.includes('<unk>') ? '<unk>' : null },
  ...{ continuing_subword_prefix: null, end_of_word_suffix: null },
  ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false },
  vocab: Object.fromEntries(vocab),
  merges,
})

interface Kind {
  readonly specials: readonly string[]
  readonly normalizer: object | null
  readonly preTokenizer: object | null
  readonly decoder: object | null
  readonly postProcessor: (specials: readonly string[]) => object | null
}

/** What each model is used with, but for what options say. */
function kindOf({ model, lowercase = true, normalizer, preTokenizer, decoder }: TrainOptions): Kind {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }
  const bertNormalizer = {
    ...{ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase },
  }
  const spaces = { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }
  const kinds: Record<TrainOptions['model'], Kind> = {
    bpe: {
      specials: ['<|endoftext|>'],
      normalizer: null,
      preTokenizer: byteLevel,
      decoder: byteLevel,
      postProcessor: () => byteLevel,
    },
    wordpiece: {
      specials: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
      normalizer: bertNormalizer,
      preTokenizer: { type: 'BertPreTokenizer' },
      decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
      postProcessor: bertProcessing,
    },
    unigram: {
      specials: ['<unk>', '<s>', '</s>', '<pad>'],
      normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKC' }, spaces] },
      preTokenizer: metaspace,
      decoder: metaspace,
      postProcessor: () => null,
    },
  }
  const kind = kinds[model]
  return {
    ...kind,
    normalizer: normalizer === undefined ? kind.normalizer : normalizer,
    preTokenizer: preTokenizer === undefined ? kind.preTokenizer : preTokenizer,
    decoder: decoder === undefined ? kind.decoder : decoder,
  }
}

function bertProcessing(specials: readonly string[]): object | null {
  const [cls, sep] = [specials.indexOf('[CLS]'), specials.indexOf('[SEP]')]
  return cls < 0 || sep < 0 ? null : { type: 'BertProcessing', sep: ['[SEP]', sep], cls: ['[CLS]', cls] }
}

/** How often each word is there, as the model will get it. */
async function countWords(
  op: string,
  options: TrainOptions,
  { normalizer, preTokenizer }: Kind,
): Promise<{ words: Map<string, number>; isByteLevel: boolean }> {
  const json = new Json(op, { normalizer, preTokenizer })
  const normalize = normalizerOf(json.field('normalizer')) ?? ((piece: Piece) => piece)
  const { split, isByteLevel } = splittingOf(json.field('preTokenizer'))
  const counts = new Map<string, number>()
  for await (const text of textsOf(op, options)) {
    check(typeof text === 'string', 'VALUE', op, () => `texts must be strings, got ${typeof text}.`)
    for (const { text: word } of split(normalize(new Piece(text)))) {
      const count = counts.get(word)
      // A slice would keep its whole text.
      if (count === undefined) counts.set(` ${word}`.slice(1), 1)
      else counts.set(word, count + 1)
    }
  }
  counts.delete('')
  if (!isByteLevel) return { words: counts, isByteLevel }
  const words = new Map(Array.from(counts, ([word, count]) => [toByteLevel(new Piece(word)).text, count]))
  return { words, isByteLevel }
}

async function* textsOf(op: string, { files, texts }: TrainOptions): AsyncGenerator<string> {
  if ((files === undefined) === (texts === undefined))
    fail('VALUE', op, `needs either files or texts, got ${files === undefined ? 'neither' : 'both'}.`)
  if (texts !== undefined) yield* texts
  for (const file of files ?? []) {
    try {
      yield* createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })
    } catch (error) {
      throw new TenonError('FORMAT', op, `${file}: cannot be read: ${(error as Error).message}.`, { cause: error })
    }
  }
}
